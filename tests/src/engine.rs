//! A scripted engine: HTTP and the protocol's types, no model.
//!
//! Each request is answered as the script says: after a wait, with frames, with an error, or not at all.
//! What was asked and what the client dropped is counted.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use quicksilver_protocol::completion::{Choice, FimRequest, FimResponse, FinishReason, Frame, Report, Usage};
use quicksilver_protocol::engine::{ErrorBody, ErrorDetail, ModelInfo, ModelList};
use quicksilver_protocol::holes::Doubt;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::server::PATIENCE;

/// What a request is answered with.
#[derive(Clone, Debug)]
pub struct Script {
    /// Before anything is said.
    pub wait: Duration,
    /// Frames, and the wait after each.
    pub frames: Vec<(Frame, Duration)>,
    /// The text for the hole.
    pub text: String,
    /// Other texts for it, given where several are asked for.
    pub others: Vec<String>,
    /// The texts of the further holes, where the request has several.
    pub further: Vec<String>,
    /// By how much a rewriting is better.
    pub margin: Option<f32>,
    /// Names in doubt, where they are asked for.
    pub doubts: Vec<Doubt>,
    /// Whether the gate would show it unasked.
    pub show: bool,
    /// An error instead.
    pub status: Option<u16>,
}

impl Script {
    /// This text, at once.
    pub fn says(text: &str) -> Self {
        Self {
            wait: Duration::ZERO,
            frames: Vec::new(),
            text: text.to_owned(),
            others: Vec::new(),
            further: Vec::new(),
            margin: None,
            doubts: Vec::new(),
            show: true,
            status: None,
        }
    }

    /// The same, and these as alternatives.
    #[must_use]
    pub fn or(mut self, others: &[&str]) -> Self {
        self.others = others.iter().map(|&other| other.to_owned()).collect();
        self
    }

    /// The same, and these in the further holes.
    #[must_use]
    pub fn and(mut self, further: &[&str]) -> Self {
        self.further = further.iter().map(|&text| text.to_owned()).collect();
        self
    }

    /// The same, for a rewriting that is better by so much.
    #[must_use]
    pub fn better_by(mut self, margin: f32) -> Self {
        self.margin = Some(margin);
        self
    }

    /// The same, later.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }
}

type Answer = dyn Fn(&FimRequest) -> Script + Send + Sync;

struct Shared {
    answer: Box<Answer>,
    asked: Mutex<Vec<FimRequest>>,
    dropped: Arc<AtomicUsize>,
    pending: Arc<AtomicUsize>,
}

/// The engine. Dropping it ends it as a crash does: connections are cut, nothing is said.
pub struct FakeEngine {
    runtime: Option<Runtime>,
    address: std::net::SocketAddr,
    shared: Arc<Shared>,
}

impl FakeEngine {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// If there is none.
    pub fn start(answer: impl Fn(&FimRequest) -> Script + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1:0", answer)
    }

    /// Starts it at an address.
    ///
    /// # Panics
    /// If it is taken.
    pub fn at(address: &str, answer: impl Fn(&FimRequest) -> Script + Send + Sync + 'static) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let shared = Arc::new(Shared {
            answer: Box::new(answer),
            asked: Mutex::default(),
            dropped: Arc::default(),
            pending: Arc::default(),
        });
        // Where an engine was just killed, its port may be held for a moment.
        let until = std::time::Instant::now() + PATIENCE;
        let listener = loop {
            match runtime.block_on(TcpListener::bind(address)) {
                Ok(listener) => break listener,
                Err(error) => assert!(std::time::Instant::now() < until, "{address}: {error}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let address = listener.local_addr().expect("a bound socket has an address");
        let app = Router::new()
            .route("/v1/fim/completions", post(complete))
            .route("/v1/models", get(models))
            .with_state(shared.clone());
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { runtime: Some(runtime), address, shared }
    }

    /// Where it is, without the scheme.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The settings that make a server ask it.
    ///
    /// Nothing is asked ahead, so that what is asked can be counted.
    pub fn settings(&self) -> serde_json::Value {
        serde_json::json!({"endpoint": format!("http://{}", self.address), "lookAhead": false})
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<FimRequest> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many requests were given up by their client before they were answered.
    pub fn dropped(&self) -> usize {
        self.shared.dropped.load(Ordering::SeqCst)
    }

    /// How many requests are neither answered nor given up.
    pub fn pending(&self) -> usize {
        self.shared.pending.load(Ordering::SeqCst)
    }
}

impl Drop for FakeEngine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Counts a request that is dropped before it is answered.
struct Unanswered {
    shared: Arc<Shared>,
    answered: bool,
}

impl Unanswered {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.pending.fetch_add(1, Ordering::SeqCst);
        Self { shared: shared.clone(), answered: false }
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        self.shared.pending.fetch_sub(1, Ordering::SeqCst);
        if !self.answered {
            self.shared.dropped.fetch_add(1, Ordering::SeqCst);
        }
    }
}

async fn complete(State(shared): State<Arc<Shared>>, Json(request): Json<FimRequest>) -> Response {
    let script = (shared.answer)(&request);
    shared.asked.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
    let mut unanswered = Unanswered::new(&shared);
    tokio::time::sleep(script.wait).await;
    if let Some(status) = script.status {
        unanswered.answered = true;
        let detail =
            ErrorDetail { message: "scripted".into(), kind: "server_error".into(), param: None, code: None };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        return (status, Json(ErrorBody { error: detail })).into_response();
    }
    let mut last = response(&script, None);
    let others = script.others.iter().zip(1..request.n.unwrap_or(1));
    let further = script.further.iter().zip(1..=request.holes.len() as u32);
    last.choices.extend(others.chain(further).map(|(text, index)| Choice {
        index,
        text: text.clone(),
        finish_reason: Some(FinishReason::Stop),
        confidence: (!request.holes.is_empty()).then_some(0.5),
        ..Choice::default()
    }));
    if !request.stream {
        unanswered.answered = true;
        return Json(last).into_response();
    }
    let events = async_frames(script, last, unanswered);
    ([("content-type", "text/event-stream")], Body::from_stream(events)).into_response()
}

/// The events of a stream, each when its time has come.
fn async_frames(
    script: Script,
    last: FimResponse,
    unanswered: Unanswered,
) -> impl tokio_stream::Stream<Item = Result<Bytes, Infallible>> {
    let (send, events) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        let mut unanswered = unanswered;
        for (frame, wait) in script.frames.clone() {
            if send.send(Ok(event(&response(&script, Some(frame))))).await.is_err() {
                return;
            }
            tokio::select! {
                () = send.closed() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
        unanswered.answered = true;
        let _ = send.send(Ok(event(&last))).await;
        let _ = send.send(Ok(Bytes::from_static(b"data: [DONE]\n\n"))).await;
    });
    tokio_stream::wrappers::ReceiverStream::new(events)
}

fn event(response: &FimResponse) -> Bytes {
    format!("data: {}\n\n", serde_json::to_string(response).unwrap_or_default()).into()
}

fn response(script: &Script, frame: Option<Frame>) -> FimResponse {
    let finish_reason = frame.is_none().then_some(FinishReason::Stop);
    FimResponse {
        id: "scripted".into(),
        object: "text_completion".into(),
        created: 0,
        model: "scripted".into(),
        choices: vec![Choice { text: script.text.clone(), finish_reason, frame, ..Choice::default() }],
        usage: finish_reason.map(|_| Usage::default()),
        quicksilver: finish_reason.map(|_| Report {
            show: script.show,
            confidence: 0.9,
            source: "prior".into(),
            device: "cpu".into(),
            margin: script.margin,
            doubts: script.doubts.clone(),
            ..Report::default()
        }),
    }
}

async fn models() -> Json<ModelList> {
    let model = ModelInfo { id: "scripted".into(), object: "model".into(), owned_by: "quicksilver".into() };
    Json(ModelList { object: "list".into(), data: vec![model] })
}

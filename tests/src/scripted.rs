//! An engine that answers what a test tells it, over real HTTP on loopback. It sees what real engines see.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Result;
use axum::{
    Json, Router,
    extract::State,
    routing::{get, post},
};
use quicksilver_protocol::completion::{Choice, FimRequest, FimResponse, FinishReason, Report, Usage};
use serde_json::{Value, json};

/// What the engine does with a request.
#[derive(Clone, Debug)]
pub struct Step {
    /// Waits so long first.
    pub after: Duration,
    /// The text it fills the hole with.
    pub text: String,
}

/// A running scripted engine. It ends with its value.
pub struct Scripted {
    /// Where it listens: `http://127.0.0.1:PORT`.
    pub address: String,
    script: Arc<Script>,
    _runtime: tokio::runtime::Runtime,
}

struct Script {
    step: Mutex<Step>,
    seen: Mutex<Vec<FimRequest>>,
}

impl Scripted {
    /// Starts an engine that answers every request alike, until told otherwise.
    ///
    /// # Errors
    /// When it cannot listen.
    pub fn start(text: &str) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let step = Step { after: Duration::ZERO, text: text.into() };
        let script = Arc::new(Script { step: Mutex::new(step), seen: Mutex::default() });
        let listener =
            runtime.block_on(tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))))?;
        let address = format!("http://{}", listener.local_addr()?);
        let ok = || async { Json(json!({"status": "ok"})) };
        let routes = Router::new()
            .route("/v1/fim/completions", post(complete))
            .route("/v1/models", get(models))
            .route("/health", get(ok))
            .route("/ready", get(ok))
            .with_state(script.clone());
        runtime.spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { address, script, _runtime: runtime })
    }

    /// What it does from now on.
    pub fn tell(&self, step: Step) {
        *self.script.step.lock().unwrap_or_else(PoisonError::into_inner) = step;
    }

    /// The requests so far.
    #[must_use]
    pub fn seen(&self) -> Vec<FimRequest> {
        self.script.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn models() -> Json<Value> {
    Json(
        json!({"object": "list", "data": [{"id": "scripted", "object": "model", "owned_by": "quicksilver"}]}),
    )
}

async fn complete(
    State(script): State<Arc<Script>>,
    Json(request): Json<FimRequest>,
) -> axum::response::Response {
    use axum::response::IntoResponse;
    let streams = request.stream;
    script.seen.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    let step = script.step.lock().unwrap_or_else(PoisonError::into_inner).clone();
    tokio::time::sleep(step.after).await;
    let answer = FimResponse {
        id: "scripted-1".into(),
        object: "text_completion".into(),
        created: 0,
        model: "scripted".into(),
        choices: vec![Choice {
            index: 0,
            text: step.text,
            finish_reason: Some(FinishReason::Stop),
            frame: None,
        }],
        usage: Some(Usage::default()),
        quicksilver: Some(Report {
            confidence: 1.0,
            show: true,
            source: "scripted".into(),
            ..Report::default()
        }),
    };
    if streams {
        let body = format!("data: {}\n\ndata: [DONE]\n\n", json!(answer));
        ([("content-type", "text/event-stream")], body).into_response()
    } else {
        Json(answer).into_response()
    }
}

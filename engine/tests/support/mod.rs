//! An engine's front over a scripted infiller, and an HTTP client so plain that it can be as rude as needed.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use quicksilver_engine::{
    EngineError,
    http::{About, Address, Keys, Life, Listener, serve},
    queue::{Filled, Infill, Infilled, Queue, Terms},
};
use quicksilver_protocol::completion::{FimRequest, FinishReason, Frame, Run, RunKind};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
};

/// One denoise step of the scripted infiller.
pub const STEP: Duration = Duration::from_millis(2);

/// What the script has done so far.
#[derive(Clone, Default)]
pub struct Seen {
    pub runs: Arc<AtomicU32>,
    pub steps: Arc<AtomicU32>,
    pub cancelled: Arc<AtomicU32>,
    pub resets: Arc<AtomicU32>,
}

impl Seen {
    pub fn count(cell: &AtomicU32) -> u32 {
        cell.load(Ordering::SeqCst)
    }
}

/// Does what the prompt says: `steps N`, `pause` (a frame, then half a second of nothing), `panic`, `oom`, `lost`; anything else is answered with `filled`.
pub struct Script(pub Seen);

impl Infill for Script {
    fn infill(&mut self, request: &FimRequest, terms: &mut Terms<'_>) -> Result<Infilled, EngineError> {
        self.0.runs.fetch_add(1, Ordering::SeqCst);
        let mut words = request.prompt.split(' ');
        let steps = match (words.next(), words.next()) {
            (Some("panic"), _) => panic!("as the script says"),
            (Some("oom"), _) => {
                return Err(EngineError::Device { reason: "out of memory".into(), sticky: false });
            }
            (Some("lost"), _) => {
                return Err(EngineError::Device { reason: "device lost".into(), sticky: true });
            }
            (Some("pause"), _) => {
                if let Some(frames) = &mut terms.frames {
                    frames(frame(1));
                }
                std::thread::sleep(Duration::from_millis(500));
                0
            }
            (Some("two"), _) => {
                if let Some(frames) = &mut terms.frames {
                    let mut both = frame(1);
                    let second =
                        Run { text: "second".into(), kind: RunKind::Changed, confidence: 0.5, hole: 1 };
                    both.runs.push(second);
                    frames(both);
                }
                std::thread::sleep(Duration::from_millis(100));
                0
            }
            (Some("steps"), Some(n)) => n.parse().unwrap(),
            _ => 1,
        };
        let mut done = 0;
        while done < steps && Instant::now() < terms.deadline {
            if terms.cancel.is_cancelled() {
                self.0.cancelled.fetch_add(1, Ordering::SeqCst);
                return Err(EngineError::Cancelled);
            }
            std::thread::sleep(STEP);
            done += 1;
            self.0.steps.fetch_add(1, Ordering::SeqCst);
            if let Some(frames) = &mut terms.frames {
                frames(frame(done));
            }
        }
        Ok(Infilled {
            text: "filled".into(),
            others: (1..request.n.unwrap_or(1)).map(|n| format!("other {n}")).collect(),
            finish: if done < steps { FinishReason::Deadline } else { FinishReason::Stop },
            steps: done,
            prompt_tokens: 10,
            cached_tokens: 4,
            span_tokens: 1,
            confidence: 0.5,
            show: true,
            source: "prior",
            holes: holes(request),
            margin: request.rewrite.as_ref().map(|_| 0.7),
            doubts: Vec::new(),
        })
    }

    fn check(&mut self) -> Result<(), EngineError> {
        Ok(())
    }

    fn reset(&mut self) {
        self.0.resets.fetch_add(1, Ordering::SeqCst);
    }
}

/// `hole 0`, `hole 1`, … for a request of several holes.
fn holes(request: &FimRequest) -> Vec<Filled> {
    let several = if request.holes.is_empty() { 0 } else { request.holes.len() + 1 };
    let filled = |n| Filled { text: format!("hole {n}"), finish: FinishReason::Stop, confidence: 0.25 };
    (0..several).map(filled).collect()
}

fn frame(step: u32) -> Frame {
    let run = |text: &str, kind| Run { text: text.into(), kind, confidence: 0.5, hole: 0 };
    Frame { step, runs: vec![run("fil", RunKind::Committed), run("xxx", RunKind::Masked)] }
}

/// A front under test.
pub struct Front {
    pub at: SocketAddr,
    pub seen: Seen,
    pub stop: Option<oneshot::Sender<()>>,
    pub ended: JoinHandle<Result<(), EngineError>>,
}

pub const KEY: &str = "kestrel-4411";

impl Front {
    pub async fn start() -> Self {
        Self::with(Keys::default(), Life::UntilStopped).await
    }

    pub async fn with(keys: Keys, life: Life) -> Self {
        let seen = Seen::default();
        let script = Script(seen.clone());
        let queue = Queue::start(move || Ok(script)).unwrap();
        let address: Address = "127.0.0.1:0".parse().unwrap();
        let listener = Listener::open(&address, &keys).await.unwrap();
        let Address::Tcp(at) = *listener.address() else { panic!("not TCP") };
        let about = About { model: "scripted".into(), device: "cpu".into() };
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            let _ = stopped.await;
        };
        let ended = tokio::spawn(serve(listener, queue, about, keys, life, stopped));
        Self { at, seen, stop: Some(stop), ended }
    }

    /// Sends bytes as they are and reads until the end.
    pub async fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.at).await.unwrap();
        // The engine may refuse, and close, before it has read everything.
        let _ = stream.write_all(bytes).await;
        Answer::read(&mut stream).await
    }

    /// A well-framed request with these headers.
    pub async fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        self.raw(frame_request(method, path, headers, body).as_bytes()).await
    }

    pub async fn fim(&self, body: &str) -> Answer {
        self.ask("POST", "/v1/fim/completions", JSON, body).await
    }

    /// Opens a request and leaves the answer unread.
    pub async fn open(&self, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.at).await.unwrap();
        let request = frame_request("POST", "/v1/fim/completions", JSON, body);
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    pub async fn metric(&self, name: &str) -> f64 {
        let page = self.ask("GET", "/metrics", "", "").await.body;
        let line =
            page.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {page}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }
}

pub const JSON: &str = "Content-Type: application/json\r\n";

pub fn frame_request(method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// 0 when the connection was closed without a word.
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub async fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        // A reset after the answer is no loss.
        let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut bytes)).await;
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let head = head.to_ascii_lowercase();
        let body = if head.contains("transfer-encoding: chunked") { unchunk(body) } else { body.to_owned() };
        Self { status, head, body }
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The `data:` of each event.
    pub fn events(&self) -> Vec<&str> {
        self.body.split("\n\n").filter_map(|event| event.strip_prefix("data: ")).collect()
    }
}

fn unchunk(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length.trim(), 16).unwrap_or(0);
        if length == 0 || length > rest.len() {
            break;
        }
        whole.push_str(&rest[..length]);
        body = rest[length..].trim_start_matches("\r\n");
    }
    whole
}

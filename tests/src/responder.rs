//! An HTTP endpoint that answers in microseconds, so that the time to an answer is that of whoever asks.
//!
//! Speaks just enough HTTP/1.1 for language servers, ours and others': any `GET` is told that the service is well, any `POST`
//! gets the same completion in OpenAI's shape. What is asked is counted and kept, not read. Knows no server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The endpoint. Dropping it closes its port and ends its connections.
pub struct Responder {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    completion: String,
    asked: AtomicUsize,
    wait_ms: AtomicU64,
    last: Mutex<String>,
    gone: AtomicBool,
}

impl Responder {
    /// Starts on a free port; `text` is what fills every hole.
    ///
    /// # Panics
    /// If there is none.
    pub fn start(text: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let completion = serde_json::json!({
            "id": "instant", "object": "text_completion", "created": 0, "model": "instant",
            "choices": [{"index": 0, "text": text, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        });
        let shared = Arc::new(Shared {
            completion: completion.to_string(),
            asked: AtomicUsize::new(0),
            wait_ms: AtomicU64::new(0),
            last: Mutex::default(),
            gone: AtomicBool::new(false),
        });
        let for_all = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if for_all.gone.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&for_all);
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { address, shared }
    }

    /// Where it is, with the scheme.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Completions asked for so far.
    pub fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }

    /// The body of the last request for a completion, as it came.
    pub fn last_body(&self) -> String {
        self.shared.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on each completion takes so long.
    pub fn take(&self, wait: Duration) {
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        self.shared.wait_ms.store(wait_ms, Ordering::SeqCst);
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.shared.gone.store(true, Ordering::SeqCst);
        // Wakes the listener, which sees that it is over.
        drop(TcpStream::connect(self.address));
    }
}

/// Answers one connection's requests until it is closed.
fn serve(stream: TcpStream, shared: &Shared) {
    let _ = stream.set_nodelay(true);
    let Ok(mut output) = stream.try_clone() else { return };
    let mut input = BufReader::new(stream);
    while let Some((request, asked)) = read(&mut input) {
        if shared.gone.load(Ordering::SeqCst) {
            return;
        }
        let completes = request.starts_with("POST") && request.contains("completions");
        let body = if completes {
            *shared.last.lock().unwrap_or_else(PoisonError::into_inner) = asked;
            shared.asked.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(shared.wait_ms.load(Ordering::SeqCst)));
            &shared.completion
        } else {
            WELL
        };
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if output.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// A list of models and a report of health in one.
const WELL: &str = r#"{"object": "list", "data": [{"id": "instant", "object": "model", "owned_by": "tests"}],
    "model": "instant", "device": "cpu", "arch": "x86_64", "cpu_info": "", "cpu_count": 1, "cuda_devices": [],
    "version": {"build_date": "", "build_timestamp": "", "git_sha": "", "git_describe": "v0.30.0"}}"#;

/// Reads a request; returns its first line and its body.
fn read(input: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let mut first = String::new();
    if input.read_line(&mut first).ok()? == 0 {
        return None;
    }
    let mut length = 0;
    loop {
        let mut line = String::new();
        input.read_line(&mut line).ok()?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body).ok()?;
    Some((first, String::from_utf8_lossy(&body).into_owned()))
}

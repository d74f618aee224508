//! The real language server as a child process.
//!
//! Owns the process, its pipes and its folders; knows framing, not editing. Everything it waits for has a
//! time limit, so that a silent server fails a test and never hangs it.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Home;

/// Longer than anything a server may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running server. Dropping it kills it.
pub struct TestServer {
    child: Child,
    input: Option<ChildStdin>,
    messages: Receiver<Value>,
    /// Read, and not yet asked for.
    waiting: VecDeque<Value>,
    next_id: i64,
    /// The server's home.
    pub home: Arc<Home>,
}

impl TestServer {
    /// Starts `quicksilver lsp` in folders of its own.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn spawn() -> Self {
        Self::spawn_in(Arc::default())
    }

    /// Starts `quicksilver lsp` in a home that others may share.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn spawn_in(home: Arc<Home>) -> Self {
        let mut command = home.command();
        command.arg("lsp");
        Self::spawn_as(command, home)
    }

    /// Starts any language server that speaks on its standard input and output.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn spawn_as(mut command: Command, home: Arc<Home>) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let output = child.stdout.take().expect("piped");
        let (send, messages) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            while let Some(message) = read_frame(&mut output) {
                if send.send(message).is_err() {
                    break;
                }
            }
        });
        let input = child.stdin.take();
        Self { child, input, messages, waiting: VecDeque::new(), next_id: 1000, home }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes bytes as they are.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().expect("standard input is open");
        // A server that has ended is found out by what it does not answer.
        let _ = input.write_all(bytes).and_then(|()| input.flush());
    }

    /// Writes a message.
    pub fn send(&mut self, message: &Value) {
        self.send_bytes(&frame(&message.to_string()));
    }

    /// Writes a notification.
    pub fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// Writes a request and returns its id.
    pub fn ask(&mut self, method: &str, params: Value) -> i64 {
        self.next_id += 1;
        let id = self.next_id;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// Asks, and waits for the answer.
    pub fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params);
        self.answer(id)
    }

    /// Waits for the answer to a request.
    ///
    /// # Panics
    /// If it does not come.
    pub fn answer(&mut self, id: i64) -> Value {
        self.wait_for(&format!("an answer to {id}"), |m| m["id"] == id && m.get("method").is_none())
    }

    /// Waits for a notification, and returns its parameters.
    ///
    /// # Panics
    /// If it does not come.
    pub fn notified(&mut self, method: &str) -> Value {
        self.wait_for(method, |m| m["method"] == method)["params"].take()
    }

    /// Waits for a message; those before it stay for later.
    ///
    /// # Panics
    /// If it does not come.
    pub fn wait_for(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.waiting.iter().position(&wanted) {
            return self.waiting.remove(at).expect("it is there");
        }
        let until = Instant::now() + PATIENCE;
        loop {
            match self.messages.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(message) if wanted(&message) => return message,
                Ok(message) => self.waiting.push_back(message),
                Err(RecvTimeoutError::Timeout) => panic!("the server does not send {what}"),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("the server ended ({:?}) before it sent {what}", self.child.try_wait())
                }
            }
        }
    }

    /// Everything that was sent and not asked for, with what comes within `time`.
    pub fn drain(&mut self, time: Duration) -> Vec<Value> {
        let until = Instant::now() + time;
        while let Ok(message) = self.messages.recv_timeout(until.saturating_duration_since(Instant::now())) {
            self.waiting.push_back(message);
        }
        self.waiting.drain(..).collect()
    }

    /// `initialize` and `initialized`, with these capabilities and settings, and perhaps a workspace.
    pub fn initialize(
        &mut self,
        client: &str,
        capabilities: Value,
        settings: Value,
        root: Option<&Path>,
    ) -> Value {
        let root = root.map(|root| format!("file://{}", root.display()));
        let folders: Vec<_> = root.iter().map(|uri| json!({"uri": uri, "name": "test"})).collect();
        let answer = self.request(
            "initialize",
            json!({
                "processId": std::process::id(),
                "clientInfo": {"name": client},
                "rootUri": root,
                "workspaceFolders": folders,
                "capabilities": capabilities,
                "initializationOptions": {"quicksilver": settings},
            }),
        );
        assert!(answer["result"].is_object(), "{answer}");
        self.notify("initialized", json!({}));
        answer["result"].clone()
    }

    /// Shuts down by the book, and returns the exit code.
    pub fn shut_down(&mut self) -> Option<i32> {
        self.request("shutdown", Value::Null);
        self.notify("exit", Value::Null);
        self.exit_code()
    }

    /// Closes standard input.
    pub fn hang_up(&mut self) {
        self.input = None;
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end and returns the exit code.
    ///
    /// # Panics
    /// If it does not end.
    pub fn exit_code(&mut self) -> Option<i32> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Ok(Some(status)) = self.child.try_wait() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the server does not end");
    }

    /// Resident memory in bytes; `None` where the system does not tell.
    pub fn resident_bytes(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A body with its header.
pub fn frame(body: &str) -> Vec<u8> {
    format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn read_frame(output: &mut impl BufRead) -> Option<Value> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            header => {
                length =
                    header.strip_prefix("Content-Length: ").and_then(|n| n.parse::<usize>().ok()).or(length)
            }
        }
    }
    let mut body = vec![0; length?];
    output.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

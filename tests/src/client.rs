//! An editor's side of LSP, over the stdio of a real server process. Answers the server's own requests with null.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::Home;

/// A message from the server.
pub type Message = Value;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server process and what it has said.
pub struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    incoming: Receiver<Message>,
    /// Answers that nobody has asked for yet, by request id.
    answers: HashMap<i64, Vec<Message>>,
    /// Notifications in the order they came.
    pub notifications: Vec<Message>,
    next_id: i64,
    version: i32,
}

impl Client {
    /// Starts `quicksilver lsp` in a home.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(home: &Home) -> Result<Self> {
        let mut child = home
            .command()
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(if std::env::var_os("QUICKSILVER_TEST_LOG").is_some() {
                Stdio::inherit()
            } else {
                Stdio::null()
            })
            .spawn()
            .context("the server starts")?;
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().context("stdout is piped")?);
        let (sender, incoming) = channel();
        std::thread::spawn(move || {
            while let Ok(message) = read(&mut stdout) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            child,
            stdin,
            incoming,
            answers: HashMap::new(),
            notifications: Vec::new(),
            next_id: 1,
            version: 1,
        })
    }

    /// Starts a server and shakes hands: settings under `quicksilver`, a workspace, frames if wanted.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn ready(home: &Home, root: &Path, settings: &Value, frames: bool) -> Result<Self> {
        let mut client = Self::start(home)?;
        let uri = format!("file://{}", root.display());
        let answer = client.call(
            "initialize",
            &json!({
                "processId": std::process::id(),
                "rootUri": uri,
                "workspaceFolders": [{"uri": uri, "name": "test"}],
                "capabilities": {
                    "general": {"positionEncodings": ["utf-8", "utf-16"]},
                    "textDocument": {"inlineCompletion": {}},
                    "experimental": {"quicksilver": {"frames": frames, "maxFps": 60}},
                },
                "initializationOptions": {"quicksilver": settings},
            }),
        )?;
        if answer.get("result").is_none() {
            bail!("initialize failed: {answer}");
        }
        client.notify("initialized", &json!({}))?;
        Ok(client)
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    /// When the server has closed its end.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let stdin = self.stdin.as_mut().context("stdin is open")?;
        stdin.write_all(bytes)?;
        Ok(stdin.flush()?)
    }

    /// Sends one message, framed.
    ///
    /// # Errors
    /// When the server has closed its end.
    pub fn send(&mut self, message: &Value) -> Result<()> {
        let body = message.to_string();
        self.write(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes())
    }

    /// Sends a notification.
    ///
    /// # Errors
    /// When the server has closed its end.
    pub fn notify(&mut self, method: &str, params: &Value) -> Result<()> {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}))
    }

    /// Sends a request and does not wait; the id is for [`Client::answer`].
    ///
    /// # Errors
    /// When the server has closed its end.
    pub fn request(&mut self, method: &str, params: &Value) -> Result<i64> {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))?;
        Ok(id)
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// When none comes.
    pub fn call(&mut self, method: &str, params: &Value) -> Result<Message> {
        let id = self.request(method, params)?;
        self.answer(id, PATIENCE)
    }

    /// Waits for the answer to a request.
    ///
    /// # Errors
    /// When none comes in time.
    pub fn answer(&mut self, id: i64, within: Duration) -> Result<Message> {
        let until = Instant::now() + within;
        loop {
            if let Some(mut answers) = self.answers.remove(&id) {
                let first = answers.remove(0);
                if !answers.is_empty() {
                    bail!("request {id} was answered {} times", answers.len() + 1);
                }
                return Ok(first);
            }
            if !self.pump(until)? {
                bail!("no answer to request {id} within {within:?}");
            }
        }
    }

    /// Waits for a notification that fits.
    ///
    /// # Errors
    /// When none comes in time.
    pub fn wait_for(&mut self, what: &str, fits: impl Fn(&Message) -> bool) -> Result<Message> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.notifications.iter().position(&fits) {
                return Ok(self.notifications.remove(at));
            }
            if !self.pump(until)? {
                bail!(
                    "{what} did not come; the last notifications: {:?}",
                    self.notifications.iter().rev().take(5)
                );
            }
        }
    }

    /// Takes one message; false when none came in time.
    fn pump(&mut self, until: Instant) -> Result<bool> {
        let message = match self.incoming.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => return Ok(false),
            Err(RecvTimeoutError::Disconnected) => bail!("the server has gone"),
        };
        let id = message.get("id").and_then(Value::as_i64);
        match (message.get("method"), id) {
            (Some(_), None) => self.notifications.push(message),
            (Some(_), Some(id)) => self.send(&json!({"jsonrpc": "2.0", "id": id, "result": null}))?,
            (None, Some(id)) => self.answers.entry(id).or_default().push(message),
            (None, None) => self.notifications.push(message),
        }
        Ok(true)
    }

    /// Opens a document.
    ///
    /// # Errors
    /// When the server has closed its end.
    pub fn open(&mut self, uri: &str, language: &str, text: &str) -> Result<()> {
        self.version = 1;
        let document = json!({"uri": uri, "languageId": language, "version": 1, "text": text});
        self.notify("textDocument/didOpen", &json!({"textDocument": document}))
    }

    /// Types a text at a place.
    ///
    /// # Errors
    /// When the server has closed its end.
    pub fn type_at(&mut self, uri: &str, line: u32, character: u32, text: &str) -> Result<()> {
        self.version += 1;
        let at = json!({"line": line, "character": character});
        let change = json!({"range": {"start": at, "end": at}, "text": text});
        let document = json!({"uri": uri, "version": self.version});
        self.notify("textDocument/didChange", &json!({"textDocument": document, "contentChanges": [change]}))
    }

    /// What the server would insert at a place; `None` for silence.
    ///
    /// # Errors
    /// When no answer comes, or it is an error or null.
    pub fn suggestion(&mut self, uri: &str, line: u32, character: u32) -> Result<Option<String>> {
        let params = inline_params(uri, line, character);
        let answer = self.call("textDocument/inlineCompletion", &params)?;
        let items = answer.pointer("/result/items").and_then(Value::as_array);
        let items = items.with_context(|| format!("a list of items, not {answer}"))?;
        Ok(items.first().and_then(|item| item.get("insertText")).and_then(Value::as_str).map(Into::into))
    }

    /// Like [`Client::suggestion`], asked again until there is one: for an engine that is just starting.
    ///
    /// # Errors
    /// When there is none in the time a test waits.
    pub fn eventual_suggestion(&mut self, uri: &str, line: u32, character: u32) -> Result<String> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(text) = self.suggestion(uri, line, character)? {
                return Ok(text);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("no suggestion; the last notifications: {:?}", self.notifications.iter().rev().take(3))
    }

    /// The server's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether the process runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Shuts down by the book.
    ///
    /// # Errors
    /// When the server does not end.
    pub fn shutdown(mut self) -> Result<ExitStatus> {
        self.call("shutdown", &Value::Null)?;
        self.notify("exit", &Value::Null)?;
        self.ended()
    }

    /// Closes the pipe and waits for the end.
    ///
    /// # Errors
    /// When the server does not end.
    pub fn ended(mut self) -> Result<ExitStatus> {
        drop(self.stdin.take());
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("the server did not end")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The parameters of `textDocument/inlineCompletion`, asked for by hand.
pub(crate) fn inline_params(uri: &str, line: u32, character: u32) -> Value {
    json!({
        "textDocument": {"uri": uri},
        "position": {"line": line, "character": character},
        "context": {"triggerKind": 1},
    })
}

/// Reads one framed message.
fn read(from: &mut impl BufRead) -> Result<Message> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 {
            bail!("end of output");
        }
        match line.trim().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}

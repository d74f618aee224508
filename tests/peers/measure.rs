//! What is measured of one server: time to an answer, memory, and a storm of requests that are cancelled.

use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Result;
use quicksilver_tests::{Home, responder::Responder, server::TestServer};
use serde_json::{Value, json};

use super::server::Peer;

const OTHERS: usize = 20;
const KEYS: usize = 150;
const STORM: i64 = 1000;
/// What the endpoint takes for an answer during the storm.
const SLOW: Duration = Duration::from_millis(20);
/// After this an answer to the storm is not waited for.
const GIVEN_UP: Duration = Duration::from_secs(10);
const SAMPLE: &str = include_str!("../../server/src/transport/serve.rs");

/// A row of the table.
pub(crate) struct Row {
    name: &'static str,
    answers: Vec<Duration>,
    stale: usize,
    memory: u64,
    /// Storm requests by how often they were answered.
    answered: HashMap<usize, usize>,
    last_answer: Duration,
    afterwards: bool,
}

/// A server with documents open; the last of them is typed in.
struct Session {
    server: TestServer,
    method: &'static str,
    uri: String,
    version: i32,
    line: usize,
}

pub(crate) fn of(peer: &Peer) -> Result<Row> {
    let endpoint = Responder::start("answer();");
    let mut session = Session::open(peer, &endpoint)?;
    let (mut answers, mut stale) = (Vec::new(), 0);
    for key in 0..KEYS {
        // A pause, as between keys: none is asked while the one before is still worked on.
        std::thread::sleep(Duration::from_millis(15));
        let mark = format!("mark_{key}_");
        let begun = Instant::now();
        let character = session.type_line(&mark);
        let id = session.ask(character);
        session.server.answer(id);
        answers.push(begun.elapsed());
        stale += usize::from(!endpoint.last_body().contains(&mark));
    }
    let memory = session.server.resident_bytes().unwrap_or_default();
    let (answered, last_answer) = session.storm(&endpoint);
    let afterwards = session.still_answers(&endpoint);
    Ok(Row { name: peer.name, answers, stale, memory, answered, last_answer, afterwards })
}

impl Session {
    fn open(peer: &Peer, endpoint: &Responder) -> Result<Self> {
        let home = Arc::new(Home::new());
        let project = home.path().join("project");
        std::fs::create_dir_all(project.join(".git"))?;
        let command = peer.command(&home, &endpoint.url())?;
        let mut server = TestServer::spawn_as(command, home);
        let root = format!("file://{}", project.display());
        server.request(
            "initialize",
            json!({
                "processId": std::process::id(), "clientInfo": {"name": "peers", "version": "1"}, "rootUri": root,
                "workspaceFolders": [{"uri": root, "name": "project"}],
                "capabilities": {"textDocument": {
                    "completion": {"completionItem": {"snippetSupport": false}}, "inlineCompletion": {},
                }},
                "initializationOptions": peer.options(&endpoint.url()),
            }),
        );
        server.notify("initialized", json!({}));
        let mut session = Self {
            server,
            method: peer.method,
            uri: String::new(),
            version: 1,
            line: SAMPLE.lines().count(),
        };
        for n in 0..=OTHERS {
            session.uri = format!("{root}/module_{n}.rs");
            let text = format!("{SAMPLE}\n\n{SAMPLE}");
            std::fs::write(project.join(format!("module_{n}.rs")), &text)?;
            let document = json!({"uri": session.uri, "languageId": "rust", "version": 1, "text": text});
            session.server.notify("textDocument/didOpen", json!({"textDocument": document}));
        }
        // Until it answers from the endpoint: some connect first.
        let until = Instant::now() + Duration::from_secs(20);
        while endpoint.asked() == 0 && Instant::now() < until {
            let character = session.type_line("begin_");
            let id = session.ask(character);
            session.server.answer(id);
            std::thread::sleep(Duration::from_millis(100));
        }
        anyhow::ensure!(endpoint.asked() > 0, "{} does not ask the endpoint", peer.name);
        Ok(session)
    }

    /// Makes the line between the two halves say something else; returns its length.
    fn type_line(&mut self, name: &str) -> usize {
        self.version += 1;
        let text = format!("    let {name} = ");
        // The line and its break: not every server clamps a column beyond the end of a line.
        let range = json!({"start": {"line": self.line, "character": 0}, "end": {"line": self.line + 1, "character": 0}});
        self.server.notify(
            "textDocument/didChange",
            json!({
                "textDocument": {"uri": self.uri, "version": self.version},
                "contentChanges": [{"range": range, "text": format!("{text}\n")}],
            }),
        );
        text.len()
    }

    fn place(&self, character: usize) -> Value {
        json!({
            "textDocument": {"uri": self.uri}, "position": {"line": self.line, "character": character},
            "context": {"triggerKind": if self.method.ends_with("inlineCompletion") { 2 } else { 1 }},
        })
    }

    fn ask(&mut self, character: usize) -> i64 {
        let place = self.place(character);
        self.server.ask(self.method, place)
    }

    /// A request and its cancel, again and again; how often each was answered, and when the last answer came.
    fn storm(&mut self, endpoint: &Responder) -> (HashMap<usize, usize>, Duration) {
        endpoint.take(SLOW);
        let character = self.type_line("storm_");
        let mut asked = HashMap::new();
        for _ in 0..STORM {
            let id = self.ask(character);
            self.server.notify("$/cancelRequest", json!({"id": id}));
            asked.insert(id, 0);
        }
        let sent = Instant::now();
        let mut last_answer = Duration::ZERO;
        let mut quiet_since = Instant::now();
        while sent.elapsed() < GIVEN_UP && quiet_since.elapsed() < GIVEN_UP / 4 {
            for message in self.server.drain(Duration::from_millis(10)) {
                let id = message["id"].as_i64().filter(|_| message.get("method").is_none());
                if let Some(times) = id.and_then(|id| asked.get_mut(&id)) {
                    *times += 1;
                    (last_answer, quiet_since) = (sent.elapsed(), Instant::now());
                }
            }
        }
        let mut answered = HashMap::new();
        asked.into_values().for_each(|times| *answered.entry(times).or_default() += 1);
        (answered, last_answer)
    }

    /// Whether a request after the storm is answered, with what was typed last.
    fn still_answers(&mut self, endpoint: &Responder) -> bool {
        endpoint.take(Duration::ZERO);
        let character = self.type_line("after_the_storm_");
        let id = self.ask(character);
        let until = Instant::now() + GIVEN_UP;
        while Instant::now() < until && self.server.is_alive() {
            let answered =
                self.server.drain(Duration::from_millis(20)).iter().any(|answer| answer["id"] == id);
            if answered {
                return endpoint.last_body().contains("after_the_storm_");
            }
        }
        false
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, answers, stale, memory, answered, last_answer, afterwards } = self;
        let mut times: Vec<f64> = answers.iter().map(|time| time.as_secs_f64() * 1000.0).collect();
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        let times_answered = |times: usize| answered.get(&times).copied().unwrap_or(0);
        let more: usize = answered.iter().filter(|(times, _)| **times > 1).map(|(_, count)| count).sum();
        write!(
            f,
            "| {name} | {:.1} ms | {:.1} ms | {stale} of {KEYS} | {:.0} MB | {} | {} | {more} | {:.2} s | {} |",
            at(0.5),
            at(0.99),
            *memory as f64 / 1e6,
            times_answered(1),
            times_answered(0),
            last_answer.as_secs_f64(),
            if *afterwards { "yes" } else { "no" }
        )
    }
}

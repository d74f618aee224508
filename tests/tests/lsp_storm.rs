//! A storm of requests, cancels, edits and closings: each request is answered exactly once, soon, and in
//! little memory.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use quicksilver_tests::editor::{Editor, Kind};
use quicksilver_tests::engine::{FakeEngine, Script};
use quicksilver_tests::fixture::Fixture;
use serde_json::{Value, json};

const REQUESTS: i64 = 10_000;
/// Most time from the last message sent to the last answer, on a machine with other work.
const LAST_ANSWER: Duration = Duration::from_secs(3);
/// Most growth of resident memory, in bytes.
const GROWTH: u64 = 16 << 20;

#[test]
fn ten_thousand_requests_are_answered_exactly_once() {
    let engine = FakeEngine::start(|_| Script::says("answer").after(Duration::from_millis(20)));
    let fixture = Fixture::new("fn f() {\n    $0\n}\n");
    let mut editor = Editor::open(Kind::VsCode, engine.settings(), &fixture);
    editor.suggestions(fixture.position());
    let before = editor.server.resident_bytes();
    let begun = Instant::now();
    let params = editor.place_params(fixture.position());
    for id in 1..=REQUESTS {
        let id = id + 100_000;
        editor.server.send(
            &json!({"jsonrpc": "2.0", "id": id, "method": "textDocument/inlineCompletion", "params": params}),
        );
        match id % 10 {
            0 | 2 | 4 | 6 => editor.server.notify("$/cancelRequest", json!({ "id": id })),
            5 => editor.splice(0, 0, " "),
            7 => editor.splice(0, 1, ""),
            9 if id % 1000 == 9 => {
                let uri = editor.uri.clone();
                editor.server.notify("textDocument/didClose", json!({"textDocument": {"uri": uri}}));
                let document = json!({"uri": uri, "languageId": "rust", "version": editor.version(), "text": editor.text()});
                editor.server.notify("textDocument/didOpen", json!({"textDocument": document}));
            }
            _ => {}
        }
    }
    let sent = Instant::now();
    let last = editor.server.ask("quicksilver/status", Value::Null);
    editor.server.answer(last);
    let mut answers: HashMap<i64, Vec<Value>> = HashMap::new();
    let mut last_answer = Instant::now();
    while answers.len() < usize::try_from(REQUESTS).expect("it fits")
        && sent.elapsed() < Duration::from_secs(30)
    {
        for message in editor.server.drain(Duration::from_millis(20)) {
            if let (Some(id), None) = (message["id"].as_i64(), message.get("method")) {
                last_answer = Instant::now();
                answers.entry(id).or_default().push(message);
            }
        }
    }
    let more = editor.server.drain(Duration::from_millis(200));
    assert!(more.iter().all(|m| m.get("method").is_some()), "answered twice: {more:?}");
    let mut codes: HashMap<i64, usize> = HashMap::new();
    for id in 1..=REQUESTS {
        let seen = answers.get(&(id + 100_000)).map_or(&[][..], Vec::as_slice);
        assert_eq!(seen.len(), 1, "answers to {id}: {seen:?}");
        let code = seen[0]["error"]["code"].as_i64().unwrap_or(0);
        assert!(code != 0 || seen[0]["result"]["items"].is_array(), "{:?}", seen[0]);
        *codes.entry(code).or_default() += 1;
    }
    assert!(codes.keys().all(|code| [0, -32800].contains(code)), "{codes:?}");
    let late = last_answer.saturating_duration_since(sent);
    assert!(late < LAST_ANSWER, "the last answer came {late:?} after the last message");
    let digest = editor.digest();
    assert_eq!(digest["length"], editor.text().len());
    if let (Some(before), Some(after)) = (before, editor.server.resident_bytes()) {
        assert!(after < before + GROWTH, "{before} bytes before, {after} after");
        println!("resident memory {} KiB before, {} KiB after", before >> 10, after >> 10);
    }
    println!("{REQUESTS} requests in {:?}, codes {codes:?}, last answer {late:?} after", begun.elapsed());
}

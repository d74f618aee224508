//! L1: a storm of requests, cancels, edits and closings: each request is answered exactly once, soon, in little memory, and
//! never with what belongs to a text that is gone.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use quicksilver_tests::editor::{Editor, Kind};
use quicksilver_tests::engine::{FakeEngine, Script};
use quicksilver_tests::fixture::Fixture;
use quicksilver_tests::tier;
use serde_json::{Value, json};

/// The requests' ids begin after it.
const FIRST: i64 = 100_000;
/// Most time from the last message sent to the last answer, on a machine with other work. On an idle one it is 0.5 s.
const LAST_ANSWER: Duration = Duration::from_secs(3);
/// Most growth of resident memory, in bytes.
const GROWTH: u64 = 16 << 20;
/// How soon the engine must have nothing to do.
const CALM: Duration = Duration::from_secs(2);

/// The text's mark: the number that its first line ends with. The engine says it back.
fn mark(text: &str) -> String {
    text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect()
}

#[test]
fn a_storm_of_requests_is_answered_exactly_once() {
    let requests = tier::count(10_000, 100_000);
    let engine = FakeEngine::start(|asked| {
        let mark = mark(&asked.prompt);
        Script::says(&format!("answer_{mark}();")).after(Duration::from_millis(mark.len() as u64 * 4))
    });
    let fixture = Fixture::new("// 1\nfn f() {\n    $0\n}\n");
    let mut editor = Editor::open(Kind::VsCode, engine.settings(), &fixture);
    editor.eventual_suggestions(&fixture.position());
    let before = editor.server.resident_bytes();
    let begun = Instant::now();
    let params = editor.place_params(fixture.position());
    let mut marks = Vec::new();
    let mut digits = 1;
    for n in 0..requests {
        let id = FIRST + n as i64;
        marks.push(mark(&editor.text()));
        editor.server.send(
            &json!({"jsonrpc": "2.0", "id": id, "method": "textDocument/inlineCompletion", "params": params}),
        );
        match n % 10 {
            0 | 2 | 4 | 6 => editor.server.notify("$/cancelRequest", json!({ "id": id })),
            5 | 7 => {
                let text = n.to_string();
                editor.splice(3, 3 + digits, &text);
                digits = text.len();
            }
            9 if n % 1000 == 9 => {
                let uri = editor.uri.clone();
                editor.server.notify("textDocument/didClose", json!({"textDocument": {"uri": uri}}));
                let document = json!({"uri": uri, "languageId": "rust", "version": editor.version(), "text": editor.text()});
                editor.server.notify("textDocument/didOpen", json!({"textDocument": document}));
            }
            // Now and then the typist pauses, and some answers come in time.
            3 if n % 200 == 3 => std::thread::sleep(Duration::from_millis(25)),
            _ => {}
        }
    }
    let sent = Instant::now();
    let last = editor.server.ask("quicksilver/status", Value::Null);
    editor.server.answer(last);
    let mut answers: HashMap<i64, Vec<Value>> = HashMap::new();
    let mut last_answer = Instant::now();
    while answers.len() < requests && sent.elapsed() < Duration::from_secs(30) {
        for message in editor.server.drain(Duration::from_millis(20)) {
            if let (Some(id), None) = (message["id"].as_i64(), message.get("method")) {
                last_answer = Instant::now();
                answers.entry(id).or_default().push(message);
            }
        }
    }
    let more = editor.server.drain(Duration::from_millis(200));
    assert!(more.iter().all(|m| m.get("method").is_some()), "answered twice: {more:?}");
    let (mut codes, mut shown) = (HashMap::<i64, usize>::new(), 0);
    for (n, mark) in marks.iter().enumerate() {
        let seen = answers.get(&(FIRST + n as i64)).map_or(&[][..], Vec::as_slice);
        assert_eq!(seen.len(), 1, "answers to {n}: {seen:?}");
        let code = seen[0]["error"]["code"].as_i64().unwrap_or(0);
        let items = seen[0]["result"]["items"].as_array();
        assert!(code != 0 || items.is_some(), "{:?}", seen[0]);
        for item in items.into_iter().flatten() {
            assert_eq!(item["insertText"], format!("answer_{mark}();"), "a stale suggestion for request {n}");
            shown += 1;
        }
        *codes.entry(code).or_default() += 1;
    }
    assert!(codes.keys().all(|code| [0, -32800].contains(code)), "{codes:?}");
    assert!(shown > requests / 1000, "only {shown} suggestions to look at");
    let late = last_answer.saturating_duration_since(sent);
    assert!(late < LAST_ANSWER, "the last answer came {late:?} after the last message");
    assert_eq!(editor.digest()["length"], editor.text().len());
    // Nothing is left behind: the engine has no job, and the next question is answered.
    let calm = Instant::now();
    while engine.pending() > 0 {
        assert!(calm.elapsed() < CALM, "{} jobs are left", engine.pending());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(editor.suggestions(fixture.position()).len(), 1);
    let mut grown = "unknown here".to_owned();
    if let (Some(before), Some(after)) = (before, editor.server.resident_bytes()) {
        assert!(after < before + GROWTH, "{before} bytes before, {after} after");
        grown = format!("+{} KiB", after.saturating_sub(before) >> 10);
    }
    let did =
        format!("{requests} requests in {:.1?}, 40 % cancelled, with edits and closings", begun.elapsed());
    let result = format!(
        "each answered once: 0 lost, 0 double; {shown} suggestions, 0 stale; last answer {late:.0?} after the last message; \
         0 jobs left; memory {grown}"
    );
    tier::report("L1", &did, &result);
}

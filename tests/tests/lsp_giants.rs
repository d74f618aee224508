//! D5 through the real process: a text as large as a message may be is followed keystroke by keystroke in bounded memory; a larger
//! one is refused and costs nothing but itself.

// A test that cannot go on has nothing better to do than to say why.
#![allow(clippy::expect_used)]

use std::time::{Duration, Instant};

use quicksilver_tests::server::TestServer;
use quicksilver_tests::tier;
use quicksilver_tests::times::Times;
use serde_json::{Value, json};

const LINE: &str = "let x = 1; // a line of code, 変\n";
const MIB: usize = 1 << 20;
const EDITS: usize = 200;
/// Far above what a keystroke takes, for a machine that is busy with other tests.
const KEYSTROKE: Duration = Duration::from_millis(200);

fn server() -> TestServer {
    let mut server = TestServer::spawn();
    server.initialize("a test", json!({}), json!({"enable": false}), None);
    server
}

fn open(server: &mut TestServer, uri: &str, text: &str) {
    let document = json!({"uri": uri, "languageId": "rust", "version": 1, "text": text});
    server.notify("textDocument/didOpen", json!({"textDocument": document}));
}

fn digest(server: &mut TestServer, uri: &str) -> Value {
    server.request("quicksilver/digest", json!({"textDocument": {"uri": uri}}))
}

#[test]
fn a_giant_is_followed_in_bounded_memory() {
    let (mut server, uri) = (server(), "file:///project/giant.rs");
    let text = LINE.repeat((56 * MIB) / LINE.len());
    let begun = Instant::now();
    open(&mut server, uri, &text);
    assert_eq!(digest(&mut server, uri)["result"]["length"], text.len());
    let opened = begun.elapsed();
    let mut times = Times::default();
    for edit in 0..EDITS {
        let at = json!({"line": edit * 997, "character": 4});
        let version = edit + 2;
        let keystroke = Instant::now();
        server.notify(
            "textDocument/didChange",
            json!({"textDocument": {"uri": uri, "version": version}, "contentChanges": [{"range": {"start": at, "end": at}, "text": "é"}]}),
        );
        // Answered once the change is applied.
        server.request("quicksilver/status", Value::Null);
        times.add(keystroke.elapsed());
    }
    let last = digest(&mut server, uri);
    assert_eq!(
        (&last["result"]["length"], &last["result"]["inStep"]),
        (&json!(text.len() + 2 * EDITS), &json!(true))
    );
    let memory = server.resident_bytes();
    let held = memory.map_or_else(|| "not told".to_owned(), |bytes| format!("{} MiB", bytes / MIB as u64));
    let did = format!("{} MiB through stdio, {EDITS} edits", text.len() / MIB);
    tier::report(
        "D5",
        &did,
        &format!("opened, with its digest, in {opened:.1?}; keystroke {times}; memory afterwards {held}"),
    );
    assert!(memory.is_none_or(|bytes| bytes < (3 * text.len() + 64 * MIB) as u64), "{held}");
    assert!(times.percentile(95) < KEYSTROKE, "{times}");
}

#[test]
fn a_file_of_100_mib_is_refused_and_the_next_is_served() {
    let mut server = server();
    let before = server.resident_bytes();
    open(&mut server, "file:///project/giant.rs", &LINE.repeat((100 * MIB) / LINE.len()));
    let refused = server.wait_for("a refusal", |message| message["error"]["code"] == -32700);
    assert_eq!(refused["id"], Value::Null);
    open(&mut server, "file:///project/small.rs", "fn f() {}\n");
    assert_eq!(digest(&mut server, "file:///project/small.rs")["result"]["length"], 10);
    assert!(digest(&mut server, "file:///project/giant.rs")["error"].is_object(), "it is not open");
    let more = server.resident_bytes().zip(before).map(|(now, then)| now.saturating_sub(then) / MIB as u64);
    let grown = more.map_or_else(|| "not told".to_owned(), |mib| format!("+{mib} MiB"));
    tier::report("D5", "100 MiB through stdio", &format!("refused, the next file is served; memory {grown}"));
    assert!(more.is_none_or(|mib| mib < 80), "{grown}");
}

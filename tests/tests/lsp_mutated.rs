//! Frames with random bytes changed: the server stays alive, small, and answers the next request.

use proptest::prelude::*;
use quicksilver_tests::server::{TestServer, frame};
use quicksilver_tests::tier;
use serde_json::{Value, json};

/// Frames between two checks.
const BATCH: usize = 40;
/// Most growth of resident memory, in bytes.
const GROWTH: u64 = 16 << 20;

fn originals() -> Vec<Vec<u8>> {
    let place = json!({"textDocument": {"uri": "file:///a.rs", "version": 2}, "position": {"line": 0, "character": 1}});
    [
        json!({"jsonrpc": "2.0", "id": 1, "method": "textDocument/inlineCompletion", "params":
            {"textDocument": {"uri": "file:///a.rs"}, "position": {"line": 0, "character": 1}, "context": {"triggerKind": 1}}}),
        json!({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params":
            {"textDocument": {"uri": "file:///a.rs", "languageId": "rust", "version": 1, "text": "fn a() {}\n"}}}),
        json!({"jsonrpc": "2.0", "method": "textDocument/didChange", "params":
            {"textDocument": {"uri": "file:///a.rs", "version": 2}, "contentChanges":
                [{"range": {"start": {"line": 0, "character": 1}, "end": {"line": 0, "character": 2}}, "text": "x"}]}}),
        json!({"jsonrpc": "2.0", "id": "s", "method": "quicksilver/digest", "params": place}),
        json!({"jsonrpc": "2.0", "method": "workspace/didChangeConfiguration", "params":
            {"settings": {"quicksilver": {"enable": false, "maxFps": 3}}}}),
        json!({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 1}}),
        json!({"jsonrpc": "2.0", "id": 5, "result": [null]}),
    ]
    .iter()
    .map(|message| frame(&message.to_string()))
    .collect()
}

#[test]
fn mutated_frames_do_not_end_the_server() {
    let mut server = TestServer::spawn();
    server.initialize("a test", json!({}), json!({"enable": false}), None);
    let before = server.resident_bytes();
    let originals = originals();
    let mutation =
        (0..originals.len(), proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..=6));
    let batches = proptest::collection::vec(mutation, BATCH);
    let frames = tier::count(20_000, 500_000);
    let mut answered = 0;
    let server = std::cell::RefCell::new((&mut server, &mut answered));
    tier::runner(frames / BATCH)
        .run(&batches, |batch| {
            let (server, answered) = &mut *server.borrow_mut();
            for (which, changes) in batch {
                let mut bytes = originals[which].clone();
                for (at, byte) in changes {
                    let at = at.index(bytes.len());
                    bytes[at] = byte;
                }
                // An `exit` cannot come of it: the word is in none of them.
                server.send_bytes(&bytes);
            }
            // A length that grew swallows what follows; a few plain frames bring the reader back.
            for _ in 0..4 {
                server.notify("$/resync", Value::Null);
            }
            let probe = json!({"jsonrpc": "2.0", "id": 77_777, "method": "quicksilver/status"});
            server.send_bytes(&vec![b'\n'; 100_000]);
            server.send(&probe);
            server.answer(77_777);
            **answered += server.drain(std::time::Duration::ZERO).len();
            Ok(())
        })
        .expect("the server answers");
    let (server, answered) = server.into_inner();
    assert!(server.is_alive());
    let mut grown = String::new();
    if let (Some(before), Some(after)) = (before, server.resident_bytes()) {
        assert!(after < before + GROWTH, "{before} bytes before, {after} after");
        grown = format!("; memory +{} KiB", after.saturating_sub(before) >> 10);
    }
    let did = format!("{frames} frames with 1 to 6 bytes changed");
    tier::report("J2", &did, &format!("{answered} answers, the server lives{grown}"));
}

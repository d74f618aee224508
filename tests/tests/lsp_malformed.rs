//! The catalogue of malformed messages: for each, the right code or silence, and the next valid request is
//! answered. One server lives through all of them.

use quicksilver_tests::server::{TestServer, frame};
use quicksilver_tests::tier;
use serde_json::{Value, json};

const PARSE: i64 = -32700;
const INVALID: i64 = -32600;
const UNKNOWN: i64 = -32601;
const PARAMS: i64 = -32602;
const EARLY: i64 = -32002;
/// Any number of unreadable frames, at least one.
const SOME: i64 = 1;

/// What is sent, and what must come back: `(id, code)`; code 0 is a result.
struct Case(&'static str, Vec<u8>, Vec<(Value, i64)>);

fn case(name: &'static str, bytes: impl Into<Vec<u8>>, answers: &[(Value, i64)]) -> Case {
    Case(name, bytes.into(), answers.to_vec())
}

/// A case that is one well-framed JSON text.
fn body(name: &'static str, json: &str, answers: &[(Value, i64)]) -> Case {
    case(name, frame(json), answers)
}

/// Sends the case and a valid request; everything that came back before the latter's answer.
fn replies(server: &mut TestServer, bytes: &[u8]) -> Vec<(Value, i64)> {
    server.send_bytes(bytes);
    let probe = server.ask("quicksilver/status", Value::Null);
    let answer = server.answer(probe);
    assert!(answer["error"]["code"].as_i64().is_none_or(|code| code == EARLY), "{answer}");
    let mut seen: Vec<_> = server.drain(std::time::Duration::ZERO);
    seen.retain(|m| m.get("method").is_none());
    seen.iter().map(|m| (m["id"].clone(), m["error"]["code"].as_i64().unwrap_or(0))).collect()
}

fn run(server: &mut TestServer, cases: Vec<Case>) -> usize {
    let count = cases.len();
    for Case(name, bytes, expected) in cases {
        let seen = replies(server, &bytes);
        if expected == [(Value::Null, SOME)] {
            assert!(!seen.is_empty() && seen.iter().all(|s| *s == (Value::Null, PARSE)), "{name}: {seen:?}");
        } else {
            assert_eq!(seen, expected, "{name}");
        }
    }
    count
}

fn framing() -> Vec<Case> {
    let null = |code| vec![(Value::Null, code)];
    let good = r#"{"jsonrpc":"2.0","id":7,"method":"quicksilver/status"}"#;
    let n = good.len();
    let big = "x".repeat(17 << 20);
    let head = |head: String| format!("{head}\r\n\r\n{good}");
    vec![
        case("no length", head("X-Header: 1".into()), &null(PARSE)),
        case("no headers", format!("\r\n\r\n{good}\n\n"), &null(SOME)),
        case("negative length", head("Content-Length: -5".into()), &null(PARSE)),
        case("length with a sign", head(format!("Content-Length: +{n}")), &null(PARSE)),
        case("length is a word", head("Content-Length: many".into()), &null(PARSE)),
        case("length is hexadecimal", head("Content-Length: 0x35".into()), &null(PARSE)),
        case("length is a fraction", head("Content-Length: 5.0".into()), &null(PARSE)),
        case("length is empty", head("Content-Length:".into()), &null(PARSE)),
        case("length overflows", head("Content-Length: 99999999999999999999999".into()), &null(PARSE)),
        case("length is huge", head("Content-Length: 8589934592".into()), &null(PARSE)),
        case("two lengths", head(format!("Content-Length: {n}\r\nContent-Length: 3")), &null(PARSE)),
        case(
            "the same length twice",
            head(format!("Content-Length: {n}\r\nContent-Length: {n}")),
            &[(json!(7), 0)],
        ),
        case(
            "five header lines",
            head(format!("A: 1\r\nB: 2\r\nContent-Length: {n}\r\nC: 3\r\nD: 4")),
            &[(json!(7), 0)],
        ),
        case("a header without a colon", head(format!("Nonsense\r\nContent-Length: {n}")), &[(json!(7), 0)]),
        case("name in capitals", head(format!("CONTENT-LENGTH: {n}")), &[(json!(7), 0)]),
        case("name in small letters", head(format!("content-length:{n}")), &[(json!(7), 0)]),
        case("bare line feeds", format!("Content-Length: {n}\n\n{good}"), &[(json!(7), 0)]),
        case(
            "charset utf8",
            head(format!("Content-Length: {n}\r\nContent-Type: a/b; charset=utf8")),
            &[(json!(7), 0)],
        ),
        case(
            "wrong charset",
            head(format!("Content-Length: {n}\r\nContent-Type: a/b; charset=utf-16")),
            &null(PARSE),
        ),
        case(
            "long header line",
            head(format!("X: {}\r\nContent-Length: {n}", "y".repeat(100_000))),
            &[(json!(7), 0)],
        ),
        case("binary header", [b"\xff\xfe\x00\x01\r\n".to_vec(), frame(good)].concat(), &[(json!(7), 0)]),
        case("junk before a frame", [b"hello".to_vec(), frame(good)].concat(), &[(json!(7), 0)]),
        case(
            "blank lines before a frame",
            [b"\r\n\r\n\n\n".to_vec(), frame(good)].concat(),
            &[(json!(7), 0)],
        ),
        case("length too short", format!("Content-Length: {}\r\n\r\n{good}", n - 4), &null(SOME)),
        case("length too long", format!("Content-Length: {}\r\n\r\n{good}", n + 9), &null(SOME)),
        case("length zero", "Content-Length: 0\r\n\r\n", &null(PARSE)),
        case(
            "over 16 MiB",
            frame(&format!(r#"{{"jsonrpc":"2.0","id":7,"method":"a","params":["{big}"]}}"#)),
            &null(PARSE),
        ),
    ]
}

fn bodies() -> Vec<Case> {
    let null = |code| vec![(Value::Null, code)];
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let bad_utf8 =
        |text: &[u8]| [format!("Content-Length: {}\r\n\r\n", text.len()).as_bytes(), text].concat();
    vec![
        body("not JSON", "hello", &null(PARSE)),
        body("half JSON", r#"{"jsonrpc":"2.0""#, &null(PARSE)),
        body("two values", "{} {}", &null(PARSE)),
        body("a trailing comma", r#"{"jsonrpc":"2.0",}"#, &null(PARSE)),
        body("NaN", r#"{"jsonrpc":"2.0","id":NaN}"#, &null(PARSE)),
        body("100 000 deep", &deep, &null(PARSE)),
        case("bad UTF-8", bad_utf8(b"{\"jsonrpc\":\"2.0\",\"method\":\"\xff\"}"), &null(PARSE)),
        case(
            "bad UTF-8 in an unknown field",
            bad_utf8(b"{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"x\":\"\xc3\"}"),
            &null(PARSE),
        ),
        case("a byte order mark", bad_utf8(b"\xef\xbb\xbf{}"), &null(PARSE)),
        body(
            "half a surrogate pair",
            r#"{"jsonrpc":"2.0","id":7,"method":"quicksilver/status","x":"\ud800"}"#,
            &[(json!(7), 0)],
        ),
        body("a number", "3", &null(INVALID)),
        body("null", "null", &null(INVALID)),
        body("a string", "\"x\"", &null(INVALID)),
        body("a batch", r#"[{"jsonrpc":"2.0","id":1,"method":"a"}]"#, &null(INVALID)),
        body("an empty batch", "[]", &null(INVALID)),
        body("an empty object", "{}", &null(INVALID)),
        body("no version", r#"{"id":7,"method":"quicksilver/status"}"#, &[(json!(7), INVALID)]),
        body("version 1.0", r#"{"jsonrpc":"1.0","id":7,"method":"a"}"#, &[(json!(7), INVALID)]),
        body("no method", r#"{"jsonrpc":"2.0","id":7}"#, &[(json!(7), INVALID)]),
        body("method is a number", r#"{"jsonrpc":"2.0","id":7,"method":1}"#, &[(json!(7), INVALID)]),
        body(
            "params is a string",
            r#"{"jsonrpc":"2.0","id":7,"method":"quicksilver/status","params":"x"}"#,
            &[(json!(7), INVALID)],
        ),
        body("id is null", r#"{"jsonrpc":"2.0","id":null,"method":"quicksilver/status"}"#, &null(INVALID)),
        body(
            "id is a fraction",
            r#"{"jsonrpc":"2.0","id":1.5,"method":"quicksilver/status"}"#,
            &null(INVALID),
        ),
        body("id is an object", r#"{"jsonrpc":"2.0","id":{},"method":"quicksilver/status"}"#, &null(INVALID)),
        body("id overflows", r#"{"jsonrpc":"2.0","id":99999999999999999999,"method":"a"}"#, &null(INVALID)),
        body(
            "id is a string",
            r#"{"jsonrpc":"2.0","id":"x","method":"quicksilver/status"}"#,
            &[(json!("x"), 0)],
        ),
        body(
            "id is negative",
            r#"{"jsonrpc":"2.0","id":-1,"method":"quicksilver/status"}"#,
            &[(json!(-1), 0)],
        ),
        body(
            "unknown field",
            r#"{"jsonrpc":"2.0","id":7,"method":"quicksilver/status","more":[1]}"#,
            &[(json!(7), 0)],
        ),
        body(
            "method twice",
            r#"{"jsonrpc":"2.0","id":7,"method":"a","method":"quicksilver/status"}"#,
            &[(json!(7), 0)],
        ),
    ]
}

fn messages() -> Vec<Case> {
    let request = |method: &str, params: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{params}}}"#)
    };
    let notification =
        |method: &str, params: &str| format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#);
    let seven = |code| vec![(json!(7), code)];
    vec![
        body("unknown request", &request("no/such", "{}"), &seven(UNKNOWN)),
        body("unknown $/ request", &request("$/no/such", "{}"), &seven(UNKNOWN)),
        body("unknown notification", &notification("no/such", "{}"), &[]),
        body("unknown $/ notification", &notification("$/no/such", "{}"), &[]),
        body("initialize again", &request("initialize", r#"{"capabilities":{}}"#), &seven(INVALID)),
        body("a response to nobody", r#"{"jsonrpc":"2.0","id":99,"result":1}"#, &[]),
        body("an error to nobody", r#"{"jsonrpc":"2.0","id":99,"error":{"code":1,"message":"x"}}"#, &[]),
        body("an error that is none", r#"{"jsonrpc":"2.0","id":99,"error":"x"}"#, &[]),
        body(
            "a response with id null",
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"x"}}"#,
            &[],
        ),
        body("cancel nobody", &notification("$/cancelRequest", r#"{"id":12345}"#), &[]),
        body("cancel nothing", &notification("$/cancelRequest", "{}"), &[]),
        body("cancel by object", &notification("$/cancelRequest", r#"{"id":{}}"#), &[]),
        body(
            "completion without params",
            r#"{"jsonrpc":"2.0","id":7,"method":"textDocument/inlineCompletion"}"#,
            &seven(PARAMS),
        ),
        body(
            "completion with wrong params",
            &request("textDocument/inlineCompletion", r#"{"textDocument":3}"#),
            &seven(PARAMS),
        ),
        body(
            "completion at a negative line",
            &request(
                "textDocument/inlineCompletion",
                r#"{"textDocument":{"uri":"u"},"position":{"line":-1,"character":0},"context":{"triggerKind":1}}"#,
            ),
            &seven(PARAMS),
        ),
        body(
            "completion in no document",
            &request(
                "textDocument/inlineCompletion",
                r#"{"textDocument":{"uri":"u"},"position":{"line":0,"character":0},"context":{"triggerKind":1}}"#,
            ),
            &seven(0),
        ),
        body(
            "didOpen without text",
            &notification("textDocument/didOpen", r#"{"textDocument":{"uri":"u"}}"#),
            &[],
        ),
        body("didChange of nothing", &notification("textDocument/didChange", "{}"), &[]),
        body(
            "didChange of what is not open",
            &notification(
                "textDocument/didChange",
                r#"{"textDocument":{"uri":"u","version":2},"contentChanges":[{"text":"x"}]}"#,
            ),
            &[],
        ),
        body(
            "didClose of what is not open",
            &notification("textDocument/didClose", r#"{"textDocument":{"uri":"u"}}"#),
            &[],
        ),
        body(
            "settings that are none",
            &notification("workspace/didChangeConfiguration", r#"{"settings":{"quicksilver":3}}"#),
            &[],
        ),
        body(
            "a command that is none",
            &request("workspace/executeCommand", r#"{"command":"rm"}"#),
            &seven(PARAMS),
        ),
        body("a request as a notification", &notification("textDocument/inlineCompletion", "{}"), &[]),
        body(
            "a notification as a request",
            &request("textDocument/didClose", r#"{"textDocument":{"uri":"u"}}"#),
            &seven(INVALID),
        ),
    ]
}

fn early() -> Vec<Case> {
    let request = |method: &str| format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{{}}}}"#);
    vec![
        body("request before initialize", &request("textDocument/inlineCompletion"), &[(json!(7), EARLY)]),
        body("unknown request before initialize", &request("no/such"), &[(json!(7), EARLY)]),
        body("shutdown before initialize", &request("shutdown"), &[(json!(7), EARLY)]),
        body(
            "notification before initialize",
            r#"{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{}}"#,
            &[],
        ),
        body(
            "initialize without params",
            r#"{"jsonrpc":"2.0","id":7,"method":"initialize"}"#,
            &[(json!(7), PARAMS)],
        ),
        body(
            "initialize with wrong params",
            r#"{"jsonrpc":"2.0","id":7,"method":"initialize","params":{"capabilities":3}}"#,
            &[(json!(7), PARAMS)],
        ),
    ]
}

fn initialized() -> TestServer {
    let mut server = TestServer::spawn();
    // Nothing of this needs an engine.
    server.initialize("a test", json!({}), json!({"enable": false}), None);
    server
}

#[test]
fn no_malformed_message_ends_the_server_or_goes_without_its_answer() {
    let mut fresh = TestServer::spawn();
    let mut count = run(&mut fresh, early());
    let mut server = initialized();
    for cases in [framing(), bodies(), messages()] {
        count += run(&mut server, cases);
    }
    assert!(count >= 60, "{count} cases");
    let did = format!("{count} malformed messages");
    tier::report("J1", &did, "the right code or silence for each; the next valid request is answered");
}

#[test]
fn a_duplicate_id_is_refused_while_the_first_runs() {
    // Without an engine that answers, a request waits for its deadline.
    let engine = quicksilver_tests::engine::FakeEngine::start(|_| {
        quicksilver_tests::engine::Script::says("x").after(std::time::Duration::from_secs(60))
    });
    let fixture = quicksilver_tests::fixture::Fixture::new("fn f() { $0 }");
    let kind = quicksilver_tests::editor::Kind::Neovim;
    let mut editor = quicksilver_tests::editor::Editor::open(kind, engine.settings(), &fixture);
    let params = editor.place_params(fixture.position());
    let message =
        json!({"jsonrpc": "2.0", "id": 7, "method": "textDocument/inlineCompletion", "params": params});
    // Until the engine is known, requests are answered at once.
    while engine.asked().is_empty() {
        let id = editor.ask(fixture.position());
        editor.server.notify("$/cancelRequest", json!({ "id": id }));
        editor.server.answer(id);
    }
    editor.server.send(&message);
    editor.server.send(&message);
    assert_eq!(editor.server.answer(7)["error"]["code"], INVALID);
    editor.server.notify("$/cancelRequest", json!({"id": 7}));
    assert_eq!(editor.server.answer(7)["error"]["code"], -32800);
}

#[test]
fn the_exit_code_tells_whether_shutdown_was_said() {
    let mut polite = initialized();
    assert_eq!(polite.request("shutdown", Value::Null)["result"], Value::Null);
    let late = polite.request("quicksilver/status", Value::Null);
    assert_eq!(late["error"]["code"], INVALID);
    polite.notify("exit", Value::Null);
    assert_eq!(polite.exit_code(), Some(0));

    let mut rude = initialized();
    rude.notify("exit", Value::Null);
    assert_eq!(rude.exit_code(), Some(1));

    let mut early = TestServer::spawn();
    early.notify("exit", Value::Null);
    assert_eq!(early.exit_code(), Some(1));

    let mut cut = initialized();
    cut.hang_up();
    assert_eq!(cut.exit_code(), Some(1));
}

#[cfg(unix)]
#[test]
fn a_server_ends_with_the_process_that_started_it() {
    let mut editor = std::process::Command::new("sleep").arg("600").spawn().expect("sleep");
    let mut server = TestServer::spawn();
    let params = json!({"processId": editor.id(), "rootUri": null, "capabilities": {}, "initializationOptions": {"quicksilver": {"enable": false}}});
    server.request("initialize", params);
    assert!(server.is_alive());
    editor.kill().expect("it runs");
    editor.wait().expect("it ends");
    assert_eq!(server.exit_code(), Some(1));
}

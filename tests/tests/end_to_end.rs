//! A keystroke to ghost text with nothing scripted: the real server, the real engine, the embedded model.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quicksilver_tests::Home;
use quicksilver_tests::editor::Editor;
use quicksilver_tests::fixture::Fixture;
use serde_json::{Value, json};

const SHOP: &str = include_str!("../../examples/shop.rs");
const LINE: &str = "self.pieces.entry(article.to_owned()).or_insert(0);";

/// The sample, the cursor after `let pieces = ` in `remove`.
fn shop() -> Fixture {
    Fixture::new(&SHOP.replace("let pieces = \n", "let pieces = $0\n"))
}

fn editor(home: &Arc<Home>, frames: bool) -> Editor {
    let experimental = json!({"quicksilver": {"frames": frames, "maxFps": 60}});
    // Whether the model is sure enough of the hole is not what is tested here.
    Editor::in_project(home, experimental, json!({"showUnsure": true}), SHOP)
}

/// The first suggestion at a place, once there is one.
fn suggested(editor: &mut Editor, position: &Value) -> String {
    let items = editor.eventual_suggestions(position);
    items.first().and_then(|item| item["insertText"].as_str()).unwrap_or_default().to_owned()
}

#[test]
fn a_keystroke_becomes_an_infilled_span() {
    let shop = shop();
    let mut editor = editor(&Arc::default(), false);
    assert_eq!(suggested(&mut editor, &shop.position()), LINE);
    let at = shop.text.find("let pieces = \n").expect("the hole") + "let pieces = ".len();
    editor.splice(at, at, "self.pi");
    let after = json!({"line": shop.line, "character": shop.character + 7});
    assert_eq!(
        format!("self.pi{}", suggested(&mut editor, &after)),
        LINE,
        "what is typed of it leaves the rest"
    );
    assert_eq!(editor.server.shut_down(), Some(0));
}

#[test]
fn who_asks_for_frames_sees_the_span_refined_and_others_do_not() {
    let position = shop().position();
    let is_frame = |message: &Value| message["method"] == "quicksilver/frame";
    let mut drawing = editor(&Arc::default(), true);
    assert_eq!(suggested(&mut drawing, &position), LINE);
    let last = drawing
        .server
        .wait_for("a final frame", |message| is_frame(message) && message["params"]["state"] == "final");
    let runs = last["params"]["runs"].as_array().cloned().unwrap_or_default();
    assert_eq!(runs.iter().filter_map(|run| run["text"].as_str()).collect::<String>(), LINE);

    let mut plain = editor(&Arc::default(), false);
    assert_eq!(suggested(&mut plain, &position), LINE);
    assert!(!plain.server.drain(Duration::from_millis(100)).iter().any(is_frame), "it did not ask");
}

#[test]
fn an_excluded_file_gets_silence_and_the_reason() {
    let home: Arc<Home> = Arc::default();
    let mut editor = editor(&home, false);
    suggested(&mut editor, &shop().position());
    let secret = Fixture::new("KEY=abc\nKEY=abc\nKEY=$0");
    editor.show(&home.path().join("project/.env"), "plaintext", &secret.text);
    assert_eq!(editor.suggestions(secret.position()), Vec::<Value>::new());
    let status = editor.server.request("quicksilver/status", Value::Null)["result"].take();
    assert_eq!(status["reason"], "excluded", "{status}");
    assert_eq!((&status["model"], &status["device"]), (&"quicksilver".into(), &"cpu".into()), "{status}");
}

#[test]
fn two_servers_share_one_engine_and_it_leaves_with_the_last() {
    let home: Arc<Home> = Arc::default();
    let position = shop().position();
    let mut first = editor(&home, false);
    suggested(&mut first, &position);
    let mut second = editor(&home, false);
    suggested(&mut second, &position);
    assert_eq!(engines_in(home.path()).len(), 1, "one engine for both");
    assert_eq!(first.server.shut_down(), Some(0));
    assert_eq!(suggested(&mut second, &position), LINE);
    assert_eq!(second.server.shut_down(), Some(0));
    let until = Instant::now() + Duration::from_secs(10);
    while !engines_in(home.path()).is_empty() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(engines_in(home.path()), Vec::<u32>::new(), "no orphan engine");
}

#[test]
fn the_engine_killed_twenty_times_costs_ghost_text_only() {
    let home: Arc<Home> = Arc::default();
    let position = shop().position();
    let mut editor = editor(&home, false);
    suggested(&mut editor, &position);
    for round in 0..20 {
        let engine = engines_in(home.path()).first().copied();
        let asked = editor.ask(position.clone());
        if let Some(engine) = engine {
            let killed = std::process::Command::new("kill").args(["-9", &engine.to_string()]).status();
            killed.expect("the system can kill");
        }
        // An answer of any kind, as a list.
        editor.items(asked);
        assert!(editor.server.is_alive(), "round {round}: the server lives");
        assert_eq!(suggested(&mut editor, &position), LINE, "round {round}");
    }
    assert_eq!(editor.server.shut_down(), Some(0));
}

/// Process ids of the engines whose home is this folder.
fn engines_in(home: &Path) -> Vec<u32> {
    let wanted = format!("HOME={}", home.display());
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let command = std::fs::read(entry.path().join("cmdline")).ok()?;
            let environment = std::fs::read(entry.path().join("environ")).ok()?;
            let is_engine = command.split(|&byte| byte == 0).nth(1) == Some(b"engine");
            let in_home = environment.split(|&byte| byte == 0).any(|variable| variable == wanted.as_bytes());
            (is_engine && in_home).then_some(pid)
        })
        .collect()
}

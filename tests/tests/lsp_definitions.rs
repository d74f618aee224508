//! Where the editor says that names are defined: what of it reaches the engine, and what never does.

#![allow(clippy::expect_used, reason = "a test ends at the first surprise")]

use std::time::{Duration, Instant};

use quicksilver_tests::Home;
use quicksilver_tests::editor::Editor;
use quicksilver_tests::engine::{FakeEngine, Script};
use quicksilver_tests::fixture::Fixture;
use serde_json::{Value, json};

const CALL: &str = "fn f() {\n    let x = shape.compute($0\n}\n";
/// What no request may hold.
const CANARY: &str = "fn compute() { let canary = 1; }\n";

fn project(files: &[(&str, &str)]) -> std::sync::Arc<Home> {
    let home = std::sync::Arc::new(Home::new());
    for (name, text) in files {
        let path = home.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    home
}

fn says(editor: &mut Editor, version: i32, locations: &Value) {
    let params = json!({
        "textDocument": {"uri": editor.uri, "version": version},
        "names": [{"name": "compute", "locations": locations}],
    });
    editor.server.notify("quicksilver/definitions", params);
}

fn location(uri: &str, line: u32) -> Value {
    json!({"uri": uri, "range": {"start": {"line": line, "character": 3}, "end": {"line": line, "character": 10}}})
}

/// What the engine is told of other files, once `ready` likes it or time is up. Each question is about a text of its own:
/// what is shown already is not asked for again.
fn told(
    editor: &mut Editor,
    engine: &FakeEngine,
    patience: Duration,
    ready: impl Fn(&str) -> bool,
) -> String {
    let until = Instant::now() + patience;
    let mut round = 0;
    loop {
        round += 1;
        let fixture = Fixture::new(&CALL.replace("let x", &format!("let x{round}")));
        editor.replace(&fixture.text);
        editor.suggestions(fixture.position());
        let asked = engine.asked().pop();
        let told: String =
            asked.iter().flat_map(|asked| &asked.context).map(|file| file.text.as_str()).collect();
        if ready(&told) || Instant::now() > until {
            return told;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_definition_that_the_editor_points_at_reaches_the_engine() {
    // Defined so often that the name alone says nothing, in files that are like nothing else.
    let filler = |name: &str, n| (0..90).map(|at| format!("fn {name}_{n}_{at}() {{}}\n")).collect::<String>();
    let of = |n| format!("{}fn compute() {{ from_{n}(); }}\n{}", filler("before", n), filler("after", n));
    let names: Vec<(String, String)> = (0..6).map(|n| (format!("project/f{n}.rs"), of(n))).collect();
    let files: Vec<_> = names.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let home = project(&files);
    let engine = FakeEngine::start(|_| Script::says("1"));
    let mut editor = Editor::in_project(&home, json!({}), engine.settings(), &CALL.replace("$0", ""));
    let uri = format!("file://{}", home.path().join("project/f4.rs").display());
    // Of another version it is not taken in.
    says(&mut editor, 99, &json!([location(&uri, 90)]));
    let without = told(&mut editor, &engine, Duration::from_secs(2), |told| told.contains("from_4"));
    assert!(!without.contains("from_4"), "{without}");
    let version = editor.version();
    says(&mut editor, version, &json!([location(&uri, 90)]));
    let with = told(&mut editor, &engine, Duration::from_secs(20), |told| told.contains("from_4"));
    assert!(with.contains("fn compute() { from_4(); }") && !with.contains("from_3"), "{with}");
}

#[test]
fn hostile_locations_reach_no_engine_and_stop_no_server() {
    let home = project(&[
        ("project/.env", CANARY),
        ("project/huge.rs", &format!("{CANARY}{}", "\n".repeat(1 << 20))),
        ("project/.gitignore", "ignored.rs\n"),
        ("project/ignored.rs", CANARY),
        ("outside/dependency.rs", CANARY),
    ]);
    let engine = FakeEngine::start(|_| Script::says("1"));
    let mut editor = Editor::in_project(&home, json!({}), engine.settings(), &CALL.replace("$0", ""));
    let root = format!("file://{}", home.path().display());
    for uri in [
        format!("{root}/project/.env"),
        format!("{root}/project/huge.rs"),
        format!("{root}/project/ignored.rs"),
        format!("{root}/project/gone.rs"),
        format!("{root}/outside/dependency.rs"),
        format!("{root}/project/../outside/dependency.rs"),
        format!("{root}/project/%2e%2e/outside/dependency.rs"),
        "file:///dev/zero".into(),
        "jdt://contents/rt.jar".into(),
        "no address".into(),
    ] {
        for line in [0, u32::MAX] {
            let version = editor.version();
            says(&mut editor, version, &json!([location(&uri, line)]));
            let told = told(&mut editor, &engine, Duration::from_millis(100), |told| told.contains("canary"));
            assert!(!told.contains("canary"), "{uri}: {told}");
        }
    }
    for nonsense in [json!(null), json!({"names": 3}), json!({"textDocument": {"uri": 1}, "names": []})] {
        editor.server.notify("quicksilver/definitions", nonsense);
    }
    assert!(editor.server.is_alive());
    assert_eq!(editor.digest()["version"], editor.version());
}

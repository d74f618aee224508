//! What users of other completion tools complain of, where text is stale or misplaced. Numbers are those of the issue's
//! research; 8 to 16 are in `server/src/completion/pains_tests.rs`, 20 is the editors' alone: `tests/editors/neovim/spec/ghost.lua`
//! has it by its number; VS Code draws and takes away its ghost text itself.

use std::time::{Duration, Instant};

use quicksilver_tests::editor::{Editor, Kind};
use quicksilver_tests::engine::{FakeEngine, Script};
use quicksilver_tests::fixture::Fixture;
use serde_json::{Value, json};

fn texts(items: &[Value]) -> Vec<String> {
    items.iter().map(|item| item["insertText"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Waits until it is so.
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn pain_17_and_18_what_was_typed_after_the_request_is_never_typed_again_nor_lost() {
    let engine = FakeEngine::start(|_| Script::says("foobar();").after(Duration::from_millis(200)));
    let fixture = Fixture::new("fn f() {\n    $0\n}\n");
    let mut editor = Editor::open(Kind::VsCode, engine.settings(), &fixture);
    until("the engine is asked", || {
        let id = editor.ask(fixture.position());
        let items = editor.items(id);
        !items.is_empty()
    });
    let at = fixture.text.find("\n}").expect("the line ends");
    // Typed along: what is left goes in behind it.
    editor.splice(at, at, "foo");
    let items = editor.suggestions(json!({"line": 1, "character": 7}));
    assert_eq!(texts(&items), ["bar();"]);
    assert_eq!(items[0]["range"]["start"], json!({"line": 1, "character": 7}));
    // Typed while the answer was on its way: it is for a text that is gone.
    editor.splice(at, at + 3, "x = ");
    let late = editor.ask(json!({"line": 1, "character": 8}));
    editor.splice(at + 4, at + 4, "9");
    assert_eq!(editor.items(late), Vec::<Value>::new());
}

#[test]
fn pain_19_typing_along_asks_no_engine_and_deleting_back_returns_to_what_was_shown() {
    let engine = FakeEngine::start(|asked| {
        Script::says(if asked.prompt.ends_with("x = q") { "uite();" } else { "compute(a, b);" })
    });
    let fixture = Fixture::new("fn f() {\n    let x = $0\n}\n");
    let mut editor = Editor::open(Kind::Neovim, engine.settings(), &fixture);
    assert_eq!(texts(&editor.eventual_suggestions(&fixture.position())), ["compute(a, b);"]);
    let asked = engine.asked().len();
    let start = fixture.text.find("\n}").expect("the line ends");
    let line = "compute(a, b)";
    for (typed, c) in line.char_indices() {
        editor.splice(start + typed, start + typed, &c.to_string());
        let items = editor.suggestions(json!({"line": 1, "character": 12 + typed + 1}));
        assert_eq!(texts(&items), [&format!("{line};")[typed + 1..]], "after {typed}");
    }
    assert_eq!(engine.asked().len(), asked, "none was needed");
    // Words that were accepted are typed text as well; back to the start, on to something else, and back.
    editor.splice(start, start + line.len(), "");
    assert_eq!(texts(&editor.suggestions(fixture.position())), ["compute(a, b);"]);
    editor.splice(start, start, "q");
    assert_eq!(texts(&editor.suggestions(json!({"line": 1, "character": 13}))), ["uite();"]);
    editor.splice(start, start + 1, "");
    assert_eq!(texts(&editor.suggestions(fixture.position())), ["compute(a, b);"], "the earlier one");
    assert_eq!(engine.asked().len(), asked + 1);
}

#[test]
fn pain_21_places_are_right_behind_any_character() {
    // It takes the place of the closer: of the rest of the line, for VS Code.
    let engine = FakeEngine::start(|_| Script::says("а).сумма(б)"));
    for (kind, before) in
        [(Kind::VsCode, "let имя = \"😀é\"; let x = f("), (Kind::Neovim, "let имя = \"😀é\"; let x = f(")]
    {
        let fixture = Fixture::new(&format!("fn f() {{\n    {before}$0)\n}}\n"));
        let mut editor = Editor::open(kind, engine.settings(), &fixture);
        let column = |text: &str| match kind {
            Kind::VsCode => text.encode_utf16().count(),
            _ => text.len(),
        };
        let start = column(&format!("    {before}"));
        let items = editor.eventual_suggestions(&json!({"line": 1, "character": start}));
        assert_eq!(items[0]["range"]["start"]["character"], start);
        assert_eq!(items[0]["range"]["end"]["character"], start + 1);
        let asked = engine.asked().pop().expect("it was asked");
        assert!(
            asked.prompt.ends_with(before) && asked.suffix.is_some_and(|suffix| suffix.starts_with(")\n"))
        );
    }
}

#[test]
fn pain_22_it_goes_on_after_the_whole_file_was_rewritten() {
    let engine = FakeEngine::start(|_| Script::says("answer()"));
    let fixture = Fixture::new("fn f() { $0 }");
    let mut editor = Editor::open(Kind::VsCode, engine.settings(), &fixture);
    assert_eq!(texts(&editor.eventual_suggestions(&fixture.position())).len(), 1);
    for round in 0..3 {
        let fixture = Fixture::new(&format!("// {round}\nmod other {{\n    fn g() {{ $0 }}\n}}\n"));
        editor.replace(&fixture.text);
        let items = editor.suggestions(fixture.position());
        assert_eq!(items.len(), 1, "round {round}");
        let asked = engine.asked().pop().expect("it was asked");
        assert!(asked.prompt.starts_with(&format!("// {round}")), "{:?}", asked.prompt);
    }
}

#[test]
fn what_follows_is_there_as_soon_as_a_suggestion_is_taken() {
    let engine = FakeEngine::start(|asked| {
        Script::says(if asked.prompt.ends_with("sum(a);\n    ") { "x + 1" } else { "sum(a);" })
    });
    let fixture = Fixture::new("fn f() {\n    let x = $0\n}\n");
    let mut settings = engine.settings();
    settings["lookAhead"] = json!(true);
    let mut editor = Editor::open(Kind::Neovim, settings, &fixture);
    let items = editor.eventual_suggestions(&fixture.position());
    assert_eq!(texts(&items), ["sum(a);"]);
    until("the engine is asked for what follows", || {
        engine.asked().iter().any(|asked| asked.prompt.ends_with("sum(a);\n    "))
    });
    std::thread::sleep(Duration::from_millis(50));
    let asked = engine.asked().len();
    let session = &items[0]["command"]["arguments"][0]["session"];
    let accepted = json!({"command": "quicksilver.accepted", "arguments": [{"session": session}]});
    let at = fixture.text.find("\n}").expect("the line ends");
    editor.splice(at, at, "sum(a);");
    editor.server.request("workspace/executeCommand", accepted);
    editor.splice(at + 7, at + 7, "\n    ");
    assert_eq!(texts(&editor.suggestions(json!({"line": 2, "character": 4}))), ["x + 1"]);
    assert_eq!(engine.asked().len(), asked, "nothing had to be asked");
}

#[test]
fn who_types_on_ends_the_look_ahead() {
    let engine = FakeEngine::start(|asked| {
        let ahead = asked.prompt.ends_with("sum(a)");
        Script::says("sum(a)").after(if ahead { Duration::from_secs(60) } else { Duration::ZERO })
    });
    let fixture = Fixture::new("fn f() {\n    let x = $0\n}\n");
    let mut settings = engine.settings();
    settings["lookAhead"] = json!(true);
    let mut editor = Editor::open(Kind::Neovim, settings, &fixture);
    editor.eventual_suggestions(&fixture.position());
    until("the engine is asked for what follows", || {
        engine.asked().iter().any(|asked| asked.prompt.ends_with("sum(a)"))
    });
    let dropped = engine.dropped();
    let at = fixture.text.find("\n}").expect("the line ends");
    editor.splice(at, at, "s");
    until("the question is dropped", || engine.dropped() > dropped);
}

#[test]
fn the_older_text_of_a_secret_file_is_as_secret() {
    let engine = FakeEngine::start(|_| Script::says("answer()"));
    let fixture = Fixture::new("KEY=$0\n");
    let mut editor = Editor::open(Kind::Neovim, engine.settings(), &Fixture::new("fn f() { $0 }"));
    editor.eventual_suggestions(&json!({"line": 0, "character": 9}));
    let asked = engine.asked().len();
    let uris = [
        "git:/project/.env?%7B%22ref%22%3A%22HEAD%22%7D",
        "fugitive:///project/.git//0/.env",
        "vscode-notebook-cell:/project/secrets.ipynb#W0sZmlsZQ%3D%3D",
    ];
    for uri in uris {
        let document = json!({"uri": uri, "languageId": "plaintext", "version": 1, "text": fixture.text});
        editor.server.notify("textDocument/didOpen", json!({"textDocument": document}));
        uri.clone_into(&mut editor.uri);
        assert_eq!(editor.suggestions(fixture.position()), Vec::<Value>::new());
        let status = editor.server.request("quicksilver/status", Value::Null)["result"].take();
        assert_eq!(status["reason"], "excluded", "{uri}: {status}");
        let hole = json!({"start": fixture.position(), "end": fixture.position()});
        let fill = json!({"textDocument": {"uri": uri, "version": 1}, "holes": [hole]});
        let answer = editor.server.request("quicksilver/fill", fill)["result"].take();
        assert_eq!(answer["silence"]["reason"], "excluded", "{uri}: {answer}");
    }
    assert_eq!(engine.asked().len(), asked);
}

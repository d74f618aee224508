//! Several holes filled together, and text written anew, from the client's side, with a scripted engine.

use std::time::{Duration, Instant};

use quicksilver_protocol::completion::{Frame, Run, RunKind};
use quicksilver_protocol::holes::Doubt;
use quicksilver_tests::editor::{Editor, Kind};
use quicksilver_tests::engine::{FakeEngine, Script};
use quicksilver_tests::fixture::Fixture;
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);
const FILE: &str = "fn a() -> u8 {\n    todo!()\n}\nfn b() -> u8 {\n    todo!()\n}\n$0";

fn editor(engine: &FakeEngine) -> Editor {
    Editor::open(Kind::VsCode, engine.settings(), &Fixture::new(FILE))
}

fn range(line: u32, from: u32, to: u32) -> Value {
    json!({"start": {"line": line, "character": from}, "end": {"line": line, "character": to}})
}

fn params(editor: &Editor, more: Value) -> Value {
    let mut params = json!({"textDocument": {"uri": editor.uri, "version": editor.version()}});
    for (name, value) in more.as_object().into_iter().flatten() {
        params[name] = value.clone();
    }
    params
}

/// Asks until the engine is there.
fn eventually(editor: &mut Editor, method: &str, params: &Value) -> Value {
    let until = Instant::now() + MINUTE;
    loop {
        let answer = editor.server.request(method, params.clone());
        if answer["result"]["silence"]["reason"] != "no-engine" || Instant::now() > until {
            return answer["result"].clone();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_text_that_leaves_a_bracket_open_is_not_put_in_place_of_a_placeholder() {
    let engine = FakeEngine::start(|_| Script::says("match 1 {").and(&["2"]));
    let mut editor = editor(&engine);
    let asked = params(
        &editor,
        json!({"within": {"start": {"line": 0, "character": 0}, "end": {"line": 5, "character": 0}}}),
    );
    let answer = eventually(&mut editor, "quicksilver/fill", &asked);
    let holes = answer["holes"].as_array().cloned().unwrap_or_default();
    assert_eq!(holes.len(), 1, "{answer}");
    assert_eq!(holes[0]["newText"], "2");
}

#[test]
fn a_placeholder_alone_gets_the_first_text_that_closes_its_brackets() {
    let engine = FakeEngine::start(|_| Script::says("match 1 {").or(&["2"]));
    let mut editor = editor(&engine);
    let asked = params(&editor, json!({"holes": [range(1, 4, 11)]}));
    let answer = eventually(&mut editor, "quicksilver/fill", &asked);
    assert_eq!(answer["holes"][0]["newText"], "2", "{answer}");
}

#[test]
fn the_placeholders_of_a_selection_are_filled_in_one_request() {
    let engine = FakeEngine::start(|_| Script::says("1").and(&["2"]));
    let mut editor = editor(&engine);
    let asked = params(
        &editor,
        json!({"within": {"start": {"line": 0, "character": 0}, "end": {"line": 5, "character": 0}}}),
    );
    let answer = eventually(&mut editor, "quicksilver/fill", &asked);
    assert_eq!(answer["version"], 1, "{answer}");
    assert_eq!(answer["holes"][0]["range"], range(1, 4, 11));
    assert_eq!(answer["holes"][1]["range"], range(4, 4, 11));
    let texts: Vec<_> =
        answer["holes"].as_array().into_iter().flatten().map(|hole| hole["newText"].clone()).collect();
    assert_eq!(texts, ["1", "2"]);
    let asked = engine.asked().pop().expect("it was asked");
    assert_eq!(asked.prompt, "fn a() -> u8 {\n    ");
    assert_eq!(asked.holes[0].before, "\n}\nfn b() -> u8 {\n    ");
    assert_eq!(asked.suffix.as_deref(), Some("\n}\n"));
}

#[test]
fn frames_are_of_all_holes_and_carry_the_clients_token() {
    let run = |text: &str, hole| Run { text: text.into(), kind: RunKind::Masked, confidence: 0.5, hole };
    let frame = Frame { step: 3, runs: vec![run("o", 0), run("ne", 0), run("two", 1)] };
    let engine = FakeEngine::start(move |_| Script {
        frames: vec![(frame.clone(), Duration::from_millis(200))],
        ..Script::says("1").and(&["2"])
    });
    let mut editor = editor(&engine);
    let holes = json!([range(1, 4, 11), range(4, 4, 4)]);
    let asked = params(&editor, json!({"holes": holes, "frameToken": "t7"}));
    eventually(&mut editor, "quicksilver/fill", &asked);
    let frame = editor.server.notified("quicksilver/fillFrame");
    assert_eq!((&frame["token"], &frame["step"], &frame["version"]), (&json!("t7"), &json!(3), &json!(1)));
    assert_eq!(frame["holes"][1]["range"], range(4, 4, 4));
    let text = |hole: &Value| {
        hole["runs"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|run| run["text"].as_str())
            .collect::<String>()
    };
    assert_eq!((text(&frame["holes"][0]), text(&frame["holes"][1])), ("one".into(), "two".into()));
}

#[test]
fn an_answer_for_a_text_that_is_gone_is_dropped() {
    let engine = FakeEngine::start(|_| Script::says("1").and(&["2"]).after(Duration::from_millis(300)));
    let mut editor = editor(&engine);
    let asked = params(&editor, json!({"holes": [range(1, 4, 11), range(4, 4, 11)]}));
    eventually(&mut editor, "quicksilver/fill", &asked);
    let id = editor.server.ask("quicksilver/fill", asked);
    std::thread::sleep(Duration::from_millis(50));
    editor.splice(0, 0, "x");
    let answer = editor.server.answer(id)["result"].clone();
    assert_eq!((&answer["holes"], &answer["silence"]["reason"]), (&json!([]), &json!("superseded")));
    // So is a question about one.
    let late = params(
        &editor,
        json!({"holes": [range(1, 4, 11)], "textDocument": {"uri": editor.uri, "version": 1}}),
    );
    let answer = editor.server.request("quicksilver/fill", late)["result"].clone();
    assert_eq!(answer["silence"]["reason"], "superseded");
}

#[test]
fn a_cancelled_fill_is_answered_once_and_frees_the_engine() {
    let engine = FakeEngine::start(|_| Script::says("1").after(MINUTE));
    let settings = json!({"endpoint": format!("http://{}", engine.address()), "deadlineMs": 10_000});
    let mut editor = Editor::open(Kind::VsCode, settings, &Fixture::new(FILE));
    let asked = params(&editor, json!({"holes": [range(1, 4, 11)]}));
    let until = Instant::now() + MINUTE;
    let id = loop {
        let id = editor.server.ask("quicksilver/fill", asked.clone());
        std::thread::sleep(Duration::from_millis(100));
        if !engine.asked().is_empty() {
            break id;
        }
        assert!(Instant::now() < until, "the engine is never asked");
        editor.server.answer(id);
    };
    editor.server.notify("$/cancelRequest", json!({"id": id}));
    assert!(editor.server.answer(id)["error"]["code"].is_i64());
    while engine.dropped() == 0 {
        assert!(Instant::now() < until, "the engine still works on it");
        std::thread::sleep(Duration::from_millis(10));
    }
    let more = editor.server.drain(Duration::from_millis(100));
    assert!(!more.iter().any(|message| message["id"] == id), "answered twice: {more:?}");
}

#[test]
fn a_newer_fill_answers_the_older_and_ghost_text_is_left_alone() {
    let engine = FakeEngine::start(|_| Script::says("1").and(&["2"]).after(Duration::from_millis(400)));
    let mut editor = editor(&engine);
    let asked = params(&editor, json!({"holes": [range(1, 4, 11), range(4, 4, 11)]}));
    eventually(&mut editor, "quicksilver/fill", &asked);
    let ghost = editor.ask(json!({"line": 1, "character": 4}));
    let older = editor.server.ask("quicksilver/fill", asked.clone());
    let newer = editor.server.ask("quicksilver/fill", asked);
    assert_eq!(editor.server.answer(older)["result"]["silence"]["reason"], "superseded");
    assert_eq!(editor.server.answer(newer)["result"]["holes"][1]["newText"], "2");
    assert!(editor.server.answer(ghost)["result"]["items"].is_array());
}

#[test]
fn a_rewriting_gives_its_texts_its_margin_and_never_the_original() {
    let engine = FakeEngine::start(|_| Script::says("42").or(&["todo!()", "42", "7"]).better_by(1.5));
    let mut editor = editor(&engine);
    let asked = params(&editor, json!({"range": range(1, 4, 11)}));
    let answer = eventually(&mut editor, "quicksilver/rewrite", &asked);
    assert_eq!((&answer["texts"], &answer["margin"]), (&json!(["42", "7"]), &json!(1.5)));
    assert_eq!(answer["range"], range(1, 4, 11));
    let told = engine.asked().pop().and_then(|asked| asked.rewrite).expect("it says what stands there");
    assert_eq!((&*told.text, told.all), ("todo!()", false));

    let engine = FakeEngine::start(|_| Script::says("").better_by(0.0));
    let mut editor = self::editor(&engine);
    let asked = params(&editor, json!({"range": range(1, 4, 11)}));
    let answer = eventually(&mut editor, "quicksilver/rewrite", &asked);
    assert_eq!((&answer["texts"], &answer["silence"]["reason"]), (&json!([]), &json!("nothing-better")));
}

#[test]
fn code_actions_are_offered_where_something_can_be_done_and_applied_for_plain_clients() {
    let engine = FakeEngine::start(|_| Script::says("1").and(&["2"]));
    let mut editor = editor(&engine);
    let all = json!({"start": {"line": 0, "character": 0}, "end": {"line": 5, "character": 1}});
    let actions = |editor: &mut Editor, range: Value| {
        let asked = params(editor, json!({"range": range, "context": {"diagnostics": []}}));
        editor.server.request("textDocument/codeAction", asked)["result"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    };
    assert!(actions(&mut editor, range(0, 0, 0)).is_empty());
    let found = actions(&mut editor, all);
    let titles: Vec<_> = found.iter().filter_map(|action| action["title"].as_str()).collect();
    assert_eq!(titles, ["Quicksilver: fill 2 places together", "Quicksilver: write the selection anew"]);
    let asked = params(&editor, json!({"holes": [range(1, 4, 11)]}));
    eventually(&mut editor, "quicksilver/fill", &asked);
    let command = &found[0]["command"];
    let id = editor.server.ask(
        "workspace/executeCommand",
        json!({"command": command["command"], "arguments": command["arguments"]}),
    );
    let apply = editor.server.wait_for("an edit", |message| message["method"] == "workspace/applyEdit");
    let uri = editor.uri.clone();
    let edits = apply["params"]["edit"]["changes"][&uri].as_array().cloned().unwrap_or_default();
    let texts: Vec<_> = edits.iter().map(|edit| (edit["range"].clone(), edit["newText"].clone())).collect();
    assert_eq!(texts, [(range(1, 4, 11), json!("1")), (range(4, 4, 11), json!("2"))]);
    editor.server.send(&json!({"jsonrpc": "2.0", "id": apply["id"], "result": {"applied": true}}));
    assert_eq!(editor.server.answer(id)["result"]["applied"], true);
}

#[test]
fn names_in_doubt_are_shown_on_command_move_with_the_text_and_can_be_fixed() {
    let doubt = |line, start, end| Doubt { line, start, end, instead: "count".into(), margin: 14.0 };
    let engine = FakeEngine::start(move |_| Script {
        doubts: vec![doubt(1, 4, 9), doubt(2, 7, 12), doubt(7, 0, 9)],
        ..Script::says("")
    });
    let text = "fn é() {\n    conut();\n    // cuont\n}\n$0";
    let mut editor = Editor::open(Kind::VsCode, engine.settings(), &Fixture::new(text));
    let look = |editor: &mut Editor| {
        let argument = json!({"textDocument": {"uri": editor.uri}});
        let command = json!({"command": "quicksilver.findDoubts", "arguments": [argument]});
        editor.server.request("workspace/executeCommand", command)["result"].clone()
    };
    let until = Instant::now() + MINUTE;
    while look(&mut editor)["silence"]["reason"] == "no-engine" {
        assert!(Instant::now() < until, "no engine");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(engine.asked().iter().any(|asked| asked.doubt));
    let shown = |editor: &mut Editor, count: usize| {
        editor.server.wait_for("diagnostics", |message| {
            message["method"] == "textDocument/publishDiagnostics"
                && message["params"]["diagnostics"].as_array().map_or(0, Vec::len) == count
        })["params"]["diagnostics"]
            .clone()
    };
    let found = shown(&mut editor, 1);
    assert_eq!(found[0]["range"], range(1, 4, 9), "comments are left alone: {found}");
    editor.server.drain(Duration::from_millis(50));
    editor.splice(0, 0, "\n");
    let moved = shown(&mut editor, 1);
    assert_eq!(moved[0]["range"], range(2, 4, 9));
    let asked = params(&editor, json!({"range": range(2, 4, 4), "context": {"diagnostics": moved}}));
    let actions = editor.server.request("textDocument/codeAction", asked)["result"].clone();
    assert_eq!(actions[0]["title"], "Replace by `count`", "{actions}");
    let uri = editor.uri.clone();
    assert_eq!(actions[0]["edit"]["changes"][&uri][0]["newText"], "count");
    let at = editor.text().encode_utf16().collect::<Vec<_>>().len() - "conut();\n    // cuont\n}\n".len();
    editor.splice(at, at + 5, "count");
    shown(&mut editor, 0);
}

#[test]
fn doubts_are_offered_only_to_those_who_ask_for_source_actions() {
    let engine = FakeEngine::start(|_| Script::says(""));
    let mut editor = editor(&engine);
    let kinds = |editor: &mut Editor, context: Value| {
        let asked = params(editor, json!({"range": range(0, 0, 0), "context": context}));
        let actions = editor.server.request("textDocument/codeAction", asked)["result"].clone();
        actions.as_array().into_iter().flatten().map(|action| action["kind"].clone()).collect::<Vec<_>>()
    };
    assert!(kinds(&mut editor, json!({"diagnostics": []})).is_empty());
    assert_eq!(kinds(&mut editor, json!({"diagnostics": [], "only": ["source"]})), ["source.doubts"]);
}

#[test]
fn an_excluded_file_is_never_told_and_odd_parameters_are_refused() {
    let engine = FakeEngine::start(|_| Script::says("1"));
    let mut editor = editor(&engine);
    let asked = params(&editor, json!({"holes": [range(1, 4, 11)]}));
    eventually(&mut editor, "quicksilver/fill", &asked);
    let asked_before = engine.asked().len();
    let secret = Fixture::new("KEY=abc\nKEY=$0\n");
    editor.show(std::path::Path::new("/tmp/project/.env"), "plaintext", &secret.text);
    for (method, more) in [
        ("quicksilver/fill", json!({"holes": [range(1, 4, 4)]})),
        ("quicksilver/rewrite", json!({"range": range(0, 0, 7)})),
    ] {
        let asked = params(&editor, more);
        let answer = editor.server.request(method, asked)["result"].clone();
        assert_eq!(answer["silence"]["reason"], "excluded", "{answer}");
    }
    assert_eq!(engine.asked().len(), asked_before);
    let odd = editor.server.request("quicksilver/fill", json!({"holes": 7}));
    assert_eq!(odd["error"]["code"], -32602);
}

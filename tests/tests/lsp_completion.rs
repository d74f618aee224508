//! Ghost text from the client's side, with a scripted engine: shapes, superseding, cancels, frames, reasons.

use std::time::{Duration, Instant};

use quicksilver_protocol::completion::{Frame, Run, RunKind};
use quicksilver_tests::editor::{Editor, Kind};
use quicksilver_tests::engine::{FakeEngine, Script};
use quicksilver_tests::fixture::Fixture;
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);

/// Asks until the engine has a question that it does not answer; that request's id.
fn pending(editor: &mut Editor, engine: &FakeEngine, position: &Value) -> i64 {
    let known = engine.asked().len();
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let id = editor.ask(position.clone());
        for _ in 0..20 {
            if engine.asked().len() > known {
                return id;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(Instant::now() < until, "the engine is never asked");
        editor.server.answer(id);
    }
}

#[test]
fn within_a_line_all_get_the_infill_at_the_cursor() {
    let fixture = Fixture::new("fn f() {\n    let x = add($0);\n}\n");
    for kind in [Kind::VsCode, Kind::Neovim] {
        let engine = FakeEngine::start(|_| Script::says("1, 2"));
        let mut editor = Editor::open(kind, engine.settings(), &fixture);
        let items = editor.eventual_suggestions(&fixture.position());
        assert_eq!(items.len(), 1, "{items:?}");
        assert_eq!(items[0]["insertText"], "1, 2");
        assert_eq!(items[0]["range"], json!({"start": fixture.position(), "end": fixture.position()}));
        assert_eq!(items[0]["command"]["command"], "quicksilver.accepted");
        let session = &items[0]["command"]["arguments"][0]["session"];
        assert!(session.is_string());
        let done = editor.server.request(
            "workspace/executeCommand",
            json!({"command": "quicksilver.accepted", "arguments": [{"session": session}]}),
        );
        assert_eq!(done["result"], Value::Null);
        let asked = engine.asked().pop().expect("it was asked");
        assert!(asked.prompt.ends_with("let x = add("), "{:?}", asked.prompt);
        assert!(asked.suffix.is_some_and(|suffix| suffix.starts_with(");\n}")));
    }
}

#[test]
fn line_ends_are_those_that_the_editor_puts_in_as_they_are() {
    let fixture = Fixture::new("fn f() {\r\n    $0\r\n}\r\n");
    // Neovim cuts a text at `\n` and puts the buffer's own line ends in.
    for (kind, text) in [(Kind::VsCode, "a();\r\n    b();"), (Kind::Neovim, "a();\n    b();")] {
        let engine = FakeEngine::start(|_| Script::says("a();\n    b();"));
        let mut editor = Editor::open(kind, engine.settings(), &fixture);
        let items = editor.eventual_suggestions(&fixture.position());
        assert_eq!(items.first().map(|item| &item["insertText"]), Some(&json!(text)), "{kind:?}");
    }
}

#[test]
fn alternatives_are_distinct_and_shrink_as_the_best_is_typed() {
    let others = ["sum(a, c)", "sum(a, b)", "max(a)", "too many"];
    let engine = FakeEngine::start(move |_| Script::says("sum(a, b)").or(&others));
    let fixture = Fixture::new("fn f() {\n    let x = $0\n}\n");
    let mut editor = Editor::open(Kind::Neovim, engine.settings(), &fixture);
    let texts = |items: &[Value]| {
        items
            .iter()
            .map(|item| item["insertText"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(texts(&editor.eventual_suggestions(&fixture.position())), ["sum(a, b)", "sum(a, c)"]);
    let asked = engine.asked().len();
    let end = fixture.text.find("\n}").expect("the line ends");
    editor.splice(end, end, "su");
    let position = json!({"line": 1, "character": 14});
    assert_eq!(texts(&editor.suggestions(position)), ["m(a, b)", "m(a, c)"]);
    assert_eq!(engine.asked().len(), asked, "answered from what is shown");
}

#[test]
fn clients_without_ghost_text_get_one_item_that_sorts_last() {
    let engine = FakeEngine::start(|_| Script::says("tal = 1;"));
    let fixture = Fixture::new("fn f() {\n    let to$0\n}\n");
    let mut editor = Editor::open(Kind::Plain, engine.settings(), &fixture);
    assert!(editor.offered["capabilities"]["completionProvider"].is_object());
    editor.eventual_suggestions(&fixture.position());
    let params = json!({"textDocument": {"uri": editor.uri}, "position": fixture.position(), "context": {"triggerKind": 1}});
    let list = editor.server.request("textDocument/completion", params)["result"].take();
    assert_eq!(list["isIncomplete"], true);
    assert_eq!(list["items"][0]["textEdit"]["newText"], "total = 1;");
    assert_eq!(list["items"][0]["textEdit"]["range"]["start"], json!({"line": 1, "character": 8}));
    assert_eq!(list["items"][0]["filterText"], "to");
}

#[test]
fn a_newer_request_answers_the_older_with_an_empty_list_at_once() {
    let engine = FakeEngine::start(|_| Script::says("answer()").after(MINUTE));
    let fixture = Fixture::new("fn f() { $0 }");
    let mut editor = Editor::open(
        Kind::Neovim,
        json!({"endpoint": format!("http://{}", engine.address()), "deadlineMs": 10_000}),
        &fixture,
    );
    let older = pending(&mut editor, &engine, &fixture.position());
    let dropped = engine.dropped();
    let sent = Instant::now();
    let newer = editor.ask(fixture.position());
    assert_eq!(editor.items(older), Vec::<Value>::new());
    let took = sent.elapsed();
    assert!(took < Duration::from_millis(500), "{took:?}");
    while engine.dropped() == dropped {
        assert!(sent.elapsed() < Duration::from_secs(5), "the engine still works on the older");
        std::thread::sleep(Duration::from_millis(1));
    }
    editor.server.notify("$/cancelRequest", json!({ "id": newer }));
    assert_eq!(editor.server.answer(newer)["error"]["code"], -32800);
    println!("superseded and answered in {took:?}");
}

#[test]
fn slow_requests_do_not_deafen_the_server() {
    let engine = FakeEngine::start(|_| Script::says("answer()").after(MINUTE));
    let fixture = Fixture::new("fn f() { $0 }");
    let mut editor = Editor::open(
        Kind::Neovim,
        json!({"endpoint": format!("http://{}", engine.address()), "deadlineMs": 10_000}),
        &fixture,
    );
    let first = pending(&mut editor, &engine, &fixture.position());
    let mut ids = vec![first];
    for n in 0..16 {
        let uri = format!("file:///project/src/f{n}.rs");
        editor.server.notify(
            "textDocument/didOpen",
            json!({"textDocument": {"uri": uri, "languageId": "rust", "version": 1, "text": fixture.text}}),
        );
        let params = json!({"textDocument": {"uri": uri}, "position": fixture.position(), "context": {"triggerKind": 1}});
        ids.push(editor.server.ask("textDocument/inlineCompletion", params));
    }
    let sent = Instant::now();
    for id in &ids {
        editor.server.notify("$/cancelRequest", json!({ "id": id }));
    }
    for id in ids {
        assert_eq!(editor.server.answer(id)["error"]["code"], -32800);
    }
    let took = sent.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    println!("17 slow requests cancelled in {took:?}");
}

#[test]
fn an_edit_under_way_makes_the_answer_stale() {
    let engine = FakeEngine::start(|_| Script::says("answer").after(Duration::from_millis(300)));
    let fixture = Fixture::new("fn f() { $0 }");
    let mut editor = Editor::open(Kind::VsCode, engine.settings(), &fixture);
    let id = pending(&mut editor, &engine, &fixture.position());
    editor.replace("nothing of the kind");
    assert_eq!(editor.items(id), Vec::<Value>::new());
}

fn frames(n: u32) -> Vec<(Frame, Duration)> {
    let run = |text: &str, kind| Run { text: text.into(), kind, confidence: 0.5, hole: 0 };
    (0..n)
        .map(|step| {
            let runs = vec![run("let ", RunKind::Committed), run("", RunKind::Masked)];
            (Frame { step, runs }, Duration::from_millis(5))
        })
        .collect()
}

#[test]
fn frames_go_to_those_who_draw_them_and_not_faster_than_they_can() {
    let script = || Script { frames: frames(100), ..Script::says("let y = 1;") };
    let fixture = Fixture::new("fn f() {\n    $0\n}\n");
    let engine = FakeEngine::start(move |_| script());
    let wish = json!({"quicksilver": {"frames": true, "maxFps": 20}});
    let mut editor = Editor::open_with(Kind::Neovim, wish, engine.settings(), "rust", &fixture.text);
    assert_eq!(editor.offered["capabilities"]["experimental"]["quicksilver"]["frames"], true);
    let begun = Instant::now();
    let items = editor.eventual_suggestions(&fixture.position());
    let took = begun.elapsed();
    let mut seen = vec![editor.server.notified("quicksilver/frame")];
    while seen[seen.len() - 1]["state"] == "denoising" {
        seen.push(editor.server.notified("quicksilver/frame"));
    }
    let most = took.as_millis() / 50 + 3;
    assert!(seen.len() >= 3 && seen.len() as u128 <= most, "{} frames in {took:?}", seen.len());
    for (n, frame) in seen.iter().enumerate() {
        assert_eq!((&frame["seq"], &frame["version"]), (&json!(n), &json!(1)), "{frame}");
        assert_eq!(frame["session"], items[0]["command"]["arguments"][0]["session"]);
        assert_eq!(frame["position"], fixture.position());
    }
    let steps: Vec<_> = seen.iter().filter_map(|frame| frame["step"].as_u64()).collect();
    assert!(steps.is_sorted(), "{steps:?}");
    let last = &seen[seen.len() - 1];
    assert_eq!((&last["state"], &last["runs"][0]["text"]), (&json!("final"), &json!("let y = 1;")));

    let engine = FakeEngine::start(move |_| script());
    let mut plain = Editor::open(Kind::VsCode, engine.settings(), &fixture);
    plain.eventual_suggestions(&fixture.position());
    let unasked = plain.server.drain(Duration::from_millis(100));
    assert!(unasked.is_empty(), "{unasked:?}");
    assert!(engine.asked().iter().all(|asked| !asked.stream), "no frames are made for nobody");
}

#[test]
fn every_silence_has_a_reason() {
    let fixture = Fixture::new("fn f() { $0 }");
    let reason = |settings: Value, language: &str, script: Script| {
        let engine = FakeEngine::start(move |_| script.clone());
        let mut given = engine.settings();
        for (name, value) in settings.as_object().expect("an object") {
            given[name] = value.clone();
        }
        let mut editor =
            Editor::open_with(Kind::Neovim, json!({"quicksilver": {}}), given, language, &fixture.text);
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            assert_eq!(editor.suggestions(fixture.position()), Vec::<Value>::new());
            let status = editor.server.request("quicksilver/status", Value::Null)["result"].take();
            let starting = status["reason"].as_str().is_none_or(|reason| reason == "no-engine");
            if !starting || Instant::now() > until {
                assert_ne!(status["message"], "", "{status}");
                // The answer also names the model.
                let same =
                    |told: &Value| told["reason"] == status["reason"] && told["message"] == status["message"];
                let mut told = editor.server.notified("quicksilver/status");
                while !same(&told) {
                    told = editor.server.notified("quicksilver/status");
                }
                return status["reason"].as_str().unwrap_or_default().to_owned();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let says = Script::says("answer()");
    assert_eq!(reason(json!({"enable": false}), "rust", says.clone()), "disabled");
    assert_eq!(reason(json!({"disabledLanguages": ["rust"]}), "rust", says.clone()), "language-disabled");
    assert_eq!(reason(json!({}), "rust", Script { show: false, ..says.clone() }), "low-confidence");
    assert_eq!(reason(json!({}), "rust", Script::says("")), "nothing-to-add");
    assert_eq!(reason(json!({"deadlineMs": 50}), "rust", says.clone().after(MINUTE)), "deadline");
    assert_eq!(reason(json!({}), "rust", Script { status: Some(401), ..says.clone() }), "engine-error");
    assert_eq!(reason(json!({}), "rust", Script { status: Some(429), ..says.clone() }), "engine-error");
    assert_eq!(reason(json!({}), "rust", Script { status: Some(500), ..says }), "engine-error");
}

#[test]
fn wrong_settings_are_told_and_cost_nothing() {
    let engine = FakeEngine::start(|_| Script::says("answer()"));
    let fixture = Fixture::new("fn f() { $0 }");
    let mut settings = engine.settings();
    settings["debounceMS"] = json!(3);
    settings["maxFps"] = json!("many");
    let mut editor = Editor::open(Kind::Neovim, settings, &fixture);
    let told = editor.server.notified("window/showMessage");
    let message = told["message"].as_str().expect("a message");
    assert!(
        message.contains("do you mean `debounceMs`")
            && message.contains("`quicksilver.maxFps` takes 0 to 120"),
        "{message}"
    );
    assert_eq!(editor.eventual_suggestions(&fixture.position()).len(), 1);
    // A workspace must not send the text elsewhere.
    let evil = FakeEngine::start(|_| Script::says("evil"));
    editor
        .server
        .notify("workspace/didChangeConfiguration", json!({"settings": {"quicksilver": evil.settings()}}));
    let told = editor.server.notified("window/showMessage");
    assert!(told["message"].as_str().is_some_and(|m| m.contains("user's own settings")), "{told}");
    assert_eq!(editor.eventual_suggestions(&fixture.position()).len(), 1);
    assert!(evil.asked().is_empty());
}

#[test]
fn a_selection_and_a_read_only_file_are_met_with_silence_and_its_reason() {
    let engine = FakeEngine::start(|_| Script::says("answer()"));
    let fixture = Fixture::new("fn f() {\n    let x = $0\n}\n");
    let mut editor = Editor::open(Kind::VsCode, engine.settings(), &fixture);
    assert_eq!(editor.eventual_suggestions(&fixture.position()).len(), 1);
    let mut told = |kind: u32, circumstances: Value| {
        let mut params = editor.place_params(fixture.position());
        params["context"] = json!({"triggerKind": kind, "quicksilver": circumstances});
        let id = editor.server.ask("textDocument/inlineCompletion", params);
        let shown = editor.items(id).len();
        let status = editor.server.request("quicksilver/status", Value::Null)["result"].take();
        (shown, status["reason"].as_str().map(str::to_owned), status["message"] != "")
    };
    let silence = |reason: &str| (0, Some(reason.to_owned()), true);
    let (by_hand, typed) = (1, 2);
    assert_eq!(told(typed, json!({"selection": true})), silence("selection"));
    assert_eq!(told(by_hand, json!({"selection": true})), (1, None, false));
    assert_eq!(told(typed, json!({"readOnly": true})), silence("read-only"));
    assert_eq!(told(by_hand, json!({"readOnly": true})), silence("read-only"));
    assert_eq!(told(typed, json!({"selection": false, "readOnly": false, "newer": 1})), (1, None, false));
    assert_eq!(told(typed, Value::Null), (1, None, false));
}

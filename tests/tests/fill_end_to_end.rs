//! Several holes, a rewriting and a misspelt name with nothing scripted: the real server, the real engine, the embedded model.

use std::sync::Arc;
use std::time::{Duration, Instant};

use quicksilver_tests::Home;
use quicksilver_tests::editor::Editor;
use quicksilver_tests::server::PATIENCE;
use serde_json::{Value, json};

const KNOWN: &str = "let guard = self.state.lock();";

/// Two bodies that are written, and one of which the first line is `line`, twice.
fn text(line: &str) -> String {
    let body = |name: &str, line: &str| format!("fn {name}(&self) {{\n    {line}\n    guard.push(1);\n}}\n");
    [body("a", KNOWN), body("b", KNOWN), body("c", line), body("d", line)].concat()
}

fn editor(text: &str) -> Editor {
    let home: Arc<Home> = Arc::default();
    Editor::in_project(&home, json!({}), json!({}), text)
}

/// Asks until the engine is there.
fn eventually(editor: &mut Editor, method: &str, params: &Value) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        let answer = editor.server.request(method, params.clone())["result"].clone();
        if answer["silence"]["reason"] != "no-engine" || Instant::now() > until {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn two_placeholders_are_filled_together() {
    let mut editor = editor(&text("todo!()"));
    let all = json!({"start": {"line": 0, "character": 0}, "end": {"line": 16, "character": 0}});
    let params = json!({"textDocument": {"uri": editor.uri}, "within": all});
    let answer = eventually(&mut editor, "quicksilver/fill", &params);
    let texts: Vec<&str> = answer["holes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|hole| hole["newText"].as_str())
        .collect();
    assert_eq!(texts, [KNOWN, KNOWN], "{answer}");
}

#[test]
fn a_misspelt_name_is_written_anew_and_a_right_line_is_left_alone() {
    let file = text(KNOWN).replacen(
        "self.state.lock();\n    guard.push(1);\n}\nfn d",
        "self.sttae.lock();\n    guard.push(1);\n}\nfn d",
        1,
    );
    let mut editor = editor(&file);
    let line =
        |line: u32| json!({"start": {"line": line, "character": 0}, "end": {"line": line, "character": 34}});
    let asked = |editor: &Editor, range: Value| json!({"textDocument": {"uri": editor.uri}, "range": range});
    let params = asked(&editor, line(9));
    let answer = eventually(&mut editor, "quicksilver/rewrite", &params);
    assert_eq!(answer["texts"], json!([format!("    {KNOWN}")]), "{answer}");
    let params = asked(&editor, line(1));
    let answer = eventually(&mut editor, "quicksilver/rewrite", &params);
    assert_eq!(answer["silence"]["reason"], "nothing-better", "{answer}");

    let argument = json!({"textDocument": {"uri": editor.uri}});
    let command = json!({"command": "quicksilver.findDoubts", "arguments": [argument]});
    assert_eq!(eventually(&mut editor, "workspace/executeCommand", &command)["doubts"], 1);
    let shown = editor.server.notified("textDocument/publishDiagnostics");
    assert_eq!(shown["diagnostics"][0]["range"]["start"], json!({"line": 9, "character": 21}), "{shown}");
    assert_eq!(shown["diagnostics"][0]["data"]["instead"], "state");
}

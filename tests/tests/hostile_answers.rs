//! S6: whatever an engine says, what reaches the editor is text that a user could have typed: no direction marks, no escapes, no
//! NUL, no line ends that are not the document's, no placeholders that would be carried out.

use quicksilver_tests::editor::{Editor, Kind};
use quicksilver_tests::engine::{FakeEngine, Script};
use quicksilver_tests::fixture::Fixture;
use quicksilver_tests::tier::{self, Dice};
use serde_json::{Value, json};

const PIECES: [&str; 44] = [
    "let x",
    " = ",
    "area(width)",
    ";",
    "\n",
    "\n    ",
    "\r\n",
    "\r",
    "\t",
    "😀",
    "👩\u{200d}👧",
    "變數",
    // Direction marks of every kind.
    "\u{202a}",
    "\u{202b}",
    "\u{202d}",
    "\u{202e}",
    "\u{2066}",
    "\u{2067}",
    "\u{2069}",
    "\u{200e}",
    "\u{200f}",
    "\u{61c}",
    // What a terminal would act on.
    "\u{1b}[2J",
    "\u{1b}]0;title\u{7}",
    "\u{9b}31m",
    "\u{8}\u{8}",
    "\u{7f}",
    "\0",
    "\u{b}",
    "\u{c}",
    "\u{85}",
    // Lines that some editors break and others do not.
    "\u{2028}",
    "\u{2029}",
    // What nobody sees: text in tags, joiners, a byte order mark.
    "\u{e0041}\u{e0042}\u{e007f}",
    "\u{200b}",
    "\u{2060}",
    "\u{feff}",
    "\u{fff9}",
    "\u{ad}",
    // What snippets and shells would carry out.
    "${1:name}",
    "$0",
    "$TM_FILENAME",
    "`rm -rf`",
    "%{expand}",
];

/// What must not reach a buffer.
fn is_harmful(c: char) -> bool {
    let shown = c == '\n' || c == '\t';
    (c.is_control() && !shown)
        || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{ad}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Every text that a client would put into a buffer or on the screen, and whether it would be carried out as a snippet.
fn texts(message: &Value, found: &mut Vec<String>) {
    match message {
        Value::Object(fields) => {
            assert_ne!(fields.get("insertTextFormat"), Some(&json!(2)), "a snippet: {message}");
            assert!(fields.get("kind") != Some(&json!("snippet")), "a snippet: {message}");
            for (name, value) in fields {
                match value {
                    Value::String(text)
                        if ["insertText", "newText", "text", "label", "detail", "filterText"]
                            .contains(&name.as_str()) =>
                    {
                        found.push(text.clone());
                    }
                    _ => texts(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        _ => {}
    }
}

fn storm(kind: Kind, line_break: &str, rounds: usize) -> (usize, usize) {
    let seed = tier::seed();
    let engine = FakeEngine::start(move |asked| {
        // By what is asked, so that every request has a text of its own and each run the same.
        let digits: String = asked.prompt.chars().filter(char::is_ascii_digit).collect();
        let mut dice = Dice::new(&format!("{seed} {digits}"));
        let mut say = || (0..1 + dice.below(9)).map(|_| dice.pick(&PIECES)).collect::<String>();
        let mut script = Script::says(&format!("word {}", say()));
        script.others = vec![say()];
        script.further = vec![say()];
        script
    });
    let mut settings = engine.settings();
    settings["debounceMs"] = json!(0);
    settings["showUnsure"] = json!(true);
    let mut editor = Editor::open(kind, settings, &Fixture::new("fn f() { $0 }"));
    let at = json!({"line": 2, "character": 4});
    let (mut seen, mut dollars) = (0, 0);
    for round in 0..rounds {
        editor.replace(
            &[
                "// v",
                &round.to_string(),
                line_break,
                "fn f() {",
                line_break,
                "    ",
                line_break,
                "}",
                line_break,
            ]
            .concat(),
        );
        let uri = editor.uri.clone();
        let place = json!({"textDocument": {"uri": uri}, "position": at, "context": {"triggerKind": 1}});
        let mut found = Vec::new();
        if kind == Kind::Plain {
            texts(&editor.server.request("textDocument/completion", place)["result"], &mut found);
        } else {
            texts(&editor.server.request("textDocument/inlineCompletion", place)["result"], &mut found);
        }
        if round % 10 == 0 {
            let holes = json!([{"start": at, "end": at}, {"start": {"line": 1, "character": 8}, "end": {"line": 1, "character": 8}}]);
            texts(
                &editor
                    .server
                    .request("quicksilver/fill", json!({"textDocument": {"uri": uri}, "holes": holes}))["result"],
                &mut found,
            );
            let range = json!({"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 8}});
            texts(
                &editor
                    .server
                    .request("quicksilver/rewrite", json!({"textDocument": {"uri": uri}, "range": range}))["result"],
                &mut found,
            );
        }
        for text in &found {
            let text = if line_break == "\r\n" { text.replace("\r\n", "\n") } else { text.clone() };
            let harmful: Vec<char> = text.chars().filter(|c| is_harmful(*c)).collect();
            assert!(harmful.is_empty(), "round {round}: {harmful:?} in {text:?}");
            dollars += usize::from(text.contains('$'));
        }
        seen += found.len();
    }
    (seen, dollars)
}

#[test]
fn nothing_harmful_reaches_a_buffer() {
    let rounds = tier::count(500, 25_000);
    let (mut answers, mut seen, mut dollars) = (0, 0, 0);
    for (kind, line_break) in
        [(Kind::Neovim, "\n"), (Kind::VsCode, "\r\n"), (Kind::VsCode, "\n"), (Kind::Plain, "\n")]
    {
        let (texts, plain) = storm(kind, line_break, rounds);
        assert!(texts * 3 > rounds, "{kind:?}: {texts} texts in {rounds} rounds");
        (answers, seen, dollars) = (answers + rounds, seen + texts, dollars + plain);
    }
    assert!(dollars > 0, "what looks like a placeholder arrives, as text");
    let did = format!(
        "{answers} answers with direction marks, escapes, NUL, line ends, invisible text, snippet syntax"
    );
    tier::report(
        "S6",
        &did,
        &format!(
            "{seen} texts reached an editor: 0 harmful characters, 0 snippets; {dollars} with `$` as plain text"
        ),
    );
}

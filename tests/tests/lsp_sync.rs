//! The server's text is the editor's: random edits through the real binary, compared by digest.

// A test that cannot go on has nothing better to do than to say why.
#![allow(clippy::expect_used)]

use std::path::Path;

use proptest::prelude::*;
use quicksilver_tests::editor::{Editor, Kind};
use quicksilver_tests::fixture::Fixture;
use quicksilver_tests::tier;
use serde_json::json;

/// Edits between two comparisons.
const BATCH: usize = 50;

/// What is typed or pasted.
const PIECES: [&str; 16] = [
    "a",
    "fn ",
    "\n",
    "\r\n",
    "\r",
    "😀",
    "é",
    "e\u{301}",
    "👨\u{200d}👩\u{200d}👧",
    "\u{2028}",
    "漢字",
    "\t",
    "}",
    "\0",
    "x\ny\nz",
    "",
];

/// Places where an editor can have its cursor: not inside a pair of surrogates, not inside a `\r\n`.
fn is_place(text: &[u16], at: usize) -> bool {
    let after = text.get(at).copied();
    let before = at.checked_sub(1).and_then(|i| text.get(i)).copied();
    let in_pair = after.is_some_and(|unit| (0xdc00..0xe000).contains(&unit));
    let in_break = before == Some(13) && after == Some(10);
    !in_pair && !in_break
}

fn place(text: &[u16], index: prop::sample::Index) -> usize {
    let at = index.index(text.len() + 1);
    (0..=at).rev().find(|at| is_place(text, *at)).unwrap_or(0)
}

#[test]
fn random_edits_leave_the_same_text() {
    // Neovim counts columns in bytes, and lines by `\n` alone.
    for (kind, nightly) in [(Kind::VsCode, 500_000), (Kind::Neovim, 100_000)] {
        random_edits(kind, tier::count(2_000, nightly) / BATCH);
    }
}

fn random_edits(kind: Kind, batches: usize) {
    let mut editor = Editor::open(kind, json!({"enable": false}), &Fixture::new("fn f() {\r\n    😀$0\n}\r"));
    let edit = (any::<prop::sample::Index>(), 0..8_usize, 0..PIECES.len(), 0..40_u8);
    let cell = std::cell::RefCell::new(&mut editor);
    tier::runner(batches)
        .run(&proptest::collection::vec(edit, BATCH), |edits| {
            let editor = &mut *cell.borrow_mut();
            for (index, length, piece, kind) in edits {
                if kind == 0 {
                    editor.replace("fn g() {\n}\n");
                    continue;
                }
                let units: Vec<u16> = editor.text().encode_utf16().collect();
                let from = place(&units, index);
                let to = (from..=(from + length).min(units.len()))
                    .rev()
                    .find(|at| is_place(&units, *at))
                    .unwrap_or(from);
                editor.splice(from, to, PIECES[piece]);
            }
            let digest = editor.digest();
            prop_assert_eq!(&digest["length"], editor.text().len());
            prop_assert_eq!(&digest["version"], editor.version());
            prop_assert_eq!(&digest["hash"], &sha256(&editor.text()));
            prop_assert_eq!(&digest["inStep"], true);
            Ok(())
        })
        .expect("the texts are the same");
    let did = format!("{} edits as {kind:?} through stdio, {batches} digests compared", batches * BATCH);
    tier::report("D2", &did, "0 divergences");
}

#[test]
fn eight_changes_in_a_row_apply_in_order() {
    let mut editor = Editor::open(Kind::VsCode, json!({"enable": false}), &Fixture::new("$0"));
    for n in 1..=8_usize {
        editor.splice(n - 1, n - 1, &n.to_string());
    }
    assert_eq!(editor.text(), "12345678");
    assert_eq!(editor.digest()["hash"], sha256("12345678"));
}

#[test]
fn a_change_that_makes_no_sense_silences_the_document_until_it_is_replaced() {
    let mut editor = Editor::open(Kind::VsCode, json!({"enable": false}), &Fixture::new("abc$0"));
    editor.tell(json!([{"range": {"start": {"line": -1}}, "text": "x"}]));
    assert_eq!(editor.digest()["inStep"], false);
    editor.replace("known again");
    assert_eq!(editor.digest()["inStep"], true);
}

#[test]
fn a_client_may_say_how_it_counts_the_lines_of_a_document() {
    let insert = |line, character| {
        let at = json!({"line": line, "character": character});
        json!([{"range": {"start": at, "end": at}, "text": "x"}])
    };
    let mut editor = Editor::open(Kind::Neovim, json!({"enable": false}), &Fixture::new("ab\rcd\r$0"));
    editor.tell(insert(0, 4));
    assert_eq!(editor.digest()["hash"], sha256("ab\rcxd\r"), "Neovim's lines end at \\n");
    // As Neovim's plugin says it of a buffer in the format of old Macs.
    let document = json!({"uri": editor.uri});
    editor.server.notify("quicksilver/lineEnds", json!({"textDocument": document, "lineEnds": "lsp"}));
    editor.tell(insert(1, 0));
    assert_eq!(editor.digest()["hash"], sha256("ab\rxcxd\r"));
    editor.server.notify("quicksilver/lineEnds", json!({"textDocument": document, "lineEnds": "none"}));
    editor.tell(insert(1, 0));
    assert_eq!(editor.digest()["hash"], sha256("ab\rxxcxd\r"), "what makes no sense changes nothing");
}

/// By the system's own tool: no hand of ours in both sums.
fn sha256(text: &str) -> String {
    use std::io::Write;
    let tool = if Path::new("/usr/bin/sha256sum").exists() { "sha256sum" } else { "shasum" };
    let mut command = std::process::Command::new(tool);
    if tool == "shasum" {
        command.args(["-a", "256"]);
    }
    let mut child = command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the system has a SHA-256 tool");
    child.stdin.take().expect("piped").write_all(text.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    String::from_utf8_lossy(&output.stdout).chars().take(64).collect()
}

//! Ours → LSP shapes, among them the shape rules of ghost text.
//!
//! VS Code shows an item only if the text it replaces is part of what it inserts, on one line, and to the
//! line's end if it inserts a line break. So where an infill has one, or goes on behind closers that stand there, VS Code
//! gets `[cursor, end of line]` and the infill with the rest of the line. Else it gets the infill at the cursor and an empty
//! range, without the closers that stand there: one that VS Code put there by itself is then still typed over. Everyone
//! else gets the infill and what it replaces: Neovim draws an item with a non-empty range over the text.

use serde_json::{Value, json};
use tower_lsp_server::gen_lsp_types::{
    self as lsp, Command, CompletionItem, CompletionItemKind, CompletionList, InlineCompletionItem,
    InlineCompletionList, InsertTextFormat, Range, TextEdit,
};

use super::capabilities::ACCEPTED;
use crate::document::Position;

/// Sorts behind everything another server may offer.
const SORTS_LAST: &str = "\u{10ffff}";

/// A text for the hole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Infill {
    /// The text.
    pub text: String,
    /// The end of what it replaces: closers that the editor had put there by itself.
    pub end: Position,
    /// What stands between `end` and the end of the line.
    pub rest: String,
    /// The text without closers at its end, where just those stand before `end` already.
    pub before_closers: Option<String>,
}

/// A suggestion and the place it goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// What is shown.
    pub best: Infill,
    /// What may be shown instead, the likeliest first.
    pub others: Vec<Infill>,
    /// Names the completion.
    pub session: String,
    /// The cursor.
    pub at: Position,
    /// The end of the cursor's line.
    pub line_end: Position,
    /// What the client's popup has selected: the text from here to `at` stands for it.
    pub selected: Option<(Position, String)>,
}

/// A position.
pub fn position(position: Position) -> lsp::Position {
    lsp::Position { line: position.line, character: position.column }
}

/// No suggestion. Never `null`, and never an error: Neovim keeps the old ghost text on either.
pub fn nothing() -> InlineCompletionList {
    InlineCompletionList::default()
}

/// The suggestion and its alternatives as ghost text.
pub fn inline(placed: Placed, vscode: bool) -> InlineCompletionList {
    let Placed { best, others, session, at, line_end, selected } = placed;
    let (start, head) = selected.unwrap_or((at, String::new()));
    let item = |Infill { text, end, rest, before_closers }| {
        let has_lines = text.contains(['\n', '\r']);
        let (text, end, tail) = match before_closers {
            Some(before) if vscode && !has_lines => (before, at, String::new()),
            _ if vscode && (has_lines || end != at) => (text, line_end, rest),
            _ => (text, end, String::new()),
        };
        InlineCompletionItem {
            insert_text: format!("{head}{text}{tail}").into(),
            filter_text: None,
            range: Some(Range { start: position(start), end: position(end) }),
            command: Some(accepted(&session)),
        }
    };
    InlineCompletionList { items: std::iter::once(best).chain(others).map(item).collect() }
}

/// The suggestion in a completion popup, for clients without ghost text. `word` is what stands before the
/// cursor and was typed to get here: popups filter by it.
pub fn popup(placed: Option<Placed>, word: &str, word_start: Position) -> CompletionList {
    let items = placed.into_iter().map(|placed| item(placed, word, word_start)).collect();
    // Incomplete: the client must ask again after the next keystroke.
    CompletionList { is_incomplete: true, items, ..CompletionList::default() }
}

fn item(placed: Placed, word: &str, word_start: Position) -> CompletionItem {
    let text = format!("{word}{}", placed.best.text);
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or(&text).trim();
    CompletionItem {
        label: first.chars().take(80).collect(),
        kind: Some(CompletionItemKind::Text),
        detail: Some("quicksilver".into()),
        documentation: Some(text.clone().into()),
        sort_text: Some(SORTS_LAST.into()),
        filter_text: Some(word.to_owned()),
        insert_text_format: Some(InsertTextFormat::PlainText),
        text_edit: Some(
            TextEdit {
                range: Range { start: position(word_start), end: position(placed.best.end) },
                new_text: text,
            }
            .into(),
        ),
        command: Some(accepted(&placed.session)),
        ..CompletionItem::default()
    }
}

fn accepted(session: &str) -> Command {
    let arguments: Vec<Value> = vec![json!({ "session": session })];
    Command { title: "Accepted".into(), tooltip: None, command: ACCEPTED.into(), arguments: Some(arguments) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed() -> Placed {
        let at = Position { line: 3, column: 4 };
        let line_end = Position { line: 3, column: 6 };
        Placed {
            best: Infill { text: "x, y".into(), end: at, rest: ");".into(), before_closers: None },
            others: Vec::new(),
            session: "s1".into(),
            at,
            line_end,
            selected: None,
        }
    }

    fn shape(placed: Placed, vscode: bool) -> (String, [u32; 4]) {
        let list = serde_json::to_value(inline(placed, vscode)).unwrap();
        let item = &list["items"][0];
        let n = |end: &str, field: &str| u32::try_from(item["range"][end][field].as_u64().unwrap()).unwrap();
        let range = [n("start", "line"), n("start", "character"), n("end", "line"), n("end", "character")];
        (item["insertText"].as_str().unwrap().to_owned(), range)
    }

    #[test]
    fn vs_code_replaces_the_rest_of_the_line_with_itself_where_it_must() {
        for vscode in [true, false] {
            assert_eq!(shape(placed(), vscode), ("x, y".into(), [3, 4, 3, 4]));
        }
        let lines = Infill { text: "x,\ny".into(), ..placed().best };
        assert_eq!(shape(Placed { best: lines.clone(), ..placed() }, true), ("x,\ny);".into(), [3, 4, 3, 6]));
        assert_eq!(shape(Placed { best: lines, ..placed() }, false), ("x,\ny".into(), [3, 4, 3, 4]));
        let end = Position { line: 3, column: 5 };
        let swallowing = Infill { text: "x).y()".into(), end, rest: ";".into(), before_closers: None };
        assert_eq!(
            shape(Placed { best: swallowing.clone(), ..placed() }, true),
            ("x).y();".into(), [3, 4, 3, 6])
        );
        assert_eq!(shape(Placed { best: swallowing, ..placed() }, false), ("x).y()".into(), [3, 4, 3, 5]));
    }

    #[test]
    fn alternatives_follow_the_best_and_the_popup_has_the_best_only() {
        let others =
            vec![Infill { text: "y".into(), end: placed().line_end, rest: String::new(), ..placed().best }];
        let all = Placed { others, ..placed() };
        let list = serde_json::to_value(inline(all.clone(), false)).unwrap();
        let texts: Vec<_> =
            list["items"].as_array().unwrap().iter().map(|i| i["insertText"].clone()).collect();
        assert_eq!(texts, ["x, y", "y"]);
        assert_eq!(list["items"][1]["range"]["end"]["character"], 6);
        assert_eq!(popup(Some(all), "", Position::default()).items.len(), 1);
    }

    #[test]
    fn what_the_popup_selected_begins_the_suggestion() {
        let selected = Some((Position { line: 3, column: 2 }, "foo".into()));
        assert_eq!(shape(Placed { selected, ..placed() }, true), ("foox, y".into(), [3, 2, 3, 4]));
    }

    #[test]
    fn the_popup_sorts_last_and_asks_again() {
        let list =
            serde_json::to_value(popup(Some(placed()), "fo", Position { line: 3, column: 2 })).unwrap();
        assert_eq!(list["isIncomplete"], true);
        let item = &list["items"][0];
        assert_eq!((&item["label"], &item["filterText"]), (&json!("fox, y"), &json!("fo")));
        assert_eq!(item["textEdit"]["newText"], "fox, y");
        assert_eq!(item["textEdit"]["range"]["end"]["character"], 4);
        assert_eq!(serde_json::to_value(popup(None, "", Position::default())).unwrap()["items"], json!([]));
    }
}

//! Texts with `$0` where the cursor is.

use serde_json::{Value, json};

/// A text and a cursor in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixture {
    /// The text without the mark.
    pub text: String,
    /// Line of the cursor, from 0.
    pub line: u32,
    /// Column in UTF-16 code units, from 0.
    pub character: u32,
}

impl Fixture {
    /// Reads a text with one `$0`.
    ///
    /// # Panics
    /// Without the mark.
    pub fn new(marked: &str) -> Self {
        let Some((before, after)) = marked.split_once("$0") else { panic!("no $0 in {marked:?}") };
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            text: format!("{before}{after}"),
            line: u32::try_from(before.matches('\n').count()).unwrap_or(u32::MAX),
            character: u32::try_from(before[line_start..].encode_utf16().count()).unwrap_or(u32::MAX),
        }
    }

    /// The cursor as LSP has it.
    pub fn position(&self) -> Value {
        json!({"line": self.line, "character": self.character})
    }
}

#[test]
fn the_mark_is_the_cursor() {
    let fixture = Fixture::new("fn f() {\n    😀x$0\n}");
    assert_eq!((fixture.line, fixture.character), (1, 7));
    assert_eq!(fixture.text, "fn f() {\n    😀x\n}");
}

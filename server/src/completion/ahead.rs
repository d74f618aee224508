//! The hole that there will be once a suggestion is taken: what follows is asked for while it is still looked at.
//! Pure.

use std::time::Instant;

use super::{Suggestion, site::Indent, site::Site};
use crate::document::{ByteOffset, Change, Document, Encoding, Snapshot};

/// The document with the suggestion taken, and the cursor behind it. Where the line is whole then, the next line is begun,
/// indented as editors do it. The tree is brought up to date until `until`.
pub fn taken(suggestion: &Suggestion, until: Instant) -> (Snapshot, ByteOffset) {
    let before = &suggestion.made_from;
    let site = Site::at(before, suggestion.at);
    let best = &suggestion.best;
    let rest = site.after.get(best.swallows..).unwrap_or_default();
    let mut text = best.text.clone();
    let last = text.rsplit(['\n', '\r']).next().unwrap_or_default();
    let line = if last.len() == text.len() { format!("{}{last}", site.before) } else { last.to_owned() };
    if rest.trim().is_empty()
        && let Some(deeper) = ends_line(&line)
    {
        let blanks = line.len() - line.trim_start().len();
        let mut next = format!("{}{}", site.line_break, &line[..blanks]);
        if deeper {
            match site.indent {
                Indent::Tab => next.push('\t'),
                Indent::Spaces(columns) => next.extend(std::iter::repeat_n(' ', columns)),
            }
        }
        text.push_str(&next);
    }
    let cursor = ByteOffset(suggestion.at.0 + text.len());
    let encoding = Encoding::Utf16;
    let position = |byte| before.position_at(ByteOffset(byte), encoding);
    let range = Some((position(suggestion.at.0), position(suggestion.at.0 + best.swallows)));
    let mut document = Document::from(before);
    document.apply(&[Change { range, text }], before.version(), encoding);
    document.parse(&mut || Instant::now() > until);
    (document.snapshot(), cursor)
}

/// Whether a line is whole as it stands, and then whether the next one is deeper.
fn ends_line(line: &str) -> Option<bool> {
    match line.trim_end().chars().next_back()? {
        '{' | '[' | '(' | ':' => Some(true),
        ';' | '}' | ',' => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::completion::{Polished, reuse::fixture::at};

    fn after(marked: &str, text: &str, swallows: usize) -> String {
        let (made_from, at) = at(marked);
        let best = Polished { text: text.into(), swallows };
        let suggestion = Suggestion { id: 1, best, others: Vec::new(), at, confidence: 1.0, made_from };
        let (snapshot, cursor) = taken(&suggestion, Instant::now());
        let mut text = snapshot.text().to_string();
        text.insert(cursor.0, '|');
        text
    }

    #[test]
    fn the_cursor_goes_on_from_where_the_suggestion_leaves_it() {
        assert_eq!(after("let x = |\n", "sum(a)", 0), "let x = sum(a)|\n");
        assert_eq!(after("f(|)\n", "a, b)", 1), "f(a, b)|\n");
        assert_eq!(after("f(|, é)\n", "a;", 0), "f(a;|, é)\n", "the line goes on");
    }

    #[test]
    fn a_line_that_is_whole_is_followed_by_the_next() {
        assert_eq!(after("    let x = |\n}\n", "1;", 0), "    let x = 1;\n    |\n}\n");
        assert_eq!(after("    if x |\n}\n", "{", 0), "    if x {\n        |\n}\n");
        assert_eq!(after("\tif x |\n}\n", "{\n\t\ty();", 0), "\tif x {\n\t\ty();\n\t\t|\n}\n");
        assert_eq!(after("  a\r\n  b = |\r\n", "1;", 0), "  a\r\n  b = 1;\r\n  |\r\n");
    }
}

//! A keystroke answered from the suggestion that is shown: no engine, under a millisecond.
//!
//! Proof, not guess: everything before the old cursor and after the new one is compared, so a suggestion is reused only where
//! the document differs from the one that it was made from by what was typed of it.

use ropey::RopeSlice;

use super::{
    Suggestion,
    brackets::{is_closing, is_subsequence},
};
use crate::document::{ByteOffset, Snapshot};

/// Bytes that may be deleted backwards before we ask anew.
const MAX_DELETED: usize = 32;

/// The shown suggestion as it fits the document now, or `None` when it does not.
#[must_use]
pub fn reuse(shown: &Suggestion, now: &Snapshot, cursor: ByteOffset) -> Option<Suggestion> {
    let (old, new) = (shown.made_from.text(), now.text());
    let at = shown.at;
    if at.0 > old.len_bytes() || cursor.0 > new.len_bytes() || !is_boundary(new.slice(..), cursor.0) {
        return None;
    }
    let (text, swallows) = if cursor >= at {
        typed_on(shown, now, cursor)?
    } else {
        (deleted_back(shown, now, cursor)?, shown.swallows)
    };
    if text.is_empty() {
        return None;
    }
    Some(Suggestion { text, at: cursor, swallows, made_from: now.clone(), ..shown.clone() })
}

/// What is left of the text when its beginning was typed, and what it replaces then.
fn typed_on(shown: &Suggestion, now: &Snapshot, cursor: ByteOffset) -> Option<(String, usize)> {
    let (old, new) = (shown.made_from.text(), now.text());
    let at = shown.at.0;
    if !is_boundary(new.slice(..), at) || old.byte_slice(..at) != new.byte_slice(..at) {
        return None;
    }
    let typed = new.byte_slice(at..cursor.0);
    if typed.len_bytes() > shown.text.len() {
        return None;
    }
    let rest = shown.text.strip_prefix(&*std::borrow::Cow::from(typed))?;
    let (after_old, after_new) = (old.byte_slice(at..), new.byte_slice(cursor.0..));
    // The editor may have closed what was typed: those closers stand before the old rest.
    let extra = after_new.len_bytes().checked_sub(after_old.len_bytes())?;
    if extra > 4 || !is_boundary(after_new, extra) || after_new.byte_slice(extra..) != after_old {
        return None;
    }
    let closers = after_new.byte_slice(..extra).to_string();
    let expected = closers.chars().all(is_closing) && is_subsequence(&closers, rest);
    expected.then(|| (rest.to_owned(), shown.swallows + extra))
}

/// The text with what was deleted before it put in front again.
fn deleted_back(shown: &Suggestion, now: &Snapshot, cursor: ByteOffset) -> Option<String> {
    let (old, new) = (shown.made_from.text(), now.text());
    let at = shown.at.0;
    if at - cursor.0 > MAX_DELETED || !is_boundary(old.slice(..), cursor.0) {
        return None;
    }
    let deleted = old.byte_slice(cursor.0..at).to_string();
    let same = old.byte_slice(..cursor.0) == new.byte_slice(..cursor.0)
        && old.byte_slice(at..) == new.byte_slice(cursor.0..);
    (same && !deleted.contains(['\n', '\r'])).then(|| deleted + &shown.text)
}

fn is_boundary(text: RopeSlice<'_>, byte: usize) -> bool {
    byte <= text.len_bytes() && text.char_to_byte(text.byte_to_char(byte)) == byte
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Language, Version};

    /// A snapshot of a text and the cursor in it, marked by `|`.
    fn at(marked: &str) -> (Snapshot, ByteOffset) {
        let cursor = marked.find('|').expect("a cursor");
        let document = Document::open(Language::from_id("rust"), Version(1), &marked.replacen('|', "", 1));
        (document.snapshot(), ByteOffset(cursor))
    }

    /// What is shown after the document became `now`, when `text` was shown in `then`.
    fn shown(then: &str, text: &str, now: &str) -> Option<String> {
        let (made_from, cursor) = at(then);
        let suggestion =
            Suggestion { id: 1, text: text.into(), at: cursor, swallows: 0, confidence: 1.0, made_from };
        let (now, cursor) = at(now);
        reuse(&suggestion, &now, cursor).map(|suggestion| suggestion.text)
    }

    #[test]
    fn typing_the_suggestion_leaves_the_rest_of_it() {
        assert_eq!(shown("let x = |\n", "compute();", "let x = com|\n").as_deref(), Some("pute();"));
        assert_eq!(shown("é😀|", "日本", "é😀日|").as_deref(), Some("本"));
    }

    #[test]
    fn typing_all_of_it_leaves_nothing() {
        assert_eq!(shown("a|", "b", "ab|"), None);
    }

    #[test]
    fn typing_something_else_ends_it() {
        assert_eq!(shown("let x = |\n", "compute();", "let x = f|\n"), None);
    }

    #[test]
    fn a_change_elsewhere_ends_it() {
        assert_eq!(shown("let x = |\n", "compute();", "Let x = c|\n"), None);
        assert_eq!(shown("let x = |\n", "compute();", "let x = c|\n\n"), None);
    }

    #[test]
    fn a_bracket_that_the_editor_closed_is_part_of_it() {
        assert_eq!(shown("f|\n", "(a, b)", "f(|)\n").as_deref(), Some("a, b)"));
    }

    #[test]
    fn deleting_back_brings_it_back() {
        assert_eq!(shown("let x|\n", " = 1;", "let |\n").as_deref(), Some("x = 1;"));
        assert_eq!(shown("a\nb|", "c", "a|"), None);
    }
}

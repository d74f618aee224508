//! A keystroke answered from the suggestion that is shown: no engine, under a millisecond.
//!
//! Proof, not guess: everything before the old cursor and after the new one is compared, so a suggestion is reused only where
//! the document differs from the one that it was made from by what was typed of it.

use ropey::RopeSlice;

use super::{
    Suggestion,
    brackets::{is_closing, is_subsequence},
    polish::Polished,
};
use crate::document::{ByteOffset, Snapshot};

/// Bytes that may be deleted backwards before we ask anew.
const MAX_DELETED: usize = 32;

/// A suggestion without what was typed of it, if that is all that has changed; `None` when it no longer fits.
#[must_use]
pub fn typed_on(shown: &Suggestion, now: &Snapshot, cursor: ByteOffset) -> Option<Suggestion> {
    if !within(shown, now, cursor) || cursor < shown.at {
        return None;
    }
    moved(shown, &typed(shown, now, cursor)?, now, cursor)
}

/// A suggestion with what was deleted before it, if that is all that has changed.
#[must_use]
pub fn deleted_back(shown: &Suggestion, now: &Snapshot, cursor: ByteOffset) -> Option<Suggestion> {
    if !within(shown, now, cursor) || cursor >= shown.at {
        return None;
    }
    moved(shown, &deleted(shown, now, cursor)?, now, cursor)
}

fn within(shown: &Suggestion, now: &Snapshot, cursor: ByteOffset) -> bool {
    let (old, new) = (shown.made_from.text(), now.text());
    shown.at.0 <= old.len_bytes() && cursor.0 <= new.len_bytes() && is_boundary(new.slice(..), cursor.0)
}

fn moved(shown: &Suggestion, by: &Moved, now: &Snapshot, cursor: ByteOffset) -> Option<Suggestion> {
    // The best must still fit: whether the engine is sure of another is not known.
    let best = by.follow(&shown.best)?;
    let others = shown.others.iter().filter_map(|other| by.follow(other)).collect();
    Some(Suggestion { best, others, at: cursor, made_from: now.clone(), ..shown.clone() })
}

/// How the text has changed since a suggestion was made.
enum Moved {
    /// `text` was typed, and the editor put `closers` before the old rest of the line.
    Typed { text: String, closers: String },
    /// This was deleted before the cursor.
    Deleted(String),
}

impl Moved {
    /// A text as it is now; `None` where it does not fit, or nothing is left.
    fn follow(&self, Polished { text, swallows }: &Polished) -> Option<Polished> {
        match self {
            Self::Typed { text: typed, closers } => {
                let rest = text.strip_prefix(typed).filter(|rest| !rest.is_empty())?;
                is_subsequence(closers, rest)
                    .then(|| Polished { text: rest.to_owned(), swallows: swallows + closers.len() })
            }
            Self::Deleted(deleted) => {
                Some(Polished { text: format!("{deleted}{text}"), swallows: *swallows })
            }
        }
    }
}

/// What was typed, if that is all that has changed.
fn typed(shown: &Suggestion, now: &Snapshot, cursor: ByteOffset) -> Option<Moved> {
    let (old, new) = (shown.made_from.text(), now.text());
    let at = shown.at.0;
    // Lengths first: they cost nothing, and most suggestions of old differ in them.
    let (left_old, left_new) = (old.len_bytes() - at, new.len_bytes() - cursor.0);
    let extra = left_new.checked_sub(left_old)?;
    if cursor.0 - at > shown.best.text.len() || extra > 4 || !is_boundary(new.slice(..), at) {
        return None;
    }
    let (after_old, after_new) = (old.byte_slice(at..), new.byte_slice(cursor.0..));
    if !is_boundary(after_new, extra)
        || after_new.byte_slice(extra..) != after_old
        || old.byte_slice(..at) != new.byte_slice(..at)
    {
        return None;
    }
    let text = new.byte_slice(at..cursor.0).to_string();
    let closers = after_new.byte_slice(..extra).to_string();
    closers.chars().all(is_closing).then_some(Moved::Typed { text, closers })
}

/// What was deleted before the suggestion, if that is all that has changed.
fn deleted(shown: &Suggestion, now: &Snapshot, cursor: ByteOffset) -> Option<Moved> {
    let (old, new) = (shown.made_from.text(), now.text());
    let at = shown.at.0;
    let same_length = old.len_bytes() - at == new.len_bytes() - cursor.0;
    if !same_length || at - cursor.0 > MAX_DELETED || !is_boundary(old.slice(..), cursor.0) {
        return None;
    }
    let deleted = old.byte_slice(cursor.0..at).to_string();
    let same = old.byte_slice(..cursor.0) == new.byte_slice(..cursor.0)
        && old.byte_slice(at..) == new.byte_slice(cursor.0..);
    (same && !deleted.contains(['\n', '\r'])).then_some(Moved::Deleted(deleted))
}

fn is_boundary(text: RopeSlice<'_>, byte: usize) -> bool {
    byte <= text.len_bytes() && text.char_to_byte(text.byte_to_char(byte)) == byte
}

#[cfg(test)]
pub(super) mod fixture {
    use crate::document::{ByteOffset, Document, Language, Snapshot, Version};

    /// A snapshot of a text and the cursor in it, marked by `|`.
    pub(crate) fn at(marked: &str) -> (Snapshot, ByteOffset) {
        let cursor = marked.find('|').expect("a cursor");
        let document = Document::open(Language::from_id("rust"), Version(1), &marked.replacen('|', "", 1));
        (document.snapshot(), ByteOffset(cursor))
    }
}

#[cfg(test)]
mod tests {
    use super::{fixture::at, *};

    /// What is shown after the document became `now`, when `texts` were shown in `then`, the first of them in front.
    fn all_shown(then: &str, texts: &[&str], now: &str) -> Option<Vec<String>> {
        let (made_from, cursor) = at(then);
        let mut texts = texts.iter().map(|&text| Polished { text: text.into(), swallows: 0 });
        let suggestion = Suggestion {
            id: 1,
            best: texts.next().expect("a text"),
            others: texts.collect(),
            at: cursor,
            confidence: 1.0,
            made_from,
        };
        let (now, cursor) = at(now);
        let fits = if cursor < suggestion.at { deleted_back } else { typed_on };
        let left = fits(&suggestion, &now, cursor)?;
        Some([vec![left.best], left.others].concat().into_iter().map(|polished| polished.text).collect())
    }

    fn shown(then: &str, text: &str, now: &str) -> Option<String> {
        all_shown(then, &[text], now).map(|texts| texts.concat())
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
    fn alternatives_stay_as_long_as_they_fit_and_none_takes_the_lead_unasked() {
        let texts = &["sum(a)", "sum(b)", "max(a)"];
        assert_eq!(all_shown("x.|", texts, "x.sum|").unwrap(), ["(a)", "(b)"]);
        assert_eq!(all_shown("x.|", texts, "x.m|"), None);
        assert_eq!(all_shown("x.|", texts, "x|").unwrap(), [".sum(a)", ".sum(b)", ".max(a)"]);
    }

    #[test]
    fn deleting_back_brings_it_back() {
        assert_eq!(shown("let x|\n", " = 1;", "let |\n").as_deref(), Some("x = 1;"));
        assert_eq!(shown("a\nb|", "c", "a|"), None);
    }
}

//! The open documents, each with its address, and whether its text can be trusted.
//!
//! A document whose text may have left the editor's is silent until it is opened again or replaced as a
//! whole: a change that could not be read, a version that fell, or an edit whose handling panicked, marks
//! it. Knows no LSP type; the text itself is `document`'s.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::edits::Edits;
use crate::completion::{History, Suggestion};
use crate::context::{self, Edited, place::path_of};
use crate::document::{Change, Digest, Document, Encoding, Language, LineEnds, Order, Snapshot, Version};

/// Open documents that are followed.
pub const MAX_OPEN: usize = 4096;
/// How long a request may wait for the syntax tree; what is left is done by the next.
const PARSE_BUDGET: Duration = Duration::from_millis(5);

struct Open {
    /// Where it is stored, if its address is that of a file.
    path: Option<PathBuf>,
    document: Document,
    /// Whether the text is the editor's, as far as can be known.
    in_step: bool,
    /// Where it was edited lately.
    edits: Edits,
    /// What was suggested for it.
    history: History,
    /// The suggestion that was last looked beyond.
    looked_beyond: Option<u64>,
}

/// The open documents, by their addresses.
#[derive(Default)]
pub struct Documents {
    open: FxHashMap<String, Open>,
    /// What the client counts columns in.
    pub encoding: Encoding,
    /// What ends its lines, unless it says otherwise of a document.
    pub line_ends: LineEnds,
}

/// Why a document has no suggestions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// The client did not open it.
    NotOpen,
    /// Its text may differ from the editor's.
    OutOfStep,
}

impl Documents {
    /// Opens a document, again if it is open already.
    pub fn open(&mut self, uri: String, language: &str, version: i32, text: &str) {
        if self.open.len() >= MAX_OPEN && !self.open.contains_key(&uri) {
            tracing::warn!(MAX_OPEN, "too many open documents; this one is not followed");
            return;
        }
        let document =
            Document::open(Language::from_id(language), Version(version), text).counting(self.line_ends);
        let open = Open {
            path: path_of(&uri),
            document,
            in_step: true,
            edits: Edits::default(),
            history: History::default(),
            looked_beyond: None,
        };
        self.open.insert(uri, open);
    }

    /// Applies changes in order; false for a document that is not open.
    pub fn change(&mut self, uri: &str, version: i32, changes: &[Change]) -> bool {
        let Some(open) = self.open.get_mut(uri) else { return false };
        // Stays false if an edit panics.
        let was_in_step = std::mem::replace(&mut open.in_step, false);
        let (edits, now) = (&mut open.edits, Instant::now());
        let order =
            open.document.apply_noting(changes, Version(version), self.encoding, &mut |replaced, new| {
                match replaced {
                    Some(replaced) => edits.edit(replaced, new, now),
                    None => edits.forget(),
                }
            });
        if let Order::Fell { from } = order {
            tracing::warn!(uri, from = from.0, to = version, "the document's version did not rise");
        }
        let replaced = changes.iter().any(|change| change.range.is_none());
        open.in_step = replaced || (was_in_step && order == Order::Rose);
        true
    }

    /// Counts the lines of a document as its client does.
    pub fn count_lines(&mut self, uri: &str, ends: LineEnds) {
        if let Some(open) = self.open.get_mut(uri) {
            open.document.count_lines(ends);
        }
    }

    /// Marks a document whose change could not be read.
    pub fn lost_step(&mut self, uri: &str) {
        if let Some(open) = self.open.get_mut(uri) {
            open.in_step = false;
        }
    }

    /// Compares with the text that a save carried; false if it was different. Editors that end a file's last line as
    /// they write it may not say so: a line break there makes no difference.
    pub fn saved(&mut self, uri: &str, text: &str) -> bool {
        let Some(open) = self.open.get_mut(uri) else { return true };
        let snapshot = open.document.snapshot();
        let ours = snapshot.text();
        let shorter = ours.len_bytes().min(text.len());
        let is_break = |rest: &str| matches!(rest, "" | "\n" | "\r" | "\r\n");
        let same = match (text.get(..shorter), text.get(shorter..), ours.get_byte_slice(shorter..)) {
            (Some(start), Some(theirs), Some(more)) => {
                ours.byte_slice(..shorter) == start
                    && is_break(theirs)
                    && more.len_bytes() <= 2
                    && is_break(&more.to_string())
            }
            _ => false,
        };
        open.in_step &= same;
        same
    }

    /// Forgets a document.
    pub fn close(&mut self, uri: &str) {
        self.open.remove(uri);
    }

    /// A document as it is now, parsed as far as time allows.
    ///
    /// # Errors
    /// Why there is none to suggest in.
    pub fn snapshot(&mut self, uri: &str) -> Result<Snapshot, Unusable> {
        let open = self.open.get_mut(uri).ok_or(Unusable::NotOpen)?;
        if !open.in_step {
            return Err(Unusable::OutOfStep);
        }
        let until = Instant::now() + PARSE_BUDGET;
        open.document.parse(&mut || Instant::now() > until);
        Ok(open.document.snapshot())
    }

    /// A document as it is now, parsed or not.
    pub fn peek(&self, uri: &str) -> Option<Snapshot> {
        self.open.get(uri).filter(|open| open.in_step).map(|open| open.document.snapshot())
    }

    /// All documents but one, with the lines that were edited lately, for context.
    pub fn others(&self, uri: &str) -> Vec<context::Open> {
        let now = Instant::now();
        let others = self.open.iter().filter(|(other, open)| open.in_step && *other != uri);
        others
            .map(|(_, open)| {
                let snapshot = open.document.snapshot();
                let text = snapshot.text();
                let line = |byte: usize| text.byte_to_line(byte.min(text.len_bytes()));
                let edited = open.edits.lately(now).map(|(place, at)| Edited {
                    lines: line(place.start)..line(place.end) + 1,
                    ago: now.saturating_duration_since(at),
                });
                let edited = edited.collect();
                context::Open { path: open.path.clone(), snapshot, edited }
            })
            .collect()
    }

    /// What was suggested for a document lately.
    pub fn history(&self, uri: &str) -> History {
        self.open.get(uri).map(|open| open.history.clone()).unwrap_or_default()
    }

    /// Remembers what is suggested for a document.
    pub fn show(&mut self, uri: &str, suggestion: Suggestion) {
        if let Some(open) = self.open.get_mut(uri) {
            open.history.shown(suggestion);
        }
    }

    /// Whether it is known what follows the suggestion `id`, or that nothing does.
    pub fn looked_beyond(&self, uri: &str, id: u64) -> bool {
        self.open.get(uri).is_none_or(|open| open.looked_beyond == Some(id))
    }

    /// Remembers what follows the suggestion `id` once it is taken.
    pub fn look_beyond(&mut self, uri: &str, id: u64, next: Option<Suggestion>) {
        if let Some(open) = self.open.get_mut(uri) {
            open.looked_beyond = Some(id);
            if let Some(next) = next {
                open.history.ahead(next);
            }
        }
    }

    /// Forgets a suggestion that was taken or turned down, wherever it was shown.
    pub fn settle(&mut self, id: u64) {
        for open in self.open.values_mut() {
            open.history.settle(id);
        }
    }

    /// Forgets what was suggested anywhere: other settings would have suggested otherwise.
    pub fn forget_suggestions(&mut self) {
        for open in self.open.values_mut() {
            (open.history, open.looked_beyond) = (History::default(), None);
        }
    }

    /// The version of an open document.
    pub fn version(&self, uri: &str) -> Option<Version> {
        self.open.get(uri).map(|open| open.document.version())
    }

    /// A document's fingerprint, and whether its text is the editor's as far as can be known.
    pub fn digest(&self, uri: &str) -> Option<(Digest, bool)> {
        self.open.get(uri).map(|open| (open.document.digest(), open.in_step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Position;

    fn open(text: &str) -> Documents {
        let mut documents = Documents::default();
        documents.open("u".into(), "rust", 1, text);
        documents
    }

    fn insert(text: &str) -> Change {
        Change { range: Some((Position::new(0, 0), Position::new(0, 0))), text: text.into() }
    }

    fn text(documents: &mut Documents) -> Option<String> {
        documents.snapshot("u").ok().map(|snapshot| snapshot.text().to_string())
    }

    #[test]
    fn a_document_out_of_step_is_silent_until_it_is_known_again() {
        let mut documents = open("a");
        documents.lost_step("u");
        assert!(documents.change("u", 2, &[insert("b")]));
        assert_eq!(text(&mut documents), None);
        documents.change("u", 3, &[Change { range: None, text: "whole".into() }]);
        assert_eq!(text(&mut documents).as_deref(), Some("whole"));
        assert!(!documents.saved("u", "other"));
        assert_eq!(text(&mut documents), None);
        documents.open("u".into(), "rust", 1, "again");
        assert_eq!(text(&mut documents).as_deref(), Some("again"));
        assert!(!documents.change("v", 2, &[insert("b")]));
    }

    #[test]
    fn a_save_may_end_the_last_line_and_nothing_else() {
        for (ours, saved, same) in [
            ("a\nb", "a\nb", true),
            ("a\nb", "a\nb\n", true),
            ("a\nb\r\n", "a\nb", true),
            ("", "\n", true),
            ("a\nb", "a\nb\n\n", false),
            ("a\nb", "a\nbc", false),
            ("a\nb", "a\n", false),
            ("a\nb", "x\nb\n", false),
            ("é", "e\n", false),
        ] {
            assert_eq!(open(ours).saved("u", saved), same, "{ours:?} {saved:?}");
        }
    }

    #[test]
    fn a_version_that_falls_means_that_something_was_lost() {
        let mut documents = open("a");
        documents.change("u", 5, &[insert("b")]);
        assert_eq!(text(&mut documents).as_deref(), Some("ba"));
        documents.change("u", 5, &[insert("c")]);
        assert_eq!(text(&mut documents), None);
    }
}

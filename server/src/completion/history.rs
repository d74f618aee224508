//! What a document was offered lately, so that typing on, deleting back and taking a suggestion are answered at once.
//! Bounded; it must not know the engine.

use std::collections::VecDeque;

use super::{
    Suggestion,
    reuse::{deleted_back, typed_on},
    warm::{Surviving, surviving},
};
use crate::document::{ByteOffset, Snapshot};

/// Suggestions that are remembered.
const MOST: usize = 8;

/// The last suggestions for a document, the newest last.
#[derive(Clone, Debug, Default)]
pub struct History(VecDeque<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    suggestion: Suggestion,
    /// Made for the text that there will be once another suggestion is taken; not shown yet.
    ahead: bool,
}

impl History {
    /// Remembers what is shown.
    pub fn shown(&mut self, suggestion: Suggestion) {
        self.keep(suggestion, false);
    }

    /// Remembers what will follow once the shown suggestion is taken.
    pub fn ahead(&mut self, suggestion: Suggestion) {
        self.keep(suggestion, true);
    }

    fn keep(&mut self, suggestion: Suggestion, ahead: bool) {
        // What was typed of a suggestion leaves the one it was made as: it proves as much, and deleting leads back to it.
        if self.0.iter().any(|entry| entry.suggestion.id == suggestion.id) {
            return;
        }
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back(Entry { suggestion, ahead });
    }

    /// Forgets a suggestion that was taken or turned down.
    pub fn settle(&mut self, id: u64) {
        self.0.retain(|entry| entry.suggestion.id != id);
    }

    /// What fits the document now: the newest that was made for this text, or whose beginning was typed; else the one that
    /// was shown last, with what was deleted before it.
    #[must_use]
    pub fn fitting(&self, now: &Snapshot, cursor: ByteOffset) -> Option<Suggestion> {
        let typed = self.0.iter().rev().find_map(|entry| typed_on(&entry.suggestion, now, cursor));
        typed.or_else(|| {
            let shown = self.0.iter().rev().find(|entry| !entry.ahead)?;
            deleted_back(&shown.suggestion, now, cursor)
        })
    }
}

impl History {
    /// What an edit left standing of the suggestion that was shown last.
    #[must_use]
    pub fn surviving(&self, now: &Snapshot, cursor: ByteOffset) -> Option<Surviving> {
        let shown = self.0.iter().rev().find(|entry| !entry.ahead)?;
        surviving(&shown.suggestion, now, cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::completion::{Polished, reuse::fixture::at};

    fn made(id: u64, marked: &str, text: &str) -> Suggestion {
        let (made_from, at) = at(marked);
        let best = Polished { text: text.into(), swallows: 0 };
        Suggestion { id, best, others: Vec::new(), at, confidence: 1.0, made_from }
    }

    fn fits(history: &History, marked: &str) -> Option<(u64, String)> {
        let (now, cursor) = at(marked);
        history.fitting(&now, cursor).map(|fitting| (fitting.id, fitting.best.text))
    }

    #[test]
    fn deleting_back_returns_to_the_earlier_suggestion() {
        let mut history = History::default();
        history.shown(made(1, "let x|", " = 1;"));
        assert_eq!(fits(&history, "let xy|"), None);
        history.shown(made(2, "let xy|", " = 2;"));
        assert_eq!(fits(&history, "let x|"), Some((1, " = 1;".into())), "what was shown here before");
        assert_eq!(fits(&history, "let xy|"), Some((2, " = 2;".into())), "and forth again");
        assert_eq!(
            fits(&history, "let |"),
            Some((2, "xy = 2;".into())),
            "else the last one with what was deleted"
        );
        history.settle(1);
        assert_eq!(fits(&history, "let x|"), Some((2, "y = 2;".into())), "what was turned down stays away");
    }

    #[test]
    fn typing_along_and_back_keeps_the_suggestion_it_was() {
        let mut history = History::default();
        history.shown(made(1, "let x|", " = 1;"));
        let (now, cursor) = at("let x =|");
        history.shown(history.fitting(&now, cursor).expect("typed along"));
        assert_eq!(fits(&history, "let x = |"), Some((1, "1;".into())));
        assert_eq!(fits(&history, "let x|"), Some((1, " = 1;".into())));
    }

    #[test]
    fn what_follows_is_there_once_the_suggestion_is_taken_and_not_before() {
        let mut history = History::default();
        history.shown(made(1, "let x|\n", " = 1;"));
        history.ahead(made(2, "let x = 1;\n    |\n", "x + 1"));
        assert_eq!(fits(&history, "let x = 1;\n    |\n"), Some((2, "x + 1".into())));
        assert_eq!(fits(&history, "let x = 1;\n    x|\n"), Some((2, " + 1".into())));
        assert_eq!(fits(&history, "let x = 1;\n  |\n"), None, "nobody was shown it");
    }

    #[test]
    fn it_is_bounded() {
        let mut history = History::default();
        for id in 0..100 {
            history.shown(made(id, &format!("let x{id}|"), ";"));
        }
        assert_eq!(history.0.len(), MOST);
        assert_eq!(fits(&history, "let x99|"), Some((99, ";".into())));
        assert_eq!(fits(&history, "let x91|"), None);
    }
}

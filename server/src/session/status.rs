//! What is said about silence.
//!
//! Every request that ends without a suggestion has a reason, and the last one is the status. Latest wins:
//! a status that the client had no time to read is replaced, not queued.

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::completion::Silence;

/// How bad it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Nothing is wrong.
    #[default]
    Normal,
    /// Passing trouble.
    Warning,
    /// The user has to do something.
    Error,
    /// Off, by setting or by the kind of file.
    Inactive,
}

/// `quicksilver/status`, as notification; the answer to the request of that name has it too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// A suggestion is being made.
    pub busy: bool,
    /// How bad it is.
    pub kind: Kind,
    /// For people: why nothing shows, and what to do; empty when all is well.
    pub message: String,
    /// For programs: a stable word, such as `excluded`, `no-engine`, `low-confidence`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The document it speaks of; absent for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// A command that helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

impl Status {
    /// A matter of one document.
    pub fn of(uri: &str, kind: Kind, reason: &str, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            reason: Some(reason.into()),
            uri: Some(uri.into()),
            ..Self::default()
        }
    }

    /// Why a document's request was met with silence.
    pub fn silence(uri: &str, silence: &Silence) -> Self {
        let kind = match silence {
            Silence::EngineError(_) => Kind::Error,
            Silence::NoEngine(_) | Silence::Deadline | Silence::SlowDisk => Kind::Warning,
            Silence::Disabled
            | Silence::LanguageDisabled(_)
            | Silence::Excluded(_)
            | Silence::TooLarge(_)
            | Silence::Binary
            | Silence::ReadOnly => Kind::Inactive,
            _ => Kind::Normal,
        };
        Self::of(uri, kind, silence.code(), silence.to_string())
    }
}

/// Where a status is put; clones are the same place.
#[derive(Clone, Debug)]
pub struct StatusBoard(watch::Sender<Status>);

impl Default for StatusBoard {
    fn default() -> Self {
        Self(watch::Sender::new(Status::default()))
    }
}

impl StatusBoard {
    /// Replaces what was there; the same again is nothing new.
    pub fn say(&self, status: Status) {
        self.0.send_if_modified(|said| {
            let new = *said != status;
            *said = status;
            new
        });
    }

    /// A document was closed: what is said of it once it is open again is new.
    pub fn closed(&self, uri: &str) {
        self.0.send_if_modified(|said| {
            if said.uri.as_deref() == Some(uri) {
                *said = Status::default();
            }
            false
        });
    }

    /// What was said last.
    pub fn last(&self) -> Status {
        self.0.borrow().clone()
    }

    /// To follow it.
    pub fn follow(&self) -> watch::Receiver<Status> {
        self.0.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_wins_and_repeats_are_nothing_new() {
        let board = StatusBoard::default();
        let mut reader = board.follow();
        board.say(Status::of("u", Kind::Normal, "a", "first"));
        board.say(Status::of("u", Kind::Warning, "b", "second"));
        assert_eq!(reader.borrow_and_update().message, "second");
        board.say(Status::of("u", Kind::Warning, "b", "second"));
        assert!(!reader.has_changed().unwrap());
    }

    #[test]
    fn what_is_said_again_of_a_document_opened_again_is_new() {
        let board = StatusBoard::default();
        let said = Status::of("u", Kind::Inactive, "binary", "not text");
        board.say(said.clone());
        let mut reader = board.follow();
        board.closed("another");
        board.say(said.clone());
        assert!(!reader.has_changed().unwrap());
        board.closed("u");
        assert!(!reader.has_changed().unwrap());
        board.say(said.clone());
        assert_eq!(*reader.borrow_and_update(), said);
    }
}

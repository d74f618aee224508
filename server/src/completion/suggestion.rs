//! What is offered to the user.

use super::polish::Polished;
use crate::document::{ByteOffset, Snapshot, Version};

/// Text offered for a place in a document at a version.
#[derive(Clone, Debug)]
pub struct Suggestion {
    /// Names it towards the editor; unique in this process.
    pub id: u64,
    /// What is inserted at `at`.
    pub best: Polished,
    /// What may be inserted instead, the likeliest first: for those who look through alternatives.
    pub others: Vec<Polished>,
    /// The cursor that it was made for.
    pub at: ByteOffset,
    /// How sure the engine is of `best`, in [0, 1].
    pub confidence: f32,
    /// The document that it was made from.
    pub made_from: Snapshot,
}

impl Suggestion {
    /// The version it was made from.
    #[must_use]
    pub fn version(&self) -> Version {
        self.made_from.version()
    }
}

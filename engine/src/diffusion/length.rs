//! How long the span is: it grows at `expand` and shrinks at `delete` while it is denoised (DreamOn, Wu et al.,
//! 2026). How long it is at first: [`search`](super::search).
//!
//! Owns the marks' meaning. Room is checked before an expand is chosen, so that the span never outgrows its limit.

use super::{Canvas, CanvasIdx, Marks, constraint::ban};
use crate::tokens::TokenId;

/// What a committed delete takes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// Itself.
    Single,
    /// Itself, and every position right of it that was masked before the step: DreamOn's broadcast deletion.
    Broadcast,
    /// Itself and everything right of it: for models trained to say "no token here or anywhere right of here".
    Rest,
}

/// The limits of a span's length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lengths {
    /// What a delete takes away.
    pub deletion: Deletion,
    /// The most positions.
    pub capacity: usize,
    /// How many expands may be committed in all.
    pub expands: usize,
    /// Whether a delete may stand first: whether "nothing" is an answer.
    pub allow_empty: bool,
}

impl Lengths {
    /// Takes out of a row, `[vocab]`, the marks that cannot be committed at `at` of a span of `length`.
    pub fn constrain(&self, marks: &Marks, length: usize, at: CanvasIdx, logits: &mut [f32]) {
        ban(logits, [marks.mask]);
        if length >= self.capacity || self.expands == 0 {
            ban(logits, marks.expand);
        }
        if at == CanvasIdx(0) && !self.allow_empty {
            ban(logits, marks.delete);
        }
    }
}

/// What the marks did to a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Positions taken away.
    pub deleted: usize,
    /// Positions that became two.
    pub expanded: usize,
}

/// Carries out the deletes and expands that a step committed; `masked` are the positions masked before it, ascending.
pub fn resize(canvas: &mut Canvas, marks: &Marks, deletion: Deletion, masked: &[CanvasIdx]) -> Change {
    let before = canvas.len();
    let holds = |canvas: &Canvas, at: CanvasIdx, mark: Option<TokenId>| {
        mark.is_some() && canvas.cells().get(at.0).is_some_and(|cell| !cell.is_masked() && cell.token == mark)
    };
    let first = masked.iter().copied().find(|&at| holds(canvas, at, marks.delete));
    for &at in masked.iter().rev() {
        let gone = match (deletion, first) {
            (_, None) | (Deletion::Rest, _) => false,
            (Deletion::Single, _) => holds(canvas, at, marks.delete),
            // Also what this very step put there.
            (Deletion::Broadcast, Some(first)) => at >= first,
        };
        if gone {
            canvas.remove(at);
        }
    }
    if let (Deletion::Rest, Some(first)) = (deletion, first) {
        canvas.truncate(first);
    }
    let deleted = before - canvas.len();
    let expands: Vec<CanvasIdx> =
        (0..canvas.len()).map(CanvasIdx).filter(|&at| holds(canvas, at, marks.expand)).collect();
    for &at in expands.iter().rev() {
        canvas.split(at);
    }
    Change { deleted, expanded: expands.len() }
}

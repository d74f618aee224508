//! What may stand where, beyond what the denoiser thinks likely.
//!
//! Owns the trait and the plainest constraint. Which bytes an answer must begin with, and which tokens break a
//! line, is known by those who know text.

use super::CanvasIdx;
use crate::tokens::TokenId;

/// Takes out of a row of logits what cannot stand at a position.
pub trait Constraint: std::fmt::Debug {
    /// Sets the logits of what cannot stand at `at` to −∞. `span` is the span with its masks. `false` says that
    /// the position can only be decided after others left of it; the leftmost mask must never wait, and at least
    /// one token must be left to it.
    fn apply(&self, span: &[TokenId], at: CanvasIdx, logits: &mut [f32]) -> bool;

    /// Whether what was committed at `at` must stay, because what may stand right of it was decided by it.
    fn holds(&self, _span: &[TokenId], _at: CanvasIdx) -> bool {
        false
    }
}

/// Everything may stand everywhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct Free;

impl Constraint for Free {
    fn apply(&self, _: &[TokenId], _: CanvasIdx, _: &mut [f32]) -> bool {
        true
    }
}

/// These tokens may stand nowhere: line breaks in a one-line span, marks that are no text.
#[derive(Clone, Copy, Debug)]
pub struct Banned<'a>(pub &'a [TokenId]);

impl Constraint for Banned<'_> {
    fn apply(&self, _: &[TokenId], _: CanvasIdx, logits: &mut [f32]) -> bool {
        ban(logits, self.0.iter().copied());
        true
    }
}

/// Sets logits to −∞; ids outside the row are ignored.
pub fn ban(logits: &mut [f32], tokens: impl IntoIterator<Item = TokenId>) {
    for token in tokens {
        if let Some(logit) = logits.get_mut(token.0 as usize) {
            *logit = f32::NEG_INFINITY;
        }
    }
}

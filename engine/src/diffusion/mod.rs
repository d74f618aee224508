//! Masked diffusion over a span: the algorithm, on plain slices and the [`Denoiser`] trait.
//!
//! A hole becomes a [`Canvas`]: a row of positions, all masked. A denoiser reads the whole span at once, both
//! ways, and gives each masked position a distribution over tokens. The positions it is surest of are committed,
//! the others stay masked and are asked again, now with more to go by, until nothing is masked. Left to right
//! plays no part. That is MaskGIT (Chang et al., 2022) carried to text by LLaDA (Nie et al., 2025) and to code by
//! Dream-Coder and DiffuCoder (2025). One denoise step, and the file that owns each part of it:
//!
//! 1. the deadline and the cancel flag are looked at ([`denoise()`]);
//! 2. the denoiser is asked for logits of the masked positions ([`Denoiser`]);
//! 3. what cannot stand there is taken out ([`constraint`], [`length`]);
//! 4. logits become a token and a confidence: largest probability, margin or negative entropy, after Dream's
//!    temperature and top-p ([`confidence`]);
//! 5. some of them are committed: at least as many as the [`schedule`] says, and those beyond that the rule of
//!    [`commit`] trusts (threshold and factor after Fast-dLLM, Wu et al., 2025; entropy after the EB sampler,
//!    Ben-Hamu et al., 2025); never none;
//! 6. the span gets longer or shorter: `expand` becomes two masks, `delete` takes positions away ([`length`],
//!    after DreamOn, Wu et al., 2026);
//! 7. committed positions may be masked again ([`remask`], after ReMDM, Wang et al., 2025);
//! 8. the step is written down ([`trace`]) and the span is shown ([`Watcher::frame`]).
//!
//! It ends: every step lowers `masks + 2 × (expand budget + remask budget)` by at least one.
//!
//! Knows no tensor, no text, no layout, no logit shift, no cache, no clock of its own.

pub mod blocks;
pub mod canvas;
pub mod commit;
pub mod confidence;
pub mod constraint;
pub mod denoise;
mod filter;
pub mod length;
mod look;
pub mod preset;
pub mod refresh;
pub mod remask;
pub mod schedule;
pub mod search;
pub mod trace;

#[cfg(test)]
mod parity;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod scripted;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod toy;

pub use blocks::Blocks;
pub use canvas::{Canvas, Cell, State};
pub use commit::Rule;
pub use confidence::{Candidate, Measure, Sampling};
pub use constraint::{Constraint, Free};
pub use denoise::{End, Interrupt, Outcome, Plan, Watcher, denoise};
pub use length::{Deletion, Lengths};
pub use preset::Preset;
pub use refresh::{Keep, Reach, Refresh};
pub use remask::{Never, Remask, Revision};
pub use schedule::{Pace, Schedule, Share};
pub use search::Search;
pub use trace::Trace;

use crate::{EngineError, tokens::TokenId};

/// An index into a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CanvasIdx(pub usize);

/// The tokens that are no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// Stands for an undecided position.
    pub mask: TokenId,
    /// "No token here" (how much else goes with it: [`Deletion`]); `None` where the model has no such token.
    pub delete: Option<TokenId>,
    /// "Two tokens or more here"; `None` where the model has no such token.
    pub expand: Option<TokenId>,
}

/// Scores the positions of a span, everything around it being given.
///
/// The sampler knows nothing of logit shifts, layouts or caches: an adapter answers per span position.
pub trait Denoiser {
    /// Size of the vocabulary: the width of each row of logits.
    fn vocab(&self) -> usize;

    /// Logits of the wanted positions of one or more spans (several are several first canvases of one hole).
    ///
    /// `spans[i]` is a whole span, masks included; `rows[i]` the positions wanted of it, ascending. `logits` is
    /// cleared and filled with `[sum of rows, vocab]`, span by span.
    ///
    /// # Errors
    /// Only when the device fails or the model was given what it cannot take.
    fn logits(
        &mut self,
        spans: &[&[TokenId]],
        rows: &[&[CanvasIdx]],
        logits: &mut Vec<f32>,
    ) -> Result<(), EngineError>;
}

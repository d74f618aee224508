//! Masked diffusion over a span: the algorithm, on plain slices and the [`Denoiser`] trait.
//!
//! A hole becomes a [`Canvas`]: a row of positions, all masked. A denoiser reads the whole span at once, both
//! ways, and gives each masked position a distribution over tokens. The positions it is surest of are committed,
//! the others stay masked and are asked again, now with more to go by, until nothing is masked. Left to right
//! plays no part. That is MaskGIT (Chang et al., 2022) carried to text by LLaDA (Nie et al., 2025) and to code by
//! Dream-Coder and DiffuCoder (2025). One denoise step, and the file that owns each part of it:
//!
//! 1. the deadline and the cancel flag are looked at ([`denoise()`]);
//! 2. the denoiser is asked for logits of the masked positions ([`Denoiser`]) of the block that is being decided
//!    ([`blocks`]), and of the filled ones too where the plan revises;
//! 3. what cannot stand there is taken out ([`constraint`], [`length`]);
//! 4. logits become a token and a confidence: largest probability, margin or negative entropy, after Dream's
//!    temperature, top-p and top-k ([`confidence`]);
//! 5. some of them are committed: at least as many as the [`schedule`] says, and those beyond that the rule of
//!    [`commit`] trusts (threshold and factor after Fast-dLLM, Wu et al., 2025; entropy after the EB sampler,
//!    Ben-Hamu et al., 2025); never none;
//! 6. what was committed before may be masked again or exchanged ([`remask`]: P2, WINO, LLaDA2.1);
//! 7. the span gets longer or shorter: `expand` becomes two masks, `delete` takes positions away ([`length`],
//!    after DreamOn, Wu et al., 2026);
//! 8. the step is written down ([`trace`]) and the span is shown ([`Watcher::frame`]).
//!
//! It ends: every step lowers `masks + 2 × (expand budget + remask budget)` by at least one, or is one of a bounded
//! number of edits after a block's last mask. Only a plan that [waits](Plan::waits) may do nothing in a step, and no
//! longer than its schedule lasts.
//!
//! # Which published sampler is which rules
//!
//! [`Preset`] has those with a name in its column; `parity` replays all of them against
//! `engine/training/reference/`, token for token.
//!
//! | published sampler | preset | confidence | schedule | rule | blocks | filled positions |
//! |---|---|---|---|---|---|---|
//! | Dream `origin` (Ye et al., 2025) | `dream-origin` | a coin | Dream | chance | – | stay |
//! | Dream `maskgit_plus`, also CoDA's, DiffuCoder's | `dream-maskgit-plus` | probability | Dream | quota | – | stay |
//! | Dream `topk_margin` | `dream-topk-margin` | margin | Dream | quota | – | stay |
//! | Dream `entropy`; Dream-Coder; CAL's second stage | `dream-entropy` | −entropy | Dream | quota | – | stay |
//! | … with `alg_temp` | [`Sampling::rank_temperature`] | any, plus Gumbel noise | Dream | quota | – | stay |
//! | DreamOn (2026) | `dreamon` | −entropy | one by one | quota | – | stay; [`Deletion::Broadcast`] |
//! | Open-dCoder `p2` (Peng et al., 2025) | `p2` | probability | path | quota | – | [`Revision::Rerank`] |
//! | LLaDA `low_confidence` (Nie et al., 2025), iLLaDA | `llada-low-confidence` | probability, untempered | even | quota | 32 | stay |
//! | LLaDA `random` | `llada-random` | a coin | even | quota | 32 | stay |
//! | Fast-dLLM, LLaDA2.0 threshold | `fast-dllm-threshold` | probability | one by one | threshold | 32 | stay |
//! | Fast-dLLM factor | `fast-dllm-factor` | probability | one by one | factor | 32 | stay |
//! | … its prefix and dual cache | [`refresh`] | – | – | – | 32 | – |
//! | … on Dream with a cache | [`Blocks::lead`] | probability or −entropy | one by one or Dream | threshold or quota | 32 | stay |
//! | … on Dream without | [`Schedule::Paced`] | probability | paced | threshold | – | stay |
//! | LLaDA2.1 token editing (2026) | `llada21` | probability | one by one | threshold | 32 | [`Revision::Edit`] |
//! | SDAR `sequential`, `low_confidence_static` (2025) | `sdar-sequential`, `sdar-static` | leftmost; probability | shares | quota | 4 | stay |
//! | SDAR `low_confidence_dynamic` | `sdar-dynamic` | probability | shares | threshold | 4 | stay |
//! | SDAR, RND1 `entropy_bounded` (EB sampler) | `sdar-entropy` | −entropy | one by one | entropy | 4 | stay |
//! | CAL (He et al., 2026) | [`search::climb`] | chooses the first length | | | | |
//!
//! Differences from the published code, on purpose: ties go to the lower position; LLaDA's steps that have nothing left
//! to decide are not run; where Dream's floor or P2's would commit nothing, one is committed (unless a plan waits); a
//! block of which a part was given never overwrites that part (SDAR's code does when a share exceeds the masks); of
//! Fast-dLLM's factor the rule as stated, without committing the last candidate when it alone fails. Classifier-free
//! guidance and LLaDA's late end-of-text tokens are not there: no infilling recipe has them.
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
pub use denoise::{End, Interrupt, Outcome, Patient, Plan, Watcher, denoise};
pub use length::{Deletion, Lengths};
pub use preset::Preset;
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

//! What becomes of committed positions: the span is refined, not only filled.
//!
//! Decides only; the loop in `denoise` carries it out, and keeps to the budget that makes it end.

use super::{Canvas, CanvasIdx};

/// How a step looks again at what earlier ones committed. For models that saw wrong visible tokens in training:
/// to others the distribution at a visible position means little.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Revision {
    /// Not at all.
    #[default]
    Keep,
    /// Filled positions are ranked beside the masked ones, by the token drawn there now; as many as the schedule
    /// says stand, with the token they have if they have one, and the least sure are masked (P2, Peng et al., 2025).
    Rerank,
    /// A filled position takes the token drawn there now if that is another one and likelier than `above`; when
    /// nothing is masked, up to `after` more steps do only this, until nothing changes (LLaDA2.1, 2026).
    Edit {
        /// Probability, in [0, 1].
        above: f32,
        /// Steps.
        after: u32,
    },
}

/// Looks at the span after each step.
pub trait Remask {
    /// Committed positions to mask again after `step`, the most doubtful first. The loop takes fewer than it
    /// committed in this step (WINO's rule, Hong et al., 2025), and no more than its budget.
    fn doubts(&mut self, step: u32, canvas: &Canvas) -> Vec<CanvasIdx>;
}

/// What is committed stays: right for models that never saw a wrong visible token in training.
#[derive(Clone, Copy, Debug, Default)]
pub struct Never;

impl Remask for Never {
    fn doubts(&mut self, _: u32, _: &Canvas) -> Vec<CanvasIdx> {
        Vec::new()
    }
}

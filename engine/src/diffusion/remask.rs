//! Which committed positions are masked again: the span is refined, not only filled.
//!
//! Decides only; the loop in `denoise` masks, and keeps to the budget that makes it end.

use super::{Canvas, CanvasIdx, State};

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

/// Positions that were committed earlier with little confidence, each at most once: by now their neighbours may
/// be known (ReMDM-conf, Wang et al., 2025, made deterministic).
#[derive(Clone, Copy, Debug)]
pub struct Doubtful {
    /// Probability at commit time below which a position is doubted, in [0, 1].
    pub below: f32,
}

impl Remask for Doubtful {
    fn doubts(&mut self, step: u32, canvas: &Canvas) -> Vec<CanvasIdx> {
        let cells = canvas.cells();
        let doubted = |at: &usize| {
            let cell = &cells[*at];
            let early = matches!(cell.state, State::Committed { step: decided } if decided < step);
            early && cell.remasked == 0 && cell.confidence < self.below
        };
        let mut doubts: Vec<usize> = (0..cells.len()).filter(doubted).collect();
        doubts.sort_by(|&a, &b| cells[a].confidence.total_cmp(&cells[b].confidence).then(a.cmp(&b)));
        doubts.into_iter().map(CanvasIdx).collect()
    }
}

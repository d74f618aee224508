//! Which part of a span is being decided: all of it, or one block after the other, left to right.
//!
//! Inside a block everything is decided in parallel. Full-canvas models see the blocks to come as masks (LLaDA's
//! semi-autoregressive mode); block-causal ones do not see them (SDAR, LLaDA2): that is the denoiser's matter.

use std::ops::Range;

use super::{Canvas, CanvasIdx, Plan, Revision, State, schedule::Pace, trace::Step};

/// How a span is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// Positions of a block.
    pub length: usize,
    /// Positions of the first block that lie before the span; fewer than `length`.
    pub before: usize,
    /// Whether the first step in a block decides its first position alone, however unsure (Fast-dLLM for Dream: with
    /// a logit shift and a cache, the later steps have no row for it).
    pub lead: bool,
}

impl Blocks {
    /// The whole span at once.
    pub const WHOLE: Self = Self { length: usize::MAX, before: 0, lead: false };

    /// Blocks of so many positions, the first of which begins with the span.
    #[must_use]
    pub fn of(length: usize) -> Self {
        Self { length: length.max(1), ..Self::WHOLE }
    }

    /// The positions of a block in a span of `len`; blocks count from 0.
    #[must_use]
    pub fn range(self, index: usize, len: usize) -> Range<usize> {
        let edge =
            |index: usize| index.saturating_mul(self.length.max(1)).saturating_sub(self.before).min(len);
        edge(index)..edge(index.saturating_add(1))
    }

    /// How many blocks hold any of some positions, which ascend.
    #[must_use]
    pub fn count(self, positions: &[CanvasIdx]) -> u32 {
        let block = |at: &CanvasIdx| self.before.saturating_add(at.0) / self.length.max(1);
        let mut blocks: Vec<usize> = positions.iter().map(block).collect();
        blocks.dedup();
        u32::try_from(blocks.len()).unwrap_or(u32::MAX)
    }
}

/// The block that is being decided.
#[derive(Default)]
pub(super) struct Block {
    /// Which; they count from 0.
    pub(super) index: usize,
    /// Steps made in it.
    step: u32,
    /// Masks it began with; 0 before its first step.
    start: usize,
    /// Steps made in it while nothing was masked.
    edits: u32,
    /// Nothing is left to edit.
    settled: bool,
}

impl Block {
    /// Goes on to the first block that is not done, and gives its masks; `None` when all are.
    pub(super) fn advance(&mut self, canvas: &Canvas, plan: &Plan<'_>) -> Option<Vec<CanvasIdx>> {
        loop {
            let range = plan.blocks.range(self.index, canvas.len());
            let masks = canvas.masks();
            let masked: Vec<CanvasIdx> = masks.into_iter().filter(|at| range.contains(&at.0)).collect();
            let edits = match plan.revision {
                Revision::Edit { after, .. } => self.start > 0 && !self.settled && self.edits < after,
                Revision::Keep | Revision::Rerank => false,
            };
            if !masked.is_empty() || edits {
                self.start = self.start.max(masked.len());
                return Some(masked);
            }
            if range.end >= canvas.len() {
                return None;
            }
            *self = Self { index: self.index + 1, ..Self::default() };
        }
    }

    /// Where it stands before a step, with so many masks.
    pub(super) fn pace(&self, canvas: &Canvas, plan: &Plan<'_>, masks: usize) -> Pace {
        let range = plan.blocks.range(self.index, canvas.len());
        let open = canvas.cells()[range].iter().filter(|cell| cell.state != State::Given).count();
        let block = plan.blocks.length.min(plan.blocks.before + canvas.len());
        Pace { step: self.step, masks, start: self.start, open, block }
    }

    /// Takes note of a step.
    pub(super) fn after(&mut self, step: &Step) {
        self.step += 1;
        if step.masks == 0 {
            self.edits += 1;
            self.settled = step.edited == 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_block_may_begin_before_the_span() {
        let cut = |blocks: Blocks, len| [0, 1, 2].map(|index| blocks.range(index, len));
        assert_eq!(cut(Blocks::of(4), 10), [0..4, 4..8, 8..10]);
        assert_eq!(cut(Blocks { before: 3, ..Blocks::of(4) }, 10), [0..1, 1..5, 5..9]);
        assert_eq!(cut(Blocks::WHOLE, 10), [0..10, 10..10, 10..10]);
        let all: Vec<CanvasIdx> = (0..10).map(CanvasIdx).collect();
        let count = |blocks: Blocks| blocks.count(&all);
        assert_eq!(
            [Blocks::of(4), Blocks { before: 3, ..Blocks::of(4) }, Blocks::WHOLE].map(count),
            [3, 4, 1]
        );
        assert_eq!(
            Blocks::of(4).count(&[CanvasIdx(1), CanvasIdx(9)]),
            2,
            "a block that is filled does not count"
        );
    }
}

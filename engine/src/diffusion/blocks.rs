//! Which part of a span is being decided: all of it, or one block after the other, left to right.
//!
//! Inside a block everything is decided in parallel. Full-canvas models see the blocks to come as masks (LLaDA's
//! semi-autoregressive mode); block-causal ones do not see them (SDAR, LLaDA2): that is the denoiser's matter.

use std::ops::Range;

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
    }
}

//! Which positions a pass reads anew when the keys and values of the others are kept (Fast-dLLM, Wu et al., 2025).
//!
//! In a model that sees both ways, what is kept goes stale as soon as anything is decided; a whole pass at the start of
//! each block makes it fresh again. Owns when and what; the keys and values are the denoiser's (of networks,
//! `model/kept.rs`).

use std::ops::Range;

use super::{Blocks, CanvasIdx};
use crate::tokens::TokenId;

/// What is kept between the passes of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Nothing: exact.
    #[default]
    Nothing,
    /// What lies left of the block (Fast-dLLM's prefix cache).
    Left,
    /// What lies on both sides of it (dual cache).
    Sides,
}

/// What a pass reads; the rest is as the last whole pass left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Everything.
    Whole,
    /// From a position of the span on, and all right of the span.
    From(CanvasIdx),
    /// These positions of the span.
    Within(Range<usize>),
}

/// Remembers in which block the last pass was.
#[derive(Clone, Debug)]
pub struct Refresh {
    keep: Keep,
    blocks: Blocks,
    last: Option<usize>,
}

impl Refresh {
    /// Before the first pass.
    #[must_use]
    pub fn new(keep: Keep, blocks: Blocks) -> Self {
        Self { keep, blocks, last: None }
    }

    /// What the pass over `span` has to read: everything once a block, the block being that of the leftmost mask.
    pub fn reach(&mut self, span: &[TokenId], mask: TokenId) -> Reach {
        let Some(first) = span.iter().position(|&token| token == mask) else { return Reach::Whole };
        let block = (first + self.blocks.before) / self.blocks.length.max(1);
        let range = self.blocks.range(block, span.len());
        let begun = self.last.replace(block) == Some(block);
        match self.keep {
            Keep::Left if begun => Reach::From(CanvasIdx(range.start)),
            Keep::Sides if begun => Reach::Within(range),
            Keep::Nothing | Keep::Left | Keep::Sides => Reach::Whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_block_begins_with_a_whole_pass() {
        let reaches = |keep| {
            let mut refresh = Refresh::new(keep, Blocks::of(2));
            ["____", "a___", "ab__", "abc_", "abcd"].map(|span| {
                let span: Vec<TokenId> = span.bytes().map(|byte| TokenId(byte.into())).collect();
                refresh.reach(&span, TokenId(b'_'.into()))
            })
        };
        use Reach::{From, Whole, Within};
        assert_eq!(reaches(Keep::Nothing), [Whole, Whole, Whole, Whole, Whole]);
        assert_eq!(reaches(Keep::Left), [Whole, From(CanvasIdx(0)), Whole, From(CanvasIdx(2)), Whole]);
        assert_eq!(reaches(Keep::Sides), [Whole, Within(0..2), Whole, Within(2..4), Whole]);
    }
}

//! The toy model of `engine/training/reference/toy.py`: logits from integers, the same in both languages.

use super::{
    CanvasIdx, Denoiser,
    refresh::{Reach, Refresh},
};
use crate::{EngineError, tokens::TokenId};

pub(super) const VOCAB: usize = 24;
pub(super) const MASK: TokenId = TokenId(0);
pub(super) const EXPAND: TokenId = TokenId(1);
pub(super) const DELETE: TokenId = TokenId(2);
const STATES: u64 = 64;

/// A denoiser of spans between a prefix and a suffix.
pub(super) struct Toy {
    pub(super) seed: u64,
    /// How much neighbours say.
    pub(super) coupling: u64,
    pub(super) scale: u64,
    /// Positions see no further than the end of their block, or everything where it is 0.
    pub(super) block: usize,
    pub(super) prefix: Vec<u64>,
    pub(super) suffix: Vec<u64>,
    /// Which states are read anew.
    pub(super) refresh: Refresh,
    pub(super) kept: Vec<u64>,
    /// Lengths of the spans of each call.
    pub(super) calls: Vec<Vec<usize>>,
}

fn hashed(words: &[u64]) -> u64 {
    words.iter().fold(0, |state: u64, word| {
        let mut bits = (state ^ word).wrapping_add(0x9E37_79B9_7F4A_7C15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    })
}

impl Toy {
    /// How far a position sees in a canvas of `len`.
    fn horizon(&self, at: usize, len: usize) -> usize {
        at.checked_div(self.block).map_or(len, |block| ((block + 1) * self.block).min(len))
    }

    fn states(&self, canvas: &[u64]) -> Vec<u64> {
        let state = |(at, &token): (usize, &u64)| {
            let sum = canvas[..self.horizon(at, canvas.len())].iter().sum();
            hashed(&[self.seed, 1, token, sum]) % STATES
        };
        canvas.iter().enumerate().map(state).collect()
    }

    fn row(&self, states: &[u64], at: usize) -> impl Iterator<Item = f32> {
        let end = self.horizon(at, states.len());
        let near: Vec<(u64, u64)> = [0, 1, 3, 4]
            .into_iter()
            .filter_map(|side| Some((side as u64, (at + side).checked_sub(2)?)))
            .filter(|&(_, there)| there < end)
            .map(|(side, there)| (side, states[there]))
            .collect();
        (0..VOCAB as u64).map(move |token| {
            let mut total = hashed(&[self.seed, 0, at as u64, token]) % 65536;
            for &(side, state) in &near {
                total += hashed(&[self.seed, 2, side, state, token]) % self.coupling;
            }
            if token == u64::from(MASK.0) { -16.0 } else { total as f32 / self.scale as f32 }
        })
    }
}

impl Denoiser for Toy {
    fn vocab(&self) -> usize {
        VOCAB
    }

    fn logits(
        &mut self,
        spans: &[&[TokenId]],
        rows: &[&[CanvasIdx]],
        logits: &mut Vec<f32>,
    ) -> Result<(), EngineError> {
        logits.clear();
        self.calls.push(spans.iter().map(|span| span.len()).collect());
        for (span, rows) in spans.iter().zip(rows) {
            let start = self.prefix.len();
            let tokens: Vec<u64> = span.iter().map(|token| token.0.into()).collect();
            let canvas = [&self.prefix[..], &tokens, &self.suffix].concat();
            let mut states = self.states(&canvas);
            let old = |at: &usize| match self.refresh.clone().reach(span, MASK) {
                Reach::Whole => false,
                Reach::From(first) => *at < start + first.0,
                Reach::Within(range) => !(start + range.start..start + range.end).contains(at),
            };
            for at in (0..canvas.len()).filter(old) {
                states[at] = self.kept[at];
            }
            if self.refresh.reach(span, MASK) == Reach::Whole {
                self.kept.clone_from(&states);
            }
            for row in *rows {
                logits.extend(self.row(&states, start + row.0));
            }
        }
        Ok(())
    }
}

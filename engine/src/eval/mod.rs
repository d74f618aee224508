//! Holes evaluation: lines cut out of finished projects, filled again, and compared with what stood there.
//!
//! | file | owns |
//! |---|---|
//! | [`corpus`] | packages of source files on disk, and a file's most similar siblings |
//! | [`holes`] | which lines are cut out, and where the cursor stands |
//! | [`metrics`] | exact match, edit similarity, the confidence curve |
//! | [`report`] | figures per language and kind of hole, as text or JSON |
//!
//! It knows text only: what fills a hole is a closure, be it the prior, a network or both. Everything is drawn from a
//! fixed seed, so the same folder gives the same holes everywhere.

pub mod corpus;
pub mod holes;
pub mod metrics;
pub mod report;

/// SplitMix64 (Steele, Lea & Flood 2014): small, and the same on every machine.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `bound` (0 for 0); the bias of the remainder is far below what is measured here.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % (bound.max(1) as u64)) as usize
    }

    /// Fisher–Yates.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}

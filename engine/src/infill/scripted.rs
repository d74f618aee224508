//! A network for tests: what it says of a position is a function, and which positions it was asked about is noted.

use std::sync::{Arc, Mutex};

use super::Network;
use crate::{
    EngineError,
    diffusion::{Blocks, CanvasIdx, Denoiser},
    tokens::{TokenId, fit::Fitted},
};

/// Vocabulary of the networks here: more than the sample tokenizer has.
pub(super) const VOCAB: usize = 320;

/// The positions of each call, those of several spans one after the other.
pub(super) type Calls = Arc<Mutex<Vec<Vec<usize>>>>;

/// `says` sets the logits, all of them 0, of a position in a span.
pub(super) struct Scripted<F> {
    says: F,
    pub(super) blocks: Blocks,
    pub(super) both_ways: bool,
    /// What happens while it reads a context.
    pub(super) on_read: Box<dyn FnMut() + Send>,
    pub(super) calls: Calls,
}

impl<F: FnMut(&[TokenId], usize, &mut [f32]) + Send> Scripted<F> {
    pub(super) fn new(says: F) -> Self {
        let (blocks, calls) = (Blocks::WHOLE, Calls::default());
        Self { says, blocks, both_ways: false, on_read: Box::new(|| {}), calls }
    }
}

impl<F: FnMut(&[TokenId], usize, &mut [f32]) + Send> Network for Scripted<F> {
    fn read(&mut self, _: &Fitted, _: usize) -> Result<usize, EngineError> {
        (self.on_read)();
        Ok(0)
    }

    fn denoiser(&mut self) -> Result<Box<dyn Denoiser + '_>, EngineError> {
        Ok(Box::new(Lent(self)))
    }

    fn blocks(&self) -> Blocks {
        self.blocks
    }

    fn score(&mut self, _: &[&[TokenId]]) -> Result<Option<Vec<Vec<f32>>>, EngineError> {
        Ok(None)
    }

    fn reads_both_ways(&self) -> bool {
        self.both_ways
    }

    fn forget(&mut self) {}
}

struct Lent<'a, F>(&'a mut Scripted<F>);

impl<F: FnMut(&[TokenId], usize, &mut [f32])> Denoiser for Lent<'_, F> {
    fn vocab(&self) -> usize {
        VOCAB
    }

    fn logits(
        &mut self,
        spans: &[&[TokenId]],
        rows: &[&[CanvasIdx]],
        logits: &mut Vec<f32>,
    ) -> Result<(), EngineError> {
        self.0.calls.lock().unwrap().push(rows.concat().iter().map(|at| at.0).collect());
        logits.clear();
        for (span, rows) in spans.iter().zip(rows) {
            for at in *rows {
                let start = logits.len();
                logits.resize(start + VOCAB, 0.0);
                (self.0.says)(span, at.0, &mut logits[start..]);
            }
        }
        Ok(())
    }
}

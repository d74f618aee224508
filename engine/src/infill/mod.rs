//! One request from text to text.
//!
//! 1. The request becomes a [`task`]: line ends unified, texts tokenised, the token under the cursor given up
//!    (its bytes must be the answer's first).
//! 2. The local prior proposes a pool of ways to fill the hole; the best is the draft, and the first frame.
//! 3. With a network, one batched pass [`check`]s the pool: each hypothesis gets the network's joint score beside
//!    the prior's, and each token of the winner a probability. What both doubt is masked again and denoised by a
//!    [`mixture`] of the two, the span growing and shrinking as needed ([`Denoise`](crate::model::NetworkUse::Denoise)); or the new winner
//!    stands ([`Rescore`](crate::model::NetworkUse::Rescore)). Without a network the prior fills its draft: agreed positions, then the rest.
//! 4. The span becomes an [`answer`]: healed bytes, stop strings and repeated lines cut off.
//!
//! A request of several holes is filled by [`joint`] on one canvas, where the network reads that way, else by [`many`], one
//! hole at a time; text that is to be written anew goes through [`rewrite`]; [`doubt`] looks for misspelt names.
//!
//! Each step of this is one step of [`diffusion::denoise`](crate::diffusion::denoise()): the deadline and the cancel
//! flag are looked at, and a frame is sent. Knows no HTTP and no tensor.

pub mod agreement;
mod answer;
mod check;
mod doubt;
mod engine;
mod fill;
mod frames;
mod joint;
mod load;
mod many;
mod mixture;
mod near;
mod ready;
mod remask;
mod rewrite;
mod settings;
mod spelling;
mod task;
mod warm;

#[cfg(test)]
mod network_tests;
#[cfg(test)]
mod real_tests;
#[cfg(test)]
mod scripted;
#[cfg(test)]
mod tests;

pub use engine::Infiller;
pub use settings::Settings;

use crate::{
    EngineError,
    diffusion::{Blocks, Denoiser},
    tokens::{TokenId, fit::Fitted},
};

/// A network with the text around one hole: what infilling needs of it.
pub trait Network: Send {
    /// Takes in the text around a hole, for spans of at most `longest` positions; says for how many of its tokens a
    /// cache answered.
    ///
    /// # Errors
    /// The device's.
    fn read(&mut self, around: &Fitted, longest: usize) -> Result<usize, EngineError>;

    /// Scores spans in the hole read last.
    ///
    /// # Errors
    /// When none was read.
    fn denoiser(&mut self) -> Result<Box<dyn Denoiser + '_>, EngineError>;

    /// How a span in the hole read last is decided: at once, unless the network is causal from block to block.
    fn blocks(&self) -> Blocks {
        Blocks::WHOLE
    }

    /// Log-probabilities of each text's tokens behind the prefix, left to right, the suffix being seen; `None` for
    /// networks that read context and span alike.
    ///
    /// # Errors
    /// As [`denoiser`](Self::denoiser).
    fn score(&mut self, texts: &[&[TokenId]]) -> Result<Option<Vec<Vec<f32>>>, EngineError>;

    /// Whether a span may hold text that is given, so that one canvas serves several holes.
    fn reads_both_ways(&self) -> bool {
        false
    }

    /// Reads anew what it keeps only nearly as it is.
    ///
    /// # Errors
    /// The device's.
    fn freshen(&mut self) -> Result<(), EngineError> {
        Ok(())
    }

    /// Forgets every hole.
    fn forget(&mut self);
}

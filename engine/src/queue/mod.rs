//! From requests to the device: jobs, a bounded and fair backlog, and the one thread that runs them.
//!
//! Knows nothing of HTTP. What a job computes is behind [`Infill`], so that tests run the whole front on a
//! scripted one.

mod backlog;
mod job;
mod worker;

use std::time::Instant;

use quicksilver_protocol::{
    completion::{FimRequest, FinishReason, Frame},
    holes::Doubt,
};

use crate::{EngineError, diffusion::Interrupt};

pub use backlog::KeyId;
pub use job::{Cancel, Done, Ticket};
pub use worker::{Load, Queue};

/// Fills holes, one at a time; lives on the worker's thread and owns the device.
pub trait Infill: Send {
    /// Fills the hole of `request`, which has passed `http::admit`.
    ///
    /// # Errors
    /// [`EngineError::Cancelled`] within one denoise step of `terms.cancel`; [`EngineError::Late`] only when the
    /// deadline left no time for any decoded state; device and request errors.
    fn infill(&mut self, request: &FimRequest, terms: &mut Terms<'_>) -> Result<Infilled, EngineError>;

    /// Runs one real denoise step whose answer is known.
    ///
    /// # Errors
    /// When the answer is not the known one, or the device fails.
    fn check(&mut self) -> Result<(), EngineError>;

    /// Work that makes later answers better, for when nobody has asked anything for a while; once after each such while.
    /// A job that comes meanwhile waits for it.
    ///
    /// # Errors
    /// The device's.
    fn idle(&mut self) -> Result<(), EngineError> {
        Ok(())
    }

    /// Forgets everything cached: called after a panic, when caches may be half written.
    fn reset(&mut self);
}

/// Under which terms a job runs.
pub struct Terms<'a> {
    /// When the best decoded state is the answer.
    pub deadline: Instant,
    /// Looked at once per denoise step.
    pub cancel: &'a Cancel,
    /// Takes the whole span after each step; `None` when nobody looks, which saves decoding it.
    pub frames: Option<&'a mut dyn FnMut(Frame)>,
}

impl Terms<'_> {
    /// Why to stop, if there is a reason.
    #[must_use]
    pub fn interrupt(&self) -> Option<Interrupt> {
        if self.cancel.is_cancelled() {
            Some(Interrupt::Cancel)
        } else {
            (Instant::now() >= self.deadline).then_some(Interrupt::Deadline)
        }
    }
}

/// What filled a hole, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Infilled {
    /// The text for the hole.
    pub text: String,
    /// Other texts for the hole, the likeliest first; as many as were asked for, if there are.
    pub others: Vec<String>,
    /// Why it ends where it ends.
    pub finish: FinishReason,
    /// Denoise steps run.
    pub steps: u32,
    /// Context tokens given to the model.
    pub prompt_tokens: u32,
    /// Of these, how many a cache answered for.
    pub cached_tokens: u32,
    /// Tokens in the answer.
    pub span_tokens: u32,
    /// How sure the engine is that the user wants this, in [0, 1].
    pub confidence: f32,
    /// Whether the calibrated gate would show it unasked.
    pub show: bool,
    /// `prior`, `network` or `prior+network`.
    pub source: &'static str,
    /// Each hole of a request of several, in their order; `text` is the first's, `confidence` the least of all.
    pub holes: Vec<Filled>,
    /// Of a rewriting: nats by which `text` is better than what stood there; at most 0 if nothing better was found.
    pub margin: Option<f32>,
    /// The names in doubt, where they were asked for.
    pub doubts: Vec<Doubt>,
}

/// What filled one hole of several.
#[derive(Clone, Debug, PartialEq)]
pub struct Filled {
    /// The text.
    pub text: String,
    /// Why it ends where it ends.
    pub finish: FinishReason,
    /// How sure the engine is of it, in [0, 1].
    pub confidence: f32,
}

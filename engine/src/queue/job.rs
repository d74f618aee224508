//! One request on its way: the half that the worker holds, and the half that the client's future holds.
//!
//! Dropping the client's half cancels the job, wherever it is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use quicksilver_protocol::completion::{FimRequest, Frame};
use tokio::sync::{oneshot, watch};

use super::{Infilled, KeyId};
use crate::EngineError;

/// Says that nobody waits for the answer any more.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Whether the job should end at the next chance.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Ends the job at the next chance.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What the worker does with a job.
pub(super) enum Work {
    /// Fill the hole; whether frames are wanted is in the job.
    Infill(Box<FimRequest>),
    /// The known answer of `/ready`.
    Check,
}

/// The worker's half.
pub(super) struct Job {
    pub(super) work: Work,
    pub(super) key: KeyId,
    pub(super) arrived: Instant,
    pub(super) deadline: Instant,
    pub(super) cancel: Cancel,
    pub(super) frames: Option<watch::Sender<Option<Frame>>>,
    pub(super) answer: oneshot::Sender<Result<Done, EngineError>>,
}

impl Job {
    /// Whether running it would be wasted.
    pub(super) fn is_void(&self, now: Instant) -> bool {
        self.cancel.is_cancelled() || now >= self.deadline
    }

    /// Answers it without having run.
    pub(super) fn refuse(self, with: EngineError) {
        // A client that has gone does not want to know.
        let _ = self.answer.send(Err(with));
    }
}

/// An answer and how long it waited.
#[derive(Debug)]
pub struct Done {
    /// What filled the hole; `None` for a check that passed.
    pub infilled: Option<Infilled>,
    /// From arrival until the device was free.
    pub queued: Duration,
}

/// The client's half. Dropped before the answer, it cancels the job.
pub struct Ticket {
    pub(super) cancel: Cancel,
    pub(super) frames: Option<watch::Receiver<Option<Frame>>>,
    pub(super) answer: oneshot::Receiver<Result<Done, EngineError>>,
}

impl Ticket {
    /// Waits for the answer.
    ///
    /// # Errors
    /// What the job ended with; [`EngineError::Internal`] when the worker is gone.
    pub async fn answer(&mut self) -> Result<Done, EngineError> {
        match (&mut self.answer).await {
            Ok(answer) => answer,
            Err(_) => Err(EngineError::Internal("the worker has stopped".to_owned())),
        }
    }

    /// The span after the latest step; steps that nobody had time to look at are not kept.
    pub fn take_frames(&mut self) -> Option<watch::Receiver<Option<Frame>>> {
        self.frames.take()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

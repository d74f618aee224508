//! The one thread that owns the device: takes a job, runs it behind a fence, answers, takes the next.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use quicksilver_protocol::completion::{FimRequest, Frame};
use tokio::sync::{oneshot, watch};

use super::{
    Infill, Infilled, KeyId, Terms,
    backlog::Backlog,
    job::{Cancel, Done, Job, Ticket, Work},
};
use crate::EngineError;

/// How long nobody must have asked anything before idle work begins: longer than between keystrokes.
const IDLE_AFTER: Duration = Duration::from_millis(600);

/// The way to the worker; clones lead to the same one. When the last is dropped the worker ends.
#[derive(Clone)]
pub struct Queue {
    shared: Arc<Shared>,
    _alive: Arc<EndWorker>,
}

/// How busy the engine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Jobs that wait.
    pub queued: usize,
    /// Jobs that run: 0 or 1.
    pub running: usize,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Says why no job can ever run again.
    dead: watch::Sender<Option<String>>,
}

#[derive(Default)]
struct State {
    backlog: Backlog,
    closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The lock is never held while foreign code runs, so that a poisoned one is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct EndWorker(Arc<Shared>);

impl Drop for EndWorker {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }
}

impl Queue {
    /// Starts the thread. `make` runs on it, because a device's handles may not change threads; this waits
    /// until it is done.
    ///
    /// # Errors
    /// What `make` failed with.
    pub fn start<I: Infill + 'static>(
        make: impl FnOnce() -> Result<I, EngineError> + Send + 'static,
    ) -> Result<Self, EngineError> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            dead: watch::Sender::new(None),
        });
        let (made, wait) = std::sync::mpsc::sync_channel(1);
        let on_thread = Arc::clone(&shared);
        thread::Builder::new()
            .name("device".to_owned())
            .spawn(move || {
                let infill = fence(make).and_then(|made| made);
                match infill {
                    Ok(infill) => {
                        let _ = made.send(Ok(()));
                        run(&on_thread, infill);
                    }
                    Err(error) => {
                        let _ = made.send(Err(error));
                    }
                }
            })
            .map_err(|error| EngineError::Internal(format!("no thread for the device: {error}")))?;
        wait.recv().map_err(|_| EngineError::Internal("the worker did not start".to_owned()))??;
        Ok(Self { _alive: Arc::new(EndWorker(Arc::clone(&shared))), shared })
    }

    /// Queues an infill.
    ///
    /// # Errors
    /// [`EngineError::Overloaded`], or [`EngineError::Device`] when the device is gone for good.
    pub fn infill(
        &self,
        request: FimRequest,
        key: KeyId,
        arrived: Instant,
        deadline: Instant,
        with_frames: bool,
    ) -> Result<Ticket, EngineError> {
        self.push(Work::Infill(Box::new(request)), key, arrived, deadline, with_frames)
    }

    /// Queues the known answer of `/ready`.
    ///
    /// # Errors
    /// As [`Queue::infill`].
    pub fn check(&self, deadline: Instant) -> Result<Ticket, EngineError> {
        self.push(Work::Check, KeyId::default(), Instant::now(), deadline, false)
    }

    /// How busy the engine is.
    #[must_use]
    pub fn load(&self) -> Load {
        let state = self.shared.lock();
        Load { queued: state.backlog.len(), running: usize::from(state.backlog.is_running()) }
    }

    /// Holds a reason once the device is gone for good; only a new process will help then.
    #[must_use]
    pub fn dead(&self) -> watch::Receiver<Option<String>> {
        self.shared.dead.subscribe()
    }

    fn push(
        &self,
        work: Work,
        key: KeyId,
        arrived: Instant,
        deadline: Instant,
        with_frames: bool,
    ) -> Result<Ticket, EngineError> {
        if let Some(reason) = self.shared.dead.borrow().clone() {
            return Err(EngineError::Device { reason, sticky: true });
        }
        let cancel = Cancel::default();
        let (send_frame, frames) =
            with_frames.then(|| watch::channel(None)).map_or((None, None), |(s, r)| (Some(s), Some(r)));
        let (answer, wait) = oneshot::channel();
        let job = Job { work, key, arrived, deadline, cancel: cancel.clone(), frames: send_frame, answer };
        self.shared.lock().backlog.push(job, Instant::now())?;
        self.shared.changed.notify_one();
        Ok(Ticket { cancel, frames, answer: wait })
    }
}

fn run(shared: &Shared, mut infill: impl Infill) {
    let mut rested = true;
    loop {
        let job = match next(shared, (!rested).then_some(IDLE_AFTER)) {
            Next::Job(job) => job,
            Next::Nothing => {
                rested = true;
                match fence(|| infill.idle()).and_then(|result| result) {
                    Err(EngineError::Device { reason, sticky: true }) => return die(shared, &reason),
                    Err(EngineError::Internal(_)) if fence(|| infill.reset()).is_err() => {
                        return die(shared, "idle work left it in no sound state");
                    }
                    Err(error) => tracing::warn!(%error, "idle work failed"),
                    Ok(()) => {}
                }
                continue;
            }
            Next::End => return,
        };
        rested = false;
        let started = Instant::now();
        let result = fence(|| perform(&mut infill, &job)).and_then(|result| result);
        shared.lock().backlog.finished(started.elapsed());
        let dead = match &result {
            Err(EngineError::Device { reason, sticky: true }) => Some(reason.clone()),
            Err(EngineError::Internal(_)) => fence(|| infill.reset()).err().map(|error| error.to_string()),
            _ => None,
        };
        let queued = started.duration_since(job.arrived);
        let _ = job.answer.send(result.map(|infilled| Done { infilled, queued }));
        if let Some(reason) = dead {
            die(shared, &reason);
            return;
        }
    }
}

/// What the worker does next.
enum Next {
    Job(Box<Job>),
    /// Nobody asked anything for the given time.
    Nothing,
    End,
}

fn next(shared: &Shared, patience: Option<Duration>) -> Next {
    let until = patience.map(|patience| Instant::now() + patience);
    let mut state = shared.lock();
    loop {
        if let Some(job) = state.backlog.pop(Instant::now()) {
            return Next::Job(Box::new(job));
        }
        if state.closed {
            return Next::End;
        }
        state = match until.map(|until| until.saturating_duration_since(Instant::now())) {
            Some(Duration::ZERO) => return Next::Nothing,
            Some(left) => shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            None => shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
        };
    }
}

fn perform(infill: &mut impl Infill, job: &Job) -> Result<Option<Infilled>, EngineError> {
    let request = match &job.work {
        Work::Check => return infill.check().map(|()| None),
        Work::Infill(request) => request,
    };
    let mut send = job.frames.as_ref().map(|frames| {
        move |frame: Frame| {
            frames.send_replace(Some(frame));
        }
    });
    let mut terms = Terms {
        deadline: job.deadline,
        cancel: &job.cancel,
        frames: send.as_mut().map(|send| send as &mut dyn FnMut(Frame)),
    };
    infill.infill(request, &mut terms).map(Some)
}

fn die(shared: &Shared, reason: &str) {
    shared.dead.send_replace(Some(reason.to_owned()));
    let waiting: Vec<_> = shared.lock().backlog.drain().collect();
    for job in waiting {
        job.refuse(EngineError::Device { reason: reason.to_owned(), sticky: true });
    }
}

/// Runs foreign code; a panic in it ends the job and nothing else.
fn fence<T>(code: impl FnOnce() -> T) -> Result<T, EngineError> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| {
        let said = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        EngineError::Internal(format!("panic: {said}"))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Reports what it is called for.
    struct Script(mpsc::Sender<&'static str>);

    impl Infill for Script {
        fn infill(&mut self, _: &FimRequest, _: &mut Terms<'_>) -> Result<Infilled, EngineError> {
            Err(EngineError::Late)
        }

        fn check(&mut self) -> Result<(), EngineError> {
            self.0.send("check").map_err(|error| EngineError::Internal(error.to_string()))
        }

        fn idle(&mut self) -> Result<(), EngineError> {
            self.0.send("idle").unwrap();
            panic!("a panic in idle work")
        }

        fn reset(&mut self) {
            self.0.send("reset").unwrap();
        }
    }

    #[test]
    fn idle_work_is_done_once_after_the_last_job_and_may_fail() {
        let (called, calls) = mpsc::channel();
        let queue = Queue::start(move || Ok(Script(called))).unwrap();
        let late = Duration::from_secs(20);
        for _ in 0..2 {
            // A ticket that is dropped cancels its job.
            let _ticket = queue.check(Instant::now() + late).unwrap();
            let next = [(); 3].map(|()| calls.recv_timeout(late).unwrap());
            assert_eq!(next, ["check", "idle", "reset"]);
        }
        assert_eq!(calls.recv_timeout(2 * IDLE_AFTER), Err(mpsc::RecvTimeoutError::Timeout));
    }
}

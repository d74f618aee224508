//! Jobs that wait for the device: bounded, fair between keys, and honest about how long it will take.
//!
//! Owns waiting jobs and the estimate of a job's time. It reads no clock: callers say what time it is.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use quicksilver_protocol::limits::{MAX_JOBS_PER_KEY, MAX_QUEUED_JOBS};

use super::job::Job;
use crate::EngineError;

/// Which of the engine's keys a request came with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct KeyId(pub usize);

/// Weight of the newest job in the running mean of job times.
const NEWEST_WEIGHT: f64 = 0.2;

#[derive(Default)]
pub(super) struct Backlog {
    waiting: VecDeque<Job>,
    running: Option<KeyId>,
    /// For each key the turn in which it was served last; keys never served have turn 0.
    served: HashMap<KeyId, u64>,
    turn: u64,
    /// Running mean of the time a job holds the device; zero until the first has run.
    job_time: Duration,
}

impl Backlog {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Takes a job, or says when to come back.
    ///
    /// Refused work costs nothing: a job that could not start before its deadline is refused now rather
    /// than kept to be thrown away later, so that under overload those admitted still get their time.
    ///
    /// # Errors
    /// [`EngineError::Overloaded`] when the queue is full, the key has its share, or the wait is hopeless.
    pub(super) fn push(&mut self, job: Job, now: Instant) -> Result<(), EngineError> {
        self.waiting.retain(|waiting| !waiting.cancel.is_cancelled());
        let of_key = self.waiting.iter().filter(|waiting| waiting.key == job.key).count()
            + usize::from(self.running == Some(job.key));
        let ahead = self.waiting.len() + usize::from(self.running.is_some());
        let wait = self.job_time.saturating_mul(u32::try_from(ahead).unwrap_or(u32::MAX));
        let hopeless = ahead > 0 && now + wait > job.deadline;
        if self.waiting.len() >= MAX_QUEUED_JOBS || of_key >= MAX_JOBS_PER_KEY || hopeless {
            return Err(self.overloaded(wait));
        }
        self.waiting.push_back(job);
        Ok(())
    }

    /// The next job to run: of the key that has waited longest for its turn, its oldest. Jobs that nobody
    /// waits for any more, or whose time is over, are answered on the way.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Job> {
        let (live, void): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.waiting).into_iter().partition(|job| !job.is_void(now));
        self.waiting = live;
        for job in void {
            let refusal = if job.cancel.is_cancelled() {
                EngineError::Cancelled
            } else {
                self.overloaded(self.job_time)
            };
            job.refuse(refusal);
        }
        let turn_of = |job: &Job| self.served.get(&job.key).copied().unwrap_or(0);
        let next = (0..self.waiting.len()).min_by_key(|&i| self.waiting.get(i).map(turn_of))?;
        let job = self.waiting.remove(next)?;
        self.turn += 1;
        self.served.insert(job.key, self.turn);
        self.running = Some(job.key);
        Some(job)
    }

    /// The job that was popped last is done, after `took` on the device.
    pub(super) fn finished(&mut self, took: Duration) {
        self.running = None;
        let newest = took.as_secs_f64();
        let mean = self.job_time.as_secs_f64();
        let mean = if mean == 0.0 { newest } else { mean + NEWEST_WEIGHT * (newest - mean) };
        self.job_time = Duration::from_secs_f64(mean);
    }

    /// Gives up everything that waits.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Job> {
        std::mem::take(&mut self.waiting).into_iter()
    }

    fn overloaded(&self, wait: Duration) -> EngineError {
        EngineError::Overloaded { jobs: self.waiting.len(), retry_after_s: wait.as_secs() + 1 }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::queue::job::{Cancel, Work};

    const FAR: Duration = Duration::from_secs(9);

    fn job(key: usize, now: Instant, within: Duration) -> (Job, Cancel) {
        let cancel = Cancel::default();
        let job = Job {
            work: Work::Check,
            key: KeyId(key),
            arrived: now,
            deadline: now + within,
            cancel: cancel.clone(),
            frames: None,
            answer: oneshot::channel().0,
        };
        (job, cancel)
    }

    fn push(backlog: &mut Backlog, key: usize, now: Instant) -> Result<(), EngineError> {
        backlog.push(job(key, now, FAR).0, now)
    }

    #[test]
    fn the_queue_takes_its_limit_and_not_one_more() {
        let (mut backlog, now) = (Backlog::default(), Instant::now());
        for i in 0..MAX_QUEUED_JOBS {
            assert!(push(&mut backlog, i, now).is_ok(), "job {i}");
        }
        assert!(matches!(push(&mut backlog, 999, now), Err(EngineError::Overloaded { .. })));
    }

    #[test]
    fn one_key_cannot_take_the_whole_queue() {
        let (mut backlog, now) = (Backlog::default(), Instant::now());
        for _ in 0..MAX_JOBS_PER_KEY {
            assert!(push(&mut backlog, 1, now).is_ok());
        }
        assert!(push(&mut backlog, 1, now).is_err());
        assert!(push(&mut backlog, 2, now).is_ok());
    }

    #[test]
    fn keys_take_turns_however_many_jobs_one_of_them_has() {
        let (mut backlog, now) = (Backlog::default(), Instant::now());
        for key in [1, 1, 1, 1, 2, 2] {
            push(&mut backlog, key, now).ok();
        }
        let order: Vec<_> = std::iter::from_fn(|| backlog.pop(now)).map(|job| job.key.0).collect();
        assert_eq!(order, [1, 2, 1, 2, 1, 1]);
    }

    #[test]
    fn a_cancelled_job_makes_room_at_once() {
        let (mut backlog, now) = (Backlog::default(), Instant::now());
        let mut cancels = Vec::new();
        for i in 0..MAX_QUEUED_JOBS {
            let (job, cancel) = job(i, now, FAR);
            backlog.push(job, now).ok();
            cancels.push(cancel);
        }
        cancels[7].cancel();
        assert!(push(&mut backlog, 999, now).is_ok());
        assert_eq!(backlog.len(), MAX_QUEUED_JOBS);
    }

    #[test]
    fn an_expired_or_cancelled_job_is_never_run() {
        let (mut backlog, now) = (Backlog::default(), Instant::now());
        let (late, _) = job(1, now, Duration::from_millis(5));
        let (gone, cancel) = job(2, now, FAR);
        let (good, _) = job(3, now, FAR);
        for job in [late, gone, good] {
            backlog.push(job, now).ok();
        }
        cancel.cancel();
        let next = backlog.pop(now + Duration::from_millis(6)).map(|job| job.key.0);
        assert_eq!(next, Some(3));
        assert_eq!(backlog.len(), 0);
    }

    #[test]
    fn work_that_could_not_start_in_time_is_refused_when_it_comes() {
        let (mut backlog, now) = (Backlog::default(), Instant::now());
        backlog.finished(Duration::from_millis(100));
        push(&mut backlog, 1, now).ok();
        push(&mut backlog, 2, now).ok();
        let in_150_ms = job(3, now, Duration::from_millis(150)).0;
        assert!(matches!(backlog.push(in_150_ms, now), Err(EngineError::Overloaded { jobs: 2, .. })));
        let in_250_ms = job(3, now, Duration::from_millis(250)).0;
        assert!(backlog.push(in_250_ms, now).is_ok());
    }
}

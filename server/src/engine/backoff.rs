//! When to start a dead engine again, and when to stop trying. Reads no clock: callers say what time it is.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// An engine that has lived so long was healthy: the next death starts from the first wait.
const HEALTHY_AFTER: Duration = Duration::from_secs(60);
/// Deaths, within the time below, of engines that never answered anything: trying again helps nobody.
const MOST_BARREN_DEATHS: usize = 5;
/// Deaths of engines that did answer: something kills them, but each life was worth its start.
const MOST_DEATHS: usize = 30;
const DEATHS_WITHIN: Duration = Duration::from_secs(180);

/// The history of one engine's deaths.
#[derive(Default)]
pub(super) struct Backoff {
    /// When, and whether that life had answered anything.
    deaths: VecDeque<(Instant, bool)>,
    next_wait: Option<Duration>,
}

/// What to do about a death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    RestartIn(Duration),
    GiveUp,
}

impl Backoff {
    /// The engine died at `now` after having been ready for `lived` (zero: it never was); `answered` says whether
    /// it filled any hole in that time.
    pub(super) fn died(&mut self, now: Instant, lived: Duration, answered: bool) -> Verdict {
        if lived >= HEALTHY_AFTER || answered {
            self.next_wait = None;
        }
        self.deaths.push_back((now, answered));
        while self.deaths.front().is_some_and(|(death, _)| now.duration_since(*death) > DEATHS_WITHIN) {
            self.deaths.pop_front();
        }
        let barren = self.deaths.iter().filter(|(_, answered)| !answered).count();
        if barren >= MOST_BARREN_DEATHS || self.deaths.len() >= MOST_DEATHS {
            return Verdict::GiveUp;
        }
        Verdict::RestartIn(self.absent())
    }

    /// The next wait for something that may be away for as long as it likes: no deaths are counted.
    pub(super) fn absent(&mut self) -> Duration {
        let wait = self.next_wait.unwrap_or(FIRST_WAIT);
        self.next_wait = Some((wait * 2).min(LONGEST_WAIT));
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BRIEF: Duration = Duration::from_secs(1);

    fn ms(wait: u64) -> Verdict {
        Verdict::RestartIn(Duration::from_millis(wait))
    }

    #[test]
    fn waits_double_and_the_fifth_death_in_three_minutes_is_the_last() {
        let (mut backoff, start) = (Backoff::default(), Instant::now());
        let verdicts: Vec<_> =
            (0..5).map(|i| backoff.died(start + Duration::from_secs(30 * i), BRIEF, false)).collect();
        assert_eq!(verdicts, [ms(250), ms(500), ms(1000), ms(2000), Verdict::GiveUp]);
    }

    #[test]
    fn deaths_far_apart_are_never_too_many_and_the_wait_has_a_ceiling() {
        let (mut backoff, start) = (Backoff::default(), Instant::now());
        let verdicts: Vec<_> =
            (0..8).map(|i| backoff.died(start + Duration::from_secs(50 * i), BRIEF, false)).collect();
        assert_eq!(verdicts.last(), Some(&ms(8000)));
        assert!(!verdicts.contains(&Verdict::GiveUp));
    }

    #[test]
    fn a_healthy_minute_resets_the_wait() {
        let (mut backoff, start) = (Backoff::default(), Instant::now());
        backoff.died(start, BRIEF, false);
        backoff.died(start + BRIEF, BRIEF, false);
        assert_eq!(backoff.died(start + 70 * BRIEF, 59 * BRIEF, false), ms(1000));
        assert_eq!(backoff.died(start + 140 * BRIEF, 60 * BRIEF, false), ms(250));
    }

    #[test]
    fn an_engine_that_answers_between_its_deaths_comes_back_soon_but_not_for_ever() {
        let (mut backoff, start) = (Backoff::default(), Instant::now());
        let verdicts: Vec<_> = (0..30).map(|i| backoff.died(start + BRIEF * i, BRIEF, true)).collect();
        assert!(verdicts[..29].iter().all(|verdict| *verdict == ms(250)));
        assert_eq!(verdicts[29], Verdict::GiveUp);
    }
}

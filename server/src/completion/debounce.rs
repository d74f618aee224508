//! How long to wait for the next keystroke before the engine is asked: as long as somebody types faster than the
//! engine answers, most questions would be for nothing. Pure: who types and who answers is told to it, with times.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::Site;

/// What the setting `debounceMs` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Debounce {
    /// By the typing and by the engine.
    #[default]
    Auto,
    /// So long.
    Fixed(Duration),
}

/// An engine that answers within this is asked at every keystroke.
const QUICK: Duration = Duration::from_millis(30);
/// A pause longer than this is no part of a typing rhythm.
const PAUSE: Duration = Duration::from_millis(1000);
/// The next key is expected within this share of the usual interval.
const LATE: f64 = 1.25;
/// Share of the wait where a thought ends: at the end of a line, after an opener.
const AT_AN_END: f64 = 0.5;
/// The longest wait.
const LONGEST: Duration = Duration::from_millis(300);
/// Weight of the newest time in a mean.
const NEWEST: f64 = 0.25;

/// The rhythm of typing and answering. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Pace(Arc<Mutex<Means>>);

#[derive(Debug, Default)]
struct Means {
    last_key: Option<Instant>,
    /// Between keys, in seconds.
    interval: Option<f64>,
    /// From question to answer, in seconds.
    answer: Option<f64>,
}

impl Pace {
    /// A key was pressed.
    pub fn key(&self, now: Instant) {
        let mut means = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = means.last_key.replace(now).map(|last| now.saturating_duration_since(last));
        if let Some(since) = since.filter(|since| *since < PAUSE) {
            means.interval = Some(mean(means.interval, since));
        }
    }

    /// The engine took this long.
    pub fn answered(&self, took: Duration) {
        let mut means = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        means.answer = Some(mean(means.answer, took));
    }

    /// How long to wait at `site`.
    pub fn wait(&self, debounce: Debounce, site: &Site) -> Duration {
        if let Debounce::Fixed(wait) = debounce {
            return wait;
        }
        let means = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(interval), Some(answer)) = (means.interval, means.answer) else { return Duration::ZERO };
        if answer <= QUICK.as_secs_f64() {
            return Duration::ZERO;
        }
        let ends = site.after.trim().is_empty()
            && site.before.trim_end().ends_with(['(', '[', '{', '.', ',', ';', ':', '=']);
        let share = if ends || site.before.trim().is_empty() { AT_AN_END } else { 1.0 };
        Duration::from_secs_f64(LATE * interval * share).min(LONGEST)
    }
}

fn mean(known: Option<f64>, new: Duration) -> f64 {
    let new = new.as_secs_f64();
    known.map_or(new, |known| known + NEWEST * (new - known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(interval_ms: u64, answer_ms: u64) -> Pace {
        let pace = Pace::default();
        let begun = Instant::now();
        for key in 0..40 {
            pace.key(begun + Duration::from_millis(interval_ms * key));
            pace.answered(Duration::from_millis(answer_ms));
        }
        pace
    }

    fn wait(pace: &Pace, before: &str) -> u128 {
        pace.wait(Debounce::Auto, &Site { before: before.into(), ..Site::default() }).as_millis()
    }

    #[test]
    fn a_quick_engine_is_asked_at_once_and_a_slow_one_after_the_rhythm_of_the_keys() {
        assert_eq!(wait(&pace(120, 10), "let x"), 0);
        assert_eq!(wait(&pace(120, 200), "let x"), 150);
        assert_eq!(wait(&pace(120, 200), "let x = f("), 75, "a thought has ended");
        assert_eq!(wait(&pace(120, 200), "    "), 75);
        assert_eq!(wait(&pace(600, 200), "let x"), 300, "nobody waits longer");
        assert_eq!(wait(&pace(1500, 200), "let x"), 0, "pauses are no rhythm");
        assert_eq!(wait(&Pace::default(), "let x"), 0, "nothing is known yet");
    }

    #[test]
    fn a_number_is_kept_to() {
        let fixed = |ms| Debounce::Fixed(Duration::from_millis(ms));
        assert_eq!(pace(120, 200).wait(fixed(0), &Site::default()).as_millis(), 0);
        assert_eq!(pace(120, 1).wait(fixed(70), &Site::default()).as_millis(), 70);
    }
}

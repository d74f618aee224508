//! Times that an item measured, and how they are said: the middle, the slowest in a hundred, and the slowest of all apart, so
//! that one moment of a busy machine is seen as that. Knows no item.

use std::fmt;
use std::time::Duration;

/// Measured times.
#[derive(Clone, Debug, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// Takes one in.
    pub fn add(&mut self, time: Duration) {
        let at = self.0.partition_point(|other| *other <= time);
        self.0.insert(at, time);
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The time that `percent` of a hundred do not exceed (nearest rank); zero where there are none.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or_default()
    }

    /// The middle one.
    #[must_use]
    pub fn median(&self) -> Duration {
        self.percentile(50)
    }

    /// The slowest.
    #[must_use]
    pub fn worst(&self) -> Duration {
        self.percentile(100)
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, p99, worst] = [self.median(), self.percentile(99), self.worst()];
        write!(f, "{median:.1?} (median), {p99:.1?} (p99), {worst:.1?} (worst)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_of_all_is_no_percentile() {
        let mut times = Times::default();
        assert_eq!(times.to_string(), "0.0ns (median), 0.0ns (p99), 0.0ns (worst)");
        (1..=200).rev().for_each(|ms| times.add(Duration::from_millis(ms)));
        times.add(Duration::from_secs(3));
        assert_eq!(times.count(), 201);
        assert_eq!(times.to_string(), "101.0ms (median), 199.0ms (p99), 3.0s (worst)");
    }
}

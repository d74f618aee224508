//! How many positions a step has to commit at least.
//!
//! A function of the step's number and of the masks left; knows no candidate.

/// How many positions to commit at least in step `k`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Schedule {
    /// One; what goes beyond is left to the rule. Steps are unbounded.
    OneByOne,
    /// One, and in the last of so many steps all that is left: bounds the time, not the pace.
    Within(u32),
    /// Equal shares over so many steps, the remainder in the earliest (LLaDA).
    Even(u32),
    /// Dream's timesteps from 1 to ε over so many steps; where Dream would commit none, one.
    Dream {
        /// Number of steps.
        steps: u32,
        /// Where the timesteps end; Dream has 0.001.
        epsilon: f32,
    },
}

impl Schedule {
    /// At least one; `step` counts from 0, `masks` is the number of masks before it.
    #[must_use]
    pub fn at_least(self, step: u32, masks: usize) -> usize {
        let left = |steps: u32| steps.saturating_sub(step).max(1) as usize;
        let wanted = match self {
            Self::OneByOne => 1,
            Self::Within(steps) => {
                if left(steps) == 1 {
                    masks
                } else {
                    1
                }
            }
            Self::Even(steps) => masks.div_ceil(left(steps)),
            Self::Dream { steps, epsilon } => dream(step, steps, epsilon, masks),
        };
        wanted.max(1)
    }
}

/// Dream's number of transfers, which may be 0: ⌊M·(1 − s/t)⌋ with t = 1 − k(1 − ε)/n, and all M in the last step.
#[must_use]
pub fn dream(step: u32, steps: u32, epsilon: f32, masks: usize) -> usize {
    if step + 1 >= steps {
        return masks;
    }
    let time = |k: u32| 1.0 - f64::from(k) * (1.0 - f64::from(epsilon)) / f64::from(steps);
    (masks as f64 * (1.0 - time(step + 1) / time(step))) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(masks: usize, mut at_step: impl FnMut(u32, usize) -> usize) -> Vec<usize> {
        let mut left = masks;
        let mut counts = Vec::new();
        while left > 0 && counts.len() < 64 {
            let now = at_step(counts.len() as u32, left).min(left);
            counts.push(now);
            left -= now;
        }
        counts
    }

    #[test]
    fn dreams_own_schedule_starts_with_none_and_ends_with_two() {
        let dreams = |masks, steps| counts(masks, |step, left| dream(step, steps, 1e-3, left));
        assert_eq!(dreams(8, 8), [0, 1, 1, 1, 1, 1, 1, 2]);
        assert_eq!(dreams(32, 8), [3, 4, 4, 4, 4, 4, 4, 5]);
    }

    #[test]
    fn ours_never_waits() {
        let ours = |schedule: Schedule, masks| counts(masks, |step, left| schedule.at_least(step, left));
        assert_eq!(ours(Schedule::Dream { steps: 8, epsilon: 1e-3 }, 8), [1; 8]);
        assert_eq!(ours(Schedule::Even(4), 10), [3, 3, 2, 2]);
        assert_eq!(ours(Schedule::Even(0), 3), [3]);
        assert_eq!(ours(Schedule::Within(3), 10), [1, 1, 8]);
        assert_eq!(ours(Schedule::OneByOne, 3), [1, 1, 1]);
    }
}

//! How many positions a step has to commit.
//!
//! A function of where a block stands; knows no candidate.

/// Where the block that is being decided stands before a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// Steps made in this block.
    pub step: u32,
    /// Masks left in it.
    pub masks: usize,
    /// Masks it began with.
    pub start: usize,
    /// Positions in it that were not given: masks, and what was committed.
    pub open: usize,
    /// Positions of a whole block, given ones and those before the span included.
    pub block: usize,
}

/// What a schedule asks of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// So many are committed, however unsure.
    pub least: usize,
    /// Beyond so many none is, however sure.
    pub most: usize,
    /// Probability that a position is due, in [0, 1]; only [`Rule::Chance`](super::Rule::Chance) asks.
    pub chance: f32,
}

impl Share {
    /// A least number without a most.
    #[must_use]
    pub fn at_least(least: usize) -> Self {
        Self { least, most: usize::MAX, chance: 0.0 }
    }
}

/// How many positions to commit in each step of a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Schedule {
    /// At least one; what goes beyond is left to the rule. Steps are unbounded.
    OneByOne,
    /// At least one, and in the last of so many steps all that is left: bounds the time, not the pace.
    Within(u32),
    /// Equal shares of what is masked over the steps left, the remainder in the earliest (LLaDA).
    Even(u32),
    /// Equal shares of the whole block over so many steps, whatever was committed beyond them (SDAR).
    Shares(u32),
    /// Dream's timesteps from 1 to ε over so many steps.
    Dream {
        /// Number of steps.
        steps: u32,
        /// Where the timesteps end; Dream has 0.001.
        epsilon: f32,
    },
    /// At least one, and no more than equal shares over so many steps allow so far (Fast-dLLM for Dream).
    Paced(u32),
    /// Of all that was not given, ⌊n·(1 − k/steps)⌋ stay masked after step k (P2).
    Path(u32),
}

impl Schedule {
    /// What it asks of a step; where it would wait, the least is 0.
    #[must_use]
    pub fn share(self, pace: Pace) -> Share {
        let Pace { step, masks, start, open, block } = pace;
        let left = |steps: u32| steps.saturating_sub(step).max(1) as usize;
        let share = Share { least: 1, most: masks, chance: 1.0 };
        match self {
            Self::OneByOne => share,
            Self::Within(steps) if left(steps) == 1 => Share { least: masks, ..share },
            Self::Within(_) => share,
            Self::Even(steps) => Share { least: masks.div_ceil(left(steps)), ..share },
            Self::Shares(steps) if step >= steps => Share { least: masks, ..share },
            Self::Shares(steps) => {
                let (steps, step) = (steps as usize, step as usize);
                Share { least: (block / steps + usize::from(step < block % steps)).min(masks), ..share }
            }
            Self::Dream { steps, epsilon } => Share {
                least: dream(step, steps, epsilon, masks),
                chance: chance(step, steps, epsilon) as f32,
                ..share
            },
            Self::Paced(steps) => {
                let due = (start * (step as usize + 1)).div_ceil(steps.max(1) as usize);
                Share {
                    most: due.saturating_sub(start.saturating_sub(masks)).clamp(1, masks.max(1)),
                    ..share
                }
            }
            Self::Path(steps) => Share { least: masks.saturating_sub(path(step, steps, open)), ..share },
        }
    }
}

/// Dream's share of the masks that are due in a step: 1 − s/t with t = 1 − k(1 − ε)/n and s the next t; 1 in the last.
fn chance(step: u32, steps: u32, epsilon: f32) -> f64 {
    if step + 1 >= steps {
        return 1.0;
    }
    let time = |k: u32| 1.0 - f64::from(k) * (1.0 - f64::from(epsilon)) / f64::from(steps);
    1.0 - time(step + 1) / time(step)
}

/// Dream's number of transfers, which may be 0: ⌊M·(1 − s/t)⌋, and all M in the last step.
#[must_use]
pub fn dream(step: u32, steps: u32, epsilon: f32, masks: usize) -> usize {
    (masks as f64 * chance(step, steps, epsilon)) as usize
}

/// P2's number of masks after a step; in f32, as published, because the floor is often of a whole number.
fn path(step: u32, steps: u32, open: usize) -> usize {
    let done = f64::from(step + 1) / f64::from(steps.max(1));
    (open as f32 * (1.0 - done) as f32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is committed step by step if the least, or the most, is.
    fn counts(masks: usize, block: usize, schedule: Schedule, of: fn(Share) -> usize) -> Vec<usize> {
        let mut pace = Pace { step: 0, masks, start: masks, open: masks, block };
        let mut counts = Vec::new();
        while pace.masks > 0 && counts.len() < 64 {
            let now = of(schedule.share(pace)).min(pace.masks);
            counts.push(now);
            pace = Pace { step: pace.step + 1, masks: pace.masks - now, ..pace };
        }
        counts
    }

    fn least(schedule: Schedule, masks: usize) -> Vec<usize> {
        counts(masks, masks, schedule, |share| share.least)
    }

    #[test]
    fn dreams_own_schedule_starts_with_none_and_ends_with_two() {
        let dreams = |masks, steps| least(Schedule::Dream { steps, epsilon: 1e-3 }, masks);
        assert_eq!(dreams(8, 8), [0, 1, 1, 1, 1, 1, 1, 2]);
        assert_eq!(dreams(32, 8), [3, 4, 4, 4, 4, 4, 4, 5]);
        assert_eq!(dreams(5, 64).iter().filter(|&&now| now == 0).count(), 60);
    }

    #[test]
    fn without_waiting_dreams_schedule_commits_one_at_a_time() {
        let schedule = Schedule::Dream { steps: 8, epsilon: 1e-3 };
        assert_eq!(counts(8, 8, schedule, |share| share.least.max(1)), [1; 8]);
    }

    #[test]
    fn each_schedule_by_hand() {
        assert_eq!(least(Schedule::Even(4), 10), [3, 3, 2, 2]);
        assert_eq!(least(Schedule::Even(0), 3), [3]);
        assert_eq!(least(Schedule::Within(3), 10), [1, 1, 8]);
        assert_eq!(least(Schedule::OneByOne, 3), [1, 1, 1]);
        assert_eq!(least(Schedule::Shares(3), 8), [3, 3, 2]);
        assert_eq!(least(Schedule::Shares(0), 8), [8]);
        let late = |share: Share| share.least;
        assert_eq!(counts(5, 8, Schedule::Shares(4), late), [2, 2, 1], "three of eight were given");
        assert_eq!(counts(8, 8, Schedule::Paced(4), |share| share.most), [2, 2, 2, 2]);
        assert_eq!(least(Schedule::Paced(4), 3), [1, 1, 1]);
        assert_eq!(least(Schedule::Path(4), 8), [2, 2, 2, 2]);
        assert_eq!(least(Schedule::Path(10), 10), [1; 10]);
        assert_eq!(least(Schedule::Path(6), 3), [1, 0, 1, 0, 1]);
    }

    #[test]
    fn what_a_paced_step_leaves_may_be_made_up_later() {
        let pace = Pace { step: 1, masks: 7, start: 8, open: 8, block: 8 };
        assert_eq!(Schedule::Paced(4).share(pace).most, 3);
    }
}

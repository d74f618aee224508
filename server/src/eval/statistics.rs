//! What a share, and the difference of two runs on the same holes, is worth. Pure.
//!
//! Holes of one package or problem are alike, so whole clusters are drawn again, not rows (Cameron, Gelbach & Miller 2008);
//! McNemar's test (1947) takes rows for independent and is given beside it, exact, not by its approximation.

use super::random::Random;

/// Bootstrap samples: the ends of an interval move by less than a tenth of its width.
const SAMPLES: usize = 10_000;
/// Of the dice, so that a report says the same every time.
const SEED: u64 = 1;

/// Both ends of an interval of 95 % confidence.
pub type Interval = [f64; 2];

/// Sum and number of what belongs together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cluster {
    /// Sum over its holes.
    pub sum: f64,
    /// Its holes.
    pub holes: usize,
}

impl Cluster {
    /// Adds a hole.
    pub fn add(&mut self, value: f64) {
        self.sum += value;
        self.holes += 1;
    }

    /// Mean over its holes; 0 of nothing.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.sum / self.holes.max(1) as f64
    }
}

/// Where the mean over all holes lies, by drawing clusters again: percentile bootstrap. `None` of fewer than two: one
/// package says nothing about others.
#[must_use]
pub fn interval(clusters: &[Cluster]) -> Option<Interval> {
    if clusters.len() < 2 {
        return None;
    }
    let mut random = Random::new(SEED);
    let mut means: Vec<f64> = (0..SAMPLES)
        .map(|_| {
            let drawn = (0..clusters.len()).filter_map(|_| clusters.get(random.below(clusters.len())));
            let together = drawn.fold(Cluster::default(), |all, one| Cluster {
                sum: all.sum + one.sum,
                holes: all.holes + one.holes,
            });
            together.mean()
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let end = |part: f64| means.get((part * (SAMPLES - 1) as f64).round() as usize).copied();
    Some([end(0.025)?, end(0.975)?])
}

/// Two-sided p-value of McNemar's exact test: `one` holes only the one gets right, `other` only the other.
#[must_use]
pub fn mcnemar(one: usize, other: usize) -> f64 {
    let (few, all) = (one.min(other), one + other);
    // P(X ≤ few) of a fair coin thrown `all` times, with binomials as logarithms so that they stay finite.
    let mut log_binomial = 0.0;
    let mut tail = 0.0;
    for k in 0..=few {
        if k > 0 {
            log_binomial += ((all - k + 1) as f64 / k as f64).ln();
        }
        tail += (log_binomial - all as f64 * std::f64::consts::LN_2).exp();
    }
    (2.0 * tail).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mcnemar_is_a_fair_coins_two_tails() {
        assert_eq!(mcnemar(0, 0), 1.0);
        assert_eq!(mcnemar(5, 5), 1.0);
        // 2 × (1 + 10) ÷ 2¹⁰ and 2 ÷ 2⁶.
        assert!((mcnemar(1, 9) - 22.0 / 1024.0).abs() < 1e-12);
        assert!((mcnemar(6, 0) - 2.0 / 64.0).abs() < 1e-12);
        assert!(mcnemar(4000, 5000) > 0.0 && mcnemar(4000, 5000) < 1e-20);
    }

    #[test]
    fn a_share_of_many_clusters_has_the_interval_of_a_binomial() {
        let clusters: Vec<Cluster> =
            (0..400).map(|n| Cluster { sum: f64::from(u8::from(n % 4 == 0)), holes: 1 }).collect();
        let [low, high] = interval(&clusters).unwrap_or_default();
        // 25 % ± 1.96 × √(0.25 × 0.75 ÷ 400) = ± 4.2 %.
        assert!((low - 0.208).abs() < 0.01 && (high - 0.292).abs() < 0.01, "{low} to {high}");
    }

    #[test]
    fn few_clusters_of_many_holes_are_few() {
        let alike: Vec<Cluster> =
            (0..10).map(|n| Cluster { sum: f64::from(n % 2) * 100.0, holes: 100 }).collect();
        let [low, high] = interval(&alike).unwrap_or_default();
        assert!(low <= 0.2 && high >= 0.8, "{low} to {high}");
        assert_eq!(interval(&alike[..1]), None);
    }
}

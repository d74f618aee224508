//! Which candidates of a step are committed.
//!
//! The surest first, ties by the lower position; within what the schedule asks. Knows no canvas.

use super::{Candidate, schedule::Share};

/// What is committed beyond the number that the schedule asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Nothing (MaskGIT, Dream, LLaDA).
    Quota,
    /// Every candidate whose probability is at least this, in [0, 1] (Fast-dLLM).
    Threshold(f32),
    /// The largest n with (n + 1)·(1 − pₙ) below this, pₙ being the n-th largest probability (Fast-dLLM's `factor`).
    Factor(f32),
    /// The surest, as long as their entropies sum to no more than this, nats (EB sampler).
    Entropy(f32),
    /// Each by a coin of its own, with the schedule's chance (Dream's `origin`); the confidence must be
    /// [`Measure::Random`](super::Measure::Random), which is that coin.
    Chance,
}

/// Indices into `candidates`, surest first: those the rule trusts, at least and at most as many as the share says.
#[must_use]
pub fn commit(rule: Rule, candidates: &[Candidate], share: Share) -> Vec<usize> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by(|&a, &b| {
        let (a, b) = (&candidates[a], &candidates[b]);
        b.confidence.total_cmp(&a.confidence).then(a.at.cmp(&b.at))
    });
    let trusted = match rule {
        Rule::Quota => 0,
        Rule::Threshold(threshold) => {
            // By probability, whatever the measure ranks by: stable, so that the surest stay first.
            order.sort_by_key(|&index| candidates[index].probability < threshold);
            order.iter().filter(|&&index| candidates[index].probability >= threshold).count()
        }
        Rule::Factor(factor) => {
            let fits = |(n, index): (usize, &usize)| {
                (n as f32 + 2.0) * (1.0 - candidates[*index].probability) < factor
            };
            order.iter().enumerate().take_while(|&pair| fits(pair)).count()
        }
        Rule::Entropy(bound) => {
            let mut sum = 0.0;
            let fits = |index: &&usize| {
                sum += candidates[**index].entropy;
                sum <= bound
            };
            order.iter().take_while(fits).count()
        }
        Rule::Chance => {
            let due =
                |index: &&usize| share.chance >= 1.0 || 1.0 - candidates[**index].confidence < share.chance;
            order.iter().take_while(due).count()
        }
    };
    order.truncate(trusted.min(share.most).max(share.least));
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{diffusion::CanvasIdx, tokens::TokenId};

    fn candidates(probabilities: &[f32]) -> Vec<Candidate> {
        let candidate = |(at, &probability): (usize, &f32)| Candidate {
            at: CanvasIdx(at),
            token: TokenId(0),
            probability,
            confidence: probability,
            entropy: -probability.ln(),
        };
        probabilities.iter().enumerate().map(candidate).collect()
    }

    #[test]
    fn each_rule_by_hand() {
        let row = candidates(&[0.50, 0.95, 0.92, 0.10, 0.95]);
        for (rule, at_least, committed) in [
            (Rule::Quota, 1, vec![1]),
            (Rule::Quota, 3, vec![1, 4, 2]),
            (Rule::Quota, 9, vec![1, 4, 2, 0, 3]),
            (Rule::Threshold(0.9), 1, vec![1, 4, 2]),
            (Rule::Threshold(0.95), 1, vec![1, 4]),
            (Rule::Threshold(0.99), 1, vec![1]),
            (Rule::Threshold(0.99), 2, vec![1, 4]),
            // 2·0.05 = 0.10, 3·0.05 = 0.15, 4·0.08 = 0.32
            (Rule::Factor(0.2), 1, vec![1, 4]),
            (Rule::Factor(0.4), 1, vec![1, 4, 2]),
            (Rule::Factor(0.0), 1, vec![1]),
            // −ln 0.95 = 0.051 each
            (Rule::Entropy(0.11), 1, vec![1, 4]),
            (Rule::Entropy(0.0), 1, vec![1]),
        ] {
            let share = Share::at_least(at_least);
            assert_eq!(commit(rule, &row, share), committed, "{rule:?} at least {at_least}");
        }
        assert!(commit(Rule::Quota, &[], Share::at_least(4)).is_empty());
        assert!(commit(Rule::Quota, &row, Share::at_least(0)).is_empty());
        assert_eq!(commit(Rule::Threshold(0.9), &row, Share { least: 1, most: 2, chance: 1.0 }), [1, 4]);
        // Coins of 0.50, 0.05, 0.08, 0.90, 0.05.
        assert_eq!(commit(Rule::Chance, &row, Share { least: 0, most: 5, chance: 0.07 }), [1, 4]);
    }
}

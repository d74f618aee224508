//! A mixture of experts: a router chooses a few SwiGLUs for each row, and only these are computed.
//!
//! The choice is made on plain numbers, by [`route`]: a layer's router gives a few hundred of them a row, and ties and
//! groups are easier to get right, and to test, there. Knows no other part of the network.

use std::ops::Range;

use candle_core::{DType, Result, Tensor};

use super::{
    config::{self, Gating},
    linear::Linear,
    mlp::SwiGlu,
};

/// A share of a sum that is divided by is never 0.
const TINY: f32 = 1e-20;

/// A layer's experts, and what chooses among them.
pub(super) struct Experts {
    pub(super) spec: config::Experts,
    /// `[hidden, experts]`.
    pub(super) router: Linear,
    /// Added to the scores, one for each expert.
    pub(super) bias: Option<Vec<f32>>,
    pub(super) experts: Vec<SwiGlu>,
    /// Computes every row.
    pub(super) shared: Option<SwiGlu>,
}

impl Experts {
    /// `[rows, hidden]` → the same.
    pub(super) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let (rows, hidden) = x.dims2()?;
        let logits = self.router.apply(x)?.to_dtype(DType::F32)?.to_vec2::<f32>()?;
        let plan = Plan::new(&logits, self.bias.as_deref(), &self.spec);
        // Each expert's rows side by side, so that each of them is one product.
        let gathered = x.index_select(&Tensor::new(plan.rows, x.device())?, 0)?;
        let mut parts = Vec::new();
        for (expert, part) in self.experts.iter().zip(&plan.parts) {
            if !part.is_empty() {
                parts.push(expert.apply(&gathered.narrow(0, part.start, part.len())?)?);
            }
        }
        let weights = Tensor::new(plan.weights, x.device())?.to_dtype(x.dtype())?.unsqueeze(1)?;
        let weighed = Tensor::cat(&parts, 0)?.broadcast_mul(&weights)?;
        let back = weighed.index_select(&Tensor::new(plan.back, x.device())?, 0)?;
        let mixed = back.reshape((rows, self.spec.chosen, hidden))?.sum(1)?;
        match &self.shared {
            Some(shared) => mixed + shared.apply(x)?,
            None => Ok(mixed),
        }
    }
}

/// Which rows go to which expert, and the way back.
struct Plan {
    /// Rows in the order of their experts, each as often as it has experts.
    rows: Vec<u32>,
    /// What each of these weighs.
    weights: Vec<f32>,
    /// Each expert's part of them.
    parts: Vec<Range<usize>>,
    /// For each row its places among them, one after the other.
    back: Vec<u32>,
}

impl Plan {
    fn new(logits: &[Vec<f32>], bias: Option<&[f32]>, spec: &config::Experts) -> Self {
        // Row and place in `back`, by expert.
        let mut of: Vec<Vec<(u32, usize, f32)>> = vec![Vec::new(); spec.count];
        for (row, logits) in logits.iter().enumerate() {
            for (slot, (expert, weight)) in route(logits, bias, spec).into_iter().enumerate() {
                of[expert].push((row as u32, row * spec.chosen + slot, weight));
            }
        }
        let size = logits.len() * spec.chosen;
        let mut plan = Self {
            rows: Vec::with_capacity(size),
            weights: Vec::with_capacity(size),
            parts: Vec::with_capacity(spec.count),
            back: vec![0; size],
        };
        for rows in of {
            let start = plan.rows.len();
            for (row, place, weight) in rows {
                plan.back[place] = plan.rows.len() as u32;
                plan.rows.push(row);
                plan.weights.push(weight);
            }
            plan.parts.push(start..plan.rows.len());
        }
        plan
    }
}

/// The experts of one row and their weights, from the router's `logits`, one for each expert. Of equal scores the
/// lower index wins.
fn route(logits: &[f32], bias: Option<&[f32]>, spec: &config::Experts) -> Vec<(usize, f32)> {
    let biased = |scores: &[f32]| -> Vec<f32> {
        let bias = bias.into_iter().flatten().copied().chain(std::iter::repeat(0.0));
        scores.iter().zip(bias).map(|(score, bias)| score + bias).collect()
    };
    match spec.gating {
        Gating::Softmax => {
            let most = logits.iter().copied().fold(f32::MIN, f32::max);
            let shares: Vec<f32> = logits.iter().map(|logit| (logit - most).exp()).collect();
            let total: f32 = shares.iter().sum();
            let scores = biased(&shares.iter().map(|share| share / total).collect::<Vec<_>>());
            largest(&scores, spec.chosen).into_iter().map(|expert| (expert, scores[expert])).collect()
        }
        Gating::SigmoidGroups { groups, kept, scale } => {
            let scores: Vec<f32> = logits.iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect();
            let mut choice = biased(&scores);
            let size = (choice.len() / groups).max(1);
            let worth = |group: &[f32]| largest(group, 2).into_iter().map(|best| group[best]).sum::<f32>();
            let groups: Vec<f32> = choice.chunks(size).map(worth).collect();
            let kept = largest(&groups, kept);
            for (group, scores) in choice.chunks_mut(size).enumerate() {
                if !kept.contains(&group) {
                    scores.fill(f32::NEG_INFINITY);
                }
            }
            let chosen = largest(&choice, spec.chosen);
            let total: f32 = chosen.iter().map(|&expert| scores[expert]).sum::<f32>() + TINY;
            chosen.into_iter().map(|expert| (expert, scores[expert] / total * scale as f32)).collect()
        }
    }
}

/// Places of the `count` largest, the largest first.
fn largest(scores: &[f32], count: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..scores.len()).collect();
    places.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    places.truncate(count);
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(count: usize, chosen: usize, gating: Gating) -> config::Experts {
        config::Experts { count, chosen, width: 1, shared: 0, dense_layers: 0, bias: false, gating }
    }

    fn close(found: &[(usize, f32)], wanted: &[(usize, f32)]) {
        assert_eq!(found.len(), wanted.len(), "{found:?}");
        for (found, wanted) in found.iter().zip(wanted) {
            assert!(found.0 == wanted.0 && (found.1 - wanted.1).abs() < 1e-6, "{found:?} {wanted:?}");
        }
    }

    #[test]
    fn softmax_weights_are_shares_of_all_experts_and_do_not_sum_to_1() {
        let logits = [0.1_f32, 0.4, 0.2, 0.3].map(f32::ln);
        let spec = spec(4, 2, Gating::Softmax);
        close(&route(&logits, None, &spec), &[(1, 0.4), (3, 0.3)]);
        close(&route(&logits, Some(&[0.5, 0.0, 0.0, 0.0]), &spec), &[(0, 0.6), (1, 0.4)]);
    }

    #[test]
    fn every_row_is_computed_by_its_experts_alone() {
        let spec = spec(3, 2, Gating::Softmax);
        let plan = Plan::new(&[vec![0.0, 2.0, 1.0], vec![3.0, 2.0, 0.0]], None, &spec);
        assert_eq!(plan.rows, [1, 0, 1, 0], "expert 0 has row 1, expert 1 both, expert 2 row 0");
        assert_eq!(plan.parts, [0..1, 1..3, 3..4]);
        assert_eq!(plan.back, [1, 3, 0, 2], "row 0: experts 1 and 2; row 1: experts 0 and 1");
    }

    #[test]
    fn of_equal_experts_the_first_are_taken() {
        close(&route(&[0.0; 4], None, &spec(4, 2, Gating::Softmax)), &[(0, 0.25), (1, 0.25)]);
    }

    #[test]
    fn sigmoid_experts_come_from_the_best_groups_and_a_bias_only_chooses() {
        let logit = |share: f32| (share / (1.0 - share)).ln();
        // Three groups of three; the best expert of all stands in the worst group.
        let logits = [0.9, 0.1, 0.1, 0.6, 0.7, 0.2, 0.5, 0.3, 0.8].map(logit);
        let spec = spec(9, 3, Gating::SigmoidGroups { groups: 3, kept: 2, scale: 2.5 });
        let sum = 0.8 + 0.7 + 0.6;
        close(&route(&logits, None, &spec), &[(8, 2.0 / sum), (4, 1.75 / sum), (3, 1.5 / sum)]);
        // The bias lifts expert 7 over expert 3, which changes who is chosen, not what they weigh.
        let bias = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.45, 0.0];
        let sum = 0.8 + 0.3 + 0.7;
        close(&route(&logits, Some(&bias), &spec), &[(8, 2.0 / sum), (7, 0.75 / sum), (4, 1.75 / sum)]);
    }
}

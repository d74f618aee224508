//! From a row of logits to a token and how sure the denoiser is of it.
//!
//! Dream's order: temperature, then top-p, then softmax; the measure is taken of what these leave. One row at a
//! time; knows no span.

use super::CanvasIdx;
use crate::tokens::TokenId;

/// Distance below the largest logit from which a probability counts as 0: e⁻²⁰ is 2·10⁻⁹, so that even 150 000
/// such tokens together hold less than 0.04 %.
const NEGLIGIBLE: f32 = 20.0;

/// How confidence is measured; larger is surer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Measure {
    /// Probability of the chosen token (MaskGIT).
    #[default]
    Probability,
    /// Largest probability minus the second largest (Dream's `topk_margin`).
    Margin,
    /// Σ p·ln p, at most 0 (Dream's `entropy`).
    NegativeEntropy,
}

/// How a token is drawn from a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// 0 takes the likeliest token, ties by the lower id.
    pub temperature: f32,
    /// Share of probability that sampling draws from, in (0, 1]; the token that crosses it stays in.
    pub top_p: Option<f32>,
    /// How positions are ranked.
    pub measure: Measure,
    /// Where the random numbers start, for temperatures above 0.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 0.0, top_p: None, measure: Measure::Probability, seed: 0 }
    }
}

/// What a masked position would become.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// The position.
    pub at: CanvasIdx,
    /// Its token.
    pub token: TokenId,
    /// Probability of the token, in [0, 1].
    pub probability: f32,
    /// By the chosen [`Measure`]; ranks positions.
    pub confidence: f32,
    /// −Σ p·ln p of the row, nats.
    pub entropy: f32,
}

/// Random numbers, the same for the same seed everywhere (SplitMix64, Steele et al., 2014).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Starts at a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Uniform in [0, 1).
    pub fn roll(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 40) as f32 / (1_u64 << 24) as f32
    }
}

/// Reads a row, `[vocab]`; it holds the filtered probabilities afterwards. NaN counts as "cannot be". `None` if
/// nothing can be.
pub fn candidate(at: CanvasIdx, row: &mut [f32], sampling: &Sampling, dice: &mut Dice) -> Option<Candidate> {
    if sampling.temperature > 0.0 {
        for logit in row.iter_mut() {
            *logit /= sampling.temperature;
        }
    }
    softmax(row)?;
    if let Some(top_p) = sampling.top_p.filter(|top_p| *top_p < 1.0) {
        keep_nucleus(row, top_p);
    }
    let (mut best, mut second, mut entropy) = ((0, 0.0), 0.0, 0.0);
    for (id, &p) in row.iter().enumerate().filter(|(_, p)| **p > 0.0) {
        if p > best.1 {
            second = best.1;
            best = (id, p);
        } else if p > second {
            second = p;
        }
        entropy -= p * p.ln();
    }
    let (token, probability) = if sampling.temperature > 0.0 { draw(row, dice.roll()) } else { best };
    let confidence = match sampling.measure {
        Measure::Probability => probability,
        Measure::Margin => best.1 - second,
        Measure::NegativeEntropy => -entropy,
    };
    Some(Candidate { at, token: TokenId(token as u32), probability, confidence, entropy })
}

/// Logits to probabilities, in place; `None` if no logit is finite.
pub fn softmax(row: &mut [f32]) -> Option<()> {
    let largest = row.iter().copied().filter(|logit| !logit.is_nan()).fold(f32::NEG_INFINITY, f32::max);
    if !largest.is_finite() {
        return None;
    }
    let mut total = 0.0;
    for value in row.iter_mut() {
        let below = *value - largest;
        *value = if below > -NEGLIGIBLE { below.exp() } else { 0.0 };
        total += *value;
    }
    for value in row.iter_mut() {
        *value /= total;
    }
    Some(())
}

/// Natural logarithm of a token's probability in a row of logits, `[vocab]`; −∞ for what is not in it.
#[must_use]
pub fn log_probability(row: &[f32], token: TokenId) -> f32 {
    let largest = row.iter().copied().filter(|logit| !logit.is_nan()).fold(f32::NEG_INFINITY, f32::max);
    let Some(&logit) = row.get(token.0 as usize).filter(|logit| logit.is_finite()) else {
        return f32::NEG_INFINITY;
    };
    let total: f32 = row.iter().filter(|logit| !logit.is_nan()).map(|logit| (logit - largest).exp()).sum();
    logit - largest - total.ln()
}

/// Drops what lies beyond the token that carries the sum past `top_p` (Holtzman et al., 2020), and scales the rest.
fn keep_nucleus(row: &mut [f32], top_p: f32) {
    let mut order: Vec<usize> = (0..row.len()).filter(|&id| row[id] > 0.0).collect();
    order.sort_by(|&a, &b| row[b].total_cmp(&row[a]).then(a.cmp(&b)));
    let mut sum = 0.0;
    let mut kept = 0.0;
    for id in order {
        if sum > top_p {
            row[id] = 0.0;
        } else {
            kept += row[id];
        }
        sum += row[id];
    }
    for value in row {
        *value /= kept;
    }
}

/// The token at which the running sum passes `roll`.
fn draw(row: &[f32], roll: f32) -> (usize, f32) {
    let mut sum = 0.0;
    let mut last = (0, 0.0);
    for (id, &p) in row.iter().enumerate().filter(|(_, p)| **p > 0.0) {
        sum += p;
        last = (id, p);
        if sum > roll {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logits of these probabilities.
    fn row(probabilities: &[f32]) -> Vec<f32> {
        probabilities.iter().map(|p| p.ln()).collect()
    }

    fn read(row: &mut [f32], sampling: Sampling) -> Candidate {
        candidate(CanvasIdx(0), row, &sampling, &mut Dice::new(sampling.seed)).unwrap()
    }

    #[test]
    fn the_measures_are_dreams() {
        let of = |measure| {
            read(&mut row(&[0.5, 0.3, 0.2]), Sampling { measure, ..Sampling::default() }).confidence
        };
        assert!((of(Measure::Probability) - 0.5).abs() < 1e-6);
        assert!((of(Measure::Margin) - 0.2).abs() < 1e-6);
        let entropy: f32 = [0.5_f32, 0.3, 0.2].iter().map(|p| p * p.ln()).sum();
        assert!((of(Measure::NegativeEntropy) - entropy).abs() < 1e-6);
    }

    #[test]
    fn top_p_keeps_the_token_that_crosses_it_and_changes_the_confidence() {
        let mut probabilities = row(&[0.5, 0.3, 0.2]);
        let found = read(&mut probabilities, Sampling { top_p: Some(0.6), ..Sampling::default() });
        assert_eq!(probabilities[2], 0.0);
        assert!((found.probability - 0.5 / 0.8).abs() < 1e-6);
        let mut tiny = row(&[0.9, 0.1]);
        assert_eq!(read(&mut tiny, Sampling { top_p: Some(1e-6), ..Sampling::default() }).probability, 1.0);
    }

    #[test]
    fn temperature_flattens_and_draws_by_share() {
        let drawn = |seed| {
            let sampling = Sampling { temperature: 1.0, seed, ..Sampling::default() };
            read(&mut row(&[0.7, 0.3]), sampling).token.0
        };
        let ones = (0..2000).filter(|&seed| drawn(seed) == 1).count();
        assert!((500..700).contains(&ones), "{ones} of 2000 for a share of 0.3");
        let hot = Sampling { temperature: 1e6, ..Sampling::default() };
        assert!((read(&mut row(&[0.7, 0.3]), hot).probability - 0.5).abs() < 1e-3);
    }

    #[test]
    fn ties_go_to_the_lower_id_and_nonsense_is_no_candidate() {
        assert_eq!(read(&mut [1.0, 2.0, 2.0], Sampling::default()).token, TokenId(1));
        assert_eq!(read(&mut [f32::NAN, 0.0, f32::NEG_INFINITY], Sampling::default()).token, TokenId(1));
        let mut none = [f32::NAN, f32::NEG_INFINITY];
        assert_eq!(candidate(CanvasIdx(0), &mut none, &Sampling::default(), &mut Dice::new(0)), None);
        assert_eq!(candidate(CanvasIdx(0), &mut [], &Sampling::default(), &mut Dice::new(0)), None);
    }
}

//! From a row of logits to a token and how sure the denoiser is of it.
//!
//! Dream's order: temperature, then top-p, then top-k, then softmax; the measure is taken of what these leave. One row
//! at a time, then all of a step where they are ranked by chance; knows no span.

use super::{
    CanvasIdx,
    filter::{keep_likeliest, keep_nucleus},
};
use crate::tokens::TokenId;

/// Distance below the largest logit from which a probability counts as 0: e⁻²⁰ is 2·10⁻⁹, so that even 150 000
/// such tokens together hold less than 0.04 %.
const NEGLIGIBLE: f32 = 20.0;
/// Values of a row looked at together: where none of them counts, which is nearly everywhere, nothing is computed.
const BLOCK: usize = 16;

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
    /// A number drawn from (0, 1] (LLaDA's `random`, Dream's `origin`).
    Random,
    /// The further left the surer (SDAR's `sequential`): only for measurements, and inside the blocks of models that
    /// are autoregressive over blocks.
    Leftmost,
}

/// How a token is drawn from a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// 0 takes the likeliest token, ties by the lower id.
    pub temperature: f32,
    /// Share of probability that sampling draws from, in (0, 1]; the token that crosses it stays in.
    pub top_p: Option<f32>,
    /// How many tokens sampling draws from; more where several are as likely as the last.
    pub top_k: Option<usize>,
    /// Whether probability and confidence are those of the row as it came, whatever temperature, top-p and top-k the
    /// token was drawn with (LLaDA).
    pub untempered: bool,
    /// How positions are ranked.
    pub measure: Measure,
    /// Above 0, positions are drawn by softmax(confidence / this) without replacement, not taken in order (Dream's
    /// `alg_temp`).
    pub rank_temperature: f32,
    /// Where the random numbers start, for temperatures above 0.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            top_p: None,
            top_k: None,
            untempered: false,
            measure: Measure::Probability,
            rank_temperature: 0.0,
            seed: 0,
        }
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
    let drawn = sampling.temperature > 0.0;
    let mut whole = (sampling.untempered && drawn).then(|| row.to_vec());
    if drawn {
        for logit in row.iter_mut() {
            *logit /= sampling.temperature;
        }
    }
    softmax(row)?;
    if let Some(top_p) = sampling.top_p.filter(|top_p| *top_p < 1.0) {
        keep_nucleus(row, top_p);
    }
    if let Some(top_k) = sampling.top_k {
        keep_likeliest(row, top_k);
    }
    let mut spread = Spread::of(row);
    let (token, mut probability) = if drawn { draw(row, dice.roll()) } else { spread.best };
    if let Some(whole) = &mut whole {
        softmax(whole)?;
        spread = Spread::of(whole);
        probability = whole.get(token).copied().unwrap_or_default();
    }
    let confidence = match sampling.measure {
        Measure::Probability => probability,
        Measure::Margin => spread.best.1 - spread.second,
        Measure::NegativeEntropy => -spread.entropy,
        Measure::Leftmost => -(at.0 as f32),
        // Drawn when all candidates of the step are known.
        Measure::Random => 0.0,
    };
    Some(Candidate { at, token: TokenId(token as u32), probability, confidence, entropy: spread.entropy })
}

/// Draws what is left to chance in the ranking of a step's candidates.
pub fn shuffle(candidates: &mut [Candidate], sampling: &Sampling, dice: &mut Dice) {
    for candidate in candidates {
        if sampling.measure == Measure::Random {
            candidate.confidence = 1.0 - dice.roll();
        } else if sampling.rank_temperature > 0.0 {
            // The largest of confidence/T plus Gumbel noise is a draw by softmax(confidence/T) without replacement
            // (Kool et al., 2019).
            let noise = -(-dice.roll().max(f32::MIN_POSITIVE).ln()).ln();
            candidate.confidence = candidate.confidence / sampling.rank_temperature + noise;
        }
    }
}

/// What the measures are made of.
struct Spread {
    /// The likeliest token, ties by the lower id, and its probability.
    best: (usize, f32),
    /// The second largest probability.
    second: f32,
    /// −Σ p·ln p, nats.
    entropy: f32,
}

impl Spread {
    fn of(row: &[f32]) -> Self {
        let mut spread = Self { best: (0, 0.0), second: 0.0, entropy: 0.0 };
        let blocks = row.chunks(BLOCK).enumerate().filter(|(_, block)| any(block, |p| p > 0.0));
        for (number, block) in blocks {
            for (at, &p) in block.iter().enumerate().filter(|(_, p)| **p > 0.0) {
                if p > spread.best.1 {
                    spread.second = spread.best.1;
                    spread.best = (number * BLOCK + at, p);
                } else if p > spread.second {
                    spread.second = p;
                }
                spread.entropy -= p * p.ln();
            }
        }
        spread
    }
}

/// Logits to probabilities, in place; `None` if no logit is finite.
pub fn softmax(row: &mut [f32]) -> Option<()> {
    let largest = largest(row);
    if !largest.is_finite() {
        return None;
    }
    let mut total = 0.0;
    for block in row.chunks_mut(BLOCK) {
        if !any(block, |logit| logit - largest > -NEGLIGIBLE) {
            block.fill(0.0);
            continue;
        }
        for value in block {
            let below = *value - largest;
            *value = if below > -NEGLIGIBLE { below.exp() } else { 0.0 };
            total += *value;
        }
    }
    for value in row.iter_mut() {
        *value /= total;
    }
    Some(())
}

/// Whether one of a few values is such; all are looked at, which is quicker than to stop at the first.
fn any(block: &[f32], is: impl Fn(f32) -> bool) -> bool {
    block.iter().fold(false, |found, &value| found | is(value))
}

/// The largest value that is a number, `lane` by lane; −∞ if none is.
fn largest(row: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; BLOCK];
    for block in row.chunks(BLOCK) {
        for (lane, &value) in lanes.iter_mut().zip(block) {
            // Not true of NaN.
            *lane = if value > *lane { value } else { *lane };
        }
    }
    lanes.into_iter().fold(f32::NEG_INFINITY, f32::max)
}

/// Natural logarithm of a token's probability in a row of logits, `[vocab]`; −∞ for what is not in it.
#[must_use]
pub fn log_probability(row: &[f32], token: TokenId) -> f32 {
    let largest = largest(row);
    let Some(&logit) = row.get(token.0 as usize).filter(|logit| logit.is_finite()) else {
        return f32::NEG_INFINITY;
    };
    let total: f32 = row.iter().filter(|logit| !logit.is_nan()).map(|logit| (logit - largest).exp()).sum();
    logit - largest - total.ln()
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
    fn untempered_confidence_is_that_of_the_row_as_it_came() {
        let sampling = Sampling { temperature: 0.1, untempered: true, top_k: Some(1), ..Sampling::default() };
        let found = read(&mut row(&[0.5, 0.3, 0.2]), sampling);
        assert_eq!(found.token, TokenId(0));
        assert!((found.probability - 0.5).abs() < 1e-6);
    }

    #[test]
    fn positions_are_drawn_by_their_share_of_the_confidence() {
        let sampling = Sampling { rank_temperature: 0.5, ..Sampling::default() };
        let plain = |at, confidence| Candidate {
            at: CanvasIdx(at),
            token: TokenId(0),
            probability: 0.5,
            confidence,
            entropy: 0.0,
        };
        let mut dice = Dice::new(3);
        let first = (0..4000).filter(|_| {
            let mut both = [plain(0, 0.5), plain(1, 0.9)];
            shuffle(&mut both, &sampling, &mut dice);
            both[0].confidence > both[1].confidence
        });
        // e^(0.5/0.5) / (e^(0.5/0.5) + e^(0.9/0.5)) = 0.310
        let first = first.count();
        assert!((1150..1330).contains(&first), "{first} of 4000");
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

//! One batched pass in which the network reads the prior's drafts, as text or as spans.
//!
//! A span's joint score is that of filling it in two denoise steps, as an any-order model does (Hoogeboom et al.,
//! 2022): every second position and the end of the span from masks alone, then the others with those in place.

use super::Network;
use crate::{
    EngineError,
    diffusion::{CanvasIdx, Denoiser, Marks, confidence::log_probability},
    prior::{Hypothesis, Pool},
    tokens::TokenId,
};

/// The most hypotheses that are read; those behind have little share left.
const MOST: usize = 6;
/// Hypotheses of a smaller share are not worth a pass.
const LEAST_SHARE: f32 = 0.02;
/// What the network thinks impossible counts as e⁻³⁰, so that scores stay finite.
const LEAST_LOG: f32 = -30.0;

/// A pool that the network has read.
#[derive(Debug)]
pub(super) struct Checked {
    /// The hypotheses that were read, by joint score, best first, with their new shares.
    pub(super) pool: Pool,
    /// The network's probability of each token of the winner, in [0, 1].
    pub(super) probabilities: Vec<f32>,
}

/// The hypotheses worth a network's time, best first.
fn worthy(pool: &Pool) -> Vec<&Hypothesis> {
    let worth = |(at, hypothesis): &(usize, &Hypothesis)| *at == 0 || hypothesis.share >= LEAST_SHARE;
    pool.hypotheses.iter().take(MOST).enumerate().filter(worth).map(|(_, draft)| draft).collect()
}

/// Ranks the best of `pool` by what the network's context rows think of them as text, `next` being the token that
/// follows the hole. `None` if it has no such rows.
///
/// # Errors
/// The network's.
pub(super) fn rank(
    pool: &Pool,
    network: &mut dyn Network,
    next: TokenId,
    weight: f32,
) -> Result<Option<Pool>, EngineError> {
    let drafts = worthy(pool);
    let texts: Vec<Vec<TokenId>> = drafts.iter().map(|draft| [&draft.tokens[..], &[next]].concat()).collect();
    let texts: Vec<&[TokenId]> = texts.iter().map(Vec::as_slice).collect();
    let Some(logs) = network.score(&texts)? else { return Ok(None) };
    let joint = |(draft, logs): (&&Hypothesis, &Vec<f32>)| {
        let log: f32 = logs.iter().map(|log| log.max(LEAST_LOG)).sum();
        (Hypothesis { score: draft.score + weight * log, ..(*draft).clone() }, Vec::new())
    };
    Ok(Some(shared(drafts.iter().zip(&logs).map(joint).collect()).pool))
}

/// Sorts by score and gives out shares.
fn shared(mut read: Vec<(Hypothesis, Vec<f32>)>) -> Checked {
    read.sort_by(|(a, _), (b, _)| b.score.total_cmp(&a.score).then_with(|| a.tokens.cmp(&b.tokens)));
    let best = read.first().map_or(0.0, |(draft, _)| draft.score);
    let total: f32 = read.iter().map(|(draft, _)| (draft.score - best).exp()).sum();
    for (draft, _) in &mut read {
        draft.share = (draft.score - best).exp() / total;
    }
    let probabilities = read.first().map(|(_, probabilities)| probabilities.clone()).unwrap_or_default();
    Checked { pool: Pool { hypotheses: read.into_iter().map(|(draft, _)| draft).collect() }, probabilities }
}

/// Positions of a span that are read from masks alone.
fn first_half(length: usize) -> impl Iterator<Item = usize> {
    (0..length).step_by(2)
}

/// Reads the best of `pool`. Joint score = the prior's + `weight` × the network's log-probability.
///
/// # Errors
/// The denoiser's; [`EngineError::Internal`] when it answers with too few rows.
pub(super) fn check(
    pool: &Pool,
    denoiser: &mut dyn Denoiser,
    marks: &Marks,
    weight: f32,
) -> Result<Checked, EngineError> {
    let drafts = worthy(pool);
    let batch = Batch::new(&drafts, marks);
    let spans: Vec<&[TokenId]> = batch.spans.iter().map(Vec::as_slice).collect();
    let rows: Vec<&[CanvasIdx]> = batch.rows.iter().map(Vec::as_slice).collect();
    let mut logits = Vec::new();
    denoiser.logits(&spans, &rows, &mut logits)?;
    let vocab = denoiser.vocab().max(1);
    let mut starts = vec![0];
    for rows in &batch.rows {
        starts.push(starts.last().copied().unwrap_or(0) + rows.len());
    }
    if logits.len() != starts.last().copied().unwrap_or(0) * vocab {
        return Err(EngineError::Internal(format!("{} logits of {vocab} tokens for a check", logits.len())));
    }
    let row = |span: usize, at: usize| -> &[f32] {
        let start = (starts[span] + at) * vocab;
        logits.get(start..start + vocab).unwrap_or_default()
    };
    let mut read: Vec<(Hypothesis, Vec<f32>)> = Vec::with_capacity(drafts.len());
    for (draft, &(alone, given)) in drafts.iter().zip(&batch.of) {
        let length = draft.tokens.len();
        let mut logs = vec![0.0; length];
        for (index, at) in first_half(length).enumerate() {
            logs[at] = log_probability(row(alone, index), draft.tokens[at]);
        }
        if let Some(given) = given {
            for (index, at) in (1..length).step_by(2).enumerate() {
                logs[at] = log_probability(row(given, index), draft.tokens[at]);
            }
        }
        let end = marks
            .delete
            .map_or(0.0, |delete| log_probability(row(alone, length.div_ceil(2)), delete).max(LEAST_LOG));
        for log in &mut logs {
            *log = log.max(LEAST_LOG);
        }
        let score = draft.score + weight * (logs.iter().sum::<f32>() + end);
        let probabilities = logs.into_iter().map(f32::exp).collect();
        read.push((Hypothesis { score, ..(*draft).clone() }, probabilities));
    }
    Ok(shared(read))
}

/// The spans of a pass.
struct Batch {
    spans: Vec<Vec<TokenId>>,
    rows: Vec<Vec<CanvasIdx>>,
    /// For each draft: the span of masks of its length, and the one with every second position in place.
    of: Vec<(usize, Option<usize>)>,
}

impl Batch {
    fn new(drafts: &[&Hypothesis], marks: &Marks) -> Self {
        let mut batch = Self { spans: Vec::new(), rows: Vec::new(), of: Vec::new() };
        let ends = usize::from(marks.delete.is_some());
        for draft in drafts {
            let length = draft.tokens.len();
            // Drafts of one length share their masks, and one position more asks whether the span ends there.
            let masks = vec![marks.mask; length + ends];
            let alone = match batch.spans.iter().position(|span| *span == masks) {
                Some(known) => known,
                // Nothing to read: no token, and no way to say that the span ends.
                None if masks.is_empty() => 0,
                None => {
                    let rows = first_half(length).chain((0..ends).map(|_| length));
                    batch.push(masks, rows.map(CanvasIdx).collect())
                }
            };
            let given = (length > 1).then(|| {
                let odd = (1..length).step_by(2);
                let mut span = draft.tokens.clone();
                for at in odd.clone() {
                    span[at] = marks.mask;
                }
                batch.push(span, odd.map(CanvasIdx).collect())
            });
            batch.of.push((alone, given));
        }
        batch
    }

    fn push(&mut self, span: Vec<TokenId>, rows: Vec<CanvasIdx>) -> usize {
        self.spans.push(span);
        self.rows.push(rows);
        self.spans.len() - 1
    }
}

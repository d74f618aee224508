//! How long a span is at first, for models that neither expand nor delete: the length at which the denoiser is surest
//! of what it would write (CAL, He et al., 2026).
//!
//! A length is scored by the mean of the largest probabilities over that many masks, divided by how sure models are of
//! that length whatever stands there. Several lengths go into one call. Decides nothing else of a span.

use std::collections::BTreeMap;

use super::{CanvasIdx, Denoiser, Interrupt, Watcher, confidence::softmax};
use crate::{EngineError, tokens::TokenId};

/// CAL's length bias B(L): how much surer a model is of short spans whatever stands there.
#[must_use]
pub fn bias(length: usize) -> f32 {
    let length = length as f32;
    (-1.77 * length).exp() + 0.56 * (-0.06 * length).exp() + 0.24
}

/// Where a search begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    /// The first length; CAL has 8.
    pub first: usize,
    /// The longest.
    pub most: usize,
    /// After so many lengths in a row that are no better, that way is given up; CAL has 4, and 2 for DiffuCoder.
    pub patience: usize,
}

impl Search {
    /// As published, up to `most`.
    #[must_use]
    pub fn published(most: usize) -> Self {
        Self { first: 8, most, patience: 4 }
    }
}

/// What a search found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The length to begin with, at least 1.
    pub length: usize,
    /// Calls of the denoiser.
    pub calls: u32,
}

/// Climbs from the first length upwards, then from it downwards, and keeps the best: CAL's order, one call for all the
/// lengths that are needed whatever their scores. A deadline ends it with the best so far.
///
/// # Errors
/// [`EngineError::Cancelled`]; the denoiser's.
pub fn climb(
    denoiser: &mut dyn Denoiser,
    mask: TokenId,
    search: &Search,
    watcher: &mut dyn Watcher,
) -> Result<Found, EngineError> {
    let Search { most, patience, .. } = *search;
    let first = search.first.clamp(1, most.max(1));
    let mut scores = BTreeMap::new();
    let mut best = (f32::NEG_INFINITY, first);
    let mut found = Found { length: first, calls: 0 };
    for up in [true, false] {
        let beyond = |length: usize, by: usize| -> Vec<usize> {
            let steps = 1..=by;
            let all: Vec<usize> = if up {
                steps.map(|step| length + step).collect()
            } else {
                steps.map_while(|step| length.checked_sub(step)).collect()
            };
            all.into_iter().filter(|length| (1..=most).contains(length)).collect()
        };
        let mut worse = 0;
        let mut last = first;
        loop {
            let next = beyond(last, 1).first().copied().filter(|_| worse < patience);
            // The first call asks on both sides: so much is needed of either way.
            let wanted = if scores.is_empty() {
                (first.saturating_sub(patience).max(1)..=(first + patience).min(most.max(1))).collect()
            } else {
                match next {
                    None => break,
                    Some(next) if scores.contains_key(&next) => Vec::new(),
                    Some(_) => beyond(last, patience - worse),
                }
            };
            if !wanted.is_empty() {
                match watcher.interrupt() {
                    None => {}
                    Some(Interrupt::Cancel) => return Err(EngineError::Cancelled),
                    Some(Interrupt::Deadline) => return Ok(found),
                }
                scores.extend(wanted.iter().copied().zip(score(denoiser, mask, &wanted)?));
                found.calls += 1;
            }
            if best.0 == f32::NEG_INFINITY {
                best.0 = scores.get(&first).copied().unwrap_or_default();
            }
            let Some((next, score)) = next.and_then(|next| Some((next, *scores.get(&next)?))) else { break };
            if score > best.0 {
                best = (score, next);
                worse = 0;
            } else {
                worse += 1;
            }
            last = next;
            found.length = best.1;
        }
    }
    Ok(found)
}

/// The first of some lengths that the denoiser is surest of, in one call. `None` if there is none.
///
/// # Errors
/// The denoiser's.
pub fn surest(
    denoiser: &mut dyn Denoiser,
    mask: TokenId,
    lengths: &[usize],
) -> Result<Option<usize>, EngineError> {
    let mut best: Option<(f32, usize)> = None;
    for (score, &length) in score(denoiser, mask, lengths)?.into_iter().zip(lengths) {
        if best.is_none_or(|(most, _)| score > most) {
            best = Some((score, length));
        }
    }
    Ok(best.map(|(_, length)| length))
}

/// CAL's score of each length, in one call.
fn score(denoiser: &mut dyn Denoiser, mask: TokenId, lengths: &[usize]) -> Result<Vec<f32>, EngineError> {
    let spans: Vec<Vec<TokenId>> = lengths.iter().map(|&length| vec![mask; length]).collect();
    let rows: Vec<Vec<CanvasIdx>> =
        lengths.iter().map(|&length| (0..length).map(CanvasIdx).collect()).collect();
    let spans: Vec<&[TokenId]> = spans.iter().map(Vec::as_slice).collect();
    let wanted: Vec<&[CanvasIdx]> = rows.iter().map(Vec::as_slice).collect();
    let mut logits = Vec::new();
    denoiser.logits(&spans, &wanted, &mut logits)?;
    let mut rows = logits.chunks_exact_mut(denoiser.vocab().max(1));
    let scores = lengths.iter().map(|&length| {
        let mut sum = 0.0;
        for row in rows.by_ref().take(length) {
            if softmax(row).is_some() {
                sum += row.iter().copied().fold(0.0, f32::max);
            }
        }
        sum / length.max(1) as f32 / bias(length)
    });
    Ok(scores.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bias_is_cals() {
        for (length, published) in [(1, 0.938), (4, 0.681), (8, 0.587), (16, 0.454), (32, 0.322), (64, 0.252)]
        {
            assert!(
                (bias(length) - published).abs() < 0.002,
                "{length}: {} against {published}",
                bias(length)
            );
        }
    }
}

//! A canvas that begins from what was suggested before: its tokens are committed, and those that the denoiser would now
//! write otherwise are masked again.
//!
//! Knows no request and no pool. The denoiser is asked once, for two spans that have every second position masked, so that
//! each token is judged by its neighbours on both sides. A token stands if it is the likeliest one there.

use crate::{
    EngineError,
    diffusion::{Canvas, CanvasIdx, Denoiser, Marks, confidence::softmax},
    tokens::TokenId,
};

/// `gap` masks, then `tokens`, of which those stand that `denoiser` agrees with.
///
/// # Errors
/// The denoiser's; [`EngineError::Internal`] when it answers with too few rows or with nothing finite.
pub(super) fn begin(
    denoiser: &mut dyn Denoiser,
    gap: usize,
    tokens: &[TokenId],
    marks: &Marks,
) -> Result<Canvas, EngineError> {
    let length = gap + tokens.len();
    let halves = [0, 1]
        .map(|half| -> Vec<CanvasIdx> { (gap..length).filter(|at| at % 2 == half).map(CanvasIdx).collect() });
    let spans = halves.each_ref().map(|half| {
        let mut span = vec![marks.mask; gap];
        span.extend(tokens);
        half.iter().for_each(|at| span[at.0] = marks.mask);
        span
    });
    let (vocab, mut logits) = (denoiser.vocab().max(1), Vec::new());
    denoiser.logits(
        &spans.each_ref().map(Vec::as_slice),
        &halves.each_ref().map(Vec::as_slice),
        &mut logits,
    )?;
    if logits.len() != tokens.len() * vocab {
        let (values, rows) = (logits.len(), tokens.len());
        return Err(EngineError::Internal(format!("{values} logits for {rows} rows of {vocab} tokens")));
    }
    let mut canvas = Canvas::masked(length);
    for (at, row) in halves.iter().flatten().zip(logits.chunks_exact_mut(vocab)) {
        if let Some(mask) = row.get_mut(marks.mask.0 as usize) {
            *mask = f32::NEG_INFINITY;
        }
        if softmax(row).is_none() {
            return Err(EngineError::Internal(format!("position {} has no finite logit", at.0)));
        }
        let token = tokens[at.0 - gap];
        let p = row.get(token.0 as usize).copied().unwrap_or(0.0);
        if row.iter().all(|other| *other <= p) {
            canvas.commit(*at, token, p, 0);
        } else {
            canvas.guess(*at, Some(token), p);
        }
    }
    Ok(canvas)
}

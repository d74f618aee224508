//! From a span to the candidates of a step: the denoiser is asked, what cannot stand is taken out, tokens are drawn.
//!
//! Owns the order of these, and of the random numbers: the tokens of all asked positions, left to right, then the
//! ranking. Decides nothing.

use super::{
    Canvas, CanvasIdx, Denoiser, Plan, Revision, State,
    confidence::{Candidate, Dice, candidate, shuffle},
    constraint::ban,
};
use crate::EngineError;

/// What a step has to choose from; both ascending.
pub(super) struct Seen {
    /// At masked positions that can be decided now.
    pub(super) masked: Vec<Candidate>,
    /// At filled positions, where the plan revises.
    pub(super) filled: Vec<Candidate>,
}

/// Asks about the `masked` positions, and about the filled ones in `range` if the plan revises. Guesses go to the canvas.
pub(super) fn look(
    canvas: &mut Canvas,
    masked: &[CanvasIdx],
    range: std::ops::Range<usize>,
    denoiser: &mut dyn Denoiser,
    plan: &Plan<'_>,
    dice: &mut Dice,
    logits: &mut Vec<f32>,
) -> Result<Seen, EngineError> {
    let span = canvas.tokens(plan.marks.mask);
    let revised = |at: &CanvasIdx| {
        let committed =
            matches!(canvas.cells().get(at.0), Some(cell) if matches!(cell.state, State::Committed { .. }));
        committed && !plan.constraint.holds(&span, *at)
    };
    let wanted: Vec<CanvasIdx> = match plan.revision {
        Revision::Keep => masked.to_vec(),
        Revision::Rerank | Revision::Edit { .. } => {
            range.map(CanvasIdx).filter(|at| masked.binary_search(at).is_ok() || revised(at)).collect()
        }
    };
    denoiser.logits(&[&span], &[&wanted], logits)?;
    let vocab = denoiser.vocab();
    if vocab == 0 || logits.len() != wanted.len() * vocab {
        let (rows, values) = (wanted.len(), logits.len());
        return Err(EngineError::Internal(format!("{values} logits for {rows} positions of {vocab} tokens")));
    }
    let mut found = Vec::with_capacity(wanted.len());
    for (&at, row) in wanted.iter().zip(logits.chunks_exact_mut(vocab)) {
        let is_masked = masked.binary_search(&at).is_ok();
        plan.lengths.constrain(&plan.marks, span.len(), canvas.begins_hole(at), row);
        if !is_masked {
            // A token is exchanged for a token; only masks make room or give it up.
            ban(row, plan.marks.delete.into_iter().chain(plan.marks.expand));
        }
        let ready = plan.constraint.apply(&span, at, row);
        let Some(one) = candidate(at, row, &plan.sampling, dice) else {
            if ready && is_masked {
                return Err(EngineError::Internal(format!("position {} has no finite logit", at.0)));
            }
            continue;
        };
        let is_mark = [plan.marks.delete, plan.marks.expand].contains(&Some(one.token));
        canvas.guess(at, (!is_mark).then_some(one.token), one.probability);
        if ready {
            found.push(one);
        }
    }
    shuffle(&mut found, &plan.sampling, dice);
    let (ready, filled): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|one| masked.binary_search(&one.at).is_ok());
    if ready.is_empty() && !masked.is_empty() {
        return Err(EngineError::Internal("every position waits for another".to_owned()));
    }
    Ok(Seen { masked: ready, filled })
}

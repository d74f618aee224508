//! The loop: from a canvas with masks to one without, or to the best there is when the time is up.
//!
//! Order of one step: module doc of [`diffusion`](super). Time and cancel come from the [`Watcher`], so that tests
//! neither sleep nor flake.

use super::{
    Canvas, CanvasIdx, Constraint, Denoiser, Lengths, Marks, Remask, Rule, Sampling, Schedule, Trace,
    commit::commit,
    confidence::{Candidate, Dice, candidate},
    length::{Change, resize},
    trace::Step,
};
use crate::EngineError;

/// How a span is denoised.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// The tokens that are no text.
    pub marks: Marks,
    /// How tokens are drawn and positions ranked.
    pub sampling: Sampling,
    /// What is committed beyond the schedule.
    pub rule: Rule,
    /// How many are committed at least.
    pub schedule: Schedule,
    /// How long the span may be.
    pub lengths: Lengths,
    /// How many committed positions may be masked again in all.
    pub remasks: usize,
    /// What may stand where.
    pub constraint: &'a dyn Constraint,
}

/// Why to stop before nothing is masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// The best decoded state is the answer.
    Deadline,
    /// Nobody wants an answer.
    Cancel,
}

/// Looks at the loop from outside, once a step.
pub trait Watcher {
    /// Asked before each step.
    fn interrupt(&mut self) -> Option<Interrupt>;

    /// The span after a step; steps count from 1, and step 0 is the first canvas.
    fn frame(&mut self, step: u32, canvas: &Canvas);
}

/// Why the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing is masked.
    Complete,
    /// The deadline came first; masked positions carry guesses if any step ran, or the draft's.
    Deadline,
}

/// What became of a canvas.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The span.
    pub canvas: Canvas,
    /// Why the loop ended.
    pub end: End,
    /// What happened.
    pub trace: Trace,
}

/// Refines `canvas` until nothing is masked or the watcher interrupts.
///
/// # Errors
/// [`EngineError::Cancelled`]; the denoiser's; [`EngineError::Internal`] if it answers with rows of another width,
/// or with nothing finite.
pub fn denoise(
    mut canvas: Canvas,
    denoiser: &mut dyn Denoiser,
    plan: &Plan<'_>,
    remask: &mut dyn Remask,
    watcher: &mut dyn Watcher,
) -> Result<Outcome, EngineError> {
    let mut trace = Trace::default();
    let mut dice = Dice::new(plan.sampling.seed);
    let mut budget = Budget { expands: plan.lengths.expands, remasks: plan.remasks };
    let mut logits = Vec::new();
    watcher.frame(0, &canvas);
    loop {
        let masked = canvas.masks();
        if masked.is_empty() {
            return Ok(Outcome { canvas, end: End::Complete, trace });
        }
        match watcher.interrupt() {
            None => {}
            Some(Interrupt::Cancel) => return Err(EngineError::Cancelled),
            Some(Interrupt::Deadline) => return Ok(Outcome { canvas, end: End::Deadline, trace }),
        }
        let index = trace.steps.len() as u32;
        let number = index + 1;
        let lengths = Lengths { expands: budget.expands, ..plan.lengths };
        let candidates =
            look(&mut canvas, &masked, denoiser, &Plan { lengths, ..*plan }, &mut dice, &mut logits)?;
        let at_least = plan.schedule.at_least(index, masked.len());
        let chosen = commit(plan.rule, &candidates, at_least);
        let chosen: Vec<&Candidate> = chosen.into_iter().map(|index| &candidates[index]).collect();
        let mut step = place(&mut canvas, &chosen, plan, &mut budget, number);
        step.masks = masked.len();
        let Change { deleted, expanded } = resize(&mut canvas, &plan.marks, plan.lengths.deletion, &masked);
        (step.deleted, step.expanded) = (deleted, expanded);
        // Fewer than were committed, so that every step gets on; the budget makes the loop end.
        let doubts = remask.doubts(number, &canvas);
        for at in doubts.into_iter().take(budget.remasks.min(step.committed.saturating_sub(1))) {
            canvas.remask(at);
            step.remasked += 1;
        }
        budget.remasks -= step.remasked;
        trace.steps.push(step);
        watcher.frame(number, &canvas);
    }
}

/// What makes the loop end.
struct Budget {
    expands: usize,
    remasks: usize,
}

/// Asks the denoiser about the masked positions; each becomes a candidate, or waits. Guesses go to the canvas.
fn look(
    canvas: &mut Canvas,
    masked: &[CanvasIdx],
    denoiser: &mut dyn Denoiser,
    plan: &Plan<'_>,
    dice: &mut Dice,
    logits: &mut Vec<f32>,
) -> Result<Vec<Candidate>, EngineError> {
    let span = canvas.tokens(plan.marks.mask);
    denoiser.logits(&[&span], &[masked], logits)?;
    let vocab = denoiser.vocab();
    if vocab == 0 || logits.len() != masked.len() * vocab {
        let (rows, values) = (masked.len(), logits.len());
        return Err(EngineError::Internal(format!("{values} logits for {rows} positions of {vocab} tokens")));
    }
    let mut candidates = Vec::with_capacity(masked.len());
    for (&at, row) in masked.iter().zip(logits.chunks_exact_mut(vocab)) {
        plan.lengths.constrain(&plan.marks, span.len(), canvas.begins_hole(at), row);
        let ready = plan.constraint.apply(&span, at, row);
        let Some(found) = candidate(at, row, &plan.sampling, dice) else {
            if ready {
                return Err(EngineError::Internal(format!("position {} has no finite logit", at.0)));
            }
            continue;
        };
        let is_mark = [plan.marks.delete, plan.marks.expand].contains(&Some(found.token));
        canvas.guess(at, (!is_mark).then_some(found.token), found.probability);
        if ready {
            candidates.push(found);
        }
    }
    if candidates.is_empty() {
        return Err(EngineError::Internal("every position waits for another".to_owned()));
    }
    Ok(candidates)
}

/// Commits, surest first; an expand that the span or the budget has no room left for stays masked. There is room
/// for the first, or it would not be a candidate.
fn place(
    canvas: &mut Canvas,
    chosen: &[&Candidate],
    plan: &Plan<'_>,
    budget: &mut Budget,
    number: u32,
) -> Step {
    let mut step = Step { least: 1.0, ..Step::default() };
    let mut room = plan.lengths.capacity.saturating_sub(canvas.len());
    for found in chosen {
        if plan.marks.expand == Some(found.token) {
            if room == 0 || budget.expands == 0 {
                continue;
            }
            room -= 1;
            budget.expands -= 1;
        }
        canvas.commit(found.at, found.token, found.probability, number);
        step.committed += 1;
        step.least = step.least.min(found.probability);
    }
    step
}

//! The loop: from a canvas with masks to one without, or to the best there is when the time is up.
//!
//! Order of one step: module doc of [`diffusion`](super). Time and cancel come from the [`Watcher`], so that tests
//! neither sleep nor flake.

use super::{
    Blocks, Canvas, CanvasIdx, Constraint, Denoiser, Lengths, Marks, Remask, Revision, Rule, Sampling,
    Schedule, Trace,
    blocks::Block,
    commit::commit,
    confidence::{Candidate, Dice},
    length::resize,
    look::{Seen, look},
    schedule::{Pace, Share},
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
    /// Which part of the span is decided before the next.
    pub blocks: Blocks,
    /// What becomes of positions that are filled.
    pub revision: Revision,
    /// Whether a step may commit nothing where the schedule says so: wastes a step, and is only there to follow
    /// published samplers step by step.
    pub waits: bool,
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

/// Waits for the end, and looks at nothing meanwhile.
pub struct Patient;

impl Watcher for Patient {
    fn interrupt(&mut self) -> Option<Interrupt> {
        None
    }

    fn frame(&mut self, _: u32, _: &Canvas) {}
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
    let mut block = Block::default();
    watcher.frame(0, &canvas);
    loop {
        let Some(masked) = block.advance(&canvas, plan) else {
            return Ok(Outcome { canvas, end: End::Complete, trace });
        };
        match watcher.interrupt() {
            None => {}
            Some(Interrupt::Cancel) => return Err(EngineError::Cancelled),
            Some(Interrupt::Deadline) => {
                // Edits that were still to come are no reason to call a full span unfinished.
                let end = if canvas.masks().is_empty() { End::Complete } else { End::Deadline };
                return Ok(Outcome { canvas, end, trace });
            }
        }
        let number = trace.steps.len() as u32 + 1;
        let range = plan.blocks.range(block.index, canvas.len());
        let pace = block.pace(&canvas, plan, masked.len());
        let all_masked = canvas.masks();
        let lengths = Lengths { expands: budget.expands, ..plan.lengths };
        let seen =
            look(&mut canvas, &masked, range, denoiser, &Plan { lengths, ..*plan }, &mut dice, &mut logits)?;
        let choice = choose(&seen, plan, pace);
        let mut step = place(&mut canvas, &choice.committed, plan, &mut budget, number);
        step.masks = masked.len();
        for found in &choice.edited {
            if canvas.cells().get(found.at.0).is_some_and(|cell| cell.token != Some(found.token)) {
                canvas.commit(found.at, found.token, found.probability, number);
                step.edited += 1;
            }
        }
        // An expand without room stays masked; then one more of the filled stands, so that every step gets on.
        let kept_back = choice.committed.len() - step.committed;
        for &at in choice.remasked.iter().skip(kept_back) {
            canvas.remask(at);
            step.remasked += 1;
        }
        let change = resize(&mut canvas, &plan.marks, plan.lengths.deletion, &all_masked);
        (step.deleted, step.expanded) = (change.deleted, change.expanded);
        // Fewer than were committed, so that every step gets on; the budget makes the loop end.
        let range = plan.blocks.range(block.index, canvas.len());
        let doubts = remask.doubts(number, &canvas).into_iter().filter(|at| range.contains(&at.0));
        for at in doubts.take(budget.remasks.min(step.committed.saturating_sub(1))) {
            canvas.remask(at);
            step.remasked += 1;
            budget.remasks -= 1;
        }
        block.after(&step);
        trace.steps.push(step);
        watcher.frame(number, &canvas);
    }
}

/// What makes the loop end.
struct Budget {
    expands: usize,
    remasks: usize,
}

/// What a step does.
struct Choice<'a> {
    committed: Vec<&'a Candidate>,
    edited: Vec<&'a Candidate>,
    remasked: Vec<CanvasIdx>,
}

/// Decides for the masked positions by schedule and rule, and for the filled ones by the revision.
fn choose<'a>(seen: &'a Seen, plan: &Plan<'_>, pace: Pace) -> Choice<'a> {
    let mut share = plan.schedule.share(pace);
    if plan.rule == Rule::Chance {
        // The coins say how many.
        share.least = 0;
    }
    if !plan.waits && pace.masks > 0 {
        share.least = share.least.max(1);
    }
    if plan.blocks.lead && pace.step == 0 {
        let first = seen.masked.iter().take(1).collect();
        return Choice { committed: first, edited: Vec::new(), remasked: Vec::new() };
    }
    let best = |of: &'a [Candidate], share: Share| -> Vec<&'a Candidate> {
        commit(plan.rule, of, share).into_iter().map(|index| &of[index]).collect()
    };
    let (committed, edited, remasked) = match plan.revision {
        Revision::Keep => (best(&seen.masked, share), Vec::new(), Vec::new()),
        Revision::Edit { above, .. } => {
            let edited = seen.filled.iter().filter(|found| found.probability > above).collect();
            (best(&seen.masked, share), edited, Vec::new())
        }
        Revision::Rerank => {
            let filled = seen.filled.len();
            let both: Vec<Candidate> = seen.filled.iter().chain(&seen.masked).copied().collect();
            let share =
                Share { least: share.least + filled, most: share.most.saturating_add(filled), ..share };
            let stand: Vec<usize> = commit(plan.rule, &both, share);
            let remasked =
                (0..filled).filter(|index| !stand.contains(index)).map(|index| both[index].at).collect();
            let fresh = stand.into_iter().filter_map(|index| seen.masked.get(index.checked_sub(filled)?));
            (fresh.collect(), Vec::new(), remasked)
        }
    };
    Choice { committed, edited, remasked }
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

//! Several holes on one canvas: spans and the text between them are one row, the text given, so that every step of
//! every hole sees all others.
//!
//! Only for networks whose span rows see each other both ways as their context does; the others fill holes in turn, in
//! [`many`](super::many). The first hole is healed as a single one is; the others begin where a token does.

use quicksilver_protocol::completion::{FimRequest, FinishReason, Frame};

use super::{
    Infiller,
    answer::answer,
    engine::Kit,
    frames::Screen,
    many,
    spelling::Spelling,
    task::{Task, unify},
};
use crate::{
    EngineError,
    diffusion::{Canvas, End, Interrupt, Lengths, Never, Outcome, Plan, Watcher, denoise},
    model::NetworkUse,
    queue::{Filled, Infilled, Terms},
    tokens::{TokenId, Tokenizer},
};

/// Share of the window that spans and the text between them may take (1 in …).
const CANVAS_SHARE: usize = 2;

impl Infiller {
    /// Denoises all holes together; `None` where the network does not read that way, or the holes are too far apart.
    ///
    /// # Errors
    /// As [`Infill::infill`](crate::queue::Infill::infill).
    pub(super) fn joint(
        &mut self,
        request: &FimRequest,
        terms: &mut Terms<'_>,
    ) -> Result<Option<Infilled>, EngineError> {
        let kit = &self.kit;
        let network = self.network.as_deref_mut().filter(|network| network.reads_both_ways());
        let Some(network) = network.filter(|_| kit.settings.role == NetworkUse::Denoise) else {
            return Ok(None);
        };
        let mut tasks: Vec<Task> =
            many::alone(request).iter().map(|alone| Task::read(alone, &kit.tokenizer)).collect();
        let between: Vec<Vec<TokenId>> =
            request.holes.iter().map(|hole| kit.tokenizer.encode(&unify(&hole.before))).collect();
        let given: usize = between.iter().map(Vec::len).sum();
        let spans: usize = tasks.iter().map(|task| kit.longest(task)).sum();
        let (Some(first), Some(last)) = (tasks.first(), tasks.last()) else { return Ok(None) };
        if given + spans > kit.settings.window / CANVAS_SHARE || tasks.iter().any(|task| task.max_tokens == 0)
        {
            return Ok(None);
        }
        let around = kit.around_all(first, last, given);
        let canvas = kit.canvas(&mut tasks, &between, terms)?;
        let capacity = canvas.len().max(given + spans);
        let cached = network.read(&around, capacity)?;

        let one_line = tasks.iter().all(Task::one_line);
        let spelling = Spelling { one_line, ..kit.spelling(&tasks[0]) };
        let plan = kit.plan(&tasks[0], request, &spelling);
        let lengths = Lengths { capacity, allow_empty: false, ..plan.lengths };
        let plan = Plan { lengths, sampling: kit.sampling(request, plan.sampling), ..plan };
        let mut screen = Screens { terms, tokenizer: &kit.tokenizer, tasks: &tasks };
        let outcome = denoise(canvas, &mut *network.denoiser()?, &plan, &mut Never, &mut screen)?;
        let prompt_tokens = (around.prefix.len() + around.suffix.len() + given) as u32;
        let infilled = said(&outcome, &tasks, &kit.tokenizer)?;
        Ok(Some(Infilled { prompt_tokens, cached_tokens: cached as u32, ..infilled }))
    }
}

impl Kit {
    /// The most positions of a hole.
    fn longest(&self, task: &Task) -> usize {
        task.max_tokens.min(self.settings.max_span)
    }

    /// The first canvas: each hole the local prior's draft, or masks.
    fn canvas(
        &self,
        tasks: &mut [Task],
        between: &[Vec<TokenId>],
        terms: &mut Terms<'_>,
    ) -> Result<Canvas, EngineError> {
        let mut canvas = Canvas::default();
        for (at, task) in tasks.iter_mut().enumerate() {
            if let Some(text) = at.checked_sub(1).and_then(|before| between.get(before)) {
                canvas.give(text);
            }
            let pool = {
                let mut quiet = Terms { deadline: terms.deadline, cancel: terms.cancel, frames: None };
                self.propose(task, &mut Screen::new(&mut quiet, &self.tokenizer, task))?
            };
            let draft = pool.hypotheses.first().map(|winner| {
                let text = answer(&self.tokenizer.raw(&winner.tokens), task, FinishReason::Stop).text;
                let tokens = if at == 0 { winner.tokens.clone() } else { self.tokenizer.encode(&text) };
                (tokens, winner.share)
            });
            // Only the first is healed: the others' first bytes stand in the given text.
            if at > 0 {
                task.heal.clear();
            }
            let longest = self.longest(task);
            canvas.join(match draft {
                Some((tokens, share)) if (1..=longest).contains(&tokens.len()) => {
                    Canvas::draft(&tokens.into_iter().map(|token| (token, share)).collect::<Vec<_>>())
                }
                _ => Canvas::masked(
                    self.settings.canvas.first().copied().unwrap_or(1).clamp(1, longest.max(1)),
                ),
            });
        }
        Ok(canvas)
    }
}

/// What became of the canvas, hole by hole.
fn said(outcome: &Outcome, tasks: &[Task], tokenizer: &Tokenizer) -> Result<Infilled, EngineError> {
    let ranges = outcome.canvas.holes();
    if ranges.len() != tasks.len() {
        let (found, wanted) = (ranges.len(), tasks.len());
        return Err(EngineError::Internal(format!("{found} holes are left of {wanted}")));
    }
    let mut span_tokens = 0;
    let holes: Vec<Filled> = ranges
        .into_iter()
        .zip(tasks)
        .map(|(range, task)| {
            let part = outcome.canvas.part(range);
            let tokens = part.decoded();
            span_tokens += tokens.len() as u32;
            let finish = match outcome.end {
                End::Deadline => FinishReason::Deadline,
                End::Complete if tokens.len() >= task.max_tokens => FinishReason::Length,
                End::Complete => FinishReason::Stop,
            };
            let answer = answer(&tokenizer.raw(&tokens), task, finish);
            let confidence = part.cells().iter().map(|cell| cell.confidence).product();
            Filled { text: answer.text, finish: answer.finish, confidence }
        })
        .collect();
    let confidence = holes.iter().map(|hole| hole.confidence).fold(1.0, f32::min);
    Ok(Infilled {
        text: holes.first().map(|hole| hole.text.clone()).unwrap_or_default(),
        others: Vec::new(),
        finish: if outcome.end == End::Deadline { FinishReason::Deadline } else { FinishReason::Stop },
        steps: outcome.trace.steps.len() as u32,
        prompt_tokens: 0,
        cached_tokens: 0,
        span_tokens,
        confidence,
        show: outcome.end == End::Complete && confidence >= many::SHOWN,
        source: "network",
        holes,
        margin: None,
        doubts: Vec::new(),
    })
}

/// Shows all holes of one canvas.
struct Screens<'a, 't> {
    terms: &'a mut Terms<'t>,
    tokenizer: &'a Tokenizer,
    tasks: &'a [Task],
}

impl Watcher for Screens<'_, '_> {
    fn interrupt(&mut self) -> Option<Interrupt> {
        self.terms.interrupt()
    }

    fn frame(&mut self, step: u32, canvas: &Canvas) {
        let Some(send) = &mut self.terms.frames else { return };
        let mut runs = Vec::new();
        for (number, (range, task)) in (0..).zip(canvas.holes().into_iter().zip(self.tasks)) {
            let part = super::frames::runs(self.tokenizer, &task.heal, task.crlf, step, &canvas.part(range));
            runs.extend(
                part.into_iter().map(|run| quicksilver_protocol::completion::Run { hole: number, ..run }),
            );
        }
        send(Frame { step, runs });
    }
}

#[cfg(test)]
#[path = "joint_tests.rs"]
mod tests;

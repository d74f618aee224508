//! Several holes of one document, filled so that they agree.
//!
//! A hole is to the document what a position is to a span. At first all are open, and each is filled as if the others
//! were empty. The surest are committed as text; the others are filled again with that as context, until none is open
//! (a text that is not sure is committed last, and is no context).
//! Then each is opened once more, the least sure first, and filled given all others, until a sweep changes nothing:
//! iterated conditional modes (Besag, 1986), a bounded number of sweeps. So holes are refined one at a time; where one
//! canvas can hold them all, [`joint`](super::joint) denoises them together.
//!
//! Knows no model: what fills one hole is a function from request to answer.

use quicksilver_protocol::completion::{FimRequest, FinishReason, Frame, Run, RunKind, Span};

use crate::{
    EngineError,
    diffusion::Interrupt,
    queue::{Filled, Infilled, Terms},
};

/// Confidence from which a hole is committed at once.
const SURE: f32 = 0.8;
/// Confidence from which a committed text is context for the other holes; what is less sure misleads them more often
/// than it helps (`--example rewrites`).
const TOLD: f32 = 0.5;
/// Of the open holes one in so many is committed in each round, however unsure.
const LEAST_SHARE: usize = 4;
/// The most sweeps over committed holes.
const MAX_SWEEPS: u32 = 2;

/// Least confidence from which a hole that a network wrote would be shown unasked; not calibrated.
pub(super) const SHOWN: f32 = 0.5;

/// Fills one hole.
pub(super) type One<'f> = &'f mut dyn FnMut(&FimRequest, &mut Terms<'_>) -> Result<Infilled, EngineError>;

/// Fills all holes of `request`.
///
/// # Errors
/// [`EngineError::Cancelled`]; what `one` fails with before every hole has been looked at once.
pub(super) fn fill(
    request: &FimRequest,
    terms: &mut Terms<'_>,
    one: One<'_>,
) -> Result<Infilled, EngineError> {
    let mut holes = Holes::of(request);
    holes.show(terms);
    let finished = holes.settle(terms, one).and_then(|()| holes.sweep(terms, one));
    match finished {
        Ok(()) => {}
        // What is decided so far is the answer, if there is anything.
        Err(EngineError::Late) if holes.holes.iter().any(|hole| !hole.text.is_empty()) => holes.late = true,
        Err(error) => return Err(error),
    }
    Ok(holes.infilled())
}

/// A request for each hole, all others being empty.
pub(super) fn alone(request: &FimRequest) -> Vec<FimRequest> {
    let holes = Holes::of(request);
    (0..holes.holes.len()).map(|at| holes.alone(at)).collect()
}

/// One hole as it stands.
#[derive(Clone, Debug)]
struct Hole {
    span: Option<Span>,
    /// Its best text so far.
    text: String,
    confidence: f32,
    show: bool,
    finish: FinishReason,
    tokens: u32,
    /// The round that committed the text; `None` while open.
    committed: Option<u32>,
}

struct Holes<'r> {
    request: &'r FimRequest,
    /// Around the holes: one more than they are.
    pieces: Vec<&'r str>,
    holes: Vec<Hole>,
    round: u32,
    late: bool,
    prompt_tokens: u32,
    source: &'static str,
}

impl<'r> Holes<'r> {
    fn of(request: &'r FimRequest) -> Self {
        let between = request.holes.iter().map(|hole| hole.before.as_str());
        let last = request.suffix.as_deref().unwrap_or_default();
        let spans = std::iter::once(request.span).chain(request.holes.iter().map(|hole| hole.span));
        let hole = |span| Hole {
            span,
            text: String::new(),
            confidence: 0.0,
            show: false,
            finish: FinishReason::Stop,
            tokens: 0,
            committed: None,
        };
        Self {
            request,
            pieces: std::iter::once(request.prompt.as_str()).chain(between).chain([last]).collect(),
            holes: spans.map(hole).collect(),
            round: 0,
            late: false,
            prompt_tokens: 0,
            source: "prior",
        }
    }

    /// Commits the surest and fills the others again, until none is open.
    fn settle(&mut self, terms: &mut Terms<'_>, one: One<'_>) -> Result<(), EngineError> {
        loop {
            let mut open: Vec<usize> =
                (0..self.holes.len()).filter(|&at| self.holes[at].committed.is_none()).collect();
            if open.is_empty() {
                return Ok(());
            }
            for &at in &open {
                self.fill(at, terms, one)?;
            }
            self.round += 1;
            open.retain(|&at| !self.holes[at].text.is_empty());
            if open.is_empty() {
                // Nothing is known of the rest, and no further text will come that could help.
                for hole in self.holes.iter_mut().filter(|hole| hole.committed.is_none()) {
                    hole.committed = Some(self.round);
                }
            }
            open.sort_by(|&a, &b| {
                self.holes[b].confidence.total_cmp(&self.holes[a].confidence).then(a.cmp(&b))
            });
            let least = open.len().div_ceil(LEAST_SHARE);
            let sure = open.iter().filter(|&&at| self.holes[at].confidence >= SURE).count();
            for at in open.into_iter().take(least.max(sure)) {
                self.holes[at].committed = Some(self.round);
            }
            self.show(terms);
        }
    }

    /// Opens each hole once more, given all others.
    fn sweep(&mut self, terms: &mut Terms<'_>, one: One<'_>) -> Result<(), EngineError> {
        for _ in 0..MAX_SWEEPS {
            self.round += 1;
            let mut order: Vec<usize> = (0..self.holes.len()).collect();
            order.sort_by(|&a, &b| {
                self.holes[a].confidence.total_cmp(&self.holes[b].confidence).then(a.cmp(&b))
            });
            let mut changed = false;
            for at in order {
                let before = self.holes[at].clone();
                self.holes[at].committed = None;
                let filled = self.fill(at, terms, one);
                let after = &mut self.holes[at];
                if filled.is_err() || after.text.is_empty() {
                    *after = before;
                } else {
                    let same = after.text == before.text;
                    after.committed = if same { before.committed } else { Some(self.round) };
                    changed |= !same;
                }
                filled?;
            }
            if !changed {
                return Ok(());
            }
            self.show(terms);
        }
        Ok(())
    }

    /// Fills an open hole, given what is committed.
    fn fill(&mut self, at: usize, terms: &mut Terms<'_>, one: One<'_>) -> Result<(), EngineError> {
        match terms.interrupt() {
            Some(Interrupt::Cancel) => return Err(EngineError::Cancelled),
            Some(Interrupt::Deadline) => return Err(EngineError::Late),
            None => {}
        }
        let request = self.alone(at);
        let mut quiet = Terms { deadline: terms.deadline, cancel: terms.cancel, frames: None };
        let infilled = one(&request, &mut quiet)?;
        self.prompt_tokens = self.prompt_tokens.max(infilled.prompt_tokens);
        if infilled.source != "prior" {
            self.source = infilled.source;
        }
        let hole = &mut self.holes[at];
        hole.text = infilled.text;
        (hole.confidence, hole.show) = (infilled.confidence, infilled.show);
        (hole.finish, hole.tokens) = (infilled.finish, infilled.span_tokens);
        if hole.finish == FinishReason::Deadline { Err(EngineError::Late) } else { Ok(()) }
    }

    /// The request of one hole: the others are the text that is committed there and sure enough, or nothing.
    fn alone(&self, at: usize) -> FimRequest {
        let mut sides = [String::new(), String::new()];
        for (number, piece) in self.pieces.iter().enumerate() {
            let side = &mut sides[usize::from(number > at)];
            side.push_str(piece);
            let told = |hole: &&Hole| number != at && hole.committed.is_some() && hole.confidence >= TOLD;
            if let Some(hole) = self.holes.get(number).filter(told) {
                side.push_str(&hole.text);
            }
        }
        let [prompt, suffix] = sides;
        FimRequest {
            prompt,
            suffix: Some(suffix),
            span: self.holes[at].span,
            holes: Vec::new(),
            n: None,
            ..self.request.clone()
        }
    }

    fn show(&self, terms: &mut Terms<'_>) {
        let Some(send) = &mut terms.frames else { return };
        let run = |(number, hole): (usize, &Hole)| Run {
            text: hole.text.clone(),
            kind: match hole.committed {
                None => RunKind::Masked,
                Some(round) if round == self.round => RunKind::Changed,
                Some(_) => RunKind::Committed,
            },
            confidence: hole.confidence,
            hole: number as u32,
        };
        send(Frame { step: self.round, runs: self.holes.iter().enumerate().map(run).collect() });
    }

    fn infilled(self) -> Infilled {
        let filled = |hole: &Hole| Filled {
            text: hole.text.clone(),
            finish: if self.late { FinishReason::Deadline } else { hole.finish },
            confidence: hole.confidence,
        };
        let holes: Vec<Filled> = self.holes.iter().map(filled).collect();
        Infilled {
            text: holes.first().map(|hole| hole.text.clone()).unwrap_or_default(),
            others: Vec::new(),
            finish: if self.late { FinishReason::Deadline } else { FinishReason::Stop },
            steps: self.round,
            prompt_tokens: self.prompt_tokens,
            cached_tokens: 0,
            span_tokens: self.holes.iter().map(|hole| hole.tokens).sum(),
            confidence: holes.iter().map(|hole| hole.confidence).fold(1.0, f32::min),
            show: !self.late && self.holes.iter().all(|hole| hole.show),
            source: self.source,
            holes,
            margin: None,
            doubts: Vec::new(),
        }
    }
}

#[cfg(test)]
#[path = "many_tests.rs"]
pub(super) mod tests;

//! A denoiser that answers from a script, a watcher that writes down the span as text, and a rule that masks again.

use super::{
    Blocks, Canvas, CanvasIdx, Constraint, Deletion, Denoiser, Free, Interrupt, Lengths, Marks, Never,
    Outcome, Plan, Remask, Revision, Rule, Sampling, Schedule, State, Watcher, denoise,
};
use crate::{EngineError, tokens::TokenId};

pub(super) const MASK: TokenId = TokenId(0);
pub(super) const EXPAND: TokenId = TokenId(1);
pub(super) const DELETE: TokenId = TokenId(2);
pub(super) const NEWLINE: TokenId = TokenId(3);
pub(super) const MARKS: Marks = Marks { mask: MASK, delete: Some(DELETE), expand: Some(EXPAND) };
const NAMES: [&str; 12] = ["▒", "<>", "><", "↵", "let", "x", "=", "1", ";", "(", ")", "y"];

pub(super) fn id(name: &str) -> TokenId {
    TokenId(NAMES.iter().position(|known| *known == name).unwrap() as u32)
}

fn name(token: TokenId) -> String {
    NAMES[token.0 as usize].to_owned()
}

/// Answers the masked positions of step k, left to right, with line k of the script: a token and its probability
/// each, and after `|` the runner-up with its own; the rest is spread over the other tokens.
pub(super) struct Scripted {
    lines: Vec<&'static str>,
    pub(super) calls: usize,
}

impl Scripted {
    pub(super) fn new(script: &'static str) -> Self {
        Self { lines: script.lines().map(str::trim).filter(|line| !line.is_empty()).collect(), calls: 0 }
    }
}

impl Denoiser for Scripted {
    fn vocab(&self) -> usize {
        NAMES.len()
    }

    fn logits(
        &mut self,
        spans: &[&[TokenId]],
        rows: &[&[CanvasIdx]],
        logits: &mut Vec<f32>,
    ) -> Result<(), EngineError> {
        logits.clear();
        let line = self.lines.get(self.calls).expect("the script goes on");
        self.calls += 1;
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words.len(), rows[0].len(), "{line} for {:?}", spans[0]);
        for word in words {
            let mut row = vec![0.0; NAMES.len()];
            for pair in word.split('|') {
                let (token, probability) = pair.rsplit_once(':').unwrap();
                row[id(token).0 as usize] = probability.parse().unwrap();
            }
            let rest = (1.0 - row.iter().sum::<f32>()).max(1e-6);
            let others = row.iter().filter(|p| **p == 0.0).count() as f32;
            logits.extend(row.iter().map(|&p| if p == 0.0 { rest / others } else { p }.ln()));
        }
        Ok(())
    }
}

/// Writes each frame as a line; interrupts at a step if told so.
#[derive(Default)]
pub(super) struct Diary {
    pub(super) text: String,
    pub(super) interrupt_after: Option<(u32, Interrupt)>,
    pub(super) steps: u32,
}

impl Watcher for Diary {
    fn interrupt(&mut self) -> Option<Interrupt> {
        self.interrupt_after.and_then(|(after, why)| (self.steps >= after).then_some(why))
    }

    fn frame(&mut self, step: u32, canvas: &Canvas) {
        self.steps = step;
        self.text += &format!("{step}: {}\n", canvas.render(step, &name));
    }
}

pub(super) fn plan(rule: Rule) -> Plan<'static> {
    Plan {
        marks: MARKS,
        sampling: Sampling::default(),
        rule,
        schedule: Schedule::OneByOne,
        blocks: Blocks::WHOLE,
        revision: Revision::Keep,
        waits: false,
        lengths: Lengths { deletion: Deletion::Broadcast, capacity: 8, expands: 8, allow_empty: false },
        remasks: 0,
        constraint: &Free,
    }
}

/// Runs a script over `masks` masks and gives the frames as text.
pub(super) fn frames(masks: usize, script: &'static str, plan: &Plan<'_>) -> String {
    run(masks, script, plan, &mut Never, None).0
}

pub(super) fn run(
    masks: usize,
    script: &'static str,
    plan: &Plan<'_>,
    remask: &mut dyn Remask,
    interrupt_after: Option<(u32, Interrupt)>,
) -> (String, Result<Outcome, EngineError>) {
    let mut diary = Diary { interrupt_after, ..Diary::default() };
    let outcome = denoise(Canvas::masked(masks), &mut Scripted::new(script), plan, remask, &mut diary);
    (diary.text, outcome)
}

/// Answers anything: every logit from a hash of the seed, the call and the position.
pub(super) struct Noise {
    pub(super) seed: u64,
    pub(super) calls: u64,
}

impl Denoiser for Noise {
    fn vocab(&self) -> usize {
        NAMES.len()
    }

    fn logits(
        &mut self,
        _: &[&[TokenId]],
        rows: &[&[CanvasIdx]],
        logits: &mut Vec<f32>,
    ) -> Result<(), EngineError> {
        logits.clear();
        self.calls += 1;
        let mut dice = super::confidence::Dice::new(self.seed ^ (self.calls << 32));
        let count = rows.iter().map(|rows| rows.len()).sum::<usize>() * NAMES.len();
        logits.extend((0..count).map(|_| match dice.roll() {
            roll if roll < 0.01 => f32::NAN,
            roll if roll < 0.02 => f32::NEG_INFINITY,
            roll => roll * 12.0,
        }));
        Ok(())
    }
}

/// Lets a position be decided only when everything left of it is.
#[derive(Debug)]
pub(super) struct LeftToRight;

impl Constraint for LeftToRight {
    fn apply(&self, span: &[TokenId], at: CanvasIdx, _: &mut [f32]) -> bool {
        span[..at.0].iter().all(|&token| token != MASK)
    }
}

/// Doubts positions that were committed earlier with little confidence, each at most once (ReMDM-conf, Wang et al., 2025,
/// made deterministic).
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubtful {
    /// Probability at commit time below which a position is doubted, in [0, 1].
    pub(super) below: f32,
}

impl Remask for Doubtful {
    fn doubts(&mut self, step: u32, canvas: &Canvas) -> Vec<CanvasIdx> {
        let cells = canvas.cells();
        let doubted = |at: &usize| {
            let cell = &cells[*at];
            let early = matches!(cell.state, State::Committed { step: decided } if decided < step);
            early && cell.remasked == 0 && cell.confidence < self.below
        };
        let mut doubts: Vec<usize> = (0..cells.len()).filter(doubted).collect();
        doubts.sort_by(|&a, &b| cells[a].confidence.total_cmp(&cells[b].confidence).then(a.cmp(&b)));
        doubts.into_iter().map(CanvasIdx).collect()
    }
}

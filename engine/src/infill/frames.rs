//! The span after each step as a frame of text, and the loop's view of clock and cancel flag.

use quicksilver_protocol::completion::{Frame, Run, RunKind};

use super::{answer::with_line_ends, task::Task};
use crate::{
    diffusion::{Canvas, Cell, Interrupt, State, Watcher},
    queue::Terms,
    tokens::{Tokenizer, detokenize::whole_characters},
};

/// Watches one span for one client.
pub(super) struct Screen<'a, 't> {
    terms: &'a mut Terms<'t>,
    tokenizer: &'a Tokenizer,
    heal: &'a [u8],
    crlf: bool,
    /// Steps that passed before the loop began.
    pub(super) before: u32,
}

impl<'a, 't> Screen<'a, 't> {
    pub(super) fn new(terms: &'a mut Terms<'t>, tokenizer: &'a Tokenizer, task: &'a Task) -> Self {
        Self { terms, tokenizer, heal: &task.heal, crlf: task.crlf, before: 0 }
    }

    /// Why to stop, if there is a reason.
    pub(super) fn look(&self) -> Option<Interrupt> {
        self.terms.interrupt()
    }

    /// Sends a frame: positions decided in `step` have changed.
    pub(super) fn show(&mut self, number: u32, step: u32, canvas: &Canvas) {
        if self.terms.frames.is_none() {
            return;
        }
        let runs = runs(self.tokenizer, self.heal, self.crlf, step, canvas);
        if let Some(send) = &mut self.terms.frames {
            send(Frame { step: number, runs });
        }
    }
}

/// Each cell's bytes go to its run; a character that spans two runs goes to the later one.
pub(super) fn runs(tokenizer: &Tokenizer, heal: &[u8], crlf: bool, step: u32, canvas: &Canvas) -> Vec<Run> {
    let mut healed = heal;
    let mut groups: Vec<Group> = Vec::new();
    for cell in canvas.cells() {
        let mut bytes = cell.token.map_or(&[][..], |token| tokenizer.bytes(token));
        // What the user has typed already is not shown once more.
        let common = bytes.iter().zip(healed).take_while(|(a, b)| a == b).count();
        bytes = bytes.get(common..).unwrap_or_default();
        healed = if bytes.is_empty() { healed.get(common..).unwrap_or_default() } else { &[] };
        let kind = kind(cell, step);
        // A mask without a guess is a run of its own, so that masks can be counted.
        let known = cell.token.is_some();
        match groups.last_mut() {
            Some(last) if last.kind == kind && last.known && known => last.add(bytes, cell.confidence),
            _ => {
                let mut group = Group { kind, known, bytes: Vec::new(), confidence: 0.0, cells: 0 };
                group.add(bytes, cell.confidence);
                groups.push(group);
            }
        }
    }
    let mut pending = Vec::new();
    let mut runs = Vec::with_capacity(groups.len());
    for group in groups {
        pending.extend(group.bytes);
        let whole = match std::str::from_utf8(&pending) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => pending.len(),
        };
        let text = with_line_ends(&whole_characters(&pending[..whole]), crlf);
        pending.drain(..whole);
        let confidence = group.confidence / group.cells.max(1) as f32;
        runs.push(Run { text, kind: group.kind, confidence, hole: 0 });
    }
    runs
}

struct Group {
    kind: RunKind,
    known: bool,
    bytes: Vec<u8>,
    confidence: f32,
    cells: usize,
}

impl Group {
    fn add(&mut self, bytes: &[u8], confidence: f32) {
        self.bytes.extend_from_slice(bytes);
        self.confidence += confidence;
        self.cells += 1;
    }
}

fn kind(cell: &Cell, step: u32) -> RunKind {
    match cell.state {
        State::Masked => RunKind::Masked,
        State::Committed { step: decided } if decided == step => RunKind::Changed,
        State::Committed { .. } | State::Given => RunKind::Committed,
    }
}

impl Watcher for Screen<'_, '_> {
    fn interrupt(&mut self) -> Option<Interrupt> {
        self.look()
    }

    fn frame(&mut self, step: u32, canvas: &Canvas) {
        // The first canvas of a loop is the last frame of what went before.
        if step > 0 || self.before == 0 {
            self.show(self.before + step, step, canvas);
        }
    }
}

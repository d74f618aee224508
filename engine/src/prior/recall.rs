//! What filled the hole before, as lines to choose from: as it was, or its end behind other lines' beginnings.
//!
//! Decides nothing: these lines are scored like all others.

use super::{
    Previous, Vocabulary,
    beam::{Frame, Line},
    caches::Caches,
    heal,
    symbols::{Local, Symbols},
};

/// Lines whose beginnings are put before a tail.
const HEADS: usize = 8;
/// The most symbols of a beginning: what is still being typed is a name.
const HEAD_SYMBOLS: usize = 4;

/// Text that filled the hole before, as symbols.
pub(super) struct Recalled {
    line: Line,
    tail: Line,
}

impl Recalled {
    /// Reads its first line.
    pub(super) fn of(previous: &Previous<'_>, caches: &mut Caches, vocabulary: &impl Vocabulary) -> Self {
        let mut line = caches.read_line(previous.tokens, vocabulary);
        let mut tail = previous.tail.map_or_else(Vec::new, |tail| caches.read_tail(tail, vocabulary));
        for line in [&mut line, &mut tail] {
            let end = line.iter().position(|&local| caches.symbols.breaks(local));
            line.truncate(end.unwrap_or(line.len()));
        }
        Self { line, tail }
    }

    /// The lines that come of it and begin as they must; `others` lend a tail their beginnings, the best first.
    pub(super) fn lines(
        &self,
        others: &[Line],
        symbols: &Symbols,
        frame: &Frame<'_>,
        vocabulary: &impl Vocabulary,
    ) -> Vec<Line> {
        let mut lines = vec![self.line.clone()];
        if let Some(first) = self.tail.first() {
            let heads = others.iter().take(HEADS).filter_map(|other| {
                let at = other.iter().take(HEAD_SYMBOLS + 1).position(|local| local == first)?;
                other.get(..at)
            });
            lines.extend(heads.map(|head| [head, &self.tail].concat()));
        }
        let fits = |line: &Line| {
            let long = line.len() > frame.max_symbols;
            !line.is_empty() && !long && spells(line, symbols, frame, vocabulary)
        };
        lines.retain(fits);
        lines
    }
}

/// Whether a line begins with the bytes that were typed.
fn spells(line: &[Local], symbols: &Symbols, frame: &Frame<'_>, vocabulary: &impl Vocabulary) -> bool {
    let is_line = frame.before.last().is_some_and(|&local| symbols.is_step(local));
    let mut owed = frame.owed;
    for (at, &local) in line.iter().enumerate() {
        if owed.is_empty() {
            return true;
        }
        let Some(left) = heal::after(owed, symbols.bytes(local, is_line && at == 0, vocabulary)) else {
            return false;
        };
        owed = left;
    }
    owed.is_empty()
}

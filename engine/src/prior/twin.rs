//! Several lines that stand between the same neighbours elsewhere: a two-sided copy of a block.
//!
//! Looks at both sides of the hole at once, so that it knows where the block ends; going on line by line does not. Knows no
//! probabilities.

use super::{
    beam::{Frame, Line},
    caches::Caches,
    copies::common,
    symbols::{Local, Symbol, is_border},
};

/// Most lines of a block.
const MAX_LINES: usize = 16;
/// Symbols that must match on each side.
const LEAST_MATCH: u16 = 3;

/// A block that stands elsewhere, and how much matches around it there.
#[derive(Debug)]
pub(super) struct Twin {
    pub(super) lines: Line,
    /// Symbols that match left of it.
    pub(super) left: u16,
    /// Symbols that match right of it.
    pub(super) right: u16,
}

/// The block with the most evidence; of equals the nearest. `after` begins with the symbol that ends the hole's last line.
pub(super) fn find(caches: &Caches, frame: &Frame<'_>, after: &[Local]) -> Option<Twin> {
    let (&nearest, farther) = frame.before.split_last()?;
    let (&step, wanted) = after.get(1..)?.split_first()?;
    let columns = |local: Local| match caches.symbols.get(local) {
        Symbol::Step(step) => Some(i64::from(*step)),
        _ => None,
    };
    let (step, is_line) = (columns(step)?, columns(nearest).is_some());
    if !frame.owed.is_empty() {
        return None;
    }
    let mut best: Option<(u32, Twin)> = None;
    for start in 1..caches.text.len() {
        let here = caches.text[start - 1];
        if here != nearest && !(is_line && columns(here).is_some()) {
            continue;
        }
        let left =
            u16::from(here == nearest) + common(farther.iter().rev(), caches.text[..start - 1].iter().rev());
        if left < LEAST_MATCH {
            continue;
        }
        // Without a step before the hole, the first line brings its own.
        let own = if is_line { 0 } else { columns(caches.text[start]).unwrap_or(0) };
        let (mut at, mut depth) = (start, own);
        for line in 0..MAX_LINES {
            let end = caches.line_end[at] as usize;
            if is_border(caches.text[end]) || end == at || end - start > frame.max_symbols {
                break;
            }
            let Some(next) = caches.text.get(end + 1).and_then(|&local| columns(local)) else { break };
            // The text after the hole counts its step from the hole's own line.
            let right = if next + depth == step {
                1 + common(caches.text[end + 2..].iter(), wanted.iter())
            } else {
                0
            };
            let score = u32::from(left) * u32::from(right);
            if line > 0 && right >= LEAST_MATCH && best.as_ref().is_none_or(|(most, _)| score >= *most) {
                best = Some((score, Twin { lines: caches.text[start..end].to_vec(), left, right }));
            }
            depth += next;
            at = end + 2;
            if depth < own || at >= caches.text.len() {
                break;
            }
        }
    }
    best.map(|(_, twin)| twin)
}

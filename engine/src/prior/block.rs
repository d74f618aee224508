//! Further lines: after the first, one more is taken while the pool stays sure of all of them together.
//!
//! Its lines are chosen by what stands before them; a block ends where the text after the hole fits better right away than after one more line, at a line left of the hole's
//! indentation, at a blank line, and where the product of the shares falls too low. Knows nothing of how lines are scored.

use super::{
    Vocabulary,
    beam::{Frame, Line},
    copies,
    distribution::Model,
    pool::{self, Scored},
    ranker::Ranker,
    rescore,
    symbols::{Local, Symbol},
};

/// Product of shares below which no further line is taken.
const LEAST_SHARE: f32 = 0.3;
/// Most lines of a block.
const MAX_LINES: usize = 16;

/// Lines with the probability of all of them together.
pub(super) struct Block {
    pub(super) line: Line,
    pub(super) share: f32,
}

/// Goes on from a first line that is `share` sure. `frame` is that of the hole, `indent` its columns.
pub(super) fn extend(
    model: &mut Model<'_>,
    frame: &Frame<'_>,
    after: &[Local],
    first: &Scored,
    indent: usize,
    vocabulary: &impl Vocabulary,
    cancelled: &dyn Fn() -> bool,
) -> Block {
    let mut block = Block { line: first.line.clone(), share: first.share };
    let Some(&end) = after.first().filter(|&&local| model.caches.symbols.breaks(local)) else { return block };
    let mut columns = indent;
    for _ in 1..MAX_LINES {
        let before = [frame.before, &block.line].concat();
        let mut stop = rescore::fit(model, &before, &[], after);
        (stop.left_match, stop.right_match, stop.places) = copies::adjacent(model.caches, &before, after);
        // Its own end counts on neither side.
        stop.line = 0.0;
        let stop = Ranker::LINE.score(&stop);
        let before = [&before[..], &[end]].concat();
        let room = frame.max_symbols.saturating_sub(block.line.len() + 1);
        let next = Frame { before: &before, owed: &[], stop: None, max_symbols: room };
        let lines = pool::lines(model, &next, &[end], None, vocabulary, cancelled);
        let Some(best) = lines.first() else { break };
        // The line's share, once "no further line" is one of the choices.
        let share = best.share / (1.0 + best.share * (stop - best.score).exp());
        let Some(&Symbol::Step(step)) = best.line.first().map(|&local| model.caches.symbols.get(local))
        else {
            break;
        };
        columns = columns.saturating_add_signed(step as isize);
        // Steps of indentation may differ: they count from different lines.
        let repeats = after.get(2..).is_some_and(|next| next.starts_with(&best.line[1..]));
        if repeats || columns < indent || block.share * share < LEAST_SHARE || cancelled() {
            break;
        }
        block.share *= share;
        block.line.push(end);
        block.line.extend(&best.line);
    }
    block
}

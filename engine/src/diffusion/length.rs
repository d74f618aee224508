//! How long the span is: it grows at `expand` and shrinks at `delete` while it is denoised (DreamOn, Wu et al.,
//! 2026). How long it is at first: [`search`](super::search).
//!
//! Owns the marks' meaning. Room is checked before an expand is chosen, so that the span never outgrows its limit.

use super::{Canvas, CanvasIdx, Marks, constraint::ban};
use crate::tokens::TokenId;

/// What a committed delete takes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// Itself.
    Single,
    /// Itself, and every position right of it that was masked before the step: DreamOn's broadcast deletion.
    Broadcast,
    /// Itself and everything right of it: for models trained to say "no token here or anywhere right of here".
    Rest,
}

/// The limits of a span's length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lengths {
    /// What a delete takes away.
    pub deletion: Deletion,
    /// The most positions.
    pub capacity: usize,
    /// How many expands may be committed in all.
    pub expands: usize,
    /// Whether a delete may stand first: whether "nothing" is an answer.
    pub allow_empty: bool,
}

impl Lengths {
    /// Takes out of a row, `[vocab]`, the marks that cannot be committed in a span of `length`, at the first position
    /// of its hole or not.
    pub fn constrain(&self, marks: &Marks, length: usize, first: bool, logits: &mut [f32]) {
        ban(logits, [marks.mask]);
        if length >= self.capacity || self.expands == 0 {
            ban(logits, marks.expand);
        }
        if first && !self.allow_empty {
            ban(logits, marks.delete);
        }
    }
}

/// What the marks did to a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Positions taken away.
    pub deleted: usize,
    /// Positions that became two.
    pub expanded: usize,
}

/// Carries out the deletes and expands that a step committed; `masked` are the positions masked before it, ascending.
/// A delete reaches no further than its hole.
pub fn resize(canvas: &mut Canvas, marks: &Marks, deletion: Deletion, masked: &[CanvasIdx]) -> Change {
    let before = canvas.len();
    let holds = |canvas: &Canvas, at: CanvasIdx, mark: Option<TokenId>| {
        mark.is_some() && canvas.cells().get(at.0).is_some_and(|cell| !cell.is_masked() && cell.token == mark)
    };
    // From the right, so that what is left of a hole stays where it is.
    for hole in canvas.holes().into_iter().rev() {
        let masked: Vec<CanvasIdx> = masked.iter().copied().filter(|at| hole.contains(&at.0)).collect();
        let Some(first) = masked.iter().copied().find(|&at| holds(canvas, at, marks.delete)) else {
            continue;
        };
        match deletion {
            Deletion::Rest => canvas.cut(first.0..hole.end),
            Deletion::Single | Deletion::Broadcast => {
                for at in masked.into_iter().rev() {
                    // Broadcast takes what this very step put there, too.
                    let gone = match deletion {
                        Deletion::Broadcast => at >= first,
                        _ => holds(canvas, at, marks.delete),
                    };
                    if gone {
                        canvas.remove(at);
                    }
                }
            }
        }
    }
    let deleted = before - canvas.len();
    let expands: Vec<CanvasIdx> =
        (0..canvas.len()).map(CanvasIdx).filter(|&at| holds(canvas, at, marks.expand)).collect();
    for &at in expands.iter().rev() {
        canvas.split(at);
    }
    Change { deleted, expanded: expands.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKS: Marks = Marks { mask: TokenId(0), delete: Some(TokenId(1)), expand: Some(TokenId(2)) };

    /// Two holes of three masks with `( )` between; a delete is committed second in the first, an expand in the second.
    fn resized(deletion: Deletion) -> String {
        let mut canvas = Canvas::masked(3);
        canvas.give(&[TokenId(8), TokenId(9)]);
        canvas.join(Canvas::masked(3));
        let masked = canvas.masks();
        canvas.commit(CanvasIdx(1), TokenId(1), 0.9, 1);
        canvas.commit(CanvasIdx(5), TokenId(2), 0.9, 1);
        assert_eq!(canvas.holes(), [0..3, 5..8]);
        assert!(canvas.begins_hole(CanvasIdx(5)) && !canvas.begins_hole(CanvasIdx(6)));
        let change = resize(&mut canvas, &MARKS, deletion, &masked);
        assert_eq!(change.expanded, 1);
        canvas.render(0, &|token| if token == TokenId(8) { "(".to_owned() } else { ")".to_owned() })
    }

    #[test]
    fn a_delete_reaches_no_further_than_its_hole() {
        assert_eq!(resized(Deletion::Single), "▒ ▒ ( ) ▒ ▒ ▒ ▒");
        assert_eq!(resized(Deletion::Broadcast), "▒ ( ) ▒ ▒ ▒ ▒");
        assert_eq!(resized(Deletion::Rest), "▒ ( ) ▒ ▒ ▒ ▒");
    }
}

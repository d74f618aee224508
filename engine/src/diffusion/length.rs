//! How long the span is: it grows at `expand` and shrinks at `delete` while it is denoised (DreamOn, Wu et al.,
//! 2026), and its first length can be searched for (CAL, He et al., 2026).
//!
//! Owns the marks' meaning. Room is checked before an expand is chosen, so that the span never outgrows its limit.

use super::{Canvas, CanvasIdx, Denoiser, Marks, confidence::softmax, constraint::ban};
use crate::{EngineError, tokens::TokenId};

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

/// CAL's length bias B(L): how much surer a model is of short spans whatever stands there.
#[must_use]
pub fn bias(length: usize) -> f32 {
    let length = length as f32;
    (-1.77 * length).exp() + 0.56 * (-0.06 * length).exp() + 0.24
}

/// The first length that the denoiser is surest of: the mean of the largest probabilities over an all-masked span,
/// over CAL's bias. All lengths in one call. `None` if there is none.
///
/// # Errors
/// The denoiser's.
pub fn surest(
    denoiser: &mut dyn Denoiser,
    mask: TokenId,
    lengths: &[usize],
) -> Result<Option<usize>, EngineError> {
    let spans: Vec<Vec<TokenId>> = lengths.iter().map(|&length| vec![mask; length]).collect();
    let rows: Vec<Vec<CanvasIdx>> =
        lengths.iter().map(|&length| (0..length).map(CanvasIdx).collect()).collect();
    let spans: Vec<&[TokenId]> = spans.iter().map(Vec::as_slice).collect();
    let wanted: Vec<&[CanvasIdx]> = rows.iter().map(Vec::as_slice).collect();
    let mut logits = Vec::new();
    denoiser.logits(&spans, &wanted, &mut logits)?;
    let mut rows = logits.chunks_exact_mut(denoiser.vocab().max(1));
    let mut best: Option<(f32, usize)> = None;
    for &length in lengths.iter() {
        let mut sum = 0.0;
        for row in rows.by_ref().take(length) {
            if softmax(row).is_some() {
                sum += row.iter().copied().fold(0.0, f32::max);
            }
        }
        let score = sum / length.max(1) as f32 / bias(length);
        if best.is_none_or(|(most, _)| score > most) {
            best = Some((score, length));
        }
    }
    Ok(best.map(|(_, length)| length))
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

    #[test]
    fn the_bias_is_cals() {
        for (length, published) in [(1, 0.938), (4, 0.681), (8, 0.587), (16, 0.454), (32, 0.322), (64, 0.252)]
        {
            assert!(
                (bias(length) - published).abs() < 0.002,
                "{length}: {} against {published}",
                bias(length)
            );
        }
    }
}

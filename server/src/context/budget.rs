//! The other files' share of the budget: which go along, how much of each, and why the next ones do not. Pure; it
//! must not know where a file comes from beyond what is told of it.

use std::{fmt, sync::Arc};

use quicksilver_protocol::{completion::ContextFile, limits::MAX_CONTEXT_FILES};

use super::neighbours::LEAST_SIMILAR;

/// Bytes of one other file.
pub(super) const NEIGHBOUR_BYTES: usize = 24 * 1024;
/// Files left out that are worth a word, the nearest first.
pub(super) const MOST_LEFT_OUT: usize = 5;
/// Bytes below which the rest of the budget is not worth a piece of a file.
const LEAST_PIECE: usize = 512;

/// A file that may go along.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) path: String,
    pub(super) text: Arc<str>,
    pub(super) similarity: f32,
    pub(super) open: bool,
}

/// Why a file goes along; what of it stands in the request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Along {
    /// Jaccard similarity of its identifiers to those around the hole, in [0, 1].
    pub similarity: f32,
    /// It lies open in the editor, and open documents come first, like the hole or not.
    pub open: bool,
    /// Only its first lines go along.
    pub cut: bool,
}

/// A file that does not go along though nothing forbids it.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftOut {
    /// Path relative to its root.
    pub path: String,
    /// Its bytes.
    pub bytes: usize,
    /// As for files that go along.
    pub similarity: f32,
    /// Why not.
    pub why: Lack,
}

/// What a file that is left out lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// What is left of the budget is not worth a piece of it.
    Budget,
    /// So many files go along already.
    Room,
    /// It is less similar than [`LEAST_SIMILAR`].
    Likeness,
    /// There is nothing in it.
    Text,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Budget => f.write_str("the budget is full"),
            Self::Room => write!(f, "{MAX_CONTEXT_FILES} files go along already"),
            Self::Likeness => write!(f, "under the similarity limit {LEAST_SIMILAR}"),
            Self::Text => f.write_str("there is nothing in it"),
        }
    }
}

impl Candidate {
    pub(super) fn left_out(self, why: Lack) -> LeftOut {
        LeftOut { bytes: self.text.len(), path: self.path, similarity: self.similarity, why }
    }
}

/// The budget, shared out.
#[derive(Clone, Debug, Default)]
pub(super) struct Filled {
    pub(super) context: Vec<ContextFile>,
    /// In the order of `context`.
    pub(super) along: Vec<Along>,
    /// At most [`MOST_LEFT_OUT`].
    pub(super) left_out: Vec<LeftOut>,
}

/// Takes files until the budget is spent; the last may be a piece, in whole lines.
pub(super) fn fill(files: impl Iterator<Item = Candidate>, mut budget: usize) -> Filled {
    let mut filled = Filled::default();
    let mut full = None;
    for file in files {
        if filled.context.len() == MAX_CONTEXT_FILES {
            full = full.or(Some(Lack::Room));
        } else if budget < LEAST_PIECE + file.path.len() {
            full = full.or(Some(Lack::Budget));
        }
        if let Some(lack) = full {
            if filled.left_out.len() == MOST_LEFT_OUT {
                break;
            }
            filled.left_out.push(file.left_out(lack));
            continue;
        }
        let text = head(&file.text, NEIGHBOUR_BYTES.min(budget - file.path.len()));
        if !text.trim().is_empty() {
            budget -= file.path.len() + text.len();
            let cut = text.len() < file.text.len();
            filled.along.push(Along { similarity: file.similarity, open: file.open, cut });
            filled.context.push(ContextFile { text: text.to_owned(), path: file.path });
        } else if filled.left_out.len() < MOST_LEFT_OUT {
            filled.left_out.push(file.left_out(Lack::Text));
        }
    }
    filled
}

/// The first lines of `text`, at most `bytes`.
fn head(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let end = text.floor_char_boundary(bytes);
    let piece = text.get(..end).unwrap_or_default();
    piece.rfind('\n').and_then(|at| piece.get(..=at)).unwrap_or(piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(sizes: &[usize]) -> impl Iterator<Item = Candidate> {
        sizes.iter().enumerate().map(|(number, bytes)| Candidate {
            path: format!("{number}"),
            text: "x".repeat(*bytes).into(),
            similarity: 0.5,
            open: false,
        })
    }

    fn lacks(filled: &Filled) -> Vec<Lack> {
        filled.left_out.iter().map(|file| file.why).collect()
    }

    #[test]
    fn what_no_longer_fits_is_left_out_for_the_budget_and_at_most_a_handful_is_named() {
        let filled = fill(candidates(&[1000; 20]), 1000 + 1 + 600 + 1);
        assert_eq!(filled.along.iter().map(|along| along.cut).collect::<Vec<_>>(), [false, true]);
        assert_eq!(filled.context[1].text.len(), 600);
        assert_eq!(lacks(&filled), [Lack::Budget; MOST_LEFT_OUT]);
        assert_eq!((filled.left_out[0].path.as_str(), filled.left_out[0].bytes), ("2", 1000));
    }

    #[test]
    fn more_files_than_a_request_may_have_are_left_out_for_room() {
        let filled = fill(candidates(&[10; MAX_CONTEXT_FILES + 1]), 1 << 20);
        assert_eq!((filled.context.len(), lacks(&filled)), (MAX_CONTEXT_FILES, vec![Lack::Room]));
    }

    #[test]
    fn a_file_without_text_takes_no_place() {
        let filled = fill(candidates(&[0, 10]), 1 << 20);
        assert_eq!((filled.context.len(), lacks(&filled)), (1, vec![Lack::Text]));
    }
}

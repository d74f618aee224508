//! Lines that stand between *similar* neighbours elsewhere, rewritten: where the neighbours there say `a` and here say `b`,
//! so does the line.
//!
//! Texts are compared symbol by symbol outwards from the hole; a word may differ (and says what to rewrite), anything else
//! may not. Knows no probabilities.

use super::{
    Vocabulary,
    beam::{Frame, Line},
    caches::Caches,
    symbols::{Local, Symbol, is_border},
};
use rustc_hash::FxHashMap;

/// Symbols compared on each side.
const REACH: usize = 32;
/// Words that may differ.
const MAX_DIFFERENT: usize = 4;
/// What a differing word costs, in symbols that match.
const DIFFERENT_COST: i32 = 2;
/// The fewest points for a place.
const LEAST_POINTS: i32 = 2;
/// Rewritten lines kept.
const KEPT: usize = 4;

/// A rewritten line.
pub(super) struct Rewritten {
    pub(super) line: Line,
    /// Symbols that match left of the place, differing words not counted.
    pub(super) left: u16,
    /// Symbols that match right of it.
    pub(super) right: u16,
}

/// Lines rewritten from `places` (where each line starts and ends), the best first.
pub(super) fn rewrite(
    caches: &Caches,
    frame: &Frame<'_>,
    after: &[Local],
    places: impl Iterator<Item = (u32, u32)>,
    vocabulary: &impl Vocabulary,
) -> Vec<Rewritten> {
    let symbols = &caches.symbols;
    // Most symbols of a vocabulary stand nowhere in this text.
    let stands = |local: &Local| !caches.after(*local).is_empty();
    let words: Vec<bool> = (0..symbols.len() as Local)
        .map(|local| match symbols.get(local) {
            _ if !stands(&local) => false,
            Symbol::Word { bytes, .. } => bytes.iter().any(is_word),
            Symbol::Token(token) => vocabulary.bytes(*token).iter().any(is_word),
            Symbol::Border | Symbol::Step(_) => false,
        })
        .collect();
    let Some((_, before)) = frame.before.split_last() else { return Vec::new() };
    let mut found: Vec<(i32, u32, Comparison)> = Vec::new();
    for (start, end) in places {
        let (start, end) = (start as usize, end as usize);
        let mut compared = Comparison { end: end as u32, ..Comparison::default() };
        compared.left =
            compared.side(caches, &words, before.iter().rev(), caches.text[..start - 1].iter().rev());
        compared.right = compared.side(caches, &words, after.iter().skip(1), caches.text[end + 1..].iter());
        let points =
            i32::from(compared.left + compared.right) - DIFFERENT_COST * compared.different.len() as i32;
        if !compared.different.is_empty() && points >= LEAST_POINTS {
            found.push((points, start as u32, compared));
        }
    }
    found.sort_unstable_by_key(|&(points, start, _)| std::cmp::Reverse((points, start)));
    let mut spelled: FxHashMap<&[u8], Local> = FxHashMap::default();
    if !found.is_empty() {
        for local in (1..symbols.len() as Local).filter(stands) {
            spelled.insert(symbols.bytes(local, false, vocabulary), local);
        }
    }
    let mut rewritten: Vec<Rewritten> = Vec::new();
    for (_, start, compared) in found.into_iter().take(4 * KEPT) {
        let line = &caches.text[start as usize..compared.end as usize];
        if let Some(line) = compared.rewrite(caches, line, &spelled, vocabulary)
            && !rewritten.iter().any(|known| known.line == line)
        {
            rewritten.push(Rewritten { line, left: compared.left, right: compared.right });
            if rewritten.len() == KEPT {
                break;
            }
        }
    }
    rewritten
}

/// How the text around a place compares with that around the hole.
#[derive(Clone, Debug, Default)]
struct Comparison {
    end: u32,
    left: u16,
    right: u16,
    /// Words there and here.
    different: Vec<(Local, Local)>,
}

impl Comparison {
    /// Counts the symbols that match on one side, and notes the words that differ.
    fn side<'t>(
        &mut self,
        caches: &Caches,
        words: &[bool],
        here: impl Iterator<Item = &'t Local>,
        there: impl Iterator<Item = &'t Local>,
    ) -> u16 {
        let is_word = |local: Local| words.get(local as usize).copied().unwrap_or(false);
        let mut same = 0;
        for (&here, &there) in here.zip(there).take(REACH) {
            if is_border(here) || is_border(there) {
                break;
            }
            if here == there {
                same += 1;
                continue;
            }
            if caches.symbols.is_step(here) && caches.symbols.is_step(there) {
                continue;
            }
            let known = self.different.iter().find(|(old, _)| *old == there);
            let consistent = known.is_none_or(|&(_, new)| new == here);
            let full = known.is_none() && self.different.len() == MAX_DIFFERENT;
            if !is_word(here) || !is_word(there) || !consistent || full {
                break;
            }
            if known.is_none() {
                self.different.push((there, here));
            }
        }
        same
    }

    /// The line with the differing words put in; `None` if it has none of them, or one has no symbol here.
    fn rewrite(
        &self,
        caches: &Caches,
        line: &[Local],
        spelled: &FxHashMap<&[u8], Local>,
        vocabulary: &impl Vocabulary,
    ) -> Option<Line> {
        let bytes = |local: Local| caches.symbols.bytes(local, false, vocabulary);
        let mut new = line.to_vec();
        for local in &mut new {
            let (lead, word) = split(bytes(*local));
            let Some(&(_, replaced)) = self.different.iter().find(|(old, _)| split(bytes(*old)).1 == word)
            else {
                continue;
            };
            if word.is_empty() {
                continue;
            }
            *local = *spelled.get(&[lead, split(bytes(replaced)).1].concat()[..])?;
        }
        (new != line).then_some(new)
    }
}

fn is_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80
}

/// A symbol's leading blank or punctuation, and its word.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.iter().position(is_word).unwrap_or(bytes.len()))
}

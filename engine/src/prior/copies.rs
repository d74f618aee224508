//! Lines that stand between the same neighbours elsewhere: two-sided copies.
//!
//! Every place whose left symbol is the hole's is a candidate (every line, if the hole is a line: indentation may differ); its
//! evidence is the number of symbols that match to the left of it plus the number that match after its line. Knows no
//! probabilities.

use super::{
    Vocabulary,
    beam::{Frame, Line},
    caches::Caches,
    heal,
    symbols::{Local, is_border},
    templates::{self, Rewritten},
};
use rustc_hash::FxHashMap;

/// The most matching symbols that count, on each side.
const MAX_EVIDENCE: usize = 64;
/// Distinct lines kept.
const KEPT: usize = 8;

/// All lines that could be copied.
pub(super) struct Copies<'a> {
    /// The distinct lines with the most evidence.
    best: Vec<&'a [Local]>,
    /// Of every line: the most symbols that match left and right of it, and how often it stands anywhere.
    evidence: FxHashMap<&'a [Local], (u16, u16, u16)>,
    /// Lines rewritten from similar places.
    pub(super) rewritten: Vec<Rewritten>,
}

#[derive(Clone, Copy)]
struct Place {
    start: u32,
    end: u32,
    left: u16,
    right: u16,
}

impl<'a> Copies<'a> {
    /// Finds the places. `after` is the text after the hole.
    pub(super) fn find(
        caches: &'a Caches,
        frame: &Frame<'_>,
        after: &[Local],
        vocabulary: &impl Vocabulary,
    ) -> Self {
        let Some((&nearest, farther)) = frame.before.split_last() else {
            return Self { best: Vec::new(), evidence: FxHashMap::default(), rewritten: Vec::new() };
        };
        let is_line = caches.symbols.is_step(nearest);
        let candidates: Vec<u32> = if is_line {
            let starts = (1..caches.text.len()).filter(|&at| caches.symbols.is_step(caches.text[at - 1]));
            starts.map(|at| at as u32).collect()
        } else {
            let range = caches.after(nearest);
            caches.order[range.start as usize..range.end as usize].to_vec()
        };
        let mut places = Vec::new();
        let mut similar = Vec::new();
        for start in candidates {
            let end = caches.line_end[start as usize];
            if is_border(caches.text[end as usize]) {
                continue;
            }
            if frame.stop.is_none() && (end - start) as usize <= frame.max_symbols {
                similar.push((start, end));
            }
            if !begins(caches, frame, start, end, is_line, vocabulary) {
                continue;
            }
            let Some((end, right)) = right_match(caches, frame, start, end, after) else { continue };
            if (end - start) as usize > frame.max_symbols {
                continue;
            }
            let same = u16::from(caches.text[start as usize - 1] == nearest);
            let left = same + common(farther.iter().rev(), caches.text[..start as usize - 1].iter().rev());
            places.push(Place { start, end, left, right });
        }
        places.sort_unstable_by_key(|place| std::cmp::Reverse((place.left + place.right, place.start)));
        let rewritten = templates::rewrite(caches, frame, after, similar.into_iter(), vocabulary);
        // The most evidence first; of equals the nearest.
        let mut best = Vec::with_capacity(KEPT);
        let mut evidence = FxHashMap::default();
        evidence.reserve(places.len());
        for place in places {
            let line = &caches.text[place.start as usize..place.end as usize];
            let (.., times) = evidence.entry(line).or_insert_with(|| {
                if best.len() < KEPT {
                    best.push(line);
                }
                (place.left, place.right, 0)
            });
            *times += 1;
        }
        Self { best, evidence, rewritten }
    }

    /// The distinct lines with the most evidence.
    pub(super) fn best(&self) -> Vec<Line> {
        self.best.iter().map(|line| line.to_vec()).collect()
    }

    /// The most matching symbols left and right of a line, each [`MAX_EVIDENCE`] at most, and how often it stands anywhere.
    pub(super) fn evidence(&self, line: &[Local]) -> (u16, u16, u16) {
        self.evidence.get(line).copied().unwrap_or_default()
    }
}

/// How well two texts that meet match where others meet elsewhere: symbols left and right, and how often.
pub(super) fn adjacent(caches: &Caches, before: &[Local], after: &[Local]) -> (u16, u16, u16) {
    let (Some(&nearest), Some(&end)) = (before.last(), after.first()) else { return (0, 0, 0) };
    let range = caches.after(nearest);
    let places = &caches.order[range.start as usize..range.end as usize];
    let mut most = (0, 0, 0);
    for place in places.iter().map(|&place| place as usize).filter(|&place| caches.text[place] == end) {
        let left = common(before.iter().rev(), caches.text[..place].iter().rev());
        let right = common(after.iter().skip(1), caches.text[place + 1..].iter());
        if right > 0 {
            most.2 += 1;
            if left + right > most.0 + most.1 {
                (most.0, most.1) = (left, right);
            }
        }
    }
    most
}

/// Whether the text at a place begins with the bytes to heal, before its line ends.
fn begins(
    caches: &Caches,
    frame: &Frame<'_>,
    start: u32,
    end: u32,
    is_line: bool,
    vocabulary: &impl Vocabulary,
) -> bool {
    let mut owed = frame.owed;
    for place in start..end {
        if owed.is_empty() {
            break;
        }
        let first = is_line && place == start;
        match heal::after(owed, caches.symbols.bytes(caches.text[place as usize], first, vocabulary)) {
            Some(rest) => owed = rest,
            None => return false,
        }
    }
    owed.is_empty()
}

/// Where the copied line ends and how much of the text after the hole follows it there.
fn right_match(
    caches: &Caches,
    frame: &Frame<'_>,
    start: u32,
    end: u32,
    after: &[Local],
) -> Option<(u32, u16)> {
    let matching = |end: u32| common(caches.text[end as usize + 1..].iter(), after.iter().skip(1));
    match frame.stop {
        None => Some((end, matching(end))),
        // The hole ends within its line: take the place of the stop symbol after which the most matches.
        Some(stop) => (start..end)
            .filter(|&at| caches.text[at as usize] == stop)
            .map(|at| (at, matching(at)))
            .max_by_key(|&(at, right)| (right, at)),
    }
}

/// How many symbols are the same, [`MAX_EVIDENCE`] at most.
pub(super) fn common<'a>(a: impl Iterator<Item = &'a Local>, b: impl Iterator<Item = &'a Local>) -> u16 {
    a.zip(b).take(MAX_EVIDENCE).take_while(|(a, b)| a == b && !is_border(**a)).count() as u16
}

//! The places that match a context, read once: what stands at each of them, how deep it matches, and how many there are.
//!
//! Its memory is kept from one context to the next. Knows no probabilities.

use super::{
    caches::Caches,
    matches::Matches,
    symbols::{Local, is_border},
};

/// Tokens in the longest counted n-gram, the predicted one included.
pub(super) const MAX_ORDER: usize = 6;
/// Levels: other files, this file.
pub(super) const LEVELS: usize = 2;

const LONG_BIT: u8 = 1 << LEVELS;

/// What stands at some places.
#[derive(Default)]
pub(super) struct Tally {
    /// The tokens, in the order in which they are met from the deepest place on.
    pub(super) tokens: Vec<Met>,
    /// For each place, the deepest first: the number of its token among `tokens`, and its level.
    pub(super) places: Vec<(u32, u8)>,
    /// How many of `places` match how deep, the deepest first.
    pub(super) runs: Vec<(usize, usize)>,
    /// Places by how deep they match, [`MAX_ORDER`] − 1 standing for all deeper ones, and by level.
    pub(super) places_at: [[u32; LEVELS]; MAX_ORDER],
    /// Different tokens at them.
    pub(super) distinct_at: [[u32; LEVELS]; MAX_ORDER],
    /// Places of the deepest match.
    pub(super) long_places: u32,
    /// Different tokens at them.
    pub(super) long_distinct: u32,
    /// Per local: its number among `tokens`, plus one.
    number_of: Vec<u32>,
}

/// A token that stands at some of the places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Met {
    pub(super) local: Local,
    /// The last of its places.
    pub(super) last: u32,
    /// Levels that it was seen at, and whether at the deepest match.
    seen: u8,
}

impl Tally {
    /// For a request with so many symbols.
    pub(super) fn new(symbols: usize) -> Self {
        Self { number_of: vec![0; symbols], ..Self::default() }
    }

    /// Reads the places of `matches`.
    pub(super) fn read(&mut self, caches: &Caches, matches: &Matches) {
        self.tokens.clear();
        self.places.clear();
        self.runs.clear();
        (self.places_at, self.distinct_at) = ([[0; LEVELS]; MAX_ORDER], [[0; LEVELS]; MAX_ORDER]);
        (self.long_places, self.long_distinct) = (0, 0);
        let deepest = matches.depth();
        for depth in (1..=deepest).rev() {
            let outer = matches.range(depth);
            let inner = matches.range(depth + 1);
            let inner = if inner.is_empty() { outer.end..outer.end } else { inner };
            let before = self.places.len();
            self.run(caches, outer.start..inner.start, depth, deepest);
            self.run(caches, inner.end..outer.end, depth, deepest);
            self.runs.push((self.places.len() - before, depth));
        }
        for token in &self.tokens {
            self.number_of[token.local as usize] = 0;
        }
        // Deeper places match at all lower depths too.
        for at in (1..deepest.min(MAX_ORDER - 1)).rev() {
            for level in 0..LEVELS {
                self.places_at[at][level] += self.places_at[at + 1][level];
                self.distinct_at[at][level] += self.distinct_at[at + 1][level];
            }
        }
    }

    /// Reads places that match equally deep.
    fn run(&mut self, caches: &Caches, range: std::ops::Range<u32>, depth: usize, deepest: usize) {
        let range = range.start as usize..range.end as usize;
        let at = depth.min(MAX_ORDER - 1);
        let long = depth == deepest;
        for (&place, &local) in caches.order[range.clone()].iter().zip(&caches.followers[range]) {
            debug_assert!(!is_border(local));
            let level = u8::from(caches.in_file(place));
            let number = &mut self.number_of[local as usize];
            if *number == 0 {
                self.tokens.push(Met { local, last: 0, seen: 0 });
                *number = self.tokens.len() as u32;
            }
            let number = *number - 1;
            let token = &mut self.tokens[number as usize];
            token.last = token.last.max(place);
            if long {
                self.long_places += 1;
                self.long_distinct += u32::from(token.seen & LONG_BIT == 0);
                token.seen |= LONG_BIT;
            }
            self.places_at[at][usize::from(level)] += 1;
            self.distinct_at[at][usize::from(level)] += u32::from(token.seen & 1 << level == 0);
            token.seen |= 1 << level;
            self.places.push((number, level));
        }
    }
}

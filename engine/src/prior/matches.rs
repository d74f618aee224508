//! The places that match a context, at every depth: nested ranges of the sorted order.
//!
//! Knows the index, not what follows the places.

use super::{
    caches::{Caches, MAX_DEPTH},
    symbols::{BORDER, Local, UNKNOWN},
};
use std::ops::Range;

/// For each depth `d` (1-based), the places whose last `d` tokens are those of the context.
#[derive(Clone, Debug, Default)]
pub(super) struct Matches {
    /// `ranges[d - 1]` holds `ranges[d]`.
    ranges: Vec<Range<u32>>,
}

impl Matches {
    /// The matches of a context, whose last token is the nearest; a file's beginning matches other beginnings.
    pub(super) fn new(caches: &Caches, context: &[Local]) -> Self {
        let mut ranges: Vec<Range<u32>> = Vec::new();
        for (back, &local) in context.iter().rev().take(MAX_DEPTH).enumerate() {
            if local == UNKNOWN {
                break;
            }
            let range = match ranges.last() {
                None => caches.after(local),
                Some(outer) => narrow(caches, outer, back + 1, local),
            };
            if range.is_empty() {
                break;
            }
            ranges.push(range);
            if local == BORDER {
                break;
            }
        }
        Self { ranges }
    }

    /// The most tokens matched.
    pub(super) fn depth(&self) -> usize {
        self.ranges.len()
    }

    /// The places matching at least `depth` tokens; empty beyond [`Self::depth`], and for 0.
    pub(super) fn range(&self, depth: usize) -> Range<u32> {
        depth.checked_sub(1).and_then(|at| self.ranges.get(at).cloned()).unwrap_or(0..0)
    }
}

/// The part of `outer` which has `local` at `distance` tokens before the place.
fn narrow(caches: &Caches, outer: &Range<u32>, distance: usize, local: Local) -> Range<u32> {
    let places = &caches.order[outer.start as usize..outer.end as usize];
    let at = |place: u32| caches.text[place as usize - distance];
    let start = places.partition_point(|&place| at(place) < local);
    let length = places[start..].partition_point(|&place| at(place) == local);
    let start = outer.start + start as u32;
    start..start + length as u32
}

#[cfg(test)]
mod tests {
    use super::super::symbols::is_border;
    use super::super::{Extent, Hole, caches::Caches, symbols::Reader, toy::Toy};
    use super::*;

    fn caches(toy: &Toy, prefix: &str, suffix: &str, file: &str) -> Caches {
        let hole = Hole {
            prefix: &toy.encode(prefix),
            suffix: &toy.encode(suffix),
            files: &[toy.encode(file)],
            heal: &[],
            extent: Extent::Line,
            max_tokens: 64,
            allow_empty: false,
            common: None,
            previous: None,
        };
        Caches::new(&hole, toy)
    }

    /// How deep a context matches, and what follows there. The context begins a line.
    fn followers(caches: &mut Caches, toy: &Toy, context: &str) -> (usize, Vec<String>) {
        let mut row = Vec::new();
        let mut reader = Reader::START;
        caches.symbols.read(&toy.encode(context), &mut reader, toy, &mut row);
        let matches = Matches::new(caches, &row);
        let range = matches.range(matches.depth());
        let mut followers: Vec<String> = caches.order[range.start as usize..range.end as usize]
            .iter()
            .map(|&place| caches.symbols.bytes(caches.text[place as usize], false, toy))
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .collect();
        followers.sort();
        (matches.depth(), followers)
    }

    #[test]
    fn the_longest_context_wins() {
        let text = "a x 1\nb x 2\n";
        let toy = Toy::of(&[text]);
        let mut caches = caches(&toy, text, "", "");
        assert_eq!(followers(&mut caches, &toy, "q x"), (1, vec![" 1".into(), " 2".into()]));
        // The step of indentation and the word; what stands before them differs.
        assert_eq!(followers(&mut caches, &toy, "b x"), (3, vec![" 2".into()]));
    }

    #[test]
    fn no_match_reaches_across_the_hole_or_between_files() {
        let toy = Toy::of(&["before left", "right", "other"]);
        let mut caches = caches(&toy, "before left", "right", "other");
        assert_eq!(followers(&mut caches, &toy, "before left"), (0, vec![]));
        assert_eq!(followers(&mut caches, &toy, "other"), (0, vec![]));
        assert_eq!(followers(&mut caches, &toy, "right"), (0, vec![]));
        assert_eq!(followers(&mut caches, &toy, "before"), (2, vec![" left".into()]));
    }

    #[test]
    fn ranges_hold_exactly_the_places_that_match() {
        // A small alphabet, so that contexts repeat deeply.
        let mut state = 1u32;
        let mut letters = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ["a", "b", "\n"][(state >> 24) as usize % 3]
        };
        let text: String = (0..400).map(|_| letters()).collect::<String>() + &"ab".repeat(60);
        let toy = Toy::of(&[]);
        let caches = caches(&toy, &text, &text[..100], &text[50..]);
        for end in (1..caches.text.len()).step_by(7) {
            let context = &caches.text[..end];
            let matches = Matches::new(&caches, context);
            for depth in 1..=matches.depth() {
                let wanted = &context[end - depth..];
                let expected = (depth..caches.text.len())
                    .filter(|&at| !is_border(caches.text[at]) && &caches.text[at - depth..at] == wanted)
                    .count();
                assert_eq!(matches.range(depth).len(), expected, "depth {depth} at {end}");
            }
        }
    }
}

//! Where the user edited lately, kept in step with later edits of the same text. Bounded; it knows bytes of one text,
//! no documents.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

/// Places that are remembered of one document.
const MOST: usize = 8;
/// Bytes of one; what is longer was pasted or written by a program.
const LONGEST: usize = 4096;
/// Bytes between edits that are one place.
const NEAR: usize = 80;
/// After this an edit is no longer of late.
const LATELY: Duration = Duration::from_mins(10);

/// The places of a document that were edited, the latest last.
#[derive(Clone, Debug, Default)]
pub(super) struct Edits(Vec<(Range<usize>, Instant)>);

impl Edits {
    /// `replaced` has become `new` bytes.
    pub(super) fn edit(&mut self, replaced: Range<usize>, new: usize, now: Instant) {
        let end = replaced.start + new;
        let mut place = replaced.start..end;
        self.0.retain_mut(|(known, _)| {
            if known.end + NEAR < replaced.start {
                return true;
            }
            let moved =
                |at: usize| if at >= replaced.end { at - replaced.end + end } else { at.min(replaced.start) };
            let apart = known.start > replaced.end + NEAR;
            *known = moved(known.start)..moved(known.end).max(moved(known.start));
            if !apart {
                place = place.start.min(known.start)..place.end.max(known.end);
            }
            apart
        });
        if place.len() > LONGEST {
            return;
        }
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push((place, now));
    }

    /// The text is another one.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// The places that were edited lately, each with when.
    pub(super) fn lately(&self, now: Instant) -> impl Iterator<Item = (Range<usize>, Instant)> {
        let lately = self.0.iter().filter(move |(_, at)| now.saturating_duration_since(*at) < LATELY);
        lately.cloned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn places(edits: &Edits) -> Vec<Range<usize>> {
        edits.lately(Instant::now()).map(|(place, _)| place).collect()
    }

    #[test]
    fn places_move_with_what_is_typed_before_them_and_grow_with_what_is_typed_in_them() {
        let (mut edits, now) = (Edits::default(), Instant::now());
        edits.edit(1000..1000, 3, now);
        edits.edit(1003..1003, 1, now);
        assert_eq!(places(&edits), vec![1000..1004; 1], "typing on is one place");
        edits.edit(0..10, 0, now);
        assert_eq!(places(&edits), [990..994, 0..0]);
        edits.edit(5000..5000, 7, now);
        edits.edit(991..993, 20, now);
        assert_eq!(places(&edits), [0..0, 5018..5025, 990..1012], "the latest is last");
    }

    #[test]
    fn it_is_bounded_in_number_time_and_size() {
        let (mut edits, now) = (Edits::default(), Instant::now());
        for at in 0..50 {
            edits.edit(at * 1000..at * 1000, 1, now);
        }
        assert_eq!(places(&edits).len(), MOST);
        assert_eq!(edits.lately(now + LATELY).count(), 0);
        edits.edit(100..100, LONGEST + 1, now);
        assert!(places(&edits).iter().all(|place| place.len() < LONGEST));
        edits.forget();
        assert!(places(&edits).is_empty());
    }

    proptest! {
        /// A text of marked bytes, edited at will: every place lies within the text, and new bytes lie in places.
        #[test]
        fn places_stay_within_the_text(script in proptest::collection::vec((0..3000_usize, 0..60_usize, 0..60_usize), 1..40)) {
            let (mut edits, mut length, now) = (Edits::default(), 2000_usize, Instant::now());
            for (start, removed, new) in script {
                let start = start.min(length);
                let end = (start + removed).min(length);
                edits.edit(start..end, new, now);
                length = length - (end - start) + new;
                let places = places(&edits);
                prop_assert!(places.iter().all(|place| place.start <= place.end && place.end <= length), "{places:?} {length}");
                let newest = places.last().expect("what was just edited");
                prop_assert!(newest.start <= start && start + new <= newest.end);
            }
        }
    }
}

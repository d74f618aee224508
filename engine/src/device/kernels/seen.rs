//! Which keys some rows see: any of them, and all of them. A row sees the keys `0..before` and `own`, in that order.

use std::ops::Range;

/// Keys that any of some rows sees: `0..before` and `own`, without a key in both.
pub(super) struct Union {
    pub(super) before: usize,
    pub(super) own: Range<usize>,
}

impl Union {
    pub(super) fn of(seen: &[(usize, Range<usize>)]) -> Self {
        let before = seen.iter().map(|(before, _)| *before).max().unwrap_or_default();
        let own = seen.iter().filter(|(_, own)| !own.is_empty());
        let start = own.clone().map(|(_, own)| own.start).min().unwrap_or(before).max(before);
        Self { before, own: start..own.map(|(_, own)| own.end).max().unwrap_or(start).max(start) }
    }

    pub(super) fn len(&self) -> usize {
        self.before + self.own.len()
    }

    /// A key's place among the scores.
    #[inline(always)]
    pub(super) fn place(&self, key: usize) -> usize {
        if key < self.before { key } else { key - self.own.start + self.before }
    }

    /// Makes the scores of what a row does not see −∞.
    pub(super) fn hide(&self, seen: &[(usize, Range<usize>)], scores: &mut [f32], lanes: usize) {
        let common = Common::of(seen);
        for key in (common.before..self.before).chain(self.own.clone()) {
            if common.own.contains(&key) {
                continue;
            }
            let scores = &mut scores[self.place(key) * lanes..][..lanes];
            for (score, (before, own)) in scores.iter_mut().zip(seen) {
                if key >= *before && !own.contains(&key) {
                    *score = f32::NEG_INFINITY;
                }
            }
        }
    }
}

/// Keys that all of some rows see: `0..before` and `own`.
pub(super) struct Common {
    pub(super) before: usize,
    pub(super) own: Range<usize>,
}

impl Common {
    pub(super) fn of(seen: &[(usize, Range<usize>)]) -> Self {
        let before = seen.iter().map(|(before, _)| *before).min().unwrap_or_default();
        let start = seen.iter().map(|(_, own)| own.start).max().unwrap_or_default();
        let end = seen.iter().map(|(_, own)| own.end).min().unwrap_or_default();
        Self { before, own: start..end.max(start) }
    }
}

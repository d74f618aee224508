//! Rows of which several threads write different parts.

#![allow(unsafe_code, reason = "several threads write one piece of memory side by side")]

use std::marker::PhantomData;

/// Rows of `stride` numbers, lent to several threads; each writes parts of its own.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a> {
    first: *mut f32,
    rows: usize,
    stride: usize,
    lent: PhantomData<&'a mut [f32]>,
}

// SAFETY: whoever writes through it writes parts of his own, as `part` demands.
unsafe impl Send for Columns<'_> {}
// SAFETY: as above.
unsafe impl Sync for Columns<'_> {}

impl<'a> Columns<'a> {
    /// Whole rows of `numbers`, of `stride` numbers each.
    pub(super) fn new(numbers: &'a mut [f32], stride: usize) -> Self {
        let rows = numbers.len().checked_div(stride).unwrap_or_default();
        Self { first: numbers.as_mut_ptr(), rows, stride, lent: PhantomData }
    }

    /// Numbers `from..from + count` of a row.
    ///
    /// # Safety
    /// While it is used, nobody else has a part with one of these numbers.
    #[expect(clippy::mut_from_ref, reason = "parts of several threads")]
    pub(super) unsafe fn part(&self, row: usize, from: usize, count: usize) -> &mut [f32] {
        assert!(row < self.rows && from + count <= self.stride, "a part outside");
        // SAFETY: within the numbers that it was made of, which are lent for as long; nobody else has them.
        unsafe { std::slice::from_raw_parts_mut(self.first.add(row * self.stride + from), count) }
    }
}

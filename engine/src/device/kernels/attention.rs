//! Softmax attention, row by row: no matrix of scores for all rows, no mask, nothing added up that is not seen.
//!
//! Scores stand with rows as lanes: a key's number is spread over the vectors that hold the same number of all queries, so that
//! nothing is summed across lanes, and softmax works on whole vectors. Values are then added up with their numbers as lanes.

#![allow(unsafe_code, reason = "parts of rows that several threads write")]

use std::{cell::RefCell, ops::Range};

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{
    columns::Columns,
    scores::{MOST_LANES, exponentials, score},
    seen::{Common, Union},
};

/// Rows of one head that are one piece of work.
const BLOCK: usize = 32;
/// Vectors of sums, keys by rows, that scores are computed in together: all stand in registers, of which some machines have sixteen.
const SUMS: usize = 12;
/// Rows whose values are added up together.
const ROWS: usize = 4;
/// Products below which other threads are not worth waking.
const ALONE: usize = 1 << 20;

thread_local! {
    /// Queries and scores of a block: as large as the longest context that the thread has seen.
    static ROOM: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Keys or values of all heads: head h begins at `h * stride`, its rows lie one after the other.
#[derive(Clone, Copy)]
pub struct Heads<'a> {
    /// The numbers.
    pub data: &'a [f32],
    /// Numbers from head to head.
    pub stride: usize,
    /// How many heads.
    pub count: usize,
}

impl<'a> Heads<'a> {
    /// The first `rows` rows of a head.
    fn rows(&self, head: usize, rows: usize, width: usize) -> &'a [f32] {
        let start = head * self.stride;
        self.data.get(start..start + rows * width).unwrap_or_default()
    }
}

/// `softmax(q·kᵀ / √width)·v` for each row and head.
///
/// `queries`: `[heads, rows, width]`; query head h reads key head `h / (heads / keys.count)`. Row i sees the rows
/// `0..seen[i].0` and `seen[i].1`, in that order. `out`: `[rows, heads * width]`; a row that sees nothing gets zeros, as do all if
/// not all that they see is there.
pub fn attend(
    queries: &[f32],
    keys: Heads<'_>,
    values: Heads<'_>,
    width: usize,
    seen: &[(usize, Range<usize>)],
    out: &mut [f32],
) {
    attend_on(Arch::new(), queries, keys, values, width, seen, out);
}

fn attend_on(
    arch: Arch,
    queries: &[f32],
    keys: Heads<'_>,
    values: Heads<'_>,
    width: usize,
    seen: &[(usize, Range<usize>)],
    out: &mut [f32],
) {
    let rows = seen.len();
    if rows == 0 || width == 0 || keys.count == 0 {
        return;
    }
    let heads = queries.len() / (rows * width);
    let group = (heads / keys.count).max(1);
    let blocks = rows.div_ceil(BLOCK);
    let longest = seen.iter().map(|(before, own)| own.end.max(*before)).max().unwrap_or_default();
    let there = |of: &Heads<'_>| of.data.len() >= (of.count - 1) * of.stride + longest * width;
    if values.count != keys.count || !there(&keys) || !there(&values) {
        return out.fill(0.0);
    }
    let out = Columns::new(out, heads * width);
    let work = |piece: usize| {
        let (head, first) = (piece / blocks, piece % blocks * BLOCK);
        let seen = &seen[first..rows.min(first + BLOCK)];
        let queries = &queries[(head * rows + first) * width..][..seen.len() * width];
        let keys = keys.rows(head / group, longest, width);
        let values = values.rows(head / group, longest, width);
        ROOM.with_borrow_mut(|room| {
            let block = Block { queries, keys, values, width, seen, out, first, column: head * width };
            arch.dispatch(Work { block, room });
        });
    };
    if heads * rows * longest * width <= ALONE {
        (0..heads * blocks).for_each(work);
    } else {
        (0..heads * blocks).into_par_iter().for_each(work);
    }
}

/// Some rows of one head.
struct Block<'a> {
    /// `[rows, width]`.
    queries: &'a [f32],
    /// Of all rows that there are, `[.., width]` each.
    keys: &'a [f32],
    values: &'a [f32],
    width: usize,
    seen: &'a [(usize, Range<usize>)],
    out: Columns<'a>,
    /// The first row's place in `out`, and the head's first column.
    first: usize,
    column: usize,
}

/// A block, and room for its queries and scores.
struct Work<'a> {
    block: Block<'a>,
    room: &'a mut Vec<f32>,
}

impl WithSimd for Work<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { block, room } = self;
        let tile = 2 * S::F32_LANES;
        for first in (0..block.seen.len()).step_by(tile) {
            let rows = first..block.seen.len().min(first + tile);
            if rows.len() > S::F32_LANES {
                block.tile::<S, 2, { SUMS / 2 }>(simd, rows, room);
            } else {
                block.tile::<S, 1, SUMS>(simd, rows, room);
            }
        }
    }
}

impl Block<'_> {
    /// Rows that fit `V` vectors, with `K` keys at a time.
    #[inline(always)]
    fn tile<S: Simd, const V: usize, const K: usize>(
        &self,
        simd: S,
        rows: Range<usize>,
        memory: &mut Vec<f32>,
    ) {
        let (lanes, width) = (V * S::F32_LANES, self.width);
        let seen = &self.seen[rows.clone()];
        let union = Union::of(seen);
        let room = width * lanes + union.len() * lanes;
        if memory.len() < room {
            memory.resize(room, 0.0);
        }
        let (turned, shares) = memory[..room].split_at_mut(width * lanes);
        let scale = (width as f32).powf(-0.5);
        turned.fill(0.0);
        for (lane, query) in
            self.queries[rows.start * width..rows.end * width].chunks_exact(width).enumerate()
        {
            for (numbers, number) in turned.chunks_exact_mut(lanes).zip(query) {
                numbers[lane] = number * scale;
            }
        }
        let (turned, _) = S::as_simd_f32s(turned);
        let (before, own) = shares.split_at_mut(union.before * lanes);
        for (keys, shares) in [(0..union.before, before), (union.own.clone(), own)] {
            let numbers = keys.start * width..keys.end * width;
            let (keys, values) = (&self.keys[numbers.clone()], &self.values[numbers]);
            score::<S, V, K>(simd, turned, keys, values, shares);
        }
        union.hide(seen, shares, lanes);
        let mut totals = [0.0; MOST_LANES];
        exponentials::<S, V>(simd, shares, &mut totals[..lanes]);
        let mut row = 0;
        while row < seen.len() {
            let taken = if row + ROWS <= seen.len() { ROWS } else { 1 };
            let at = Place {
                shares: shares.get(row..).unwrap_or_default(),
                lanes,
                union: &union,
                out: self.first + rows.start + row,
            };
            let (seen, totals) = (&seen[row..row + taken], &totals[row..row + taken]);
            match taken {
                ROWS => self.mix::<S, ROWS>(simd, at, seen, totals),
                _ => self.mix::<S, 1>(simd, at, seen, totals),
            }
            row += taken;
        }
    }

    /// The values of what `N` rows see, weighed by their shares.
    #[inline(always)]
    fn mix<S: Simd, const N: usize>(
        &self,
        simd: S,
        at: Place<'_>,
        seen: &[(usize, Range<usize>)],
        totals: &[f32],
    ) {
        let mut factors = [0.0; N];
        for (factor, &total) in factors.iter_mut().zip(totals) {
            // A NaN stays one.
            *factor = if total == 0.0 { 0.0 } else { 1.0 / total };
        }
        let common = Common::of(seen);
        let whole = self.width / S::F32_LANES;
        // All sums stand in registers.
        let most = if S::F32_LANES == MOST_LANES / 2 { 4 } else { 2 };
        let mut vector = 0;
        while vector < whole {
            let (left, part) = (whole - vector, vector * S::F32_LANES);
            vector += match most.min(left) {
                4 => self.columns::<S, N, 4>(simd, &at, seen, &common, &factors, part),
                2.. => self.columns::<S, N, 2>(simd, &at, seen, &common, &factors, part),
                _ => self.columns::<S, N, 1>(simd, &at, seen, &common, &factors, part),
            };
        }
        for (row, (before, own)) in seen.iter().enumerate() {
            for column in whole * S::F32_LANES..self.width {
                let mut sum = 0.0;
                for key in (0..*before).chain(own.clone()) {
                    sum += at.share(key, row) * self.values[key * self.width + column];
                }
                // SAFETY: this block's rows and columns.
                let out = unsafe { self.out.part(at.out + row, self.column + column, 1) };
                out[0] = sum * factors[row];
            }
        }
    }

    /// `V` vectors of columns from `part` on. Every number is added up in the order of its keys.
    #[inline(always)]
    fn columns<S: Simd, const N: usize, const V: usize>(
        &self,
        simd: S,
        at: &Place<'_>,
        seen: &[(usize, Range<usize>)],
        common: &Common,
        factors: &[f32; N],
        part: usize,
    ) -> usize {
        let mut sums = [[simd.splat_f32s(0.0); V]; N];
        self.together(simd, at, 0..common.before, part, &mut sums);
        for row in 0..N {
            let (before, own) = &seen[row];
            sums[row] = self.alone(simd, at, row, common.before..*before, part, sums[row]);
            sums[row] = self.alone(simd, at, row, own.start..common.own.start.min(own.end), part, sums[row]);
        }
        self.together(simd, at, common.own.clone(), part, &mut sums);
        for row in 0..N {
            let (_, own) = &seen[row];
            sums[row] = self.alone(simd, at, row, common.own.end.max(own.start)..own.end, part, sums[row]);
            // SAFETY: this block's rows and columns.
            let out = unsafe { self.out.part(at.out + row, self.column + part, V * S::F32_LANES) };
            let out = S::as_mut_simd_f32s(out).0;
            for vector in 0..V {
                out[vector] = simd.mul_f32s(sums[row][vector], simd.splat_f32s(factors[row]));
            }
        }
        V
    }

    /// Keys that all rows see.
    #[inline(always)]
    fn together<S: Simd, const N: usize, const V: usize>(
        &self,
        simd: S,
        at: &Place<'_>,
        keys: Range<usize>,
        part: usize,
        all: &mut [[S::f32s; V]; N],
    ) {
        if keys.is_empty() {
            return;
        }
        // A copy of its own, number by number: the compiler then keeps it in registers.
        let mut sums = [[simd.splat_f32s(0.0); V]; N];
        for row in 0..N {
            for vector in 0..V {
                sums[row][vector] = all[row][vector];
            }
        }
        let shares = at.shares[at.union.place(keys.start) * at.lanes..].chunks(at.lanes);
        let values = self.values[keys.start * self.width..keys.end * self.width].chunks_exact(self.width);
        for (value, shares) in values.zip(shares) {
            let value = S::as_simd_f32s(&value[part..part + V * S::F32_LANES]).0;
            let shares = &shares[..N];
            for row in 0..N {
                let share = simd.splat_f32s(shares[row]);
                for vector in 0..V {
                    sums[row][vector] = simd.mul_add_e_f32s(share, value[vector], sums[row][vector]);
                }
            }
        }
        for row in 0..N {
            for vector in 0..V {
                all[row][vector] = sums[row][vector];
            }
        }
    }

    /// Keys that one row sees.
    #[inline(always)]
    fn alone<S: Simd, const V: usize>(
        &self,
        simd: S,
        at: &Place<'_>,
        row: usize,
        keys: Range<usize>,
        part: usize,
        mut sums: [S::f32s; V],
    ) -> [S::f32s; V] {
        for key in keys {
            let value = S::as_simd_f32s(&self.values[key * self.width + part..][..V * S::F32_LANES]).0;
            let share = simd.splat_f32s(at.share(key, row));
            for vector in 0..V {
                sums[vector] = simd.mul_add_e_f32s(share, value[vector], sums[vector]);
            }
        }
        sums
    }
}

/// Where some rows' shares are, and where their sums go.
struct Place<'a> {
    /// `[keys of the union, lanes]`, from the first of the rows on.
    shares: &'a [f32],
    lanes: usize,
    union: &'a Union,
    /// The first row in the output.
    out: usize,
}

impl Place<'_> {
    #[inline(always)]
    fn share(&self, key: usize, row: usize) -> f32 {
        self.shares[self.union.place(key) * self.lanes + row]
    }
}

#[cfg(test)]
#[path = "attention_tests.rs"]
mod tests;

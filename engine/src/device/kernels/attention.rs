//! Softmax attention, row by row: no matrix of scores for all rows, no mask, nothing added up that is not seen.
//!
//! Scores stand with rows as lanes: a key's number is spread over the vectors that hold the same number of all queries, so that
//! nothing is summed across lanes, and softmax works on whole vectors. Values are then added up with their numbers as lanes.

#![allow(unsafe_code, reason = "parts of rows that several threads write")]

use std::{cell::RefCell, ops::Range};

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{columns::Columns, exp, fetch};

/// Rows of one head that are one piece of work.
const BLOCK: usize = 32;
/// Vectors of sums, keys by rows, that scores are computed in together: all stand in registers, of which some machines have sixteen.
const SUMS: usize = 12;
/// So many times as many keys further on are fetched.
const AHEAD: usize = 2;
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
    /// The first `rows` rows of a head; none if they are not there.
    fn rows(&self, head: usize, rows: usize, width: usize) -> &'a [f32] {
        let start = head * self.stride;
        self.data.get(start..start + rows * width).unwrap_or_default()
    }
}

/// `softmax(q·kᵀ / √width)·v` for each row and head.
///
/// `queries`: `[heads, rows, width]`; query head h reads key head `h / (heads / keys.count)`. Row i sees the rows
/// `0..seen[i].0` and `seen[i].1`, in that order. `out`: `[rows, heads * width]`; a row that sees nothing gets zeros.
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
            let at =
                Place { shares: &shares[row..], lanes, union: &union, out: self.first + rows.start + row };
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

/// Lanes of two of the widest vectors.
const MOST_LANES: usize = 32;

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

/// Keys that any of some rows sees: `0..before` and `own`, without a key in both.
struct Union {
    before: usize,
    own: Range<usize>,
}

impl Union {
    fn of(seen: &[(usize, Range<usize>)]) -> Self {
        let before = seen.iter().map(|(before, _)| *before).max().unwrap_or_default();
        let own = seen.iter().filter(|(_, own)| !own.is_empty());
        let start = own.clone().map(|(_, own)| own.start).min().unwrap_or(before).max(before);
        Self { before, own: start..own.map(|(_, own)| own.end).max().unwrap_or(start).max(start) }
    }

    fn len(&self) -> usize {
        self.before + self.own.len()
    }

    /// A key's place among the scores.
    #[inline(always)]
    fn place(&self, key: usize) -> usize {
        if key < self.before { key } else { key - self.own.start + self.before }
    }

    /// Makes the scores of what a row does not see −∞.
    fn hide(&self, seen: &[(usize, Range<usize>)], scores: &mut [f32], lanes: usize) {
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
struct Common {
    before: usize,
    own: Range<usize>,
}

impl Common {
    fn of(seen: &[(usize, Range<usize>)]) -> Self {
        let before = seen.iter().map(|(before, _)| *before).min().unwrap_or_default();
        let start = seen.iter().map(|(_, own)| own.start).max().unwrap_or_default();
        let end = seen.iter().map(|(_, own)| own.end).min().unwrap_or_default();
        Self { before, own: start..end.max(start) }
    }
}

/// Scores of `keys` `[.., width]`, `[.., V vectors]`; `turned`: the queries, `[width, V vectors]`. `values`, which are read next, are
/// fetched meanwhile, as are keys further on.
#[inline(always)]
fn score<S: Simd, const V: usize, const K: usize>(
    simd: S,
    turned: &[S::f32s],
    keys: &[f32],
    values: &[f32],
    scores: &mut [f32],
) {
    let width = turned.len() / V;
    let scores = S::as_mut_simd_f32s(scores).0;
    let whole = keys.len() / (K * width);
    let (many, rest) = keys.split_at(whole * K * width);
    let (of_many, of_rest) = scores.split_at_mut(whole * K * V);
    for (at, (keys, scores)) in many.chunks_exact(K * width).zip(of_many.chunks_exact_mut(K * V)).enumerate()
    {
        fetch(many, (at + AHEAD) * K * width, K * width);
        fetch(values, at * K * width, K * width);
        products::<S, V, K>(simd, turned, keys, scores);
    }
    for (key, scores) in rest.chunks_exact(width).zip(of_rest.chunks_exact_mut(V)) {
        products::<S, V, 1>(simd, turned, key, scores);
    }
}

/// The same of `K` keys, each score added up in the order of its numbers.
#[inline(always)]
fn products<S: Simd, const V: usize, const K: usize>(
    simd: S,
    turned: &[S::f32s],
    keys: &[f32],
    scores: &mut [S::f32s],
) {
    let width = turned.len() / V;
    let mut each: [&[f32]; K] = [&[]; K];
    for key in 0..K {
        // Cut alike, so that no length is looked at in the loop.
        each[key] = &keys[key * width..][..width];
    }
    let mut sums = [[simd.splat_f32s(0.0); V]; K];
    for (at, queries) in turned.chunks_exact(V).enumerate().take(width) {
        for key in 0..K {
            let number = simd.splat_f32s(each[key][at]);
            for vector in 0..V {
                sums[key][vector] = simd.mul_add_e_f32s(number, queries[vector], sums[key][vector]);
            }
        }
    }
    for key in 0..K {
        for vector in 0..V {
            scores[key * V + vector] = sums[key][vector];
        }
    }
}

/// Scores `[keys, V vectors]` to e^(score − the row's largest), and each row's sum of them.
#[inline(always)]
fn exponentials<S: Simd, const V: usize>(simd: S, scores: &mut [f32], totals: &mut [f32]) {
    let lanes = V * S::F32_LANES;
    let mut highs = [simd.splat_f32s(f32::NEG_INFINITY); V];
    for scores in S::as_simd_f32s(scores).0.chunks_exact(V) {
        for vector in 0..V {
            // What is no number is passed over: it stays one below.
            highs[vector] = simd.max_f32s(scores[vector], highs[vector]);
        }
    }
    let mut most = [0.0; MOST_LANES];
    for vector in 0..V {
        S::as_mut_simd_f32s(&mut most).0[vector] = highs[vector];
    }
    for most in &mut most {
        // Of a row that sees nothing.
        *most = if *most == f32::NEG_INFINITY { 0.0 } else { *most };
    }
    let mut sums = [simd.splat_f32s(0.0); V];
    for scores in scores.chunks_exact_mut(lanes) {
        for lane in 0..lanes {
            scores[lane] = exp(scores[lane] - most[lane]);
        }
        let shares = S::as_simd_f32s(scores).0;
        for vector in 0..V {
            sums[vector] = simd.add_f32s(sums[vector], shares[vector]);
        }
    }
    for vector in 0..V {
        S::as_mut_simd_f32s(totals).0[vector] = sums[vector];
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::tests::machines, *};

    fn number(n: usize) -> f32 {
        ((n * 7919 + 13) % 1000) as f32 / 250.0 - 2.0
    }

    /// Shape: query heads per key head, key heads, width, rows that stay, and the lengths of groups behind them.
    fn run(
        arch: Arch,
        shape: (usize, usize, usize, usize, &[usize]),
        rows: Range<usize>,
    ) -> (Vec<f32>, Vec<f64>) {
        let (group, kv, width, before, groups) = shape;
        let all = before + groups.iter().sum::<usize>();
        let capacity = all + 3;
        let store: Vec<f32> = (0..2 * kv * capacity * width).map(number).collect();
        let (keys, values) = store.split_at(kv * capacity * width);
        let mut seen = Vec::new();
        let mut start = before;
        for length in groups {
            seen.extend((0..*length).map(|_| (before, start..start + length)));
            start += length;
        }
        let seen = &seen[rows.clone()];
        let of = |data| Heads { data, stride: capacity * width, count: kv };
        let query = |head: usize, row: usize, d: usize| number(head * 31 + row * 17 + d * 3 + 5);
        let queries: Vec<f32> = (0..group * kv)
            .flat_map(|head| rows.clone().flat_map(move |row| (0..width).map(move |d| query(head, row, d))))
            .collect();
        let mut out = vec![0.0; seen.len() * group * kv * width];
        attend_on(arch, &queries, of(keys), of(values), width, seen, &mut out);
        let mut plain = Vec::new();
        for (row, (before, own)) in rows.zip(seen) {
            for head in 0..group * kv {
                let at = |data: &[f32], key: usize, d: usize| {
                    f64::from(data[((head / group) * capacity + key) * width + d])
                };
                let visible: Vec<usize> = (0..*before).chain(own.clone()).collect();
                let score = |key: usize| {
                    let dot: f64 =
                        (0..width).map(|d| f64::from(query(head, row, d)) * at(keys, key, d)).sum();
                    (dot / (width as f64).sqrt()).exp()
                };
                let total: f64 = visible.iter().map(|&key| score(key)).sum();
                for d in 0..width {
                    plain.push(visible.iter().map(|&key| score(key) / total * at(values, key, d)).sum());
                }
            }
        }
        (out, plain)
    }

    proptest! {
        #[test]
        fn it_is_attention(group in 1..4_usize, kv in 1..3_usize, width in 1..70_usize, before in 0..40_usize, spans in proptest::collection::vec(1..9_usize, 1..4)) {
            let rows = spans.iter().sum();
            for arch in machines() {
                let (out, plain) = run(arch, (group, kv, width, before, &spans), 0..rows);
                for (ours, plain) in out.iter().zip(plain) {
                    prop_assert!((f64::from(*ours) - plain).abs() < 2e-5, "{} against {}", ours, plain);
                }
            }
        }
    }

    #[test]
    fn a_row_alone_is_the_same_to_the_last_bit() {
        let shape = (2, 2, 64, 37, &[5, 16, 3][..]);
        for arch in machines() {
            let (all, _) = run(arch, shape, 0..24);
            for row in 0..24 {
                let (alone, _) = run(arch, shape, row..row + 1);
                assert_eq!(alone, all[row * 256..(row + 1) * 256], "row {row}");
            }
        }
    }

    #[test]
    fn rows_of_a_block_may_see_different_lengths() {
        let (width, rows) = (24, 11);
        let store: Vec<f32> = (0..3 * rows * width).map(number).collect();
        let (keys, rest) = store.split_at(rows * width);
        let (values, queries) = rest.split_at(rows * width);
        let of = |data| Heads { data, stride: rows * width, count: 1 };
        let run = |queries: &[f32], seen: &[(usize, Range<usize>)]| {
            let mut out = vec![0.0; queries.len()];
            attend(queries, of(keys), of(values), width, seen, &mut out);
            out
        };
        let causal: Vec<_> = (0..rows).map(|row| (0, 0..row + 1)).collect();
        let mixed: Vec<_> = (0..rows)
            .map(|row| if row % 3 == 0 { (row, row..row + 1) } else { (2, 5..6 + row / 2) })
            .collect();
        for seen in [causal, mixed] {
            let all = run(queries, &seen);
            for row in 0..rows {
                let alone = run(&queries[row * width..][..width], &seen[row..=row]);
                assert_eq!(alone, all[row * width..][..width], "row {row} of {seen:?}");
            }
        }
    }

    /// Several spans beside one context, more rows than a block has: each as if it were alone, and what is no number stays with those who
    /// see it.
    #[test]
    fn spans_of_a_batch_do_not_meet() {
        let (width, before, spans) = (64, 50, [20, 1, 30, 7, 16]);
        let all = before + spans.iter().sum::<usize>();
        let mut store: Vec<f32> = (0..3 * all * width).map(number).collect();
        let mut seen = Vec::new();
        for length in spans {
            let start = before + seen.len();
            seen.extend((0..length).map(|_| (before, start..start + length)));
        }
        let run = |store: &[f32], rows: Range<usize>| {
            let (keys, rest) = store.split_at(all * width);
            let (values, queries) = rest.split_at(all * width);
            let of = |data| Heads { data, stride: all * width, count: 1 };
            let mut out = vec![0.0; rows.len() * width];
            let queries = &queries[rows.start * width..rows.end * width];
            attend(queries, of(keys), of(values), width, &seen[rows], &mut out);
            out
        };
        let together = run(&store, 0..seen.len());
        for (at, length) in [(0, 20), (20, 1), (21, 30), (51, 7), (58, 16)] {
            assert_eq!(
                run(&store, at..at + length),
                together[at * width..][..length * width],
                "from {at} on"
            );
        }
        // A key and a value of the span of 30.
        store[(before + 25) * width] = f32::NAN;
        store[(all + before + 30) * width + 3] = f32::NAN;
        for (row, (out, sound)) in
            run(&store, 0..seen.len()).chunks(width).zip(together.chunks(width)).enumerate()
        {
            match row {
                21..51 => assert!(out.iter().all(|number| number.is_nan()), "row {row}"),
                _ => assert_eq!(out, sound, "row {row}"),
            }
        }
    }

    #[test]
    fn a_row_that_sees_nothing_is_zero() {
        let nothing = Heads { data: &[], stride: 0, count: 1 };
        let mut out = [1.0; 4];
        attend(&[1.0; 4], nothing, nothing, 4, &[(0, 0..0)], &mut out);
        assert_eq!(out, [0.0; 4]);
    }
}

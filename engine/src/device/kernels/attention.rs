//! Softmax attention, row by row: no matrix of scores, no mask, nothing computed that is not seen.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{exponentials, lanes};

/// Rows that read keys and values together.
const BLOCK: usize = 4;

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
    /// Rows `from..to` of a head; none if they are not there.
    fn rows(&self, head: usize, rows: &Range<usize>, width: usize) -> &'a [f32] {
        let start = head * self.stride;
        self.data.get(start + rows.start * width..start + rows.end * width).unwrap_or_default()
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
    let rows = seen.len();
    if rows == 0 || width == 0 || keys.count == 0 {
        return;
    }
    let heads = queries.len() / (rows * width);
    let group = (heads / keys.count).max(1);
    let arch = Arch::new();
    let longest = seen.iter().map(|(before, own)| before + own.len()).max().unwrap_or_default();
    let block = |(at, out): (usize, &mut [f32])| {
        let seen = &seen[at * BLOCK..][..out.len() / (heads * width)];
        let mut shares = vec![0.0; BLOCK * longest];
        for head in 0..heads {
            let of = |rows: &Range<usize>| {
                let head = head / group;
                (keys.rows(head, rows, width), values.rows(head, rows, width))
            };
            let row = |row: usize, own: &Range<usize>| {
                let query = &queries[(head * rows + at * BLOCK + row) * width..][..width];
                Row { query, own: of(own) }
            };
            let (start, shares) = (head * width, &mut shares[..]);
            if let (Some(common), [a, b, c, d]) = (common(seen), seen) {
                let own = [a, b, c, d]
                    .map(|(before, own)| if own.start == *before { common..own.end } else { own.clone() });
                let rows = [row(0, &own[0]), row(1, &own[1]), row(2, &own[2]), row(3, &own[3])];
                let common = of(&(0..common));
                arch.dispatch(Mix { rows, common, shares, out, start, stride: heads * width });
                continue;
            }
            for (at, (out, (before, own))) in out.chunks_exact_mut(heads * width).zip(seen).enumerate() {
                let (rows, common) = ([row(at, own)], of(&(0..*before)));
                arch.dispatch(Mix { rows, common, shares: &mut *shares, out, start, stride: 0 });
            }
        }
    };
    let blocks = BLOCK * heads * width;
    if rows > BLOCK {
        out.par_chunks_mut(blocks).enumerate().for_each(block);
    } else {
        out.chunks_mut(blocks).enumerate().for_each(block);
    }
}

/// How many of the first rows all of these see, where what each sees beyond that is one piece; `None` where it is not.
fn common(seen: &[(usize, Range<usize>)]) -> Option<usize> {
    if seen.iter().all(|(before, own)| own.start == *before) {
        return seen.iter().map(|(_, own)| own.end).min();
    }
    let first = seen.first()?.0;
    seen.iter().all(|(before, own)| *before == first && own.start != first).then_some(first)
}

/// What one row has for itself.
#[derive(Clone, Copy)]
struct Row<'a> {
    query: &'a [f32],
    /// Keys and values that it sees after the common ones.
    own: (&'a [f32], &'a [f32]),
}

/// One head of some rows that see the same rows first. Each row's sums are its own, in the same order however many rows
/// there are.
struct Mix<'a, const N: usize> {
    rows: [Row<'a>; N],
    /// Keys and values.
    common: (&'a [f32], &'a [f32]),
    /// Room for each row's share of every key.
    shares: &'a mut [f32],
    /// Row i's part begins at `start + i * stride`.
    out: &'a mut [f32],
    start: usize,
    stride: usize,
}

impl<const N: usize> WithSimd for Mix<'_, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { rows, common, shares: mut room, out, start, stride } = self;
        let width = rows[0].query.len();
        let seen_by_all = common.0.len() / width;
        let mut shares: [&mut [f32]; N] = std::array::from_fn(|_| Default::default());
        let mut queries: [&[f32]; N] = [&[]; N];
        for row in 0..N {
            let (own, rest) = room.split_at_mut(seen_by_all + rows[row].own.0.len() / width);
            (shares[row], room) = (own, rest);
            queries[row] = rows[row].query;
        }
        score(simd, &queries, common.0, &mut shares, 0);
        let mut factors = [0.0; N];
        for row in 0..N {
            score(simd, &[rows[row].query], rows[row].own.0, &mut [&mut *shares[row]], seen_by_all);
            let most = most(simd, shares[row]);
            let total = exponentials(simd, shares[row], most);
            factors[row] = if total > 0.0 { 1.0 / total } else { 0.0 };
        }
        let whole = S::as_simd_f32s(rows[0].query).0.len();
        let mut weights: [&[f32]; N] = [&[]; N];
        for (weights, shares) in weights.iter_mut().zip(shares) {
            *weights = shares;
        }
        let shares = weights;
        // Two vectors of every row at a time: sixteen registers hold all sums, and each share is spread once for both.
        for at in (0..whole).step_by(2) {
            if at + 1 < whole {
                mix::<S, N, 2>(simd, at, &rows, common.1, &shares, &factors, &mut out[start..], stride);
            } else {
                mix::<S, N, 1>(simd, at, &rows, common.1, &shares, &factors, &mut out[start..], stride);
            }
        }
        let rest = S::as_simd_f32s(rows[0].query).1.len();
        for row in 0..N {
            let values = [common.1, rows[row].own.1];
            for at in width - rest..width {
                let mut sum = 0.0;
                let mut left = shares[row];
                for values in values {
                    for value in values.chunks_exact(width) {
                        sum += left[0] * value[at];
                        left = &left[1..];
                    }
                }
                out[start + row * stride + at] = sum * factors[row];
            }
        }
    }
}

/// Keys whose products with a row are kept as vectors, until all are summed at once.
const KEYS: usize = lanes::VECTORS;
/// Of these, how many are computed together: with four rows, all sums stand in registers.
const TOGETHER: usize = 4;

/// The scores of some keys for each row, put into its shares from `first` on.
#[inline(always)]
fn score<S: Simd, const N: usize>(
    simd: S,
    queries: &[&[f32]; N],
    keys: &[f32],
    shares: &mut [&mut [f32]; N],
    first: usize,
) {
    let width = queries[0].len();
    let scale = (width as f32).powf(-0.5);
    let whole = S::as_simd_f32s(queries[0]).0.len();
    let mut rows: [&[S::f32s]; N] = [&[]; N];
    for row in 0..N {
        // Cut alike, so that no length is looked at in the loop.
        rows[row] = &S::as_simd_f32s(queries[row]).0[..whole];
    }
    let mut products = [[simd.splat_f32s(0.0); KEYS]; N];
    for (at, keys) in keys.chunks(KEYS * width).enumerate() {
        for (part, keys) in keys.chunks(TOGETHER * width).enumerate() {
            let mut vectors: [&[S::f32s]; TOGETHER] = [&[]; TOGETHER];
            let count = keys.len() / width;
            for (key, vectors) in vectors.iter_mut().enumerate() {
                // What is missing at the end is computed again instead, and not looked at.
                *vectors = &S::as_simd_f32s(&keys[key.min(count - 1) * width..][..width]).0[..whole];
            }
            let mut sums = [[simd.splat_f32s(0.0); TOGETHER]; N];
            for at in 0..whole {
                for row in 0..N {
                    for key in 0..TOGETHER {
                        sums[row][key] = simd.mul_add_e_f32s(rows[row][at], vectors[key][at], sums[row][key]);
                    }
                }
            }
            for row in 0..N {
                for key in 0..TOGETHER {
                    products[row][part * TOGETHER + key] = sums[row][key];
                }
            }
        }
        let count = keys.len() / width;
        for row in 0..N {
            let mut sums = lanes::sums(simd, &products[row]);
            let rest = S::as_simd_f32s(queries[row]).1;
            if !rest.is_empty() {
                for key in 0..count {
                    for (a, b) in rest.iter().zip(&keys[key * width..][width - rest.len()..]) {
                        sums[key] += a * b;
                    }
                }
            }
            let shares = &mut shares[row][first + at * KEYS..][..count];
            for (share, sum) in shares.iter_mut().zip(sums) {
                *share = sum * scale;
            }
        }
    }
}

/// The largest; what is no number is passed over.
#[inline(always)]
fn most<S: Simd>(simd: S, numbers: &[f32]) -> f32 {
    let (whole, rest) = S::as_simd_f32s(numbers);
    let mut highs = simd.splat_f32s(f32::NEG_INFINITY);
    for &part in whole {
        highs = simd.max_f32s(part, highs);
    }
    let mut most = simd.reduce_max_f32s(highs);
    for &number in rest {
        if number > most {
            most = number;
        }
    }
    most
}

/// The values of all keys, weighed by each row's shares: `V` vectors of the output from the vector `at` on.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "parts of one loop")]
fn mix<S: Simd, const N: usize, const V: usize>(
    simd: S,
    at: usize,
    rows: &[Row<'_>; N],
    common: &[f32],
    shares: &[&[f32]; N],
    factors: &[f32; N],
    out: &mut [f32],
    stride: usize,
) {
    let width = rows[0].query.len();
    let mut sums = [[simd.splat_f32s(0.0); V]; N];
    let count = common.len() / width;
    let mut of_common: [&[f32]; N] = [&[]; N];
    for row in 0..N {
        of_common[row] = &shares[row][..count];
    }
    for key in 0..count {
        let value = &S::as_simd_f32s(&common[key * width..][..width]).0[at..at + V];
        for row in 0..N {
            let share = simd.splat_f32s(of_common[row][key]);
            for part in 0..V {
                sums[row][part] = simd.mul_add_e_f32s(share, value[part], sums[row][part]);
            }
        }
    }
    for row in 0..N {
        for (value, &share) in rows[row].own.1.chunks_exact(width).zip(&shares[row][count..]) {
            let (value, share) = (&S::as_simd_f32s(value).0[at..at + V], simd.splat_f32s(share));
            for part in 0..V {
                sums[row][part] = simd.mul_add_e_f32s(share, value[part], sums[row][part]);
            }
        }
        let own = S::as_mut_simd_f32s(&mut out[row * stride..][..width]).0;
        for part in 0..V {
            own[at + part] = simd.mul_f32s(sums[row][part], simd.splat_f32s(factors[row]));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(n: usize) -> f32 {
        ((n * 7919 + 13) % 1000) as f32 / 250.0 - 2.0
    }

    /// Shape: query heads per key head, key heads, width, rows that stay, and the lengths of groups behind them.
    fn run(shape: (usize, usize, usize, usize, &[usize]), rows: Range<usize>) -> (Vec<f32>, Vec<f64>) {
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
        attend(&queries, of(keys), of(values), width, seen, &mut out);
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
            let (out, plain) = run((group, kv, width, before, &spans), 0..rows);
            for (ours, plain) in out.iter().zip(plain) {
                prop_assert!((f64::from(*ours) - plain).abs() < 2e-5, "{} against {}", ours, plain);
            }
        }
    }

    #[test]
    fn a_row_alone_is_the_same_to_the_last_bit() {
        let shape = (2, 2, 64, 37, &[5, 16, 3][..]);
        let (all, _) = run(shape, 0..24);
        for row in 0..24 {
            let (alone, _) = run(shape, row..row + 1);
            assert_eq!(alone, all[row * 256..(row + 1) * 256], "row {row}");
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

    #[test]
    fn a_row_that_sees_nothing_is_zero() {
        let nothing = Heads { data: &[], stride: 0, count: 1 };
        let mut out = [1.0; 4];
        attend(&[1.0; 4], nothing, nothing, 4, &[(0, 0..0)], &mut out);
        assert_eq!(out, [0.0; 4]);
    }
}

//! Attention against its formula, and each row against itself alone.

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
                let dot: f64 = (0..width).map(|d| f64::from(query(head, row, d)) * at(keys, key, d)).sum();
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
    let mixed: Vec<_> =
        (0..rows).map(|row| if row % 3 == 0 { (row, row..row + 1) } else { (2, 5..6 + row / 2) }).collect();
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
        assert_eq!(run(&store, at..at + length), together[at * width..][..length * width], "from {at} on");
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
    for (rows, seen) in [(1, 0), (7, 0), (1, 1)] {
        let mut out = vec![1.0; rows * 4];
        attend(&vec![1.0; rows * 4], nothing, nothing, 4, &vec![(0, 0..seen); rows], &mut out);
        assert_eq!(out, vec![0.0; rows * 4], "{rows} rows see {seen} keys, of which none is there");
    }
}

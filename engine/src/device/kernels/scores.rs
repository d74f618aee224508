//! Scores of queries and keys, with rows as lanes, and their softmax: nothing is summed across lanes.

use pulp::Simd;

use super::{exp, fetch};

/// Lanes of two of the widest vectors.
pub(super) const MOST_LANES: usize = 32;
/// So many times as many keys further on are fetched.
const AHEAD: usize = 2;

/// Scores of `keys` `[.., width]`, `[.., V vectors]`; `turned`: the queries, `[width, V vectors]`. `values`, which are read next, are
/// fetched meanwhile, as are keys further on.
#[inline(always)]
pub(super) fn score<S: Simd, const V: usize, const K: usize>(
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
pub(super) fn exponentials<S: Simd, const V: usize>(simd: S, scores: &mut [f32], totals: &mut [f32]) {
    let lanes = V * S::F32_LANES;
    let mut highs = [simd.splat_f32s(f32::NEG_INFINITY); V];
    for scores in S::as_simd_f32s(scores).0.chunks_exact(V) {
        for vector in 0..V {
            // What is no number is passed over: it stays one below.
            highs[vector] = simd.max_f32s(scores[vector], highs[vector]);
        }
    }
    let mut most = [0.0; MOST_LANES];
    S::as_mut_simd_f32s(&mut most).0[..V].copy_from_slice(&highs);
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
    S::as_mut_simd_f32s(totals).0[..V].copy_from_slice(&sums);
}

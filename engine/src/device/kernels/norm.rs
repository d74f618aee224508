//! RMSNorm (Zhang and Sennrich, 2019): x / √(mean x² + ε) × weights, each row by itself.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::dot;

/// Numbers below which other threads are not worth waking.
const ALONE: usize = 1 << 16;

/// `input` `[rows, width]`, each row normed by `weights` `[width]`. `None` if it is not whole rows.
#[must_use]
pub fn normed(input: &[f32], weights: &[f32], eps: f32) -> Option<Vec<f32>> {
    let width = weights.len();
    if width == 0 || !input.len().is_multiple_of(width) {
        return None;
    }
    let arch = Arch::new();
    let mut out = vec![0.0; input.len()];
    let row = |(out, row): (&mut [f32], &[f32])| arch.dispatch(Norm { row, weights, eps, out });
    if input.len() <= ALONE {
        out.chunks_exact_mut(width).zip(input.chunks_exact(width)).for_each(row);
    } else {
        out.par_chunks_exact_mut(width).zip(input.par_chunks_exact(width)).with_min_len(16).for_each(row);
    }
    Some(out)
}

/// One row, into `out`.
pub(super) struct Norm<'a> {
    pub(super) row: &'a [f32],
    pub(super) weights: &'a [f32],
    pub(super) eps: f32,
    pub(super) out: &'a mut [f32],
}

impl WithSimd for Norm<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        norm(simd, self.row, self.weights, self.eps, self.out);
    }
}

#[inline(always)]
pub(super) fn norm<S: Simd>(simd: S, row: &[f32], weights: &[f32], eps: f32, out: &mut [f32]) {
    let mean = dot(simd, row, row) / row.len() as f32;
    let factor = 1.0 / (mean + eps).sqrt();
    for ((out, &number), &weight) in out.iter_mut().zip(row).zip(weights) {
        *out = number * factor * weight;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_formula(rows in 0..5_usize, width in 1..90_usize, scale in 0.01_f32..100.0) {
            let input: Vec<f32> = (0..rows * width).map(|n| (((n * 104_729) % 2001) as f32 / 1000.0 - 0.9) * scale).collect();
            let weights: Vec<f32> = (0..width).map(|n| 0.5 + n as f32 / 100.0).collect();
            let ours = normed(&input, &weights, 1e-6).unwrap();
            for (row, ours) in input.chunks_exact(width).zip(ours.chunks_exact(width)) {
                let mean = row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / width as f64;
                for ((&x, &weight), &ours) in row.iter().zip(&weights).zip(ours) {
                    let expected = f64::from(x) / (mean + 1e-6).sqrt() * f64::from(weight);
                    prop_assert!((f64::from(ours) - expected).abs() <= 2e-6 * expected.abs() + 1e-9, "{ours} for {expected}");
                }
            }
        }
    }

    #[test]
    fn a_row_alone_is_the_same_to_the_last_bit_and_wrong_sizes_are_refused() {
        let (width, rows) = (96, 800);
        let input: Vec<f32> = (0..rows * width).map(|n| ((n * 7919) % 1013) as f32 / 500.0 - 1.0).collect();
        let weights = vec![0.7; width];
        let all = normed(&input, &weights, 1e-5).unwrap();
        for (row, ours) in input.chunks_exact(width).zip(all.chunks_exact(width)) {
            assert_eq!(normed(row, &weights, 1e-5).unwrap(), ours);
        }
        assert!(normed(&[1.0; 3], &[1.0; 2], 0.0).is_none() && normed(&[], &[], 0.0).is_none());
    }
}

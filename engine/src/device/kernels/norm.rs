//! RMSNorm of a row: x / √(mean(x²) + ε) × weight (Zhang and Sennrich, Root Mean Square Layer Normalization, 2019).

use pulp::Simd;

/// What a row is normed with.
#[derive(Clone, Copy)]
pub struct Norm<'a> {
    /// One for each number of the row.
    pub weight: &'a [f32],
    /// Added under the root.
    pub eps: f32,
}

/// `row` to `out`, both of the weight's length.
#[inline(always)]
pub(super) fn norm<S: Simd>(simd: S, row: &[f32], norm: Norm<'_>, out: &mut [f32]) {
    let (whole, rest) = S::as_simd_f32s(row);
    // Four sums, so that none waits for the one before it; in the same order for every row.
    let mut sums = [simd.splat_f32s(0.0); 4];
    for parts in whole.chunks(4) {
        for (sum, &part) in sums.iter_mut().zip(parts) {
            *sum = simd.mul_add_e_f32s(part, part, *sum);
        }
    }
    let sum = simd.add_f32s(simd.add_f32s(sums[0], sums[1]), simd.add_f32s(sums[2], sums[3]));
    let mut sum = simd.reduce_sum_f32s(sum);
    for number in rest {
        sum += number * number;
    }
    let factor = 1.0 / (sum / row.len() as f32 + norm.eps).sqrt();
    for ((out, number), weight) in out.iter_mut().zip(row).zip(norm.weight) {
        *out = number * factor * weight;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulp::WithSimd;

    use super::{super::tests::machines, *};

    struct Row<'a>(&'a [f32], Norm<'a>, &'a mut [f32]);

    impl WithSimd for Row<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            norm(simd, self.0, self.1, self.2);
        }
    }

    proptest! {
        #[test]
        fn it_is_the_formula(row in prop::collection::vec(-9_f32..9.0, 1..150)) {
            let weight: Vec<f32> = (0..row.len()).map(|at| 0.5 + (at % 7) as f32 / 4.0).collect();
            let mean = row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / row.len() as f64;
            for machine in machines() {
                let mut ours = vec![0.0; row.len()];
                machine.dispatch(Row(&row, Norm { weight: &weight, eps: 1e-6 }, &mut ours));
                for (at, ours) in ours.iter().enumerate() {
                    let expected = f64::from(row[at]) / (mean + 1e-6).sqrt() * f64::from(weight[at]);
                    prop_assert!((f64::from(*ours) - expected).abs() <= 1e-6 * expected.abs() + 1e-12, "{ours} for {expected}");
                }
            }
        }
    }
}

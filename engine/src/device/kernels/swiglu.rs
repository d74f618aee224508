//! The gate of a SwiGLU: silu(gate) × up, in one pass over the product of both matrices.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::exp;

/// Numbers of one piece of work.
const PIECE: usize = 8192;

/// `both` `[rows, 2 width]`, gate then up, to `[rows, width]`. `None` if it is not whole rows.
#[must_use]
pub fn gated(both: &[f32], width: usize) -> Option<Vec<f32>> {
    if width == 0 || !both.len().is_multiple_of(2 * width) {
        return None;
    }
    let arch = Arch::new();
    let mut out = vec![0.0; both.len() / 2];
    let rows = out.par_chunks_exact_mut(width).zip(both.par_chunks_exact(2 * width));
    rows.with_min_len(PIECE.div_ceil(width)).for_each(|(out, both)| {
        arch.dispatch(Row { out, both });
    });
    Some(out)
}

struct Row<'a> {
    out: &'a mut [f32],
    both: &'a [f32],
}

impl WithSimd for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        gate(self.both, self.out);
    }
}

/// One row: gate, then up, of which each has as many numbers as `out`.
#[inline(always)]
pub(super) fn gate(both: &[f32], out: &mut [f32]) {
    let (gate, up) = both.split_at(out.len());
    for ((out, &gate), &up) in out.iter_mut().zip(gate).zip(up) {
        // Of numbers that are not positive, so that nothing overflows. A NaN stays one, by the factor.
        let small = exp(-gate.abs());
        let share = if gate < 0.0 { small } else { 1.0 } / (1.0 + small);
        *out = gate * share * up;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_formula(rows in 0..4_usize, width in 1..70_usize, scale in 0.1_f32..40.0) {
            let both: Vec<f32> = (0..rows * 2 * width).map(|n| (((n * 104_729) % 2001) as f32 / 1000.0 - 1.0) * scale).collect();
            let ours = gated(&both, width).unwrap();
            for (row, both) in ours.chunks_exact(width).zip(both.chunks_exact(2 * width)) {
                for (at, ours) in row.iter().enumerate() {
                    let (gate, up) = (f64::from(both[at]), f64::from(both[width + at]));
                    let expected = gate / (1.0 + (-gate).exp()) * up;
                    prop_assert!((f64::from(*ours) - expected).abs() <= 1e-6 * expected.abs() + 1e-30, "{ours} for {expected}");
                }
            }
        }
    }

    #[test]
    fn extremes_do_not_overflow_and_what_is_no_number_stays_so() {
        assert_eq!(gated(&[1e30, -1e30, 0.0, 2.0, 2.0, 2.0], 3).unwrap(), [2e30, 0.0, 0.0]);
        assert!(gated(&[f32::NAN, 1.0], 1).unwrap()[0].is_nan());
        assert!(gated(&[1.0; 3], 1).is_none() && gated(&[], 0).is_none());
    }
}

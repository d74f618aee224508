//! Rows on their way into an int8 product: each rounded to eight bits by itself.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// 1.5·2²³: adding it rounds to a whole number, which then stands in the lowest bits.
const WHOLE: f32 = 12_582_912.0;
/// Numbers below which other threads are not worth waking.
const ALONE: usize = 1 << 15;

/// Rows as bytes.
pub(super) struct Rounded {
    /// Each row's, `length` of them.
    pub(super) bytes: Vec<u8>,
    /// Each row's scale and zero.
    pub(super) steps: Vec<(f32, i32)>,
}

/// A row, where its bytes go, and where its scale and zero.
type Line<'a> = ((&'a [f32], &'a mut [u8]), &'a mut (f32, i32));

/// Rounds `input`, rows of `width`, to `0..=largest`; each takes `length` bytes, the last of which may be none of its own. `None`
/// if it is not whole rows.
pub(super) fn rounded(input: &[f32], width: usize, length: usize, largest: f32) -> Option<Rounded> {
    if !input.len().is_multiple_of(width) {
        return None;
    }
    let (rows, arch) = (input.len() / width, Arch::new());
    let mut bytes = vec![0; rows * length];
    let mut steps = vec![(0.0, 0); rows];
    let round = |((row, bytes), step): Line<'_>| {
        *step = arch.dispatch(Round { row, largest, rounded: &mut bytes[..width] });
    };
    if input.len() <= ALONE {
        input.chunks_exact(width).zip(bytes.chunks_exact_mut(length)).zip(&mut steps).for_each(round);
    } else {
        let rows = input.par_chunks_exact(width).zip(bytes.par_chunks_exact_mut(length)).zip(&mut steps);
        rows.with_min_len(16).for_each(round);
    }
    Some(Rounded { bytes, steps })
}

/// One row.
pub(super) struct Round<'a> {
    pub(super) row: &'a [f32],
    pub(super) largest: f32,
    pub(super) rounded: &'a mut [u8],
}

impl WithSimd for Round<'_> {
    /// Scale and zero.
    type Output = (f32, i32);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> (f32, i32) {
        round(simd, self.row, self.largest, self.rounded)
    }
}

/// Rounds a row to `0..=largest`; value = (rounded − zero) × scale. Zero is exact, so that what is masked stays so.
#[inline(always)]
fn round<S: Simd>(simd: S, row: &[f32], largest: f32, into: &mut [u8]) -> (f32, i32) {
    let (whole, rest) = S::as_simd_f32s(row);
    let nothing = simd.splat_f32s(0.0);
    let (mut lows, mut highs, mut faults) = (nothing, nothing, nothing);
    for &part in whole {
        // 0 × x is 0, but for what is no number.
        faults = simd.mul_add_e_f32s(part, nothing, faults);
        lows = simd.min_f32s(lows, part);
        highs = simd.max_f32s(highs, part);
    }
    let (mut least, mut most) = (simd.reduce_min_f32s(lows), simd.reduce_max_f32s(highs));
    let mut fault = simd.reduce_sum_f32s(faults);
    for &number in rest {
        fault += 0.0 * number;
        least = least.min(number);
        most = most.max(number);
    }
    if fault.is_nan() {
        // Whole numbers have no NaN: the scale carries it on.
        into.fill(0);
        return (f32::NAN, 0);
    }
    let scale = ((most - least) / largest).max(f32::MIN_POSITIVE);
    let (inverse, zero) = (1.0 / scale, (-least / scale).round_ties_even());
    for (rounded, number) in into.iter_mut().zip(row) {
        let place = number * inverse + zero;
        let place = if place < 0.0 { 0.0 } else { place };
        let place = if place > largest { largest } else { place };
        // Rounds to even, and then the lowest byte is it: what is a conversion elsewhere is an addition here.
        *rounded = (place + WHOLE).to_bits() as u8;
    }
    (scale, zero as i32)
}

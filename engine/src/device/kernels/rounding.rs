//! Rows on their way into an int8 product: each made of what stands before the product, and rounded to eight bits by itself.

use std::cell::RefCell;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{
    norm::{Norm, norm},
    swiglu::gate,
};

/// 1.5·2²³: adding it rounds to a whole number, which then stands in the lowest bits.
const WHOLE: f32 = 12_582_912.0;
/// Numbers below which other threads are not worth waking.
const ALONE: usize = 1 << 15;

thread_local! {
    /// One row before it is rounded.
    static ROW: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// What is multiplied: rows of the matrix' width, made of others.
#[derive(Clone, Copy)]
pub enum Rows<'a> {
    /// As they are.
    Plain(&'a [f32]),
    /// Each normed.
    Normed(&'a [f32], Norm<'a>),
    /// Of rows twice as wide, gate and then up: silu(gate) × up.
    Gated(&'a [f32]),
}

impl<'a> Rows<'a> {
    /// The numbers that they are made of, and how many are a row.
    fn numbers(&self, width: usize) -> (&'a [f32], usize) {
        match *self {
            Rows::Plain(numbers) | Rows::Normed(numbers, _) => (numbers, width),
            Rows::Gated(numbers) => (numbers, 2 * width),
        }
    }
}

/// Rows as bytes; memory that one product after the other uses.
#[derive(Default)]
pub struct Rounded {
    /// Each row's, as many as were asked for.
    pub(super) bytes: Vec<u8>,
    /// Each row's scale and zero.
    pub(super) steps: Vec<(f32, i32)>,
}

impl Rounded {
    /// Rounds rows of `width` to `0..=largest`; each takes `length` bytes, the last of which may be none of its own. `None` if they are
    /// not whole.
    pub(super) fn fill(&mut self, rows: Rows<'_>, width: usize, length: usize, largest: f32) -> Option<()> {
        let (numbers, stride) = rows.numbers(width);
        let wrong_norm = matches!(rows, Rows::Normed(_, norm) if norm.weight.len() != width);
        if wrong_norm || stride == 0 || !numbers.len().is_multiple_of(stride) {
            return None;
        }
        let arch = Arch::new();
        let count = numbers.len() / stride;
        self.bytes.resize(count * length, 0);
        self.steps.resize(count, (0.0, 0));
        let round = |((numbers, bytes), step): ((&[f32], &mut [u8]), &mut (f32, i32))| {
            ROW.with_borrow_mut(|room| {
                room.resize(width, 0.0);
                *step = arch.dispatch(Line { numbers, rows, room, largest, bytes: &mut bytes[..width] });
            });
        };
        if numbers.len() <= ALONE {
            let bytes = self.bytes.chunks_exact_mut(length);
            numbers.chunks_exact(stride).zip(bytes).zip(&mut self.steps).for_each(round);
        } else {
            let bytes = self.bytes.par_chunks_exact_mut(length);
            let rows = numbers.par_chunks_exact(stride).zip(bytes).zip(&mut self.steps);
            rows.with_min_len(ALONE.div_ceil(4 * stride)).for_each(round);
        }
        Some(())
    }
}

/// One row.
struct Line<'a> {
    numbers: &'a [f32],
    rows: Rows<'a>,
    /// As wide as the row becomes.
    room: &'a mut [f32],
    largest: f32,
    bytes: &'a mut [u8],
}

impl WithSimd for Line<'_> {
    /// Scale and zero.
    type Output = (f32, i32);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> (f32, i32) {
        let Self { numbers, rows, room, largest, bytes } = self;
        match rows {
            Rows::Plain(_) => return round(simd, numbers, largest, bytes),
            Rows::Normed(_, with) => norm(simd, numbers, with, room),
            Rows::Gated(_) => gate(numbers, room),
        }
        round(simd, room, largest, bytes)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A row made on the way is rounded as the same row made before.
    #[test]
    fn what_is_joined_to_rounding_is_what_stands_alone() {
        let (rows, width) = (9, 70);
        let numbers: Vec<f32> =
            (0..rows * 2 * width).map(|n| ((n * 7919) % 997) as f32 / 100.0 - 5.0).collect();
        let weight: Vec<f32> = (0..width).map(|n| 0.5 + n as f32 / 50.0).collect();
        let bytes = |rows: Rows<'_>| {
            let mut rounded = Rounded::default();
            rounded.fill(rows, width, width, 255.0).unwrap();
            (rounded.bytes, rounded.steps)
        };
        let gated = super::super::swiglu::gated(&numbers, width).unwrap();
        assert_eq!(bytes(Rows::Gated(&numbers)), bytes(Rows::Plain(&gated)));
        let norm = Norm { weight: &weight, eps: 1e-6 };
        let together = bytes(Rows::Normed(&numbers, norm));
        for (row, (numbers, line)) in numbers.chunks(width).zip(together.0.chunks(width)).enumerate() {
            let mean = numbers.iter().map(|x| f64::from(x * x)).sum::<f64>() / width as f64;
            let (scale, zero) = together.1[row];
            for ((number, weight), &byte) in numbers.iter().zip(&weight).zip(line) {
                let normed = f64::from(*number) / (mean + 1e-6).sqrt() * f64::from(*weight);
                let back = f64::from((i32::from(byte) - zero) as f32 * scale);
                assert!((back - normed).abs() <= f64::from(scale) * 0.51, "{back} for {normed}");
            }
            let alone = bytes(Rows::Normed(numbers, norm));
            assert_eq!((&alone.0[..], &alone.1[..]), (line, &together.1[row..=row]), "row {row} alone");
        }
        let mut rounded = Rounded::default();
        assert!(rounded.fill(Rows::Gated(&numbers[1..]), width, width, 255.0).is_none());
        assert!(
            rounded
                .fill(Rows::Normed(&numbers, Norm { weight: &weight[1..], eps: 0.0 }), width, width, 255.0)
                .is_none()
        );
    }
}

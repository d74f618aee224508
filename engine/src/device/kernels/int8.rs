//! Products with int8 weights: each input row is rounded to eight bits by itself, multiplied in whole numbers, and
//! scaled back (dynamic quantisation of activations, one scale and zero point a row, one scale a weight row).

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix};
use rten_tensor::NdTensorView;

/// The widest row whose products, eight bits by eight, still add up in 32.
pub const MAX_INPUTS: usize = 1 << 16;

/// A weight matrix, packed for this machine.
pub struct Int8Matrix {
    packed: PackedBMatrix<i8>,
    /// One for each output.
    scales: Vec<f32>,
    /// Sum of each output's weights: what a row's zero point adds to its product, in units of that.
    sums: Vec<i32>,
    /// Inputs.
    width: usize,
    /// The largest rounded input. Where the machine adds products of pairs in 16 bits, two of them must fit.
    largest: f32,
}

impl Int8Matrix {
    /// From rows as stored: `rows` `[outputs, width]`; output o is `scales[o]` times its row. `None` if the sizes disagree,
    /// or `width` is not 1 to [`MAX_INPUTS`].
    #[must_use]
    pub fn new(rows: &[i8], scales: Vec<f32>, width: usize) -> Option<Self> {
        if !(1..=MAX_INPUTS).contains(&width) || scales.is_empty() || rows.len() != scales.len() * width {
            return None;
        }
        let executor = executor();
        let stored = NdTensorView::from_data([scales.len(), width], rows);
        let packed = executor.prepack_b(stored.transposed());
        let largest = if executor.may_saturate() { 127.0 } else { 255.0 };
        let sum = |row: &[i8]| row.iter().map(|&weight| i32::from(weight)).sum();
        let sums = rows.chunks_exact(width).map(sum).collect();
        Some(Self { packed, scales, sums, width, largest })
    }

    /// Outputs.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.scales.len()
    }

    /// `input` `[rows, width]` times the matrix: `[rows, outputs]`. `None` if `input` is not whole rows.
    #[must_use]
    pub fn multiply(&self, input: &[f32]) -> Option<Vec<f32>> {
        if !input.len().is_multiple_of(self.width) {
            return None;
        }
        let rows = input.len() / self.width;
        let arch = Arch::new();
        let mut rounded = vec![0_u8; input.len()];
        let lines = input.chunks_exact(self.width).zip(rounded.chunks_exact_mut(self.width));
        let steps: Vec<(f32, i32)> = lines
            .map(|(row, rounded)| arch.dispatch(Round { row, largest: self.largest, rounded }))
            .collect();
        let mut products = vec![0_i32; rows * self.outputs()];
        let view = NdTensorView::from_data([rows, self.width], &rounded[..]);
        // Zero points are taken off below: where they differ from row to row, rten-gemm 0.27 mixes them up.
        let (a, b) = (GemmInputA::Unpacked(view), GemmInputB::Packed(&self.packed));
        executor().gemm(&mut products, a, b, GemmOptions::default()).ok()?;
        let mut out = vec![0.0; products.len()];
        let lines = out.par_chunks_exact_mut(self.outputs()).zip(products.par_chunks_exact(self.outputs()));
        lines.zip(&steps).with_min_len(4).for_each(|((out, products), &step)| {
            arch.dispatch(Scale { out, products, step, sums: &self.sums, scales: &self.scales });
        });
        Some(out)
    }
}

/// The fastest kernel of this machine; always the same, so that what was packed for it fits. It may not change threads.
fn executor() -> GemmExecutor<u8, i8, i32> {
    GemmExecutor::new()
}

/// Rounds a row to `0..=largest`; value = (rounded − zero) × scale. Zero is exact, so that what is masked stays so.
struct Round<'a> {
    row: &'a [f32],
    largest: f32,
    rounded: &'a mut [u8],
}

impl WithSimd for Round<'_> {
    /// Scale and zero.
    type Output = (f32, i32);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> (f32, i32) {
        let (whole, rest) = S::as_simd_f32s(self.row);
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
            return (f32::NAN, 0);
        }
        let scale = ((most - least) / self.largest).max(f32::MIN_POSITIVE);
        let (inverse, zero) = (1.0 / scale, (-least / scale).round_ties_even());
        for (rounded, number) in self.rounded.iter_mut().zip(self.row) {
            *rounded = (number * inverse + zero).round_ties_even().clamp(0.0, self.largest) as u8;
        }
        (scale, zero as i32)
    }
}

/// Whole products as numbers: the zero point's share off, then scaled.
struct Scale<'a> {
    out: &'a mut [f32],
    products: &'a [i32],
    /// Scale and zero of the input row.
    step: (f32, i32),
    sums: &'a [i32],
    scales: &'a [f32],
}

impl WithSimd for Scale<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { out, products, step: (scale, zero), sums, scales } = self;
        for (((out, &product), &sum), own) in out.iter_mut().zip(products).zip(sums).zip(scales) {
            // Far below 2³¹: no weight and no input has more than eight bits.
            *out = product.wrapping_sub(zero.wrapping_mul(sum)) as f32 * (scale * own);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matrix(outputs: usize, width: usize) -> (Vec<i8>, Vec<f32>, Int8Matrix) {
        let rows: Vec<i8> = (0..outputs * width).map(|n| ((n * 7919 + n / 7) % 255) as i64 as i8).collect();
        let scales: Vec<f32> = (0..outputs).map(|n| 0.001 * (1 + n % 5) as f32).collect();
        let made = Int8Matrix::new(&rows, scales.clone(), width).unwrap();
        (rows, scales, made)
    }

    fn input(rows: usize, width: usize) -> Vec<f32> {
        (0..rows * width).map(|n| ((n * 104_729) % 2001) as f32 / 500.0 - 1.0).collect()
    }

    proptest! {
        #[test]
        fn it_is_the_product_of_the_rounded_numbers(rows in 0..20_usize, width in 1..90_usize, outputs in 1..70_usize) {
            let (weights, scales, made) = matrix(outputs, width);
            let input = input(rows, width);
            let ours = made.multiply(&input).unwrap();
            for (row, ours) in input.chunks_exact(width).zip(ours.chunks_exact(outputs)) {
                let mut rounded = vec![0; width];
                let (scale, zero) = Arch::new().dispatch(Round { row, largest: made.largest, rounded: &mut rounded });
                for (out, ours) in ours.iter().enumerate() {
                    let own = &weights[out * width..][..width];
                    let whole: i32 = rounded.iter().zip(own).map(|(&a, &b)| (i32::from(a) - zero) * i32::from(b)).sum();
                    prop_assert_eq!(*ours, whole as f32 * (scale * scales[out]));
                    // Half a step of rounding for each input.
                    let exact: f64 = row.iter().zip(own).map(|(&a, &b)| f64::from(a) * f64::from(b) * f64::from(scales[out])).sum();
                    let most: f64 = own.iter().map(|&b| f64::from(b).abs()).sum::<f64>() * f64::from(scales[out] * scale) * 0.51;
                    prop_assert!((f64::from(*ours) - exact).abs() <= most + 1e-4, "{} against {}", ours, exact);
                }
            }
        }
    }

    #[test]
    fn a_row_alone_is_the_same_to_the_last_bit() {
        let (_, _, made) = matrix(130, 96);
        let input = input(33, 96);
        let all = made.multiply(&input).unwrap();
        for (row, expected) in input.chunks_exact(96).zip(all.chunks_exact(130)) {
            assert_eq!(made.multiply(row).unwrap(), expected);
        }
    }

    #[test]
    fn zeros_stay_zeros_and_wrong_sizes_are_refused() {
        let (rows, scales, made) = matrix(3, 4);
        assert_eq!(made.multiply(&[0.0; 8]).unwrap(), [0.0; 6]);
        assert!(made.multiply(&[0.0; 5]).is_none());
        assert!(Int8Matrix::new(&rows[1..], scales, 4).is_none());
        assert!(Int8Matrix::new(&[], Vec::new(), 4).is_none());
        assert!(Int8Matrix::new(&[], vec![1.0], 0).is_none());
    }

    #[test]
    fn what_is_no_number_is_not_hidden_and_stays_in_its_row() {
        let (_, _, made) = matrix(3, 40);
        let sound = made.multiply(&input(1, 40)).unwrap();
        for (at, fault) in [(0, f32::NAN), (39, f32::NAN), (5, f32::INFINITY), (38, f32::NEG_INFINITY)] {
            let mut rows = [input(1, 40), input(1, 40)].concat();
            rows[at] = fault;
            let product = made.multiply(&rows).unwrap();
            assert!(product[..3].iter().all(|number| number.is_nan()), "{at}: {product:?}");
            assert_eq!(product[3..], sound, "{at}");
        }
    }

    #[test]
    fn the_widest_row_adds_up_and_a_wider_one_is_refused() {
        let largest = |width| Int8Matrix::new(&vec![127; width], vec![1.0], width);
        let product = largest(MAX_INPUTS).unwrap().multiply(&vec![2.0; MAX_INPUTS]).unwrap();
        assert!((product[0] / (2.0 * 127.0 * MAX_INPUTS as f32) - 1.0).abs() < 1e-5, "{product:?}");
        assert!(largest(MAX_INPUTS + 1).is_none());
    }
}

//! Products with int8 weights: each input row is rounded to eight bits by itself, multiplied in whole numbers, and
//! scaled back (dynamic quantisation of activations, one scale and zero point a row, one scale a weight row).

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix};
use rten_tensor::NdTensorView;

use super::panels::{PANEL, Panels, Vnni, padded};

/// The widest row whose products, eight bits by eight, still add up in 32.
pub const MAX_INPUTS: usize = 1 << 16;
/// Panels of one piece of work.
const PIECE_PANELS: usize = 4;

/// A weight matrix, laid out for this machine.
pub struct Int8Matrix {
    layout: Layout,
    /// One for each output.
    scales: Vec<f32>,
    /// Sum of each output's weights: what a row's zero point adds to its product, in units of that.
    sums: Vec<i32>,
    /// Inputs.
    width: usize,
    /// The largest rounded input. Where the machine adds products of pairs in 16 bits, two of them must fit.
    largest: f32,
}

/// What a matrix is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It is multiplied with.
    Products,
    /// Its rows are looked up.
    Rows,
    /// Both.
    Both,
}

/// How the weights lie.
enum Layout {
    /// As our own kernels read them; rows are found there too.
    Panels(Panels),
    /// As rten-gemm's kernels do, where ours have no instruction; and as stored, if rows are looked up.
    Packed(Option<PackedBMatrix<i8>>, Option<Vec<i8>>),
}

/// A matrix that is being read, row by row: beside it nothing is held.
pub struct Int8Builder {
    /// Either our own layout, or rows as stored.
    panels: Option<Panels>,
    rows: Vec<i8>,
    scales: Vec<f32>,
    sums: Vec<i32>,
    outputs: usize,
    width: usize,
    purpose: Purpose,
}

impl Int8Builder {
    /// Of `outputs` rows of `width`; `None` if there is no room for products: `width` is not 1 to [`MAX_INPUTS`].
    #[must_use]
    pub fn new(outputs: usize, width: usize, purpose: Purpose) -> Option<Self> {
        Self::on(Vnni::here().next(), outputs, width, purpose)
    }

    fn on(vnni: Option<Vnni>, outputs: usize, width: usize, purpose: Purpose) -> Option<Self> {
        if !(1..=MAX_INPUTS).contains(&width) || outputs == 0 {
            return None;
        }
        let vnni = vnni.filter(|_| purpose != Purpose::Rows);
        let panels = vnni.map(|vnni| Panels::zeros(outputs, width, vnni));
        let rows = Vec::with_capacity(if panels.is_some() { 0 } else { outputs * width });
        let (scales, sums) = (Vec::with_capacity(outputs), Vec::with_capacity(outputs));
        Some(Self { panels, rows, scales, sums, outputs, width, purpose })
    }

    /// The next rows, `[scales, width]`; output o is `scales[o]` times its row. `None` if they are too many or not whole.
    #[must_use]
    pub fn push(&mut self, rows: &[i8], scales: &[f32]) -> Option<()> {
        if rows.len() != scales.len() * self.width || self.scales.len() + scales.len() > self.outputs {
            return None;
        }
        for (row, &scale) in rows.chunks_exact(self.width).zip(scales) {
            match &mut self.panels {
                Some(panels) => panels.set(self.scales.len(), row),
                None => self.rows.extend_from_slice(row),
            }
            self.sums.push(row.iter().map(|&weight| i32::from(weight)).sum());
            self.scales.push(scale);
        }
        Some(())
    }

    /// The matrix; `None` if rows are missing.
    #[must_use]
    pub fn finish(self) -> Option<Int8Matrix> {
        let Self { panels, rows, scales, sums, outputs, width, purpose } = self;
        if scales.len() != outputs {
            return None;
        }
        let mut largest = 255.0;
        let layout = match panels {
            Some(panels) => Layout::Panels(panels),
            None => {
                let executor = executor();
                if executor.may_saturate() {
                    largest = 127.0;
                }
                let stored = NdTensorView::from_data([outputs, width], &rows[..]);
                let packed = (purpose != Purpose::Rows).then(|| executor.prepack_b(stored.transposed()));
                Layout::Packed(packed, (purpose != Purpose::Products).then_some(rows))
            }
        };
        Some(Int8Matrix { layout, scales, sums, width, largest })
    }
}

impl Int8Matrix {
    /// From rows as stored, all at once; see [`Int8Builder`].
    #[must_use]
    pub fn new(rows: &[i8], scales: &[f32], width: usize, purpose: Purpose) -> Option<Self> {
        let mut builder = Int8Builder::new(scales.len(), width, purpose)?;
        builder.push(rows, scales)?;
        builder.finish()
    }

    /// Outputs.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.scales.len()
    }

    /// Whether a matrix for [`Purpose::Both`] is held twice on this machine.
    #[must_use]
    pub fn holds_twice() -> bool {
        Vnni::here().next().is_none()
    }

    /// Appends the weights of `output`, as numbers. `None` if there is no such output, or it was not made for that.
    #[must_use]
    pub fn look_up(&self, output: usize, into: &mut Vec<f32>) -> Option<()> {
        let scale = self.scales.get(output)?;
        match &self.layout {
            Layout::Panels(panels) => into.extend(panels.row(output).map(|weight| f32::from(weight) * scale)),
            Layout::Packed(_, rows) => {
                let row = rows.as_ref()?.get(output * self.width..)?.get(..self.width)?;
                into.extend(row.iter().map(|&weight| f32::from(weight) * scale));
            }
        }
        Some(())
    }

    /// `input` `[rows, width]` times the matrix: `[rows, outputs]`. `None` if `input` is not whole rows.
    #[must_use]
    pub fn multiply(&self, input: &[f32]) -> Option<Vec<f32>> {
        if !input.len().is_multiple_of(self.width) {
            return None;
        }
        let arch = Arch::new();
        let rows = input.len() / self.width;
        let length = match self.layout {
            Layout::Panels(_) => padded(self.width),
            Layout::Packed(..) => self.width,
        };
        let mut rounded = vec![0_u8; rows * length];
        let steps: Vec<(f32, i32)> = input
            .par_chunks_exact(self.width)
            .zip(rounded.par_chunks_exact_mut(length))
            .with_min_len(16)
            .map(|(row, rounded)| {
                arch.dispatch(Round { row, largest: self.largest, rounded: &mut rounded[..self.width] })
            })
            .collect();
        match &self.layout {
            Layout::Panels(panels) => Some(self.by_panels(panels, &rounded, &steps)),
            Layout::Packed(packed, _) => self.by_packed(packed.as_ref()?, &rounded, &steps),
        }
    }

    /// Each piece of work is some panels' columns of every row.
    fn by_panels(&self, panels: &Panels, rounded: &[u8], steps: &[(f32, i32)]) -> Vec<f32> {
        let (arch, columns) = (Arch::new(), PIECE_PANELS * PANEL);
        let mut out = vec![0.0; steps.len() * self.outputs()];
        let mut pieces: Vec<Vec<&mut [f32]>> = Vec::new();
        pieces.resize_with(self.outputs().div_ceil(columns), || Vec::with_capacity(steps.len()));
        for row in out.chunks_exact_mut(self.outputs()) {
            for (piece, part) in pieces.iter_mut().zip(row.chunks_mut(columns)) {
                piece.push(part);
            }
        }
        let work = |(piece, mut out): (usize, Vec<&mut [f32]>)| {
            let mut products = [[0; PANEL]; 8];
            let width = out.first().map_or(0, |part| part.len());
            for column in (0..width).step_by(PANEL) {
                let first = piece * columns + column;
                let some = first..(first + PANEL).min(self.outputs());
                let (sums, scales) = (&self.sums[some.clone()], &self.scales[some]);
                let mut row = 0;
                while row < out.len() {
                    let taken =
                        panels.tile(first / PANEL, &rounded[row * padded(self.width)..], &mut products);
                    for (products, row) in products.iter().take(taken).zip(row..) {
                        let out = &mut out[row][column..][..sums.len()];
                        arch.dispatch(Scale { out, products, step: steps[row], sums, scales });
                    }
                    row += taken;
                }
            }
        };
        pieces.into_par_iter().enumerate().for_each(work);
        out
    }

    fn by_packed(
        &self,
        packed: &PackedBMatrix<i8>,
        rounded: &[u8],
        steps: &[(f32, i32)],
    ) -> Option<Vec<f32>> {
        let arch = Arch::new();
        let mut products = vec![0_i32; steps.len() * self.outputs()];
        let view = NdTensorView::from_data([steps.len(), self.width], rounded);
        // Zero points are taken off below: where they differ from row to row, rten-gemm 0.27 mixes them up.
        let (a, b) = (GemmInputA::Unpacked(view), GemmInputB::Packed(packed));
        executor().gemm(&mut products, a, b, GemmOptions::default()).ok()?;
        let mut out = vec![0.0; products.len()];
        let lines = out.par_chunks_exact_mut(self.outputs()).zip(products.par_chunks_exact(self.outputs()));
        lines.zip(steps).with_min_len(4).for_each(|((out, products), &step)| {
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

    /// Of each layout that this machine can have, one.
    fn layouts(rows: &[i8], scales: &[f32], width: usize, purpose: Purpose) -> Vec<Int8Matrix> {
        let made = |vnni| {
            let mut builder = Int8Builder::on(vnni, scales.len(), width, purpose).unwrap();
            // In two parts.
            let half = scales.len() / 2;
            builder.push(&rows[..half * width], &scales[..half]).unwrap();
            builder.push(&rows[half * width..], &scales[half..]).unwrap();
            builder.finish().unwrap()
        };
        Vnni::here().map(Some).chain([None]).map(made).collect()
    }

    fn matrices(outputs: usize, width: usize) -> (Vec<i8>, Vec<f32>, Vec<Int8Matrix>) {
        let rows: Vec<i8> = (0..outputs * width).map(|n| ((n * 7919 + n / 7) % 255) as i64 as i8).collect();
        let scales: Vec<f32> = (0..outputs).map(|n| 0.001 * (1 + n % 5) as f32).collect();
        let made = layouts(&rows, &scales, width, Purpose::Both);
        (rows, scales, made)
    }

    fn input(rows: usize, width: usize) -> Vec<f32> {
        (0..rows * width).map(|n| ((n * 104_729) % 2001) as f32 / 500.0 - 1.0).collect()
    }

    proptest! {
        #[test]
        fn it_is_the_product_of_the_rounded_numbers(rows in 0..20_usize, width in 1..90_usize, outputs in 1..70_usize) {
            let (weights, scales, all) = matrices(outputs, width);
            for made in all {
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
            for (output, scale) in scales.iter().enumerate() {
                let mut row = Vec::new();
                made.look_up(output, &mut row).unwrap();
                let expected = weights[output * width..][..width].iter().map(|&weight| f32::from(weight) * scale);
                prop_assert_eq!(row, expected.collect::<Vec<f32>>());
            }
            prop_assert!(made.look_up(outputs, &mut Vec::new()).is_none());
            }
        }
    }

    #[test]
    fn a_row_alone_is_the_same_to_the_last_bit() {
        for made in matrices(130, 96).2 {
            let input = input(33, 96);
            let all = made.multiply(&input).unwrap();
            for (row, expected) in input.chunks_exact(96).zip(all.chunks_exact(130)) {
                assert_eq!(made.multiply(row).unwrap(), expected);
            }
        }
    }

    #[test]
    fn zeros_stay_zeros_and_wrong_sizes_are_refused() {
        let (rows, scales, all) = matrices(3, 4);
        for made in all {
            assert_eq!(made.multiply(&[0.0; 8]).unwrap(), [0.0; 6]);
            assert!(made.multiply(&[0.0; 5]).is_none());
        }
        for purpose in [Purpose::Products, Purpose::Rows, Purpose::Both] {
            assert!(Int8Matrix::new(&rows[1..], &scales, 4, purpose).is_none());
            assert!(Int8Matrix::new(&[], &[], 4, purpose).is_none());
            assert!(Int8Matrix::new(&[], &[1.0], 0, purpose).is_none());
        }
        let mut builder = Int8Builder::new(2, 4, Purpose::Both).unwrap();
        assert!(builder.push(&rows, &scales).is_none(), "more than announced");
        builder.push(&rows[..4], &scales[..1]).unwrap();
        assert!(builder.finish().is_none(), "fewer than announced");
    }

    #[test]
    fn a_matrix_of_rows_is_not_multiplied_with() {
        let (rows, scales, _) = matrices(3, 4);
        for made in layouts(&rows, &scales, 4, Purpose::Rows) {
            assert!(made.look_up(2, &mut Vec::new()).is_some() && made.multiply(&[0.0; 4]).is_none());
        }
    }

    #[test]
    fn what_is_no_number_is_not_hidden_and_stays_in_its_row() {
        for made in matrices(3, 40).2 {
            let sound = made.multiply(&input(1, 40)).unwrap();
            for (at, fault) in [(0, f32::NAN), (39, f32::NAN), (5, f32::INFINITY), (38, f32::NEG_INFINITY)] {
                let mut rows = [input(1, 40), input(1, 40)].concat();
                rows[at] = fault;
                let product = made.multiply(&rows).unwrap();
                assert!(product[..3].iter().all(|number| number.is_nan()), "{at}: {product:?}");
                assert_eq!(product[3..], sound, "{at}");
            }
        }
    }

    #[test]
    fn the_widest_row_adds_up_and_a_wider_one_is_refused() {
        for made in layouts(&vec![127; MAX_INPUTS], &[1.0], MAX_INPUTS, Purpose::Products) {
            let product = made.multiply(&vec![2.0; MAX_INPUTS]).unwrap();
            assert!((product[0] / (2.0 * 127.0 * MAX_INPUTS as f32) - 1.0).abs() < 1e-5, "{product:?}");
        }
        assert!(Int8Builder::new(1, MAX_INPUTS + 1, Purpose::Products).is_none());
    }
}

//! Products with int8 weights: each input row is rounded to eight bits by itself, multiplied in whole numbers, and
//! scaled back (dynamic quantisation of activations, one scale and zero point a row, one scale a weight row).

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix};
use rten_tensor::NdTensorView;

use super::panels::{Outputs, Panels, Vnni, padded};
pub use super::rounding::{Rounded, Rows};

/// The widest row whose products, eight bits by eight, still add up in 32.
pub const MAX_INPUTS: usize = 1 << 16;

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

/// What becomes of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It takes the place of what was there.
    Over,
    /// It is added to that.
    Added,
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
            Layout::Panels(panels) => panels.row(output, *scale, into),
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
        let mut out = vec![0.0; input.len() / self.width * self.outputs()];
        self.product(Rows::Plain(input), &mut Rounded::default(), Put::Over, &mut out)?;
        Some(out)
    }

    /// `rows` times the matrix, put into `out` `[rows, outputs]`; `rounded` is memory for the rows. `None` if one of them is not whole rows.
    #[must_use]
    pub fn product(&self, rows: Rows<'_>, rounded: &mut Rounded, put: Put, out: &mut [f32]) -> Option<()> {
        let length = match self.layout {
            Layout::Panels(_) => padded(self.width),
            Layout::Packed(..) => self.width,
        };
        rounded.fill(rows, self.width, length, self.largest)?;
        if out.len() != rounded.steps.len() * self.outputs() {
            return None;
        }
        match &self.layout {
            Layout::Panels(panels) => {
                panels.multiply(rounded, &Outputs { scales: &self.scales, sums: &self.sums }, put, out);
            }
            Layout::Packed(packed, _) => self.by_packed(packed.as_ref()?, rounded, put, out)?,
        }
        Some(())
    }

    fn by_packed(&self, packed: &PackedBMatrix<i8>, rows: &Rounded, put: Put, out: &mut [f32]) -> Option<()> {
        let arch = Arch::new();
        let mut products = vec![0_i32; out.len()];
        let view = NdTensorView::from_data([rows.steps.len(), self.width], &rows.bytes[..]);
        // Zero points are taken off below: where they differ from row to row, rten-gemm 0.27 mixes them up.
        let (a, b) = (GemmInputA::Unpacked(view), GemmInputB::Packed(packed));
        executor().gemm(&mut products, a, b, GemmOptions::default()).ok()?;
        let lines = out.par_chunks_exact_mut(self.outputs()).zip(products.par_chunks_exact(self.outputs()));
        lines.zip(&rows.steps).with_min_len(4).for_each(|((out, products), &step)| {
            arch.dispatch(Scale { out, products, step, put, sums: &self.sums, scales: &self.scales });
        });
        Some(())
    }
}

/// The fastest kernel of this machine; always the same, so that what was packed for it fits. It may not change threads.
fn executor() -> GemmExecutor<u8, i8, i32> {
    GemmExecutor::new()
}

/// Whole products as numbers: the zero point's share off, then scaled.
struct Scale<'a> {
    out: &'a mut [f32],
    products: &'a [i32],
    /// Scale and zero of the input row.
    step: (f32, i32),
    put: Put,
    sums: &'a [i32],
    scales: &'a [f32],
}

impl WithSimd for Scale<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { out, products, step: (scale, zero), put, sums, scales } = self;
        for (((out, &product), &sum), own) in out.iter_mut().zip(products).zip(sums).zip(scales) {
            // Far below 2³¹: no weight and no input has more than eight bits.
            let number = product.wrapping_sub(zero.wrapping_mul(sum)) as f32 * (scale * own);
            *out = if put == Put::Added { *out + number } else { number };
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
                let mut rounded = Rounded::default();
                rounded.fill(Rows::Plain(row), width, width, made.largest).unwrap();
                let (Rounded { bytes: rounded, steps }, mut added) = (rounded, vec![3.0; outputs]);
                let (scale, zero) = steps[0];
                made.product(Rows::Plain(row), &mut Rounded::default(), Put::Added, &mut added).unwrap();
                prop_assert_eq!(added, ours.iter().map(|number| 3.0 + number).collect::<Vec<f32>>());
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
            let short =
                made.product(Rows::Plain(&[0.0; 8]), &mut Rounded::default(), Put::Over, &mut [0.0; 5]);
            assert!(short.is_none());
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

//! Products with weights of two bytes a number: those of some outputs at a time are widened to f32 and multiplied, so that no
//! more than a block for each thread is ever there in four.
//!
//! Widening is exact, and `gemm` adds up each number of an output in an order that the inputs' count alone decides, as long as
//! a block has more than 64 outputs: so a product is that of the same weights held in f32, to the last bit.

#![allow(unsafe_code, reason = "gemm takes pointers")]

use half::{f16, slice::HalfBitsSliceExt, slice::HalfFloatSliceExt};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// Bytes of a widened block, about: half of what most cores have for their own (L2).
const BLOCK_BYTES: usize = 512 * 1024;
/// Outputs of the smallest block: gemm parts the inputs in another way where both sides of a product have 64 or less.
const LEAST: usize = 96;
/// Outputs that gemm's widest kernel computes at once, a divisor of [`LEAST`]: blocks are whole ones.
const TILE: usize = 48;

/// A float of two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// The upper half of an f32.
    Bf16,
    /// IEEE's binary16.
    F16,
}

impl Half {
    /// Finite numbers as f32, each exactly. As many as the shorter side has.
    pub fn widen(self, bits: &[u16], into: &mut [f32]) {
        let count = bits.len().min(into.len());
        let (bits, into) = (&bits[..count], &mut into[..count]);
        match self {
            Self::Bf16 => Arch::new().dispatch(Shift { bits, into }),
            Self::F16 => bits.reinterpret_cast::<f16>().convert_to_f32_slice(into),
        }
    }
}

struct Shift<'a> {
    bits: &'a [u16],
    into: &'a mut [f32],
}

impl WithSimd for Shift<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (into, &bits) in self.into.iter_mut().zip(self.bits) {
            *into = f32::from_bits(u32::from(bits) << 16);
        }
    }
}

/// A matrix of outputs × inputs, in blocks of some outputs; in each, the outputs of one input stand side by side.
pub struct Halves {
    half: Half,
    bits: Vec<u16>,
    outputs: usize,
    /// Inputs.
    width: usize,
    /// Outputs of a block. The last has what is left too.
    block: usize,
}

impl Halves {
    /// Of zeros; `None` without outputs or inputs.
    #[must_use]
    pub fn zeros(half: Half, outputs: usize, width: usize) -> Option<Self> {
        let size = outputs.checked_mul(width).filter(|&size| size > 0)?;
        Some(Self { half, bits: vec![0; size], outputs, width, block: block(width) })
    }

    /// The weights of `output`. `None` if there is no such output, or they are not as many as inputs.
    #[must_use]
    pub fn set(&mut self, output: usize, weights: &[u16]) -> Option<()> {
        let (start, step) = self.place(output).filter(|_| weights.len() == self.width)?;
        for (into, &weight) in self.bits.get_mut(start..)?.iter_mut().step_by(step).zip(weights) {
            *into = weight;
        }
        Some(())
    }

    /// Outputs.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Bytes that a thread holds while it multiplies, at the most, where a matrix has so many inputs.
    #[must_use]
    pub fn working_bytes(width: usize) -> usize {
        (2 * block(width) - 1).saturating_mul(width).saturating_mul(size_of::<f32>())
    }

    /// Appends the weights of `output`, as numbers. `None` if there is no such output.
    #[must_use]
    pub fn look_up(&self, output: usize, into: &mut Vec<f32>) -> Option<()> {
        let (start, step) = self.place(output)?;
        let weights: Vec<u16> =
            self.bits.get(start..)?.iter().step_by(step).take(self.width).copied().collect();
        let end = into.len();
        into.resize(end + self.width, 0.0);
        self.half.widen(&weights, &mut into[end..]);
        Some(())
    }

    /// `input` `[rows, width]` times the matrix: `[rows, outputs]`. `None` if `input` is not whole rows.
    #[must_use]
    pub fn multiply(&self, input: &[f32]) -> Option<Vec<f32>> {
        let rows = input.len() / self.width;
        if rows * self.width != input.len() {
            return None;
        }
        let mut out = vec![0.0; rows * self.outputs];
        let to = Out(out.as_mut_ptr());
        (0..self.blocks()).into_par_iter().for_each_init(Vec::new, |wide, at| {
            let (first, count) = self.columns(at);
            let bits = &self.bits[first * self.width..][..count * self.width];
            wide.resize(bits.len(), 0.0);
            self.half.widen(bits, wide);
            // SAFETY: `input` is `[rows, width]`, `wide` is `[width, count]`; columns `first` to `first + count` of `out`,
            // `[rows, outputs]`, are this block's alone, and nobody reads `out` before all blocks are done.
            unsafe {
                gemm::gemm(
                    rows,
                    count,
                    self.width,
                    to.column(first),
                    1,
                    self.outputs as isize,
                    false,
                    input.as_ptr(),
                    1,
                    self.width as isize,
                    wide.as_ptr(),
                    1,
                    count as isize,
                    0.0,
                    1.0,
                    false,
                    false,
                    false,
                    gemm::Parallelism::None,
                );
            }
        });
        Some(out)
    }

    fn blocks(&self) -> usize {
        (self.outputs / self.block).max(1)
    }

    /// First output of a block, and how many it has.
    fn columns(&self, at: usize) -> (usize, usize) {
        let first = at * self.block;
        let last = at + 1 == self.blocks();
        (first, if last { self.outputs - first } else { self.block })
    }

    /// Where an output's first weight lies, and how far it is to the next.
    fn place(&self, output: usize) -> Option<(usize, usize)> {
        if output >= self.outputs {
            return None;
        }
        let (first, count) = self.columns((output / self.block).min(self.blocks() - 1));
        Some((first * self.width + output - first, count))
    }
}

/// Outputs of a block of so many inputs.
fn block(width: usize) -> usize {
    (BLOCK_BYTES / size_of::<f32>() / width.max(1) / TILE * TILE).max(LEAST)
}

/// Where the product goes, a block's columns at a time.
struct Out(*mut f32);

// SAFETY: threads write to columns of their own.
unsafe impl Sync for Out {}

impl Out {
    /// # Safety
    /// There is such a column.
    unsafe fn column(&self, at: usize) -> *mut f32 {
        // SAFETY: as the caller says.
        unsafe { self.0.add(at) }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};
    use half::bf16;
    use proptest::prelude::*;

    use super::*;

    fn bits(half: Half, count: usize, salt: u32) -> Vec<u16> {
        let number = |n: u32| ((n ^ salt).wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 23) as f32 - 1.0;
        (0..count as u32)
            .map(|n| match half {
                Half::Bf16 => bf16::from_f32(number(n)).to_bits(),
                Half::F16 => f16::from_f32(number(n)).to_bits(),
            })
            .collect()
    }

    fn wide(half: Half, bits: &[u16]) -> Vec<f32> {
        bits.iter()
            .map(|&bits| match half {
                Half::Bf16 => bf16::from_bits(bits).to_f32(),
                Half::F16 => f16::from_bits(bits).to_f32(),
            })
            .collect()
    }

    fn made(half: Half, bits: &[u16], width: usize) -> Halves {
        let mut made = Halves::zeros(half, bits.len() / width, width).unwrap();
        bits.chunks_exact(width).enumerate().for_each(|(output, row)| made.set(output, row).unwrap());
        made
    }

    /// By the tensor library, from f32 held whole in the layout of the pass.
    fn whole(input: &[f32], weights: &[f32], width: usize) -> Vec<f32> {
        let tensor = |numbers: &[f32]| {
            Tensor::from_slice(numbers, (numbers.len() / width, width), &Device::Cpu).unwrap()
        };
        let turned = tensor(weights).t().unwrap().contiguous().unwrap();
        tensor(input).matmul(&turned).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    fn same(half: Half, rows: usize, outputs: usize, width: usize) {
        let bits = bits(half, outputs * width, 7);
        let input: Vec<f32> = wide(Half::F16, &self::bits(Half::F16, rows * width, 99));
        let product = made(half, &bits, width).multiply(&input).unwrap();
        let wanted = whole(&input, &wide(half, &bits), width);
        let differ = product.iter().zip(&wanted).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
        assert!(
            product.len() == wanted.len() && differ == 0,
            "{half:?} {rows} x {width} x {outputs}: {differ}"
        );
    }

    #[test]
    fn every_number_of_two_bytes_is_widened_exactly() {
        for half in [Half::Bf16, Half::F16] {
            let all: Vec<u16> = (0..=u16::MAX).filter(|&bits| wide(half, &[bits])[0].is_finite()).collect();
            let mut found = vec![1.0; all.len()];
            half.widen(&all, &mut found);
            let same = found.iter().zip(wide(half, &all)).all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same, "{half:?}");
        }
    }

    /// Widths either side of where gemm parts the inputs, outputs either side of a block, rows either side of its kernels.
    #[test]
    fn a_product_is_that_of_f32_held_whole_to_the_last_bit() {
        for half in [Half::Bf16, Half::F16] {
            for rows in [1, 2, 7, 32, 65, 130] {
                for (outputs, width) in [(1, 5), (64, 600), (65, 600), (300, 896), (1152, 896), (896, 4864)] {
                    same(half, rows, outputs, width);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn so_it_is_for_any_shape(rows in 1_usize..80, outputs in 1_usize..400, width in 1_usize..1500) {
            same(Half::Bf16, rows, outputs, width);
        }

        #[test]
        fn a_row_is_found_as_it_was_set(outputs in 1_usize..700, width in 1_usize..40) {
            let bits = bits(Half::F16, outputs * width, 3);
            let made = made(Half::F16, &bits, width);
            for (output, row) in bits.chunks_exact(width).enumerate() {
                let mut found = vec![0.5];
                made.look_up(output, &mut found).unwrap();
                prop_assert_eq!(&found[1..], &wide(Half::F16, row)[..]);
            }
            prop_assert!(made.look_up(outputs, &mut Vec::new()).is_none());
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(Halves::zeros(Half::F16, 0, 4).is_none() && Halves::zeros(Half::F16, 4, 0).is_none());
        assert!(Halves::zeros(Half::F16, usize::MAX, 4).is_none());
        let mut made = Halves::zeros(Half::Bf16, 2, 3).unwrap();
        assert!(made.set(2, &[0; 3]).is_none() && made.set(1, &[0; 2]).is_none());
        assert!(made.multiply(&[0.0; 4]).is_none() && made.multiply(&[0.0; 6]).is_some());
    }
}

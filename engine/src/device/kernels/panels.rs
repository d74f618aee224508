//! Int8 weights in panels, for machines with an instruction for dot products of four bytes (AVX-512 VNNI, or AVX-VNNI).
//!
//! A panel is 32 outputs; in it stand, for four inputs after four, the four weights of each output. One instruction then
//! multiplies four inputs of one row with the weights of 8 or 16 outputs, and nothing is summed at the end. Any weight can be
//! found again, so rows are looked up here too (an embedding that is also the head): a matrix is held once.

#![allow(unsafe_code, reason = "the machine's own instructions")]

/// Outputs of a panel.
pub(super) const PANEL: usize = 32;
/// Inputs of one instruction.
const DEPTH: usize = 4;
/// Rows of a tile at the most.
const TILE_ROWS: usize = 8;

/// Which instruction there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vnni {
    /// 16 outputs at once.
    #[cfg(target_arch = "x86_64")]
    Wide,
    /// 8 outputs at once.
    #[cfg(target_arch = "x86_64")]
    Narrow,
}

impl Vnni {
    /// All that this machine has, the fastest first.
    pub(super) fn here() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let all = {
            let wide = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni");
            let narrow = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("avxvnni");
            [wide.then_some(Self::Wide), narrow.then_some(Self::Narrow)]
        };
        #[cfg(not(target_arch = "x86_64"))]
        let all = [None; 0];
        all.into_iter().flatten()
    }
}

/// Bytes of a row of inputs, padded to whole instructions.
pub(super) fn padded(width: usize) -> usize {
    width.next_multiple_of(DEPTH)
}

/// Weights, `[panels][width / 4][32][4]`; what is missing at the edges is 0.
pub(super) struct Panels {
    bytes: Vec<i8>,
    width: usize,
    vnni: Vnni,
}

impl Panels {
    /// All weights 0.
    pub(super) fn zeros(outputs: usize, width: usize, vnni: Vnni) -> Self {
        Self { bytes: vec![0; outputs.div_ceil(PANEL) * padded(width) * PANEL], width, vnni }
    }

    /// Puts the weights of one output in their places.
    pub(super) fn set(&mut self, output: usize, row: &[i8]) {
        let panel = padded(self.width) * PANEL;
        let panel = self.bytes.chunks_exact_mut(panel).nth(output / PANEL).unwrap_or_default();
        for (step, four) in panel.chunks_exact_mut(PANEL * DEPTH).zip(row.chunks(DEPTH)) {
            step[output % PANEL * DEPTH..][..four.len()].copy_from_slice(four);
        }
    }

    /// The weights of one output, in order.
    pub(super) fn row(&self, output: usize) -> impl Iterator<Item = i8> {
        let panel = padded(self.width) * PANEL;
        let steps = self.bytes.chunks_exact(panel).nth(output / PANEL).unwrap_or_default();
        let four = move |step| <[i8]>::iter(step).skip(output % PANEL * DEPTH).take(DEPTH).copied();
        steps.chunks_exact(PANEL * DEPTH).flat_map(four).take(self.width)
    }

    /// Whole products of up to eight rows of `inputs` (each [`padded`]) with one panel; returns how many rows were taken.
    #[inline]
    pub(super) fn tile(
        &self,
        panel: usize,
        inputs: &[u8],
        products: &mut [[i32; PANEL]; TILE_ROWS],
    ) -> usize {
        let length = padded(self.width);
        let weights = &self.bytes[panel * length * PANEL..][..length * PANEL];
        let rows = inputs.len() / length;
        match (self.vnni, rows) {
            // SAFETY: `here` found what each needs; the lengths were cut to fit above.
            #[cfg(target_arch = "x86_64")]
            (Vnni::Wide, 8..) => unsafe { x86::wide::<8>(weights, inputs, length, products) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            (Vnni::Wide, 4..) => unsafe { x86::wide::<4>(weights, inputs, length, products) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            (Vnni::Wide, 1..) => unsafe { x86::wide::<1>(weights, inputs, length, products) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            (Vnni::Narrow, 2..) => unsafe { x86::narrow::<2>(weights, inputs, length, products) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            (Vnni::Narrow, 1) => unsafe { x86::narrow::<1>(weights, inputs, length, products) },
            _ => 0,
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{DEPTH, PANEL, TILE_ROWS};

    /// A tile of `ROWS` rows: every sum stands in a register while the panel is read once.
    macro_rules! tile {
        ($name:ident, $features:literal, $lanes:literal, $zero:ident, $load:ident, $splat:ident, $dot:ident, $store:ident) => {
            /// # Safety
            /// The machine has the features; `weights` is a panel of `length`, `inputs` at least `ROWS` rows of it.
            #[target_feature(enable = $features)]
            pub(super) unsafe fn $name<const ROWS: usize>(
                weights: &[i8],
                inputs: &[u8],
                length: usize,
                products: &mut [[i32; PANEL]; TILE_ROWS],
            ) -> usize {
                const VECTORS: usize = PANEL / $lanes;
                debug_assert!(weights.len() == length * PANEL && inputs.len() >= ROWS * length);
                let mut sums = [[$zero(); VECTORS]; ROWS];
                let (weights, inputs) = (weights.as_ptr(), inputs.as_ptr());
                for at in (0..length).step_by(DEPTH) {
                    // SAFETY: `at` is a whole step within the panel.
                    let columns: [_; VECTORS] = std::array::from_fn(|vector| unsafe {
                        $load(weights.add(at * PANEL + vector * $lanes * DEPTH).cast())
                    });
                    for (row, sums) in sums.iter_mut().enumerate() {
                        // SAFETY: four inputs from `at` on are in each row.
                        let four = unsafe { inputs.add(row * length + at).cast::<i32>().read_unaligned() };
                        let four = $splat(four);
                        for (sum, columns) in sums.iter_mut().zip(columns) {
                            *sum = $dot(*sum, four, columns);
                        }
                    }
                }
                for (products, sums) in products.iter_mut().zip(sums) {
                    for (vector, sum) in sums.into_iter().enumerate() {
                        // SAFETY: the vectors of a row are its 32 products.
                        unsafe { $store(products.as_mut_ptr().add(vector * $lanes).cast(), sum) };
                    }
                }
                ROWS
            }
        };
    }

    tile!(
        wide,
        "avx512f,avx512vnni",
        16,
        _mm512_setzero_si512,
        _mm512_loadu_si512,
        _mm512_set1_epi32,
        _mm512_dpbusd_epi32,
        _mm512_storeu_si512
    );
    tile!(
        narrow,
        "avx2,avxvnni",
        8,
        _mm256_setzero_si256,
        _mm256_loadu_si256,
        _mm256_set1_epi32,
        _mm256_dpbusd_avx_epi32,
        _mm256_storeu_si256
    );
}

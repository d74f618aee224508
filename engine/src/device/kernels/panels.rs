//! Int8 weights in panels, for machines with an instruction for dot products of four bytes (AVX-512 VNNI, or AVX-VNNI).
//!
//! A panel is 32 outputs; in it stand, for four inputs after four, the four weights of each output. One instruction then
//! multiplies four inputs of one row with the weights of 8 or 16 outputs, and nothing is summed at the end. Any weight can be
//! found again, so rows are looked up here too (an embedding that is also the head): a matrix is held once.

#![allow(unsafe_code, reason = "the machine's own instructions, and columns that several threads write")]

use rayon::prelude::*;

use super::{int8::Put, rounding::Rounded};

/// Outputs of a panel.
pub(super) const PANEL: usize = 32;
/// Inputs of one instruction.
const DEPTH: usize = 4;
/// Rows of a tile at the most.
const TILE_ROWS: usize = 8;
/// Panels of one piece of work.
const PIECE_PANELS: usize = 4;
/// Products of a weight and an input below which other threads are not worth waking.
const ALONE: usize = 1 << 21;

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

    /// Appends the weights of one output, in order, times `scale`.
    pub(super) fn row(&self, output: usize, scale: f32, into: &mut Vec<f32>) {
        let panel = padded(self.width) * PANEL;
        let steps = self.bytes.chunks_exact(panel).nth(output / PANEL).unwrap_or_default();
        let end = into.len() + self.width;
        for step in steps.chunks_exact(PANEL * DEPTH) {
            let four = &step[output % PANEL * DEPTH..][..DEPTH];
            into.extend(four.iter().map(|&weight| f32::from(weight) * scale));
        }
        into.truncate(end);
    }

    /// Rows times the weights, put into `out` `[rows, outputs]`. Each piece of work is some panels' columns of every row.
    pub(super) fn multiply(&self, rows: &Rounded, outputs: &Outputs<'_>, put: Put, out: &mut [f32]) {
        let count = outputs.scales.len();
        debug_assert_eq!(out.len(), rows.steps.len() * count);
        let out = Out { first: out.as_mut_ptr(), stride: count, put };
        let panels = count.div_ceil(PANEL);
        let pieces = panels.div_ceil(PIECE_PANELS);
        let work = |piece: usize| {
            for panel in piece * PIECE_PANELS..((piece + 1) * PIECE_PANELS).min(panels) {
                // SAFETY: `out` has a column for every output; no other piece has those of this panel.
                unsafe { self.panel(panel, rows, outputs, out) };
            }
        };
        if rows.steps.len().max(TILE_ROWS) * count * self.width <= ALONE {
            (0..pieces).for_each(work);
        } else {
            (0..pieces).into_par_iter().for_each(work);
        }
    }

    /// One panel's columns of every row.
    ///
    /// # Safety
    /// `out` points to as many rows as there are in `rows`, of as many columns as there are outputs, and nobody else reads or
    /// writes this panel's.
    unsafe fn panel(&self, panel: usize, rows: &Rounded, outputs: &Outputs<'_>, out: Out) {
        let first = panel * PANEL;
        let count = (outputs.scales.len() - first).min(PANEL);
        let mut own = Own { scales: [0.0; PANEL], sums: [0; PANEL] };
        own.scales[..count].copy_from_slice(&outputs.scales[first..][..count]);
        own.sums[..count].copy_from_slice(&outputs.sums[first..][..count]);
        let length = padded(self.width);
        let tiles = rows.steps.len().div_ceil(TILE_ROWS).max(1);
        let mut edge = [[0.0; PANEL]; TILE_ROWS];
        let mut row = 0;
        while row < rows.steps.len() {
            // SAFETY: within `out`, by the caller's promise.
            let there = unsafe { out.first.add(row * out.stride + first) };
            // A panel that is not full is put where there is room for all of it.
            let into = match count {
                PANEL => Out { first: there, ..out },
                _ => Out { first: edge.as_mut_ptr().cast(), stride: PANEL, put: Put::Over },
            };
            let (inputs, steps) = (&rows.bytes[row * length..], &rows.steps[row..]);
            let ahead =
                Ahead { start: length * PANEL / tiles * (row / TILE_ROWS), step: PANEL * DEPTH / tiles };
            // SAFETY: `into` has room for eight rows, or for as many as there are steps.
            let taken = unsafe { self.tile(panel, inputs, steps, &own, ahead, into) };
            if count < PANEL {
                for (at, edge) in edge.iter().take(taken).enumerate() {
                    // SAFETY: as above; the edge's first `count` columns are this panel's.
                    let there = unsafe { std::slice::from_raw_parts_mut(there.add(at * out.stride), count) };
                    for (there, edge) in there.iter_mut().zip(edge) {
                        *there = if out.put == Put::Added { *there + edge } else { *edge };
                    }
                }
            }
            row += taken.max(1);
        }
    }

    /// Up to eight rows of `inputs` (each [`padded`]) with one panel; returns how many rows were taken.
    ///
    /// # Safety
    /// `out` points to 32 columns of as many rows as there are `steps`, or of eight, and nobody else reads or writes them.
    #[inline]
    unsafe fn tile(
        &self,
        panel: usize,
        inputs: &[u8],
        steps: &[(f32, i32)],
        own: &Own,
        ahead: Ahead,
        out: Out,
    ) -> usize {
        let length = padded(self.width);
        let weights = &self.bytes[panel * length * PANEL..][..length * PANEL];
        let rows = (inputs.len() / length).min(steps.len());
        let _ = (weights, own, ahead, out);
        match (self.vnni, rows) {
            // SAFETY: `here` found what each needs; the lengths were cut to fit above; `out` by the caller's promise.
            #[cfg(target_arch = "x86_64")]
            (Vnni::Wide, 8..) => unsafe { x86::wide::<8>(weights, inputs, length, steps, own, ahead, out) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            (Vnni::Wide, 4..) => unsafe { x86::wide::<4>(weights, inputs, length, steps, own, ahead, out) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            (Vnni::Wide, 1..) => unsafe { x86::wide::<1>(weights, inputs, length, steps, own, ahead, out) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            (Vnni::Narrow, 2..) => unsafe {
                x86::narrow::<2>(weights, inputs, length, steps, own, ahead, out)
            },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            (Vnni::Narrow, 1) => unsafe { x86::narrow::<1>(weights, inputs, length, steps, own, ahead, out) },
            _ => 0,
        }
    }
}

/// What a product's columns are scaled with.
pub(super) struct Outputs<'a> {
    /// Of each output.
    pub(super) scales: &'a [f32],
    /// Of each output's weights: what a row's zero point adds to its product, in units of that.
    pub(super) sums: &'a [i32],
}

/// The same of one panel.
struct Own {
    scales: [f32; PANEL],
    sums: [i32; PANEL],
}

/// What is fetched of the panel behind this one while a tile is multiplied: each tile fetches a part. Where the weights are more than the caches
/// hold, waiting for them would take as long as multiplying.
#[derive(Clone, Copy)]
struct Ahead {
    /// Bytes from the panel's first.
    start: usize,
    /// Bytes for each step of the tile.
    step: usize,
}

/// Where products go: columns that several threads write side by side.
#[derive(Clone, Copy)]
struct Out {
    first: *mut f32,
    /// Numbers from row to row.
    stride: usize,
    put: Put,
}

// SAFETY: whoever writes through it writes columns of his own.
unsafe impl Send for Out {}
// SAFETY: as above.
unsafe impl Sync for Out {}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Ahead, DEPTH, Out, Own, PANEL, Put};

    /// A tile of `ROWS` rows: every sum stands in a register while the panel is read once; then the zero point's share is
    /// taken off, and what is left scaled.
    macro_rules! tile {
        (
            $name:ident, $features:literal, $lanes:literal, $zero:ident, $load:ident, $splat:ident, $dot:ident, $multiply:ident,
            $subtract:ident, $number:ident, $splat_number:ident, $load_numbers:ident, $multiply_numbers:ident, $add_numbers:ident, $store:ident
        ) => {
            /// # Safety
            /// The machine has the features; `weights` is a panel of `length`, `inputs` at least `ROWS` rows of it, `steps` as
            /// many; `out` points to 32 columns of as many rows.
            #[target_feature(enable = $features)]
            pub(super) unsafe fn $name<const ROWS: usize>(
                weights: &[i8],
                inputs: &[u8],
                length: usize,
                steps: &[(f32, i32)],
                own: &Own,
                ahead: Ahead,
                out: Out,
            ) -> usize {
                const VECTORS: usize = PANEL / $lanes;
                debug_assert!(weights.len() == length * PANEL && inputs.len() >= ROWS * length);
                let mut products = [[$zero(); VECTORS]; ROWS];
                let (weights, inputs) = (weights.as_ptr(), inputs.as_ptr());
                let (mut ahead, step) = (weights.wrapping_add(length * PANEL + ahead.start), ahead.step);
                for at in (0..length).step_by(DEPTH) {
                    // A hint, which reads nothing: it may point anywhere.
                    _mm_prefetch::<_MM_HINT_T1>(ahead);
                    ahead = ahead.wrapping_add(step);
                    // SAFETY: `at` is a whole step within the panel.
                    let columns: [_; VECTORS] = std::array::from_fn(|vector| unsafe {
                        $load(weights.add(at * PANEL + vector * $lanes * DEPTH).cast())
                    });
                    for (row, products) in products.iter_mut().enumerate() {
                        // SAFETY: four inputs from `at` on are in each row.
                        let four = unsafe { inputs.add(row * length + at).cast::<i32>().read_unaligned() };
                        let four = $splat(four);
                        for (product, columns) in products.iter_mut().zip(columns) {
                            *product = $dot(*product, four, columns);
                        }
                    }
                }
                for (row, (products, &(scale, zero))) in products.into_iter().zip(steps).enumerate() {
                    for (vector, product) in products.into_iter().enumerate() {
                        let at = vector * $lanes;
                        // SAFETY: the vectors of a row are its 32 columns.
                        unsafe {
                            let share = $multiply($splat(zero), $load(own.sums.as_ptr().add(at).cast()));
                            let factor = $multiply_numbers(
                                $splat_number(scale),
                                $load_numbers(own.scales.as_ptr().add(at)),
                            );
                            let mut number = $multiply_numbers($number($subtract(product, share)), factor);
                            let there = out.first.add(row * out.stride + at);
                            if out.put == Put::Added {
                                number = $add_numbers($load_numbers(there), number);
                            }
                            $store(there, number);
                        }
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
        _mm512_mullo_epi32,
        _mm512_sub_epi32,
        _mm512_cvtepi32_ps,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_mul_ps,
        _mm512_add_ps,
        _mm512_storeu_ps
    );
    tile!(
        narrow,
        "avx2,avxvnni",
        8,
        _mm256_setzero_si256,
        _mm256_loadu_si256,
        _mm256_set1_epi32,
        _mm256_dpbusd_avx_epi32,
        _mm256_mullo_epi32,
        _mm256_sub_epi32,
        _mm256_cvtepi32_ps,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_mul_ps,
        _mm256_add_ps,
        _mm256_storeu_ps
    );
}

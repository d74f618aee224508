//! Rotary positions, "half-split" (`rotate_half`): dimension i is paired with i + head_dim / 2.
//!
//! Su et al., RoFormer (2021); frequencies `theta^(-2i / head_dim)`. Where only the first dimensions of a head are
//! rotated (LLaDA2), they are paired among themselves, and their number stands for `head_dim`.

use std::sync::{Mutex, PoisonError};

use candle_core::{DType, Device, Result, Tensor};

use super::fused::numbers;
use crate::device::kernels::heads::Turns;

/// Positions below this are computed once: a step of a small network would take a tenth of its time for them.
const KNOWN: usize = 4096;

/// Cosines and sines of some rows' positions: `[rows, rotary / 2]` each.
pub(super) struct Angles {
    cos: Tensor,
    sin: Tensor,
}

/// The frequencies of one model.
pub(super) struct Rope {
    inverse: Vec<f64>,
    /// What is rotated.
    dtype: DType,
    /// Cosines, then sines, of each of the first positions, as far as they were asked for.
    known: Mutex<Vec<f32>>,
}

impl Rope {
    /// Frequencies for the first `rotary` dimensions of each head.
    pub(super) fn new(rotary: usize, theta: f64, dtype: DType) -> Self {
        let pairs = rotary / 2;
        let inverse = (0..pairs).map(|i| theta.powf(-2.0 * i as f64 / rotary as f64)).collect();
        Self { inverse, dtype, known: Mutex::default() }
    }

    /// Angles of positions, or of distances.
    pub(super) fn angles(&self, positions: &[i64], device: &Device) -> Result<Angles> {
        let pairs = self.inverse.len();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut cos, mut sin) = (Vec::new(), Vec::new());
        for &position in positions {
            match usize::try_from(position) {
                Ok(at) if at < KNOWN => {
                    while known.len() < (at + 1) * 2 * pairs {
                        let next = (known.len() / (2 * pairs).max(1)) as f64;
                        known.extend(self.inverse.iter().map(|f| (next * f).cos() as f32));
                        known.extend(self.inverse.iter().map(|f| (next * f).sin() as f32));
                    }
                    let (cosines, sines) = known[at * 2 * pairs..][..2 * pairs].split_at(pairs);
                    cos.extend_from_slice(cosines);
                    sin.extend_from_slice(sines);
                }
                _ => {
                    cos.extend(self.inverse.iter().map(|f| (position as f64 * f).cos() as f32));
                    sin.extend(self.inverse.iter().map(|f| (position as f64 * f).sin() as f32));
                }
            }
        }
        let shape = (positions.len(), pairs);
        Ok(Angles {
            cos: Tensor::from_vec(cos, shape, device)?.to_dtype(self.dtype)?,
            sin: Tensor::from_vec(sin, shape, device)?.to_dtype(self.dtype)?,
        })
    }
}

impl Angles {
    /// The same as plain numbers.
    pub(super) fn turns(&self) -> Result<Turns> {
        Ok(Turns { cos: numbers(&self.cos)?, sin: numbers(&self.sin)?, pairs: self.cos.dim(1)? })
    }

    /// Rotates `x` of `[heads, rows, head_dim]`, contiguous.
    pub(super) fn rotate(&self, x: &Tensor) -> Result<Tensor> {
        let (rotary, width) = (2 * self.cos.dim(1)?, x.dim(2)?);
        if rotary == width {
            return candle_nn::rotary_emb::rope(&x.unsqueeze(0)?, &self.cos, &self.sin)?.squeeze(0);
        }
        let turned = self.rotate(&x.narrow(2, 0, rotary)?.contiguous()?)?;
        Tensor::cat(&[turned, x.narrow(2, rotary, width - rotary)?], 2)?.contiguous()
    }
}

//! Rotary positions, "half-split" (`rotate_half`): dimension i is paired with i + head_dim / 2.
//!
//! Su et al., RoFormer (2021); frequencies `theta^(-2i / head_dim)`. Where only the first dimensions of a head are
//! rotated (LLaDA2), they are paired among themselves, and their number stands for `head_dim`.

use candle_core::{DType, Device, Result, Tensor};

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
}

impl Rope {
    /// Frequencies for the first `rotary` dimensions of each head.
    pub(super) fn new(rotary: usize, theta: f64, dtype: DType) -> Self {
        let pairs = rotary / 2;
        let inverse = (0..pairs).map(|i| theta.powf(-2.0 * i as f64 / rotary as f64)).collect();
        Self { inverse, dtype }
    }

    /// Angles of `positions`, or of distances.
    pub(super) fn angles<P: Copy + Into<f64>>(&self, positions: &[P], device: &Device) -> Result<Angles> {
        let shape = (positions.len(), self.inverse.len());
        let angle = |of: fn(f64) -> f64| -> Vec<f32> {
            positions
                .iter()
                .flat_map(|&p| self.inverse.iter().map(move |f| of(p.into() * f) as f32))
                .collect()
        };
        Ok(Angles {
            cos: Tensor::from_vec(angle(f64::cos), shape, device)?.to_dtype(self.dtype)?,
            sin: Tensor::from_vec(angle(f64::sin), shape, device)?.to_dtype(self.dtype)?,
        })
    }
}

impl Angles {
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

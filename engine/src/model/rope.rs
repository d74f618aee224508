//! Rotary positions, "half-split" (`rotate_half`): dimension i is paired with i + head_dim / 2.
//!
//! Su et al., RoFormer (2021); frequencies `theta^(-2i / head_dim)`.

use candle_core::{Device, Result, Tensor};

/// Cosines and sines of some rows' positions: `[rows, head_dim / 2]` each.
pub(super) struct Angles {
    cos: Tensor,
    sin: Tensor,
}

/// The frequencies of one model.
pub(super) struct Rope {
    inverse: Vec<f64>,
}

impl Rope {
    /// Frequencies for heads of `head_dim` dimensions.
    pub(super) fn new(head_dim: usize, theta: f64) -> Self {
        let pairs = head_dim / 2;
        Self { inverse: (0..pairs).map(|i| theta.powf(-2.0 * i as f64 / head_dim as f64)).collect() }
    }

    /// Angles of `positions`.
    pub(super) fn angles(&self, positions: &[u32], device: &Device) -> Result<Angles> {
        let shape = (positions.len(), self.inverse.len());
        let angle = |of: fn(f64) -> f64| -> Vec<f32> {
            positions
                .iter()
                .flat_map(|&p| self.inverse.iter().map(move |f| of(f64::from(p) * f) as f32))
                .collect()
        };
        Ok(Angles {
            cos: Tensor::from_vec(angle(f64::cos), shape, device)?,
            sin: Tensor::from_vec(angle(f64::sin), shape, device)?,
        })
    }
}

impl Angles {
    /// Rotates `x` of `[heads, rows, head_dim]`, contiguous.
    pub(super) fn rotate(&self, x: &Tensor) -> Result<Tensor> {
        candle_nn::rotary_emb::rope(&x.unsqueeze(0)?, &self.cos, &self.sin)?.squeeze(0)
    }
}

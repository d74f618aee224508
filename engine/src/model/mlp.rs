//! What a block does to each row by itself: a SwiGLU (Shazeer, GLU Variants Improve Transformer, 2020), or experts.

use candle_core::{Result, Tensor};

use super::{experts::Experts, linear::Linear};

/// `down(silu(gate(x)) * up(x))`.
pub(super) struct SwiGlu {
    /// `[hidden, 2 width]`: gate, then up.
    pub(super) gate_up: Linear,
    /// `[width, hidden]`.
    pub(super) down: Linear,
    pub(super) width: usize,
}

impl SwiGlu {
    /// `[rows, hidden]` → the same.
    pub(super) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let gate_up = self.gate_up.apply(x)?;
        let gate = gate_up.narrow(1, 0, self.width)?;
        let up = gate_up.narrow(1, self.width, self.width)?;
        self.down.apply(&(gate.silu()? * up)?)
    }
}

/// One of the two.
pub(super) enum Mlp {
    Dense(SwiGlu),
    Experts(Experts),
}

impl Mlp {
    /// `[rows, hidden]` → the same.
    pub(super) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Dense(swiglu) => swiglu.apply(x),
            Self::Experts(experts) => experts.apply(x),
        }
    }
}

//! What a block does to each row by itself: a SwiGLU (Shazeer, GLU Variants Improve Transformer, 2020), or experts.

use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor, bail};

use super::{experts::Experts, linear::Linear};
use crate::device::kernels::swiglu::gated;

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
        if gate_up.device().is_cpu() && gate_up.dtype() == DType::F32 {
            return self.down.apply(&gate_up.contiguous()?.apply_op1_no_bwd(&Gate(self.width))?);
        }
        let gate = gate_up.narrow(1, 0, self.width)?;
        let up = gate_up.narrow(1, self.width, self.width)?;
        self.down.apply(&(gate.silu()? * up)?)
    }
}

/// The CPU's kernel as an operation on tensors: `[rows, 2 width]` → `[rows, width]`.
struct Gate(usize);

impl CustomOp1 for Gate {
    fn name(&self) -> &'static str {
        "gate"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, _) = layout.shape().dims2()?;
        let Some((start, end)) = layout.contiguous_offsets() else { bail!("rows with gaps") };
        match gated(&storage.as_slice::<f32>()?[start..end], self.0) {
            Some(out) => Ok((CpuStorage::F32(out), Shape::from((rows, self.0)))),
            None => bail!("rows of {:?} for a gate of {}", layout.shape(), self.0),
        }
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

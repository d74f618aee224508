//! A matrix that rows are multiplied with: float on any device, or int8 by the CPU's own kernel.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

use crate::device::kernels::int8::Int8Matrix;

/// How the CPU multiplies with weights that are stored as int8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// In whole numbers, the inputs rounded to eight bits row by row: up to three times as fast.
    #[default]
    Int8,
    /// In f32, as a reference.
    Full,
}

/// `[in, out]`.
pub(super) enum Linear {
    /// Contiguous, of the network's own type.
    Float(Tensor),
    /// Packed for this CPU.
    Int8(Arc<Int8Matrix>),
}

impl Linear {
    /// `x` `[rows, in]` times the matrix: `[rows, out]`.
    pub(super) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Float(matrix) => x.matmul(matrix),
            Self::Int8(matrix) => x.contiguous()?.apply_op1_no_bwd(&Product(Arc::clone(matrix))),
        }
    }
}

struct Product(Arc<Int8Matrix>);

impl CustomOp1 for Product {
    fn name(&self) -> &'static str {
        "int8 product"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, _) = layout.shape().dims2()?;
        let input = storage.as_slice::<f32>()?;
        let Some((start, end)) = layout.contiguous_offsets() else { bail!("rows with gaps") };
        match self.0.multiply(&input[start..end]) {
            Some(product) => Ok((CpuStorage::F32(product), Shape::from((rows, self.0.outputs())))),
            None => bail!("rows of {:?} for another matrix", layout.shape()),
        }
    }
}

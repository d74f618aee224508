//! A matrix that rows are multiplied with: float on any device; by the CPU's own kernels int8, or floats of two bytes.

use std::{str::FromStr, sync::Arc};

use candle_core::{CpuStorage, CustomOp1, DType, Device, Layout, Result, Shape, Tensor, bail};

use super::config::ModelSpec;
use crate::{
    EngineError,
    device::kernels::{halves::Halves, int8::Int8Matrix},
};

/// From how many parameters on the CPU takes a network in int8 although it is stored in floats. Two cores need about a
/// quarter of a second for a pass of 32 rows through 100 million of them in f32: eight such passes are all the time that an answer
/// has. What is smaller stays exact.
const MIN_PARAMETERS: u64 = 100_000_000;

/// How weights are held and multiplied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// On the CPU in int8 from 100 million parameters on; else as stored.
    #[default]
    Auto,
    /// On the CPU int8 in whole numbers, the inputs rounded to eight bits row by row; floats of two bytes in two, widened as
    /// they are multiplied, which is exact; everything else in f32.
    Stored,
    /// Matrices stored in floats are rounded to int8 as they are read, on the CPU; elsewhere as stored.
    Int8,
    /// All in f32, as a reference.
    Full,
}

/// What matrices become on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// Floats of the type that is computed with, all of them.
    Floats,
    /// In the bytes that they are stored in.
    Stored,
    /// Int8, all of them.
    Int8,
}

impl Precision {
    /// What becomes of the matrices of `spec` on `device`, computed with in `dtype`.
    pub(super) fn held(self, spec: &ModelSpec, device: &Device, dtype: DType) -> Held {
        match self {
            _ if !device.is_cpu() || dtype != DType::F32 => Held::Floats,
            Self::Full => Held::Floats,
            Self::Int8 => Held::Int8,
            Self::Auto if spec.parameters() >= MIN_PARAMETERS => Held::Int8,
            Self::Auto | Self::Stored => Held::Stored,
        }
    }
}

impl FromStr for Precision {
    type Err = EngineError;

    fn from_str(text: &str) -> std::result::Result<Self, EngineError> {
        match text {
            "auto" => Ok(Self::Auto),
            "stored" => Ok(Self::Stored),
            "int8" => Ok(Self::Int8),
            _ => Err(EngineError::BadRequest {
                field: "weights",
                reason: format!("{text:?} is none of auto, stored, int8"),
            }),
        }
    }
}

/// `[in, out]`.
pub(super) enum Linear {
    /// Contiguous, of the network's own type.
    Float(Tensor),
    /// Laid out for this CPU.
    Int8(Arc<Int8Matrix>),
    /// Two bytes a number, in blocks.
    Halves(Halves),
}

impl Linear {
    /// `x` `[rows, in]` times the matrix: `[rows, out]`.
    pub(super) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Float(matrix) => x.matmul(matrix),
            Self::Int8(matrix) => product(x, matrix.outputs(), |input| matrix.multiply(input)),
            Self::Halves(matrix) => product(x, matrix.outputs(), |input| matrix.multiply(input)),
        }
    }

    /// The columns of some outputs, as rows: `[ids, in]`.
    pub(super) fn look_up(&self, ids: &[u32], width: usize) -> Result<Tensor> {
        let mut rows = Vec::new();
        for &id in ids {
            let found = match self {
                Self::Float(matrix) => {
                    let ids = Tensor::new(ids, matrix.device())?;
                    return matrix.index_select(&ids, 1)?.t()?.contiguous();
                }
                Self::Int8(matrix) => matrix.look_up(id as usize, &mut rows),
                Self::Halves(matrix) => matrix.look_up(id as usize, &mut rows),
            };
            if found.is_none() {
                bail!("no row {id}");
            }
        }
        Tensor::from_vec(rows, (ids.len(), width), &Device::Cpu)
    }
}

/// `x` `[rows, in]` → `[rows, outputs]` by a kernel on plain numbers.
fn product(x: &Tensor, outputs: usize, multiply: impl Fn(&[f32]) -> Option<Vec<f32>>) -> Result<Tensor> {
    x.contiguous()?.apply_op1_no_bwd(&Product { outputs, multiply })
}

struct Product<F> {
    outputs: usize,
    multiply: F,
}

impl<F: Fn(&[f32]) -> Option<Vec<f32>>> CustomOp1 for Product<F> {
    fn name(&self) -> &'static str {
        "product"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, _) = layout.shape().dims2()?;
        let input = storage.as_slice::<f32>()?;
        let Some((start, end)) = layout.contiguous_offsets() else { bail!("rows with gaps") };
        match (self.multiply)(&input[start..end]) {
            Some(product) => Ok((CpuStorage::F32(product), Shape::from((rows, self.outputs)))),
            None => bail!("rows of {:?} for another matrix", layout.shape()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::model::{Topology, reference};

    #[test]
    fn a_large_network_is_taken_in_int8_and_a_small_one_as_it_is() {
        let spec = |layers: usize| {
            let mut config = reference::config(Topology::Full);
            config["num_hidden_layers"] = layers.into();
            config["hidden_size"] = 1024.into();
            ModelSpec::from_bytes(&serde_json::to_vec(&config).unwrap(), Path::new("c")).unwrap()
        };
        let (small, large) = (spec(2), spec(500));
        assert!(small.parameters() < MIN_PARAMETERS && large.parameters() >= MIN_PARAMETERS);
        for (given, of_small, of_large) in [
            ("auto", Held::Stored, Held::Int8),
            ("stored", Held::Stored, Held::Stored),
            ("int8", Held::Int8, Held::Int8),
        ] {
            let given: Precision = given.parse().unwrap();
            assert_eq!(given.held(&small, &Device::Cpu, DType::F32), of_small);
            assert_eq!(given.held(&large, &Device::Cpu, DType::F32), of_large);
        }
        assert_eq!(Precision::Full.held(&large, &Device::Cpu, DType::F32), Held::Floats);
        let error = "int4".parse::<Precision>().unwrap_err().to_string();
        assert!(error.contains("auto, stored, int8"), "{error}");
    }
}

//! Stored tensors → the layout of the pass. Knows blocks' parts by name, and not what they compute.

use candle_core::{DType, Device, Tensor};

use super::{
    config::ModelSpec,
    experts::Experts,
    linear::{Held, Linear},
    mlp::{Mlp, SwiGlu},
    weights::Weights,
};
use crate::{
    EngineError,
    device::kernels::int8::{Int8Builder, Int8Matrix, MAX_INPUTS, Purpose},
};

/// Reads tensors into the layout of the pass.
pub(super) struct Reader<'a> {
    pub(super) weights: &'a Weights,
    pub(super) device: &'a Device,
    pub(super) dtype: DType,
    /// What matrices become.
    pub(super) held: Held,
}

impl Reader<'_> {
    /// q, k and v side by side, and their biases.
    pub(super) fn qkv(
        &self,
        spec: &ModelSpec,
        layer: usize,
    ) -> Result<(Linear, Option<Tensor>), EngineError> {
        let parts: &[&str] = if spec.names.fuses_qkv() { &["qkv"] } else { &["q", "k", "v"] };
        let names = |kind: &str| -> Vec<String> {
            parts.iter().map(|part| format!("model.layers.{layer}.self_attn.{part}_proj.{kind}")).collect()
        };
        let bias = if spec.qkv_bias {
            let all =
                names("bias").iter().map(|name| self.weights.read(name)).collect::<Result<Vec<_>, _>>()?;
            let all = all.concat();
            let size = all.len();
            Some(self.tensor(all, &[size])?)
        } else {
            None
        };
        Ok((self.linear(&names("weight"), spec.hidden)?, bias))
    }

    /// The SwiGLU or the experts of a layer.
    pub(super) fn mlp(&self, spec: &ModelSpec, layer: usize) -> Result<Mlp, EngineError> {
        let at = format!("model.layers.{layer}.mlp");
        let d = spec.hidden;
        let Some(experts) = spec.experts.filter(|experts| layer >= experts.dense_layers) else {
            return self.swiglu(&at, d, spec.intermediate).map(Mlp::Dense);
        };
        let each = |expert| self.swiglu(&format!("{at}.experts.{expert}"), d, experts.width);
        let bias = experts.bias.then(|| self.weights.read(&format!("{at}.gate.expert_bias"))).transpose()?;
        let shared =
            (experts.shared > 0).then(|| self.swiglu(&format!("{at}.shared_experts"), d, experts.shared));
        Ok(Mlp::Experts(Experts {
            spec: experts,
            // A choice is not to be rounded, and it is small.
            router: Reader { held: Held::Floats, ..*self }.linear(&[format!("{at}.gate.weight")], d)?,
            bias,
            experts: (0..experts.count).map(each).collect::<Result<_, _>>()?,
            shared: shared.transpose()?,
        }))
    }

    fn swiglu(&self, at: &str, hidden: usize, width: usize) -> Result<SwiGlu, EngineError> {
        Ok(SwiGlu {
            gate_up: self.linear(&["gate", "up"].map(|part| format!("{at}.{part}_proj.weight")), hidden)?,
            down: self.linear(&[format!("{at}.down_proj.weight")], width)?,
            width,
        })
    }

    /// Matrices of `[out, width]` side by side as one of `[width, sum of outs]`.
    pub(super) fn linear(&self, names: &[String], width: usize) -> Result<Linear, EngineError> {
        if let Some(matrix) = self.int8(names, width, Purpose::Products)? {
            return Ok(Linear::Int8(matrix.into()));
        }
        let parts: Vec<Vec<f32>> =
            names.iter().map(|name| self.weights.read(name)).collect::<Result<_, _>>()?;
        self.columns(&parts.iter().collect::<Vec<_>>(), width).map(Linear::Float)
    }

    /// Matrices of `[out, width]` above one another, if they are to be int8.
    pub(super) fn int8(
        &self,
        names: &[String],
        width: usize,
        purpose: Purpose,
    ) -> Result<Option<Int8Matrix>, EngineError> {
        let is_int8 = match self.held {
            Held::Floats => false,
            Held::StoredInt8 => names.iter().all(|name| self.weights.is_int8(name)),
            Held::Int8 => true,
        };
        if !is_int8 || width > MAX_INPUTS {
            return Ok(None);
        }
        let wrong = || EngineError::Internal(format!("{names:?} is no matrix"));
        let outputs = names.iter().map(|name| self.weights.rows(name)).sum::<Result<usize, _>>()?;
        let mut builder = Int8Builder::new(outputs, width, purpose).ok_or_else(wrong)?;
        for name in names {
            self.weights.int8_pieces(name, |rows, scales| builder.push(rows, scales).ok_or_else(wrong))?;
        }
        builder.finish().ok_or_else(wrong).map(Some)
    }

    fn columns(&self, parts: &[&Vec<f32>], width: usize) -> Result<Tensor, EngineError> {
        let outs: usize = parts.iter().map(|part| part.len() / width).sum();
        let mut turned = vec![0.0; outs * width];
        let rows = parts.iter().flat_map(|part| part.chunks_exact(width));
        for (column, row) in rows.enumerate() {
            for (into, &number) in turned[column..].iter_mut().step_by(outs).zip(row) {
                *into = number;
            }
        }
        self.tensor(turned, &[width, outs])
    }

    pub(super) fn vector(&self, name: &str) -> Result<Tensor, EngineError> {
        let numbers = self.weights.read(name)?;
        let size = numbers.len();
        self.tensor(numbers, &[size])
    }

    pub(super) fn tensor(&self, numbers: Vec<f32>, shape: &[usize]) -> Result<Tensor, EngineError> {
        let tensor =
            Tensor::from_vec(numbers, shape, self.device).and_then(|tensor| tensor.to_dtype(self.dtype));
        tensor.map_err(|error| crate::device::failed(&error))
    }
}

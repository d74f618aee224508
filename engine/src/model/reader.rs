//! Stored tensors → the layout of the pass. Knows blocks' parts by name, and not what they compute.

use candle_core::{DType, Device, Tensor};

use super::{
    config::ModelSpec,
    experts::Experts,
    linear::{Held, Linear},
    mlp::{Mlp, SwiGlu},
    random::Source,
    weights::Stored,
};
use crate::{
    EngineError,
    device::kernels::{
        halves::{Half, Halves},
        int8::{Int8Builder, MAX_INPUTS, Purpose},
    },
};

/// Reads tensors into the layout of the pass.
pub(super) struct Reader<'a> {
    pub(super) source: Source<'a>,
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
                names("bias").iter().map(|name| self.source.read(name)).collect::<Result<Vec<_>, _>>()?;
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
        let bias = experts.bias.then(|| self.source.read(&format!("{at}.gate.expert_bias"))).transpose()?;
        let shared =
            (experts.shared > 0).then(|| self.swiglu(&format!("{at}.shared_experts"), d, experts.shared));
        Ok(Mlp::Experts(Experts {
            spec: experts,
            // A choice is not to be rounded, and it is small.
            router: Reader { held: Held::Floats, source: self.source.clone(), ..*self }
                .linear(&[format!("{at}.gate.weight")], d)?,
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
        self.matrix(names, width, Purpose::Products)
    }

    /// The same, for products or for looking up columns.
    pub(super) fn matrix(
        &self,
        names: &[String],
        width: usize,
        purpose: Purpose,
    ) -> Result<Linear, EngineError> {
        if let Some(matrix) = self.held(names, width, purpose)? {
            return Ok(matrix);
        }
        match &self.source {
            Source::Stored(weights) => {
                let parts: Vec<Vec<f32>> =
                    names.iter().map(|name| weights.read(name)).collect::<Result<_, _>>()?;
                self.columns(&parts.iter().collect::<Vec<_>>(), width).map(Linear::Float)
            }
            Source::Random(_) => self.random(&[width, self.outputs(names)?]).map(Linear::Float),
        }
    }

    /// Matrices of `[out, width]` side by side, if the CPU holds them in fewer bytes than those that are computed with.
    pub(super) fn held(
        &self,
        names: &[String],
        width: usize,
        purpose: Purpose,
    ) -> Result<Option<Linear>, EngineError> {
        let each = |as_stored| names.iter().all(|name| self.source.as_stored(name) == as_stored);
        match self.held {
            Held::Int8 if width <= MAX_INPUTS => self.int8(names, width, purpose).map(Some),
            Held::Stored if each(Stored::Int8) && width <= MAX_INPUTS => {
                self.int8(names, width, purpose).map(Some)
            }
            Held::Stored => [Half::Bf16, Half::F16]
                .into_iter()
                .find(|&half| each(Stored::Half(half)))
                .map(|half| self.halves(half, names, width))
                .transpose(),
            Held::Int8 | Held::Floats => Ok(None),
        }
    }

    fn outputs(&self, names: &[String]) -> Result<usize, EngineError> {
        names.iter().map(|name| self.source.rows(name)).sum()
    }

    fn int8(&self, names: &[String], width: usize, purpose: Purpose) -> Result<Linear, EngineError> {
        let wrong = || no_matrix(names);
        let mut builder = Int8Builder::new(self.outputs(names)?, width, purpose).ok_or_else(wrong)?;
        for name in names {
            let take = |rows: &[i8], scales: &[f32]| builder.push(rows, scales).ok_or_else(wrong);
            match &self.source {
                Source::Stored(weights) => weights.int8_pieces(name, take)?,
                Source::Random(shapes) => super::random::int8(shapes.rows(name), width, take)?,
            }
        }
        Ok(Linear::Int8(builder.finish().ok_or_else(wrong)?.into()))
    }

    fn halves(&self, half: Half, names: &[String], width: usize) -> Result<Linear, EngineError> {
        let wrong = || no_matrix(names);
        let mut matrix = Halves::zeros(half, self.outputs(names)?, width).ok_or_else(wrong)?;
        let mut outputs = 0..;
        for name in names {
            let take =
                |row: &[u16]| outputs.next().and_then(|output| matrix.set(output, row)).ok_or_else(wrong);
            match &self.source {
                Source::Stored(weights) => weights.half_rows(name, take)?,
                Source::Random(shapes) => super::random::bf16(shapes.rows(name), width, take)?,
            }
        }
        Ok(Linear::Halves(matrix))
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
        let numbers = self.source.read(name)?;
        let size = numbers.len();
        self.tensor(numbers, &[size])
    }

    /// `[vocab, hidden]`.
    pub(super) fn embedding(&self, name: &str, vocab: usize, hidden: usize) -> Result<Tensor, EngineError> {
        match &self.source {
            Source::Stored(weights) => self.tensor(weights.read(name)?, &[vocab, hidden]),
            Source::Random(_) => self.random(&[vocab, hidden]),
        }
    }

    fn random(&self, shape: &[usize]) -> Result<Tensor, EngineError> {
        super::random::matrix(shape, self.dtype, self.device).map_err(|error| crate::device::failed(&error))
    }

    fn tensor(&self, numbers: Vec<f32>, shape: &[usize]) -> Result<Tensor, EngineError> {
        let tensor =
            Tensor::from_vec(numbers, shape, self.device).and_then(|tensor| tensor.to_dtype(self.dtype));
        tensor.map_err(|error| crate::device::failed(&error))
    }
}

fn no_matrix(names: &[String]) -> EngineError {
    EngineError::Internal(format!("{names:?} is no matrix"))
}

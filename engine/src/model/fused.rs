//! The block of a network in int8 on the CPU, on plain numbers: no tensor between two operations, and one piece of memory for all
//! blocks.
//!
//! What is done to a row stands beside the product that reads or writes it: norm and rounding, bias and rotation, gate and rounding,
//! adding to the residual stream. The formula is [`transformer`](super::transformer)'s, which has every other network; where
//! each token's row comes from, and who sees whom, is said from outside.

use std::sync::Arc;

use candle_core::{Result, Tensor, bail};

use super::{attention::Sight, config::ModelSpec, linear::Linear, mlp::Mlp, transformer};
use crate::device::kernels::{
    attention::{Heads, attend},
    heads::{Part, Slots, Turns, place},
    int8::{Int8Matrix, Put, Rounded, Rows},
    norm::Norm,
};

/// One block's weights.
pub(super) struct Block {
    norm_in: Vec<f32>,
    qkv: Arc<Int8Matrix>,
    qkv_bias: Option<Vec<f32>>,
    qk_norm: Option<(Vec<f32>, Vec<f32>)>,
    out: Arc<Int8Matrix>,
    norm_mid: Vec<f32>,
    gate_up: Arc<Int8Matrix>,
    down: Arc<Int8Matrix>,
}

/// Memory that every block writes anew; it grows to the largest pass.
#[derive(Default)]
pub(super) struct Room {
    rounded: Rounded,
    qkv: Vec<f32>,
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
    mixed: Vec<f32>,
    gate_up: Vec<f32>,
}

impl Block {
    /// The same block, sharing its matrices; none if one of them is not int8, or there are experts.
    pub(super) fn of(block: &transformer::Block) -> Result<Option<Self>> {
        let Mlp::Dense(mlp) = &block.mlp else { return Ok(None) };
        let (Linear::Int8(qkv), Linear::Int8(out)) = (&block.qkv, &block.out) else { return Ok(None) };
        let (Linear::Int8(gate_up), Linear::Int8(down)) = (&mlp.gate_up, &mlp.down) else { return Ok(None) };
        let qk_norm = match &block.qk_norm {
            Some((q, k)) => Some((numbers(q)?, numbers(k)?)),
            None => None,
        };
        Ok(Some(Self {
            norm_in: numbers(&block.norm_in)?,
            qkv: Arc::clone(qkv),
            qkv_bias: block.qkv_bias.as_ref().map(numbers).transpose()?,
            qk_norm,
            out: Arc::clone(out),
            norm_mid: numbers(&block.norm_mid)?,
            gate_up: Arc::clone(gate_up),
            down: Arc::clone(down),
        }))
    }

    /// Takes the residual stream `x`, `[rows, hidden]`, through the block, which is `layer`; `turns` are the rows' rotations.
    pub(super) fn pass(
        &self,
        spec: &ModelSpec,
        layer: usize,
        x: &mut [f32],
        sight: &Sight<'_>,
        turns: &[Turns],
        room: &mut Room,
    ) -> Result<()> {
        let (rows, width) = (x.len() / spec.hidden, spec.head_dim);
        let eps = spec.norm_eps as f32;
        let Room { rounded, qkv, queries, keys, values, mixed, gate_up } = room;

        let qkv = sized(qkv, rows * self.qkv.outputs());
        fit(self.qkv.product(Rows::Normed(x, Norm { weight: &self.norm_in, eps }), rounded, Put::Over, qkv))?;
        let (norm_q, norm_k) = match &self.qk_norm {
            Some((q, k)) => (Some(Norm { weight: q, eps }), Some(Norm { weight: k, eps })),
            None => (None, None),
        };
        let values_of = Part {
            numbers: qkv,
            stride: self.qkv.outputs(),
            first: (spec.heads + spec.kv_heads) * width,
            heads: spec.kv_heads,
            width,
            bias: self.qkv_bias.as_deref(),
            norm: None,
            turns: &[],
        };
        let keys_of = Part { first: spec.heads * width, norm: norm_k, turns, ..values_of };
        let queries_of = Part { first: 0, heads: spec.heads, norm: norm_q, turns, ..values_of };
        let stride = rows * width;
        let queries = sized(queries, spec.heads * stride);
        fit(place(&queries_of, Slots { data: queries, stride, first: 0 }))?;
        let mixed = sized(mixed, rows * spec.heads * width);
        let seen = &sight.seen.rows;
        if let Some(kept) = sight.rows {
            kept.put(layer, &keys_of, &values_of)?;
            kept.attend(layer, queries, seen, mixed)?;
        } else {
            let (keys, values) = (sized(keys, spec.kv_heads * stride), sized(values, spec.kv_heads * stride));
            fit(place(&keys_of, Slots { data: keys, stride, first: 0 }))?;
            fit(place(&values_of, Slots { data: values, stride, first: 0 }))?;
            let heads = |data| Heads { data, stride, count: spec.kv_heads };
            attend(queries, heads(keys), heads(values), width, seen, mixed);
        }
        fit(self.out.product(Rows::Plain(mixed), rounded, Put::Added, x))?;

        let gate_up = sized(gate_up, rows * self.gate_up.outputs());
        fit(self.gate_up.product(
            Rows::Normed(x, Norm { weight: &self.norm_mid, eps }),
            rounded,
            Put::Over,
            gate_up,
        ))?;
        fit(self.down.product(Rows::Gated(gate_up), rounded, Put::Added, x))
    }
}

/// A tensor's numbers, one after the other.
pub(super) fn numbers(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.flatten_all()?.to_vec1()
}

/// So many numbers, whatever they are.
fn sized(room: &mut Vec<f32>, count: usize) -> &mut [f32] {
    if room.len() < count {
        room.resize(count, 0.0);
    }
    &mut room[..count]
}

/// Kernels refuse what does not fit together.
pub(super) fn fit(done: Option<()>) -> Result<()> {
    match done {
        Some(()) => Ok(()),
        None => bail!("rows that do not fit their block"),
    }
}

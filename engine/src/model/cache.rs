//! Keys and values of rows, layer by layer, in buffers with room to grow.
//!
//! A pass writes its rows behind those that stay; whether they stay is the caller's affair. So a span's rows
//! lie in the same buffer as its context, and attention reads one piece of memory.

use std::ops::Range;

use candle_core::{CpuStorage, DType, Device, InplaceOp1, Layout, Result, Storage, Tensor, bail};

use super::{config::ModelSpec, rope::Angles};
use crate::device::kernels::{
    attention::{Heads, attend},
    heads::{Part, Slots, place},
};

/// Rows that a buffer grows by.
const GROWTH_ROWS: usize = 128;

/// One layer's keys and values: `[kv_heads, capacity, head_dim]` each.
#[derive(Clone)]
struct Layer {
    keys: Tensor,
    values: Tensor,
}

/// Keys and values of the rows of one context, and of whatever the last pass wrote behind them.
pub(super) struct Rows {
    layers: Vec<Layer>,
    capacity: usize,
    /// Rows that stay.
    pub(super) len: usize,
}

impl Rows {
    /// Empty buffers with room for `rows`.
    pub(super) fn new(spec: &ModelSpec, rows: usize, dtype: DType, device: &Device) -> Result<Self> {
        let capacity = rows.div_ceil(GROWTH_ROWS) * GROWTH_ROWS;
        let shape = (spec.kv_heads, capacity, spec.head_dim);
        let layer = || -> Result<Layer> {
            Ok(Layer {
                keys: Tensor::zeros(shape, dtype, device)?,
                values: Tensor::zeros(shape, dtype, device)?,
            })
        };
        Ok(Self { layers: (0..spec.layers).map(|_| layer()).collect::<Result<_>>()?, capacity, len: 0 })
    }

    /// Room for `more` rows behind those that stay.
    pub(super) fn reserve(&mut self, more: usize) -> Result<()> {
        if self.len + more > self.capacity {
            let grown = (self.len + more).div_ceil(GROWTH_ROWS) * GROWTH_ROWS;
            *self = self.copied(self.len, grown)?;
        }
        Ok(())
    }

    /// A copy of the first `len` rows, for a context that goes on differently.
    pub(super) fn copied(&self, len: usize, rows: usize) -> Result<Self> {
        let capacity = rows.max(len).div_ceil(GROWTH_ROWS).max(1) * GROWTH_ROWS;
        let grow = |old: &Tensor| -> Result<Tensor> {
            let (heads, _, width) = old.dims3()?;
            let new = Tensor::zeros((heads, capacity, width), old.dtype(), old.device())?;
            if len > 0 {
                new.slice_set(&old.narrow(1, 0, len)?.contiguous()?, 1, 0)?;
            }
            Ok(new)
        };
        let copy = |layer: &Layer| -> Result<Layer> {
            Ok(Layer { keys: grow(&layer.keys)?, values: grow(&layer.values)? })
        };
        Ok(Self { layers: self.layers.iter().map(copy).collect::<Result<_>>()?, capacity, len })
    }

    /// A copy of some rows in the order of `index`, with room for `rows`.
    pub(super) fn gathered(&self, index: &[u32], rows: usize) -> Result<Self> {
        let capacity = rows.max(index.len()).div_ceil(GROWTH_ROWS).max(1) * GROWTH_ROWS;
        let gather = |old: &Tensor| -> Result<Tensor> {
            let (heads, _, width) = old.dims3()?;
            let new = Tensor::zeros((heads, capacity, width), old.dtype(), old.device())?;
            if !index.is_empty() {
                new.slice_set(&old.index_select(&Tensor::new(index, old.device())?, 1)?, 1, 0)?;
            }
            Ok(new)
        };
        let copy = |layer: &Layer| -> Result<Layer> {
            Ok(Layer { keys: gather(&layer.keys)?, values: gather(&layer.values)? })
        };
        let layers = self.layers.iter().map(copy).collect::<Result<_>>()?;
        Ok(Self { layers, capacity, len: index.len() })
    }

    /// Rotates the keys of the rows that stay on by `angles`, one for each: R(a + b) = R(b) R(a).
    pub(super) fn turn(&self, angles: &Angles) -> Result<()> {
        for layer in &self.layers {
            let turned = angles.rotate(&layer.keys.narrow(1, 0, self.len)?.contiguous()?)?;
            layer.keys.slice_set(&turned, 1, 0)?;
        }
        Ok(())
    }

    /// Writes a pass's rows of one layer behind those that stay, and gives all back up to their end.
    /// `keys`, `values`: `[kv_heads, rows, head_dim]`.
    pub(super) fn write(&self, layer: usize, keys: &Tensor, values: &Tensor) -> Result<(Tensor, Tensor)> {
        let Some(kept) = self.layers.get(layer) else { candle_core::bail!("layer {layer} has no cache") };
        let end = self.len + keys.dim(1)?;
        kept.keys.slice_set(keys, 1, self.len)?;
        kept.values.slice_set(values, 1, self.len)?;
        Ok((kept.keys.narrow(1, 0, end)?, kept.values.narrow(1, 0, end)?))
    }

    /// [`write`](Self::write) for the CPU's kernels: `keys` and `values` are put where they belong.
    pub(super) fn put(&self, layer: usize, keys: &Part<'_>, values: &Part<'_>) -> Result<()> {
        let Some(kept) = self.layers.get(layer) else { bail!("layer {layer} has no cache") };
        kept.keys.inplace_op1(&Write { part: keys, first: self.len })?;
        kept.values.inplace_op1(&Write { part: values, first: self.len })
    }

    /// The CPU's attention over one layer's rows; see [`attend`].
    pub(super) fn attend(
        &self,
        layer: usize,
        queries: &[f32],
        seen: &[(usize, Range<usize>)],
        out: &mut [f32],
    ) -> Result<()> {
        let Some(kept) = self.layers.get(layer) else { bail!("layer {layer} has no cache") };
        let (count, _, width) = kept.keys.dims3()?;
        let (keys, keys_at) = kept.keys.storage_and_layout();
        let (values, values_at) = kept.values.storage_and_layout();
        let (Storage::Cpu(keys), Storage::Cpu(values)) = (&*keys, &*values) else {
            bail!("a cache on another device")
        };
        let heads = |numbers, at| -> Result<Heads<'_>> {
            Ok(Heads { data: plain(numbers, at)?, stride: self.capacity * width, count })
        };
        attend(queries, heads(keys, keys_at)?, heads(values, values_at)?, width, seen, out);
        Ok(())
    }

    /// Rows that there is memory for.
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Rows that a pass can write behind those that stay.
    pub(super) fn room(&self) -> usize {
        self.capacity - self.len
    }

    /// Bytes of all buffers.
    pub(super) fn bytes(&self) -> usize {
        let one = |tensor: &Tensor| tensor.elem_count() * tensor.dtype().size_in_bytes();
        self.layers.iter().map(|layer| one(&layer.keys) + one(&layer.values)).sum()
    }

    /// The first layer's keys and values of `rows` rows: they depend on a row's token and position alone.
    #[cfg(test)]
    pub(super) fn first_layer(&self, rows: usize) -> [Vec<Vec<f32>>; 2] {
        let per_row = |tensor: &Tensor| -> Result<Vec<Vec<f32>>> {
            tensor.narrow(1, 0, rows)?.transpose(0, 1)?.contiguous()?.flatten_from(1)?.to_vec2()
        };
        let layer = &self.layers[0];
        [per_row(&layer.keys).unwrap(), per_row(&layer.values).unwrap()]
    }
}

/// A buffer's numbers.
fn plain<'s>(numbers: &'s CpuStorage, at: &Layout) -> Result<&'s [f32]> {
    let Some((start, end)) = at.contiguous_offsets() else { bail!("numbers with gaps") };
    Ok(&numbers.as_slice::<f32>()?[start..end])
}

/// Puts heads behind the rows that stay, as an operation on a buffer.
struct Write<'a> {
    part: &'a Part<'a>,
    first: usize,
}

impl InplaceOp1 for Write<'_> {
    fn name(&self) -> &'static str {
        "write"
    }

    fn cpu_fwd(&self, numbers: &mut CpuStorage, at: &Layout) -> Result<()> {
        let (_, capacity, width) = at.shape().dims3()?;
        let (CpuStorage::F32(data), Some((start, end))) = (numbers, at.contiguous_offsets()) else {
            bail!("a buffer of another type")
        };
        let slots = Slots { data: &mut data[start..end], stride: capacity * width, first: self.first };
        match place(self.part, slots) {
            Some(()) => Ok(()),
            None => bail!("rows that their buffer has no room for"),
        }
    }
}

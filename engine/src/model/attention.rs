//! Grouped attention of some rows over all rows that they see.

use std::ops::Range;

use candle_core::{CpuStorage, CustomOp3, D, DType, Device, Layout, Result, Shape, Tensor, bail};
use candle_nn::ops;

use super::{cache::Rows, rope::Angles};
use crate::device::kernels::attention::{Heads, attend};

/// Which rows each row of a pass sees.
pub(super) struct Seen {
    /// For each row: how many of the first rows, and which further on.
    pub(super) rows: Vec<(usize, Range<usize>)>,
    /// All rows there are, those before the pass included.
    count: usize,
}

impl Seen {
    /// All of `before`, and of its own group those up to itself.
    pub(super) fn causal(before: usize, groups: &[usize]) -> Self {
        Self::new(before, groups, |start, row, _| start..row + 1)
    }

    /// All of `before`, and all of its own group.
    pub(super) fn whole(before: usize, groups: &[usize]) -> Self {
        Self::new(before, groups, |start, _, length| start..start + length)
    }

    /// Of its own group, all up to the end of its own block of `size`; blocks count from the group's first row.
    pub(super) fn blocks(groups: &[usize], size: usize) -> Self {
        Self::new(0, groups, |start, row, length| {
            start..start + (((row - start) / size + 1) * size).min(length)
        })
    }

    fn new(before: usize, groups: &[usize], own: impl Fn(usize, usize, usize) -> Range<usize>) -> Self {
        let mut rows = Vec::new();
        let mut start = before;
        for &length in groups {
            rows.extend((start..start + length).map(|row| (before, own(start, row, length))));
            start += length;
        }
        Self { rows, count: start }
    }

    /// The same to be added to scores, 0 where a row sees and −∞ where not: `[rows, seen]`. `None` where the CPU's
    /// kernel does without, or every row sees all.
    pub(super) fn mask(&self, device: &Device, dtype: DType) -> Result<Option<Tensor>> {
        let sees_all = |(before, own): &(usize, Range<usize>)| *before == own.start && own.end == self.count;
        if has_kernel(device, dtype) || self.rows.iter().all(sees_all) {
            return Ok(None);
        }
        let mut mask = vec![f32::NEG_INFINITY; self.rows.len() * self.count];
        for (line, (before, own)) in mask.chunks_exact_mut(self.count).zip(&self.rows) {
            line[..*before].fill(0.0);
            line[own.clone()].fill(0.0);
        }
        Tensor::from_vec(mask, (self.rows.len(), self.count), device)?.to_dtype(dtype).map(Some)
    }
}

/// Whether attention is computed by our own kernel.
fn has_kernel(device: &Device, dtype: DType) -> bool {
    device.is_cpu() && dtype == DType::F32
}

/// What one pass's attention needs beside the block's own weights.
pub(super) struct Sight<'a> {
    /// Angles of the rows; where two, the first is for the first half of the heads.
    pub(super) angles: &'a [Angles],
    /// Where keys and values lie; without it rows see each other only.
    pub(super) rows: Option<&'a Rows>,
    /// What each row sees.
    pub(super) seen: &'a Seen,
    /// The same, added to the scores, where that is needed.
    pub(super) mask: Option<Tensor>,
}

impl Sight<'_> {
    /// Rotates `x` of `[heads, rows, head_dim]`.
    pub(super) fn rotate(&self, x: &Tensor) -> Result<Tensor> {
        match self.angles {
            [all] => all.rotate(x),
            [left, right] => {
                let half = x.dim(0)? / 2;
                let (first, second) = (x.narrow(0, 0, half)?, x.narrow(0, half, half)?);
                Tensor::cat(&[left.rotate(&first.contiguous()?)?, right.rotate(&second.contiguous()?)?], 0)
            }
            _ => candle_core::bail!("one or two sets of angles"),
        }
    }

    /// Attention of `layer`: queries `[heads, rows, head_dim]`, keys and values `[kv_heads, rows, head_dim]`, all
    /// contiguous; gives `[rows, heads * head_dim]`.
    pub(super) fn attend(
        &self,
        layer: usize,
        queries: &Tensor,
        keys: &Tensor,
        values: &Tensor,
    ) -> Result<Tensor> {
        let (heads, rows, width) = queries.dims3()?;
        let kv_heads = keys.dim(0)?;
        let group = heads / kv_heads;
        let (keys, values) = match self.rows {
            Some(kept) => kept.write(layer, keys, values)?,
            None => (keys.clone(), values.clone()),
        };
        if has_kernel(queries.device(), queries.dtype()) {
            return queries.apply_op3_no_bwd(&keys, &values, &Kernel(self.seen));
        }
        let seen = keys.dim(1)?;
        // The query heads that share a key head are rows of one product.
        let queries = (queries.reshape((kv_heads, group * rows, width))? * (width as f64).powf(-0.5))?;
        let scores = queries.matmul(&keys.t()?)?;
        let scores = match &self.mask {
            Some(mask) => scores.reshape((heads, rows, seen))?.broadcast_add(mask)?.reshape((
                kv_heads,
                group * rows,
                seen,
            ))?,
            None => scores,
        };
        let shares = ops::softmax_last_dim(&scores)?;
        let mixed = shares.matmul(&values)?;
        debug_assert_eq!(mixed.dim(D::Minus1)?, width);
        mixed.reshape((heads, rows, width))?.transpose(0, 1)?.reshape((rows, heads * width))
    }
}

/// The CPU's kernel as an operation on tensors.
struct Kernel<'a>(&'a Seen);

impl CustomOp3 for Kernel<'_> {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(
        &self,
        queries: &CpuStorage,
        queries_at: &Layout,
        keys: &CpuStorage,
        keys_at: &Layout,
        values: &CpuStorage,
        values_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (heads, rows, width) = queries_at.shape().dims3()?;
        let Some((start, end)) = queries_at.contiguous_offsets() else { bail!("queries with gaps") };
        if rows != self.0.rows.len() {
            bail!("{rows} rows, and sight for {}", self.0.rows.len());
        }
        let mut out = vec![0.0; rows * heads * width];
        let queries = &queries.as_slice::<f32>()?[start..end];
        let (keys, values) = (self.heads(keys, keys_at, width)?, self.heads(values, values_at, width)?);
        attend(queries, keys, values, width, &self.0.rows, &mut out);
        Ok((CpuStorage::F32(out), Shape::from((rows, heads * width))))
    }
}

impl Kernel<'_> {
    /// `[kv_heads, rows, width]`, its rows without gaps, as the kernel takes it.
    fn heads<'s>(&self, storage: &'s CpuStorage, at: &Layout, width: usize) -> Result<Heads<'s>> {
        let (count, rows, own) = at.shape().dims3()?;
        let &[stride, row, 1] = at.stride() else { bail!("numbers with gaps") };
        if own != width || row != width || rows != self.0.count {
            bail!("{:?} for {} rows of {width}", at.shape(), self.0.count);
        }
        let data = storage.as_slice::<f32>()?.get(at.start_offset()..).unwrap_or_default();
        Ok(Heads { data, stride, count })
    }
}

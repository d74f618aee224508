//! Grouped attention of some rows over all rows that they see.

use candle_core::{D, Result, Tensor};
use candle_nn::ops;

use super::{cache::Rows, rope::Angles};

/// What one pass's attention needs beside the block's own weights.
pub(super) struct Sight<'a> {
    /// Angles of the rows; where two, the first is for the first half of the heads.
    pub(super) angles: &'a [Angles],
    /// Where keys and values lie; without it rows see each other only.
    pub(super) rows: Option<&'a Rows>,
    /// Added to the scores: `[rows, seen]`, 0 or −∞; without it each row sees all.
    pub(super) mask: Option<&'a Tensor>,
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
        let seen = keys.dim(1)?;
        // The query heads that share a key head are rows of one product.
        let queries = (queries.reshape((kv_heads, group * rows, width))? * (width as f64).powf(-0.5))?;
        let scores = queries.matmul(&keys.t()?)?;
        let scores = match self.mask {
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

//! A context that a network has read, and where its suffix stands.

use std::sync::Arc;

use candle_core::Tensor;

use super::{
    cache::Rows,
    config::{ModelSpec, Topology, signs::FillOrder},
};
use crate::diffusion::Blocks;

/// The least that the prefix can grow before the suffix is encoded anew, in tokens.
const MIN_STRIDE: usize = 16;

/// A context that a network has read; cheap to clone.
#[derive(Clone)]
pub struct Context {
    pub(super) suffix: Arc<[u32]>,
    pub(super) prefix: Arc<[u32]>,
    /// Position of the first suffix token.
    pub(super) horizon: usize,
    /// Keys and values of suffix and prefix; none for networks that cannot keep them.
    pub(super) rows: Option<Arc<Rows>>,
    /// The last prefix row's hidden state, `[1, hidden]`.
    pub(super) last: Option<Tensor>,
}

/// What reading a context took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContextStats {
    /// Tokens of suffix and prefix.
    pub tokens: usize,
    /// Of these, the ones whose keys and values were at hand.
    pub reused: usize,
}

impl Context {
    /// A context of which nothing can be kept: its tokens, in the order in which the network has to see them.
    pub(super) fn unread(spec: &ModelSpec, suffix: Vec<u32>, prefix: Vec<u32>, horizon: usize) -> Self {
        let before = prefix.len();
        let (suffix, mut prefix) = match spec.topology {
            Topology::BlockCausal(_) => (Vec::new(), prompt(spec, &suffix, &prefix)),
            Topology::Full | Topology::ContextExact => (suffix, prefix),
        };
        if spec.logit_shift && prefix.is_empty() {
            // The row before the span predicts its first token, so there must be one.
            prefix.push(spec.bos.or(spec.eos).unwrap_or(spec.mask).0);
        }
        let horizon = (horizon + prefix.len()).saturating_sub(before);
        Self { suffix: suffix.into(), prefix: prefix.into(), horizon, rows: None, last: None }
    }

    /// How a span in this context is decided: at once, or in the model's blocks where it is causal from block to block.
    #[must_use]
    pub fn blocks(&self, spec: &ModelSpec) -> Blocks {
        match spec.topology {
            Topology::BlockCausal(length) => {
                Blocks { before: self.prefix.len() % length.max(1), ..Blocks::of(length) }
            }
            Topology::Full | Topology::ContextExact => Blocks::WHOLE,
        }
    }

    /// The longest span that this context was read for, in tokens.
    #[must_use]
    pub fn room(&self) -> usize {
        self.horizon.saturating_sub(self.prefix.len())
    }
}

/// The row before the span where nothing behind it is seen: a fill-in-the-middle prompt, if the tokenizer has one.
fn prompt(spec: &ModelSpec, suffix: &[u32], prefix: &[u32]) -> Vec<u32> {
    let Some(fill_in) = spec.fill_in.filter(|_| !suffix.is_empty()) else { return prefix.to_vec() };
    let [first, second, end] = fill_in.markers.map(|marker| [marker.0]);
    let (one, other) = match fill_in.order {
        FillOrder::SuffixFirst => (suffix, prefix),
        FillOrder::PrefixFirst => (prefix, suffix),
    };
    [&first, one, &second, other, &end].concat()
}

/// Where the suffix stands: a position that holds still while the prefix grows by a stride, with room for the span
/// between. A function of lengths alone, so that the same request always has the same answer.
#[must_use]
pub fn horizon(spec: &ModelSpec, prefix: usize, span: usize) -> usize {
    let room = spec.decode.max_span.min(spec.span_gap).max(span);
    let stride = spec.span_gap.saturating_sub(room).max(MIN_STRIDE);
    room + (prefix / stride + 1) * stride
}

/// How many tokens two rows begin with in common.
pub(super) fn shared_start(one: &[u32], other: &[u32]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

//! Whole canvases of one hole in as few passes as memory allows: CAL's candidate lengths, first canvases, drafts.
//!
//! Nothing is kept of a context that reads both ways, so each canvas is all of its rows; but they lie behind one another
//! in one pass, each seeing itself alone, and the weights are read once for all of them. It decides nothing.

use candle_core::Tensor;

use super::{
    attention::Seen,
    config::Topology,
    context::Context,
    denoise::{batches, lengths},
    need,
    network::Network,
};
use crate::diffusion::CanvasIdx;

/// Hidden states of the wanted rows of each span, `[wanted, hidden]`, span by span. A pass takes no more rows than the
/// longest canvas has, which is what memory was reckoned for, or one canvas.
pub(super) fn hidden(
    network: &Network,
    context: &Context,
    spans: &[Vec<u32>],
    wanted: &[&[CanvasIdx]],
) -> candle_core::Result<Tensor> {
    let shift = usize::from(network.spec.logit_shift);
    let canvases: Vec<Vec<u32>> =
        spans.iter().map(|span| [&context.prefix[..], span, &context.suffix].concat()).collect();
    let mut found = Vec::new();
    let mut wanted = wanted.iter();
    for batch in batches(&canvases, need::canvas(&network.spec) as usize) {
        let lengths = lengths(batch);
        let mut rows = Vec::new();
        let mut start = 0;
        for (length, wanted) in lengths.iter().zip(wanted.by_ref()) {
            let row = |row: &CanvasIdx| (start + (context.prefix.len() + row.0).saturating_sub(shift)) as u32;
            rows.extend(wanted.iter().map(row));
            start += length;
        }
        if rows.is_empty() {
            continue;
        }
        let positions: Vec<u32> = lengths.iter().flat_map(|&length| 0..length as u32).collect();
        let seen = match network.spec.topology {
            Topology::BlockCausal(size) => Seen::blocks(&lengths, size),
            Topology::Full | Topology::ContextExact => Seen::whole(0, &lengths),
        };
        let hidden = network.pass(&batch.concat(), &[&positions], None, &seen)?;
        found.push(hidden.index_select(&Tensor::new(rows, &network.body.device)?, 0)?);
    }
    Tensor::cat(&found, 0)
}

#[cfg(test)]
#[path = "packed_tests.rs"]
mod tests;

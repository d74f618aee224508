//! The network as the sampler's [`Denoiser`]: spans in, logits of the wanted rows out.

use candle_core::Tensor;

use super::{
    attention::Seen,
    context::Context,
    kept,
    network::{Network, SPAN_ROWS},
    packed,
};
use crate::{
    EngineError,
    device::failed,
    diffusion::{CanvasIdx, Denoiser},
    tokens::TokenId,
};

/// The logit of what cannot be an answer. Finite, so that no arithmetic makes a NaN of it.
pub(super) const BANNED: f32 = -1.0e9;

/// Speaks for a network in one context.
pub struct NetworkDenoiser<'n> {
    network: &'n Network,
    context: &'n Context,
    exact: bool,
}

impl<'n> NetworkDenoiser<'n> {
    pub(super) fn new(network: &'n Network, context: &'n Context) -> Self {
        Self { network, context, exact: false }
    }

    /// The same, reading everything in each step whatever the config says.
    #[must_use]
    pub fn exact(self) -> Self {
        Self { exact: true, ..self }
    }

    /// Hidden states of the wanted rows of a batch of spans, `[wanted, hidden]`.
    fn hidden(&self, spans: &[Vec<u32>], wanted: &[&[CanvasIdx]]) -> candle_core::Result<Tensor> {
        let (network, context) = (self.network, self.context);
        // Several spans in one call are first canvases: those are always read exactly.
        if let (Some(vicinity), [span], false) = (network.keeps(), spans, self.exact) {
            let (hidden, left) = kept::pass(network, context, span, vicinity)?;
            let shift = usize::from(network.spec.logit_shift);
            let rows: Vec<u32> = wanted
                .iter()
                .copied()
                .flatten()
                .map(|row| (left + row.0).saturating_sub(shift) as u32)
                .collect();
            return hidden.index_select(&Tensor::new(rows, &network.body.device)?, 0);
        }
        let mut rows = Vec::new();
        let hidden = match &context.rows {
            Some(kept) => {
                let (mut left, mut right) = (Vec::new(), Vec::new());
                for (span, wanted) in spans.iter().zip(wanted) {
                    rows.extend(wanted.iter().map(|row| (left.len() + row.0) as u32));
                    let last = context.horizon.saturating_sub(span.len());
                    left.extend((0..span.len()).map(|j| (context.prefix.len() + j) as u32));
                    right.extend((0..span.len()).map(|j| (last + j) as u32));
                }
                let seen = Seen::whole(kept.len, &lengths(spans));
                network.pass(&spans.concat(), &[&left, &right], Some(kept), &seen)?
            }
            // Nothing is kept of the context: each span is a row of its own.
            None => return packed::hidden(network, context, spans, wanted),
        };
        hidden.index_select(&Tensor::new(rows, &network.body.device)?, 0)
    }
}

impl Denoiser for NetworkDenoiser<'_> {
    fn vocab(&self) -> usize {
        self.network.spec.vocab
    }

    fn logits(
        &mut self,
        spans: &[&[TokenId]],
        rows: &[&[CanvasIdx]],
        logits: &mut Vec<f32>,
    ) -> Result<(), EngineError> {
        let wrong = |reason: String| EngineError::BadRequest { field: "span", reason };
        if spans.len() != rows.len() {
            return Err(wrong(format!("{} spans and {} sets of rows", spans.len(), rows.len())));
        }
        for (span, rows) in spans.iter().zip(rows) {
            if span.len() > self.context.room() {
                return Err(wrong(format!(
                    "has {} tokens; the context was read for at most {}",
                    span.len(),
                    self.context.room()
                )));
            }
            if rows.iter().any(|row| row.0 >= span.len()) {
                return Err(wrong(format!("a row beyond its {} tokens is wanted", span.len())));
            }
        }
        let ids = spans.iter().map(|span| self.network.ids(span)).collect::<Result<Vec<_>, _>>()?;
        let most = self.context.rows.as_ref().map_or(SPAN_ROWS, |rows| rows.room());
        // All of them are written: what the last call left need not be wiped.
        logits.resize(rows.iter().map(|rows| rows.len()).sum::<usize>() * self.network.spec.vocab, 0.0);
        let (mut done, mut left) = (0, &mut logits[..]);
        for batch in batches(&ids, most) {
            let wanted = &rows[done..done + batch.len()];
            done += batch.len();
            let count = wanted.iter().map(|rows| rows.len()).sum::<usize>() * self.network.spec.vocab;
            if count == 0 {
                continue;
            }
            let (own, rest) = std::mem::take(&mut left).split_at_mut(count);
            left = rest;
            let answer = self
                .network
                .pool
                .install(|| self.network.body.logits_into(&self.hidden(batch, wanted)?, own));
            answer.map_err(|error| failed(&error))?;
        }
        for row in logits.chunks_exact_mut(self.network.spec.vocab) {
            self.network.banned.iter().for_each(|&id| row[id as usize] = BANNED);
        }
        Ok(())
    }
}

pub(super) fn lengths(batch: &[Vec<u32>]) -> Vec<usize> {
    batch.iter().map(Vec::len).collect()
}

/// `groups` in order, in batches of at most `most` rows each (or one group).
pub(super) fn batches(groups: &[Vec<u32>], most: usize) -> Vec<&[Vec<u32>]> {
    let mut all = Vec::new();
    let (mut start, mut rows) = (0, 0);
    for (at, group) in groups.iter().enumerate() {
        if at > start && rows + group.len() > most {
            all.push(&groups[start..at]);
            (start, rows) = (at, 0);
        }
        rows += group.len();
    }
    all.push(&groups[start..]);
    all
}

//! Denoisers made of others: the pool's winner in the lead, and prior and network together.

use crate::{
    EngineError,
    diffusion::{CanvasIdx, Denoiser, Marks, confidence::softmax},
    prior::{Pool, PriorDenoiser},
    tokens::TokenId,
};

/// How far below the leader's logit all others are kept.
const LEAD: f32 = 1e-3;

/// A denoiser that never answers against one hypothesis: the likeliest line is not the line of the likeliest tokens.
pub(super) struct Leading<'a, D> {
    pub(super) inner: D,
    pub(super) leader: &'a [TokenId],
}

impl<D: Denoiser> Denoiser for Leading<'_, D> {
    fn vocab(&self) -> usize {
        self.inner.vocab()
    }

    fn logits(
        &mut self,
        spans: &[&[TokenId]],
        rows: &[&[CanvasIdx]],
        logits: &mut Vec<f32>,
    ) -> Result<(), EngineError> {
        self.inner.logits(spans, rows, logits)?;
        let wanted = rows.iter().flat_map(|rows| rows.iter());
        for (at, row) in wanted.zip(logits.chunks_exact_mut(self.inner.vocab().max(1))) {
            let Some(leader) = self.leader.get(at.0).map(|token| token.0 as usize) else { continue };
            let Some(&logit) = row.get(leader).filter(|logit| !logit.is_nan()) else { continue };
            let most = logit - LEAD;
            for other in row.iter_mut() {
                *other = if *other < most { *other } else { most };
            }
            row[leader] = logit;
        }
        Ok(())
    }
}

/// p = (prior + w·network) / (1 + w), as long as some hypothesis agrees with all that is committed; then the network
/// alone. A mean of probabilities, not of logarithms: what the pool lacks must not be impossible.
pub(super) struct Mixture<'a> {
    pub(super) prior: PriorDenoiser<'a>,
    pub(super) pool: &'a Pool,
    pub(super) network: &'a mut dyn Denoiser,
    pub(super) weight: f32,
    pub(super) marks: Marks,
    scratch: Vec<f32>,
}

impl<'a> Mixture<'a> {
    /// Of a pool and a network.
    pub(super) fn new(pool: &'a Pool, network: &'a mut dyn Denoiser, weight: f32, marks: Marks) -> Self {
        let prior = PriorDenoiser::new(pool, marks, network.vocab());
        Self { prior, pool, network, weight, marks, scratch: Vec::new() }
    }

    /// Whether a hypothesis agrees with all that is committed.
    fn knows(&self, span: &[TokenId]) -> bool {
        let agrees = |tokens: &[TokenId]| {
            span.iter()
                .enumerate()
                .all(|(at, token)| *token == self.marks.mask || tokens.get(at) == Some(token))
        };
        self.pool.hypotheses.iter().any(|hypothesis| agrees(&hypothesis.tokens))
    }
}

impl Denoiser for Mixture<'_> {
    fn vocab(&self) -> usize {
        self.network.vocab()
    }

    fn logits(
        &mut self,
        spans: &[&[TokenId]],
        rows: &[&[CanvasIdx]],
        logits: &mut Vec<f32>,
    ) -> Result<(), EngineError> {
        self.network.logits(spans, rows, logits)?;
        let vocab = self.network.vocab().max(1);
        let mut mixed = logits.chunks_exact_mut(vocab);
        for (span, rows) in spans.iter().zip(rows) {
            let knows = self.knows(span);
            if knows {
                self.prior.logits(&[span], &[rows], &mut self.scratch)?;
            }
            let mut prior = self.scratch.chunks_exact_mut(vocab);
            for row in mixed.by_ref().take(rows.len()) {
                let (true, Some(prior)) = (knows, prior.next()) else { continue };
                if softmax(row).and(softmax(prior)).is_none() {
                    return Err(EngineError::Internal("the network's logits are not finite".to_owned()));
                }
                for (p, &q) in row.iter_mut().zip(prior.iter()) {
                    *p = ((q + self.weight * *p) / (1.0 + self.weight)).ln();
                }
            }
        }
        Ok(())
    }
}

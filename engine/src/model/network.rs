//! A loaded network, and the contexts it remembers.
//!
//! Context-exact networks keep a context's keys and values: typing appends rows, and nothing else is computed
//! again. What is reused is exact, so an answer does not depend on what was asked before; for the same reason
//! the place of the suffix, [`horizon`](super::context::horizon), depends on the request alone.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use rayon::ThreadPool;

use super::{
    attention::{Seen, Sight},
    cache::Rows,
    config::{ModelSpec, Topology},
    context::{Context, ContextStats, horizon, shared_start},
    denoise::NetworkDenoiser,
    kept::{self, Shelf},
    linear::Precision,
    need::Need,
    random::Source,
    transformer::Transformer,
    weights::Weights,
};
use crate::{
    EngineError,
    device::failed,
    diffusion::{CanvasIdx, Denoiser},
    tokens::TokenId,
};

/// Bytes of keys and values remembered, beyond which the oldest context goes.
pub(super) const MAX_REMEMBERED_BYTES: usize = 48 * 1024 * 1024;
/// Rows of context in one pass: bounds the memory of its scores.
pub(super) const PASS_ROWS: usize = 256;
/// Rows of spans in one pass.
pub(super) const SPAN_ROWS: usize = 256;
/// Prefix rows given up in place; a context that shares less is left as it is and copied.
const REWOUND_ROWS: usize = 32;
/// What is computed with where nobody says.
pub(super) const DTYPE: DType = DType::F32;

/// A network on its device.
pub struct Network {
    pub(super) spec: ModelSpec,
    pub(super) body: Transformer,
    pub(super) pool: ThreadPool,
    /// The latest last.
    remembered: Vec<Context>,
    /// Of networks that see both ways, where their config says so.
    pub(super) kept: Shelf,
    pub(super) banned: Vec<u32>,
    need: Need,
}

impl Network {
    /// Reads weights onto a device, `threads` CPU threads computing.
    ///
    /// # Errors
    /// [`EngineError::ModelFile`] for a fault in the weights, [`EngineError::TooLarge`] if they do not fit.
    pub fn new(
        spec: &ModelSpec,
        weights: &Weights,
        device: &Device,
        threads: usize,
        precision: Precision,
    ) -> Result<Self, EngineError> {
        Self::computing_in(DTYPE, spec, Source::Stored(weights), device, threads, precision)
    }

    /// The same in another type, or of random numbers.
    pub(super) fn computing_in(
        dtype: DType,
        spec: &ModelSpec,
        source: Source<'_>,
        device: &Device,
        threads: usize,
        precision: Precision,
    ) -> Result<Self, EngineError> {
        let held = precision.held(spec, device, dtype);
        let need = Need::with(spec, source.stored(), dtype, held);
        need.ensure(device)?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.max(1))
            .thread_name(|n| format!("network-{n}"))
            .build()
            .map_err(|error| EngineError::Device { reason: error.to_string(), sticky: false })?;
        let body = Transformer::new(spec, source, device, dtype, held)?;
        let mut network = Self {
            spec: spec.clone(),
            body,
            pool,
            remembered: Vec::new(),
            kept: Shelf::default(),
            banned: Vec::new(),
            need,
        };
        network.check()?;
        Ok(network)
    }

    /// Memory that it needs.
    #[must_use]
    pub fn need(&self) -> Need {
        self.need
    }

    /// What the network is.
    #[must_use]
    pub fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// Waits until the device has done all that it was told.
    ///
    /// # Errors
    /// [`EngineError::Device`] if it failed meanwhile.
    pub fn wait(&self) -> Result<(), EngineError> {
        self.body.device.synchronize().map_err(|error| failed(&error))
    }

    /// Tokens that the sampler must never see proposed: signs without a meaning in a span, and rows that the
    /// tokenizer has no token for.
    pub fn ban(&mut self, tokens: impl IntoIterator<Item = TokenId>) {
        self.banned =
            tokens.into_iter().map(|token| token.0).filter(|&id| (id as usize) < self.spec.vocab).collect();
    }

    /// Forgets every context: after a panic, one may be half written.
    pub fn forget(&mut self) {
        self.remembered.clear();
        self.kept.clear();
    }

    /// Reads a context for spans of up to `span` tokens; what an earlier one shares with it is not computed again.
    ///
    /// # Errors
    /// [`EngineError::BadRequest`] for ids that the vocabulary lacks, [`EngineError::Device`] if the device fails.
    pub fn encode_context(
        &mut self,
        suffix: &[TokenId],
        prefix: &[TokenId],
        span: usize,
    ) -> Result<(Context, ContextStats), EngineError> {
        let horizon = horizon(&self.spec, prefix.len(), span);
        self.encode_at(suffix, prefix, span, horizon)
    }

    /// [`encode_context`](Self::encode_context) with the suffix at the position `horizon`.
    pub(super) fn encode_at(
        &mut self,
        suffix: &[TokenId],
        prefix: &[TokenId],
        span: usize,
        horizon: usize,
    ) -> Result<(Context, ContextStats), EngineError> {
        let (suffix, prefix) = (self.ids(suffix)?, self.ids(prefix)?);
        let tokens = suffix.len() + prefix.len();
        if self.spec.topology != Topology::ContextExact {
            let context = Context::unread(&self.spec, suffix, prefix, horizon);
            let reused = self.keeps().map_or(0, |_| self.kept.at_hand(&context).min(tokens));
            return Ok((context, ContextStats { tokens, reused }));
        }
        let shared = |context: &Context| shared_start(&context.prefix, &prefix);
        let near = |context: &&Context| *context.suffix == *suffix && context.horizon == horizon;
        let best = self.remembered.iter().filter(near).map(shared).max();
        let at = best.and_then(|best| {
            self.remembered.iter().position(|context| near(&context) && shared(context) == best)
        });
        let found = at.map(|at| self.remembered.remove(at));
        if let Some(found) = found.as_ref().filter(|found| *found.prefix == *prefix && found.room() >= span) {
            self.remembered.push(found.clone());
            return Ok((found.clone(), ContextStats { tokens, reused: tokens }));
        }
        // The last row is always computed: its hidden state is not kept for every row.
        let reused = found.as_ref().map_or(0, |found| {
            let shared = shared_start(&found.prefix, &prefix);
            suffix.len() + shared.min(prefix.len().saturating_sub(1))
        });
        let room = (tokens - reused) + span.max(SPAN_ROWS);
        let rows = self.rows_for(found, reused, room).map_err(|error| failed(&error))?;
        let context = self
            .pool
            .install(|| self.append(rows, suffix, prefix, horizon, room))
            .map_err(|error| failed(&error))?;
        self.remember(context.clone());
        Ok((context, ContextStats { tokens, reused }))
    }

    /// Rows either side of the span that each step reads anew, where the others are kept.
    pub(super) fn keeps(&self) -> Option<usize> {
        self.spec.decode.vicinity.filter(|_| self.spec.topology == Topology::Full)
    }

    /// Sets `decode.vicinity`, and forgets what was kept with another.
    pub fn keep(&mut self, vicinity: Option<usize>) {
        self.spec.decode.vicinity = vicinity;
        self.forget();
    }

    /// Reads the latest canvas whole if what is kept of it is stale: for when nobody waits. Says whether it did.
    ///
    /// # Errors
    /// [`EngineError::Device`] if the device fails.
    pub fn freshen(&mut self) -> Result<bool, EngineError> {
        let Some(vicinity) = self.keeps() else { return Ok(false) };
        self.pool.install(|| kept::freshen(self, vicinity)).map_err(|error| failed(&error))
    }

    /// A [`Denoiser`] for spans in `context`.
    pub fn denoiser<'n>(&'n self, context: &'n Context) -> NetworkDenoiser<'n> {
        NetworkDenoiser::new(self, context)
    }

    /// Rows to go on from: the found context's own if nobody else needs them, else a copy.
    fn rows_for(&self, found: Option<Context>, keep: usize, room: usize) -> candle_core::Result<Rows> {
        let Some(Context { rows: Some(rows), suffix, prefix, .. }) = found else {
            return Rows::new(&self.spec, room, self.body.dtype, &self.body.device);
        };
        if keep + REWOUND_ROWS < suffix.len() + prefix.len() {
            return rows.copied(keep, keep + room);
        }
        match Arc::try_unwrap(rows) {
            Ok(mut rows) => {
                rows.len = keep;
                rows.reserve(room)?;
                Ok(rows)
            }
            Err(shared) => shared.copied(keep, keep + room),
        }
    }

    /// Computes the rows of suffix and prefix that `rows` lacks.
    fn append(
        &self,
        mut rows: Rows,
        suffix: Vec<u32>,
        prefix: Vec<u32>,
        horizon: usize,
        room: usize,
    ) -> candle_core::Result<Context> {
        let all: Vec<u32> = suffix.iter().chain(&prefix).copied().collect();
        let place = |row: usize| if row < suffix.len() { horizon + row } else { row - suffix.len() } as u32;
        let mut last = None;
        while rows.len < all.len() {
            let end = (rows.len + PASS_ROWS).min(all.len());
            let positions: Vec<u32> = (rows.len..end).map(place).collect();
            let count = end - rows.len;
            let seen = Seen::causal(rows.len, &[count]);
            let hidden = self.pass(&all[rows.len..end], &[&positions], Some(&rows), &seen)?;
            last = Some(hidden.narrow(0, count - 1, 1)?.contiguous()?);
            rows.len = end;
        }
        rows.reserve(room.min(SPAN_ROWS))?;
        Ok(Context {
            suffix: suffix.into(),
            prefix: prefix.into(),
            horizon,
            rows: Some(Arc::new(rows)),
            last,
        })
    }

    fn remember(&mut self, context: Context) {
        self.remembered.push(context);
        let bytes = |contexts: &[Context]| {
            contexts
                .iter()
                .filter_map(|context| context.rows.as_ref())
                .map(|rows| rows.bytes())
                .sum::<usize>()
        };
        while self.remembered.len() > 1 && bytes(&self.remembered) > MAX_REMEMBERED_BYTES {
            self.remembered.remove(0);
        }
    }

    /// What each of `rows` rows sees that are computed together, nothing being kept.
    pub(super) fn sight(&self, rows: usize) -> Seen {
        match self.spec.topology {
            Topology::BlockCausal(size) => Seen::blocks(&[rows], size),
            Topology::Full | Topology::ContextExact => Seen::whole(0, &[rows]),
        }
    }

    /// One pass; `positions` once for all heads, or for the first and the second half of them.
    pub(super) fn pass(
        &self,
        tokens: &[u32],
        positions: &[&[u32]],
        rows: Option<&Rows>,
        seen: &Seen,
    ) -> candle_core::Result<Tensor> {
        let angles = positions
            .iter()
            .map(|positions| {
                let positions: Vec<i64> = positions.iter().map(|&position| position.into()).collect();
                self.body.rope.angles(&positions, &self.body.device)
            })
            .collect::<candle_core::Result<Vec<_>>>()?;
        let mask = seen.mask(&self.body.device, self.body.dtype)?;
        self.body.hidden(tokens, &Sight { angles: &angles, rows, seen, mask })
    }

    pub(super) fn ids(&self, tokens: &[TokenId]) -> Result<Vec<u32>, EngineError> {
        match tokens.iter().find(|token| token.0 as usize >= self.spec.vocab) {
            Some(token) => Err(EngineError::BadRequest {
                field: "prompt",
                reason: format!("token {} is not below the vocabulary's {}", token.0, self.spec.vocab),
            }),
            None => Ok(tokens.iter().map(|token| token.0).collect()),
        }
    }

    /// One step on an empty context: a network that answers with NaN is of no use.
    fn check(&mut self) -> Result<(), EngineError> {
        let span = [self.spec.mask; 2];
        let (context, _) =
            self.encode_context(&[], &[self.spec.bos.unwrap_or(self.spec.mask)], span.len())?;
        let mut logits = Vec::new();
        self.denoiser(&context).logits(&[&span], &[&[CanvasIdx(1)]], &mut logits)?;
        self.forget();
        if logits.iter().all(|logit| logit.is_finite()) {
            Ok(())
        } else {
            Err(EngineError::ModelFile {
                file: "model.safetensors".into(),
                reason: "the network answers with NaN or infinity; its numbers do not fit config.json"
                    .to_owned(),
            })
        }
    }
}

#[cfg(test)]
#[path = "network_tests.rs"]
pub(super) mod tests;

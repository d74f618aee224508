//! What a model's configuration means for infilling.

use crate::{
    diffusion::{Deletion, Marks, Preset},
    model::{ModelSpec, NetworkUse},
    tokens::{TokenId, Tokenizer},
};

/// Choices of the sampler, as measured for a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The tokens that are no text.
    pub marks: Marks,
    /// What a delete takes away.
    pub deletion: Deletion,
    /// Begins a canvas, where the model wants that.
    pub bos: Option<TokenId>,
    /// Ends a canvas, where the model wants that.
    pub eos: Option<TokenId>,
    /// What the network is used for.
    pub role: NetworkUse,
    /// Whether the local prior drafts; without it the network is on its own, for measurements.
    pub drafts: bool,
    /// Weight of the network's log-probability beside the prior's.
    pub weight: f32,
    /// Whether a span begins from what an earlier suggestion left standing.
    pub warm: bool,
    /// Probability at which a position is committed, in (0, 1].
    pub threshold: f32,
    /// First span lengths to try where the prior knows nothing, tokens; all at least 1.
    pub canvas: Vec<usize>,
    /// Whether the first length is searched for, from the first of these on.
    pub search: bool,
    /// The published sampler that the network denoises by; `None` for the threshold alone.
    pub sampler: Option<Preset>,
    /// The longest span for the network, tokens.
    pub max_span: usize,
    /// The most denoise steps of the network, as long as the span does not grow; `None` for as many as it takes.
    pub max_steps: Option<u32>,
    /// The network's temperature where a request has none; `None` for 0.
    pub temperature: Option<f32>,
    /// The share of probability that the network draws from where a request has none, in (0, 1].
    pub top_p: Option<f32>,
    /// How many tokens the network draws from.
    pub top_k: Option<usize>,
    /// Temperature of the order in which the network's positions are committed.
    pub rank_temperature: f32,
    /// The most context tokens for the network.
    pub window: usize,
}

impl Settings {
    /// As a model's configuration has them.
    #[must_use]
    pub fn of(spec: &ModelSpec) -> Self {
        let decode = &spec.decode;
        // Only models of our own format are trained to say "nothing here or anywhere right of here".
        let ours = spec.model_type == "quicksilver";
        let (bos, eos) = spec.frame();
        Self {
            marks: Marks { mask: spec.mask, expand: spec.expand, delete: spec.delete },
            deletion: if ours { Deletion::Rest } else { Deletion::Broadcast },
            bos,
            eos,
            role: decode.network,
            drafts: true,
            weight: decode.network_weight,
            warm: decode.warm.unwrap_or(decode.network == NetworkUse::Denoise),
            threshold: decode.threshold,
            canvas: decode.canvas.clone(),
            search: spec.searches_length(),
            sampler: decode.sampler,
            max_span: decode.max_span,
            max_steps: decode.max_steps,
            temperature: decode.temperature,
            top_p: decode.top_p,
            top_k: decode.top_k,
            rank_temperature: decode.rank_temperature.unwrap_or(0.0),
            window: spec.context_window,
        }
    }

    /// Width of a row in which every token and every mark has a place.
    pub(super) fn width(&self, tokenizer: &Tokenizer) -> usize {
        let marks = [Some(self.marks.mask), self.marks.expand, self.marks.delete];
        let behind = marks.into_iter().flatten().map(|mark| mark.0 as usize + 1).max();
        tokenizer.vocab().max(behind.unwrap_or(0))
    }
}

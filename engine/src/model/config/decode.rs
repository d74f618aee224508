//! Measured choices of the sampler, as a config's `decode` has them.

use serde::Deserialize;

use super::generation::Origins;
use crate::diffusion::Preset;

/// What the network is used for; measured, and written into the config by the trainer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkUse {
    /// Not at all: the local prior answers.
    #[default]
    Off,
    /// It scores the local prior's hypotheses.
    Rescore,
    /// It denoises the span, the local prior's hypotheses being drafts.
    Denoise,
}

/// How long a span is at first, where no draft says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FirstLength {
    /// The surest of the lengths in `canvas`.
    Canvas,
    /// The surest that is found by climbing from the first length in `canvas` (CAL).
    Search,
}

/// The most that `vicinity` and `refresh` may be: far more than any context has.
const MAX_KEPT: usize = 1 << 20;

/// Measured choices of the sampler.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct DecodeSpec {
    /// Probability at which a position is committed, in (0, 1].
    pub threshold: f32,
    /// First span lengths to try, in tokens.
    pub canvas: Vec<usize>,
    /// How one of them is chosen; `None` for a search where the model sees all and
    /// can neither expand nor delete, else the canvas.
    pub length: Option<FirstLength>,
    /// The published sampler to follow; `None` to commit by the threshold alone.
    pub sampler: Option<Preset>,
    /// The longest span, in tokens.
    pub max_span: usize,
    /// After so many denoise steps all that is still masked is decided at once: bounds the time of a span. `None` where
    /// nobody measured what that costs.
    pub max_steps: Option<u32>,
    /// Where the network sees both ways: context rows on either side of the span that each step reads anew, the others
    /// being kept from the last whole pass. Approximate. `None`: every step reads everything, exactly.
    pub vicinity: Option<usize>,
    /// With a `vicinity`: a whole pass after so many steps, over all requests; 0 for none but at a new block.
    pub refresh: usize,
    /// Temperature where a request has none; `None` for 0.
    pub temperature: Option<f32>,
    /// Share of probability to draw from where a request has none, in (0, 1].
    pub top_p: Option<f32>,
    /// How many tokens to draw from.
    pub top_k: Option<usize>,
    /// Temperature of the order in which positions are committed; `None` for 0.
    pub rank_temperature: Option<f32>,
    /// Who chose.
    #[serde(skip)]
    pub origins: Origins,
    /// What other files chose and is passed over, each with the reason.
    #[serde(skip)]
    pub passed: Vec<String>,
    /// What the network is used for.
    pub network: NetworkUse,
    /// Weight of the network's log-probability beside the prior's.
    pub network_weight: f32,
    /// Whether a span begins from what an earlier suggestion left standing; `None` for: where the network denoises.
    pub warm: Option<bool>,
}

impl Default for DecodeSpec {
    fn default() -> Self {
        Self {
            threshold: 0.9,
            canvas: vec![8, 16, 32],
            length: None,
            sampler: None,
            max_span: 64,
            max_steps: None,
            vicinity: None,
            refresh: 8,
            temperature: None,
            top_p: None,
            top_k: None,
            rank_temperature: None,
            origins: Origins::new(),
            passed: Vec::new(),
            network: NetworkUse::Off,
            network_weight: 1.0,
            warm: None,
        }
    }
}

impl DecodeSpec {
    /// What a checkpoint without the key gets: whoever names a folder with a network means it to be used.
    pub(super) fn published() -> Self {
        Self { network: NetworkUse::Denoise, ..Self::default() }
    }

    /// # Errors
    /// What is wrong, beginning with the field's name.
    pub(super) fn check(&self) -> Result<(), String> {
        if !(self.threshold > 0.0 && self.threshold <= 1.0) {
            return Err(format!("decode.threshold: {} is not in (0, 1]", self.threshold));
        }
        for (field, value) in [("temperature", self.temperature), ("rank_temperature", self.rank_temperature)]
        {
            if let Some(value) = value.filter(|value| !(value.is_finite() && *value >= 0.0)) {
                return Err(format!("decode.{field}: {value} is not a number from 0"));
            }
        }
        if let Some(top_p) = self.top_p.filter(|top_p| !(*top_p > 0.0 && *top_p <= 1.0)) {
            return Err(format!("decode.top_p: {top_p} is not in (0, 1]"));
        }
        if self.top_k == Some(0) {
            return Err("decode.top_k: 0 leaves no token to draw from".to_owned());
        }
        if !(self.network_weight.is_finite() && self.network_weight >= 0.0) {
            return Err(format!("decode.network_weight: {} is not a number from 0", self.network_weight));
        }
        for (name, value) in [("vicinity", self.vicinity.unwrap_or(0)), ("refresh", self.refresh)] {
            if value > MAX_KEPT {
                return Err(format!("decode.{name}: {value} is more than {MAX_KEPT}"));
            }
        }
        if self.canvas.is_empty() || self.canvas.iter().any(|&length| length == 0 || length > self.max_span) {
            return Err(format!(
                "decode.canvas: {:?} must hold lengths from 1 to max_span {}",
                self.canvas, self.max_span
            ));
        }
        Ok(())
    }
}

//! `config.json` → [`ModelSpec`]: each value checked, each fault named by its field.

use std::path::Path;

use serde::Deserialize;

use crate::{EngineError, diffusion::Preset, tokens::TokenId};

/// Bytes of the largest `config.json`.
const MAX_FILE_BYTES: usize = 1024 * 1024;

/// Who sees whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topology {
    /// Every row sees every row; nothing can be cached exactly.
    Full,
    /// Suffix, then prefix, both causal; span rows see all. FORMAT.md, "Context-exact topology".
    ContextExact,
}

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

/// Measured choices of the sampler.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct DecodeSpec {
    /// Probability at which a position is committed, in (0, 1].
    pub threshold: f32,
    /// First span lengths to try, in tokens.
    pub canvas: Vec<usize>,
    /// How one of them is chosen; `None` for a search where the model can neither expand nor delete, else the canvas.
    pub length: Option<FirstLength>,
    /// The published sampler to follow; `None` to commit by the threshold alone.
    pub sampler: Option<Preset>,
    /// The longest span, in tokens.
    pub max_span: usize,
    /// After so many denoise steps all that is still masked is decided at once: bounds the time of a span. `None` where
    /// nobody measured what that costs.
    pub max_steps: Option<u32>,
    /// What the network is used for.
    pub network: NetworkUse,
    /// Weight of the network's log-probability beside the prior's.
    pub network_weight: f32,
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
            network: NetworkUse::Off,
            network_weight: 1.0,
        }
    }
}

/// Everything about a model but its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSpec {
    /// `quicksilver`, `qwen2`, `qwen3`, `Dream`, …
    pub model_type: String,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Blocks.
    pub layers: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; each serves `heads / kv_heads` query heads.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Width of the SwiGLU.
    pub intermediate: usize,
    /// Rows of the embedding and of the head.
    pub vocab: usize,
    /// Added under the root of RMSNorm.
    pub norm_eps: f64,
    /// Base of the rotary frequencies.
    pub rope_theta: f64,
    /// Biases on q, k and v.
    pub qkv_bias: bool,
    /// RMSNorm on each head of q and k.
    pub qk_norm: bool,
    /// The head is the embedding.
    pub tied: bool,
    /// The hidden state at i − 1 predicts token i.
    pub logit_shift: bool,
    /// Who sees whom.
    pub topology: Topology,
    /// Context-exact: positions between prefix and suffix.
    pub span_gap: usize,
    /// Stands for an undecided position.
    pub mask: TokenId,
    /// Stands for two or more tokens.
    pub expand: Option<TokenId>,
    /// No token here or further right.
    pub delete: Option<TokenId>,
    /// Begins a row.
    pub bos: Option<TokenId>,
    /// Ends a file.
    pub eos: Option<TokenId>,
    /// Fills what is not there.
    pub pad: Option<TokenId>,
    /// The most context tokens.
    pub context_window: usize,
    /// Measured choices of the sampler.
    pub decode: DecodeSpec,
}

/// The file as written; Hugging Face's names.
#[derive(Deserialize)]
struct File {
    model_type: String,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    intermediate_size: usize,
    vocab_size: usize,
    rms_norm_eps: f64,
    rope_theta: f64,
    attention_bias: Option<bool>,
    qk_norm: Option<bool>,
    tie_word_embeddings: Option<bool>,
    logit_shift: Option<bool>,
    attention_topology: Option<Topology>,
    span_gap: Option<usize>,
    mask_token_id: Option<u32>,
    expand_token_id: Option<u32>,
    delete_token_id: Option<u32>,
    bos_token_id: Option<u32>,
    eos_token_id: Option<u32>,
    pad_token_id: Option<u32>,
    context_window: Option<usize>,
    hidden_act: Option<String>,
    #[serde(default)]
    rope_scaling: Option<serde_json::Value>,
    #[serde(default)]
    quantization_config: Option<serde_json::Value>,
    #[serde(default)]
    use_sliding_window: bool,
    #[serde(default)]
    decode: DecodeSpec,
}

/// What a family of checkpoints leaves unsaid.
struct Family {
    qkv_bias: bool,
    qk_norm: bool,
    logit_shift: bool,
    context_window: usize,
}

fn family(model_type: &str) -> Option<Family> {
    let (qkv_bias, qk_norm, logit_shift, context_window) = match model_type {
        "quicksilver" => (false, true, false, 512),
        // Open-dCoder, CDLM: adapted from the autoregressive model, so shifted.
        "qwen2" => (true, false, true, 4096),
        "Dream" => (true, false, true, 2048),
        "qwen3" | "CoDA" => (false, true, true, 4096),
        "a2d-qwen2" => (true, false, false, 4096),
        "a2d-qwen3" => (false, true, false, 4096),
        _ => return None,
    };
    Some(Family { qkv_bias, qk_norm, logit_shift, context_window })
}

impl ModelSpec {
    /// Reads a file's bytes; `name` is only for errors.
    ///
    /// # Errors
    /// [`EngineError::ModelFile`] naming the file and the field.
    pub fn from_bytes(json: &[u8], name: &Path) -> Result<Self, EngineError> {
        let fail = |reason: String| EngineError::ModelFile { file: name.to_owned(), reason };
        if json.len() > MAX_FILE_BYTES {
            return Err(fail(format!("has {} bytes; at most {MAX_FILE_BYTES} are read", json.len())));
        }
        let file: File = serde_json::from_slice(json).map_err(|e| fail(e.to_string()))?;
        Self::checked(file).map_err(fail)
    }

    fn checked(file: File) -> Result<Self, String> {
        let family = family(&file.model_type).ok_or_else(|| {
            format!("model_type: {:?} is not supported; quicksilver, qwen2, qwen3, Dream, CoDA, a2d-qwen2 and a2d-qwen3 are", file.model_type)
        })?;
        if let Some(act) = file.hidden_act.as_deref().filter(|act| *act != "silu") {
            return Err(format!("hidden_act: {act:?} is not supported; silu is"));
        }
        if file.rope_scaling.is_some() {
            return Err("rope_scaling: is not supported".to_owned());
        }
        if file.quantization_config.is_some() {
            return Err("quantization_config: is not supported; use the unquantised checkpoint".to_owned());
        }
        if file.use_sliding_window {
            return Err("use_sliding_window: is not supported".to_owned());
        }
        let kv_heads = file.num_key_value_heads.unwrap_or(file.num_attention_heads);
        for (field, value, most) in [
            ("hidden_size", file.hidden_size, 1 << 16),
            ("num_hidden_layers", file.num_hidden_layers, 1 << 10),
            ("num_attention_heads", file.num_attention_heads, 1 << 10),
            ("num_key_value_heads", kv_heads, 1 << 10),
            ("intermediate_size", file.intermediate_size, 1 << 18),
            ("vocab_size", file.vocab_size, 1 << 21),
            ("head_dim", file.head_dim.unwrap_or(2), 1 << 10),
            ("context_window", file.context_window.unwrap_or(1), 1 << 18),
            ("span_gap", file.span_gap.unwrap_or(1), 1 << 12),
            ("decode.max_span", file.decode.max_span, 1 << 10),
            ("decode.max_steps", file.decode.max_steps.unwrap_or(1) as usize, 1 << 10),
        ] {
            if !(1..=most).contains(&value) {
                return Err(format!("{field}: {value} is not between 1 and {most}"));
            }
        }
        if !file.num_attention_heads.is_multiple_of(kv_heads) {
            return Err(format!(
                "num_key_value_heads: {kv_heads} does not divide num_attention_heads {}",
                file.num_attention_heads
            ));
        }
        let head_dim = match file.head_dim {
            Some(head_dim) => head_dim,
            None if file.hidden_size.is_multiple_of(file.num_attention_heads) => {
                file.hidden_size / file.num_attention_heads
            }
            None => {
                return Err(
                    "head_dim: is missing, and num_attention_heads does not divide hidden_size".to_owned()
                );
            }
        };
        if !head_dim.is_multiple_of(2) {
            return Err(format!("head_dim: {head_dim} is odd; rotation needs pairs"));
        }
        for (field, value) in [("rms_norm_eps", file.rms_norm_eps), ("rope_theta", file.rope_theta)] {
            if !(value.is_finite() && value > 0.0) {
                return Err(format!("{field}: {value} is not a positive number"));
            }
        }
        let topology = file.attention_topology.unwrap_or(Topology::Full);
        let logit_shift = file.logit_shift.unwrap_or(family.logit_shift);
        if topology == Topology::ContextExact {
            if !kv_heads.is_multiple_of(2) {
                return Err(format!(
                    "num_key_value_heads: {kv_heads} is odd; context-exact counts positions from both edges, in half the heads each"
                ));
            }
            if logit_shift {
                return Err("logit_shift: must be false with attention_topology context-exact".to_owned());
            }
        }
        let decode = file.decode;
        if !(decode.threshold > 0.0 && decode.threshold <= 1.0) {
            return Err(format!("decode.threshold: {} is not in (0, 1]", decode.threshold));
        }
        if !(decode.network_weight.is_finite() && decode.network_weight >= 0.0) {
            return Err(format!("decode.network_weight: {} is not a number from 0", decode.network_weight));
        }
        if decode.canvas.is_empty()
            || decode.canvas.iter().any(|&length| length == 0 || length > decode.max_span)
        {
            return Err(format!(
                "decode.canvas: {:?} must hold lengths from 1 to max_span {}",
                decode.canvas, decode.max_span
            ));
        }
        let id = |field: &str, id: Option<u32>| match id {
            Some(id) if id as usize >= file.vocab_size => {
                Err(format!("{field}: {id} is not below vocab_size {}", file.vocab_size))
            }
            id => Ok(id.map(TokenId)),
        };
        let mask = id("mask_token_id", file.mask_token_id)?
            .ok_or("mask_token_id: is missing; without it a model cannot denoise")?;
        Ok(Self {
            hidden: file.hidden_size,
            layers: file.num_hidden_layers,
            heads: file.num_attention_heads,
            kv_heads,
            head_dim,
            intermediate: file.intermediate_size,
            vocab: file.vocab_size,
            norm_eps: file.rms_norm_eps,
            rope_theta: file.rope_theta,
            qkv_bias: file.attention_bias.unwrap_or(family.qkv_bias),
            qk_norm: file.qk_norm.unwrap_or(family.qk_norm),
            tied: file.tie_word_embeddings.unwrap_or(false),
            logit_shift,
            topology,
            span_gap: file.span_gap.unwrap_or(128),
            mask,
            expand: id("expand_token_id", file.expand_token_id)?,
            delete: id("delete_token_id", file.delete_token_id)?,
            bos: id("bos_token_id", file.bos_token_id)?,
            eos: id("eos_token_id", file.eos_token_id)?,
            pad: id("pad_token_id", file.pad_token_id)?,
            context_window: file.context_window.unwrap_or(family.context_window),
            decode,
            model_type: file.model_type,
        })
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;

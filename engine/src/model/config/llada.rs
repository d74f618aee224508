//! LLaDA-8B's own key names, which are OLMo's: `d_model`, `n_layers`, … → [`Keys`].

use serde::Deserialize;

use super::keys::{Keys, refuse};

/// Hugging Face's names of fields, and LLaDA's: faults are told in the file's own words.
pub(super) const FIELDS: [(&str, &str); 8] = [
    ("hidden_size", "d_model"),
    ("num_hidden_layers", "n_layers"),
    ("num_attention_heads", "n_heads"),
    ("num_key_value_heads", "n_kv_heads"),
    ("intermediate_size", "mlp_hidden_size"),
    ("vocab_size", "embedding_size"),
    ("attention_bias", "include_qkv_bias"),
    ("tie_word_embeddings", "weight_tying"),
];

#[derive(Deserialize)]
struct File {
    d_model: usize,
    n_layers: usize,
    n_heads: usize,
    n_kv_heads: Option<usize>,
    mlp_hidden_size: usize,
    vocab_size: usize,
    /// Rows of the embedding, padded beyond the vocabulary.
    embedding_size: Option<usize>,
    rms_norm_eps: f64,
    rope_theta: f64,
    max_sequence_length: Option<usize>,
    include_qkv_bias: Option<bool>,
    weight_tying: Option<bool>,
    #[serde(default)]
    include_bias: bool,
    block_type: Option<String>,
    layer_norm_type: Option<String>,
    activation_type: Option<String>,
    rope: Option<bool>,
    #[serde(default)]
    alibi: bool,
    #[serde(default)]
    attention_layer_norm: bool,
    #[serde(default)]
    input_emb_norm: bool,
    #[serde(default)]
    scale_logits: bool,
    clip_qkv: Option<f64>,
}

/// # Errors
/// What is wrong, with the field's name.
pub(super) fn read(json: &[u8]) -> Result<Keys, String> {
    let file: File = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let other =
        |value: &Option<String>, only: &[&str]| value.as_deref().is_some_and(|value| !only.contains(&value));
    refuse("block_type", other(&file.block_type, &["llama"]), "only llama is supported")?;
    refuse("layer_norm_type", other(&file.layer_norm_type, &["rms"]), "only rms is supported")?;
    refuse("activation_type", other(&file.activation_type, &["silu", "swiglu"]), "only silu is supported")?;
    refuse("rope", file.rope == Some(false), "must be true; positions are rotations")?;
    for (field, asked) in [
        ("include_bias", file.include_bias),
        ("alibi", file.alibi),
        ("attention_layer_norm", file.attention_layer_norm),
        ("input_emb_norm", file.input_emb_norm),
        ("scale_logits", file.scale_logits),
        ("clip_qkv", file.clip_qkv.is_some()),
    ] {
        refuse(field, asked, "is not supported")?;
    }
    Ok(Keys {
        hidden: file.d_model,
        layers: file.n_layers,
        heads: file.n_heads,
        kv_heads: file.n_kv_heads,
        intermediate: file.mlp_hidden_size,
        vocab: file.embedding_size.unwrap_or(file.vocab_size),
        norm_eps: file.rms_norm_eps,
        // Angles are computed in f32 whatever the weights are, as `rope_full_precision` asks.
        rope_theta: file.rope_theta,
        qkv_bias: file.include_qkv_bias,
        tied: file.weight_tying,
        positions: file.max_sequence_length,
        ids: serde_json::from_slice(json).map_err(|error| error.to_string())?,
        ..Keys::default()
    })
}

//! Hugging Face's key names, with what families add to them (experts, blocks, our own) → [`Keys`].

use serde::Deserialize;

use super::{
    DecodeSpec, Experts, Gating,
    family::Family,
    keys::{Keys, TopologyKey, refuse},
};

#[derive(Deserialize)]
struct File {
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    intermediate_size: Option<usize>,
    dense_intermediate_size: Option<usize>,
    vocab_size: usize,
    rms_norm_eps: f64,
    rope_theta: Option<f64>,
    rope_scaling: Option<Rope>,
    /// Where transformers 5 writes what were `rope_theta` and `rope_scaling`.
    rope_parameters: Option<Rope>,
    partial_rotary_factor: Option<f64>,
    attention_bias: Option<bool>,
    use_qkv_bias: Option<bool>,
    qk_norm: Option<bool>,
    qk_layernorm: Option<bool>,
    use_qk_norm: Option<bool>,
    tie_word_embeddings: Option<bool>,
    max_position_embeddings: Option<usize>,
    hidden_act: Option<String>,
    quantization_config: Option<serde_json::Value>,
    #[serde(default)]
    use_sliding_window: bool,
    block_size: Option<usize>,
    block_length: Option<usize>,
    // Our own.
    logit_shift: Option<bool>,
    attention_topology: Option<TopologyKey>,
    span_gap: Option<usize>,
    context_window: Option<usize>,
    decode: Option<DecodeSpec>,
}

/// Only rotation as it is: no scaling.
#[derive(Deserialize)]
struct Rope {
    rope_type: Option<String>,
    /// Its older name.
    r#type: Option<String>,
    rope_theta: Option<f64>,
    factor: Option<f64>,
}

/// LLaDA-MoE's keys, and LLaDA2's.
#[derive(Deserialize)]
struct ExpertKeys {
    num_experts: Option<usize>,
    num_experts_per_tok: Option<usize>,
    moe_intermediate_size: Option<usize>,
    expert_intermediate_size: Option<usize>,
    shared_expert_intermediate_size: Option<usize>,
    num_shared_experts: Option<usize>,
    first_k_dense_replace: Option<usize>,
    moe_layer_freq: Option<serde_json::Value>,
    score_function: Option<String>,
    moe_router_score_function: Option<String>,
    norm_topk_prob: Option<bool>,
    n_group: Option<usize>,
    topk_group: Option<usize>,
    routed_scaling_factor: Option<f64>,
}

/// # Errors
/// What is wrong, with the field's name.
pub(super) fn read(json: &[u8], family: &Family) -> Result<Keys, String> {
    let file: File = part(json)?;
    if let Some(act) = file.hidden_act.as_deref().filter(|act| *act != "silu") {
        return Err(format!("hidden_act: {act:?} is not supported; silu is"));
    }
    for (field, rope) in [("rope_scaling", &file.rope_scaling), ("rope_parameters", &file.rope_parameters)] {
        let scaled = rope.as_ref().is_some_and(|rope| {
            let kind = rope.rope_type.as_ref().or(rope.r#type.as_ref());
            kind.is_some_and(|kind| kind != "default") || rope.factor.is_some_and(|by| by != 1.0)
        });
        refuse(field, scaled, "is not supported; only rotation without scaling is")?;
    }
    let why = "is not supported; use the unquantised checkpoint";
    refuse("quantization_config", file.quantization_config.is_some(), why)?;
    refuse("use_sliding_window", file.use_sliding_window, "is not supported")?;
    let rope_theta = file.rope_theta.or_else(|| file.rope_parameters.as_ref()?.rope_theta);
    Ok(Keys {
        hidden: file.hidden_size,
        layers: file.num_hidden_layers,
        heads: file.num_attention_heads,
        kv_heads: file.num_key_value_heads,
        head_dim: file.head_dim,
        intermediate: file
            .intermediate_size
            .or(file.dense_intermediate_size)
            .ok_or("intermediate_size: is missing")?,
        vocab: file.vocab_size,
        norm_eps: file.rms_norm_eps,
        rope_theta: rope_theta.ok_or("rope_theta: is missing")?,
        rotary: file.partial_rotary_factor,
        qkv_bias: file.attention_bias.or(file.use_qkv_bias),
        qk_norm: file.qk_norm.or(file.qk_layernorm).or(file.use_qk_norm),
        tied: file.tie_word_embeddings,
        logit_shift: file.logit_shift,
        topology: file.attention_topology,
        block: file.block_size.or(file.block_length),
        span_gap: file.span_gap,
        context_window: file.context_window,
        positions: file.max_position_embeddings,
        experts: family.gating.map(|gating| experts(&part(json)?, gating)).transpose()?,
        ids: part(json)?,
        decode: file.decode,
    })
}

/// Some of a config's keys. Asked for one group at a time, so that an error still tells the line.
fn part<T: serde::de::DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    serde_json::from_slice(json).map_err(|error| error.to_string())
}

fn experts(keys: &ExpertKeys, gating: Gating) -> Result<Experts, String> {
    let needed = |field: &str, value: Option<usize>| value.ok_or_else(|| format!("{field}: is missing"));
    let width = keys.moe_intermediate_size.or(keys.expert_intermediate_size);
    let width = needed("moe_intermediate_size", width)?;
    let function = keys.score_function.as_deref().or(keys.moe_router_score_function.as_deref());
    let score = |only: &str| function.is_some_and(|kind| kind != only);
    let gating = match gating {
        Gating::Softmax => {
            refuse("moe_router_score_function", score("softmax"), "only softmax is supported here")?;
            refuse(
                "shared_expert_intermediate_size",
                keys.shared_expert_intermediate_size.is_some_and(|width| width > 0),
                "is not supported",
            )?;
            Gating::Softmax
        }
        Gating::SigmoidGroups { .. } => {
            refuse("score_function", score("sigmoid"), "only sigmoid is supported here")?;
            refuse("norm_topk_prob", keys.norm_topk_prob == Some(false), "must be true")?;
            Gating::SigmoidGroups {
                groups: needed("n_group", keys.n_group)?,
                kept: needed("topk_group", keys.topk_group)?,
                scale: keys.routed_scaling_factor.unwrap_or(1.0),
            }
        }
    };
    let every = match &keys.moe_layer_freq {
        None => true,
        Some(serde_json::Value::Array(layers)) => layers.iter().all(|layer| layer == 1),
        Some(one) => one == 1,
    };
    refuse("moe_layer_freq", !every, "must have experts in every layer")?;
    Ok(Experts {
        count: needed("num_experts", keys.num_experts)?,
        chosen: needed("num_experts_per_tok", keys.num_experts_per_tok)?,
        width,
        shared: keys.num_shared_experts.unwrap_or(0).saturating_mul(width),
        dense_layers: keys.first_k_dense_replace.unwrap_or(0),
        // The weights have the last word, where the family leaves it open.
        bias: false,
        gating,
    })
}

//! Keys → a checked [`ModelSpec`].

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, de::IgnoredAny};

use super::{
    DecodeSpec, Experts, Gating, ModelSpec, Topology,
    family::{self, Dialect, Family},
    huggingface,
    keys::Keys,
    llada,
    signs::{Claims, Sign, Signs},
};
use crate::{model::weights::MAX_TENSORS, tokens::TokenId};

/// Positions between prefix and suffix, where a config does not say.
const SPAN_GAP: usize = 128;
/// The most positions of a block.
const MAX_BLOCK: usize = 1 << 10;

/// What decides how the rest is read.
#[derive(Deserialize)]
struct Kind {
    model_type: String,
    architectures: Option<Vec<String>>,
    /// Whose values: `keys`. Here, which are there.
    decode: Option<BTreeMap<String, IgnoredAny>>,
}

/// # Errors
/// What is wrong, beginning with the field's name as the file has it.
pub(super) fn spec(json: &[u8], claims: &Claims) -> Result<ModelSpec, String> {
    let kind: Kind = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let architecture = kind.architectures.as_ref().and_then(|all| all.first()).map(String::as_str);
    let family = family::of(architecture, &kind.model_type).ok_or_else(|| {
        let architecture = architecture.map(|name| format!(" ({name})")).unwrap_or_default();
        format!("model_type: {:?}{architecture} is not supported; {} are", kind.model_type, family::KNOWN)
    })?;
    let keys = match family.dialect {
        Dialect::HuggingFace => huggingface::read(json, &family)?,
        Dialect::Llada => llada::read(json)?,
    };
    let set = kind.decode.unwrap_or_default().into_keys().collect();
    checked(kind.model_type, &family, keys, &set, claims).map_err(|fault| match family.dialect {
        Dialect::HuggingFace => fault,
        Dialect::Llada => retold(fault),
    })
}

/// A fault in LLaDA's own words.
fn retold(fault: String) -> String {
    llada::FIELDS.iter().fold(fault, |fault, (theirs, own)| fault.replace(theirs, own))
}

fn checked(
    model_type: String,
    family: &Family,
    keys: Keys,
    set: &BTreeSet<String>,
    claims: &Claims,
) -> Result<ModelSpec, String> {
    let decode = keys.decode.clone().unwrap_or_else(|| {
        if model_type == "quicksilver" { DecodeSpec::default() } else { DecodeSpec::published() }
    });
    let kv_heads = keys.kv_heads.unwrap_or(keys.heads);
    let experts = keys.experts;
    for (field, value, most) in [
        ("hidden_size", keys.hidden, 1 << 16),
        ("num_hidden_layers", keys.layers, 1 << 10),
        ("num_attention_heads", keys.heads, 1 << 10),
        ("num_key_value_heads", kv_heads, 1 << 10),
        ("intermediate_size", keys.intermediate, 1 << 18),
        ("vocab_size", keys.vocab, 1 << 21),
        ("head_dim", keys.head_dim.unwrap_or(2), 1 << 10),
        ("context_window", keys.context_window.unwrap_or(1), 1 << 18),
        ("max_position_embeddings", keys.positions.unwrap_or(1), 1 << 24),
        ("span_gap", keys.span_gap.unwrap_or(1), 1 << 12),
        ("block_size", keys.block.unwrap_or(1), MAX_BLOCK),
        ("decode.max_span", decode.max_span, 1 << 10),
        ("decode.max_steps", decode.max_steps.unwrap_or(1) as usize, 1 << 10),
    ] {
        within(field, value, most)?;
    }
    decode.check()?;
    if let Some(experts) = &experts {
        check_experts(experts, keys.layers)?;
    }
    if !keys.heads.is_multiple_of(kv_heads) {
        return Err(format!(
            "num_key_value_heads: {kv_heads} does not divide num_attention_heads {}",
            keys.heads
        ));
    }
    let head_dim = match keys.head_dim {
        Some(head_dim) => head_dim,
        None if keys.hidden.is_multiple_of(keys.heads) => keys.hidden / keys.heads,
        None => {
            return Err(
                "head_dim: is missing, and num_attention_heads does not divide hidden_size".to_owned()
            );
        }
    };
    let rotary = rotary(head_dim, keys.rotary)?;
    for (field, value) in [("rms_norm_eps", keys.norm_eps), ("rope_theta", keys.rope_theta)] {
        if !(value.is_finite() && value > 0.0) {
            return Err(format!("{field}: {value} is not a positive number"));
        }
    }
    let topology = match (keys.topology, keys.block.or(family.block)) {
        (Some(topology), _) => topology.into(),
        (None, Some(block)) => Topology::BlockCausal(block),
        (None, None) => Topology::Full,
    };
    let logit_shift = keys.logit_shift.unwrap_or(family.logit_shift);
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
    let signs = Signs::resolve(&keys.ids, claims, family.eos_deletes)?;
    let decode = decode.completed(set, &claims.sampling, signs.expand.is_some())?;
    let id = |field: &str, sign: &Option<Sign>| match sign {
        Some((id, origin)) if id.0 as usize >= keys.vocab => {
            Err(format!("{field}: {} from {origin} is not below vocab_size {}", id.0, keys.vocab))
        }
        sign => Ok(sign.as_ref().map(|(id, _)| *id)),
    };
    let mask: TokenId = id("mask_token_id", &signs.mask)?.ok_or(
        "mask_token_id: is missing, tokenizer_config.json has no mask_token, and the tokenizer none with a known \
         name; without it a model cannot denoise",
    )?;
    let window = keys.positions.unwrap_or(usize::MAX).min(family.context_window);
    Ok(ModelSpec {
        family: family.name,
        names: family.names,
        hidden: keys.hidden,
        layers: keys.layers,
        heads: keys.heads,
        kv_heads,
        head_dim,
        rotary,
        intermediate: keys.intermediate,
        experts,
        vocab: keys.vocab,
        norm_eps: keys.norm_eps,
        rope_theta: keys.rope_theta,
        qkv_bias: keys.qkv_bias.unwrap_or(family.qkv_bias),
        qk_norm: keys.qk_norm.unwrap_or(family.qk_norm),
        tied: keys.tied.unwrap_or(false),
        tied_by_config: keys.tied.is_some(),
        logit_shift,
        topology,
        span_gap: keys.span_gap.unwrap_or(SPAN_GAP),
        mask,
        expand: id("expand_token_id", &signs.expand)?,
        delete: id("delete_token_id", &signs.delete)?,
        bos: id("bos_token_id", &signs.bos)?,
        eos: id("eos_token_id", &signs.eos)?,
        pad: id("pad_token_id", &signs.pad)?,
        framed: family.framed,
        fill_in: signs.fill_in.filter(|_| matches!(topology, Topology::BlockCausal(_))),
        signs,
        context_window: keys.context_window.unwrap_or(window),
        decode,
        model_type,
    })
}

fn within(field: &str, value: usize, most: usize) -> Result<(), String> {
    if (1..=most).contains(&value) {
        Ok(())
    } else {
        Err(format!("{field}: {value} is not between 1 and {most}"))
    }
}

/// Dimensions of a head that are rotated: pairs, so an even number.
fn rotary(head_dim: usize, share: Option<f64>) -> Result<usize, String> {
    if !head_dim.is_multiple_of(2) {
        return Err(format!("head_dim: {head_dim} is odd; rotation needs pairs"));
    }
    let Some(share) = share else { return Ok(head_dim) };
    let rotary = (head_dim as f64 * share) as usize;
    if (0.0..=1.0).contains(&share) && rotary > 0 && rotary.is_multiple_of(2) {
        Ok(rotary)
    } else {
        Err(format!("partial_rotary_factor: {share} of {head_dim} is no even number of dimensions"))
    }
}

fn check_experts(experts: &Experts, layers: usize) -> Result<(), String> {
    within("num_experts", experts.count, 1 << 12)?;
    if layers * experts.count * 3 > MAX_TENSORS {
        return Err(format!(
            "num_experts: {} in {layers} layers are more than the {MAX_TENSORS} tensors that are read",
            experts.count
        ));
    }
    within("num_experts_per_tok", experts.chosen, experts.count)?;
    within("moe_intermediate_size", experts.width, 1 << 18)?;
    within("num_shared_experts", experts.shared.max(1), 1 << 18)?;
    let Gating::SigmoidGroups { groups, kept, scale } = experts.gating else { return Ok(()) };
    within("n_group", groups, experts.count)?;
    within("topk_group", kept, groups)?;
    let size = experts.count / groups;
    if !experts.count.is_multiple_of(groups) || size < 2 {
        return Err(format!(
            "n_group: {groups} groups of {} experts are not of equally many, at least two",
            experts.count
        ));
    }
    if kept * size < experts.chosen {
        return Err(format!("topk_group: {kept} groups have fewer than {} experts", experts.chosen));
    }
    if scale.is_finite() && scale > 0.0 {
        Ok(())
    } else {
        Err(format!("routed_scaling_factor: {scale} is not a positive number"))
    }
}

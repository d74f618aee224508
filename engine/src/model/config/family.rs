//! The families of checkpoints: what each leaves unsaid in its config.
//!
//! One transformer computes them all; what differs is here, in the keys, and in the names of tensors.

use super::{Gating, names::Names};

/// What a family of checkpoints leaves unsaid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family {
    /// As its authors call it.
    pub(super) name: &'static str,
    /// Whose key names its config has.
    pub(super) dialect: Dialect,
    /// What its tensors are called.
    pub(super) names: Names,
    /// Biases on q, k and v.
    pub(super) qkv_bias: bool,
    /// RMSNorm on each head of q and k.
    pub(super) qk_norm: bool,
    /// The hidden state at i − 1 predicts token i.
    pub(super) logit_shift: bool,
    /// Tokens seen in training, where the config does not say.
    pub(super) context_window: usize,
    /// Positions that see each other, in a model that is causal from block to block.
    pub(super) block: Option<usize>,
    /// Its canvases begin with bos and end with eos.
    pub(super) framed: bool,
    /// Where it has an expand, eos deletes (DreamOn).
    pub(super) eos_deletes: bool,
    /// How experts are chosen, where it has any.
    pub(super) gating: Option<Gating>,
}

/// Whose key names a config has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `hidden_size`, `num_hidden_layers`, …
    HuggingFace,
    /// `d_model`, `n_layers`, … (LLaDA, from OLMo).
    Llada,
}

/// `model_type`s and architectures that are read, for messages.
pub(super) const KNOWN: &str = "quicksilver, qwen2 (Open-dCoder), qwen3, Dream, CoDA, a2d-qwen2, a2d-qwen3, llada, \
     ILLaDAForCausalLM, llada_moe, StableDiffcoderForCausalLM, sdar and llada2_moe";

/// What the others are told by their difference from: Qwen3's block, no shift, whole attention.
const PLAIN: Family = Family {
    name: "",
    dialect: Dialect::HuggingFace,
    names: Names::HuggingFace,
    qkv_bias: false,
    qk_norm: true,
    logit_shift: false,
    context_window: 4096,
    block: None,
    framed: false,
    eos_deletes: false,
    gating: None,
};

/// The family of a config. The architecture is asked first: some say `llama` or `llada` for what is more than that.
pub(super) fn of(architecture: Option<&str>, model_type: &str) -> Option<Family> {
    if let Some(family) = architecture.and_then(by_architecture) {
        return Some(family);
    }
    Some(match model_type {
        "quicksilver" => Family { name: "Quicksilver", context_window: 512, framed: true, ..PLAIN },
        // Adapted from the autoregressive model, so shifted.
        "qwen2" => Family { name: "Open-dCoder", qkv_bias: true, qk_norm: false, logit_shift: true, ..PLAIN },
        "qwen3" | "CoDA" => Family { name: "CoDA", logit_shift: true, ..PLAIN },
        "a2d-qwen2" => Family { name: "A2D", qkv_bias: true, qk_norm: false, ..PLAIN },
        "a2d-qwen3" => Family { name: "A2D", ..PLAIN },
        "Dream" => by_architecture("DreamModel")?,
        "llada" => by_architecture("LLaDAModelLM")?,
        "illada" => by_architecture("ILLaDAForCausalLM")?,
        "llada_moe" | "lladamoe" => by_architecture("LLaDAMoEModelLM")?,
        "sdar" => by_architecture("SDARForCausalLM")?,
        "llada2_moe" | "llada2_moe_veomni" => by_architecture("LLaDA2MoeModelLM")?,
        _ => return None,
    })
}

fn by_architecture(architecture: &str) -> Option<Family> {
    Some(match architecture {
        "DreamModel" => Family {
            name: "Dream",
            qkv_bias: true,
            qk_norm: false,
            logit_shift: true,
            // Positions go further, training did not.
            context_window: 2048,
            framed: true,
            eos_deletes: true,
            ..PLAIN
        },
        "LLaDAModelLM" => {
            Family { name: "LLaDA", dialect: Dialect::Llada, names: Names::Llada, qk_norm: false, ..PLAIN }
        }
        "ILLaDAForCausalLM" => Family { name: "iLLaDA", qk_norm: false, context_window: 8192, ..PLAIN },
        "LLaDAMoEModelLM" | "LLaDAMoEModel" => {
            Family { name: "LLaDA-MoE", names: Names::LladaMoe, gating: Some(Gating::Softmax), ..PLAIN }
        }
        "StableDiffcoderForCausalLM" => {
            Family { name: "Stable-DiffCoder", qk_norm: false, block: Some(4), context_window: 8192, ..PLAIN }
        }
        "SDARForCausalLM" => Family { name: "SDAR", block: Some(4), ..PLAIN },
        "LLaDA2MoeModelLM" => Family {
            name: "LLaDA2",
            names: Names::Ling,
            block: Some(32),
            // The numbers are the config's.
            gating: Some(Gating::SigmoidGroups { groups: 1, kept: 1, scale: 1.0 }),
            ..PLAIN
        },
        _ => return None,
    })
}

//! What families call their tensors, told by the difference from Qwen3's names.
//!
//! The rest of the engine says `model.layers.N.self_attn.q_proj.weight`; only files and messages have other names.

/// A family's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// Qwen's, which are LLaMA's.
    #[default]
    HuggingFace,
    /// LLaDA-8B's, from OLMo. In a block `ff_out` is the MLP's last matrix; outside it is the head.
    Llada,
    /// Qwen's, the experts' bias beside the router.
    LladaMoe,
    /// LLaDA2's, from Ling: q, k and v in one matrix.
    Ling,
}

/// Names outside the blocks, and those within one, without `.weight`.
type Table = (&'static [(&'static str, &'static str)], &'static str, &'static [(&'static str, &'static str)]);

const LLADA: Table = (
    &[
        ("model.embed_tokens", "model.transformer.wte"),
        ("model.norm", "model.transformer.ln_f"),
        ("lm_head", "model.transformer.ff_out"),
    ],
    "model.transformer.blocks",
    &[
        ("input_layernorm", "attn_norm"),
        ("post_attention_layernorm", "ff_norm"),
        ("self_attn.q_proj", "q_proj"),
        ("self_attn.k_proj", "k_proj"),
        ("self_attn.v_proj", "v_proj"),
        ("self_attn.o_proj", "attn_out"),
        ("mlp.gate_proj", "ff_proj"),
        ("mlp.up_proj", "up_proj"),
        ("mlp.down_proj", "ff_out"),
    ],
);

const LLADA_MOE: Table = (&[], LAYERS, &[("mlp.gate.expert_bias", "mlp.expert_bias")]);

const LING: Table = (
    &[("model.embed_tokens", "model.word_embeddings")],
    LAYERS,
    &[
        ("self_attn.qkv_proj", "attention.query_key_value"),
        ("self_attn.o_proj", "attention.dense"),
        ("self_attn.q_norm", "attention.query_layernorm"),
        ("self_attn.k_norm", "attention.key_layernorm"),
    ],
);

/// Where Qwen has its blocks.
const LAYERS: &str = "model.layers";

impl Names {
    /// What the family's files call the tensor that Qwen calls `name`.
    #[must_use]
    pub fn stored(self, name: &str) -> String {
        let (outside, layers, within) = match self {
            Self::HuggingFace => return name.to_owned(),
            Self::Llada => LLADA,
            Self::LladaMoe => LLADA_MOE,
            Self::Ling => LING,
        };
        let block = name.strip_prefix(LAYERS).and_then(|rest| rest.strip_prefix('.')?.split_once('.'));
        match block {
            Some((layer, part)) => format!("{layers}.{layer}.{}", renamed(within, part)),
            None => renamed(outside, name),
        }
    }

    /// Whether q, k and v are one tensor.
    #[must_use]
    pub fn fuses_qkv(self) -> bool {
        self == Self::Ling
    }
}

fn renamed(table: &[(&str, &str)], name: &str) -> String {
    let found = table.iter().find_map(|(ours, theirs)| {
        let kind = name.strip_prefix(ours)?;
        (kind.is_empty() || kind.starts_with('.')).then(|| format!("{theirs}{kind}"))
    });
    found.unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn within_a_block_of_llada_ff_out_is_the_mlp_and_outside_the_head() {
        for (ours, theirs) in [
            ("model.layers.3.mlp.down_proj.weight", "model.transformer.blocks.3.ff_out.weight"),
            ("model.layers.3.mlp.gate_proj.weight", "model.transformer.blocks.3.ff_proj.weight"),
            ("model.layers.12.self_attn.q_proj.bias", "model.transformer.blocks.12.q_proj.bias"),
            ("lm_head.weight", "model.transformer.ff_out.weight"),
            ("model.embed_tokens.weight", "model.transformer.wte.weight"),
            ("model.embed_tokens.weight_scale", "model.transformer.wte.weight_scale"),
        ] {
            assert_eq!(Names::Llada.stored(ours), theirs);
        }
    }

    #[test]
    fn what_a_family_does_not_rename_stays() {
        for (names, ours, theirs) in [
            (
                Names::Ling,
                "model.layers.1.mlp.experts.7.up_proj.weight",
                "model.layers.1.mlp.experts.7.up_proj.weight",
            ),
            (Names::Ling, "model.layers.1.mlp.gate.expert_bias", "model.layers.1.mlp.gate.expert_bias"),
            (
                Names::Ling,
                "model.layers.0.self_attn.q_norm.weight",
                "model.layers.0.attention.query_layernorm.weight",
            ),
            (Names::LladaMoe, "model.layers.1.mlp.gate.expert_bias", "model.layers.1.mlp.expert_bias"),
            (Names::LladaMoe, "model.layers.1.mlp.gate.weight", "model.layers.1.mlp.gate.weight"),
            (Names::HuggingFace, "lm_head.weight", "lm_head.weight"),
        ] {
            assert_eq!(names.stored(ours), theirs);
        }
    }
}

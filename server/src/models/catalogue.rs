//! The known checkpoints: size, licence, what each is good at, and its configuration as published, so that the engine
//! itself can say whether it loads one and what it needs. Nothing else is decided by this table: other models work by
//! their id too.

use super::ModelId;

/// A checkpoint.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// `ORG/NAME`.
    pub id: &'static str,
    /// In millions.
    pub parameters_m: u32,
    /// Megabytes of its weights as published; about, for some.
    pub megabytes: u32,
    /// By the hub's identifier.
    pub licence: &'static str,
    /// What it is good at, in a few words.
    pub good_at: &'static str,
    /// The part of `config.json` that gives shapes and ids.
    pub config: &'static str,
    /// The commit that is fetched where nobody asks for another; `None` where none is known: then the branch is resolved once.
    pub pin: Option<&'static str>,
}

const OPEN_DCODER: &str = r#"{"model_type":"qwen2","hidden_size":896,"num_hidden_layers":24,"num_attention_heads":14,
    "num_key_value_heads":2,"intermediate_size":4864,"vocab_size":151936,"rms_norm_eps":1e-6,"rope_theta":1000000.0,
    "hidden_act":"silu","tie_word_embeddings":true,"mask_token_id":151665}"#;
const A2D: &str = r#"{"model_type":"a2d-qwen2","hidden_size":896,"num_hidden_layers":24,"num_attention_heads":14,
    "num_key_value_heads":2,"intermediate_size":4864,"vocab_size":151936,"rms_norm_eps":1e-6,"rope_theta":1000000.0,
    "hidden_act":"silu","tie_word_embeddings":false,"mask_token_id":151665}"#;
const CODA: &str = r#"{"model_type":"CoDA","hidden_size":2048,"num_hidden_layers":28,"num_attention_heads":16,
    "num_key_value_heads":8,"head_dim":128,"intermediate_size":6144,"vocab_size":151936,"rms_norm_eps":1e-6,
    "rope_theta":1000000.0,"hidden_act":"silu","tie_word_embeddings":false,"mask_token_id":151669}"#;
const DREAM: &str = r#"{"model_type":"Dream","hidden_size":3584,"num_hidden_layers":28,"num_attention_heads":28,
    "num_key_value_heads":4,"intermediate_size":18944,"vocab_size":152064,"rms_norm_eps":1e-6,"rope_theta":1000000.0,
    "hidden_act":"silu","tie_word_embeddings":false,"mask_token_id":151666}"#;
const LLADA: &str = r#"{"model_type":"llada","d_model":4096,"n_layers":32,"n_heads":32,"n_kv_heads":32,
    "mlp_hidden_size":12288,"vocab_size":126464,"embedding_size":126464,"rope_theta":500000.0,"rms_norm_eps":1e-5,
    "max_sequence_length":4096,"include_bias":false,"include_qkv_bias":false,"weight_tying":false,"block_type":"llama",
    "layer_norm_type":"rms","activation_type":"silu","mask_token_id":126336,"eos_token_id":126081}"#;

/// Heads and the SwiGLU's width are those that give its 7.62 B parameters; `rope_theta` is not known here, and changes no
/// size. A mask id that only its tokenizer has is
/// named here, as in the next two.
const ILLADA: &str = r#"{"architectures":["ILLaDAForCausalLM"],"model_type":"illada","hidden_size":4096,
    "num_hidden_layers":32,"num_attention_heads":32,"num_key_value_heads":8,"intermediate_size":14336,
    "vocab_size":155136,"rms_norm_eps":1e-5,"rope_theta":500000.0,"hidden_act":"silu","tie_word_embeddings":true,
    "max_position_embeddings":8192,"mask_token_id":5,"bos_token_id":0,"pad_token_id":1,"eos_token_id":2}"#;
const LLADA_MOE: &str = r#"{"architectures":["LLaDAMoEModelLM"],"model_type":"llada","hidden_size":2048,
    "num_hidden_layers":16,"num_attention_heads":16,"num_key_value_heads":16,"dense_intermediate_size":8192,
    "expert_intermediate_size":1024,"num_experts":64,"num_experts_per_tok":8,"qk_layernorm":true,
    "moe_router_score_function":"softmax","vocab_size":157184,"rms_norm_eps":1e-5,"rope_theta":50000,
    "hidden_act":"silu","tie_word_embeddings":false,"max_position_embeddings":8192,"mask_token_id":156895,
    "eos_token_id":156892}"#;
const STABLE_DIFFCODER: &str = r#"{"architectures":["StableDiffcoderForCausalLM"],"model_type":"llama",
    "hidden_size":4096,"num_hidden_layers":32,"num_attention_heads":32,"num_key_value_heads":8,"head_dim":128,
    "intermediate_size":14336,"vocab_size":155136,"rms_norm_eps":1e-6,"rope_theta":500000.0,"hidden_act":"silu",
    "tie_word_embeddings":false,"max_position_embeddings":8192,"mask_token_id":5,"bos_token_id":0,"eos_token_id":2}"#;
const SDAR_4B: &str = r#"{"architectures":["SDARForCausalLM"],"model_type":"sdar","hidden_size":2560,
    "num_hidden_layers":36,"num_attention_heads":32,"num_key_value_heads":8,"head_dim":128,"intermediate_size":9728,
    "vocab_size":151936,"rms_norm_eps":1e-6,"rope_theta":1000000.0,"hidden_act":"silu","block_size":4,
    "tie_word_embeddings":false,"mask_token_id":151669,"bos_token_id":151643,"eos_token_id":151643}"#;
const LLADA2_MINI: &str = r#"{"architectures":["LLaDA2MoeModelLM"],"model_type":"llada2_moe","hidden_size":2048,
    "num_hidden_layers":20,"num_attention_heads":16,"num_key_value_heads":4,"head_dim":128,"intermediate_size":5120,
    "first_k_dense_replace":1,"moe_intermediate_size":512,"num_experts":256,"num_experts_per_tok":8,
    "num_shared_experts":1,"n_group":8,"topk_group":4,"routed_scaling_factor":2.5,"score_function":"sigmoid",
    "norm_topk_prob":true,"moe_router_enable_expert_bias":true,"partial_rotary_factor":0.5,"vocab_size":157184,
    "rms_norm_eps":1e-6,"rope_theta":600000,"hidden_act":"silu","tie_word_embeddings":false,
    "max_position_embeddings":32768,"mask_token_id":156895,"eos_token_id":156892,"pad_token_id":156892}"#;

/// Those that fill holes natively first, small before large.
#[rustfmt::skip]
pub const KNOWN: [Known; 20] = [
    known("fredzzp/open-dcoder-0.5B", 494, 988, "apache-2.0", "the smallest that fills lines well, once their length is known", OPEN_DCODER).at("d0d86d5b99960c05258bb1f8265dd91564dbac67"),
    known("Shuibai12138/CDLM-0.5B", 494, 988, "apache-2.0", "as Open-dCoder, and finds and mends wrong tokens", OPEN_DCODER),
    known("dllm-hub/Qwen2.5-Coder-0.5B-Instruct-diffusion-mdlm-v0.1", 630, 1260, "apache-2.0", "small chat model for code", A2D),
    known("Salesforce/CoDA-v0-Base", 2032, 8128, "cc-by-nc-4.0", "code at a size between 0.5B and 7B; not for commercial use", CODA),
    known("Salesforce/CoDA-v0-Instruct", 2032, 8128, "cc-by-nc-4.0", "as CoDA Base, instructed", CODA),
    known("Dream-org/DreamOn-v0-7B", 7616, 15232, "apache-2.0", "the best open infiller: finds the length of the span by itself", DREAM).at("8ccc74750e43177327f29dab9e91882ba759e194"),
    known("Dream-org/Dream-Coder-v0-Base-7B", 7616, 15232, "apache-2.0", "code, spans of given length", DREAM),
    known("Dream-org/Dream-Coder-v0-Instruct-7B", 7616, 15232, "apache-2.0", "code on instruction", DREAM),
    known("Dream-org/Dream-v0-Base-7B", 7616, 15232, "apache-2.0", "text and some code", DREAM),
    known("apple/DiffuCoder-7B-Base", 7616, 15232, "apple-amlr", "code, spans of given length; for research only", DREAM),
    known("apple/DiffuCoder-7B-Instruct", 7616, 15232, "apple-amlr", "code on instruction; for research only", DREAM),
    known("apple/DiffuCoder-7B-cpGRPO", 7616, 15232, "apple-amlr", "code on instruction, most parallel; for research only", DREAM),
    known("GSAI-ML/LLaDA-8B-Base", 8016, 16032, "mit", "text and some code", LLADA),
    known("GSAI-ML/LLaDA-8B-Instruct", 8016, 16032, "mit", "text on instruction", LLADA),
    known("GSAI-ML/LLaDA-1.5", 8016, 16032, "mit", "text on instruction, preferences trained", LLADA),
    known("GSAI-ML/iLLaDA-8B-Base", 7620, 16500, "apache-2.0", "the newest two-sided base model of its size", ILLADA),
    known("inclusionAI/LLaDA-MoE-7B-A1B-Base", 7400, 14800, "apache-2.0", "as large as 7B, computes as little as 1.4B", LLADA_MOE),
    known("ByteDance-Seed/Stable-DiffCoder-8B-Base", 8300, 16600, "mit", "the strongest in code of its size; block by block", STABLE_DIFFCODER),
    known("JetLM/SDAR-4B-Chat", 4400, 8800, "apache-2.0", "chat, block by block", SDAR_4B),
    known("inclusionAI/LLaDA2.1-mini", 16000, 32000, "apache-2.0", "chat and edits, block by block", LLADA2_MINI),
];

const fn known(
    id: &'static str,
    parameters_m: u32,
    megabytes: u32,
    licence: &'static str,
    good_at: &'static str,
    config: &'static str,
) -> Known {
    Known { id, parameters_m, megabytes, licence, good_at, config, pin: None }
}

impl Known {
    const fn at(self, commit: &'static str) -> Self {
        Self { pin: Some(commit), ..self }
    }
}

/// A known checkpoint by its id; the hub does not tell large letters from small ones.
#[must_use]
pub fn find(id: &ModelId) -> Option<&'static Known> {
    let id = id.to_string();
    KNOWN.iter().find(|known| known.id.eq_ignore_ascii_case(&id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::is_open;

    #[test]
    fn every_id_is_one_and_each_stands_once() {
        let mut ids: Vec<&str> = KNOWN.iter().map(|known| known.id).collect();
        ids.iter().for_each(|id| assert!(id.parse::<ModelId>().is_ok(), "{id}"));
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), KNOWN.len());
        assert!(find(&"dream-org/dreamon-v0-7b".parse().unwrap()).is_some_and(|known| known.pin.is_some()));
        for pin in KNOWN.iter().filter_map(|known| known.pin) {
            assert!(crate::models::id::is_commit(pin), "{pin}");
        }
    }

    /// Shapes that were copied wrongly would show here: what follows from them is what the authors say of the size.
    #[test]
    #[cfg(feature = "engine")]
    fn every_config_is_read_and_has_as_many_parameters_as_are_told() {
        for known in KNOWN {
            let spec = quicksilver_engine::model::ModelSpec::from_bytes(
                known.config.as_bytes(),
                std::path::Path::new("config.json"),
            );
            let spec = spec.unwrap_or_else(|error| panic!("{}: {error}", known.id));
            let told = f64::from(known.parameters_m) * 1e6;
            let far = (spec.parameters() as f64 / told - 1.0).abs();
            assert!(far < 0.04, "{}: {} parameters, not {told}", known.id, spec.parameters());
        }
    }

    #[test]
    fn licences_that_restrict_use_are_known() {
        for known in KNOWN {
            let restricted = known.id.starts_with("apple/") || known.id.starts_with("Salesforce/");
            assert_eq!(is_open(known.licence), !restricted, "{}", known.id);
        }
    }
}

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
    /// The part of `config.json` that gives shapes and ids; empty where it is not known well enough.
    pub config: &'static str,
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

/// Those that fill holes natively first, small before large.
#[rustfmt::skip]
pub const KNOWN: [Known; 20] = [
    known("fredzzp/open-dcoder-0.5B", 494, 988, "apache-2.0", "the smallest that fills lines well, once their length is known", OPEN_DCODER),
    known("Shuibai12138/CDLM-0.5B", 494, 988, "apache-2.0", "as Open-dCoder, and finds and mends wrong tokens", OPEN_DCODER),
    known("dllm-hub/Qwen2.5-Coder-0.5B-Instruct-diffusion-mdlm-v0.1", 630, 1260, "apache-2.0", "small chat model for code", A2D),
    known("Salesforce/CoDA-v0-Base", 2032, 8128, "cc-by-nc-4.0", "code at a size between 0.5B and 7B; not for commercial use", CODA),
    known("Salesforce/CoDA-v0-Instruct", 2032, 8128, "cc-by-nc-4.0", "as CoDA Base, instructed", CODA),
    known("Dream-org/DreamOn-v0-7B", 7616, 15232, "apache-2.0", "the best open infiller: finds the length of the span by itself", DREAM),
    known("Dream-org/Dream-Coder-v0-Base-7B", 7616, 15232, "apache-2.0", "code, spans of given length", DREAM),
    known("Dream-org/Dream-Coder-v0-Instruct-7B", 7616, 15232, "apache-2.0", "code on instruction", DREAM),
    known("Dream-org/Dream-v0-Base-7B", 7616, 15232, "apache-2.0", "text and some code", DREAM),
    known("apple/DiffuCoder-7B-Base", 7616, 15232, "apple-amlr", "code, spans of given length; for research only", DREAM),
    known("apple/DiffuCoder-7B-Instruct", 7616, 15232, "apple-amlr", "code on instruction; for research only", DREAM),
    known("apple/DiffuCoder-7B-cpGRPO", 7616, 15232, "apple-amlr", "code on instruction, most parallel; for research only", DREAM),
    known("GSAI-ML/LLaDA-8B-Base", 8016, 16032, "mit", "text and some code", LLADA),
    known("GSAI-ML/LLaDA-8B-Instruct", 8016, 16032, "mit", "text on instruction", LLADA),
    known("GSAI-ML/LLaDA-1.5", 8016, 16032, "mit", "text on instruction, preferences trained", LLADA),
    known("GSAI-ML/iLLaDA-8B-Base", 8000, 16000, "apache-2.0", "the newest two-sided base model of its size", ""),
    known("inclusionAI/LLaDA-MoE-7B-A1B-Base", 7400, 14800, "apache-2.0", "as large as 7B, computes as little as 1.4B", ""),
    known("ByteDance-Seed/Stable-DiffCoder-8B-Base", 8300, 16600, "mit", "the strongest in code of its size; block by block", ""),
    known("JetLM/SDAR-4B-Chat", 4400, 8800, "apache-2.0", "chat, block by block", ""),
    known("inclusionAI/LLaDA2.1-mini", 16000, 32000, "apache-2.0", "chat and edits, block by block", ""),
];

const fn known(
    id: &'static str,
    parameters_m: u32,
    megabytes: u32,
    licence: &'static str,
    good_at: &'static str,
    config: &'static str,
) -> Known {
    Known { id, parameters_m, megabytes, licence, good_at, config }
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
        assert!(find(&"dream-org/dreamon-v0-7b".parse().unwrap()).is_some());
    }

    #[test]
    fn licences_that_restrict_use_are_known() {
        for known in KNOWN {
            let restricted = known.id.starts_with("apple/") || known.id.starts_with("Salesforce/");
            assert_eq!(is_open(known.licence), !restricted, "{}", known.id);
        }
    }
}

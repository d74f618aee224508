//! Tiny checkpoints in the published layouts (`models/fixture`): what is resolved of them, and who sees whom.
//!
//! That their logits are PyTorch's is `network_tests`' affair.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use expect_test::expect;
use serde_json::Value;

use super::*;
use crate::{
    diffusion::{CanvasIdx, Denoiser},
    model::denoise::BANNED,
    tokens::TokenId,
};

/// The folders, by the name of the checkpoint that they are small versions of.
const FOLDERS: [&str; 10] = [
    "open-dcoder",
    "a2d-qwen2",
    "dream-on",
    "coda",
    "llada",
    "illada",
    "llada-moe",
    "stable-diffcoder",
    "sdar",
    "llada2",
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models/fixture").join(name)
}

fn model(name: &str) -> Model {
    Model::load(&ModelSource::Dir(folder(name)), LoadOptions::default()).unwrap()
}

/// The reference's row of ids, what it recorded of each row, and which columns of it.
fn recorded(name: &str) -> (Vec<u32>, Vec<Vec<f32>>, Vec<usize>) {
    let json = std::fs::read(folder(name).join("reference.json")).unwrap();
    let mut json: Value = serde_json::from_slice(&json).unwrap();
    let mut case = json["cases"][0].take();
    let mut take = |field: &str| case[field].take();
    (
        serde_json::from_value(take("ids")).unwrap(),
        serde_json::from_value(take("logits")).unwrap(),
        serde_json::from_value(take("columns")).unwrap(),
    )
}

fn tokens(ids: &[u32]) -> Vec<TokenId> {
    ids.iter().map(|&id| TokenId(id)).collect()
}

/// Logits of all positions of a span between others.
fn logits(network: &mut Network, prefix: &[u32], span: &[u32], suffix: &[u32]) -> Vec<Vec<f32>> {
    let (context, _) = network.encode_context(&tokens(suffix), &tokens(prefix), span.len()).unwrap();
    let rows: Vec<CanvasIdx> = (0..span.len()).map(CanvasIdx).collect();
    let mut flat = Vec::new();
    network.denoiser(&context).logits(&[&tokens(span)], &[&rows], &mut flat).unwrap();
    flat.chunks(network.spec().vocab).map(<[f32]>::to_vec).collect()
}

#[test]
fn the_facts_of_each_family_are_resolved_from_its_files() {
    let mut found = String::new();
    for name in FOLDERS {
        let _ = writeln!(found, "{name}");
        for (what, is) in model(name).spec.facts() {
            let _ = writeln!(found, "  {what}: {is}");
        }
    }
    expect![[r#"
        open-dcoder
          family: Open-dCoder
          shape: 17 k parameters: 2 layers × 24 wide, 4 heads on 2
          attention: full: every token sees every other (context cache approximate)
          logit shift: yes: the row before a token predicts it
          head: the embedding (tied)
          mask: 283 from tokenizer_config.json's mask_token
          expand: none
          delete: none
          begin of text: 276 from config.json's bos_token_id
          end of text: 276 from tokenizer_config.json's eos_token
          canvas: prefix, span, suffix
          context: 4096 tokens
          sampler: commits from probability 0.9 by default
          steps: as many as it takes by default
          temperature: 0 by default
          first length: searched (CAL): it sees what follows, and can neither expand nor delete
        a2d-qwen2
          family: A2D
          shape: 24 k parameters: 2 layers × 24 wide, 4 heads on 2
          attention: full: every token sees every other (context cache approximate)
          logit shift: no
          head: its own
          mask: 283 from tokenizer_config.json's mask_token
          expand: none
          delete: none
          begin of text: none
          end of text: 278 from tokenizer_config.json's eos_token
          canvas: prefix, span, suffix
          context: 4096 tokens
          sampler: commits from probability 0.9 by default
          steps: as many as it takes by default
          temperature: 0 by default
          first length: searched (CAL): it sees what follows, and can neither expand nor delete
        dream-on
          family: Dream
          shape: 24 k parameters: 2 layers × 24 wide, 4 heads on 2
          attention: full: every token sees every other (context cache approximate)
          logit shift: yes: the row before a token predicts it
          head: its own
          mask: 284 from config.json's mask_token_id
          expand: 285 from the tokenizer's <|expand|>
          delete: 276 from eos, which deletes where there is an expand
          begin of text: 283 from tokenizer_config.json's bos_token
          end of text: 276 from tokenizer_config.json's eos_token
          canvas: begin of text, prefix, span, suffix, end of text
          context: 2048 tokens
          sampler: commits from probability 0.9 by default
          steps: as many as it takes by default
          temperature: 0 by default
          first length: the surest of 8, 16, 32 masks: it mends the length as it goes
        coda
          family: CoDA
          shape: 25 k parameters: 2 layers × 24 wide, 4 heads on 2
          attention: full: every token sees every other (context cache approximate)
          logit shift: yes: the row before a token predicts it
          head: its own
          mask: 283 from config.json's mask_token_id
          expand: none
          delete: none
          begin of text: 278 from config.json's bos_token_id
          end of text: 278 from config.json's eos_token_id
          canvas: prefix, span, suffix
          context: 4096 tokens
          sampler: commits from probability 0.9 by default
          steps: as many as it takes by default
          temperature: 0 by default
          first length: searched (CAL): it sees what follows, and can neither expand nor delete
        llada
          family: LLaDA
          shape: 25 k parameters: 2 layers × 24 wide, 4 heads on 4
          attention: full: every token sees every other (context cache approximate)
          logit shift: no
          head: its own
          mask: 278 from config.json's mask_token_id
          expand: none
          delete: none
          begin of text: 276 from tokenizer_config.json's bos_token
          end of text: 277 from tokenizer_config.json's eos_token
          canvas: prefix, span, suffix
          context: 4096 tokens
          sampler: commits from probability 0.9 by default
          steps: as many as it takes by default
          temperature: 0 by default
          first length: searched (CAL): it sees what follows, and can neither expand nor delete
        illada
          family: iLLaDA
          shape: 16 k parameters: 2 layers × 24 wide, 4 heads on 2
          attention: full: every token sees every other (context cache approximate)
          logit shift: no
          head: the embedding (tied)
          mask: 5 from the tokenizer's <[MASK]>
          expand: none
          delete: none
          begin of text: 0 from config.json's bos_token_id
          end of text: 2 from tokenizer_config.json's eos_token
          canvas: prefix, span, suffix
          context: 8192 tokens
          sampler: commits from probability 0.9 by default
          steps: as many as it takes by default
          temperature: 0 by default
          first length: searched (CAL): it sees what follows, and can neither expand nor delete
        llada-moe
          family: LLaDA-MoE
          shape: 33 k parameters: 2 layers × 24 wide, 4 heads on 4, 3 of 8 experts by softmax (25 k active)
          attention: full: every token sees every other (context cache approximate)
          logit shift: no
          head: its own
          mask: 278 from tokenizer_config.json's mask_token
          expand: none
          delete: none
          begin of text: 276 from the tokenizer's <|startoftext|>
          end of text: 277 from tokenizer_config.json's eos_token
          canvas: prefix, span, suffix
          context: 4096 tokens
          sampler: commits from probability 0.9 by default
          steps: as many as it takes by default
          temperature: 0 by default
          first length: searched (CAL): it sees what follows, and can neither expand nor delete
        stable-diffcoder
          family: Stable-DiffCoder
          shape: 24 k parameters: 2 layers × 24 wide, 4 heads on 2
          attention: causal from block to block of 4 tokens, full within one; nothing behind the span is seen
          logit shift: no
          head: its own
          mask: 5 from the tokenizer's <[MASK]>
          expand: none
          delete: none
          begin of text: 0 from config.json's bos_token_id
          end of text: 2 from tokenizer_config.json's eos_token
          canvas: fill-in-the-middle prompt, span
          context: 8192 tokens
          sampler: commits from probability 0.9 by default
          steps: as many as it takes by default
          temperature: 0 by default
          first length: the surest of 8, 16, 32 masks: it does not see what follows
        sdar
          family: SDAR
          shape: 25 k parameters: 2 layers × 24 wide, 4 heads on 2
          attention: causal from block to block of 4 tokens, full within one; nothing behind the span is seen
          logit shift: no
          head: its own
          mask: 283 from config.json's mask_token_id
          expand: none
          delete: none
          begin of text: 276 from config.json's bos_token_id
          end of text: 276 from tokenizer_config.json's eos_token
          canvas: fill-in-the-middle prompt, span
          context: 4096 tokens
          sampler: commits from probability 0.9 by default
          steps: as many as it takes by default
          temperature: 0 by default
          first length: the surest of 8, 16, 32 masks: it does not see what follows
        llada2
          family: LLaDA2
          shape: 34 k parameters: 2 layers × 24 wide, 4 heads on 2, 3 of 8 experts and a shared one by sigmoids in 2 of 4 groups (30 k active)
          attention: causal from block to block of 32 tokens, full within one; nothing behind the span is seen
          logit shift: no
          head: its own
          mask: 278 from tokenizer_config.json's mask_token
          expand: none
          delete: none
          begin of text: 276 from the tokenizer's <|startoftext|>
          end of text: 277 from tokenizer_config.json's eos_token
          canvas: prefix, span; the suffix is not used: the tokenizer has no markers for it
          context: 4096 tokens
          sampler: commits from probability 0.9 by default
          steps: as many as it takes by default
          temperature: 0 by default
          first length: the surest of 8, 16, 32 masks: it does not see what follows
    "#]].assert_eq(&found);
}

/// What the sampler gets for a position is the row that PyTorch recorded for it: its own, or the one before it where
/// logits are shifted, which may be the prefix's last.
#[test]
fn a_span_gets_the_rows_that_predict_it_shifted_or_not() {
    for name in FOLDERS {
        let mut network = model(name).network.unwrap();
        network.ban([]);
        if network.spec().topology != Topology::Full {
            continue;
        }
        let (ids, rows, columns) = recorded(name);
        let shift = usize::from(network.spec().logit_shift);
        for (start, end) in [(1, 5), (3, 5), (6, 7), (1, ids.len()), (ids.len() - 1, ids.len())] {
            let got = logits(&mut network, &ids[..start], &ids[start..end], &ids[end..]);
            for (at, got) in got.iter().enumerate() {
                let wanted = &rows[start + at - shift];
                let far = columns
                    .iter()
                    .zip(wanted)
                    .map(|(&id, wanted)| (got[id] - wanted).abs())
                    .fold(0.0, f32::max);
                assert!(
                    far < 1e-4,
                    "{name}: span {start}..{end}, position {at}: {far:.2e} from row {}",
                    start + at - shift
                );
            }
        }
    }
}

#[test]
fn a_shifted_network_has_a_row_to_predict_the_first_token_from() {
    let mut network = model("dream-on").network.unwrap();
    let (bos, mask) = (network.spec().bos.unwrap().0, network.spec().mask.0);
    assert_eq!(logits(&mut network, &[], &[mask; 2], &[40]), logits(&mut network, &[bos], &[mask; 2], &[40]));
}

#[test]
fn the_first_row_sees_the_last_token() {
    for name in FOLDERS {
        let network = model(name).network.unwrap();
        let first = |ids: &[u32]| -> Vec<f32> {
            let positions: Vec<u32> = (0..ids.len() as u32).collect();
            let hidden = network.pass(ids, &[&positions], None, &network.sight(ids.len())).unwrap();
            network.body.logits(&hidden).unwrap().to_vec2().unwrap().remove(0)
        };
        let (ids, ..) = recorded(name);
        let changed = |at: usize| {
            let mut other = ids.clone();
            other[at] = if other[at] == 50 { 51 } else { 50 };
            first(&ids).iter().zip(first(&other)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
        };
        match network.spec().topology {
            Topology::BlockCausal(size) => {
                assert!(changed(size - 1) > 1e-3, "{name}: the last of its own block is not seen");
                for at in size..ids.len() {
                    assert_eq!(changed(at), 0.0, "{name}: position {at} of a later block is seen");
                }
            }
            _ => assert!(changed(ids.len() - 1) > 1e-3, "{name}: {}", changed(ids.len() - 1)),
        }
    }
}

#[test]
fn neither_signs_nor_rows_without_a_token_are_ever_proposed() {
    for name in FOLDERS {
        let Model { spec, tokenizer, network, .. } = model(name);
        let mut network = network.unwrap();
        assert!(spec.vocab > tokenizer.vocab(), "{name} has rows beyond its tokenizer");
        for row in logits(&mut network, &[40, 41], &[spec.mask.0; 3], &[42]) {
            for (id, &logit) in row.iter().enumerate() {
                let token = TokenId(id as u32);
                let allowed =
                    !tokenizer.is_special(token) || Some(token) == spec.expand || Some(token) == spec.delete;
                assert_eq!(logit > BANNED, allowed, "{name}: {id}");
            }
        }
    }
}

/// The suffix of a block-causal model stands before the prefix, between the markers that its tokenizer has.
#[test]
fn block_causal_models_get_a_fill_in_the_middle_prompt() {
    for (name, wanted) in [
        ("stable-diffcoder", "<[fim-suffix]> 90 91 <[fim-prefix]> 80 81 <[fim-middle]>"),
        ("sdar", "<|fim_prefix|> 80 81 <|fim_suffix|> 90 91 <|fim_middle|>"),
        ("llada2", "80 81"),
    ] {
        let Model { tokenizer, network, .. } = model(name);
        let (context, _) =
            network.unwrap().encode_context(&tokens(&[90, 91]), &tokens(&[80, 81]), 8).unwrap();
        let sign = |id: &u32| tokenizer.specials().find(|(_, token)| token.0 == *id).map(|(name, _)| name);
        let said = |id: &u32| sign(id).map_or(id.to_string(), str::to_owned);
        assert_eq!(context.prefix.iter().map(said).collect::<Vec<_>>().join(" "), wanted);
        assert!(context.suffix.is_empty() && context.room() >= 8, "{name}");
    }
}

/// `vocab.json` and `merges.txt` mean what the slow tokenizer of transformers reads in them.
#[test]
fn split_tokenizer_files_give_the_ids_of_the_slow_tokenizer() {
    let json = std::fs::read(folder("dream-on").join("reference.json")).unwrap();
    let json: Value = serde_json::from_slice(&json).unwrap();
    let tokenizer = model("dream-on").tokenizer;
    let texts = json["texts"].as_array().unwrap();
    assert!(!texts.is_empty());
    for text in texts {
        let ids: Vec<u32> = serde_json::from_value(text["ids"].clone()).unwrap();
        assert_eq!(tokenizer.encode(text["text"].as_str().unwrap()), tokens(&ids), "{}", text["text"]);
    }
}

type Change = fn(&mut Value);

/// A copy of a fixture with one file changed; the error of loading it.
fn spoiled(name: &str, file: &str, change: Change) -> String {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder(name)).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    let path = copy.path().join(file);
    let mut json =
        std::fs::read(&path).map_or(Value::default(), |bytes| serde_json::from_slice(&bytes).unwrap());
    change(&mut json);
    std::fs::write(&path, json.to_string()).unwrap();
    let error = Model::load(&ModelSource::Dir(copy.path().to_owned()), LoadOptions::default());
    error.err().map_or_else(String::new, |error| error.to_string())
}

#[test]
fn files_that_disagree_are_refused_both_named() {
    let cases: [(&str, &str, Change, [&str; 2]); 5] = [
        (
            "open-dcoder",
            "config.json",
            |json| json["mask_token_id"] = 276.into(),
            ["config.json", "tokenizer_config.json's mask_token"],
        ),
        (
            "dream-on",
            "generation_config.json",
            |json| json["mask_token_id"] = 276.into(),
            ["config.json's mask_token_id", "generation_config.json's mask_token_id"],
        ),
        (
            "llada",
            "config.json",
            |json| json["mask_token_id"] = 277.into(),
            ["config.json's mask_token_id", "<|mdm_mask|>"],
        ),
        (
            "dream-on",
            "config.json",
            |json| json["expand_token_id"] = 282.into(),
            ["config.json's expand_token_id", "<|expand|>"],
        ),
        (
            "coda",
            "config.json",
            |json| json["tie_word_embeddings"] = true.into(),
            ["lm_head.weight", "config.json's tie_word_embeddings"],
        ),
    ];
    for (name, file, change, wanted) in cases {
        let error = spoiled(name, file, change);
        assert!(wanted.iter().all(|part| error.contains(part)), "{name}: {wanted:?}: {error}");
    }
}

#[test]
fn how_the_authors_sample_is_read_from_the_folder() {
    let said = |json: &mut Value| *json = serde_json::json!({"alg": "entropy", "temperature": -1.0});
    let error = spoiled("dream-on", "generation_config.json", said);
    assert!(error.contains("generation_config.json's temperature: -1 is not a number from 0"), "{error}");
    let error =
        spoiled("llada", "generation_config.json", |json| *json = serde_json::json!({"steps": "many"}));
    assert!(error.contains("generation_config.json: invalid type: string \"many\""), "{error}");
}

#[test]
fn faults_are_told_in_the_familys_own_words() {
    let cases: [(&str, Change, &str); 6] = [
        ("llada", |json| json["d_model"] = 0.into(), "d_model: 0"),
        ("llada", |json| json["block_type"] = "sequential".into(), "block_type"),
        (
            "llada",
            |json| json["n_layers"] = 3.into(),
            "model.transformer.blocks.2.attn_norm.weight: is missing",
        ),
        ("llada-moe", |json| json["num_experts_per_tok"] = 9.into(), "num_experts_per_tok: 9"),
        ("llada2", |json| json["n_group"] = 3.into(), "n_group: 3"),
        ("llada2", |json| json["norm_topk_prob"] = false.into(), "norm_topk_prob"),
    ];
    for (name, change, wanted) in cases {
        let error = spoiled(name, "config.json", change);
        assert!(error.contains(wanted), "{name}: {wanted}: {error}");
    }
    let error = spoiled("stable-diffcoder", "config.json", |json| {
        json["architectures"] = serde_json::json!(["LlamaForCausalLM"])
    });
    assert!(error.contains("\"llama\" (LlamaForCausalLM) is not supported"), "{error}");
}

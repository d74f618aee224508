//! Who chooses how a model is sampled, file beside file.

use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::model::{ModelSpec, config::signs::Claims};

/// Dream's shape, small; `decode` as its config has it, `said` as its `generation_config.json`.
fn spec(decode: Value, said: Value) -> Result<ModelSpec, String> {
    let mut config = json!({
        "model_type": "Dream", "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "intermediate_size": 40, "vocab_size": 296, "rms_norm_eps": 1e-6,
        "rope_theta": 1e4, "mask_token_id": 284
    });
    if !decode.is_null() {
        config["decode"] = decode;
    }
    let claims = Claims { sampling: serde_json::from_value(said).unwrap(), ..Claims::default() };
    ModelSpec::resolve(config.to_string().as_bytes(), Path::new("config.json"), &claims)
        .map_err(|error| error.to_string())
}

/// The lines that say how it is sampled.
fn told(decode: Value, said: Value) -> String {
    let facts = spec(decode, said).unwrap().facts();
    let from = facts.iter().position(|(what, _)| *what == "sampler").unwrap();
    facts[from..].iter().map(|(what, is)| format!("{what}: {is}\n")).collect()
}

#[test]
fn what_nobody_chose_is_built_in() {
    expect_test::expect![[r#"
        sampler: commits from probability 0.9 by default
        steps: as many as it takes by default
        temperature: 0 by default
        first length: searched (CAL): it sees what follows, and can neither expand nor delete
    "#]]
    .assert_eq(&told(Value::Null, json!({})));
}

#[test]
fn the_authors_choices_count_where_nothing_was_measured() {
    expect_test::expect![[r#"
        sampler: dream-entropy from generation_config.json's alg
        steps: at most 64 from generation_config.json's steps
        temperature: 0.2 from generation_config.json's temperature
        top-p: 0.95 from generation_config.json's top_p
        order: drawn at 0.1 from generation_config.json's alg_temp
        first length: searched (CAL): it sees what follows, and can neither expand nor delete
    "#]]
    .assert_eq(&told(
        Value::Null,
        json!({"alg": "entropy", "steps": 64, "temperature": 0.2, "top_p": 0.95, "top_k": 0, "alg_temp": 0.1}),
    ));
}

#[test]
fn what_was_measured_counts_first_and_what_is_passed_over_is_told() {
    expect_test::expect![[r#"
        sampler: p2 from config.json's decode.sampler
        steps: at most 8 from config.json's decode.max_steps
        temperature: 0.2 from generation_config.json's temperature
        first length: the surest of 4, 8 masks from config.json's decode.length
        not used: generation_config.json's alg: config.json's decode.sampler counts first
        not used: generation_config.json's steps: config.json's decode.max_steps counts first
    "#]]
    .assert_eq(&told(
        json!({"sampler": "p2", "max_steps": 8, "network": "denoise", "canvas": [4, 8], "length": "canvas"}),
        json!({"alg": "entropy", "steps": 512, "temperature": 0.2}),
    ));
}

#[test]
fn what_an_adapted_model_inherited_is_not_taken_for_its_own() {
    expect_test::expect![[r#"
        sampler: commits from probability 0.9 by default
        steps: as many as it takes by default
        temperature: 0 by default
        first length: searched (CAL): it sees what follows, and can neither expand nor delete
        not used: generation_config.json's temperature, top_p, top_k: it names no sampler, so they are of another model
    "#]]
    .assert_eq(&told(Value::Null, json!({"do_sample": true, "temperature": 0.7, "top_p": 0.8, "top_k": 20})));
}

#[test]
fn an_unknown_sampler_is_told_and_no_number_is_believed_unseen() {
    let line = told(Value::Null, json!({"alg": "levenshtein", "temperature": 0.3}));
    assert!(
        line.contains("generation_config.json's alg: no sampler of the name \"levenshtein\" is known"),
        "{line}"
    );
    assert!(line.contains("temperature: 0 by default"), "{line}");
    for (said, wanted) in [
        (json!({"temperature": -1.0}), "generation_config.json's temperature: -1 is not a number from 0"),
        (json!({"alg_temp": 1e39}), "generation_config.json's alg_temp: inf is not a number from 0"),
        (json!({"top_p": 0.0}), "generation_config.json's top_p: 0 is not in (0, 1]"),
    ] {
        let error = spec(Value::Null, said).unwrap_err();
        assert!(error.contains(wanted), "{error}");
    }
    for (decode, wanted) in [
        (json!({"top_k": 0}), "decode.top_k: 0 leaves no token"),
        (json!({"top_p": 1.5}), "decode.top_p: 1.5 is not in (0, 1]"),
        (json!({"rank_temperature": -0.5}), "decode.rank_temperature: -0.5 is not a number from 0"),
    ] {
        let error = spec(decode, json!({})).unwrap_err();
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn every_published_name_is_a_sampler() {
    for name in [
        "origin",
        "maskgit_plus",
        "topk_margin",
        "entropy",
        "p2",
        "low_confidence",
        "random",
        "confidence_threshold",
        "sequential",
        "low_confidence_static",
        "low_confidence_dynamic",
        "entropy_bounded",
    ] {
        assert!(sampler(name, false).is_some(), "{name}");
    }
    assert_eq!(sampler("entropy", true), Some(Preset::Dreamon));
}

//! Each fault of a config has its field's name.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::reference;

#[test]
fn each_faulty_value_is_named() {
    let cases = [
        ("model_type", json!("llama")),
        ("hidden_size", json!(0)),
        ("hidden_size", json!(-1)),
        ("num_hidden_layers", json!(5000)),
        ("num_key_value_heads", json!(3)),
        ("num_key_value_heads", json!(1)),
        ("head_dim", json!(7)),
        ("rope_theta", json!(-1.0)),
        ("logit_shift", json!(true)),
        ("attention_topology", json!("ring")),
        ("mask_token_id", json!(null)),
        ("mask_token_id", json!(1 << 20)),
        ("rope_scaling", json!({"type": "yarn"})),
        ("partial_rotary_factor", json!(1.5)),
        ("block_size", json!(0)),
        ("hidden_act", json!("gelu")),
        ("decode", json!({"threshold": 0.0})),
        ("decode", json!({"vicinity": usize::MAX})),
        ("decode", json!({"refresh": 2_000_000})),
        ("decode", json!({"max_steps": 0})),
        ("decode", json!({"sampler": "best-of-all"})),
        ("decode", json!({"length": "guess"})),
        ("decode", json!({"max_span": 8, "canvas": [16]})),
    ];
    for (field, value) in cases {
        let mut file = reference::config(Topology::ContextExact);
        file[field] = value.clone();
        let error =
            ModelSpec::from_bytes(&serde_json::to_vec(&file).unwrap(), Path::new("config.json")).unwrap_err();
        let error = error.to_string();
        assert!(error.starts_with("config.json: "), "{error}");
        let typed = error.contains("line") || error.contains("unknown variant");
        assert!(error.contains(field) || typed, "{field} = {value}: {error}");
    }
}

#[test]
fn a_missing_field_is_named() {
    let mut file = reference::config(Topology::Full);
    file.as_object_mut().unwrap().remove("intermediate_size");
    let error =
        ModelSpec::from_bytes(&serde_json::to_vec(&file).unwrap(), Path::new("config.json")).unwrap_err();
    assert!(error.to_string().contains("intermediate_size"), "{error}");
}

/// Configs with every kind of key: our own, LLaDA's, experts of both kinds.
fn published() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/fixture");
    let read = |name: &str| std::fs::read(folder.join(name).join("config.json")).unwrap();
    ["context-exact-f32", "llada", "llada-moe", "llada2", "dream-on"].map(read).to_vec()
}

/// What is read of `json`: a spec whose tensors can be told, or an error.
fn read(json: &[u8]) {
    let claims =
        Claims { tokenizer: signs::Ids { mask: Some(3), ..signs::Ids::default() }, ..Claims::default() };
    if let Ok(spec) = ModelSpec::resolve(json, Path::new("config.json"), &claims) {
        assert!(spec.parameters() >= spec.active_parameters() && !spec.facts().is_empty());
    }
}

#[test]
fn any_number_in_the_place_of_any_other_is_an_error_or_a_spec() {
    for json in published() {
        let file: serde_json::Value = serde_json::from_slice(&json).unwrap();
        for key in file.as_object().unwrap().keys() {
            for value in [
                json!(0),
                json!(1),
                json!(-1),
                json!(3),
                json!(1e300),
                json!(u64::MAX),
                json!(null),
                json!([]),
                json!("x"),
            ] {
                let mut file = file.clone();
                file[key] = value;
                read(&serde_json::to_vec(&file).unwrap());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn a_changed_byte_is_an_error_or_a_spec(which in 0_usize..5, at in 0_usize..4000, byte in any::<u8>()) {
        let mut json = published().swap_remove(which);
        let at = at % json.len();
        json[at] = byte;
        read(&json);
    }
}

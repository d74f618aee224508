//! Each fault of a config has its field's name.

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

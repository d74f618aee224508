//! What a weights file may do to us: nothing but a typed error.

use proptest::prelude::*;
use safetensors::tensor::TensorView;

use super::*;
use crate::model::{config::Topology, reference};

/// A network so small that its file can be cut at every byte.
fn tiny() -> ModelSpec {
    let mut file = reference::config(Topology::Full);
    for (field, value) in [
        ("hidden_size", 2),
        ("num_hidden_layers", 1),
        ("num_attention_heads", 1),
        ("head_dim", 2),
        ("intermediate_size", 2),
        ("vocab_size", 6),
    ] {
        file[field] = value.into();
    }
    file["num_key_value_heads"] = 1.into();
    ModelSpec::from_bytes(&serde_json::to_vec(&file).unwrap(), Path::new("config.json")).unwrap()
}

/// The error of reading `bytes` to the end, if there is one.
fn error(bytes: Vec<u8>) -> Option<String> {
    let spec = tiny();
    let read = || -> Result<(), EngineError> {
        let weights = Weights::in_memory(bytes.leak(), Path::new("model.safetensors"), &spec)?;
        spec.tensors().iter().try_for_each(|(name, _)| weights.read(name).map(drop))
    };
    read().err().map(|error| error.to_string())
}

/// A file with one tensor put in another's place, or added.
fn with(name: &str, dtype: Dtype, shape: &[usize], data: &[u8]) -> Vec<u8> {
    let bytes = reference::safetensors(&tiny(), 1);
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut all: Vec<(String, TensorView<'_>)> =
        file.tensors().into_iter().filter(|(other, _)| other != name).collect();
    all.push((name.to_owned(), TensorView::new(dtype, shape.to_vec(), data).unwrap()));
    safetensors::serialize(all, None).unwrap()
}

#[test]
fn a_sound_file_is_read_from_memory_and_from_a_folder() {
    let (spec, bytes) = (tiny(), reference::safetensors(&tiny(), 1));
    assert_eq!(error(bytes.clone()), None);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
    let weights = Weights::in_folder(folder.path(), &spec).unwrap().unwrap();
    assert_eq!(weights.read("model.norm.weight").unwrap(), reference::weights(&spec, 1)["model.norm.weight"]);
}

#[test]
fn what_a_download_left_in_place_of_weights_is_named() {
    for (bytes, expected) in [
        (&b""[..], "has 0 bytes"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a", "git lfs pull"),
        (b"<!DOCTYPE html><html>", "is a web page"),
        (b"PK\x03\x04\x00\x00\x08\x08\x00\x00archive/data.pkl", "is a pickle"),
        (b"\x80\x02}q\x00X\x05\x00\x00\x00layer", "is a pickle"),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff{}", "at most 8388608 are read"),
    ] {
        let error = error(bytes.to_vec()).unwrap();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_file_cut_off_at_any_byte_is_an_error() {
    let bytes = reference::safetensors(&tiny(), 1);
    for end in 0..bytes.len() {
        assert!(error(bytes[..end].to_vec()).is_some(), "cut at {end} of {}", bytes.len());
    }
}

#[test]
fn each_fault_names_its_tensor() {
    let norm = "model.norm.weight";
    let up = "model.layers.0.mlp.up_proj.weight";
    for (bytes, wanted) in [
        (with(norm, Dtype::F32, &[3], &[0; 12]), "model.norm.weight: has the shape [3]"),
        (with(norm, Dtype::F64, &[2], &[0; 16]), "model.norm.weight: is F64"),
        (with(norm, Dtype::I8, &[2], &[0; 2]), "model.norm.weight: is I8"),
        (with(norm, Dtype::F32, &[2], &[0, 0, 0xC0, 0x7F, 0, 0, 0, 0]), "model.norm.weight: number 0 is NaN"),
        (with(norm, Dtype::F16, &[2], &[0, 0, 0, 0x7C]), "model.norm.weight: number 1 is inf"),
        (with(up, Dtype::I8, &[2, 2], &[1, 2, 3, 4]), "up_proj.weight_scale: is missing"),
        (
            with("model.extra.weight", Dtype::F32, &[1], &[0; 4]),
            "model.extra.weight: is not a tensor of the model",
        ),
    ] {
        let error = error(bytes).expect(wanted);
        assert!(error.starts_with("model.safetensors: ") && error.contains(wanted), "{wanted}: {error}");
    }
}

#[test]
fn bytes_with_a_scale_a_row_are_widened() {
    let up = "model.layers.0.mlp.up_proj.weight";
    let bytes = with(up, Dtype::I8, &[2, 2], &[1, 0xFE, 127, 0x80]);
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let scale = [f16::from_f32(0.5).to_le_bytes(), f16::from_f32(2.0).to_le_bytes()].concat();
    let mut all: Vec<(String, TensorView<'_>)> = file.tensors().into_iter().collect();
    all.push((format!("{up}_scale"), TensorView::new(Dtype::F16, vec![2], &scale).unwrap()));
    let bytes: &'static [u8] = safetensors::serialize(all, None).unwrap().leak();
    let weights = Weights::in_memory(bytes, Path::new("model.safetensors"), &tiny()).unwrap();
    assert_eq!(weights.read(up).unwrap(), [0.5, -1.0, 254.0, -256.0]);
}

#[test]
fn a_header_that_claims_too_much_is_refused() {
    let mut bytes = reference::safetensors(&tiny(), 1);
    bytes[..8].copy_from_slice(&(MAX_HEADER_BYTES + 1).to_le_bytes());
    assert!(error(bytes.clone()).unwrap().contains("at most"));
    bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(error(bytes).unwrap().contains("at most"));
}

/// A file of this header and so many bytes.
fn headed(header: &str, data: usize) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat()
}

#[test]
fn a_header_whose_offsets_lie_is_refused() {
    let tensor = |name: &str, shape: u64, from: u64, to: u64| {
        format!(r#""{name}":{{"dtype":"U8","shape":[{shape}],"data_offsets":[{from},{to}]}}"#)
    };
    let cases = [
        ("overlapping", vec![tensor("a", 4, 0, 4), tensor("b", 4, 2, 6)], 6),
        ("with a gap", vec![tensor("a", 4, 0, 4), tensor("b", 4, 6, 10)], 10),
        ("backwards", vec![tensor("a", 4, 4, 0)], 4),
        ("shape and bytes disagree", vec![tensor("a", 8, 0, 4)], 4),
        ("larger than the file", vec![tensor("a", 1 << 40, 0, 1 << 40)], 4),
        ("smaller than the file", vec![tensor("a", 4, 0, 4)], 400),
        ("numbers overflow", vec![tensor("a", u64::MAX, 0, u64::MAX)], 4),
        (
            "the sum overflows",
            (0..8)
                .map(|n| {
                    tensor(&n.to_string(), (1 << 61) - 1, n * ((1 << 61) - 1), (n + 1) * ((1 << 61) - 1))
                })
                .collect(),
            4,
        ),
    ];
    for (what, tensors, data) in cases {
        let error = error(headed(&format!("{{{}}}", tensors.join(",")), data)).expect(what);
        assert!(error.starts_with("model.safetensors: "), "{what}: {error}");
    }
}

#[test]
fn a_header_is_not_made_room_for_before_the_file_is_seen_to_hold_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("model.safetensors"), (MAX_HEADER_BYTES).to_le_bytes()).unwrap();
    let error = Weights::in_folder(folder.path(), &tiny()).err().unwrap().to_string();
    assert!(error.contains("claims a header of 8388608 bytes in a file of 8"), "{error}");
}

#[test]
fn an_index_cannot_lead_out_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (inside, outside) = (folder.path().join("model"), folder.path().join("out.safetensors"));
    std::fs::create_dir(&inside).unwrap();
    std::fs::write(&outside, reference::safetensors(&tiny(), 1)).unwrap();
    for name in
        ["../out.safetensors", "/etc/passwd", "a/b.safetensors", "..", "weights.bin", "linked.safetensors"]
    {
        #[cfg(unix)]
        let _ = std::os::unix::fs::symlink(&outside, inside.join("linked.safetensors"));
        let index = serde_json::json!({"weight_map": {"model.norm.weight": name}});
        std::fs::write(inside.join("model.safetensors.index.json"), index.to_string()).unwrap();
        let error = Weights::in_folder(&inside, &tiny()).err().expect(name).to_string();
        assert!(error.contains("index.json"), "{name}: {error}");
    }
}

#[test]
fn a_file_that_shrinks_while_it_is_read_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    std::fs::write(&path, reference::safetensors(&tiny(), 1)).unwrap();
    let weights = Weights::in_folder(folder.path(), &tiny()).unwrap().unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(40).unwrap();
    assert!(weights.read("model.norm.weight").unwrap_err().to_string().contains("cut off"));
}

#[test]
fn other_formats_are_refused_by_name() {
    for (name, wanted) in [
        ("pytorch_model.bin", "pickle, which can run code"),
        ("model.pt", "pickle"),
        ("model.pth", "pickle"),
        ("model.ckpt", "pickle"),
        ("model.pkl", "pickle"),
        ("model.PT", "pickle"),
        ("model.gguf", "GGUF"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), b"x").unwrap();
        let error = Weights::in_folder(folder.path(), &tiny()).err().expect(name).to_string();
        assert!(error.contains(name) && error.contains(wanted), "{error}");
        let error = refuse_file(&folder.path().join(name)).expect_err(name).to_string();
        assert!(error.contains(name) && error.contains(wanted), "{error}");
        std::fs::write(
            folder.path().join("model.safetensors.index.json"),
            serde_json::json!({"weight_map": {"a": name}}).to_string(),
        )
        .unwrap();
        let error = Weights::in_folder(folder.path(), &tiny()).err().expect(name).to_string();
        assert!(
            error.contains(name) && error.contains("not the plain name of a safetensors file"),
            "{error}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn a_changed_header_is_an_error_or_the_same_shapes(at in 0_usize..2000, byte in any::<u8>()) {
        let mut bytes = reference::safetensors(&tiny(), 1);
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = error(bytes);
    }

    #[test]
    fn random_bytes_are_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(error(bytes).is_some());
    }
}

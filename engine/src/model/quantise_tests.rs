//! Folders written in int8: they load as they are, and answer as the same rounded at load; nothing half is left.

use std::{num::NonZeroUsize, path::Path};

use super::*;
use crate::{
    device::DeviceChoice,
    diffusion::{CanvasIdx, Denoiser},
    model::{LoadOptions, Model, ModelSource, NetworkUse},
    tokens::TokenId,
};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models/fixture").join(name)
}

fn logits(folder: &Path, weights: Precision) -> Vec<f32> {
    let options = LoadOptions {
        device: DeviceChoice::Cpu,
        threads: NonZeroUsize::new(1),
        network: Some(NetworkUse::Denoise),
        weights,
        ..LoadOptions::default()
    };
    let mut model = Model::load(&ModelSource::Dir(folder.to_owned()), options).unwrap();
    let network = model.network.as_mut().unwrap();
    let tokens = |ids: [u32; 4]| ids.map(TokenId);
    let (context, _) =
        network.encode_context(&tokens([40, 41, 42, 43]), &tokens([30, 31, 32, 33]), 4).unwrap();
    let mask = network.spec().mask;
    let rows: Vec<CanvasIdx> = (0..4).map(CanvasIdx).collect();
    let mut out = Vec::new();
    network.denoiser(&context).logits(&[&[mask; 4]], &[&rows], &mut out).unwrap();
    out
}

/// Tied and not, sharded, of other names, with experts, and int8 already.
#[test]
fn a_written_folder_answers_as_what_is_rounded_at_load() {
    let folders = [
        "open-dcoder",
        "a2d-qwen2",
        "dream-on",
        "llada",
        "llada-moe",
        "llada2",
        "full-qwen3-f16",
        "context-exact-int8",
    ];
    for name in folders {
        let home = tempfile::tempdir().unwrap();
        let out = home.path().join("int8");
        let quantisation = Quantisation::of(&fixture(name)).unwrap();
        quantisation.write(&out, "digest").unwrap();
        let size: u64 =
            fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
        assert!(
            size.abs_diff(quantisation.bytes()) < 20_000,
            "{name}: {size}, {} announced",
            quantisation.bytes()
        );
        assert_eq!(logits(&out, Precision::Stored), logits(&fixture(name), Precision::Int8), "{name}");
        assert!(is_whole(&out, "digest") && !is_whole(&out, "another"), "{name}");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "{name}: nothing else is left");
        assert!(!Quantisation::of(&out).unwrap().is_made_at_load(Precision::Int8), "{name}: once is enough");
    }
    assert!(Quantisation::of(&fixture("llada")).unwrap().is_made_at_load(Precision::Int8));
    assert!(!Quantisation::of(&fixture("llada")).unwrap().is_made_at_load(Precision::Auto), "a small one");
}

#[test]
fn what_is_cut_or_missing_is_not_whole() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("int8");
    let quantisation = Quantisation::of(&fixture("llada")).unwrap();
    quantisation.write(&out, "digest").unwrap();
    let error = quantisation.write(&out, "digest").unwrap_err().to_string();
    assert!(error.contains("exists already"), "{error}");
    let weights = out.join(WEIGHTS);
    let bytes = fs::read(&weights).unwrap();
    fs::write(&weights, &bytes[..bytes.len() - 1]).unwrap();
    assert!(!is_whole(&out, "digest"));
    fs::write(&weights, bytes).unwrap();
    assert!(is_whole(&out, "digest"));
    fs::remove_file(out.join("config.json")).unwrap();
    assert!(!is_whole(&out, "digest"));
    assert!(!is_whole(home.path(), "digest"));
}

#[test]
fn what_a_killed_run_left_is_removed_by_the_next() {
    let home = tempfile::tempdir().unwrap();
    let (out, draft) = (home.path().join("int8"), home.path().join("int8.making"));
    fs::create_dir(&draft).unwrap();
    for name in [LOCK, WEIGHTS, "stray.json"] {
        fs::write(draft.join(name), b"half").unwrap();
    }
    assert!(!is_whole(&out, "digest") && !out.exists());
    let quantisation = Quantisation::of(&fixture("llada")).unwrap();
    {
        let other = File::options().write(true).open(draft.join(LOCK)).unwrap();
        other.try_lock().unwrap();
        let error = quantisation.write(&out, "digest").unwrap_err().to_string();
        assert!(error.contains("by another program") && draft.join(WEIGHTS).exists(), "{error}");
    }
    quantisation.write(&out, "digest").unwrap();
    assert!(is_whole(&out, "digest") && !draft.exists() && !out.join("stray.json").exists());
}

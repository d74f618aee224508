//! Networks that are loaded from folders: small ones of random weights, and one of each public family.

use std::path::Path;

use quicksilver_protocol::completion::Span;

use super::{
    Infiller, Settings,
    tests::{FILE, config, request, run, shown, text},
};
use crate::{
    model::{LoadOptions, Model, ModelSource, ModelSpec, NetworkUse, reference},
    queue::{Infill, Infilled},
    tokens::sample,
};

/// A folder with a small network of random weights, loaded as any other.
fn real() -> Infiller {
    let folder = tempfile::tempdir().unwrap();
    let config = serde_json::to_vec(&config()).unwrap();
    let spec = ModelSpec::from_bytes(&config, Path::new("config.json")).unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("config.json", &config);
    write("tokenizer.json", &serde_json::to_vec(&sample::json()).unwrap());
    write("model.safetensors", &reference::safetensors(&spec, 7));
    let model = Model::load(&ModelSource::Dir(folder.path().to_owned()), LoadOptions::default()).unwrap();
    Infiller::of(model)
}

#[test]
fn a_real_network_denoises_and_its_cache_changes_no_answer() {
    let mut kept = real();
    kept.check().unwrap();
    kept.kit.settings.drafts = false;
    let mut typed = "fn a(&self) {\n    let x = 1;\n".to_owned();
    for (keys, key) in "let y = x.max(2);".chars().enumerate() {
        typed.push(key);
        let asked = request(&format!("{typed}$0\n}}\n"), Span::Rest);
        let (infilled, frames) = run(&mut kept, &asked);
        assert_eq!(infilled.source, "network");
        assert!(infilled.steps >= 1 && frames.len() as u32 == infilled.steps + 1, "{}", shown(&frames));
        assert!(keys == 0 || infilled.cached_tokens > 0, "key {keys}: {infilled:?}");
        let mut fresh = real();
        fresh.kit.settings.drafts = false;
        let (again, _) = run(&mut fresh, &asked);
        assert_eq!(again.cached_tokens, 0);
        let seen = |infilled: &Infilled| {
            (infilled.text.clone(), infilled.steps, infilled.show, infilled.span_tokens)
        };
        assert_eq!(seen(&infilled), seen(&again), "after {typed:?}");
        assert!((infilled.confidence - again.confidence).abs() < 1e-4);
        kept.reset();
        run(&mut kept, &asked);
    }
}

#[test]
fn a_real_network_ranks_drafts_as_text() {
    let mut infiller = real();
    infiller.kit.settings.role = NetworkUse::Rescore;
    let (infilled, _) = run(&mut infiller, &request(FILE, Span::Rest));
    assert_eq!(infilled.source, "prior+network");
    let mut fresh = real();
    fresh.kit.settings.role = NetworkUse::Rescore;
    assert_eq!(infilled.text, text(&mut fresh, &request(FILE, Span::Rest)));
    assert!(infilled.text.starts_with("ck"), "one of the prior's lines: {}", infilled.text);
}

#[test]
fn a_real_network_reads_drafts_and_may_rewrite_them() {
    let mut infiller = real();
    let (infilled, frames) = run(&mut infiller, &request(FILE, Span::Rest));
    assert_eq!(infilled.source, "prior+network");
    assert!(frames.len() >= 2, "the draft, and what became of it: {}", shown(&frames));
    assert_eq!(frames[0].runs[0].text, "ck = self.inner.lock();");
    assert!(infilled.prompt_tokens > 0);
    assert_eq!(infilled.text, text(&mut real(), &request(FILE, Span::Rest)));
}

/// Tiny checkpoints of public families, loaded by their folders, fill a hole as any other network does: full, with
/// experts, or causal from block to block.
#[test]
fn a_folder_of_each_public_family_fills_a_hole() {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/fixture");
    for name in [
        "llada",
        "illada",
        "llada-moe",
        "dream-on",
        "open-dcoder",
        "coda",
        "sdar",
        "stable-diffcoder",
        "llada2",
    ] {
        let load = || Model::load(&ModelSource::Dir(folders.join(name)), LoadOptions::default()).unwrap();
        Infiller::of(load()).check().unwrap();
        let settings = Settings { drafts: false, ..Settings::of(&load().spec) };
        let mut infiller = Infiller::with(load(), settings);
        let request = request("fn first() {\n    let x = $0;\n    print(x);\n}\n", Span::Rest);
        let (infilled, frames) = run(&mut infiller, &request);
        assert_eq!(infilled.source, "network", "{name}");
        assert!(
            infilled.steps > 0 && infilled.prompt_tokens > 10 && !frames.is_empty(),
            "{name}: {infilled:?}"
        );
        assert!(
            !infilled.text.contains(['\n']) && !infilled.text.contains("<|"),
            "{name}: {:?}",
            infilled.text
        );
        assert_eq!(text(&mut infiller, &request), infilled.text, "{name}: the same again");
    }
}

//! 50,000 spoiled model files: each is loaded or refused with an error that names a file. No panic, and no more memory
//! than the files themselves ask for. Seeded: what fails once fails every time, and the message says with which seed.
//!
//! With `QUICKSILVER_FUZZ_SECONDS` in the environment each of these runs so long instead, on seeds that no run had before.

#![allow(clippy::expect_used, reason = "a test ends at the first surprise")]

#[path = "support/allocator.rs"]
mod allocator;
#[path = "support/mutate.rs"]
mod mutate;

use std::{
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use mutate::Dice;
use quicksilver_engine::{
    EngineError,
    device::DeviceChoice,
    model::{LoadOptions, Model, ModelSource, ModelSpec, NetworkUse, weights::Weights},
    tokens::Tokenizer,
};
use serde_json::Value;

#[global_allocator]
static ALLOCATOR: allocator::Counted = allocator::Counted;

const CONFIGS: u64 = 13_000;
const TOKENIZERS: u64 = 10_000;
const WEIGHTS: u64 = 17_000;
const INDEXES: u64 = 5_000;
const FOLDERS: u64 = 2_000;
const MODELS: u64 = 3_000;
const _: () = assert!(CONFIGS + TOKENIZERS + WEIGHTS + INDEXES + FOLDERS + MODELS == 50_000);

/// What every file may cost beside its own bytes: error texts, tables of a reader.
const SLACK: usize = 256 * 1024;
const KIB: usize = 1024;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models/fixture").join(name)
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The first `count`; or, where the environment says for how long, those that follow the time of day.
fn seeds(count: u64) -> Box<dyn Iterator<Item = u64>> {
    let seconds = std::env::var("QUICKSILVER_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let Some(seconds) = seconds.map(Duration::from_secs) else { return Box::new(0..count) };
    let (begun, now) = (Instant::now(), SystemTime::now().duration_since(SystemTime::UNIX_EPOCH));
    let first = now.map_or(count, |now| now.as_nanos() as u64);
    Box::new((0..).map(move |n| first.wrapping_add(n)).take_while(move |_| begun.elapsed() < seconds))
}

/// Does `load` `count` times. `most` is the memory that it may hold for files of so many bytes together. One in `least`
/// is loaded, or nothing was tested but how a file begins.
fn each(
    what: &str,
    (count, least): (u64, u64),
    most: impl Fn(usize) -> usize,
    mut load: impl FnMut(&mut Dice) -> (usize, Result<(), EngineError>),
) {
    // A backtrace, where the environment asks for one, reads the program's debug information: memory of its own.
    std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
    let (mut ran, mut loaded) = (0_u64, 0);
    for seed in seeds(count) {
        ran += 1;
        let ran = catch_unwind(AssertUnwindSafe(|| allocator::held_here(|| load(&mut Dice(seed)))));
        let Ok(((bytes, result), held)) = ran else { panic!("seed {seed}: a panic") };
        assert!(held <= most(bytes), "seed {seed}: {held} bytes held for {bytes} bytes of files: {result:?}");
        match result {
            Ok(()) => loaded += 1,
            Err(error @ EngineError::ModelFile { .. }) => {
                let told = error.to_string();
                assert!(
                    told.contains(": ") && told.len() < 2 * KIB,
                    "seed {seed}: {} bytes: {told}",
                    told.len()
                );
            }
            // Refused for its size, before anything of it is allocated.
            Err(EngineError::TooLarge(_)) => {}
            Err(other) => panic!("seed {seed}: {other:?}"),
        }
    }
    eprintln!("{what}: {ran} spoiled, {loaded} of them loaded");
    assert!((ran / least..ran * 9 / 10).contains(&loaded), "{what}: {loaded} of {ran} were loaded");
}

/// Half in their meaning, half in their bytes.
fn spoil_json(dice: &mut Dice, json: &Value) -> Vec<u8> {
    let mut document = json.clone();
    let meaning = dice.below(2) == 0;
    if meaning {
        mutate::document(dice, &mut document);
    }
    let mut file = serde_json::to_vec(&document).expect("JSON");
    if !meaning {
        mutate::bytes(dice, &mut file);
    }
    file
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&read(path)).expect("JSON")
}

#[test]
fn spoiled_configs() {
    let sound = ["context-exact-f32", "full-dream-bf16"].map(|name| json(&fixture(name).join("config.json")));
    each(
        "configs",
        (CONFIGS, 50),
        |bytes| 16 * bytes + SLACK,
        |dice| {
            let sound = dice.pick(&sound).clone();
            let file = spoil_json(dice, &sound);
            (file.len(), ModelSpec::from_bytes(&file, Path::new("config.json")).map(drop))
        },
    );
}

#[test]
fn spoiled_tokenizers() {
    let sound = json(&fixture("context-exact-f32").join("tokenizer.json"));
    each(
        "tokenizers",
        (TOKENIZERS, 50),
        |bytes| 400 * bytes + 2 * 1024 * KIB,
        |dice| {
            let file = spoil_json(dice, &sound);
            let tokenizer = Tokenizer::from_bytes(&file, Path::new("tokenizer.json"));
            let used = tokenizer.map(|tokenizer| {
                let text = "let π = f(x, \"😀\");\n\t// 42\r\n";
                let tokens = tokenizer.encode(text);
                assert_eq!(tokenizer.text(&tokens), text, "what loads keeps its promises");
            });
            (file.len(), used)
        },
    );
}

/// The header spoiled in its meaning, its length a lie, or any bytes.
fn spoil_weights(dice: &mut Dice, sound: &[u8]) -> Vec<u8> {
    let length = u64::from_le_bytes(sound[..8].try_into().expect("eight bytes")) as usize;
    let (header, data) = sound[8..].split_at(length);
    let mut file = sound.to_vec();
    match dice.below(4) {
        0 | 1 => {
            let mut document: Value = serde_json::from_slice(header).expect("JSON");
            mutate::document(dice, &mut document);
            let header = serde_json::to_vec(&document).expect("JSON");
            let length = (header.len() as u64).to_le_bytes();
            file = [&length[..], &header, data].concat();
        }
        2 => {
            let lies =
                [0, 1, 7, 1 << 23, 1 << 24, u64::MAX, u64::MAX - 8, length as u64 + 1, dice.next() % 4096];
            file[..8].copy_from_slice(&dice.pick(&lies).to_le_bytes());
        }
        _ if dice.below(2) == 0 => {
            // In the header, where most bytes mean something.
            let at = 8 + dice.below(length);
            file[at] ^= 1 << dice.below(8);
        }
        _ => mutate::bytes(dice, &mut file),
    }
    file
}

fn read_all(folder: &Path, spec: &ModelSpec) -> Result<(), EngineError> {
    match Weights::in_folder(folder, spec)? {
        Some(weights) => spec.tensors().iter().try_for_each(|(name, _)| weights.read(name).map(drop)),
        None => Ok(()),
    }
}

#[test]
fn spoiled_weights() {
    let folder = tempfile::tempdir().expect("a folder");
    let sound = ["context-exact-int8", "full-qwen3-f16"].map(|name| {
        let config = read(&fixture(name).join("config.json"));
        let spec = ModelSpec::from_bytes(&config, Path::new("config.json")).expect("a sound config");
        (spec, read(&fixture(name).join("model.safetensors")))
    });
    let path = folder.path().join("model.safetensors");
    each(
        "weights",
        (WEIGHTS, 100),
        |bytes| 8 * bytes + SLACK,
        |dice| {
            let (spec, sound) = dice.pick(&sound);
            let file = spoil_weights(dice, sound);
            std::fs::write(&path, &file).expect("a file");
            let bytes = file.len();
            drop(file);
            (bytes, read_all(folder.path(), spec))
        },
    );
}

#[test]
fn spoiled_indexes() {
    let folder = tempfile::tempdir().expect("a folder");
    let from = fixture("full-qwen3-f16");
    let config = read(&from.join("config.json"));
    let spec = ModelSpec::from_bytes(&config, Path::new("config.json")).expect("a sound config");
    let weights = read(&from.join("model.safetensors"));
    std::fs::write(folder.path().join("a.safetensors"), &weights).expect("a file");
    std::fs::write(folder.path().join("b.safetensors"), &weights).expect("a file");
    std::fs::write(folder.path().join("pytorch_model.bin"), b"\x80\x02").expect("a file");
    let names: serde_json::Map<String, Value> =
        spec.tensors().into_iter().map(|(name, _)| (name, "a.safetensors".into())).collect();
    let sound = serde_json::json!({"metadata": {"total_size": weights.len()}, "weight_map": names});
    let others = [
        "b.safetensors",
        "../a.safetensors",
        "/etc/passwd",
        "pytorch_model.bin",
        ".",
        "",
        "a.safetensors/",
        "\0",
    ];
    let path = folder.path().join("model.safetensors.index.json");
    each(
        "indexes",
        (INDEXES, 50),
        |bytes| 8 * (bytes + 2 * 60 * KIB) + SLACK,
        |dice| {
            let file = if dice.below(3) == 0 {
                let mut swapped = sound.clone();
                let names = swapped["weight_map"].as_object_mut().expect("a map");
                let at = dice.below(names.len());
                *names.values_mut().nth(at).expect("counted") = (*dice.pick(&others)).into();
                serde_json::to_vec(&swapped).expect("JSON")
            } else {
                spoil_json(dice, &sound)
            };
            std::fs::write(&path, &file).expect("a file");
            let bytes = file.len();
            drop(file);
            (bytes, read_all(folder.path(), &spec))
        },
    );
}

#[test]
fn spoiled_models_as_a_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let from = fixture("context-exact-int8");
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("a file");
    let all =
        ["config.json", "tokenizer.json", "model.safetensors"].map(|name| (name, read(&from.join(name))));
    let options = LoadOptions {
        device: DeviceChoice::Cpu,
        threads: NonZeroUsize::new(1),
        network: Some(NetworkUse::Denoise),
        ..LoadOptions::default()
    };
    let source = ModelSource::Dir(folder.path().to_owned());
    each(
        "models",
        (MODELS, 50),
        |bytes| 400 * bytes + 8 * 1024 * KIB,
        |dice| {
            let spoiled = dice.below(3);
            let mut total = 0;
            for (at, (name, sound)) in all.iter().enumerate() {
                let file = match (at == spoiled, at) {
                    (false, _) => sound.clone(),
                    (true, 2) => spoil_weights(dice, sound),
                    (true, _) => spoil_json(dice, &serde_json::from_slice(sound).expect("JSON")),
                };
                total += file.len();
                write(name, &file);
            }
            (total, Model::load(&source, options).map(drop))
        },
    );
}

/// What stands beside config and weights where there is no `tokenizer.json`: each of these files in turn.
#[test]
fn spoiled_folders() {
    let folder = tempfile::tempdir().expect("a folder");
    let from = fixture("dream-on");
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("a file");
    write("config.json", &read(&from.join("config.json")));
    let mut all: Vec<(&str, Vec<u8>)> =
        ["vocab.json", "merges.txt", "added_tokens.json", "tokenizer_config.json"]
            .map(|name| (name, read(&from.join(name))))
            .into();
    let mut said = json(&from.join("generation_config.json"));
    for (field, value) in [
        ("alg", "entropy".into()),
        ("steps", 64.into()),
        ("temperature", 0.2.into()),
        ("top_p", 0.95.into()),
        ("top_k", 20.into()),
        ("alg_temp", 0.1.into()),
    ] {
        said[field] = value;
    }
    all.push(("generation_config.json", serde_json::to_vec(&said).expect("JSON")));
    let options = LoadOptions { network: Some(NetworkUse::Off), ..LoadOptions::default() };
    let source = ModelSource::Dir(folder.path().to_owned());
    each(
        "folders",
        (FOLDERS, 50),
        |bytes| 400 * bytes + 8 * 1024 * KIB,
        |dice| {
            let spoiled = dice.below(all.len());
            let mut total = 0;
            for (at, (name, sound)) in all.iter().enumerate() {
                let mut file = sound.clone();
                match (at == spoiled, *name) {
                    (false, _) => {}
                    (true, "merges.txt") => mutate::bytes(dice, &mut file),
                    (true, _) => {
                        file = spoil_json(dice, &serde_json::from_slice(sound).expect("JSON"));
                    }
                }
                total += file.len();
                write(name, &file);
            }
            (total, Model::load(&source, options).map(drop))
        },
    );
}

/// What a spoiled file seldom becomes: patterns and documents made to exhaust whoever reads them.
#[test]
fn tokenizers_made_to_exhaust_their_reader() {
    let sound = json(&fixture("context-exact-f32").join("tokenizer.json"));
    let pattern = |text: &str| {
        let mut file = sound.clone();
        let split = serde_json::json!({
            "type": "Split", "pattern": {"Regex": text}, "behavior": "Isolated", "invert": false
        });
        let parts = file["pre_tokenizer"]["pretokenizers"].as_array_mut().expect("a sequence");
        parts.insert(0, split);
        serde_json::to_vec(&file).expect("JSON")
    };
    let mut gaps = sound.clone();
    gaps["model"]["vocab"]["zz"] = 1_900_000.into();
    let files = [
        ("nested groups", pattern(&"(".repeat(20_000))),
        ("closed groups", pattern(&format!("{}a{}", "(".repeat(20_000), ")".repeat(20_000)))),
        ("nested looks", pattern(&format!("{}a{}", "(?=".repeat(5000), ")".repeat(5000)))),
        ("counted repeats", pattern("(((a{1000}){1000}){1000}){1000}")),
        ("backtracking", pattern(r"(?=(\w+\s*)+\d)(\w+\s*)+\d$")),
        ("empty matches", pattern("")),
        ("nested lists", format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes()),
        ("far ids", serde_json::to_vec(&gaps).expect("JSON")),
    ];
    for (what, file) in files {
        let (result, held) =
            allocator::held_here(|| Tokenizer::from_bytes(&file, Path::new("tokenizer.json")).map(drop));
        assert!(held <= 400 * file.len() + 32 * 1024 * KIB, "{what}: {held} bytes held");
        if let Err(error) = result {
            let text = error.to_string();
            assert!(text.starts_with("tokenizer.json: "), "{what}: {text}");
        }
    }
}

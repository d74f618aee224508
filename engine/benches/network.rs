//! What a keystroke costs the network: reading a context from nothing, a typed token, a denoise step; and what the
//! first call of a length search costs, its candidates in one pass and one by one.
//!
//! Random weights of the embedded model's size, so that it runs before there are trained ones; on the CPU, with
//! 256 tokens of prefix and 128 of suffix. `cargo bench --profile release -p quicksilver-engine --bench network`

#![allow(clippy::expect_used, reason = "a benchmark")]

use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use quicksilver_engine::{
    device::DeviceChoice,
    diffusion::{CanvasIdx, Denoiser},
    model::{ModelSpec, Network, Precision, weights::Weights},
    tokens::{TokenId, Tokenizer},
};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::json;

/// Milestone S of the training plan, `engine/training/configs/s.json`: 8 blocks of 512.
fn spec(topology: &str) -> ModelSpec {
    let file = json!({
        "model_type": "quicksilver", "hidden_size": 512, "num_hidden_layers": 8, "num_attention_heads": 8,
        "num_key_value_heads": 8, "head_dim": 64, "intermediate_size": 1408, "vocab_size": 16384,
        "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": true,
        "attention_topology": topology, "span_gap": 64, "mask_token_id": 1,
        "decode": {"max_span": 32, "canvas": [8]}
    });
    ModelSpec::from_bytes(file.to_string().as_bytes(), Path::new("config.json")).expect("a sound config")
}

/// Random int8 weights, as the trainer stores them.
fn network(spec: &ModelSpec, threads: usize, precision: Precision) -> Network {
    let raw: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = spec
        .tensors()
        .into_iter()
        .flat_map(|(name, shape)| {
            let size: usize = shape.iter().product();
            if shape.len() == 1 {
                return vec![(name, Dtype::F32, shape, 1_f32.to_le_bytes().repeat(size))];
            }
            let bytes = (0..size).map(|n| ((n * 2_654_435_761) >> 7) as u8).collect();
            let scale = (
                format!("{name}_scale"),
                Dtype::F32,
                vec![shape[0]],
                3e-4_f32.to_le_bytes().repeat(shape[0]),
            );
            vec![(name, Dtype::I8, shape, bytes), scale]
        })
        .collect();
    let views = raw.iter().map(|(name, dtype, shape, bytes)| {
        (name, TensorView::new(*dtype, shape.clone(), bytes).expect("a view"))
    });
    let file: &'static [u8] = safetensors::serialize(views, None).expect("a file").leak();
    let weights = Weights::in_memory(file, Path::new("model.safetensors"), spec).expect("sound weights");
    let (device, _) = DeviceChoice::Cpu.open().expect("a CPU");
    Network::new(spec, &weights, &device, threads, precision).expect("a network")
}

fn ids(length: usize, salt: usize) -> Vec<TokenId> {
    (0..length).map(|n| TokenId((64 + (n * 37 + salt * 101) % 16_000) as u32)).collect()
}

fn keystroke(criterion: &mut Criterion) {
    let spec = spec("context-exact");
    let ways = [("f32", Precision::Full), ("int8", Precision::Int8)];
    for (way, threads) in ways.into_iter().flat_map(|way| [1, 2].map(|threads| (way, threads))) {
        let mut network = network(&spec, threads, way.1);
        let way = way.0;
        let suffix = ids(128, 1);
        let mut salt = 2;
        criterion.bench_function(
            &format!("read 256+128 from nothing, {way}, {threads} threads"),
            |bencher| {
                bencher.iter(|| {
                    salt += 1;
                    network.encode_context(&ids(128, salt), &ids(256, salt), 32).expect("a context")
                });
            },
        );
        let mut typed = ids(256, 1);
        criterion.bench_function(&format!("read a typed token, {way}, {threads} threads"), |bencher| {
            bencher.iter(|| {
                salt += 1;
                if typed.len() > 256 {
                    typed.truncate(255);
                }
                typed.push(ids(1, salt)[0]);
                network.encode_context(&suffix, &typed, 32).expect("a context")
            });
        });
        let (context, _) = network.encode_context(&suffix, &typed, 32).expect("a context");
        for (spans, length) in [(1, 8), (1, 16), (1, 32), (4, 16)] {
            let span = vec![TokenId(1); length];
            let rows: Vec<CanvasIdx> = (0..length).map(CanvasIdx).collect();
            let mut logits = Vec::new();
            criterion.bench_function(
                &format!("denoise step, {spans} x {length} masks, {way}, {threads} threads"),
                |bencher| {
                    bencher.iter(|| {
                        let (spans, rows) = (vec![&span[..]; spans], vec![&rows[..]; spans]);
                        network.denoiser(&context).logits(&spans, &rows, &mut logits).expect("logits");
                    });
                },
            );
        }
    }
}

/// CAL's first nine candidates where nothing is kept of a context, because it reads both ways.
fn lengths(criterion: &mut Criterion) {
    let spec = spec("full");
    for (way, precision) in [("f32", Precision::Full), ("int8", Precision::Int8)] {
        let mut network = network(&spec, 2, precision);
        for (before, behind) in [(16, 8), (64, 32), (256, 128)] {
            let (context, _) =
                network.encode_context(&ids(behind, 1), &ids(before, 2), 32).expect("a context");
            let spans: Vec<Vec<TokenId>> = (4..=12).map(|length| vec![TokenId(1); length]).collect();
            let rows: Vec<Vec<CanvasIdx>> =
                (4..=12).map(|length| (0..length).map(CanvasIdx).collect()).collect();
            let spans: Vec<&[TokenId]> = spans.iter().map(Vec::as_slice).collect();
            let rows: Vec<&[CanvasIdx]> = rows.iter().map(Vec::as_slice).collect();
            let mut logits = Vec::new();
            for (how, at_once) in [("in one call", spans.len()), ("one by one", 1)] {
                let name = format!("nine lengths {how}, context {before}+{behind}, {way}, 2 threads");
                criterion.bench_function(&name, |bencher| {
                    bencher.iter(|| {
                        for (spans, rows) in spans.chunks(at_once).zip(rows.chunks(at_once)) {
                            network.denoiser(&context).logits(spans, rows, &mut logits).expect("logits");
                        }
                    });
                });
            }
        }
    }
}

/// 64 KiB of this crate's own text.
fn tokens(criterion: &mut Criterion) {
    let json = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/models/embedded/tokenizer.json"))
        .expect("a file");
    let tokenizer = Tokenizer::from_bytes(&json, Path::new("tokenizer.json")).expect("a tokenizer");
    let mut text = include_str!("../src/model/network.rs").repeat(8);
    text.truncate((0..=64 * 1024).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0));
    criterion.bench_function("tokenise 64 KiB", |bencher| bencher.iter(|| tokenizer.encode(&text)));
    criterion.bench_function("tokenise 64 KiB seen before", |bencher| {
        bencher.iter(|| tokenizer.encode_again(&text))
    });
    criterion.bench_function("load the tokenizer", |bencher| {
        bencher.iter(|| Tokenizer::from_bytes(&json, Path::new("tokenizer.json")).expect("a tokenizer"));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(std::time::Duration::from_secs(2)).warm_up_time(std::time::Duration::from_millis(500));
    targets = tokens, keystroke, lengths
}
criterion_main!(benches);

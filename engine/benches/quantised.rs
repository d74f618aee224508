//! The bars of the CPU: a denoise step of 32 masks beside a cached context, 512 tokens where nothing else is said.
//!
//! Random weights of Qwen2.5-0.5B's shape in int8, in f32, in bf16 widened block by block, and the same network by candle's own
//! crates; the network that is to be embedded (`configs/s.json`, random too) and the embedded one, with their rooflines; each kernel
//! beside plain candle, f32; and candle's 4-bit products.
//! `cargo bench --profile release -p quicksilver-engine --bench quantised`

#![allow(clippy::expect_used, clippy::print_stdout, missing_docs, reason = "a benchmark")]

#[path = "quantised/blocks.rs"]
mod blocks;
#[path = "quantised/fused.rs"]
mod fused;
#[path = "quantised/plain.rs"]
mod plain;
#[path = "quantised/roofline.rs"]
mod roofline;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use criterion::{Criterion, criterion_group, criterion_main};
use quicksilver_engine::{
    device::{DeviceChoice, FloatType},
    diffusion::{CanvasIdx, Denoiser},
    model::{LoadOptions, Model, ModelSource, ModelSpec, Network, NetworkUse, Precision, random},
    tokens::TokenId,
};

const THREADS: usize = 2;
const SPAN: usize = 32;
const CONTEXT: usize = 512;
/// The bars: ms of an int8 step of 0.5B, times as fast as f32, and times a small network's roofline.
const STEP_MS: f64 = 120.0;
const FASTER: f64 = 4.0;
const ROOFLINE: f64 = 2.0;

fn ids(length: usize, vocab: usize) -> Vec<TokenId> {
    (0..length).map(|n| TokenId((64 + (n * 37) % (vocab - 64)) as u32)).collect()
}

/// The fastest of the steps that criterion runs, in ms: what other programs take is not the network's.
fn step(criterion: &mut Criterion, what: &str, network: &mut Network, context: usize) -> f64 {
    let (vocab, mask) = (network.spec().vocab, network.spec().mask);
    let (suffix, prefix) = (ids(context / 4, vocab), ids(context - context / 4, vocab));
    let (context, _) = network.encode_context(&suffix, &prefix, SPAN).expect("a context");
    let (span, rows) = ([mask; SPAN], std::array::from_fn::<_, SPAN, _>(CanvasIdx));
    let mut logits = Vec::new();
    let mut best = Duration::MAX;
    criterion.bench_function(what, |bencher| {
        bencher.iter(|| {
            let begun = Instant::now();
            network.denoiser(&context).logits(&[&span], &[&rows], &mut logits).expect("logits");
            best = best.min(begun.elapsed());
        });
    });
    best.as_secs_f64() * 1e3
}

fn random_step(criterion: &mut Criterion, what: &str, spec: &ModelSpec, precision: Precision) -> f64 {
    let (device, _) = DeviceChoice::Cpu.open().expect("a CPU");
    let mut network = Network::random(spec, &device, FloatType::F32, THREADS, precision).expect("a network");
    step(criterion, &format!("step of {what}, {SPAN} masks by {CONTEXT} tokens"), &mut network, CONTEXT)
}

fn half_billion(criterion: &mut Criterion) {
    let spec = random::spec("qwen2.5-0.5b", true, CONTEXT, SPAN).expect("a shape");
    let int8 = random_step(criterion, "0.5B, int8", &spec, Precision::Int8);
    let float = random_step(criterion, "0.5B, f32", &spec, Precision::Full);
    let halves = random_step(criterion, "0.5B, bf16 as stored", &spec, Precision::Stored);
    println!("0.5B: held in bf16 {halves:.1} ms, {:.2} times what f32 takes", halves / float);
    let plain = pool().install(|| plain::step(&spec, CONTEXT, SPAN)).expect("candle's network");
    println!(
        "0.5B: int8 {int8:.1} ms (bar {STEP_MS} ms); plain candle f32 {plain:.1} ms: {:.1} times as fast (bar {FASTER}); our own f32 \
         {float:.1} ms: {:.1} times",
        plain / int8,
        float / int8
    );
    roofline::report("0.5B", &spec, CONTEXT, SPAN, int8);
}

fn small(criterion: &mut Criterion) {
    let spec = small_spec();
    let int8 = random_step(criterion, "the shape of configs/s.json, int8", &spec, Precision::Int8);
    roofline::report("shape of configs/s.json", &spec, CONTEXT, SPAN, int8);
}

/// The embedded network's config with the shape that the training plan has for it.
fn small_spec() -> ModelSpec {
    let read = |json: &str| serde_json::from_str::<serde_json::Value>(json).expect("JSON");
    let mut config = read(include_str!("../models/embedded/config.json"));
    let plan = read(include_str!("../training/configs/s.json"));
    for (key, value) in plan["shape"].as_object().expect("a shape") {
        config[key] = value.clone();
    }
    config["context_window"] = CONTEXT.into();
    ModelSpec::from_bytes(config.to_string().as_bytes(), Path::new("config.json")).expect("a sound config")
}

fn embedded(criterion: &mut Criterion) {
    let options = LoadOptions {
        device: DeviceChoice::Cpu,
        threads: std::num::NonZeroUsize::new(THREADS),
        network: Some(NetworkUse::Denoise),
        ..LoadOptions::default()
    };
    let mut model = Model::load(&ModelSource::Embedded, options).expect("the embedded model");
    let network = model.network.as_mut().expect("a network");
    let spec = network.spec().clone();
    let context = spec.context_window;
    let what = format!("step of the embedded network, {SPAN} masks by {context} tokens, int8");
    let ms = step(criterion, &what, network, context);
    roofline::report("embedded", &spec, context, SPAN, ms);
}

fn kernels(_: &mut Criterion) {
    for line in pool().install(fused::report).expect("candle's operations") {
        println!("{line}");
    }
}

fn four_bits(_: &mut Criterion) {
    for line in pool().install(blocks::report).expect("candle's products") {
        println!("{line}");
    }
}

fn pool() -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(THREADS).build().expect("threads")
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_millis(500));
    targets = embedded, small, kernels, half_billion, four_bits
}
criterion_main!(benches);

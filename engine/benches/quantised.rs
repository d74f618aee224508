//! The bars of the CPU: a denoise step of 32 masks beside a cached context of 512 tokens.
//!
//! On random weights of Qwen2.5-0.5B's shape in int8 and in f32; and the embedded network, with the roofline of
//! its products beside it: what the machine could do at most, measured in the same run.
//! `cargo bench --profile release -p quicksilver-engine --bench quantised`

#![allow(clippy::expect_used, clippy::print_stdout, missing_docs, reason = "a benchmark")]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use criterion::{Criterion, criterion_group, criterion_main};
use quicksilver_engine::{
    device::{
        DeviceChoice, FloatType,
        kernels::int8::{Int8Matrix, Purpose},
    },
    diffusion::{CanvasIdx, Denoiser},
    model::{LoadOptions, Model, ModelSource, ModelSpec, Network, NetworkUse, Precision, random},
    tokens::TokenId,
};

const THREADS: usize = 2;
const SPAN: usize = 32;
/// The bars: ms of an int8 step of 0.5B, times as fast as f32, and times the embedded network's roofline.
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

fn half_billion(criterion: &mut Criterion) {
    let spec = random::spec("qwen2.5-0.5b", true, 512, SPAN).expect("a shape");
    let (device, _) = DeviceChoice::Cpu.open().expect("a CPU");
    let mut ms = |what: &str, precision| {
        let mut network =
            Network::random(&spec, &device, FloatType::F32, THREADS, precision).expect("a network");
        step(criterion, &format!("step of 0.5B, 32 masks by 512 tokens, {what}"), &mut network, 512)
    };
    let (int8, float) = (ms("int8", Precision::Int8), ms("f32", Precision::Full));
    println!(
        "0.5B: int8 {int8:.1} ms (bar {STEP_MS} ms), f32 {float:.1} ms: {:.1} times as fast (bar {FASTER})",
        float / int8
    );
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
    let roofline = roofline(network.spec());
    let ms = step(criterion, "step of the embedded network, 32 masks by 192 tokens, int8", network, 192);
    println!("embedded: {ms:.2} ms, roofline {roofline:.2} ms: {:.1} times (bar {ROOFLINE})", ms / roofline);
}

/// ms that the products of a step take at the rate of the largest of them, alone: as `cpu-perf` counts, attention in f32 at a
/// quarter of that.
fn roofline(spec: &ModelSpec) -> f64 {
    let rate = rate();
    let rows = (SPAN * 192) as f64;
    let attention = 4.0 * rows * (spec.layers * spec.heads * spec.head_dim) as f64;
    let products = 2.0 * SPAN as f64 * spec.parameters() as f64;
    (products + 4.0 * attention) / rate * 1e3
}

/// Operations a second of an int8 product that fits the caches.
fn rate() -> f64 {
    const SIDE: usize = 2048;
    let rows = vec![3_i8; SIDE * SIDE];
    let matrix = Int8Matrix::new(&rows, &vec![0.01; SIDE], SIDE, Purpose::Products).expect("a matrix");
    let input = vec![0.5; 64 * SIDE];
    let pool = rayon::ThreadPoolBuilder::new().num_threads(THREADS).build().expect("threads");
    let once = || {
        let begun = Instant::now();
        black_box(matrix.multiply(&input));
        begun.elapsed()
    };
    let best = pool.install(|| (0..50).map(|_| once()).min().expect("one"));
    2.0 * (64 * SIDE * SIDE) as f64 / best.as_secs_f64()
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_millis(500));
    targets = embedded, half_billion
}
criterion_main!(benches);

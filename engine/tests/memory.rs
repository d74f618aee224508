//! What a network holds in memory, counted by the allocator, against what it says it will need.

#![allow(clippy::print_stdout, reason = "the figures are what it is run for")]
#![allow(clippy::expect_used, reason = "a test ends at the first surprise")]

#[path = "support/allocator.rs"]
mod allocator;

use std::{io::Write, path::Path};

use quicksilver_engine::{
    device::DeviceChoice,
    model::{
        LoadOptions, Model, ModelSource, Need, Network, NetworkUse, Precision, random, weights::Weights,
    },
};
use safetensors::tensor::{Dtype, TensorInfo};

#[global_allocator]
static ALLOCATOR: allocator::Counted = allocator::Counted;

const MB: f64 = 1e6;

/// What is held may be so many times the weights as they are stored, and the caches and activations that are stated.
const MOST_OF_STORED: f64 = 1.25;

/// One test, so that nothing else allocates meanwhile.
#[test]
fn a_network_needs_no_more_than_it_says_and_little_more_than_is_stored() {
    embedded();
    half_billion();
}

fn embedded() {
    let embedded = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/embedded");
    let stored =
        std::fs::metadata(embedded.join("model.safetensors")).expect("the embedded model").len() as usize;
    let options =
        |network| LoadOptions { device: DeviceChoice::Cpu, network: Some(network), ..LoadOptions::default() };
    let source = ModelSource::Dir(embedded);
    // The tokenizer is held too, and is no part of the network: counted without it.
    let (outline, _) =
        allocator::held_by_all(|| Model::load(&source, options(NetworkUse::Off)).expect("it loads"));
    let tokenizer = {
        let before = allocator::held_now();
        let another = Model::load(&source, options(NetworkUse::Off)).expect("it loads");
        let held = allocator::held_now() - before;
        drop(another);
        held
    };
    let before = allocator::held_now();
    let (model, most) =
        allocator::held_by_all(|| Model::load(&source, options(NetworkUse::Denoise)).expect("it loads"));
    let held = allocator::held_now() - before - tokenizer;
    let network = model.network.as_ref().expect("a network");
    let need: Need = network.need();
    println!(
        "stored {:.1} MB; held {:.1} MB, {:.2} of it; most while loading {:.1} MB; needs {need}",
        stored as f64 / MB,
        held as f64 / MB,
        held as f64 / stored as f64,
        most as f64 / MB,
    );
    drop(outline);
    assert!(held as f64 <= stored as f64 * MOST_OF_STORED, "{held} bytes held of {stored} stored");
    let slack = 1 << 20;
    assert!(held <= need.weights as usize + slack, "{held} bytes held, {need}");
    assert!(most - tokenizer <= need.total() as usize + slack, "{most} bytes at most, {need}");
    assert!(
        need.weights as usize <= held * 5 / 4 + slack,
        "what is said is not far from what is: {held}, {need}"
    );
}

/// Random weights of Qwen2.5-0.5B's shape, stored as bf16: taken as int8, the floats are never there as a whole; taken as
/// stored, they are never there in four bytes.
fn half_billion() {
    let spec = random::spec("qwen2.5-0.5b", true, 512, 32).expect("a shape");
    let folder = tempfile::tempdir().expect("a folder");
    // Numbers between a thousandth and a hundredth, of both signs, over and over.
    let some: Vec<u8> = (0..1 << 19)
        .flat_map(|n: u32| {
            let sign = (n % 2) as f32 * 2.0 - 1.0;
            half::bf16::from_f32(sign * (1 + n.wrapping_mul(2_654_435_761) % 9) as f32 / 1000.0).to_le_bytes()
        })
        .collect();
    let mut start = 0;
    let tensors: Vec<(String, TensorInfo)> = spec
        .tensors()
        .into_iter()
        .map(|(name, shape)| {
            let end = start + 2 * shape.iter().product::<usize>();
            let info = TensorInfo { dtype: Dtype::BF16, shape, data_offsets: (start, end) };
            start = end;
            (name, info)
        })
        .collect();
    let header: serde_json::Map<_, _> =
        tensors.into_iter().map(|(name, info)| (name, serde_json::to_value(info).expect("JSON"))).collect();
    let header = serde_json::to_vec(&header).expect("JSON");
    let mut file = std::fs::File::create(folder.path().join("model.safetensors")).expect("a file");
    file.write_all(&(header.len() as u64).to_le_bytes()).expect("written");
    file.write_all(&header).expect("written");
    for at in (0..start).step_by(some.len()) {
        file.write_all(&some[..some.len().min(start - at)]).expect("written");
    }
    drop(file);

    let parameters = spec.parameters() as usize;
    for (how, precision, stored) in
        [("to int8", Precision::Auto, parameters), ("as stored", Precision::Stored, 2 * parameters)]
    {
        let weights = Weights::in_folder(folder.path(), &spec).expect("sound").expect("there");
        let (device, _) = DeviceChoice::Cpu.open().expect("a CPU");
        let before = allocator::held_now();
        let (network, most) = allocator::held_by_all(|| {
            Network::new(&spec, &weights, &device, 2, precision).expect("a network")
        });
        let (held, need) = (allocator::held_now() - before, network.need());
        println!(
            "0.5B, bf16 {how}: held {:.1} MB, {:.3} of so many bytes; most while loading {:.1} MB, {:.3}; needs {need}",
            held as f64 / MB,
            held as f64 / stored as f64,
            most as f64 / MB,
            most as f64 / stored as f64
        );
        // Gemm keeps room of a core's cache for each thread.
        let (stored, slack) = (stored as f64 * MOST_OF_STORED, 8 << 20);
        assert!(held as f64 <= stored && held <= need.weights as usize + slack, "{held}: {need}");
        let stated = (need.caches + need.activations) as f64;
        assert!(most as f64 <= stored + stated, "{most} bytes at most, {need}");
        assert!(most <= need.total() as usize + slack, "{most} bytes at most, {need}");
    }
}

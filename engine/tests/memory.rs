//! What a network holds in memory, counted by the allocator, against what it says it will need.

#![allow(clippy::expect_used, reason = "a test ends at the first surprise")]

#[path = "support/allocator.rs"]
mod allocator;

use std::path::Path;

use quicksilver_engine::{
    device::DeviceChoice,
    model::{LoadOptions, Model, ModelSource, Need, NetworkUse},
};

#[global_allocator]
static ALLOCATOR: allocator::Counted = allocator::Counted;

const MB: f64 = 1e6;

/// Loads a model as `source` says and prints what it takes. One test, so that nothing else allocates meanwhile.
#[test]
fn a_network_needs_no_more_than_it_says() {
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
    let slack = 1 << 20;
    assert!(held <= need.weights as usize + slack, "{held} bytes held, {need}");
    assert!(most - tokenizer <= need.total() as usize + slack, "{most} bytes at most, {need}");
    assert!(
        need.weights as usize <= held * 5 / 4 + slack,
        "what is said is not far from what is: {held}, {need}"
    );
}

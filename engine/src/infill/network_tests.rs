//! How a network's span is decided: in how many steps, how long, in which blocks, by which sampler.

use std::{path::Path, sync::Arc};

use quicksilver_protocol::completion::Span;
use serde_json::json;

use super::{
    Infiller, Network, Settings,
    scripted::Scripted,
    tests::{config, request, run, settings},
};
use crate::{
    diffusion::{Blocks, Preset},
    model::{ModelSpec, NetworkUse},
    tokens::sample,
};

/// A network that is never sure of anything.
fn doubts() -> Box<dyn Network> {
    Box::new(Scripted::new(|_, _, row| row[80] = 0.1))
}

#[test]
fn steps_are_bounded_where_the_model_says_so_and_nowhere_else() {
    let steps = |max_steps| {
        let settings = Settings { max_steps, drafts: false, ..settings(NetworkUse::Denoise) };
        let tokenizer = Arc::new(sample::tokenizer());
        let mut infiller = Infiller::new(tokenizer, settings, Some(doubts()));
        run(&mut infiller, &request("let x = $0\n", Span::Rest)).0.steps
    };
    assert_eq!((steps(None), steps(Some(3)), steps(Some(2))), (8, 3, 2), "a canvas of eight masks");
    assert_eq!(settings(NetworkUse::Denoise).max_steps, None);
}

#[test]
fn a_model_that_cannot_change_a_spans_length_searches_for_it() {
    let length = |decode: serde_json::Value, marks: bool| {
        let mut config = config();
        config["decode"] = decode;
        if !marks {
            config["expand_token_id"] = json!(null);
            config["delete_token_id"] = json!(null);
        }
        let json = serde_json::to_vec(&config).unwrap();
        let settings = Settings::of(&ModelSpec::from_bytes(&json, Path::new("config.json")).unwrap());
        // Surest of eleven tokens, and the less sure the farther from that.
        let network = Scripted::new(|span, _, row| {
            row[80] = (12.0 - 6.0 * span.len().abs_diff(11) as f32).max(0.1);
        });
        let calls = Arc::clone(&network.calls);
        let settings = Settings { drafts: false, ..settings };
        let mut infiller = Infiller::new(Arc::new(sample::tokenizer()), settings, Some(Box::new(network)));
        let infilled = run(&mut infiller, &request("let x = $0\n", Span::Rest)).0;
        assert_eq!(infilled.steps as usize, calls.lock().unwrap().len());
        infilled.span_tokens
    };
    let decode = json!({"max_span": 48, "canvas": [8], "network": "denoise"});
    assert_eq!((length(decode.clone(), false), length(decode.clone(), true)), (11, 8));
    let with = |key: &str, value: &str| {
        let mut decode = decode.clone();
        decode[key] = value.into();
        decode
    };
    assert_eq!((length(with("length", "canvas"), false), length(with("length", "search"), true)), (8, 11));
}

#[test]
fn a_network_that_is_causal_from_block_to_block_fills_them_in_order() {
    let settings = Settings { drafts: false, ..settings(NetworkUse::Denoise) };
    // The surer the further right.
    let mut network = Scripted::new(|_, at, row| row[80] = 0.1 + at as f32 * 0.1);
    network.blocks = Blocks { before: 1, ..Blocks::of(4) };
    let calls = Arc::clone(&network.calls);
    let mut infiller = Infiller::new(Arc::new(sample::tokenizer()), settings, Some(Box::new(network)));
    run(&mut infiller, &request("let x = $0\n", Span::Rest));
    // Eight masks behind one position of the first block.
    let blocks: Vec<usize> =
        calls.lock().unwrap().iter().map(|rows| (rows.last().unwrap() + 1) / 4).collect();
    assert_eq!(blocks, [0, 0, 0, 1, 1, 1, 1, 2]);
}

#[test]
fn steps_bound_the_span_and_not_each_of_its_blocks() {
    let steps = |sampler, max_steps| {
        let settings = Settings { sampler, max_steps, drafts: false, ..settings(NetworkUse::Denoise) };
        let mut network = Scripted::new(|_, _, row| row[80] = 0.1);
        network.blocks = Blocks::of(4);
        let mut infiller = Infiller::new(Arc::new(sample::tokenizer()), settings, Some(Box::new(network)));
        run(&mut infiller, &request("f();\n$0\n", Span::Rest)).0.steps
    };
    for sampler in [None, Some(Preset::SdarStatic), Some(Preset::LladaLowConfidence)] {
        // Eight masks in two blocks; behind a line break, so that nothing has to be healed first.
        for (most, made) in [(None, 8), (Some(7), 6), (Some(6), 6), (Some(4), 4)] {
            assert_eq!(steps(sampler, most), made, "{sampler:?} in {most:?}");
        }
    }
}

#[test]
fn a_config_names_the_sampler_to_follow() {
    let steps = |sampler, max_steps| {
        let settings = Settings { sampler, max_steps, drafts: false, ..settings(NetworkUse::Denoise) };
        let tokenizer = Arc::new(sample::tokenizer());
        let mut infiller = Infiller::new(tokenizer, settings, Some(doubts()));
        run(&mut infiller, &request("let x = $0\n", Span::Rest)).0.steps
    };
    // Eight masks, one a step; in four steps of Dream's, of which the first decides one.
    assert_eq!(steps(Some(Preset::DreamEntropy), None), 8);
    assert_eq!(steps(Some(Preset::DreamEntropy), Some(4)), 4);
    // Two blocks of four; the blank that is healed comes before the rest of its block.
    assert_eq!(steps(Some(Preset::SdarStatic), Some(1)), 3);
    assert_eq!(settings(NetworkUse::Denoise).sampler, None);
    let mut config = config();
    config["decode"]["sampler"] = json!("p2");
    let json = serde_json::to_vec(&config).unwrap();
    let spec = ModelSpec::from_bytes(&json, Path::new("config.json")).unwrap();
    assert_eq!(Settings::of(&spec).sampler, Some(Preset::P2));
}

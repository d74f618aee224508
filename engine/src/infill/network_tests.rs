//! How a network's span is decided: in how many steps, how long, in which blocks, by which sampler.

use std::{path::Path, sync::Arc};

use proptest::prelude::*;
use quicksilver_protocol::{completion::Span, holes::Previous};
use serde_json::json;

use super::{
    Infiller, Network, Settings,
    scripted::Scripted,
    tests::{config, request, run, settings},
};
use crate::{
    diffusion::{Blocks, Preset},
    model::{ModelSpec, NetworkUse},
    tokens::{TokenId, sample},
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

/// Text and steps of a network alone that wants `wants` and is sure of nothing, when `text` was suggested before.
fn begun(wants: &str, warm: bool, text: &str, tail: bool) -> (String, u32) {
    let tokenizer = sample::tokenizer();
    // What is healed stands first.
    let wanted = tokenizer.encode(&format!(" {wants}"));
    let network = Scripted::new(move |span: &[TokenId], at, row: &mut [f32]| {
        let from_the_end = wanted.len().checked_sub(span.len() - at).and_then(|at| wanted.get(at));
        row[from_the_end.map_or(80, |token| token.0 as usize)] = 4.0;
    });
    let settings = Settings { warm, drafts: false, ..settings(NetworkUse::Denoise) };
    let mut infiller = Infiller::new(Arc::new(tokenizer), settings, Some(Box::new(network)));
    let mut request = request("let x = $0\n", Span::Rest);
    request.previous = Some(Previous { text: text.to_owned(), tail });
    let infilled = run(&mut infiller, &request).0;
    (infilled.text, infilled.steps)
}

#[test]
fn what_was_suggested_before_stands_where_the_network_still_means_it() {
    let same = begun("f(a, b);", true, "f(a, b);", false);
    assert_eq!(same, ("f(a, b);".to_owned(), 1), "one look, and nothing to denoise");
    let (text, steps) = begun("f(a, c);", true, "f(a, b);", false);
    assert_eq!(text, "f(a, c);", "what it would write otherwise is masked again");
    let (_, from_masks) = begun("f(a, c);", false, "f(a, b);", false);
    assert!(steps == 2 && steps < from_masks, "{steps} steps, {from_masks} from masks");
}

#[test]
fn a_tail_stands_behind_masks() {
    let (text, steps) = begun("f(a, b);", true, "(a, b);", true);
    assert!(text.ends_with("(a, b);"), "{text}");
    assert!(steps <= 3, "a look and a step for each mask: {steps}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The text is of whoever asks, and may be anything.
    #[test]
    fn any_text_to_begin_from_is_survived_and_the_answer_is_the_same_again(
        text in "[a-z(), \n\té🦀]{1,200}",
        tail in any::<bool>(),
        drafts in any::<bool>(),
        role in prop::sample::select(vec![NetworkUse::Off, NetworkUse::Rescore, NetworkUse::Denoise]),
        span in prop::sample::select(vec![Span::Rest, Span::Line, Span::Block]),
    ) {
        let mut request = request("let x = f(a);\nlet y = $0;\nlet x = f(a);\n", span);
        request.previous = Some(Previous { text, tail });
        let fill = || {
            let settings = Settings { warm: true, drafts, max_steps: Some(3), ..settings(role) };
            let mut infiller = Infiller::new(Arc::new(sample::tokenizer()), settings, Some(doubts()));
            run(&mut infiller, &request).0
        };
        prop_assert_eq!(fill().text, fill().text);
    }
}

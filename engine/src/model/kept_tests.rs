//! What is kept is what would be read: the same tokens at the same places, exact where nothing else has changed.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::{
    diffusion::{CanvasIdx, Denoiser},
    model::{
        Precision, Topology,
        network::tests::{TOLERANCE, expected, furthest, ids, logits, network, of_folder, spec, text},
    },
};

/// Logits of all rows of a span in a context, by the way that is set.
fn read(network: &mut Network, (suffix, prefix): (&[u32], &[u32]), span: &[u32]) -> Vec<Vec<f32>> {
    logits(network, suffix, prefix, span, 64)
}

#[test]
fn kept_rows_are_exact_where_all_is_read_anew_or_nothing_has_changed() {
    for shift in [false, true] {
        let spec = spec(Topology::Full, &[("logit_shift", shift.into())]);
        let (suffix, prefix) = (text(12, 1), text(20, 2));
        let rows = [CanvasIdx(0), CanvasIdx(2)];
        for (vicinity, all) in [(99, true), (4, false), (0, false)] {
            let mut network = network(&spec, 7);
            network.keep(Some(vicinity));
            network.spec.decode.refresh = 2;
            let (context, _) = network.encode_context(&ids(&suffix), &ids(&prefix), 16).unwrap();
            let mut denoiser = network.denoiser(&context);
            let spans: [&[u32]; 7] = [&[1; 3], &[1; 3], &[1, 9, 1], &[1, 9, 8], &[1; 5], &[1; 4], &[1; 4]];
            // The first, and what comes two steps after a whole pass.
            let exact = [true, true, false, true, false, false, true];
            for (span, exact) in spans.iter().zip(exact) {
                let mut flat = Vec::new();
                denoiser.logits(&[&ids(span)], &[&rows], &mut flat).unwrap();
                let got: Vec<Vec<f32>> = flat.chunks(50).map(<[f32]>::to_vec).collect();
                assert_eq!(got.len(), 2, "only wanted rows go through the head");
                let plain = expected(&spec, 7, &suffix, &prefix, span, 16);
                let far = furthest(&got, &[plain[0].clone(), plain[2].clone()]);
                let said = format!("shift {shift}, vicinity {vicinity}, {span:?}: {far}");
                assert_eq!(far < TOLERANCE, exact || all, "{said}");
            }
        }
    }
}

#[test]
fn published_networks_answer_the_same_with_a_vicinity_of_everything_and_in_their_first_step() {
    for name in ["open-dcoder", "dream-on", "a2d-qwen2", "coda", "llada", "illada", "llada-moe"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/fixture").join(name);
        let mut network = of_folder(&folder, Precision::Full);
        let mask = network.spec.mask.0;
        let (suffix, prefix) = ((40..52).collect::<Vec<u32>>(), (20..40).collect::<Vec<u32>>());
        let around = (&suffix[..], &prefix[..]);
        let spans = [vec![mask; 4], vec![mask, 30, mask, 31], vec![mask; 6]];
        let exact: Vec<_> = spans.iter().map(|span| read(&mut network, around, span)).collect();
        network.keep(Some(99));
        for (span, exact) in spans.iter().zip(&exact) {
            assert!(furthest(&read(&mut network, around, span), exact) < TOLERANCE, "{name} {span:?}");
        }
        for (span, exact) in spans.iter().zip(&exact) {
            network.keep(Some(2));
            assert!(furthest(&read(&mut network, around, span), exact) < TOLERANCE, "{name} {span:?}");
        }
    }
}

#[test]
fn a_new_block_begins_with_a_whole_pass() {
    let changes = [("decode", serde_json::json!({"sampler": "fast-dllm-threshold", "vicinity": 2}))];
    let spec = spec(Topology::Full, &changes);
    let (suffix, prefix) = (text(12, 1), text(20, 2));
    let (masked, mut half, mut first) = ([1; 40], [1; 40], [1; 40]);
    half[..31].fill(9);
    first[..32].fill(9);
    let mut network = network(&spec, 7);
    for (span, exact) in [(masked, true), (half, false), (first, true)] {
        let got = read(&mut network, (&suffix, &prefix), &span);
        let far = furthest(&got, &expected(&spec, 7, &suffix, &prefix, &span, 64));
        assert_eq!(far < TOLERANCE, exact, "{far}");
    }
}

#[test]
fn typing_reads_what_changed_and_an_idle_pass_makes_the_rest_exact() {
    let spec = spec(Topology::Full, &[]);
    let (suffix, mut prefix) = (text(30, 1), text(40, 2));
    let mut network = network(&spec, 7);
    network.keep(Some(3));
    read(&mut network, (&suffix, &prefix), &[1; 4]);
    assert!(!network.freshen().unwrap(), "a whole pass is not repeated");
    prefix.push(9);
    let (_, stats) = network.encode_context(&ids(&suffix), &ids(&prefix), 64).unwrap();
    assert_eq!((stats.tokens, stats.reused), (71, 70));
    let plain = expected(&spec, 7, &suffix, &prefix, &[1; 4], 64);
    assert!(furthest(&read(&mut network, (&suffix, &prefix), &[1; 4]), &plain) > TOLERANCE);
    assert!(network.freshen().unwrap());
    assert!(furthest(&read(&mut network, (&suffix, &prefix), &[1; 4]), &plain) < TOLERANCE);
}

#[test]
fn the_oldest_canvas_goes_where_there_are_too_many_bytes() {
    let spec = spec(Topology::Full, &[]);
    let mut network = network(&spec, 7);
    network.keep(Some(2));
    let kept = |network: &Network| network.kept.all.lock().unwrap().len();
    for seed in 0..3 {
        read(&mut network, (&text(20, seed), &text(20, seed + 5)), &[1; 4]);
    }
    assert_eq!(kept(&network), 3);
    let one = network.kept.all.lock().unwrap()[0].rows.bytes();
    network.kept.budget = 2 * one;
    read(&mut network, (&text(20, 9), &text(20, 12)), &[1; 4]);
    assert_eq!(kept(&network), 2);
    network.kept.budget = 0;
    read(&mut network, (&text(20, 3), &text(20, 4)), &[1; 4]);
    assert_eq!(kept(&network), 1, "the one in use stays");
    network.forget();
    assert_eq!(kept(&network), 0);
}

/// An edit of one side: where, how many tokens go, which come.
fn edit() -> impl Strategy<Value = (bool, usize, usize, Vec<u32>)> {
    (any::<bool>(), 0_usize..40, 0_usize..5, prop::collection::vec(6_u32..50, 0..4))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// The first layer's keys and values tell which token at which position a row was read for.
    #[test]
    fn no_row_is_kept_for_a_token_or_a_place_that_has_changed(
        vicinity in 0_usize..6, shift: bool, edits in prop::collection::vec((edit(), 1_usize..7), 1..12),
    ) {
        let spec = spec(Topology::Full, &[("logit_shift", shift.into())]);
        let (mut kept, mut fresh) = (network(&spec, 7), network(&spec, 7));
        kept.keep(Some(vicinity));
        kept.spec.decode.refresh = 0;
        let (mut suffix, mut prefix) = (text(24, 1), text(36, 2));
        for ((before, at, gone, come), span) in edits {
            let side = if before { &mut prefix } else { &mut suffix };
            let at = at.min(side.len());
            let end = (at + gone).min(side.len());
            side.splice(at..end, come);
            let span = vec![1; span];
            read(&mut kept, (&suffix, &prefix), &span);
            fresh.keep(Some(0));
            read(&mut fresh, (&suffix, &prefix), &span);
            let all = |network: &Network| {
                let all = network.kept.all.lock().unwrap();
                let last = all.last().unwrap();
                let rows = last.rows.first_layer(last.places.len()).map(|rows| {
                    let mut rows: Vec<_> = last.places.iter().copied().zip(rows).collect();
                    rows.sort_by_key(|row| row.0);
                    rows
                });

                rows.into_iter().flatten().collect::<Vec<_>>()
            };
            let (kept, fresh) = (all(&kept), all(&fresh));
            prop_assert_eq!(kept.len(), 2 * (prefix.len().max(usize::from(shift)) + span.len() + suffix.len()));
            for ((place, one), (also, other)) in kept.iter().zip(&fresh) {
                prop_assert_eq!(place, also);
                for (a, b) in one.iter().zip(other) {
                    prop_assert!((a - b).abs() < 1e-4, "place {}: {} and {}", place, a, b);
                }
            }
        }
    }
}

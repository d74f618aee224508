//! The network against plain loops, with its caches and without.

use std::{num::NonZeroUsize, path::Path};

use super::*;
use crate::{
    diffusion::{CanvasIdx, Denoiser},
    model::{
        LoadOptions, Model, ModelSource, NetworkUse,
        context::horizon,
        denoise::BANNED,
        recorded::{Answer, Case, Recorded},
        reference::{self, Row},
        weights::Stored,
    },
};

/// How far int8 may be from f32, as a share of the distance between a row's largest and smallest logit.
const ROUNDED: f32 = 0.05;
/// The same where a router chooses experts.
const ROUNDED_ROUTED: f32 = 0.25;
/// How far it may be on average.
const ROUNDED_MEAN: f32 = 0.012;
/// How far f16 may be from f32, as a share of the widest row of logits.
const HALVED: f32 = 0.01;
/// How far two ways of adding the same numbers may differ, in logits of these small networks.
pub(in crate::model) const TOLERANCE: f32 = 2e-4;

pub(in crate::model) fn spec(topology: Topology, changes: &[(&str, serde_json::Value)]) -> ModelSpec {
    let mut file = reference::config(topology);
    for (field, value) in changes {
        file[*field] = value.clone();
    }
    ModelSpec::from_bytes(&serde_json::to_vec(&file).unwrap(), Path::new("config.json")).unwrap()
}

pub(in crate::model) fn network(spec: &ModelSpec, seed: u64) -> Network {
    let bytes: &'static [u8] = reference::safetensors(spec, seed).leak();
    let weights = Weights::in_memory(bytes, Path::new("model.safetensors"), spec).unwrap();
    Network::new(spec, &weights, &Device::Cpu, 1, Precision::Full).unwrap()
}

pub(in crate::model) fn ids(tokens: &[u32]) -> Vec<TokenId> {
    tokens.iter().map(|&id| TokenId(id)).collect()
}

pub(in crate::model) fn text(length: usize, seed: usize) -> Vec<u32> {
    (0..length).map(|n| (6 + (n * 7 + seed * 13 + n * n) % 44) as u32).collect()
}

/// All positions' logits of one span, by the reference: the whole row at once, no cache.
pub(in crate::model) fn expected(
    spec: &ModelSpec,
    seed: u64,
    suffix: &[u32],
    prefix: &[u32],
    span: &[u32],
    limit: usize,
) -> Vec<Vec<f32>> {
    let weights = reference::weights(spec, seed);
    let (s, p, c) = (suffix.len(), prefix.len(), span.len());
    if spec.topology == Topology::Full {
        let row = |(at, &token): (usize, &u32)| Row { token, left: at as f64, right: at as f64 };
        let rows: Vec<Row> = prefix.iter().chain(span).chain(suffix).enumerate().map(row).collect();
        let all = reference::forward(spec, &weights, &rows, |_, _| true);
        let shift = usize::from(spec.logit_shift);
        return (0..c).map(|j| all[(p + j).saturating_sub(shift)].clone()).collect();
    }
    let right = horizon(spec, p, limit);
    let mut rows = Vec::new();
    let same = |token: u32, at: usize| Row { token, left: at as f64, right: at as f64 };
    rows.extend(suffix.iter().enumerate().map(|(k, &token)| same(token, right + k)));
    rows.extend(prefix.iter().enumerate().map(|(i, &token)| same(token, i)));
    rows.extend(span.iter().enumerate().map(|(j, &token)| Row {
        token,
        left: (p + j) as f64,
        right: (right - c + j) as f64,
    }));
    let all = reference::forward(spec, &weights, &rows, |row, other| other <= row || row >= s + p);
    all[s + p..].to_vec()
}

pub(in crate::model) fn logits(
    network: &mut Network,
    suffix: &[u32],
    prefix: &[u32],
    span: &[u32],
    limit: usize,
) -> Vec<Vec<f32>> {
    let (context, _) = network.encode_context(&ids(suffix), &ids(prefix), limit).unwrap();
    let rows: Vec<CanvasIdx> = (0..span.len()).map(CanvasIdx).collect();
    let mut flat = Vec::new();
    network.denoiser(&context).logits(&[&ids(span)], &[&rows], &mut flat).unwrap();
    flat.chunks(network.spec.vocab).map(<[f32]>::to_vec).collect()
}

pub(in crate::model) fn furthest(one: &[Vec<f32>], other: &[Vec<f32>]) -> f32 {
    assert_eq!(one.len(), other.len());
    one.iter().flatten().zip(other.iter().flatten()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// The mean distance of two sets of logits.
fn apart(one: &[Vec<f32>], other: &[Vec<f32>]) -> f32 {
    let all = one.iter().flatten().zip(other.iter().flatten());
    all.map(|(a, b)| (a - b).abs()).sum::<f32>() / one.iter().flatten().count() as f32
}

/// The distance between the largest and the smallest logit of a row, at most.
fn widest(rows: &[Vec<f32>]) -> f32 {
    let width = |row: &Vec<f32>| {
        row.iter().copied().fold(f32::MIN, f32::max) - row.iter().copied().fold(f32::MAX, f32::min)
    };
    rows.iter().map(width).fold(0.0, f32::max)
}

fn likeliest(row: &[f32]) -> usize {
    (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap()
}

#[test]
fn the_pass_agrees_with_plain_loops_for_every_kind_of_network() {
    let yes = serde_json::Value::Bool(true);
    let no = serde_json::Value::Bool(false);
    let kinds: [(Topology, Vec<(&str, serde_json::Value)>); 7] = [
        (Topology::ContextExact, vec![]),
        (Topology::ContextExact, vec![("attention_bias", yes.clone()), ("qk_norm", no.clone())]),
        (Topology::ContextExact, vec![("tie_word_embeddings", no.clone())]),
        (Topology::ContextExact, vec![("num_key_value_heads", 4.into())]),
        (Topology::Full, vec![]),
        (
            Topology::Full,
            vec![("logit_shift", yes.clone()), ("attention_bias", yes), ("qk_norm", no.clone())],
        ),
        (Topology::Full, vec![("num_key_value_heads", 1.into()), ("tie_word_embeddings", no)]),
    ];
    for (topology, changes) in kinds {
        let spec = spec(topology, &changes);
        let mut network = network(&spec, 7);
        for (s, p, c) in [(5, 9, 6), (0, 1, 1), (1, 30, 16), (40, 3, 4)] {
            let (suffix, prefix) = (text(s, 1), text(p, 2));
            let mut span = vec![1; c];
            span[c / 2] = 11;
            let got = logits(&mut network, &suffix, &prefix, &span, 16);
            let far = furthest(&got, &expected(&spec, 7, &suffix, &prefix, &span, 16));
            assert!(far < TOLERANCE, "{topology:?} {changes:?} {s}+{p}+{c}: {far}");
        }
    }
}

#[test]
fn a_long_context_is_read_in_several_passes_with_the_same_result() {
    let spec = spec(Topology::ContextExact, &[]);
    let (suffix, prefix) = (text(PASS_ROWS / 2, 3), text(PASS_ROWS, 4));
    let got = logits(&mut network(&spec, 3), &suffix, &prefix, &[1; 8], 8);
    let far = furthest(&got, &expected(&spec, 3, &suffix, &prefix, &[1; 8], 8));
    assert!(far < TOLERANCE, "{far}");
}

/// Typing, deleting, moving the cursor, editing behind it: what is remembered never changes an answer.
#[test]
fn two_hundred_edits_with_and_without_memory_give_the_same_tokens() {
    let spec = spec(Topology::ContextExact, &[]);
    let (mut keeps, mut forgets) = (network(&spec, 5), network(&spec, 5));
    let mut file = text(60, 5);
    let mut cursor = 30;
    let (mut seed, mut reused, mut read) = (12345_usize, 0, 0);
    for edit in 0..200 {
        seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12345) % (1 << 31);
        match seed >> 16 & 7 {
            0..=3 => {
                file.insert(cursor, 6 + (seed >> 8) as u32 % 44);
                cursor += 1;
            }
            4 if cursor > 1 => {
                cursor -= 1;
                file.remove(cursor);
            }
            5 => cursor = (seed >> 4) % file.len().max(1),
            6 if cursor < file.len() => _ = file.remove(cursor),
            _ => {}
        }
        let (prefix, suffix) = file.split_at(cursor);
        let mut span = vec![1; 1 + edit % 8];
        let last = span.len() - 1;
        span[last] = 9;
        let (_, stats) = keeps.encode_context(&ids(suffix), &ids(prefix), 16).unwrap();
        reused += stats.reused;
        read += stats.tokens;
        let with = logits(&mut keeps, suffix, prefix, &span, 16);
        forgets.remembered.clear();
        let without = logits(&mut forgets, suffix, prefix, &span, 16);
        assert!(furthest(&with, &without) < TOLERANCE, "edit {edit}: {}", furthest(&with, &without));
        for (with, without) in with.iter().zip(&without) {
            assert_eq!(likeliest(with), likeliest(without), "edit {edit}");
        }
    }
    assert!(reused * 2 > read, "{reused} of {read} tokens reused");
}

#[test]
fn typing_a_token_computes_a_row_and_an_old_context_stays_valid() {
    let spec = spec(Topology::ContextExact, &[]);
    let mut network = network(&spec, 9);
    let (suffix, prefix) = (text(12, 1), text(17, 2));
    let (old, _) = network.encode_context(&ids(&suffix), &ids(&prefix), 16).unwrap();
    let longer = [&prefix[..], &[7]].concat();
    let (_, stats) = network.encode_context(&ids(&suffix), &ids(&longer), 16).unwrap();
    assert_eq!(stats, ContextStats { tokens: 30, reused: 29 });
    let mut flat = Vec::new();
    network.denoiser(&old).logits(&[&ids(&[1, 1])], &[&[CanvasIdx(0), CanvasIdx(1)]], &mut flat).unwrap();
    let got: Vec<Vec<f32>> = flat.chunks(50).map(<[f32]>::to_vec).collect();
    assert!(furthest(&got, &expected(&spec, 9, &suffix, &prefix, &[1, 1], 16)) < TOLERANCE);
}

#[test]
fn several_spans_in_one_pass_are_each_as_if_alone() {
    for topology in [Topology::ContextExact, Topology::Full] {
        let spec = spec(topology, &[]);
        let mut network = network(&spec, 11);
        let (context, _) = network.encode_context(&ids(&text(10, 1)), &ids(&text(20, 2)), 16).unwrap();
        let spans: Vec<Vec<TokenId>> = vec![ids(&[1; 3]), ids(&[8, 1, 9, 1]), ids(&[1; 12])];
        let rows = [vec![CanvasIdx(0), CanvasIdx(2)], vec![CanvasIdx(3)], vec![CanvasIdx(5), CanvasIdx(11)]];
        let (mut together, mut alone) = (Vec::new(), Vec::new());
        let all: Vec<&[TokenId]> = spans.iter().map(Vec::as_slice).collect();
        let wanted: Vec<&[CanvasIdx]> = rows.iter().map(Vec::as_slice).collect();
        network.denoiser(&context).logits(&all, &wanted, &mut together).unwrap();
        for (span, rows) in all.iter().zip(&wanted) {
            let mut one = Vec::new();
            network.denoiser(&context).logits(&[span], &[rows], &mut one).unwrap();
            alone.extend(one);
        }
        assert_eq!(together.len(), 5 * 50);
        let far = together.iter().zip(&alone).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(far < TOLERANCE, "{topology:?}: {far}");
    }
}

/// On the CPU's own kernels an answer does not depend on what stands beside it or was read before: not nearly, but to the bit.
#[test]
fn int8_answers_are_the_same_to_the_last_bit_alone_or_together_and_from_a_cache_or_not() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/fixture/context-exact-int8");
    let config = std::fs::read(folder.join("config.json")).unwrap();
    let spec = ModelSpec::from_bytes(&config, Path::new("config.json")).unwrap();
    let weights = Weights::in_folder(&folder, &spec).unwrap().unwrap();
    let new = |threads| Network::new(&spec, &weights, &Device::Cpu, threads, Precision::Int8).unwrap();
    let (mut network, mut other) = (new(1), new(2));
    let words = |length: usize, seed: usize| -> Vec<u32> {
        (0..length).map(|n| (40 + (n * 7 + seed * 13) % (spec.vocab - 41)) as u32).collect()
    };
    let suffix = words(PASS_ROWS / 3, 1);
    let mask = spec.mask.0;
    for typed in 1..40 {
        let prefix = words(20 + typed, 2);
        let from_cache = logits(&mut network, &suffix, &prefix, &vec![mask; 1 + typed % 9], 16);
        other.forget();
        assert_eq!(
            logits(&mut other, &suffix, &prefix, &vec![mask; 1 + typed % 9], 16),
            from_cache,
            "{typed} typed"
        );
        let (context, _) = network.encode_context(&ids(&suffix), &ids(&prefix), 16).unwrap();
        let spans = [ids(&[mask; 3]), ids(&vec![mask; 1 + typed % 9]), ids(&[mask, prefix[0], mask, mask])];
        let all: Vec<&[TokenId]> = spans.iter().map(Vec::as_slice).collect();
        let rows: Vec<Vec<CanvasIdx>> =
            all.iter().map(|span| (0..span.len()).map(CanvasIdx).collect()).collect();
        let rows: Vec<&[CanvasIdx]> = rows.iter().map(Vec::as_slice).collect();
        let mut together = Vec::new();
        network.denoiser(&context).logits(&all, &rows, &mut together).unwrap();
        assert_eq!(
            together[3 * spec.vocab..][..from_cache.len() * spec.vocab],
            from_cache.concat(),
            "{typed} typed"
        );
    }
}

#[test]
fn scores_are_the_log_probabilities_of_the_text_read_left_to_right() {
    let spec = spec(Topology::ContextExact, &[]);
    let mut network = network(&spec, 13);
    let (suffix, prefix) = (text(6, 1), text(9, 2));
    let (context, _) = network.encode_context(&ids(&suffix), &ids(&prefix), 16).unwrap();
    let candidates: Vec<Vec<u32>> = vec![vec![7, 8, 9], vec![], vec![10], vec![7, 30]];
    let tokens: Vec<Vec<TokenId>> = candidates.iter().map(|candidate| ids(candidate)).collect();
    let slices: Vec<&[TokenId]> = tokens.iter().map(Vec::as_slice).collect();
    let scores = network.score(&context, &slices).unwrap();
    let weights = reference::weights(&spec, 13);
    let right = horizon(&spec, prefix.len(), 16);
    for (candidate, scores) in candidates.iter().zip(scores) {
        let mut rows: Vec<Row> =
            suffix.iter().enumerate().map(|(k, &token)| (token, right + k)).map(row).collect();
        rows.extend(prefix.iter().chain(candidate).enumerate().map(|(i, &token)| (token, i)).map(row));
        let logits = reference::forward(&spec, &weights, &rows, |row, other| other <= row);
        assert_eq!(scores.len(), candidate.len());
        for (j, (&token, score)) in candidate.iter().zip(scores).enumerate() {
            let row = &logits[suffix.len() + prefix.len() + j - 1];
            let total: f32 = row.iter().map(|logit| logit.exp()).sum();
            assert!((row[token as usize] - total.ln() - score).abs() < TOLERANCE);
        }
    }
    fn row((token, at): (u32, usize)) -> Row {
        Row { token, left: at as f64, right: at as f64 }
    }
}

#[test]
fn what_cannot_be_computed_is_refused() {
    let spec = spec(Topology::ContextExact, &[]);
    let mut network = network(&spec, 1);
    assert!(network.encode_context(&ids(&[50]), &[], 8).is_err());
    let (context, _) = network.encode_context(&[], &ids(&[4]), 8).unwrap();
    let mut out = Vec::new();
    let mut denoiser = network.denoiser(&context);
    assert!(denoiser.logits(&[&ids(&[1; 200])], &[&[]], &mut out).is_err(), "longer than the gap");
    assert!(denoiser.logits(&[&ids(&[1])], &[&[CanvasIdx(1)]], &mut out).is_err());
    assert!(denoiser.logits(&[&ids(&[1])], &[], &mut out).is_err());
    assert!(denoiser.logits(&[&ids(&[50])], &[&[CanvasIdx(0)]], &mut out).is_err());
    denoiser.logits(&[], &[], &mut out).unwrap();
    assert!(out.is_empty());
}

#[test]
fn banned_tokens_are_never_proposed() {
    let spec = spec(Topology::ContextExact, &[]);
    let mut network = network(&spec, 1);
    network.ban([TokenId(1), TokenId(9), TokenId(999)]);
    let got = logits(&mut network, &[5], &[4, 8], &[1, 1], 8);
    assert!(got.iter().all(|row| row[1] == BANNED && row[9] == BANNED && row[8] > BANNED));
}

#[test]
fn the_gap_is_one_that_training_has_seen() {
    let spec = spec(Topology::ContextExact, &[]);
    for prefix in 0..400 {
        let gap = horizon(&spec, prefix, 8) - prefix;
        assert!(gap > spec.decode.max_span && gap <= spec.span_gap, "{prefix}: {gap}");
    }
}

/// A folder's network, nothing banned.
pub(in crate::model) fn of_folder(folder: &Path, precision: Precision) -> Network {
    let options = LoadOptions {
        threads: NonZeroUsize::new(1),
        weights: precision,
        network: Some(NetworkUse::Denoise),
        ..LoadOptions::default()
    };
    let model = Model::load(&ModelSource::Dir(folder.to_owned()), options).unwrap();
    let mut network = model.network.unwrap();
    network.ban([]);
    network
}

/// PyTorch and this engine agree on the fixtures' logits, and on every argmax.
#[test]
fn the_recorded_logits_of_pytorch_are_met() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let mut folders = vec![folder.join("embedded")];
    folders.extend(std::fs::read_dir(folder.join("fixture")).unwrap().map(|entry| entry.unwrap().path()));
    let mut checked = 0;
    for folder in folders {
        // The embedded network comes with its own reference, once there is one.
        let Ok(reference) = std::fs::read(folder.join("reference.json")) else { continue };
        let recorded: Recorded = serde_json::from_slice(&reference).unwrap();
        let mut network = of_folder(&folder, Precision::Full);
        let mut int8 = of_folder(&folder, Precision::Int8);
        let (mut far, mut rounded, mut mean) = (0.0_f32, 0.0_f32, 0.0_f32);
        let (mut rows, mut same) = (0, 0);
        for case in &recorded.cases {
            let (columns, argmax, logits) = case.wanted();
            let Answer { rows: got, last } = case.computed(&mut network).unwrap();
            let by_int8 = case.computed(&mut int8).unwrap().rows;
            rounded = rounded.max(furthest(&by_int8, &got) / widest(&got));
            mean = mean.max(apart(&by_int8, &got) / widest(&got));
            rows += argmax.len();
            same += by_int8.iter().zip(argmax).filter(|(row, likely)| likeliest(row) == **likely).count();
            let pick = |row: &Vec<f32>| columns.iter().map(|&column| row[column]).collect::<Vec<f32>>();
            let picked: Vec<Vec<f32>> = got.iter().map(pick).collect();
            far = far.max(furthest(&picked, logits));
            if let (Some(last), Case::ContextExact { last_prefix_row, .. }) = (last, case) {
                far = far.max(furthest(&[pick(&last)], std::slice::from_ref(last_prefix_row)));
            }
            let likely: Vec<usize> = got.iter().map(|row| likeliest(row)).collect();
            assert_eq!(likely, argmax, "{}", folder.display());
        }
        println!(
            "{}: {} cases, max abs difference {far:.2e}; in int8, of the widest row at most \
             {rounded:.2e}, on average {mean:.2e}; {same} of {rows} argmax",
            folder.file_name().unwrap().display(),
            recorded.cases.len()
        );
        let (name, most) = (folder.display(), recorded.tolerance);
        assert!(far < most, "{name}: max abs difference {far:.2e} from PyTorch's logits, {most:.0e} allowed");
        // A row whose experts nearly tie may be given to others.
        let most = if network.spec.experts.is_some() { ROUNDED_ROUTED } else { ROUNDED };
        assert!(rounded < most && mean < ROUNDED_MEAN, "{name}: {rounded}, {mean}");
        assert!(same * 4 >= rows * 3, "{name}: {same} of {rows} argmax");
        checked += 1;
    }
    assert!(checked >= 14, "{checked} folders with references");
}

/// Bf16 and f16 are widened as they are multiplied: nothing is lost, and nothing is added up in another order.
#[test]
fn held_in_two_bytes_a_network_answers_as_in_four_to_the_last_bit() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/fixture");
    let mut checked = 0;
    for folder in std::fs::read_dir(fixtures).unwrap().map(|entry| entry.unwrap().path()) {
        let recorded: Recorded =
            serde_json::from_slice(&std::fs::read(folder.join("reference.json")).unwrap()).unwrap();
        let run = |precision| {
            let mut network = of_folder(&folder, precision);
            let rows = |case: &Case| case.computed(&mut network).unwrap().rows;
            let bits: Vec<u32> = recorded.cases.iter().flat_map(rows).flatten().map(f32::to_bits).collect();
            (bits, network.need().weights)
        };
        let ((two, bytes), (four, whole)) = (run(Precision::Stored), run(Precision::Full));
        let spec = of_folder(&folder, Precision::Stored).spec().clone();
        let weights = Weights::in_folder(&folder, &spec).unwrap().unwrap();
        if let Stored::Half(_) = weights.as_stored("model.layers.0.mlp.down_proj.weight") {
            assert!(two == four, "{}", folder.display());
            assert!(bytes as f64 <= 0.55 * whole as f64, "{}: {bytes} of {whole}", folder.display());
            checked += 1;
        }
    }
    assert!(checked >= 9, "{checked} folders in bf16 or f16");
}

/// A GPU has neither the CPU's attention nor its int8 products. In f16 the CPU has them neither, and so takes the GPU's way.
#[test]
fn the_way_without_the_cpus_kernels_gives_pytorchs_logits_too() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/fixture");
    let mut checked = 0;
    for folder in std::fs::read_dir(fixtures).unwrap().map(|entry| entry.unwrap().path()) {
        let recorded: Recorded =
            serde_json::from_slice(&std::fs::read(folder.join("reference.json")).unwrap()).unwrap();
        let spec = of_folder(&folder, Precision::Int8).spec().clone();
        let weights = Weights::in_folder(&folder, &spec).unwrap().unwrap();
        let source = Source::Stored(&weights);
        let mut network =
            Network::computing_in(DType::F16, &spec, source, &Device::Cpu, 1, Precision::Int8).unwrap();
        let distance = recorded.distance(&mut network).unwrap();
        let (share, name) = (distance.furthest / distance.spread, folder.display());
        println!("{name}: f16, {share:.1e} of the widest row, {distance:?}");
        assert!(share < HALVED, "{name}: {share:.1e}, {HALVED} allowed");
        checked += 1;
    }
    assert!(checked >= 14, "{checked} folders with references");
}

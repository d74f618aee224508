//! Canvases in one pass against the same canvases one by one, on tiny checkpoints in the published layouts.

use std::path::Path;

use super::*;
use crate::{
    EngineError,
    diffusion::{Denoiser, Patient, Search, search::climb},
    model::{LoadOptions, Model, ModelSource},
    tokens::TokenId,
};

/// One that sees both ways with a shift, one without, one with experts, one that is causal from block to block.
const FOLDERS: [&str; 4] = ["open-dcoder", "llada", "llada-moe", "stable-diffcoder"];

fn network(name: &str) -> Network {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/fixture").join(name);
    Model::load(&ModelSource::Dir(folder), LoadOptions::default()).unwrap().network.unwrap()
}

fn ids(length: u32, salt: u32) -> Vec<TokenId> {
    (0..length).map(|n| TokenId(64 + (n * 37 + salt * 11) % 160)).collect()
}

/// Asks about one span after the other.
struct OneByOne<'a>(&'a mut dyn Denoiser);

impl Denoiser for OneByOne<'_> {
    fn vocab(&self) -> usize {
        self.0.vocab()
    }

    fn logits(
        &mut self,
        spans: &[&[TokenId]],
        rows: &[&[CanvasIdx]],
        logits: &mut Vec<f32>,
    ) -> Result<(), EngineError> {
        logits.clear();
        let mut one = Vec::new();
        for (span, rows) in spans.iter().zip(rows) {
            self.0.logits(&[span], &[rows], &mut one)?;
            logits.append(&mut one);
        }
        Ok(())
    }
}

#[test]
fn canvases_in_one_pass_are_what_they_are_alone() {
    for name in FOLDERS {
        let mut network = network(name);
        let mask = network.spec().mask;
        let (context, _) = network.encode_context(&ids(9, 1), &ids(14, 2), 32).unwrap();
        // Of the empty one, and of one that nothing is wanted of, there is no row.
        let spans: Vec<Vec<TokenId>> = [3, 0, 1, 12, 7].map(|length| vec![mask; length]).into();
        let rows: Vec<Vec<CanvasIdx>> = vec![
            vec![CanvasIdx(0), CanvasIdx(2)],
            vec![],
            vec![CanvasIdx(0)],
            (0..12).map(CanvasIdx).collect(),
            vec![],
        ];
        let spans: Vec<&[TokenId]> = spans.iter().map(Vec::as_slice).collect();
        let rows: Vec<&[CanvasIdx]> = rows.iter().map(Vec::as_slice).collect();
        let (mut together, mut alone) = (Vec::new(), Vec::new());
        let mut denoiser = network.denoiser(&context);
        denoiser.logits(&spans, &rows, &mut together).unwrap();
        OneByOne(&mut denoiser).logits(&spans, &rows, &mut alone).unwrap();
        assert_eq!(together.len(), 15 * denoiser.vocab(), "{name}");
        let far = together.iter().zip(&alone).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(together.len() == alone.len() && far < 1e-5, "{name}: {far} apart");
    }
}

#[test]
fn a_length_found_in_packed_passes_is_the_one_found_one_by_one() {
    for name in FOLDERS {
        let mut network = network(name);
        let mask = network.spec().mask;
        for salt in 0..6 {
            let (context, _) = network.encode_context(&ids(9, salt), &ids(14 + salt, 7), 32).unwrap();
            let mut denoiser = network.denoiser(&context);
            let search = Search::published(32);
            let together = climb(&mut denoiser, mask, &search, &mut Patient).unwrap();
            let alone = climb(&mut OneByOne(&mut denoiser), mask, &search, &mut Patient).unwrap();
            assert_eq!(together, alone, "{name}, context {salt}");
        }
    }
}

#[test]
fn a_pass_takes_no_more_rows_than_memory_was_reckoned_for() {
    let canvases = |lengths: &[usize]| lengths.iter().map(|&length| vec![0; length]).collect::<Vec<_>>();
    let parts = |lengths: &[usize], most| -> Vec<usize> {
        batches(&canvases(lengths), most).iter().map(|batch| batch.len()).collect()
    };
    assert_eq!(parts(&[10; 9], 100), [9], "nine candidate lengths around a short context: one pass");
    assert_eq!(parts(&[60; 3], 100), [1, 1, 1]);
    assert_eq!(parts(&[300, 20], 100), [1, 1], "one canvas goes alone, however long");
}

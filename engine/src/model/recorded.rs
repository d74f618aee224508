//! Logits that were recorded elsewhere (`reference.json`, FORMAT.md), and how far a network is from them.
//!
//! One comparison for all devices and types: tests bound it on the CPU, `quicksilver bench --parity` on any device.

use serde::Deserialize;

use super::network::Network;
use crate::{
    EngineError,
    device::failed,
    diffusion::{CanvasIdx, Denoiser},
    tokens::TokenId,
};

/// A `reference.json`.
#[derive(Deserialize)]
pub struct Recorded {
    /// The most that f32 may differ.
    pub tolerance: f32,
    pub(super) cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Case {
    ContextExact {
        suffix: Vec<u32>,
        prefix: Vec<u32>,
        span: Vec<u32>,
        encoded_prefix: usize,
        gap: usize,
        columns: Vec<usize>,
        argmax: Vec<usize>,
        logits: Vec<Vec<f32>>,
        last_prefix_row: Vec<f32>,
    },
    Full {
        ids: Vec<u32>,
        columns: Vec<usize>,
        argmax: Vec<usize>,
        logits: Vec<Vec<f32>>,
    },
}

/// How far a network is from what was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Distance {
    /// The largest absolute difference of a logit.
    pub furthest: f32,
    /// The widest row of recorded logits: its largest less its smallest.
    pub spread: f32,
    /// Rows compared.
    pub rows: usize,
    /// Of these, the ones whose likeliest token is the recorded one.
    pub same: usize,
}

/// A case's logits row by row over the whole vocabulary, and its last prefix row's.
pub(super) struct Answer {
    pub(super) rows: Vec<Vec<f32>>,
    pub(super) last: Option<Vec<f32>>,
}

impl Case {
    /// Columns, argmax of each row, and logits.
    pub(super) fn wanted(&self) -> (&[usize], &[usize], &[Vec<f32>]) {
        match self {
            Self::ContextExact { columns, argmax, logits, .. }
            | Self::Full { columns, argmax, logits, .. } => (columns, argmax, logits),
        }
    }

    /// What `network` makes of it.
    ///
    /// # Errors
    /// As [`Network::encode_context`].
    pub(super) fn computed(&self, network: &mut Network) -> Result<Answer, EngineError> {
        let tokens = |ids: &[u32]| ids.iter().map(|&id| TokenId(id)).collect::<Vec<_>>();
        let vocab = network.spec().vocab.max(1);
        match self {
            Self::ContextExact { suffix, prefix, span, encoded_prefix, gap, .. } => {
                let horizon = encoded_prefix.saturating_add(*gap);
                let (context, _) =
                    network.encode_at(&tokens(suffix), &tokens(prefix), span.len(), horizon)?;
                let rows: Vec<CanvasIdx> = (0..span.len()).map(CanvasIdx).collect();
                let mut flat = Vec::new();
                network.denoiser(&context).logits(&[&tokens(span)], &[&rows], &mut flat)?;
                let last =
                    context.last.as_ref().map(|last| network.body.logits(last)?.flatten_all()?.to_vec1());
                let last = last.transpose().map_err(|error| failed(&error))?;
                Ok(Answer { rows: flat.chunks(vocab).map(<[f32]>::to_vec).collect(), last })
            }
            Self::Full { ids, .. } => {
                let ids = network.ids(&tokens(ids))?;
                let positions: Vec<u32> = (0..ids.len() as u32).collect();
                let rows = network
                    .pass(&ids, &[&positions], None, &network.sight(ids.len()))
                    .and_then(|hidden| network.body.logits(&hidden)?.to_vec2())
                    .map_err(|error| failed(&error))?;
                Ok(Answer { rows, last: None })
            }
        }
    }
}

impl Recorded {
    /// How far `network`, of which nothing may be banned, is from all cases.
    ///
    /// # Errors
    /// [`EngineError::BadRequest`] for ids that it lacks, [`EngineError::Device`] if the device fails.
    pub fn distance(&self, network: &mut Network) -> Result<Distance, EngineError> {
        let mut all = Distance::default();
        for case in &self.cases {
            let answer = case.computed(network)?;
            let (columns, argmax, logits) = case.wanted();
            let mut compare = |row: &[f32], wanted: &[f32]| {
                for (&column, &wanted) in columns.iter().zip(wanted) {
                    let far = row.get(column).map_or(f32::INFINITY, |found| (found - wanted).abs());
                    // Not `max`: it would drop a NaN.
                    all.furthest = if far <= all.furthest { all.furthest } else { far };
                }
                all.spread = all.spread.max(spread(wanted));
            };
            answer.rows.iter().zip(logits).for_each(|(row, wanted)| compare(row, wanted));
            if let (Some(last), Case::ContextExact { last_prefix_row, .. }) = (&answer.last, case) {
                compare(last, last_prefix_row);
            }
            all.rows += argmax.len();
            all.same += answer.rows.iter().zip(argmax).filter(|(row, same)| likeliest(row) == **same).count();
        }
        Ok(all)
    }
}

fn spread(row: &[f32]) -> f32 {
    let (low, high) = row.iter().fold((f32::MAX, f32::MIN), |(low, high), &x| (low.min(x), high.max(x)));
    (high - low).max(0.0)
}

/// The place of the largest.
fn likeliest(row: &[f32]) -> usize {
    row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(at, _)| at)
}

//! How far a network that sees both ways agrees with itself when it keeps rows: exact and kept, side by side.
//!
//! Owns the comparison; the holes are the caller's. It knows no clock but for the cost of a step.

use std::time::{Duration, Instant};

use quicksilver_protocol::completion::{FimRequest, Span};
use serde::Serialize;

use super::{Settings, engine::Kit, fill::by_sampler, task::Task};
use crate::{
    EngineError,
    diffusion::{Canvas, CanvasIdx, Denoiser, Never, Outcome, Patient, Plan, denoise},
    model::{Model, NetworkDenoiser, Topology},
    tokens::TokenId,
};

/// A hole of a file, and what stood in it: only its length is told to the network.
pub struct Hole {
    /// Text before it.
    pub prefix: String,
    /// What stood in it.
    pub text: String,
    /// Text behind it.
    pub suffix: String,
}

/// What was counted over all holes.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Agreement {
    /// Context rows either side of the span that each step read anew.
    pub vicinity: usize,
    /// Holes filled.
    pub holes: usize,
    /// Of these, filled with the same tokens.
    pub same_spans: usize,
    /// The same a keystroke later: the context was kept when its last token was not there yet.
    pub same_spans_typed: usize,
    /// Tokens of the exact spans, and those that the kept ones have at the same place.
    pub tokens: usize,
    /// See `tokens`.
    pub same_tokens: usize,
    /// Denoise steps, exact.
    pub steps: usize,
    /// Denoise steps, kept.
    pub kept_steps: usize,
    /// Rows that went through the head in the exact steps.
    pub rows: usize,
    /// Of these, with the same likeliest token when the kept way is asked for the same span.
    pub same_argmax: usize,
    /// Mean Kullback-Leibler divergence of these rows' distributions from the exact ones, nats.
    pub mean_kl: f64,
    /// The largest.
    pub max_kl: f64,
    /// The furthest of their logits from the exact one.
    pub max_logit: f32,
    /// Median of an exact step, ms.
    pub exact_ms: f64,
    /// Median of a kept step, ms.
    pub kept_ms: f64,
}

/// Fills `holes` exactly and with kept rows, `vicinity` context rows on either side being read in each step.
///
/// # Errors
/// [`EngineError::BadRequest`] for a model without a network that sees both ways; the device's.
pub fn agreement(model: &mut Model, holes: &[Hole], vicinity: usize) -> Result<Agreement, EngineError> {
    let wrong = |reason: &str| EngineError::BadRequest { field: "model", reason: reason.to_owned() };
    let kit = Kit::new(std::sync::Arc::clone(&model.tokenizer), Settings::of(&model.spec));
    let network = model.network.as_mut().ok_or_else(|| wrong("has no network"))?;
    if network.spec().topology != Topology::Full {
        return Err(wrong("keeps its context exactly, or nothing: there are no two ways to compare"));
    }
    let mut all = Agreement { vicinity, ..Agreement::default() };
    let (mut exact_times, mut kept_times) = (Vec::new(), Vec::new());
    for hole in holes {
        let request = FimRequest {
            prompt: hole.prefix.clone(),
            suffix: Some(hole.suffix.clone()),
            span: Some(Span::Rest),
            ..FimRequest::default()
        };
        let task = Task::read(&request, &kit.tokenizer);
        let around = kit.around(&task);
        let spelling = kit.spelling(&task);
        let plan = kit.plan(&task, &request, &spelling);
        let most = plan.lengths.capacity.max(1);
        let length = kit.tokenizer.encode(&hole.text).len().clamp(1, most);
        let run = |denoiser: &mut dyn Denoiser| fill(denoiser, length, &kit.settings, &plan);

        network.keep(Some(vicinity));
        let (context, _) = network.encode_context(&around.suffix, &around.prefix, most)?;
        let mut pair = Pair {
            exact: network.denoiser(&context).exact(),
            kept: network.denoiser(&context),
            other: Vec::new(),
            seen: &mut all,
            exact_times: &mut exact_times,
            kept_times: &mut kept_times,
        };
        let exact = run(&mut pair)?;
        network.forget();
        let kept = run(&mut network.denoiser(&context))?;
        network.forget();
        let typed = match around.prefix.split_last() {
            Some((_, before)) => {
                let (earlier, _) = network.encode_context(&around.suffix, before, most)?;
                run(&mut network.denoiser(&earlier))?;
                run(&mut network.denoiser(&context))?
            }
            None => kept.clone(),
        };
        let tokens = [&exact, &kept, &typed].map(|outcome| outcome.canvas.decoded());
        all.holes += 1;
        all.same_spans += usize::from(tokens[1] == tokens[0]);
        all.same_spans_typed += usize::from(tokens[2] == tokens[0]);
        all.tokens += tokens[0].len();
        all.same_tokens += tokens[0].iter().zip(&tokens[1]).filter(|(a, b)| a == b).count();
        all.steps += exact.trace.steps.len();
        all.kept_steps += kept.trace.steps.len();
    }
    network.forget();
    all.mean_kl /= all.rows.max(1) as f64;
    (all.exact_ms, all.kept_ms) = (median(exact_times), median(kept_times));
    Ok(all)
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

fn fill(
    denoiser: &mut dyn Denoiser,
    length: usize,
    settings: &Settings,
    plan: &Plan<'_>,
) -> Result<Outcome, EngineError> {
    let canvas = Canvas::masked(length);
    let plan = by_sampler(settings, plan, &canvas);
    denoise(canvas, denoiser, &plan, &mut Never, &mut Patient)
}

/// Asks both ways, compares, and answers exactly.
struct Pair<'n, 's> {
    exact: NetworkDenoiser<'n>,
    kept: NetworkDenoiser<'n>,
    other: Vec<f32>,
    seen: &'s mut Agreement,
    exact_times: &'s mut Vec<Duration>,
    kept_times: &'s mut Vec<Duration>,
}

impl Denoiser for Pair<'_, '_> {
    fn vocab(&self) -> usize {
        self.exact.vocab()
    }

    fn logits(
        &mut self,
        spans: &[&[TokenId]],
        rows: &[&[CanvasIdx]],
        logits: &mut Vec<f32>,
    ) -> Result<(), EngineError> {
        let begun = Instant::now();
        self.exact.logits(spans, rows, logits)?;
        self.exact_times.push(begun.elapsed());
        let begun = Instant::now();
        self.kept.logits(spans, rows, &mut self.other)?;
        self.kept_times.push(begun.elapsed());
        let width = self.exact.vocab().max(1);
        for (one, other) in logits.chunks_exact(width).zip(self.other.chunks_exact(width)) {
            let seen = &mut *self.seen;
            seen.rows += 1;
            seen.same_argmax += usize::from(likeliest(one) == likeliest(other));
            let kl = divergence(one, other);
            seen.mean_kl += kl;
            seen.max_kl = seen.max_kl.max(kl);
            let furthest = one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            seen.max_logit = seen.max_logit.max(furthest);
        }
        Ok(())
    }
}

/// The first of the largest.
fn likeliest(row: &[f32]) -> Option<usize> {
    (0..row.len()).rev().max_by(|&a, &b| row[a].total_cmp(&row[b]))
}

/// Kullback-Leibler divergence of the distribution of `other` from that of `one`, nats.
fn divergence(one: &[f32], other: &[f32]) -> f64 {
    let log_sum = |row: &[f32]| {
        let most = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        most + row.iter().map(|&x| (f64::from(x) - most).exp()).sum::<f64>().ln()
    };
    let (of_one, of_other) = (log_sum(one), log_sum(other));
    let term = |(&a, &b): (&f32, &f32)| {
        let (a, b) = (f64::from(a) - of_one, f64::from(b) - of_other);
        a.exp() * (a - b)
    };
    one.iter().zip(other).map(term).sum::<f64>().max(0.0)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::model::{LoadOptions, ModelSource, NetworkUse};

    fn model(name: &str) -> Model {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/fixture").join(name);
        let options = LoadOptions { network: Some(NetworkUse::Denoise), ..LoadOptions::default() };
        Model::load(&ModelSource::Dir(folder), options).unwrap()
    }

    fn holes() -> Vec<Hole> {
        let hole = |prefix: &str, text: &str, suffix: &str| Hole {
            prefix: prefix.to_owned(),
            text: text.to_owned(),
            suffix: suffix.to_owned(),
        };
        vec![
            hole("fn first() {\n    let guard = self.", "state.lock();", "\n    guard.push(1);\n}\n"),
            hole("fn sum(a: u32, b: u32) -> u32 {\n    a +", " b", "\n}\n"),
        ]
    }

    #[test]
    fn a_vicinity_of_everything_agrees_in_all_and_a_small_one_is_counted() {
        for name in ["dream-on", "open-dcoder", "a2d-qwen2", "coda", "llada", "illada"] {
            let mut model = model(name);
            let all = agreement(&mut model, &holes(), 4096).unwrap();
            assert_eq!((all.holes, all.same_spans, all.same_spans_typed), (2, 2, 2), "{name}");
            assert_eq!((all.same_tokens, all.kept_steps), (all.tokens, all.steps), "{name}");
            assert!(all.rows > 0 && all.same_argmax == all.rows && all.max_logit < 1e-3, "{name} {all:?}");
            let near = agreement(&mut model, &holes(), 1).unwrap();
            assert!(near.rows == all.rows && near.max_kl >= near.mean_kl, "{name} {near:?}");
        }
    }

    #[test]
    fn networks_without_two_ways_are_refused() {
        for name in ["context-exact-f32", "sdar"] {
            let error = agreement(&mut model(name), &holes(), 1).unwrap_err().to_string();
            assert!(error.contains("no two ways"), "{name}: {error}");
        }
    }

    #[test]
    fn the_divergence_of_a_row_from_itself_is_nothing() {
        assert_eq!(divergence(&[1.0, 2.0], &[1.0, 2.0]), 0.0);
        // ln 2 − (ln(1 + e) − (0 + 1) / 2).
        let far = divergence(&[0.0, 0.0], &[0.0, 1.0]);
        assert!((far - 0.120_114_5).abs() < 1e-6, "{far}");
    }
}

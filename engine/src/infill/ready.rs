//! The known answers of `/ready`: one real infill by the prior, one real denoise step of the network.

use std::time::{Duration, Instant};

use quicksilver_protocol::completion::{FimRequest, FinishReason, Span};

use super::{Infiller, answer::answer, frames::Screen, task::Task};
use crate::{
    EngineError,
    diffusion::CanvasIdx,
    queue::{Cancel, Terms},
    tokens::TokenId,
};

const BEFORE: &str = "fn first(&self) {\n    let guard = self.state.lock();\n    guard.push(1);\n}\n\n\
                      fn second(&self) {\n    let guard";
const AFTER: &str = "\n    guard.push(1);\n}\n";
/// The line between the same neighbours.
const ANSWER: &str = " = self.state.lock();";
/// Masks of the network's step.
const MASKS: usize = 4;
/// Far more than it takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn request() -> FimRequest {
    let span = Some(Span::Rest);
    FimRequest { prompt: BEFORE.to_owned(), suffix: Some(AFTER.to_owned()), span, ..FimRequest::default() }
}

impl Infiller {
    /// Fills a hole whose line stands between the same neighbours a few lines above.
    pub(super) fn check_prior(&mut self) -> Result<(), EngineError> {
        let (kit, request) = (&self.kit, request());
        let task = Task::read(&request, &kit.tokenizer);
        let cancel = Cancel::default();
        let mut terms = Terms { deadline: Instant::now() + PATIENCE, cancel: &cancel, frames: None };
        let mut screen = Screen::new(&mut terms, &kit.tokenizer, &task);
        let pool = kit.propose(&task, &mut screen)?;
        let span = kit.by_prior(&pool, &task, &request, &mut screen)?;
        let bytes = kit.tokenizer.raw(&span.outcome.canvas.decoded());
        let text = answer(&bytes, &task, FinishReason::Stop).text;
        if text == ANSWER {
            Ok(())
        } else {
            Err(EngineError::Internal(format!("the known answer came out as {text:?}")))
        }
    }

    /// One step over masks: all of it finite, and the likeliest tokens those of the first time.
    pub(super) fn check_network(&mut self) -> Result<(), EngineError> {
        let kit = &self.kit;
        let task = Task::read(&request(), &kit.tokenizer);
        let around = kit.around(&task);
        let mask = kit.settings.marks.mask;
        let Some(network) = self.network.as_deref_mut() else { return Ok(()) };
        network.read(&around, MASKS)?;
        let rows: Vec<CanvasIdx> = (0..MASKS).map(CanvasIdx).collect();
        let mut logits = Vec::new();
        let mut denoiser = network.denoiser()?;
        denoiser.logits(&[&[mask; MASKS]], &[&rows], &mut logits)?;
        if logits.len() != MASKS * denoiser.vocab() || logits.iter().any(|logit| !logit.is_finite()) {
            return Err(EngineError::Internal("the network's logits are not finite".to_owned()));
        }
        let likeliest =
            |row: &[f32]| row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(id, _)| id);
        let found: Vec<TokenId> =
            logits.chunks(denoiser.vocab().max(1)).map(|row| TokenId(likeliest(row) as u32)).collect();
        match self.known.get_or_insert_with(|| found.clone()) {
            known if *known == found => Ok(()),
            known => Err(EngineError::Internal(format!("the network answers {found:?}, at first {known:?}"))),
        }
    }
}

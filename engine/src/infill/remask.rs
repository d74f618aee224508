//! A network writes text anew: its tokens are the first canvas, and those that it doubts, each given all others, are
//! masked and denoised.
//!
//! A text's score is its pseudo-log-likelihood (Besag, 1975): the sum of each token's log-probability given the others,
//! both sides included. The new text is an answer only if its score is larger.

use quicksilver_protocol::{
    completion::{FimRequest, FinishReason},
    holes::Rewrite,
};

use super::{
    Network,
    answer::answer,
    engine::Kit,
    frames::Screen,
    rewrite::{Better, Rewritten},
    spelling::Spelling,
    task::{Task, unify},
};
use crate::{
    EngineError,
    diffusion::{
        Canvas, CanvasIdx, Denoiser, End, Interrupt, Lengths, Never, Plan, Watcher,
        confidence::log_probability, denoise,
    },
    queue::Terms,
    tokens::TokenId,
};

/// Probability below which a token is masked again.
const DOUBTED: f32 = 0.5;
/// Spans in one pass, each with one mask: the clock is looked at between passes.
const PASS: usize = 16;
/// What the network thinks impossible counts as e⁻³⁰, so that scores stay finite.
const LEAST_LOG: f32 = -30.0;

impl Kit {
    /// Masks again what the network doubts in the text, or all of it, and denoises.
    ///
    /// # Errors
    /// The network's; [`EngineError::Cancelled`], [`EngineError::Late`].
    pub(super) fn remask(
        &self,
        network: &mut dyn Network,
        request: &FimRequest,
        rewrite: &Rewrite,
        terms: &mut Terms<'_>,
    ) -> Result<Rewritten, EngineError> {
        let whole = FimRequest { rewrite: None, ..request.clone() };
        let task = Task::read(&whole, &self.tokenizer);
        let heal = String::from_utf8_lossy(&task.heal);
        let standing = self.tokenizer.encode(&format!("{heal}{}", unify(&rewrite.text)));
        let mut screen = Screen::new(terms, &self.tokenizer, &task);
        let around = self.around(&task);
        let capacity = standing.len() + self.settings.max_span;
        network.read(&around, capacity)?;
        let mask = self.settings.marks.mask;
        let logs = doubts(&mut *network.denoiser()?, mask, &standing, &mut screen)?;

        let mut canvas = Canvas::masked(standing.len());
        for (at, (&token, log)) in standing.iter().zip(&logs).enumerate() {
            if rewrite.all || log.exp() < DOUBTED {
                canvas.guess(CanvasIdx(at), Some(token), log.exp());
            } else {
                canvas.commit(CanvasIdx(at), token, log.exp(), 0);
            }
        }
        let spelling = Spelling { one_line: !rewrite.text.contains('\n'), ..self.spelling(&task) };
        let plan = self.plan(&task, request, &spelling);
        let lengths = Lengths { capacity, allow_empty: false, ..plan.lengths };
        let plan = Plan { lengths, ..plan };
        let outcome = denoise(canvas, &mut *network.denoiser()?, &plan, &mut Never, &mut screen)?;
        let steps = outcome.trace.steps.len() as u32;
        let late = outcome.end == End::Deadline;
        let rewritten = Rewritten { found: Vec::new(), steps, late, source: "network" };
        let tokens = outcome.canvas.decoded();
        if late || tokens == standing {
            return Ok(rewritten);
        }
        let after = doubts(&mut *network.denoiser()?, mask, &tokens, &mut screen)?;
        let margin = after.iter().sum::<f32>() - logs.iter().sum::<f32>();
        let text = answer(&self.tokenizer.raw(&tokens), &task, FinishReason::Stop).text;
        let found = (margin > 0.0).then_some(Better { text, margin }).into_iter().collect();
        Ok(Rewritten { found, ..rewritten })
    }
}

/// Log-probability of each token given all others.
fn doubts(
    denoiser: &mut dyn Denoiser,
    mask: TokenId,
    tokens: &[TokenId],
    screen: &mut Screen<'_, '_>,
) -> Result<Vec<f32>, EngineError> {
    let masked = |at: usize| {
        let mut span = tokens.to_vec();
        span[at] = mask;
        span
    };
    let vocab = denoiser.vocab().max(1);
    let (mut logs, mut logits) = (Vec::with_capacity(tokens.len()), Vec::new());
    for start in (0..tokens.len()).step_by(PASS) {
        match screen.interrupt() {
            Some(Interrupt::Cancel) => return Err(EngineError::Cancelled),
            Some(Interrupt::Deadline) => return Err(EngineError::Late),
            None => {}
        }
        let places: Vec<CanvasIdx> = (start..tokens.len().min(start + PASS)).map(CanvasIdx).collect();
        let spans: Vec<Vec<TokenId>> = places.iter().map(|at| masked(at.0)).collect();
        let spans: Vec<&[TokenId]> = spans.iter().map(Vec::as_slice).collect();
        let rows: Vec<&[CanvasIdx]> = places.chunks(1).collect();
        denoiser.logits(&spans, &rows, &mut logits)?;
        if logits.len() != places.len() * vocab {
            let (values, rows) = (logits.len(), places.len());
            return Err(EngineError::Internal(format!("{values} logits for {rows} rows of {vocab} tokens")));
        }
        let row = |(at, row): (&CanvasIdx, &[f32])| log_probability(row, tokens[at.0]).max(LEAST_LOG);
        logs.extend(places.iter().zip(logits.chunks_exact(vocab)).map(row));
    }
    Ok(logs)
}

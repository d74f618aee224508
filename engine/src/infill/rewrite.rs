//! Text that is to be written anew: what could stand in its place, given both sides, and is better.
//!
//! A network masks it again ([`remask`](super::remask)). The local prior thinks in lines: each line of the text is a hole
//! of its own with its other lines in place, and what could stand there are lines that differ in one name
//! ([`near`](super::near)). *Better* is a larger score: the log-probability of the line and of the text right of it, its own
//! occurrence counting for nothing. (Whole lines of the pool are no candidates: the ranker was fitted to find the right
//! line among seen ones, and prefers one of those to two of three lines that are right and new.) Of several lines the
//! one that gains most is replaced first, and the others are looked at again, until none gains.

use quicksilver_protocol::{
    completion::{FimRequest, FinishReason, Frame, Run, RunKind, Span},
    holes::Rewrite,
};

use super::{
    Infiller,
    engine::Kit,
    near::{Names, Near, Why},
    task::Task,
};
use crate::{
    EngineError,
    diffusion::Interrupt,
    model::NetworkUse,
    prior::weigh,
    queue::{Infilled, Terms},
    tokens::TokenId,
};

/// Nats that a line gains at least by another spelling. Of lines that are right 0.5 % (Python) and 0.3 % (Rust) are offered
/// one, of those with a misspelt name 82 and 90 % their own (`--example rewrites`).
const LEAST_FOR_SPELLING: f32 = 4.0;
/// The same for a name that is spelled differently: with both, 5 and 8 % of lines that are right are offered something, of
/// those with a wrong name 20 and 33 % their own.
const LEAST_FOR_NAME: f32 = 16.0;
/// The most lines that are written anew at a time, however many are selected.
const MAX_LINES: usize = 64;
/// The most lines that are replaced together.
const MAX_REPLACED: u32 = 8;

/// A text that could stand in place of another.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Better {
    pub(super) text: String,
    /// Nats above what stood there.
    pub(super) margin: f32,
}

/// What came of a rewriting.
#[derive(Clone, Debug, Default)]
pub(super) struct Rewritten {
    /// The best first; empty if nothing better was found.
    pub(super) found: Vec<Better>,
    pub(super) steps: u32,
    pub(super) late: bool,
    pub(super) source: &'static str,
}

impl Infiller {
    /// Writes the text in the hole of `request` anew.
    ///
    /// # Errors
    /// As [`Infill::infill`](crate::queue::Infill::infill).
    pub(super) fn rewrite(
        &mut self,
        request: &FimRequest,
        rewrite: &Rewrite,
        terms: &mut Terms<'_>,
    ) -> Result<Infilled, EngineError> {
        let kit = &self.kit;
        let rewritten = match self.network.as_deref_mut() {
            Some(network) if kit.settings.role == NetworkUse::Denoise => {
                kit.remask(network, request, rewrite, terms)?
            }
            _ => kit.reline(request, &rewrite.text, terms)?,
        };
        let margin = rewritten.found.first().map_or(0.0, |best| best.margin);
        let most = request.n.unwrap_or(1) as usize;
        let mut texts = rewritten.found.into_iter().map(|better| better.text).take(most);
        let text = texts.next().unwrap_or_default();
        Ok(Infilled {
            show: !text.is_empty() && !rewritten.late,
            span_tokens: kit.tokenizer.encode(&text).len() as u32,
            others: texts.collect(),
            finish: if rewritten.late { FinishReason::Deadline } else { FinishReason::Stop },
            steps: rewritten.steps,
            prompt_tokens: 0,
            cached_tokens: 0,
            // Of the two, the answer is right and not what stood there.
            confidence: if text.is_empty() { 0.0 } else { 1.0 / (1.0 + (-margin).exp()) },
            text,
            source: rewritten.source,
            holes: Vec::new(),
            margin: Some(margin),
            doubts: Vec::new(),
        })
    }
}

/// The text as lines: each its indentation, which stays, and what is behind it.
struct Lines {
    /// Before each line, the line break before it and its indentation; behind the last, nothing.
    lead: Vec<String>,
    text: Vec<String>,
}

impl Lines {
    fn of(text: &str) -> Self {
        let (mut lead, mut lines) = (Vec::new(), Vec::new());
        for (at, line) in text.replace("\r\n", "\n").split('\n').enumerate() {
            let word = line.trim_start();
            let indent = &line[..line.len() - word.len()];
            lead.push(if at == 0 { indent.to_owned() } else { format!("\n{indent}") });
            lines.push(word.to_owned());
        }
        Self { lead, text: lines }
    }

    fn joined(&self) -> String {
        self.lead.iter().zip(&self.text).flat_map(|(lead, line)| [lead.as_str(), line.as_str()]).collect()
    }

    /// What stands left and right of a line.
    fn around(&self, at: usize) -> (String, String) {
        let mut sides = (String::new(), String::new());
        for (number, (lead, line)) in self.lead.iter().zip(&self.text).enumerate() {
            let side = if number > at { &mut sides.1 } else { &mut sides.0 };
            side.push_str(lead);
            if number != at {
                side.push_str(line);
            }
        }
        sides
    }

    fn with(&self, at: usize, line: &str) -> String {
        let mut text = self.text.clone();
        text[at] = line.to_owned();
        Self { lead: self.lead.clone(), text }.joined()
    }
}

impl Kit {
    /// By the local prior, line by line.
    fn reline(
        &self,
        request: &FimRequest,
        text: &str,
        terms: &mut Terms<'_>,
    ) -> Result<Rewritten, EngineError> {
        let original = Lines::of(text);
        let mut lines = Lines::of(text);
        let worth = |line: &&String| line.chars().any(char::is_alphanumeric);
        let numbers: Vec<usize> = lines
            .text
            .iter()
            .enumerate()
            .filter(|(_, line)| worth(line))
            .map(|(at, _)| at)
            .take(MAX_LINES)
            .collect();
        let mut alone: Vec<Better> = Vec::new();
        let (mut sum, mut steps, mut late) = (0.0, 0, false);
        show(terms, 0, &lines, None);
        while steps < MAX_REPLACED {
            let suffix = request.suffix.as_deref().unwrap_or_default();
            let whole = format!("{}{}{suffix}", request.prompt, lines.joined());
            let mut names = Names::default();
            request.context.iter().for_each(|file| names.read(&file.text));
            names.read(&whole);
            let mut best: Option<(usize, Better)> = None;
            for &at in &numbers {
                match terms.interrupt() {
                    Some(Interrupt::Cancel) => return Err(EngineError::Cancelled),
                    Some(Interrupt::Deadline) => late = true,
                    None => {}
                }
                // A line is replaced once: the second time it would be its own successor's word against it.
                if late || lines.text[at] != original.text[at] {
                    continue;
                }
                let found = self.instead(request, &names, &lines, at, terms);
                if steps == 0 {
                    let whole = |better: &Better| Better { text: original.with(at, &better.text), ..*better };
                    alone.extend(found.iter().map(whole));
                }
                let first = found.into_iter().next();
                if let Some(found) =
                    first.filter(|found| best.as_ref().is_none_or(|(_, best)| found.margin > best.margin))
                {
                    best = Some((at, found));
                }
            }
            let Some((at, better)) = best.filter(|_| !late) else { break };
            steps += 1;
            lines.text[at] = better.text;
            sum += better.margin;
            show(terms, steps, &lines, Some(at));
        }
        alone.sort_by(|a, b| b.margin.total_cmp(&a.margin));
        let mut found: Vec<Better> = Vec::new();
        if steps > 0 {
            found.push(Better { text: lines.joined(), margin: sum });
        }
        for better in alone {
            if !found.iter().any(|known| known.text == better.text) {
                found.push(better);
            }
        }
        for better in &mut found {
            better.text = super::answer::with_line_ends(&better.text, text.contains("\r\n"));
        }
        Ok(Rewritten { found, steps, late, source: "prior" })
    }

    /// What is better than a line, best first.
    fn instead(
        &self,
        request: &FimRequest,
        names: &Names<'_>,
        lines: &Lines,
        at: usize,
        terms: &Terms<'_>,
    ) -> Vec<Better> {
        let (left, right) = lines.around(at);
        let prompt = format!("{}{left}", request.prompt);
        let suffix = format!("{right}{}", request.suffix.as_deref().unwrap_or_default());
        let near = names.near(&lines.text[at], 1);
        let least = |why| match why {
            Why::Misspelt => LEAST_FOR_SPELLING,
            Why::Between => LEAST_FOR_NAME,
        };
        let weighed = self.weighed(request, [&prompt, &suffix], &lines.text[at], near, terms);
        let mut found: Vec<Better> = weighed
            .into_iter()
            .filter(|(near, margin)| *margin >= least(near.why))
            .map(|(near, margin)| Better { text: near.line, margin })
            .collect();
        found.sort_by(|a, b| b.margin.total_cmp(&a.margin));
        found
    }

    /// By how many nats each line that is near `line` fits better between the sides than `line` itself.
    pub(super) fn weighed(
        &self,
        request: &FimRequest,
        [prompt, suffix]: [&str; 2],
        line: &str,
        near: Vec<Near>,
        terms: &Terms<'_>,
    ) -> Vec<(Near, f32)> {
        if near.is_empty() {
            return Vec::new();
        }
        let typed = prompt.rsplit('\n').next().unwrap_or_default();
        let ends = suffix.split('\n').next().unwrap_or_default().trim().is_empty();
        let span = if typed.trim().is_empty() && ends { Span::Line } else { Span::Rest };
        let alone = FimRequest {
            prompt: prompt.to_owned(),
            suffix: Some(suffix.to_owned()),
            span: Some(span),
            rewrite: None,
            doubt: false,
            ..request.clone()
        };
        let task = Task::read(&alone, &self.tokenizer);
        let heal = String::from_utf8_lossy(&task.heal);
        let tokens = |line: &str| self.tokenizer.encode(&format!("{heal}{line}"));
        let all: Vec<Vec<TokenId>> =
            std::iter::once(tokens(line)).chain(near.iter().map(|near| tokens(&near.line))).collect();
        let stop = || terms.interrupt().is_some();
        // By the text that came along alone: what is common elsewhere says nothing of this project's names.
        let weights = weigh(&task.hole(None), &all, &*self.tokenizer, &stop);
        let Some((&standing, weights)) = weights.split_first() else { return Vec::new() };
        near.into_iter().zip(weights).map(|(near, weight)| (near, weight - standing)).collect()
    }
}

/// Shows the text after a line was replaced.
fn show(terms: &mut Terms<'_>, step: u32, lines: &Lines, replaced: Option<usize>) {
    let Some(send) = &mut terms.frames else { return };
    let run = |text: String, kind| Run { text, kind, confidence: 1.0, hole: 0 };
    let runs = match replaced {
        None => vec![run(lines.joined(), RunKind::Masked)],
        Some(at) => {
            let (left, right) = lines.around(at);
            let all = [
                run(left, RunKind::Committed),
                run(lines.text[at].clone(), RunKind::Changed),
                run(right, RunKind::Committed),
            ];
            all.into_iter().filter(|run| !run.text.is_empty()).collect()
        }
    };
    send(Frame { step, runs });
}

#[cfg(test)]
#[path = "rewrite_tests.rs"]
mod tests;

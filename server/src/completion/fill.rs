//! Several holes filled together, and text written anew: from a snapshot to edits, or to the reason for silence.
//!
//! The user asked by hand, so nothing is withheld for being unsure. Whether the document has moved on meanwhile is the
//! caller's to check.

use std::{
    ops::Range,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use quicksilver_protocol::completion::{Choice, FimRequest, FimResponse, Span};

use super::{
    Silence, Site,
    brackets::breaks,
    polish,
    settled::{apart, settled},
    task,
};
use crate::context::{
    Open, Workspace,
    holes::{Emptied, Refused},
};
use crate::document::{ByteOffset, Snapshot};
use crate::engine::{Engine, OnFrame};
use crate::session::{Settings, config::SpanSetting};

/// How long the text without its holes may take to be parsed.
const PARSE_BUDGET: Duration = Duration::from_millis(20);
/// Other texts asked for in place of a selection, beside the best.
const ALTERNATIVES: u32 = 5;
/// Texts asked for beside the best for a hole alone: for where that does not fit.
const INSTEAD: u32 = 4;

/// What a fill or a rewriting is made from.
pub struct FillAsk {
    /// The document as it is.
    pub document: Open,
    /// What is to be replaced, in order and apart; empty ranges are carets. A rewriting has one, which is not empty.
    pub holes: Vec<Range<usize>>,
    /// What a document that is no file is judged by: the path in its address.
    pub named: Option<PathBuf>,
    /// The other open documents.
    pub others: Vec<Open>,
    /// What is known of the client's folders, and the gate.
    pub workspace: Arc<Workspace>,
    /// The engine; `None` when none is configured.
    pub engine: Option<Engine>,
    /// Settings in force.
    pub settings: Settings,
}

/// Text for a part of the document.
#[derive(Clone, Debug, PartialEq)]
pub struct Replacement {
    /// Which of the holes that were asked for.
    pub hole: usize,
    /// The bytes that it takes the place of.
    pub range: Range<usize>,
    /// The text.
    pub text: String,
    /// How sure the engine is, in [0, 1].
    pub confidence: f32,
}

/// Other texts for one range, the best first.
#[derive(Clone, Debug, PartialEq)]
pub struct Rewriting {
    /// The texts, best first; never empty.
    pub texts: Vec<String>,
    /// By how many nats the best is better than what stands there.
    pub margin: f32,
}

impl FillAsk {
    fn snapshot(&self) -> &Snapshot {
        &self.document.snapshot
    }

    fn chosen(&self) -> Option<Span> {
        match self.settings.span {
            SpanSetting::Auto => None,
            SpanSetting::Rest => Some(Span::Rest),
            SpanSetting::Line => Some(Span::Line),
            SpanSetting::Block => Some(Span::Block),
        }
    }

    fn emptied(&self) -> Result<Emptied, Silence> {
        for hole in &self.holes {
            task::refuse(&self.settings, self.snapshot(), ByteOffset(hole.start))?;
        }
        Ok(Emptied::of(&self.document, &self.holes, Instant::now() + PARSE_BUDGET))
    }

    /// The other documents that may be told, once it is known that this one may.
    pub(super) async fn settled(&self) -> Result<Vec<Open>, Silence> {
        let own = self.document.path.as_deref().or(self.named.as_deref());
        settled(&self.workspace, own, self.others.clone()).await
    }

    pub(super) async fn ask(
        &self,
        request: &FimRequest,
        on_frame: Option<OnFrame<'_>>,
    ) -> Result<FimResponse, Silence> {
        let engine =
            self.engine.as_ref().ok_or_else(|| Silence::NoEngine("the settings name none".into()))?;
        let deadline = self.settings.deadline();
        let answered = tokio::time::timeout(deadline, engine.infill(request, deadline, on_frame)).await;
        Ok(answered.map_err(|_| Silence::Deadline)??)
    }
}

/// Fills all holes; those that nothing is found for are left out.
///
/// # Errors
/// Why nothing is filled.
pub async fn fill(ask: &FillAsk, mut on_frame: Option<OnFrame<'_>>) -> Result<Vec<Replacement>, Silence> {
    // The loop that called us has messages to read; the text is ours already.
    tokio::task::yield_now().await;
    let emptied = ask.emptied()?;
    let (others, workspace) = (ask.settled().await?, Arc::clone(&ask.workspace));
    let (without, chosen) = (emptied.clone(), ask.chosen());
    let asked = apart(move || workspace.assemble_holes(&without, chosen, &others)).await?;
    let asked = asked.map_err(|why| Silence::Excluded(why.to_string()))?;
    let holes = asked.holes;
    let draws = on_frame.is_some();
    // To the client holes are numbered as it named them.
    let mut renumber = |mut frame: quicksilver_protocol::completion::Frame| {
        for run in &mut frame.runs {
            let number = holes.get(run.hole as usize).copied();
            run.hole = number.and_then(|number| u32::try_from(number).ok()).unwrap_or(u32::MAX);
        }
        if let Some(on_frame) = on_frame.as_mut() {
            on_frame(frame);
        }
    };
    let draw: Option<OnFrame<'_>> = if draws { Some(&mut renumber) } else { None };
    let mut request = asked.request;
    if holes.len() == 1 {
        request.n = Some(1 + INSTEAD);
    }
    let response = ask.ask(&request, draw).await?;
    if response.choices.len() < holes.len() {
        let (answered, wanted) = (response.choices.len(), holes.len());
        return Err(Silence::EngineError(format!("it filled {answered} of {wanted} holes")));
    }
    if let ([number], span) = (&holes[..], request.span) {
        let all = response.choices.iter().map(|choice| replacement(ask, &emptied, *number, span, choice));
        return first(all).map(|found| vec![found]);
    }
    let spans = std::iter::once(request.span).chain(request.holes.iter().map(|hole| hole.span));
    let mut found: Vec<Replacement> = Vec::new();
    let mut why = Silence::NothingToAdd;
    for ((number, span), choice) in holes.iter().copied().zip(spans).zip(&response.choices) {
        match replacement(ask, &emptied, number, span, choice) {
            Ok(replacement) => found.push(replacement),
            Err(silence) => why = silence,
        }
    }
    if found.is_empty() { Err(why) } else { Ok(found) }
}

/// The first that there is, else why there is not even the likeliest.
fn first(mut all: impl Iterator<Item = Result<Replacement, Silence>>) -> Result<Replacement, Silence> {
    let likeliest = all.next().unwrap_or(Err(Silence::NothingToAdd));
    likeliest.or_else(|why| all.find_map(Result::ok).ok_or(why))
}

fn replacement(
    ask: &FillAsk,
    emptied: &Emptied,
    number: usize,
    span: Option<Span>,
    choice: &Choice,
) -> Result<Replacement, Silence> {
    let (Some(hole), Some(&at)) = (ask.holes.get(number), emptied.at.get(number)) else {
        return Err(Silence::NothingToAdd);
    };
    let site = Site::at(&emptied.document.snapshot, at);
    let wanted = polish::Wanted { one_line: matches!(span, Some(Span::Rest | Span::Line)), invoked: true };
    let polished = polish::polish(&choice.text, &site, wanted)?;
    // A caret may stand between brackets that are typed by halves; what stands for a whole may not become a part of one.
    let stood = &ask.snapshot().slice(hole.clone());
    if !hole.is_empty() && breaks(stood, &polished.text) {
        return Err(Silence::NothingWhole);
    }
    // Closers that the editor put there give way, but not another hole.
    let next = ask.holes.get(number + 1).map_or(usize::MAX, |next| next.start);
    let end = Some(hole.end + polished.swallows).filter(|&end| end <= next).unwrap_or(hole.end);
    Ok(Replacement {
        hole: number,
        range: hole.start..end,
        text: polished.text,
        confidence: choice.confidence.unwrap_or(1.0),
    })
}

/// Finds better text for the one range asked for.
///
/// # Errors
/// Why there is none.
pub async fn rewrite(ask: &FillAsk, all: bool, on_frame: Option<OnFrame<'_>>) -> Result<Rewriting, Silence> {
    tokio::task::yield_now().await;
    let emptied = ask.emptied()?;
    let range =
        ask.holes.first().cloned().filter(|range| !range.is_empty()).ok_or(Silence::NothingSelected)?;
    let (others, workspace) = (ask.settled().await?, Arc::clone(&ask.workspace));
    let (original, place) = (ask.snapshot().clone(), range.clone());
    let request = apart(move || workspace.assemble_rewrite(&original, place, &emptied, &others));
    let mut request = request.await?.map_err(|refused| match refused {
        Refused::Excluded(why) => Silence::Excluded(why.to_string()),
        Refused::Secret => Silence::Excluded("the selection's lines hold what looks like a key".into()),
        Refused::Long => Silence::TooLarge("the selection"),
    })?;
    request.n = Some(1 + ALTERNATIVES);
    if let Some(rewrite) = &mut request.rewrite {
        rewrite.all = all;
    }
    let response = ask.ask(&request, on_frame).await?;
    let Some(margin) = response.quicksilver.as_ref().and_then(|report| report.margin) else {
        return Err(Silence::EngineError("it fills holes, but writes nothing anew".into()));
    };
    let original = ask.snapshot().slice(range);
    let line_break = Site::at(ask.snapshot(), ByteOffset(0)).line_break;
    let mut texts: Vec<String> = Vec::new();
    for choice in response.choices {
        let text = polish::clean(&choice.text).replace('\n', line_break);
        if !text.trim().is_empty() && text != original && !texts.contains(&text) {
            texts.push(text);
        }
    }
    if texts.is_empty() { Err(Silence::NothingBetter) } else { Ok(Rewriting { texts, margin }) }
}

//! One completion from its snapshot to its outcome: reuse, gate, context, engine, polish.
//!
//! Owns the order of these steps. It borrows nothing from the session; dropping its future ends the
//! engine's work on it. Whether its document has moved on meanwhile is the caller's to check.

use std::{
    mem,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use quicksilver_protocol::completion::{FimRequest, FimResponse, Span};

use super::{
    History, Pace, Silence, Site, Suggestion, gate, polish, settled::settled, sound::made_sound,
    warm::Surviving,
};
use crate::context::{Hole, Open, Workspace, recall};
use crate::document::{ByteOffset, Snapshot, limits};
use crate::engine::{AskError, Engine, OnFrame};
use crate::session::{Settings, config::SpanSetting, requests::SessionId};

/// Answers asked for beside the best one: for an engine they are by-products, for users something to look through.
const ALTERNATIVES: u32 = 2;

/// Time to gather what other files have to say; with the time for the disk, and what is begun then, less than 20 ms. They
/// are made ready before, so that it is seldom used up.
pub const GATHERING: Duration = Duration::from_millis(12);

/// Time to look which answers add syntax errors.
const PARSING: Duration = Duration::from_millis(3);

/// What a completion is made from.
pub struct Ask {
    /// Names it.
    pub session: SessionId,
    /// The document and the cursor in it.
    pub hole: Hole,
    /// What a document that is no file is judged by: the path in its address.
    pub named: Option<PathBuf>,
    /// The other open documents.
    pub others: Vec<Open>,
    /// What is known of the client's folders, and the gate.
    pub workspace: Arc<Workspace>,
    /// Asked for by hand: shown even if the engine is not sure.
    pub invoked: bool,
    /// What the document showed lately.
    pub history: History,
    /// How fast keys and answers come.
    pub pace: Pace,
    /// The engine; `None` when none is configured.
    pub engine: Option<Engine>,
    /// Settings in force.
    pub settings: Settings,
}

impl Ask {
    fn snapshot(&self) -> &Snapshot {
        &self.hole.document.snapshot
    }
}

/// Runs a completion to its end, which is not later than the deadline in the settings.
///
/// # Errors
/// Why nothing is suggested.
pub async fn complete(mut ask: Ask, on_frame: Option<OnFrame<'_>>) -> Result<Suggestion, Silence> {
    refuse(&ask.settings, ask.snapshot(), ask.hole.at)?;
    if let Some(again) = ask.history.fitting(ask.snapshot(), ask.hole.at) {
        return Ok(again);
    }
    let site = Site::at(ask.snapshot(), ask.hole.at);
    let wait = ask.pace.wait(ask.settings.debounce, &site);
    if wait.is_zero() || ask.invoked {
        // The loop that called us has messages to read; the text is ours already.
        tokio::task::yield_now().await;
    } else {
        tokio::time::sleep(wait).await;
    }
    let blank = ask.snapshot().text().byte_slice(..ask.hole.at.0).chars().all(char::is_whitespace);
    gate::check(&site, blank, ask.invoked)?;
    let others = mem::take(&mut ask.others);
    let engine = ask.engine.as_ref().ok_or_else(|| Silence::NoEngine("the settings name none".into()))?;
    let deadline = ask.settings.deadline();
    let (request, one_line) = request(&ask, others).await?;
    let begun = Instant::now();
    let answered = tokio::time::timeout(deadline, engine.infill(&request, deadline, on_frame)).await;
    let response = answered.map_err(|_| Silence::Deadline)??;
    ask.pace.answered(begun.elapsed());
    judge(&ask, &site, one_line, response)
}

/// The settings' and the document's own reasons to ask nobody.
pub(super) fn refuse(settings: &Settings, snapshot: &Snapshot, at: ByteOffset) -> Result<(), Silence> {
    let language = snapshot.language().id();
    if !settings.enable {
        return Err(Silence::Disabled);
    }
    if settings.disabled_languages.iter().any(|disabled| disabled == language) {
        return Err(Silence::LanguageDisabled(language.to_owned()));
    }
    if snapshot.is_binary() {
        return Err(Silence::Binary);
    }
    if snapshot.text().len_bytes() > limits::MAX_DOCUMENT_BYTES {
        return Err(Silence::TooLarge("the document"));
    }
    if snapshot.line_at(at).len() > limits::MAX_LINE_BYTES {
        return Err(Silence::TooLarge("the line"));
    }
    Ok(())
}

/// The request, and whether its answer is one line.
async fn request(ask: &Ask, others: Vec<Open>) -> Result<(FimRequest, bool), Silence> {
    let span = match ask.settings.span {
        SpanSetting::Auto => None,
        SpanSetting::Rest => Some(Span::Rest),
        SpanSetting::Line => Some(Span::Line),
        SpanSetting::Block => Some(Span::Block),
    };
    let hole = Hole { span, ..ask.hole.clone() };
    let own = hole.document.path.as_deref().or(ask.named.as_deref());
    let others = settled(&ask.workspace, own, others).await?;
    // What is settled is known without the disk: another thread would only cost the switch to it.
    let until = Instant::now() + GATHERING;
    let told = ask.workspace.explain(&hole, &others, &mut || Instant::now() > until);
    let mut request = told.map_err(|why| Silence::Excluded(why.to_string()))?.request;
    if request.span == Some(Span::Block) && !ask.settings.multiline {
        request.span = Some(Span::Line);
    }
    request.n = Some(1 + ALTERNATIVES);
    if let Some(Surviving { text, tail }) = ask.history.surviving(ask.snapshot(), ask.hole.at) {
        request = recall(request, &text, tail);
    }
    let one_line = matches!(request.span, Some(Span::Rest | Span::Line));
    Ok((request, one_line))
}

fn judge(ask: &Ask, site: &Site, one_line: bool, response: FimResponse) -> Result<Suggestion, Silence> {
    let mut choices = response.choices;
    // An engine that says how sure it is of each is taken at its word; others put the likeliest first.
    if choices.iter().all(|choice| choice.confidence.is_some()) {
        choices.sort_by(|a, b| b.confidence.unwrap_or(0.0).total_cmp(&a.confidence.unwrap_or(0.0)));
    }
    let mut choices = choices.into_iter().map(|choice| choice.text);
    let raw = choices.next().unwrap_or_default();
    if raw.trim().is_empty() {
        return Err(Silence::NothingToAdd);
    }
    // Engines of other makes do not say how sure they are; there is nothing to hold against them.
    let (confidence, sure) =
        response.quicksilver.map_or((1.0, true), |report| (report.confidence, report.show));
    if !(sure || ask.invoked || ask.settings.show_unsure) {
        return Err(Silence::LowConfidence((confidence * 100.0) as u8));
    }
    let wanted = polish::Wanted { one_line, invoked: ask.invoked };
    let mut texts = vec![polish::polish(&raw, site, wanted)?];
    for other in choices.filter_map(|raw| polish::polish(&raw, site, wanted).ok()) {
        if !texts.contains(&other) {
            texts.push(other);
        }
    }
    let until = Instant::now() + PARSING;
    let over = &mut || Instant::now() > until;
    made_sound(&mut texts, site, one_line, ask.snapshot(), ask.hole.at, over);
    if texts.is_empty() {
        return Err(Silence::NoPlace);
    }
    let best = texts.remove(0);
    Ok(Suggestion {
        id: ask.session.0,
        best,
        others: texts,
        at: ask.hole.at,
        confidence,
        made_from: ask.snapshot().clone(),
    })
}

impl From<AskError> for Silence {
    fn from(error: AskError) -> Self {
        match &error {
            AskError::Timeout(_) => Self::Deadline,
            AskError::NotReady | AskError::Unreachable(_) | AskError::CannotStart(_) => {
                Self::NoEngine(error.to_string())
            }
            _ => Self::EngineError(error.to_string()),
        }
    }
}

#[cfg(test)]
#[path = "task_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "request_tests.rs"]
mod request_tests;

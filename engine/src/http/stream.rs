//! Answers: one JSON body, or server-sent events with whole-span frames. The latest frame wins: a slow reader
//! misses steps, it never delays the device. When the client goes, the ticket is dropped, which cancels the job.

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    body::{Body, Bytes},
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use quicksilver_protocol::completion::{
    Choice, FimResponse, FinishReason, Frame, Message, Report, RunKind, Usage,
};
use serde::Serialize;
use tokio::sync::watch;

use super::{error, routes::App};
use crate::{
    EngineError,
    queue::{Done, Infilled, Ticket},
};

/// A request under way; dropped early, it counts as cancelled.
pub(super) struct Pending {
    app: Arc<App>,
    ticket: Ticket,
    arrived: Instant,
    id: String,
    answered: bool,
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.answered {
            self.app.metrics.cancelled();
        }
    }
}

impl Pending {
    pub(super) fn new(app: Arc<App>, ticket: Ticket, arrived: Instant, id: String) -> Self {
        Self { app, ticket, arrived, id, answered: false }
    }

    /// Waits, and answers once.
    pub(super) async fn whole(mut self) -> Response {
        let done = self.ticket.answer().await;
        match self.finish(done) {
            Ok(mut response) => {
                for choice in &mut response.choices {
                    choice.message = Some(Message::assistant(&choice.text));
                }
                axum::Json(response).into_response()
            }
            Err(error) => error.into_response(),
        }
    }

    /// Answers as events. The status is not sent before the first frame or the answer, so that a refusal in
    /// time is still a refusal by status.
    pub(super) async fn events(mut self) -> Response {
        let frames = self.ticket.take_frames();
        let mut state = Events { pending: self, diffusing: frames.is_some(), frames, ended: false };
        let first = state.next().await;
        if let Some(Event::Failed(error)) = first {
            return error.into_response();
        }
        // An event is sent when it happens, not when the next one does.
        let events = stream::unfold((first, state), |(first, mut state)| async move {
            let event = match first {
                Some(event) => event,
                None => state.next().await?,
            };
            Some((Ok::<_, Infallible>(encode(&event)), (None, state)))
        });
        let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
        (headers, Body::from_stream(events)).into_response()
    }

    fn finish(&mut self, done: Result<Done, EngineError>) -> Result<FimResponse, EngineError> {
        self.answered = true;
        let done = done.inspect_err(|error| tracing::info!(id = %self.id, %error, "no answer"))?;
        let infilled =
            done.infilled.ok_or_else(|| EngineError::Internal("a check has no text".to_owned()))?;
        let total = self.arrived.elapsed();
        self.app.metrics.infilled(&infilled, total, done.queued);
        let report = Report {
            steps: infilled.steps,
            ms: total.as_secs_f64() * 1e3,
            queued_ms: done.queued.as_secs_f64() * 1e3,
            confidence: infilled.confidence,
            show: infilled.show,
            source: infilled.source.to_owned(),
            margin: infilled.margin,
            doubts: infilled.doubts.clone(),
            device: self.app.about.device.clone(),
        };
        tracing::info!(id = %self.id, steps = report.steps, ms = report.ms, tokens = infilled.span_tokens, "answered");
        let mut response = self.envelope(choices(&infilled));
        response.usage = Some(Usage {
            prompt_tokens: infilled.prompt_tokens,
            completion_tokens: infilled.span_tokens,
            total_tokens: infilled.prompt_tokens + infilled.span_tokens,
            cached_input_tokens: infilled.cached_tokens,
        });
        response.quicksilver = Some(report);
        Ok(response)
    }

    /// A frame as an event: a choice for each hole.
    fn framed(&self, frame: Frame) -> FimResponse {
        let holes = frame.runs.iter().map(|run| run.hole + 1).max().unwrap_or(1);
        let step = frame.step;
        let mut frames: Vec<Frame> = (0..holes).map(|_| Frame { step, runs: Vec::new() }).collect();
        for run in frame.runs {
            if let Some(frame) = frames.get_mut(run.hole as usize) {
                frame.runs.push(run);
            }
        }
        let choices = frames.into_iter().zip(0..).map(|(frame, index)| {
            let decided = frame.runs.iter().filter(|run| run.kind != RunKind::Masked);
            let text = decided.map(|run| run.text.as_str()).collect();
            Choice { index, text, frame: Some(frame), ..Choice::default() }
        });
        self.envelope(choices.collect())
    }

    fn envelope(&self, choices: Vec<Choice>) -> FimResponse {
        FimResponse {
            id: self.id.clone(),
            object: "text_completion".to_owned(),
            created: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            model: self.app.about.model.clone(),
            choices,
            usage: None,
            quicksilver: None,
        }
    }
}

/// One for each hole, or the answers to a single hole, best first.
fn choices(infilled: &Infilled) -> Vec<Choice> {
    let choice = |index: usize, text: &str, finish, confidence| Choice {
        index: index as u32,
        text: text.to_owned(),
        finish_reason: Some(finish),
        confidence,
        ..Choice::default()
    };
    if !infilled.holes.is_empty() {
        let holes = infilled.holes.iter().enumerate();
        return holes.map(|(at, hole)| choice(at, &hole.text, hole.finish, Some(hole.confidence))).collect();
    }
    let confidence = infilled.margin.map(|_| infilled.confidence);
    let first = choice(0, &infilled.text, infilled.finish, confidence);
    // The others were never cut short: they stood in the pool whole.
    let others = infilled.others.iter().zip(1..).map(|(text, at)| choice(at, text, FinishReason::Stop, None));
    std::iter::once(first).chain(others).collect()
}

enum Event {
    Frame(FimResponse),
    /// The last event, with the end mark.
    Answer(FimResponse),
    Failed(EngineError),
}

struct Events {
    pending: Pending,
    frames: Option<watch::Receiver<Option<Frame>>>,
    diffusing: bool,
    ended: bool,
}

impl Events {
    async fn next(&mut self) -> Option<Event> {
        if self.ended {
            return None;
        }
        let done = tokio::select! {
            biased;
            done = self.pending.ticket.answer() => done,
            frame = latest(&mut self.frames) => return Some(Event::Frame(self.pending.framed(frame))),
        };
        self.ended = true;
        Some(match self.pending.finish(done) {
            Ok(mut answer) => {
                for choice in answer.choices.iter_mut().filter(|_| !self.diffusing) {
                    choice.delta = Some(Message::assistant(&choice.text));
                }
                Event::Answer(answer)
            }
            Err(error) => Event::Failed(error),
        })
    }
}

/// The next frame that is newer than the last one; waits for ever when there will be none.
async fn latest(frames: &mut Option<watch::Receiver<Option<Frame>>>) -> Frame {
    while let Some(cell) = frames {
        if cell.changed().await.is_err() {
            break;
        }
        let newest = cell.borrow_and_update().clone();
        if let Some(frame) = newest {
            return frame;
        }
    }
    *frames = None;
    std::future::pending().await
}

fn encode(event: &Event) -> Bytes {
    match event {
        Event::Frame(frame) => data(frame).into(),
        Event::Answer(answer) => [data(answer), "data: [DONE]\n\n".to_owned()].concat().into(),
        Event::Failed(error) => data(&error::body(error)).into(),
    }
}

fn data(value: &impl Serialize) -> String {
    // Our types have string keys and finite numbers: this cannot fail, and an empty event harms nobody.
    let json = serde_json::to_string(value).unwrap_or_default();
    format!("data: {json}\n\n")
}

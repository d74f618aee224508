//! `quicksilver infill`: the main job in a terminal.

use std::time::Duration;

use quicksilver_protocol::completion::{FimRequest, FimResponse, Frame, Report};
use serde_json::json;
use tokio::sync::mpsc;

use super::{
    Exit, Failure,
    args::{AskArgs, InfillArgs},
    draw, many,
    paint::Painter,
    print,
    source::Source,
    told::Told,
};
use crate::engine::{AskError, Client, Endpoint, Engine, EngineState, How, NO_MODEL};

/// How long an engine may take to come up before we say so.
const START_TIMEOUT: Duration = Duration::from_secs(120);

pub(super) async fn run(args: &InfillArgs) -> Result<(), Failure> {
    if !args.also.is_empty() {
        return many::run(args).await;
    }
    let source = Source::read(&args.caret)?;
    let engine = Engine::supervise(endpoint(&args.ask)?);
    // The workspace is read while the engine starts.
    let (path, span, text) = (args.caret.file.clone(), args.span, source.clone());
    let told = tokio::task::spawn_blocking(move || Told::of(&path, span, &text));
    let (told, engine_ready) = tokio::join!(told, ready(&engine, &args.ask));
    let told =
        told.map_err(|error| Failure::new(Exit::Failed, format!("reading the workspace: {error}")))??;
    let request = told.assembly.request;
    let (client, state) = engine_ready?;
    let deadline = Duration::from_millis(args.deadline_ms);
    let response = if args.json {
        client.infill(&request, deadline, None).await?
    } else {
        animated(args, &source, &client, &request, deadline).await?
    };
    let answer = Answer::new(response, &state)?;
    let line = if args.json { answer.json(args) } else { answer.summary() };
    print(line.as_bytes())
}

/// The endpoint that the command line names.
pub(super) fn endpoint(args: &AskArgs) -> Result<Endpoint, Failure> {
    let AskArgs { endpoint, key_file, model, device, weights, vicinity } = args;
    let how = How { device: device.clone(), weights: weights.clone(), vicinity: *vicinity };
    Ok(Endpoint::from_settings(endpoint.as_deref(), key_file.as_deref(), model.clone(), how)?)
}

/// Waits for the engine: while this machine's own starts, but not for one elsewhere that does not answer now.
pub(super) async fn ready(engine: &Engine, ask: &AskArgs) -> Result<(Client, EngineState), Failure> {
    let elsewhere = async {
        let mut state = engine.state();
        let away =
            |state: &EngineState| matches!(state, EngineState::Restarting { .. }) && ask.endpoint.is_some();
        match state.wait_for(away).await.map(|state| state.clone()) {
            Ok(EngineState::Restarting { reason, .. }) => Failure::new(Exit::Engine, reason),
            _ => std::future::pending().await,
        }
    };
    tokio::select! {
        failure = elsewhere => Err(failure),
        ready = engine.ready(START_TIMEOUT) => ready.map_err(|error| match error {
            AskError::CannotStart(reason) if reason.starts_with(NO_MODEL) => Failure::new(Exit::Model, reason),
            error => error.into(),
        }),
    }
}

async fn animated(
    args: &InfillArgs,
    source: &Source,
    client: &Client,
    request: &FimRequest,
    deadline: Duration,
) -> Result<FimResponse, Failure> {
    let mut painter = Painter::new(&[(source.before(), source.after())]);
    print(format!("{}:{}:{}\n", args.caret.file.display(), args.caret.line, args.caret.column).as_bytes())?;
    painter.begin(&draw::masked(1)).map_err(cannot_draw)?;
    let response = watched(&mut painter, client, request, deadline).await?;
    let text = response.choices.first().map_or("", |choice| choice.text.as_str());
    let report = response.quicksilver.clone().unwrap_or_default();
    let end = draw::decided(&[(text, report.confidence)], report.steps);
    painter.end(&end).map_err(cannot_draw)?;
    Ok(response)
}

/// Asks, and draws each frame.
pub(super) async fn watched(
    painter: &mut Painter,
    client: &Client,
    request: &FimRequest,
    deadline: Duration,
) -> Result<FimResponse, Failure> {
    let (send, mut frames) = mpsc::unbounded_channel::<Frame>();
    let ask = async move {
        let mut on_frame = |frame| {
            let _ = send.send(frame);
        };
        client.infill(request, deadline, Some(&mut on_frame)).await
    };
    let watch = async {
        while let Some(frame) = frames.recv().await {
            let stay = painter.step(&frame)?;
            tokio::time::sleep(stay).await;
        }
        Ok(())
    };
    let (response, watched) = tokio::join!(ask, watch);
    watched.map_err(cannot_draw)?;
    Ok(response?)
}

pub(super) fn cannot_draw(error: std::io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("cannot draw: {error}"))
}

/// What is said in the end.
struct Answer {
    text: String,
    tokens: u32,
    report: Report,
    model: String,
}

impl Answer {
    fn new(response: FimResponse, state: &EngineState) -> Result<Self, Failure> {
        let choice = response.choices.into_iter().next();
        let text = choice.ok_or_else(|| AskError::BadAnswer("it has no choice".to_owned()))?.text;
        let mut report = response.quicksilver.unwrap_or_default();
        if let (true, EngineState::Ready { device, .. }) = (report.device.is_empty(), state) {
            report.device.clone_from(device);
        }
        let tokens = response.usage.map_or(0, |usage| usage.completion_tokens);
        Ok(Self { text, tokens, report, model: response.model })
    }

    fn json(&self, args: &InfillArgs) -> String {
        let at = json!({ "line": args.caret.line, "column": args.caret.column });
        let line = json!({
            "text": self.text,
            "range": { "start": at, "end": at },
            "steps": self.report.steps,
            "tokens": self.tokens,
            "ms": self.report.ms,
            "model": self.model,
            "device": self.report.device,
        });
        format!("{line}\n")
    }

    fn summary(&self) -> String {
        let Report { steps, ms, confidence, show, source, device, .. } = &self.report;
        if self.text.is_empty() {
            return format!("\nnothing to suggest here · {ms:.1} ms · {} on {device}\n", self.model);
        }
        let rate = f64::from(self.tokens) / (ms / 1e3).max(1e-6);
        let plural = if *steps == 1 { "" } else { "s" };
        let silent = if *show { "" } else { "\nnot sure enough for an editor to show it unasked" };
        format!(
            "\n{} tokens in {steps} step{plural} · {ms:.1} ms · {rate:.0} tokens/s · confidence {:.0} % · {source}, {} on \
             {device}{silent}\n",
            self.tokens,
            confidence * 100.0,
            self.model,
        )
    }
}

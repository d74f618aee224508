//! `quicksilver infill … --also LINE:COL`: several holes of one file, filled together.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use quicksilver_protocol::completion::{FimResponse, Span};
use serde_json::{Value, json};

use super::{
    Exit, Failure,
    args::InfillArgs,
    caret::{Caret, Spot},
    draw,
    infill::{cannot_draw, endpoint, ready, watched},
    paint::Painter,
    print,
    source::Source,
    told::{SCAN_TIMEOUT, excluded},
};
use crate::context::{
    Open, Workspace,
    holes::{Asked, Emptied},
    place::root_of,
};
use crate::document::{Document, Language, Version};
use crate::engine::{AskError, Engine};

/// A hole of the file.
#[derive(Clone, Debug)]
struct Place {
    spot: Spot,
    source: Source,
}

pub(super) async fn run(args: &InfillArgs) -> Result<(), Failure> {
    let places = places(args)?;
    let engine = Engine::supervise(endpoint(&args.ask)?);
    let (path, span, read) = (args.caret.file.clone(), args.span, places.clone());
    let asked = tokio::task::spawn_blocking(move || ask(&path, span, &read));
    let (asked, engine_ready) = tokio::join!(asked, ready(&engine, &args.ask));
    let asked =
        asked.map_err(|error| Failure::new(Exit::Failed, format!("reading the workspace: {error}")))??;
    if asked.holes.len() < places.len() {
        let message = "the holes are too far apart to be told together; fill those near each other";
        return Err(Failure::new(Exit::Input, message));
    }
    let (client, state) = engine_ready?;
    let deadline = Duration::from_millis(args.deadline_ms);
    let response = if args.json {
        client.infill(&asked.request, deadline, None).await?
    } else {
        let sides: Vec<(&str, &str)> =
            places.iter().map(|place| (place.source.before(), place.source.after())).collect();
        let mut painter = Painter::new(&sides);
        print(format!("{} · {} holes\n", args.caret.file.display(), places.len()).as_bytes())?;
        painter.begin(&draw::masked(places.len() as u32)).map_err(cannot_draw)?;
        let response = watched(&mut painter, &client, &asked.request, deadline).await?;
        let spans: Vec<(&str, f32)> =
            response.choices.iter().map(|choice| (&*choice.text, choice.confidence.unwrap_or(0.0))).collect();
        let steps = response.quicksilver.as_ref().map_or(0, |report| report.steps);
        painter.end(&draw::decided(&spans, steps)).map_err(cannot_draw)?;
        response
    };
    if response.choices.len() != places.len() {
        let message = format!("it filled {} of {} holes", response.choices.len(), places.len());
        return Err(AskError::BadAnswer(message).into());
    }
    let device = match &state {
        crate::engine::EngineState::Ready { device, .. } => device.clone(),
        _ => String::new(),
    };
    print(if args.json { json_line(&response, &places, &device) } else { summary(&response) }.as_bytes())
}

/// The holes in the order of the file, each once.
fn places(args: &InfillArgs) -> Result<Vec<Place>, Failure> {
    let first = Spot { line: args.caret.line, column: args.caret.column };
    let mut places = Vec::new();
    for spot in std::iter::once(first).chain(args.also.iter().copied()) {
        let caret = Caret { file: args.caret.file.clone(), line: spot.line, column: spot.column };
        places.push(Place { spot, source: Source::read(&caret)? });
    }
    places.sort_by_key(|place| place.source.hole);
    places.dedup_by_key(|place| place.source.hole);
    Ok(places)
}

fn ask(path: &Path, span: Option<Span>, places: &[Place]) -> Result<Asked, Failure> {
    let language = Language::from_extension(&path.extension().unwrap_or_default().to_string_lossy());
    let text = places.first().map_or("", |place| &place.source.text);
    let snapshot = Document::open(language, Version::default(), text).snapshot();
    let document = Open { path: Some(path.to_owned()), snapshot, edited: Vec::new() };
    let carets: Vec<_> = places.iter().map(|place| place.source.hole..place.source.hole).collect();
    let until = Instant::now() + SCAN_TIMEOUT;
    let emptied = Emptied::of(&document, &carets, until);
    let workspace = Workspace::new(&[root_of(path)], &[]).scanned(&mut || Instant::now() > until);
    workspace.assemble_holes(&emptied, span, &[]).map_err(|why| excluded(path, &why))
}

fn json_line(response: &FimResponse, places: &[Place], device: &str) -> String {
    let holes = response.choices.iter().zip(places).map(|(choice, place)| {
        let at = json!({ "line": place.spot.line, "column": place.spot.column });
        json!({ "text": choice.text, "range": { "start": at, "end": at }, "confidence": choice.confidence })
    });
    let holes: Vec<Value> = holes.collect();
    let report = response.quicksilver.clone().unwrap_or_default();
    let line = json!({
        "holes": holes,
        "steps": report.steps,
        "tokens": response.usage.map_or(0, |usage| usage.completion_tokens),
        "ms": report.ms,
        "model": response.model,
        "device": if report.device.is_empty() { device } else { &report.device },
    });
    format!("{line}\n")
}

fn summary(response: &FimResponse) -> String {
    let report = response.quicksilver.clone().unwrap_or_default();
    let filled = response.choices.iter().filter(|choice| !choice.text.is_empty()).count();
    let sure = |choice: &quicksilver_protocol::completion::Choice| {
        choice.confidence.map_or_else(String::new, |confidence| format!("{:.0} %", confidence * 100.0))
    };
    let confidences: Vec<String> = response.choices.iter().map(sure).collect();
    format!(
        "\n{filled} of {} holes, {} tokens in {} rounds · {:.1} ms · confidence {} · {}, {} on {}\n",
        response.choices.len(),
        response.usage.map_or(0, |usage| usage.completion_tokens),
        report.steps,
        report.ms,
        confidences.join(", "),
        report.source,
        response.model,
        report.device,
    )
}

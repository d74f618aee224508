//! Measures what fills holes: the prior, the network, the network choosing among the prior's lines, and both together, on the same holes.
//!
//! `cargo run --release -p quicksilver-engine --example holes -- DIR MODEL [HOLES] [WAY…]`
//!
//! `DIR/LANGUAGE/PACKAGE/**` are source files of packages that nothing was fitted on; MODEL is a model's folder; HOLES is how many per
//! kind (800); WAY is `prior`, `network`, `rescore` or `denoise` (all). HOLES_DUMP=1 prints every hole.

#![allow(clippy::print_stdout, reason = "the table is the purpose")]

use std::{
    error::Error,
    path::Path,
    time::{Duration, Instant},
};

use quicksilver_engine::{
    EngineError,
    eval::{
        corpus::{self, Language},
        holes::{self, CutOut, Kind},
        metrics,
        report::{Answer, Figures, measure},
    },
    infill::{Infiller, Settings},
    model::{LoadOptions, Model, ModelSource, NetworkUse},
    queue::{Cancel, Infill, Terms},
};
use quicksilver_protocol::completion::{ContextFile, FimRequest, Span};

/// Name, what the network is used for, whether the prior drafts.
const WAYS: [(&str, NetworkUse, bool); 4] = [
    ("prior", NetworkUse::Off, true),
    ("network", NetworkUse::Denoise, false),
    ("rescore", NetworkUse::Rescore, true),
    ("denoise", NetworkUse::Denoise, true),
];
/// Far more than any answer takes: nothing here is to be cut short.
const PATIENCE: Duration = Duration::from_secs(60);
/// More than any pool has.
const ALL: u32 = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, model, ..] = &arguments[..] else {
        return Err("usage: holes DIR MODEL [HOLES] [WAY…]".into());
    };
    let wanted = arguments.get(2).map_or(Ok(800), |holes| holes.parse())?;
    let chosen = arguments.get(3..).unwrap_or_default();
    let ways: Vec<_> =
        WAYS.into_iter().filter(|way| chosen.is_empty() || chosen.iter().any(|c| c == way.0)).collect();
    let mut infillers: Vec<(&str, Infiller)> = Vec::new();
    for (name, role, drafts) in ways {
        infillers.push((name, infiller(Path::new(model), role, drafts)?));
    }
    println!("way      {}", Figures::HEAD);
    for language in corpus::load(Path::new(folder))? {
        for kind in Kind::ALL {
            let drawn = holes::draw(&language, kind, wanted, 1);
            let mut right: Vec<Vec<bool>> = Vec::new();
            for (name, infiller) in &mut infillers {
                let mut own = Vec::with_capacity(drawn.len());
                let figures = measure(&language, &drawn, |hole| {
                    let (answer, exact) = fill(infiller, &language, hole);
                    own.push(exact);
                    answer
                });
                println!("{name:<8} {figures}");
                right.push(own);
            }
            overlaps(&infillers, &right);
        }
    }
    Ok(())
}

fn infiller(folder: &Path, role: NetworkUse, drafts: bool) -> Result<Infiller, EngineError> {
    let options = LoadOptions { network: Some(role), ..LoadOptions::default() };
    let model = Model::load(&ModelSource::Dir(folder.to_owned()), options)?;
    let settings = Settings { role, drafts, ..Settings::of(&model.spec) };
    Ok(Infiller::with(model, settings))
}

/// Fills a hole as a request would; whether it is right.
fn fill(infiller: &mut Infiller, language: &Language, hole: &CutOut) -> (Answer, bool) {
    let package = &language.packages[hole.package];
    let file = &package.files[hole.file];
    let context = package.siblings(hole.file).into_iter().enumerate();
    let request = FimRequest {
        prompt: file.text[..hole.start].to_owned(),
        suffix: Some(file.text[hole.end..].to_owned()),
        n: Some(ALL),
        context: context
            .map(|(n, text)| ContextFile { path: format!("sibling-{n}"), text: text.to_owned() })
            .collect(),
        path: Some(file.path.display().to_string()),
        language: Some(language.name.clone()),
        span: Some(if hole.kind == Kind::Line { Span::Line } else { Span::Rest }),
        ..FimRequest::default()
    };
    let (cancel, began) = (Cancel::default(), Instant::now());
    let mut terms = Terms { deadline: began + PATIENCE, cancel: &cancel, frames: None };
    // What cannot be filled is filled with nothing, and counts.
    let infilled = infiller.infill(&request, &mut terms).ok();
    let ms = began.elapsed().as_secs_f64() * 1e3;
    let cut = &file.text[hole.start..hole.end];
    let Some(infilled) = infilled else { return (Answer { ms, ..Answer::default() }, false) };
    if std::env::var_os("HOLES_DUMP").is_some() {
        let line = file.text[..hole.start].lines().last().unwrap_or_default();
        println!("=== {} {} [{line}] wanted [{cut}]", package.name, hole.kind.name());
        println!(
            "    {:.3} {} steps [{}] {:?}",
            infilled.confidence, infilled.steps, infilled.text, infilled.others
        );
    }
    let exact = metrics::exact(&infilled.text, cut);
    let in_pool = exact || infilled.others.iter().any(|text| metrics::exact(text, cut));
    (Answer { confidence: infilled.confidence, show: infilled.show, in_pool, ms, text: infilled.text }, exact)
}

/// How many holes each pair of ways fills right together, and each of the two alone.
fn overlaps(ways: &[(&str, Infiller)], right: &[Vec<bool>]) {
    for (at, (one, _)) in ways.iter().enumerate() {
        for (other, (two, _)) in ways.iter().enumerate().skip(at + 1) {
            let count = |a: bool, b: bool| {
                right[at].iter().zip(&right[other]).filter(|(x, y)| (**x, **y) == (a, b)).count()
            };
            println!(
                "  right by {one} and {two}: {}, {one} alone: {}, {two} alone: {}",
                count(true, true),
                count(true, false),
                count(false, true)
            );
        }
    }
}

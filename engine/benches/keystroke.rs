//! What a keystroke costs the engine with the default model and 64 KiB of context: median and 95th percentile of whole
//! requests, and a digest of all answers, by which two builds can be compared.
//!
//! Holes are cut into the files of a folder; each request brings the files beside it as other files. Timed is the second
//! request of each hole, one typed character after the first.
//! `cargo bench -p quicksilver-engine --bench keystroke`; `KEYSTROKE_SOURCES=FOLDER` (this package's sources),
//! `KEYSTROKE_LANGUAGE=ID` (rust) and `KEYSTROKE_HOLES=N` (400) choose others.

#![allow(clippy::print_stdout, reason = "the table is the purpose")]
#![allow(clippy::expect_used, reason = "a benchmark")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use quicksilver_engine::{
    infill::Infiller,
    model::{LoadOptions, Model, ModelSource},
    queue::{Cancel, Infill, Infilled, Terms},
};
use quicksilver_protocol::{
    completion::{ContextFile, FimRequest, Span},
    limits::MAX_CONTEXT_BYTES,
};
use sha2::{Digest, Sha256};

/// Bytes of the hole's own file that go along, as the language server has it.
const PREFIX_BYTES: usize = 30 * 1024;
const SUFFIX_BYTES: usize = 18 * 1024;
/// Bytes of a piece of another file: about 60 lines.
const PIECE_BYTES: usize = 2400;

fn main() {
    let sources = env::var("KEYSTROKE_SOURCES")
        .map_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), PathBuf::from);
    let language = env::var("KEYSTROKE_LANGUAGE").unwrap_or_else(|_| "rust".to_owned());
    let wanted = env::var("KEYSTROKE_HOLES").ok().and_then(|n| n.parse().ok()).unwrap_or(400);
    let mut files = Vec::new();
    read(&sources, &mut files);
    files.sort();
    assert!(!files.is_empty(), "no source file in {}", sources.display());

    let model = Model::load(&ModelSource::Embedded, LoadOptions::default()).expect("the default model loads");
    let mut infiller = Infiller::of(model);
    let (mut times, mut answers, mut bytes) = (Vec::new(), Sha256::new(), Vec::new());
    for n in 0..wanted {
        let [first, typed] = hole(&files, n, &language);
        infill(&mut infiller, &first);
        let begun = Instant::now();
        let infilled = infill(&mut infiller, &typed);
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        bytes.push(told(&typed) as f64);
        let Infilled { text, others, confidence, show, .. } = infilled;
        answers.update(format!("{text:?} {others:?} {:x} {show}\n", confidence.to_bits()));
    }
    let of = |values: &mut Vec<f64>, share: f64| {
        values.sort_by(f64::total_cmp);
        values[((values.len() - 1) as f64 * share) as usize]
    };
    println!("| holes | KiB told, median | ms, median | 95 % | 99 % | answers |\n|---|---|---|---|---|---|");
    println!(
        "| {wanted} | {:.1} | {:.2} | {:.2} | {:.2} | {} |",
        of(&mut bytes, 0.5) / 1024.0,
        of(&mut times, 0.5),
        of(&mut times, 0.95),
        of(&mut times, 0.99),
        answers.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>()
    );
}

/// All files below a folder that look like code, with their names.
fn read(folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            read(&path, files);
        } else if let Ok(text) = fs::read_to_string(&path)
            && (600..200_000).contains(&text.len())
        {
            files.push((path.to_string_lossy().into_owned(), text.replace("\r\n", "\n")));
        }
    }
}

/// The `n`th hole: a whole line or the rest of one, and the same a typed character later.
fn hole(files: &[(String, String)], n: usize, language: &str) -> [FimRequest; 2] {
    let own = n * 7 % files.len();
    let (path, text) = &files[own];
    let lines: Vec<(usize, usize)> = text
        .split_inclusive('\n')
        .scan(0, |at, line| {
            let start = *at;
            *at += line.len();
            Some((start + line.len() - line.trim_start().len(), start + line.trim_end().len()))
        })
        .filter(|(start, end)| end > &(start + 3) && text[*start..*end].is_ascii())
        .collect();
    let (start, end) = lines[n * 31 % lines.len()];
    let whole = n.is_multiple_of(2);
    let at = if whole { start } else { start + (n * 13) % (end - start - 1) + 1 };
    [at, at + 1].map(|at| FimRequest {
        prompt: text[ceil(text, at.saturating_sub(PREFIX_BYTES))..at].to_owned(),
        suffix: Some(text[end..ceil(text, (end + SUFFIX_BYTES).min(text.len()))].to_owned()),
        n: Some(3),
        temperature: Some(0.0),
        context: others(files, own, MAX_CONTEXT_BYTES - at.min(PREFIX_BYTES) - SUFFIX_BYTES),
        path: Some(path.clone()),
        language: Some(language.to_owned()),
        span: Some(if whole { Span::Line } else { Span::Rest }),
        ..FimRequest::default()
    })
}

/// Pieces of the files beside the hole's, `left` bytes at most.
fn others(files: &[(String, String)], own: usize, mut left: usize) -> Vec<ContextFile> {
    let mut others = Vec::new();
    for (path, text) in files.iter().cycle().skip(own + 1).take(files.len() - 1) {
        let mut at = 0;
        while at < text.len() && left > PIECE_BYTES && others.len() < 32 {
            let end = text[ceil(text, (at + PIECE_BYTES).min(text.len()))..].find('\n');
            let end = end.map_or(text.len(), |end| ceil(text, (at + PIECE_BYTES).min(text.len())) + end + 1);
            left = left.saturating_sub(end - at);
            others.push(ContextFile { path: format!("{path}:{at}"), text: text[at..end].to_owned() });
            at = end;
        }
    }
    others
}

fn ceil(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

fn told(request: &FimRequest) -> usize {
    let others: usize = request.context.iter().map(|file| file.text.len()).sum();
    request.prompt.len() + request.suffix.as_ref().map_or(0, String::len) + others
}

fn infill(infiller: &mut Infiller, request: &FimRequest) -> Infilled {
    let cancel = Cancel::default();
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut terms = Terms { deadline, cancel: &cancel, frames: None };
    infiller.infill(request, &mut terms).expect("an answer")
}

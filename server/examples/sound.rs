//! Measures what the last step of polish, which leaves out what cannot stand at the cursor, puts the text with the fewest
//! syntax errors first and makes blocks whole, does for holes in packages that nothing was fitted on, and what it costs:
//! the same answers with the step and without it.
//!
//! `cargo run --release -p quicksilver --example sound -- DIR MODEL [HOLES]`
//!
//! `DIR/LANGUAGE/PACKAGE/**` are source files; HOLES is how many of each language and kind (400).

#![allow(clippy::print_stdout, reason = "the table is the purpose")]

use std::{
    collections::HashMap,
    error::Error,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use quicksilver::{
    completion::{
        Polished, Site,
        polish::{Wanted, polish},
        sound::made_sound,
    },
    context::{Hole, Open, Workspace},
    document::{self, ByteOffset, Document, Snapshot, Version, faults},
    eval::{
        corpus::{self, Language},
        cut::{self, CutOut, Kind},
    },
};
use quicksilver_engine::{
    infill::{Infiller, Settings},
    model::{LoadOptions, Model, ModelSource, NetworkUse},
    queue::{Cancel, Infill, Infilled, Terms},
};
use quicksilver_protocol::completion::{FimRequest, Span};

/// Answers that an editor asks for.
const ANSWERS: u32 = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, model, ..] = &arguments[..] else {
        return Err("usage: sound DIR MODEL [HOLES]".into());
    };
    let wanted = arguments.get(2).map_or(Ok(400), |holes| holes.parse())?;
    let options = LoadOptions { network: Some(NetworkUse::Off), ..LoadOptions::default() };
    let model = Model::load(&ModelSource::Dir(Path::new(model).to_owned()), options)?;
    let settings = Settings { role: NetworkUse::Off, ..Settings::of(&model.spec) };
    let mut infiller = Infiller::with(model, settings);
    println!(
        "language and kind    holes  changed  silenced     exact: without   with     parses: without   with     ms, median and 95 %"
    );
    for language in corpus::load(Path::new(folder))? {
        let mut packages = Packages { folder: Path::new(folder).join(&language.name), known: HashMap::new() };
        for kind in [Kind::Line, Kind::Rest, Kind::Lines] {
            let mut tally = Tally::default();
            for hole in cut::draw(&language, kind, wanted, 7) {
                let file = &language.packages[hole.package].files[hole.file].text;
                let text = format!("{}{}", &file[..hole.start], &file[hole.end..]);
                let snapshot = open(&language, &text);
                let request = packages.request(&language, &hole, snapshot.clone());
                if let Some(infilled) = ask(&mut infiller, &request) {
                    let one_line = hole.kind != Kind::Lines;
                    tally.add(&infilled, &file[hole.start..hole.end], &snapshot, hole.start, one_line);
                }
            }
            println!("{:<20} {}", format!("{}, {kind:?}", language.name), tally.line());
        }
    }
    Ok(())
}

/// What became of the holes of one kind.
#[derive(Default)]
struct Tally {
    holes: usize,
    changed: usize,
    silenced: usize,
    exact: [usize; 2],
    parses: [usize; 2],
    ms: Vec<f64>,
}

impl Tally {
    fn add(&mut self, infilled: &Infilled, truth: &str, snapshot: &Snapshot, at: usize, one_line: bool) {
        let at = ByteOffset(at);
        let site = Site::at(snapshot, at);
        let wanted = Wanted { one_line, invoked: true };
        let raws = std::iter::once(infilled.text.as_str()).chain(infilled.others.iter().map(String::as_str));
        let mut texts: Vec<Polished> = Vec::new();
        for text in raws.filter_map(|raw| polish(raw, &site, wanted).ok()) {
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let Some(without) = texts.first().cloned() else { return };
        let began = Instant::now();
        made_sound(&mut texts, &site, one_line, snapshot, at, &mut || false);
        self.ms.push(began.elapsed().as_secs_f64() * 1e3);
        self.holes += 1;
        self.changed += usize::from(texts.first() != Some(&without));
        self.silenced += usize::from(texts.is_empty());
        // Nothing shown leaves the document as it is.
        let with = texts.into_iter().next().unwrap_or(Polished { text: String::new(), swallows: 0 });
        for (column, text) in [&without, &with].into_iter().enumerate() {
            self.exact[column] += usize::from(text.text.trim() == truth.trim());
            self.parses[column] += usize::from(errors(snapshot, at, text) == 0);
        }
    }

    fn line(&mut self) -> String {
        self.ms.sort_by(f64::total_cmp);
        let at = |share: f64| self.ms.get((self.ms.len() as f64 * share) as usize).copied().unwrap_or(0.0);
        let share = |count: usize| 100.0 * count as f64 / self.holes.max(1) as f64;
        let [exact, parses] = [self.exact, self.parses]
            .map(|[without, with]| format!("{:>14.1} % {:>6.1} %", share(without), share(with)));
        format!(
            "{:>6} {:>6.1} % {:>7.1} % {exact}   {parses}   {:>8.2} {:>6.2}",
            self.holes,
            share(self.changed),
            share(self.silenced),
            at(0.5),
            at(0.95)
        )
    }
}

/// Syntax errors of a document with a text put in.
fn errors(snapshot: &Snapshot, at: ByteOffset, text: &Polished) -> usize {
    let whole = snapshot.text().to_string();
    let filled = format!("{}{}{}", &whole[..at.0], text.text, &whole[at.0 + text.swallows..]);
    let mut document = Document::open(snapshot.language().clone(), Version::default(), &filled);
    document.parse(&mut || false);
    document.snapshot().tree().map_or(0, faults)
}

fn open(language: &Language, text: &str) -> Snapshot {
    let kind = document::Language::from_id(&language.name);
    let mut document = Document::open(kind, Version::default(), text);
    document.parse(&mut || false);
    document.snapshot()
}

/// What is known of the packages' folders.
struct Packages {
    folder: PathBuf,
    known: HashMap<PathBuf, Workspace>,
}

impl Packages {
    /// The request that the language server would make.
    fn request(&mut self, language: &Language, hole: &CutOut, snapshot: Snapshot) -> FimRequest {
        let package = &language.packages[hole.package];
        let root = self.folder.join(&package.name);
        let path = root.join(&package.files[hole.file].path);
        let scan = || Workspace::new(std::slice::from_ref(&root), &[]).scanned(&mut || false);
        let workspace = self.known.entry(root.clone()).or_insert_with(scan);
        let span = Some(match hole.kind {
            Kind::Line => Span::Line,
            Kind::Lines => Span::Block,
            _ => Span::Rest,
        });
        let document = Open { path: Some(path), snapshot, edited: Vec::new() };
        let hole = Hole { document, at: ByteOffset(hole.start), span };
        FimRequest { n: Some(ANSWERS), ..workspace.assemble(&hole, &[]).unwrap_or_default() }
    }
}

fn ask(infiller: &mut Infiller, request: &FimRequest) -> Option<Infilled> {
    let cancel = Cancel::default();
    let deadline = Instant::now() + Duration::from_secs(60);
    infiller.infill(request, &mut Terms { deadline, cancel: &cancel, frames: None }).ok()
}

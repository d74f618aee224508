//! Measures what each source of context brings: the same holes in finished packages, filled by the local prior, with one
//! source after the other.
//!
//! `cargo run --release -p quicksilver --example sources -- DIR [HOLES] [alone|together|edits]`, with
//! `DIR/LANGUAGE/PACKAGE/**` as for the engine's `holes`. `alone`: each package is a workspace; `together`: all of a
//! language are one. `edits`: a name was changed in an open file, and the hole wants the same change; five more files
//! are open.

#![allow(clippy::print_stdout, reason = "the table is the purpose")]

use std::{
    error::Error,
    path::Path,
    time::{Duration, Instant},
};

use quicksilver::{
    context::{Edited, Hole, Open, Sources, Workspace},
    document::{ByteOffset, Document, Language, Version},
};
use quicksilver_engine::{
    eval::{
        corpus,
        holes::{self, CutOut, Kind},
        metrics,
    },
    infill::{Infiller, Settings},
    model::{LoadOptions, Model, ModelSource, NetworkUse},
    queue::{Cancel, Infill, Terms},
};
use quicksilver_protocol::completion::Span;

/// Far more than any answer takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// The fewest files of a package that is a workspace.
const LEAST_FILES: usize = 3;
/// Letters of a name that is worth a change.
const LEAST_NAME: usize = 5;
/// Files that lie open beside the changed one.
const OPEN: usize = 5;

fn ways() -> [(&'static str, Sources); 4] {
    let none = Sources { edits: false, definitions: false };
    [
        ("windows", none),
        ("+ edits", Sources { edits: true, ..none }),
        ("+ definitions", Sources { definitions: true, ..none }),
        ("all", Sources::default()),
    ]
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("usage: sources DIR [HOLES] [alone|together|edits]")?;
    let wanted = arguments.next().map_or(Ok(400), |holes| holes.parse())?;
    let way = arguments.next().unwrap_or_default();
    let options = LoadOptions { network: Some(NetworkUse::Off), ..LoadOptions::default() };
    let model = Model::load(&ModelSource::Embedded, options)?;
    let settings = Settings { role: NetworkUse::Off, drafts: true, ..Settings::of(&model.spec) };
    let mut infiller = Infiller::with(model, settings);
    for mut language in corpus::load(Path::new(&folder))? {
        language.packages.retain(|package| package.files.len() >= LEAST_FILES);
        let base = Path::new(&folder).join(&language.name);
        for kind in Kind::ALL {
            let holes = holes::draw(&language, kind, wanted, 1);
            let asked: Vec<Asked> = holes
                .iter()
                .filter_map(|hole| match (&*way, kind) {
                    ("edits", Kind::Line) => None,
                    ("edits", Kind::Rest) => changed(&language, hole, &base),
                    _ => Some(plain(&language, hole, &base)),
                })
                .collect();
            for (name, sources) in ways() {
                let mut workspaces: Vec<Option<Workspace>> = language.packages.iter().map(|_| None).collect();
                let mut row = Row::default();
                for asked in &asked {
                    let root = base.join(&language.packages[asked.package].name);
                    let (at, within) = if way == "together" { (0, &base) } else { (asked.package, &root) };
                    let workspace = workspaces[at].get_or_insert_with(|| {
                        Workspace::new(std::slice::from_ref(within), &[]).with(sources).scanned(&mut || false)
                    });
                    row.fill(&mut infiller, workspace, asked)?;
                }
                println!("{:<8} {:<5} {name:<14} {}", language.name, kind.name(), row.line());
            }
        }
    }
    Ok(())
}

/// A hole, what lies open, and what is wanted.
struct Asked {
    package: usize,
    hole: Hole,
    open: Vec<Open>,
    expected: String,
}

fn plain(language: &corpus::Language, hole: &CutOut, base: &Path) -> Asked {
    let CutOut { package, file, start, end, kind } = *hole;
    let text = &language.packages[package].files[file].text;
    let document = open(language, base, (package, file), &format!("{}{}", &text[..start], &text[end..]));
    let span = Some(if kind == Kind::Line { Span::Line } else { Span::Rest });
    let hole = Hole { document, at: ByteOffset(start), span };
    Asked { package, hole, open: Vec::new(), expected: text[start..end].to_owned() }
}

/// The same hole after the name that it begins with was changed in another file, which lies open.
fn changed(language: &corpus::Language, hole: &CutOut, base: &Path) -> Option<Asked> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let files = &language.packages[hole.package].files;
    let rest = &files[hole.file].text[hole.start..hole.end];
    let name = &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())];
    let named = |text: &str| text.split(|c| !is_word(c)).any(|word| word == name);
    let others = || (0..files.len()).filter(|other| *other != hole.file);
    let edited = others().find(|other| named(&files[*other].text)).filter(|_| name.len() >= LEAST_NAME)?;
    let new = format!("{name}_renewed");
    let rename = |text: &str| {
        let pieces = text.split_inclusive(|c| !is_word(c));
        pieces
            .map(|piece| {
                if piece.trim_end_matches(|c| !is_word(c)) == name {
                    piece.replacen(name, &new, 1)
                } else {
                    piece.to_owned()
                }
            })
            .collect::<String>()
    };
    let mut asked = plain(language, hole, base);
    asked.expected = rename(&asked.expected);
    let text = rename(&files[edited].text);
    let lines = text.lines().enumerate().filter(|(_, line)| line.contains(&new));
    let edits =
        lines.map(|(line, _)| Edited { lines: line..line + 1, ago: Duration::from_secs(line as u64) });
    let edits = edits.collect();
    asked.open.push(Open { edited: edits, ..open(language, base, (hole.package, edited), &text) });
    let beside = others().filter(|other| *other != edited).take(OPEN);
    asked.open.extend(beside.map(|other| open(language, base, (hole.package, other), &files[other].text)));
    Some(asked)
}

fn open(language: &corpus::Language, base: &Path, (package, file): (usize, usize), text: &str) -> Open {
    let package = &language.packages[package];
    let path = base.join(&package.name).join(&package.files[file].path);
    let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
    let mut document = Document::open(Language::from_extension(&extension), Version(1), text);
    document.parse(&mut || false);
    Open { path: Some(path), snapshot: document.snapshot(), edited: Vec::new() }
}

#[derive(Default)]
struct Row {
    right: usize,
    holes: usize,
    bytes: usize,
    steps: u32,
    gathering: Vec<f64>,
}

impl Row {
    fn fill(
        &mut self,
        infiller: &mut Infiller,
        workspace: &Workspace,
        asked: &Asked,
    ) -> Result<(), Box<dyn Error>> {
        let began = Instant::now();
        let request = workspace.assemble(&asked.hole, &asked.open).map_err(|why| why.to_string())?;
        self.gathering.push(began.elapsed().as_secs_f64() * 1e3);
        self.bytes += request.context.iter().map(|file| file.text.len()).sum::<usize>();
        let cancel = Cancel::default();
        let mut terms = Terms { deadline: began + PATIENCE, cancel: &cancel, frames: None };
        // What cannot be filled is filled with nothing, and counts.
        if let Ok(infilled) = infiller.infill(&request, &mut terms) {
            self.right += usize::from(metrics::exact(&infilled.text, &asked.expected));
            self.steps += infilled.steps as u32;
        }
        self.holes += 1;
        Ok(())
    }

    fn line(&mut self) -> String {
        let holes = self.holes.max(1);
        self.gathering.sort_by(f64::total_cmp);
        let median = self.gathering.get(self.holes / 2).copied().unwrap_or_default();
        format!(
            "{:>5.1} % of {holes} exact, {:>5} bytes of other files, {median:.2} ms to gather, {:.2} steps",
            100.0 * self.right as f64 / holes as f64,
            self.bytes / holes,
            f64::from(self.steps) / holes as f64,
        )
    }
}

//! Measures what the local prior makes of text that stands there already: how often a line that is right is left alone and
//! one with a wrong name becomes right again; whether a misspelt name is found among the doubts of its file; and whether
//! lines that are missing together are better filled together.
//!
//! `cargo run --release -p quicksilver --example rewrites -- DIR MODEL [LINES] [WHAT…]`
//!
//! `DIR/LANGUAGE/PACKAGE/**` are source files of packages that nothing was fitted on; LINES is how many of each language (400); WHAT is `lines`, `doubts` or `together` (all). Each
//! line is asked about three times: as it stands, with one identifier misspelt, and with one replaced by another of the file.

#![allow(clippy::print_stdout, reason = "the table is the purpose")]

use std::{
    collections::HashMap,
    error::Error,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use quicksilver::{
    context::{Hole as Place, Open, Workspace},
    document::{self, ByteOffset, Document, Version},
    eval::{
        corpus::{self, Language},
        cut::{self, CutOut, Kind},
    },
};
use quicksilver_engine::{
    diffusion::confidence::Dice,
    infill::{Infiller, Settings},
    model::{LoadOptions, Model, ModelSource, NetworkUse},
    queue::{Cancel, Infill, Infilled, Terms},
};
use quicksilver_protocol::{
    completion::{FimRequest, Span},
    holes::{Hole, Rewrite},
};

/// Margins from which a text would be offered, nats.
const MARGINS: [f32; 7] = [0.0, 4.0, 8.0, 12.0, 16.0, 20.0, 24.0];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, model, ..] = &arguments[..] else {
        return Err("usage: rewrites DIR MODEL [LINES] [WHAT…]".into());
    };
    let wanted = arguments.get(2).map_or(Ok(400), |lines| lines.parse())?;
    let chosen = arguments.get(3..).unwrap_or_default().to_vec();
    let wants = |what: &str| chosen.is_empty() || chosen.iter().any(|chosen| chosen == what);
    let options = LoadOptions { network: Some(NetworkUse::Off), ..LoadOptions::default() };
    let model = Model::load(&ModelSource::Dir(Path::new(model).to_owned()), options)?;
    let settings = Settings { role: NetworkUse::Off, ..Settings::of(&model.spec) };
    let mut infiller = Infiller::with(model, settings);
    let mut packages = Packages { folder: Path::new(folder).to_owned(), workspaces: HashMap::new() };
    for language in corpus::load(Path::new(folder))? {
        let lines = cut::draw(&language, Kind::Line, wanted, 7);
        if wants("doubts") {
            doubts(&mut infiller, &mut packages, &language, &lines);
        }
        if wants("together") {
            together(&mut infiller, &mut packages, &language, &lines);
        }
        if !wants("lines") {
            continue;
        }
        println!(
            "{}: share offered something, and offered the right line, from a margin of n nats",
            language.name
        );
        println!("{:<12} {}", "line", MARGINS.map(|margin| format!("{margin:>13.0}")).concat());
        for change in [Change::None, Change::Misspelt, Change::Other] {
            let mut random = Dice::new(3);
            let mut asked = 0_usize;
            let (mut offered, mut right) = ([0_usize; MARGINS.len()], [0_usize; MARGINS.len()]);
            for line in &lines {
                let file = &language.packages[line.package].files[line.file].text;
                let truth = &file[line.start..line.end];
                let Some(changed) = change.apply(truth, file, &mut random) else { continue };
                asked += 1;
                let Some(infilled) = rewrite(&mut infiller, &mut packages, &language, line, &changed) else {
                    continue;
                };
                let margin = infilled.margin.unwrap_or(0.0);
                for (at, least) in MARGINS.iter().enumerate() {
                    let shown = !infilled.text.is_empty() && margin >= *least;
                    offered[at] += usize::from(shown);
                    right[at] += usize::from(shown && infilled.text.trim() == truth.trim());
                }
            }
            let share = |count: usize| 100.0 * count as f64 / asked.max(1) as f64;
            let cells: Vec<String> = offered
                .iter()
                .zip(right)
                .map(|(&offered, right)| format!("{:>6.1}{:>6.1}%", share(offered), share(right)))
                .collect();
            println!("{:<12} {} of {asked}", change.name(), cells.concat());
        }
    }
    Ok(())
}

/// One misspelt name in each file: its rank among the doubts, and how many others there are.
fn doubts(infiller: &mut Infiller, packages: &mut Packages, language: &Language, lines: &[CutOut]) {
    let mut random = Dice::new(3);
    let (mut files, mut ranks, mut others, mut all_lines) = (Vec::new(), Vec::new(), 0_usize, 0_usize);
    for line in lines {
        let file = &language.packages[line.package].files[line.file].text;
        let truth = &file[line.start..line.end];
        let whole = 30 * 1024;
        if files.contains(&(line.package, line.file)) || file.len() > whole {
            continue;
        }
        let Some(changed) = Change::Misspelt.apply(truth, file, &mut random) else { continue };
        files.push((line.package, line.file));
        let text = format!("{}{changed}{}", &file[..line.start], &file[line.end..]);
        let number = file[..line.start].matches('\n').count();
        let request = FimRequest { prompt: text.clone(), doubt: true, ..packages.about(language, line) };
        let Some(infilled) = ask(infiller, &request) else { continue };
        let is_comment = |line: u32| {
            let line = text.lines().nth(line as usize).unwrap_or_default().trim_start();
            line.starts_with("//") || line.starts_with('#') || line.starts_with('*')
        };
        let found: Vec<u32> =
            infilled.doubts.iter().map(|doubt| doubt.line).filter(|&line| !is_comment(line)).collect();
        ranks.extend(found.iter().position(|&line| line as usize == number));
        others += found.iter().filter(|&&line| line as usize != number).count();
        all_lines += text.lines().count();
    }
    let among = |most: usize| {
        100.0 * ranks.iter().filter(|&&rank| rank < most).count() as f64 / files.len().max(1) as f64
    };
    println!(
        "doubts: {} files, one misspelt name each: first {:.1} %, among three {:.1} %, at all {:.1} %; others {:.2} a file, {:.2} in 1000 lines",
        files.len(),
        among(1),
        among(3),
        among(usize::MAX),
        others as f64 / files.len().max(1) as f64,
        1e3 * others as f64 / all_lines.max(1) as f64,
    );
}

/// Three lines of a file missing at once: filled one by one as if the others were empty, and together.
fn together(infiller: &mut Infiller, packages: &mut Packages, language: &Language, lines: &[CutOut]) {
    let mut by_file: Vec<Vec<&CutOut>> = Vec::new();
    for line in lines {
        match by_file.iter_mut().find(|file| (file[0].package, file[0].file) == (line.package, line.file)) {
            Some(file) => file.push(line),
            None => by_file.push(vec![line]),
        }
    }
    let (mut holes, mut alone, mut both) = (0_usize, 0_usize, 0_usize);
    for mut missing in by_file {
        let file = &language.packages[missing[0].package].files[missing[0].file].text;
        missing.sort_by_key(|line| line.start);
        missing.truncate(3);
        if missing.len() < 2 || file.len() > 40 * 1024 {
            continue;
        }
        let between = missing.windows(2).map(|pair| &file[pair[0].end..pair[1].start]);
        let request = FimRequest {
            prompt: file[..missing[0].start].to_owned(),
            suffix: Some(file[missing[missing.len() - 1].end..].to_owned()),
            span: Some(Span::Line),
            holes: between.map(|before| Hole { before: before.to_owned(), span: Some(Span::Line) }).collect(),
            ..packages.about(language, missing[0])
        };
        let Some(filled) = ask(infiller, &request) else { continue };
        for (number, line) in missing.iter().enumerate() {
            let truth = &file[line.start..line.end];
            let empty = |text: &str, part: &[&CutOut], from: usize| {
                let mut left = String::new();
                let mut at = from;
                for line in part {
                    left.push_str(&file[at..line.start]);
                    at = line.end;
                }
                left + &text[at..]
            };
            let request = FimRequest {
                prompt: empty(&file[..line.start], &missing[..number], 0),
                suffix: Some(empty(file, &missing[number + 1..], line.end)),
                span: Some(Span::Line),
                ..packages.about(language, line)
            };
            holes += 1;
            alone += usize::from(ask(infiller, &request).is_some_and(|one| one.text.trim() == truth.trim()));
            both +=
                usize::from(filled.holes.get(number).is_some_and(|hole| hole.text.trim() == truth.trim()));
        }
    }
    let share = |count: usize| 100.0 * count as f64 / holes.max(1) as f64;
    println!(
        "two or three lines of a file missing, {holes} holes: right alone {:.1} %, together {:.1} %",
        share(alone),
        share(both)
    );
}

/// What is done to a line.
#[derive(Clone, Copy)]
enum Change {
    None,
    Misspelt,
    Other,
}

impl Change {
    fn name(self) -> &'static str {
        match self {
            Self::None => "as it is",
            Self::Misspelt => "misspelt",
            Self::Other => "wrong name",
        }
    }

    /// The line with one identifier changed; `None` if it has none worth it.
    fn apply(self, line: &str, file: &str, random: &mut Dice) -> Option<String> {
        let words = words(line);
        let long: Vec<&(usize, &str)> = words.iter().filter(|(_, word)| word.len() >= 4).collect();
        let &&(at, word) = long.get(below(random, long.len()))?;
        let new = match self {
            Self::None => return Some(line.to_owned()),
            Self::Misspelt => {
                let mut letters: Vec<char> = word.chars().collect();
                let first = 1 + below(random, letters.len() - 2);
                if letters[first] == letters[first + 1] {
                    letters.remove(first);
                } else {
                    letters.swap(first, first + 1);
                }
                letters.into_iter().collect::<String>()
            }
            Self::Other => {
                let others: Vec<&str> = self::words(file)
                    .into_iter()
                    .map(|(_, other)| other)
                    .filter(|other| other.len() >= 4 && *other != word)
                    .collect();
                (*others.get(below(random, others.len()))?).to_owned()
            }
        };
        (new != word).then(|| format!("{}{new}{}", &line[..at], &line[at + word.len()..]))
    }
}

/// A number below `bound`, or 0.
fn below(random: &mut Dice, bound: usize) -> usize {
    ((random.roll() * bound as f32) as usize).min(bound.saturating_sub(1))
}

/// Identifiers with their places.
fn words(text: &str) -> Vec<(usize, &str)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (is_word(c), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                let word = &text[from..at];
                if !word.starts_with(|c: char| c.is_ascii_digit()) {
                    found.push((from, word));
                }
                start = None;
            }
            _ => {}
        }
    }
    found
}

fn rewrite(
    infiller: &mut Infiller,
    packages: &mut Packages,
    language: &Language,
    line: &CutOut,
    text: &str,
) -> Option<Infilled> {
    let file = &language.packages[line.package].files[line.file];
    let request = FimRequest {
        prompt: file.text[..line.start].to_owned(),
        suffix: Some(file.text[line.end..].to_owned()),
        rewrite: Some(Rewrite { text: text.to_owned(), all: false }),
        ..packages.about(language, line)
    };
    ask(infiller, &request)
}

/// The packages' folders, and what they hold for the files of one to look at.
struct Packages {
    folder: PathBuf,
    workspaces: HashMap<PathBuf, Workspace>,
}

impl Packages {
    /// A request about a line with the files that the language server would send along.
    fn about(&mut self, language: &Language, line: &CutOut) -> FimRequest {
        let package = &language.packages[line.package];
        let file = &package.files[line.file];
        let root = self.folder.join(&language.name).join(&package.name);
        let path = root.join(&file.path);
        let scan = || Workspace::new(std::slice::from_ref(&root), &[]).scanned(&mut || false);
        let workspace = self.workspaces.entry(root.clone()).or_insert_with(scan);
        let kind = document::Language::from_id(&language.name);
        let snapshot = Document::open(kind, Version::default(), &file.text).snapshot();
        let document = Open { path: Some(path), snapshot, edited: Vec::new() };
        let hole = Place { document, at: ByteOffset(line.start), span: Some(Span::Line) };
        let request = workspace.assemble(&hole, &[]).unwrap_or_default();
        FimRequest { prompt: String::new(), suffix: None, span: None, max_tokens: None, ..request }
    }
}

fn ask(infiller: &mut Infiller, request: &FimRequest) -> Option<Infilled> {
    let cancel = Cancel::default();
    let deadline = Instant::now() + Duration::from_secs(60);
    infiller.infill(request, &mut Terms { deadline, cancel: &cancel, frames: None }).ok()
}

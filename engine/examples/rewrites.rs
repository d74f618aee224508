//! Measures rewriting by the local prior: how often a line that is right is left alone, and how often one with a wrong
//! identifier becomes right again.
//!
//! `cargo run --release -p quicksilver-engine --example rewrites -- DIR MODEL [LINES]`
//!
//! `DIR/LANGUAGE/PACKAGE/**` are source files of packages that nothing was fitted on; LINES is how many of each language (400). Each
//! line is asked about three times: as it stands, with one identifier misspelt, and with one replaced by another of the file.

#![allow(clippy::print_stdout, reason = "the table is the purpose")]

use std::{
    error::Error,
    path::Path,
    time::{Duration, Instant},
};

use quicksilver_engine::{
    diffusion::confidence::Dice,
    eval::{
        corpus::{self, Language},
        holes::{self, CutOut, Kind},
    },
    infill::{Infiller, Settings},
    model::{LoadOptions, Model, ModelSource, NetworkUse},
    queue::{Cancel, Infill, Infilled, Terms},
};
use quicksilver_protocol::{
    completion::{ContextFile, FimRequest},
    holes::Rewrite,
};

/// Margins from which a text would be offered, nats.
const MARGINS: [f32; 7] = [0.0, 4.0, 8.0, 12.0, 16.0, 20.0, 24.0];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, model, ..] = &arguments[..] else {
        return Err("usage: rewrites DIR MODEL [LINES]".into());
    };
    let wanted = arguments.get(2).map_or(Ok(400), |lines| lines.parse())?;
    let options = LoadOptions { network: Some(NetworkUse::Off), ..LoadOptions::default() };
    let model = Model::load(&ModelSource::Dir(Path::new(model).to_owned()), options)?;
    let settings = Settings { role: NetworkUse::Off, ..Settings::of(&model.spec) };
    let mut infiller = Infiller::with(model, settings);
    for language in corpus::load(Path::new(folder))? {
        println!(
            "{}: share offered something, and offered the right line, from a margin of n nats",
            language.name
        );
        println!("{:<12} {}", "line", MARGINS.map(|margin| format!("{margin:>13.0}")).concat());
        let lines = holes::draw(&language, Kind::Line, wanted, 7);
        for change in [Change::None, Change::Misspelt, Change::Other] {
            let mut random = Dice::new(3);
            let mut asked = 0_usize;
            let (mut offered, mut right) = ([0_usize; MARGINS.len()], [0_usize; MARGINS.len()]);
            for line in &lines {
                let file = &language.packages[line.package].files[line.file].text;
                let truth = &file[line.start..line.end];
                let Some(changed) = change.apply(truth, file, &mut random) else { continue };
                asked += 1;
                let Some(infilled) = rewrite(&mut infiller, &language, line, &changed) else { continue };
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

fn rewrite(infiller: &mut Infiller, language: &Language, line: &CutOut, text: &str) -> Option<Infilled> {
    let package = &language.packages[line.package];
    let file = &package.files[line.file];
    let context = package.siblings(line.file).into_iter().enumerate();
    let request = FimRequest {
        prompt: file.text[..line.start].to_owned(),
        suffix: Some(file.text[line.end..].to_owned()),
        context: context
            .map(|(n, text)| ContextFile { path: format!("sibling-{n}"), text: text.to_owned() })
            .collect(),
        language: Some(language.name.clone()),
        rewrite: Some(Rewrite { text: text.to_owned(), all: false }),
        ..FimRequest::default()
    };
    let cancel = Cancel::default();
    let deadline = Instant::now() + Duration::from_secs(60);
    infiller.infill(&request, &mut Terms { deadline, cancel: &cancel, frames: None }).ok()
}

//! Counts the table of symbol n-grams that the local prior falls back on, from the gathered corpus.
//!
//! `cargo run --release -p quicksilver-engine --example table -- CORPUS.jsonl OUT.bin [LANGUAGE=THOUSANDS…]`
//!
//! CORPUS.jsonl is what `python -m quicksilver_training.corpus` writes (training packages only); LANGUAGE=THOUSANDS is how
//! many n-grams of a language are kept. The same corpus gives the same bytes.

#![allow(clippy::print_stdout, reason = "says what it counted")]

use std::{
    collections::BTreeMap,
    error::Error,
    fs::{self, File},
    io::{BufRead, BufReader},
    path::Path,
    sync::Arc,
};

use quicksilver_engine::{
    prior::{Lexicon, table},
    tokens::Tokenizer,
};

/// Packages that must have an n-gram.
const LEAST_PACKAGES: u32 = 2;
/// n-grams kept, in thousands, where nothing else is asked for.
const KEPT: [(&str, usize); 6] =
    [("rust", 300), ("python", 300), ("typescript", 150), ("go", 100), ("java", 100), ("cpp", 100)];

#[derive(serde::Deserialize)]
struct Row {
    package: String,
    source: String,
    path: String,
    language: String,
    text: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [corpus, out, kept @ ..] = &arguments[..] else {
        return Err("usage: table CORPUS.jsonl OUT.bin [LANGUAGE=THOUSANDS…]".into());
    };
    let tokenizer = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/embedded/tokenizer.json");
    let tokenizer = Tokenizer::from_path(&tokenizer)?;
    let lexicon = Arc::new(Lexicon::new(&tokenizer).ok_or("the tokenizer's vocabulary is too large")?);
    let mut wanted: BTreeMap<String, usize> = KEPT.iter().map(|(l, n)| ((*l).to_owned(), *n)).collect();
    if !kept.is_empty() {
        wanted.clear();
    }
    for pair in kept {
        let (language, thousands) = pair.split_once('=').ok_or("not LANGUAGE=THOUSANDS")?;
        wanted.insert(language.to_owned(), thousands.parse()?);
    }
    let mut sections = Vec::new();
    for (language, thousands) in &wanted {
        let packages = packages(Path::new(corpus), language)?;
        let mut sources = table::Sources::default();
        for files in packages.values() {
            sources.add(files.iter().map(|text| tokenizer.encode(text)), &lexicon, &tokenizer);
        }
        println!("{language}: {} packages", packages.len());
        sections.push((language.as_str(), sources, 1000 * thousands));
    }
    let bytes = table::build(&sections, LEAST_PACKAGES, &lexicon);
    println!("{} bytes", bytes.len());
    fs::write(out, bytes)?;
    Ok(())
}

/// The texts of one language, by package; the standard library's parts count as packages.
fn packages(corpus: &Path, language: &str) -> Result<BTreeMap<String, Vec<String>>, Box<dyn Error>> {
    let mut packages: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in BufReader::new(File::open(corpus)?).lines() {
        let row: Row = serde_json::from_str(&line?)?;
        if table::section_of(&row.language) != language {
            continue;
        }
        let name = match row.source.as_str() {
            "stdlib" | "pypi" => {
                format!("{}/{}", row.package, row.path.split('/').next().unwrap_or_default())
            }
            _ => row.package,
        };
        packages.entry(name).or_default().push(row.text);
    }
    Ok(packages)
}

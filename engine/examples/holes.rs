//! Measures the local prior on holes: `cargo run --release -p quicksilver-engine --example holes -- DIR TOKENIZER [HOLES]`.
//!
//! `DIR/LANGUAGE/PACKAGE/**` are source files of packages that nothing was fitted on; HOLES is how many per kind (800).

#![allow(clippy::print_stdout, reason = "the table is the purpose")]

use quicksilver_engine::{
    eval::{
        corpus,
        holes::{self, Kind},
        metrics,
        report::{Answer, Figures, measure},
    },
    prior::{self, Extent, Hole},
    tokens::Tokenizer,
};
use std::{path::Path, time::Instant};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, tokenizer, ..] = &arguments[..] else {
        return Err("usage: holes DIR TOKENIZER [HOLES]".into());
    };
    let wanted = arguments.get(2).map_or(Ok(800), |holes| holes.parse())?;
    let tokenizer = Tokenizer::from_path(Path::new(tokenizer))?;
    let dump = std::env::var_os("HOLES_DUMP").is_some();
    let mut out = String::new();
    out += Figures::HEAD;
    out.push('\n');
    for language in corpus::load(Path::new(folder))? {
        for kind in Kind::ALL {
            let drawn = holes::draw(&language, kind, wanted, 1);
            let figures = measure(&language, &drawn, |hole| {
                let package = &language.packages[hole.package];
                let text = &package.files[hole.file].text;
                let encode = |text: &str| tokenizer.encode(text);
                let typed = encode(&text[..hole.start]);
                let files: Vec<_> = package.siblings(hole.file).into_iter().map(encode).collect();
                let suffix = encode(&text[hole.end..]);
                let extent = if kind == Kind::Line { Extent::Line } else { Extent::Rest };
                let began = Instant::now();
                let healed = prior::heal(&typed, &tokenizer);
                let hole_tokens = Hole {
                    prefix: &typed[..healed.kept],
                    suffix: &suffix,
                    files: &files,
                    heal: &healed.bytes,
                    extent,
                    max_tokens: 256,
                    allow_empty: false,
                };
                let pool = prior::propose(&hole_tokens, &tokenizer, &|| false);
                let confidence = prior::calibrate(&pool, extent);
                let ms = began.elapsed().as_secs_f64() * 1e3;
                let texts: Vec<String> = pool
                    .hypotheses
                    .iter()
                    .map(|hypothesis| {
                        let bytes = tokenizer.raw(&hypothesis.tokens);
                        String::from_utf8_lossy(bytes.get(healed.bytes.len()..).unwrap_or_default())
                            .into_owned()
                    })
                    .collect();
                let cut = &text[hole.start..hole.end];
                let in_pool = texts.iter().any(|text| metrics::exact(text, cut));
                if dump {
                    println!("=== {} {} sure {:.3}", package.name, kind.name(), confidence.probability);
                    let line = text[..hole.start].lines().last().unwrap_or_default();
                    println!("typed [{line}] wanted [{cut}]");
                    for (text, hypothesis) in texts.iter().zip(&pool.hypotheses) {
                        println!(
                            "   {:.3} {:>7.2} {:?} [{text}]",
                            hypothesis.share, hypothesis.score, hypothesis.signals
                        );
                    }
                }
                let text = texts.into_iter().next().unwrap_or_default();
                Answer { text, confidence: confidence.probability, show: confidence.show, in_pool, ms }
            });
            out += &format!("{figures}\n");
        }
    }
    print!("{out}");
    Ok(())
}

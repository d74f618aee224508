//! What the local prior proposes for holes, with the signals of every hypothesis: to fit its ranker and its gate on.
//!
//! `cargo run --release --example pools -- DIR OUT.jsonl [table=FILE] [holes=N] [kinds=line,rest,brackets]`; the holes and what goes along are those
//! of `quicksilver eval packages`.

#![allow(clippy::print_stdout, reason = "the sums are the purpose")]

use std::{
    error::Error,
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
};

use quicksilver::eval::{
    Dataset, Hole, Posed,
    cut::Kind,
    metrics,
    packages::{Drawing, Packages},
};
use quicksilver_engine::{
    prior::{self, Extent, calibrate, heal, propose, table::Counts},
    tokens::Tokenizer,
};
use serde_json::{Value, json};

/// Tokens of the longest answer.
const MAX_TOKENS: usize = 96;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, out, options @ ..] = &arguments[..] else {
        return Err("usage: pools DIR OUT.jsonl [table=FILE] [holes=N] [kinds=line,rest,brackets]".into());
    };
    let option = |name: &str| options.iter().find_map(|option| option.strip_prefix(name));
    let drawing = Drawing {
        holes: option("holes=").map_or(Ok(800), str::parse)?,
        kinds: option("kinds=")
            .unwrap_or("line,rest,brackets")
            .split(',')
            .map(kind)
            .collect::<Result<_, _>>()?,
        languages: Vec::new(),
        seed: 1,
    };
    let tokenizer = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/models/embedded/tokenizer.json");
    let tokenizer = Tokenizer::from_path(&tokenizer)?;
    let counts = option("table=").map(fs::read).transpose()?;
    let counts = counts.map(|bytes| Counts::new(bytes, &tokenizer)).transpose()?;
    let packages = Packages::read(Path::new(folder), &drawing)?;
    let mut out = BufWriter::new(File::create(out)?);
    let (mut exact, mut among) = (0, 0);
    for (index, hole) in packages.holes().iter().enumerate() {
        let pool = pool(&tokenizer, counts.as_ref(), hole, &packages.pose(index)?);
        let rights: Vec<bool> =
            pool["pool"].as_array().into_iter().flatten().map(|one| one["right"] == true).collect();
        exact += usize::from(rights.first() == Some(&true));
        among += usize::from(rights.contains(&true));
        writeln!(out, "{pool}")?;
    }
    println!("{} holes, {exact} exact, {among} right in the pool", packages.holes().len());
    Ok(())
}

/// A kind of hole by its name.
fn kind(name: &str) -> Result<Kind, String> {
    Kind::ALL.into_iter().find(|kind| kind.name() == name).ok_or(format!("no kind {name}"))
}

/// A hole's pool as a line of JSON; `quicksilver_training.fit` reads it.
fn pool(tokenizer: &Tokenizer, counts: Option<&Counts>, hole: &Hole, posed: &Posed) -> Value {
    let request = &posed.request;
    let mut prefix = tokenizer.encode(&request.prompt);
    let healed = heal(&prefix, tokenizer);
    prefix.truncate(healed.kept);
    let suffix = tokenizer.encode(request.suffix.as_deref().unwrap_or_default());
    let files: Vec<_> =
        request.context.iter().map(|file| tokenizer.encode_again(&file.text).to_vec()).collect();
    let extent = match hole.kind {
        "line" => Extent::Line,
        "lines" => Extent::Block,
        "brackets" => Extent::Inside,
        _ => Extent::Rest,
    };
    let pool = propose(
        &prior::Hole {
            prefix: &prefix,
            suffix: &suffix,
            files: &files,
            heal: &healed.bytes,
            extent,
            max_tokens: MAX_TOKENS,
            allow_empty: false,
            common: counts.and_then(|counts| counts.of(&hole.language)),
            previous: None,
        },
        tokenizer,
        &|| false,
    );
    let hypotheses = pool.hypotheses.iter().map(|hypothesis| {
        let whole = tokenizer.text(&hypothesis.tokens);
        let own = whole.as_bytes().strip_prefix(&healed.bytes[..]).unwrap_or_default();
        let own = String::from_utf8_lossy(own);
        let s = &hypothesis.signals;
        json!({"right": metrics::exact(&own, &hole.wanted), "score": hypothesis.score, "share": hypothesis.share,
            "line": s.line, "right_log": s.right, "symbols": s.symbols, "left": s.left_match,
            "rightm": s.right_match, "places": s.places, "rewritten": s.rewritten,
            "next": s.repeats_next, "previous": s.repeats_previous, "text": own})
    });
    json!({"language": hole.language, "kind": hole.kind, "wanted": hole.wanted,
        "typed": posed.before.lines().last(), "sure": calibrate(&pool, extent).probability,
        "pool": hypotheses.collect::<Vec<_>>()})
}

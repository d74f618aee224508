//! `quicksilver bench --agreement`: how far a model agrees with itself when it keeps rows from step to step.
//!
//! Owns where the holes of the given files are, and the table; what is counted is `infill::agreement`'s.

use std::path::Path;

use quicksilver_engine::{
    infill::agreement::{Agreement, Hole, agreement},
    model::{LoadOptions, Model, NetworkUse},
};

use super::{
    Exit, Failure,
    args::BenchArgs,
    engine::{failure, source},
    print,
};

/// Bytes of a line without its indentation that a hole is worth.
const LEAST_BYTES: usize = 8;

/// One line for each vicinity.
pub(super) fn run(args: &BenchArgs) -> Result<(), Failure> {
    let mut holes = Vec::new();
    for file in &args.agreement {
        holes.extend(in_text(&read(file)?, args.holes));
    }
    if holes.is_empty() {
        let why = format!("no line in these files has {LEAST_BYTES} bytes to make a hole of");
        return Err(Failure::new(Exit::Input, why));
    }
    let float = args.float.as_deref().map(str::parse).transpose().map_err(failure)?;
    let options = LoadOptions {
        device: args.device.parse().map_err(failure)?,
        float,
        network: Some(NetworkUse::Denoise),
        ..LoadOptions::default()
    };
    let mut model = Model::load(&source(args.model.as_deref())?.from, options).map_err(failure)?;
    if !args.json {
        print(
            b"| vicinity | holes | same spans | a keystroke later | same tokens | same argmax | KL mean (max), nats | logits at most | \
              steps exact, kept | ms/step exact, kept | ratio |\n|---|---|---|---|---|---|---|---|---|---|---|\n",
        )?;
    }
    for &vicinity in &args.vicinity {
        let all = agreement(&mut model, &holes, vicinity).map_err(failure)?;
        let line = if args.json {
            serde_json::to_string(&all).map_err(|error| Failure::new(Exit::Failed, error.to_string()))?
        } else {
            row(&all)
        };
        print(format!("{line}\n").as_bytes())?;
    }
    Ok(())
}

fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file)
        .map_err(|error| Failure::new(Exit::Input, format!("{}: {error}", file.display())))
}

fn row(all: &Agreement) -> String {
    format!(
        "| {} | {} | {} | {} | {} of {} | {} of {} | {:.1e} ({:.1e}) | {:.1e} | {}, {} | {:.1}, {:.1} | {:.2} |",
        all.vicinity,
        all.holes,
        all.same_spans,
        all.same_spans_typed,
        all.same_tokens,
        all.tokens,
        all.same_argmax,
        all.rows,
        all.mean_kl,
        all.max_kl,
        all.max_logit,
        all.steps,
        all.kept_steps,
        all.exact_ms,
        all.kept_ms,
        all.kept_ms / all.exact_ms
    )
}

/// At most `most` holes, spread over the text: each the second half of a line.
fn in_text(text: &str, most: usize) -> Vec<Hole> {
    let mut all = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let code = line.trim_end();
        let indent = code.len() - code.trim_start().len();
        if code.len() - indent >= LEAST_BYTES {
            let middle = (indent + code.len()) / 2;
            let at = (middle..code.len()).find(|&at| code.is_char_boundary(at)).unwrap_or(code.len());
            all.push((start + at, start + code.len()));
        }
        start += line.len();
    }
    let stride = all.len().div_ceil(most.max(1)).max(1);
    let hole = |(from, to): (usize, usize)| Hole {
        prefix: text[..from].to_owned(),
        text: text[from..to].to_owned(),
        suffix: text[to..].to_owned(),
    };
    all.into_iter().step_by(stride).map(hole).filter(|hole| !hole.text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_second_halves_of_lines_spread_over_the_text() {
        let text = "fn first() {\n    a();\n    second(1, 2)\n}\nlet ünïcödé;\n";
        let found = |most| in_text(text, most).into_iter().map(|hole| hole.text).collect::<Vec<_>>();
        assert_eq!(found(9), ["st() {", "(1, 2)", "cödé;"]);
        assert_eq!(found(2), ["st() {", "cödé;"]);
        for hole in in_text(text, 9) {
            assert_eq!(hole.prefix + &hole.text + &hole.suffix, text);
        }
        assert!(found(0).len() == 1 && in_text("}\n", 3).is_empty());
    }
}

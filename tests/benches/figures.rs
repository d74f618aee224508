//! The figures of README.md, measured on the real processes: `cargo bench -p quicksilver-tests --bench figures`.
//!
//! From LSP request to LSP answer, as an editor sees it; medians and 95th percentiles, in ms. The text around the hole is a file of
//! this project, cut to about 256 tokens before and 128 after the cursor. `FIGURES_MODEL=FOLDER` measures keystrokes with another model.

#![allow(clippy::print_stdout, reason = "the table is the purpose")]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use quicksilver_tests::{
    Home,
    editor::Editor,
    engine::{FakeEngine, Script},
    fixture::Fixture,
};
use serde_json::json;

/// Bytes of about 256 and 128 tokens of Rust, at 3.4 bytes a token.
const PREFIX_BYTES: usize = 870;
const SUFFIX_BYTES: usize = 435;
const SAMPLE: &str = include_str!("../../server/src/transport/frame.rs");
const ROUNDS: usize = 60;

fn main() -> Result<()> {
    let mut rows = vec![start()?];
    rows.extend(keystrokes());
    rows.push(overhead());
    println!("| figure | median | 95 % |\n|---|---|---|");
    for row in rows {
        println!("| {} | {:.2} {} | {:.2} {} |", row.name, row.median, row.unit, row.tail, row.unit);
    }
    Ok(())
}

struct Row {
    name: &'static str,
    unit: &'static str,
    median: f64,
    tail: f64,
}

impl Row {
    fn of(name: &'static str, unit: &'static str, mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |share: f64| {
            values.get(((values.len() - 1) as f64 * share) as usize).copied().unwrap_or(f64::NAN)
        };
        Self { name, unit, median: at(0.5), tail: at(0.95) }
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The engine alone: from start to its line that says ready, and its memory then.
fn start() -> Result<Row> {
    let mut times = Vec::new();
    let mut memory = Vec::new();
    for _ in 0..5 {
        let home = Home::new();
        let begun = Instant::now();
        let mut engine = home
            .command()
            .args(["engine", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(engine.stdout.take().context("stdout is piped")?).read_line(&mut line)?;
        times.push(ms(begun.elapsed()));
        memory.push(resident_mib(engine.id())?);
        engine.kill()?;
        engine.wait()?;
    }
    let memory = Row::of("", "MiB", memory);
    println!("engine, idle memory: {:.1} MiB", memory.median);
    Ok(Row::of("engine, start to ready", "ms", times))
}

fn resident_mib(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS in /proc")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}

/// A document around a hole at the end of some line; which one depends on `n`.
fn document(n: usize) -> Fixture {
    let breaks: Vec<usize> = SAMPLE.match_indices('\n').map(|(at, _)| at).collect();
    let usable: Vec<usize> =
        breaks.iter().copied().filter(|&at| at > PREFIX_BYTES && at + SUFFIX_BYTES < SAMPLE.len()).collect();
    let line_end = usable[n * 7 % usable.len()];
    let start = SAMPLE[..line_end - PREFIX_BYTES].rfind('\n').map_or(0, |at| at + 1);
    let end =
        SAMPLE[line_end + SUFFIX_BYTES..].find('\n').map_or(SAMPLE.len(), |at| line_end + SUFFIX_BYTES + at);
    let line_start = SAMPLE[..line_end].rfind('\n').map_or(0, |at| at + 1);
    // The hole is the second half of the line.
    let mut cut = line_start + (line_end - line_start) / 2;
    while !SAMPLE.is_char_boundary(cut) {
        cut += 1;
    }
    Fixture::new(&format!("{}$0{}", &SAMPLE[start..cut], &SAMPLE[line_end..end]))
}

/// Asks at a place as typing does; ms until the answer.
fn asked(editor: &mut Editor, line: u32, character: u32) -> f64 {
    let begun = Instant::now();
    editor.suggestions(json!({"line": line, "character": character}));
    ms(begun.elapsed())
}

/// Types a character that no suggestion begins with, so that the next question needs an answer of its own.
fn type_at(editor: &mut Editor, line: u32, character: u32) {
    let at = json!({"line": line, "character": character});
    editor.tell(json!([{"range": {"start": at, "end": at}, "text": "q"}]));
}

/// The real engine with the embedded model: a document's first request, then requests after a typed character each.
fn keystrokes() -> Vec<Row> {
    let settings = json!({"model": std::env::var("FIGURES_MODEL").ok(), "showUnsure": true});
    let warm_up = document(0);
    let mut editor = Editor::in_project(&Arc::default(), json!({}), settings, &warm_up.text);
    editor.eventual_suggestions(&warm_up.position());
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let Fixture { text, line, character } = document(round);
        editor.show(Path::new(&format!("/bench-{round}.rs")), "rust", &text);
        cold.push(asked(&mut editor, line, character));
        type_at(&mut editor, line, character);
        warm.push(asked(&mut editor, line, character + 1));
        let closed = json!({"textDocument": {"uri": editor.uri}});
        editor.server.notify("textDocument/didClose", closed);
    }
    editor.server.shut_down();
    vec![Row::of("first request in a file (cold)", "ms", cold), Row::of("keystroke (warm)", "ms", warm)]
}

/// The language server alone: an engine that answers at once.
fn overhead() -> Row {
    let engine = FakeEngine::start(|_| Script::says("answer();"));
    let Fixture { text, line, character } = document(1);
    let mut editor = Editor::in_project(&Arc::default(), json!({}), engine.settings(), &text);
    editor.eventual_suggestions(&json!({"line": line, "character": character}));
    let mut times = Vec::new();
    for typed in character..character + 200 {
        type_at(&mut editor, line, typed);
        times.push(asked(&mut editor, line, typed + 1));
    }
    editor.server.shut_down();
    Row::of("language server without the engine", "ms", times)
}

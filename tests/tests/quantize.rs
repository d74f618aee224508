//! `quicksilver model quantize` from outside, and what an engine keeps of a pulled model that it takes in int8.

#![allow(clippy::expect_used, reason = "a test: what is unexpected fails it")]

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use quicksilver_tests::Home;
use serde_json::Value;

const ID: &str = "org/tiny";

fn fixture(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/models/fixture").join(name).display().to_string()
}

fn run(home: &Home, args: &[&str], code: i32) -> String {
    let output: Output = home.command().args(args).stdin(Stdio::null()).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

/// A hole filled by `model`; its engine is gone before the next.
fn filled(home: &Home, model: &str, weights: &str) -> Value {
    let file = home.path().join("sample.rs");
    std::fs::write(&file, "let mercury = quicksilver;\nlet mercury =\n").expect("a file");
    let at = format!("{}:2:14", file.display());
    let said = run(home, &["infill", &at, "--model", model, "--weights", weights, "--json"], 0);
    serde_json::from_str(said.lines().next().unwrap_or_default()).expect("JSON")
}

fn shown(home: &Home, model: &str) -> String {
    run(home, &["model", "show", model], 0)
}

#[test]
fn a_quantised_folder_is_used_as_any_other() {
    for name in ["open-dcoder", "a2d-qwen2", "llada-moe"] {
        let home = Home::new();
        let out = home.path().join("small").display().to_string();
        let said = run(&home, &["model", "quantize", &fixture(name), "--to", "int8", "--out", &out], 0);
        assert!(said.contains(&format!("use it with --model {out}")), "{said}");
        let facts = |text: String| {
            text.lines()
                .filter(|line| line.contains("shape") || line.contains("mask"))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(facts(shown(&home, &out)), facts(shown(&home, &fixture(name))), "{name}");
        assert!(filled(&home, &out, "auto")["text"].is_string(), "{name}");
        let again = run(&home, &["model", "quantize", &fixture(name), "--to", "int8", "--out", &out], 4);
        assert!(again.contains("exists already"), "{again}");
    }
}

#[test]
fn what_cannot_be_quantised_is_said() {
    let home = Home::new();
    assert!(run(&home, &["model", "quantize", "embedded", "--to", "int8"], 2).contains("int8 already"));
    assert!(run(&home, &["model", "quantize", &fixture("llada"), "--to", "int3"], 2).contains("int8"));
    run(&home, &["model", "quantize", "no/such-model", "--to", "int8"], 4);
}

fn int8_folder(home: &Home) -> Option<PathBuf> {
    let model = home.path().join(".cache/quicksilver/models").join(ID);
    let entries = std::fs::read_dir(model).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).find(|path| path.extension().is_some_and(|ending| ending == "int8"))
}

fn written(folder: &Path) -> std::time::SystemTime {
    let about = std::fs::metadata(folder.join("model.safetensors")).expect("weights");
    about.modified().expect("a time")
}

/// Starts an engine, waits until it answers, and ends it.
fn start(home: &Home, weights: &str) {
    let mut command = home.command();
    command.args([
        "engine",
        "--listen",
        "127.0.0.1:0",
        "--model",
        ID,
        "--weights",
        weights,
        "--die-with-parent",
    ]);
    let mut engine = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("an engine");
    let mut line = String::new();
    let stdout = engine.stdout.take().expect("its output");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).expect("a line");
    assert!(line.contains("\"model\":\"org/tiny\""), "{line}");
    drop(engine.stdin.take());
    let until = Instant::now() + Duration::from_secs(20);
    while engine.try_wait().expect("a state").is_none() {
        assert!(Instant::now() < until, "the engine does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_an_engine_rounds_of_a_pulled_model_is_kept_and_made_anew_when_it_is_spoilt() {
    let home = Home::new();
    run(&home, &["model", "pull", ID, "--from", &fixture("open-dcoder"), "--accept-licence"], 0);
    start(&home, "auto");
    assert_eq!(int8_folder(&home), None, "small models stay as they are");
    start(&home, "int8");
    let folder = int8_folder(&home).expect("what was made is kept");
    let (first, weights) = (written(&folder), folder.join("model.safetensors"));
    start(&home, "int8");
    assert_eq!(written(&folder), first, "and taken by the next start");
    let said = run(&home, &["model", "quantize", ID, "--to", "int8"], 0);
    assert!(said.contains("in int8 already"), "{said}");

    let bytes = std::fs::read(&weights).expect("weights");
    std::fs::write(&weights, &bytes[..bytes.len() / 2]).expect("written");
    start(&home, "int8");
    assert_eq!(std::fs::read(&weights).expect("weights"), bytes, "cut off: made anew");
    let mut garbled = bytes.clone();
    garbled[9..40].fill(b'x');
    std::fs::write(&weights, garbled).expect("written");
    start(&home, "int8");
    assert_eq!(std::fs::read(&weights).expect("weights"), bytes, "garbled: made anew");

    run(&home, &["model", "remove", ID], 0);
    assert_eq!(int8_folder(&home), None, "it goes with its model");
}

//! Several holes on one canvas, with a scripted network that reads both ways.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use expect_test::expect;
use quicksilver_protocol::completion::{Run, RunKind};
use serde_json::json;

use super::super::many::tests::request;
use super::super::{
    Network, Settings,
    scripted::{Scripted, VOCAB},
};
use super::*;
use crate::{
    model::{ModelSpec, Topology, reference},
    queue::{Cancel, Infill},
    tokens::sample,
};

fn settings() -> Settings {
    let mut config = reference::config(Topology::Full);
    config["vocab_size"] = VOCAB.into();
    config["context_window"] = 256.into();
    config["decode"] = json!({"max_span": 24, "canvas": [2], "network": "denoise"});
    let json = serde_json::to_vec(&config).unwrap();
    let settings = Settings::of(&ModelSpec::from_bytes(&json, Path::new("config.json")).unwrap());
    Settings { drafts: false, ..settings }
}

/// Sure of `x` in the first hole; in the others it says what the first has, or `y`, unsurely, while that is masked.
fn agrees() -> Box<dyn Network> {
    let tokenizer = sample::tokenizer();
    let token = |text: &str| tokenizer.encode(text)[0];
    let (x, y, mask) = (token("x"), token("y"), settings().marks.mask);
    let mut network =
        Scripted::new(move |span, at, row| match (at, span.first().filter(|&&said| said != mask)) {
            (0 | 1, _) => row[x.0 as usize] = 30.0,
            (_, Some(said)) => row[said.0 as usize] = 30.0,
            (_, None) => row[y.0 as usize] = 4.0,
        });
    network.both_ways = true;
    Box::new(network)
}

#[test]
fn holes_on_one_canvas_are_denoised_together_and_agree() {
    let tokenizer = Arc::new(sample::tokenizer());
    let mut infiller = Infiller::new(tokenizer, settings(), Some(agrees()));
    let mut frames = String::new();
    let mut keep = |frame: Frame| {
        let run = |run: &Run| {
            let text = match run.kind {
                RunKind::Masked => format!("{{{}}}", run.text),
                RunKind::Changed => format!("[{}]", run.text),
                RunKind::Committed => run.text.clone(),
            };
            format!("{}:{text}", run.hole)
        };
        frames += &format!("{}: {}\n", frame.step, frame.runs.iter().map(run).collect::<Vec<_>>().join(" "));
    };
    let cancel = Cancel::default();
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut terms = Terms { deadline, cancel: &cancel, frames: Some(&mut keep) };
    let infilled = infiller.infill(&request("\n$;b=$;"), &mut terms).unwrap();
    let texts: Vec<&str> = infilled.holes.iter().map(|hole| &*hole.text).collect();
    assert_eq!((texts, infilled.source), (vec!["xx", "xx"], "network"));
    expect![[r#"
        0: 0:{} 0:{} 1:{} 1:{}
        1: 0:[xx] 1:{yy}
        2: 0:xx 1:[xx]
    "#]]
    .assert_eq(&frames);
}

#[test]
fn holes_that_are_far_apart_are_filled_in_turn() {
    let tokenizer = Arc::new(sample::tokenizer());
    let mut infiller = Infiller::new(tokenizer, settings(), Some(agrees()));
    let cancel = Cancel::default();
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut terms = Terms { deadline, cancel: &cancel, frames: None };
    let far = format!("\n$;{}\n$;", "f();\n".repeat(60));
    let infilled = infiller.infill(&request(&far), &mut terms).unwrap();
    let texts: Vec<&str> = infilled.holes.iter().map(|hole| &*hole.text).collect();
    assert_eq!(texts, ["xx", "xx"], "each is its own first hole");
}

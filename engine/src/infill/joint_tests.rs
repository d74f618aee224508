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
use super::super::{Network, Settings};
use super::*;
use crate::{
    diffusion::{CanvasIdx, Denoiser},
    model::{ModelSpec, Topology, reference},
    queue::{Cancel, Infill},
    tokens::{fit::Fitted, sample},
};

const VOCAB: usize = 320;

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
struct Agrees {
    spans: Vec<Vec<TokenId>>,
}

impl Network for Agrees {
    fn read(&mut self, _: &Fitted, _: usize) -> Result<usize, EngineError> {
        Ok(0)
    }

    fn denoiser(&mut self) -> Result<Box<dyn Denoiser + '_>, EngineError> {
        Ok(Box::new(Speaks(self)))
    }

    fn score(&mut self, _: &[&[TokenId]]) -> Result<Option<Vec<Vec<f32>>>, EngineError> {
        Ok(None)
    }

    fn reads_both_ways(&self) -> bool {
        true
    }

    fn forget(&mut self) {}
}

struct Speaks<'a>(&'a mut Agrees);

impl Denoiser for Speaks<'_> {
    fn vocab(&self) -> usize {
        VOCAB
    }

    fn logits(
        &mut self,
        spans: &[&[TokenId]],
        rows: &[&[CanvasIdx]],
        logits: &mut Vec<f32>,
    ) -> Result<(), EngineError> {
        logits.clear();
        let tokenizer = sample::tokenizer();
        let token = |text: &str| tokenizer.encode(text)[0];
        let (span, mask) = (spans[0], settings().marks.mask);
        self.0.spans.push(span.to_vec());
        for row in rows[0] {
            let mut scores = vec![0.0; VOCAB];
            let said = span.first().filter(|&&token| token != mask);
            match (row.0, said) {
                (0 | 1, _) => scores[token("x").0 as usize] = 30.0,
                (_, Some(said)) => scores[said.0 as usize] = 30.0,
                (_, None) => scores[token("y").0 as usize] = 4.0,
            }
            logits.extend(scores);
        }
        Ok(())
    }
}

#[test]
fn holes_on_one_canvas_are_denoised_together_and_agree() {
    let tokenizer = Arc::new(sample::tokenizer());
    let network = Box::new(Agrees { spans: Vec::new() });
    let mut infiller = Infiller::new(tokenizer, settings(), Some(network));
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
    let network = Box::new(Agrees { spans: Vec::new() });
    let mut infiller = Infiller::new(tokenizer, settings(), Some(network));
    let cancel = Cancel::default();
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut terms = Terms { deadline, cancel: &cancel, frames: None };
    let far = format!("\n$;{}\n$;", "f();\n".repeat(60));
    let infilled = infiller.infill(&request(&far), &mut terms).unwrap();
    let texts: Vec<&str> = infilled.holes.iter().map(|hole| &*hole.text).collect();
    assert_eq!(texts, ["xx", "xx"], "each is its own first hole");
}

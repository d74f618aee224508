//! Text written anew by the local prior, and by scripted networks; `«…»` is selected.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::*;
use crate::{
    infill::{
        scripted::Scripted,
        tests::{by_prior, settings},
    },
    queue::{Cancel, Infill},
    tokens::sample,
};

fn request(file: &str) -> FimRequest {
    let (before, rest) = file.split_once('«').unwrap();
    let (text, after) = rest.split_once('»').unwrap();
    FimRequest {
        prompt: before.to_owned(),
        suffix: Some(after.to_owned()),
        n: Some(4),
        rewrite: Some(Rewrite { text: text.to_owned(), all: false }),
        ..FimRequest::default()
    }
}

fn run(infiller: &mut Infiller, request: &FimRequest) -> Infilled {
    let cancel = Cancel::default();
    let deadline = Instant::now() + Duration::from_secs(60);
    infiller.infill(request, &mut Terms { deadline, cancel: &cancel, frames: None }).unwrap()
}

const FILE: &str = "\
fn a(&mut self) {
    let lock = self.inner.lock();
    lock.push(1);
    drop(lock);
}
fn b(&mut self) {
    let lock = self.inner.lock();
    lock.push(2);
    drop(lock);
}
";

#[test]
fn a_line_is_rewritten_as_its_neighbours_say_and_the_margin_says_how_much_better_it_is() {
    let file = FILE.to_owned()
        + "fn c(&mut self) {\n«    let lock = self.iner.lock();»\n    lock.push(3);\n    drop(lock);\n}\n";
    let infilled = run(&mut by_prior(), &request(&file));
    assert_eq!(infilled.text, "    let lock = self.inner.lock();");
    assert!(infilled.margin.unwrap() >= LEAST_FOR_SPELLING && infilled.show, "{infilled:?}");
    let all: Vec<&String> = std::iter::once(&infilled.text).chain(&infilled.others).collect();
    assert!(all.iter().all(|text| !text.contains("iner.")), "the original is no alternative: {all:?}");
}

#[test]
fn what_stands_as_its_neighbours_say_is_left_alone() {
    let file = FILE.replacen("    let lock = self.inner.lock();", "«    let lock = self.inner.lock();»", 1);
    let infilled = run(&mut by_prior(), &request(&file));
    assert_eq!((&*infilled.text, infilled.show, infilled.margin), ("", false, Some(0.0)));
}

#[test]
fn of_several_lines_only_those_that_gain_are_replaced() {
    let file = FILE.to_owned()
        + "fn c(&mut self) {\n«    let lock = self.iner.lock();\n    lock.push(77);\n    dorp(lock);»\n}\n";
    let infilled = run(&mut by_prior(), &request(&file));
    assert_eq!(infilled.text, "    let lock = self.inner.lock();\n    lock.push(77);\n    drop(lock);");
}

#[test]
fn a_part_of_a_line_is_rewritten_between_its_sides() {
    let file = FILE.to_owned()
        + "fn c(&mut self) {\n    let lock = self.«iner».lock();\n    lock.push(3);\n    drop(lock);\n}\n";
    assert_eq!(run(&mut by_prior(), &request(&file)).text, "inner");
}

#[test]
fn windows_line_ends_stay() {
    let file = FILE.to_owned()
        + "fn c(&mut self) {\n«    let lock = self.iner.lock();\n    lock.push(3);»\n    drop(lock);\n}\n";
    let infilled = run(&mut by_prior(), &request(&file.replace('\n', "\r\n")));
    assert_eq!(infilled.text, "    let lock = self.inner.lock();\r\n    lock.push(3);");
}

#[test]
fn a_network_masks_the_tokens_it_doubts_and_keeps_the_others() {
    let tokenizer = Arc::new(sample::tokenizer());
    let text = tokenizer.encode("abcXef");
    // It wants every position to hold this text's token there.
    let network = Scripted::new(move |_, at, row| {
        if let Some(token) = text.get(at) {
            row[token.0 as usize] = 12.0;
        }
    });
    let mut infiller = Infiller::new(tokenizer, settings(NetworkUse::Denoise), Some(Box::new(network)));
    let mut asked = request("\n«abcdef»\n");
    let infilled = run(&mut infiller, &asked);
    assert_eq!((&*infilled.text, infilled.source, infilled.steps), ("abcXef", "network", 1));
    assert!(infilled.margin.unwrap() > 10.0, "{infilled:?}");
    asked.rewrite = Some(Rewrite { text: "abcXef".to_owned(), all: false });
    assert_eq!(run(&mut infiller, &asked).text, "", "nothing is doubted");
    asked.rewrite = Some(Rewrite { text: "abcXef".to_owned(), all: true });
    assert_eq!(run(&mut infiller, &asked).text, "", "the same again is nothing new");
}

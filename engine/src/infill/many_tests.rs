//! Holes in turn, with a function in the place of an engine; `$` is a hole.

use std::time::{Duration, Instant};

use expect_test::expect;
use proptest::prelude::*;
use quicksilver_protocol::holes;

use super::*;
use crate::queue::Cancel;

/// A document with holes.
pub(in crate::infill) fn request(text: &str) -> FimRequest {
    let pieces: Vec<&str> = text.split('$').collect();
    let between = pieces.get(1..pieces.len() - 1).unwrap_or_default();
    let hole = |before: &&str| holes::Hole { before: (*before).to_owned(), span: Some(Span::Rest) };
    FimRequest {
        prompt: pieces[0].to_owned(),
        suffix: Some(pieces[pieces.len() - 1].to_owned()),
        span: Some(Span::Rest),
        holes: between.iter().map(hole).collect(),
        ..FimRequest::default()
    }
}

fn says(text: &str, confidence: f32) -> Infilled {
    Infilled {
        text: text.to_owned(),
        others: Vec::new(),
        finish: FinishReason::Stop,
        steps: 1,
        prompt_tokens: 9,
        cached_tokens: 0,
        span_tokens: 1,
        confidence,
        show: true,
        source: "prior",
        holes: Vec::new(),
        margin: None,
        doubts: Vec::new(),
    }
}

/// Fills `text` as `one` says for what stands left and right of each hole; the result, and the frames as text: `{open}`,
/// `[committed in this round]`, `committed before`.
fn run(text: &str, one: impl Fn(&str, &str) -> Infilled) -> (Vec<String>, String) {
    let mut frames = String::new();
    let mut keep = |frame: Frame| {
        let run = |run: &Run| match run.kind {
            RunKind::Masked => format!("{{{}}}", run.text),
            RunKind::Changed => format!("[{}]", run.text),
            RunKind::Committed => run.text.clone(),
        };
        frames += &format!("{}: {}\n", frame.step, frame.runs.iter().map(run).collect::<Vec<_>>().join(" "));
    };
    let cancel = Cancel::default();
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut terms = Terms { deadline, cancel: &cancel, frames: Some(&mut keep) };
    let mut one = |request: &FimRequest, _: &mut Terms<'_>| {
        assert!(request.holes.is_empty());
        Ok(one(&request.prompt, request.suffix.as_deref().unwrap_or_default()))
    };
    let infilled = fill(&request(text), &mut terms, &mut one).unwrap();
    (infilled.holes.into_iter().map(|hole| hole.text).collect(), frames)
}

#[test]
fn the_surest_is_committed_first_and_the_others_are_filled_with_it_in_place() {
    let (texts, frames) = run("a = $;\nb = $;\nc = $;\n", |before, after| match before {
        _ if before.ends_with("b = ") => says("7", 0.7),
        _ if before.contains("b = 7") || after.contains("b = 7") => says("7", 0.9),
        _ if before.ends_with("a = ") => says("1", 0.3),
        _ => says("2", 0.2),
    });
    assert_eq!(texts, ["7", "7", "7"]);
    expect![[r#"
        0: {} {} {}
        1: {1} [7] {2}
        2: [7] 7 [7]
    "#]]
    .assert_eq(&frames);
}

#[test]
fn what_the_others_contradict_in_the_end_is_revised() {
    // The first is sure of itself, until it sees what the second became.
    let (texts, frames) = run("x: $\ny: $\n", |before, after| match before {
        "x: " if after.contains("y: two") => says("two", 0.9),
        "x: " => says("one", 0.75),
        _ => says("two", 0.6),
    });
    assert_eq!(texts, ["two", "two"]);
    expect![[r#"
        0: {} {}
        1: [one] {two}
        2: one [two]
        3: [two] two
    "#]]
    .assert_eq(&frames);
}

#[test]
fn what_is_not_sure_is_no_context_for_the_others() {
    let (texts, _) = run("x: $\ny: $\n", |before, after| match before {
        _ if format!("{before}{after}").contains("maybe") => says("misled", 0.9),
        "x: " => says("maybe", 0.4),
        _ => says("own", 0.3),
    });
    assert_eq!(texts, ["maybe", "own"]);
}

#[test]
fn holes_that_never_agree_end_after_their_sweeps() {
    let flips = |text: &str| if text.contains("on") { says("off", 0.5) } else { says("on", 0.5) };
    let (texts, frames) = run("a $ b $ c", |before, after| flips(&format!("{before}{after}")));
    assert_eq!(texts.len(), 2);
    assert!(frames.lines().count() <= 5, "{frames}");
}

#[test]
fn what_nothing_is_known_of_stays_empty_and_does_not_hold_up_the_rest() {
    let (texts, frames) =
        run(
            "a $\nb $\nc $\n",
            |before, _| {
                if before.ends_with("b ") { says("known", 0.4) } else { says("", 0.0) }
            },
        );
    assert_eq!(texts, ["", "known", ""]);
    assert!(frames.ends_with("[] known []\n"), "{frames}");
}

#[test]
fn at_the_deadline_the_best_so_far_is_the_answer_and_a_cancel_is_an_error() {
    let calls = std::cell::Cell::new(0);
    let cancel = Cancel::default();
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut terms = Terms { deadline, cancel: &cancel, frames: None };
    let mut late = |_: &FimRequest, _: &mut Terms<'_>| {
        calls.set(calls.get() + 1);
        if calls.get() > 2 { Err(EngineError::Late) } else { Ok(says("early", 0.9)) }
    };
    let infilled = fill(&request("a $ b $ c $ d"), &mut terms, &mut late).unwrap();
    let texts: Vec<_> = infilled.holes.iter().map(|hole| (&*hole.text, hole.finish)).collect();
    assert_eq!(
        texts,
        [("early", FinishReason::Deadline), ("early", FinishReason::Deadline), ("", FinishReason::Deadline)]
    );
    assert!(!infilled.show);

    let mut leaves = |_: &FimRequest, terms: &mut Terms<'_>| {
        terms.cancel.cancel();
        Ok(says("x", 0.9))
    };
    let cancelled = fill(&request("a $ b $ c"), &mut terms, &mut leaves);
    assert!(matches!(cancelled, Err(EngineError::Cancelled)), "{cancelled:?}");
    let mut terms = Terms { deadline: Instant::now(), cancel: &Cancel::default(), frames: None };
    let none = fill(&request("a $ b $ c"), &mut terms, &mut |_, _| Ok(says("x", 0.9)));
    assert!(matches!(none, Err(EngineError::Late)), "no time at all: {none:?}");
}

proptest! {
    #[test]
    fn every_hole_has_its_text_whatever_the_answers_are(
        answers in prop::collection::vec(("[a-c]{0,2}", 0.0_f32..1.0), 1..9),
        holes in 2_usize..9,
    ) {
        let text = "x$".repeat(holes) + "x";
        let calls = std::cell::Cell::new(0);
        let (texts, _) = run(&text, |_, _| {
            let (text, confidence) = &answers[calls.get() % answers.len()];
            calls.set(calls.get() + 1);
            says(text, *confidence)
        });
        prop_assert_eq!(texts.len(), holes);
        prop_assert!(calls.get() <= holes * (holes + 1) / 2 + 2 * holes);
    }
}

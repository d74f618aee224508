//! What is made of an engine's choices: which is shown, and what there is to look through beside it.

use quicksilver_protocol::completion::{Choice, Report};

use super::*;
use crate::completion::reuse::fixture::at;

/// What is shown, then the alternatives; the fixture's `|` is the cursor.
fn offered(marked: &str, choices: &[(&str, Option<f32>)]) -> Vec<String> {
    let (snapshot, at) = at(marked);
    let site = Site::at(&snapshot, at);
    let choice = |(index, &(text, confidence)): (usize, &(&str, Option<f32>))| Choice {
        index: index as u32,
        text: text.into(),
        confidence,
        ..Choice::default()
    };
    let response = FimResponse {
        id: String::new(),
        object: "text_completion".into(),
        created: 0,
        model: String::new(),
        choices: choices.iter().enumerate().map(choice).collect(),
        quicksilver: Some(Report { confidence: 0.9, show: true, ..Report::default() }),
        usage: None,
    };
    let ask = Ask {
        session: SessionId(1),
        hole: Hole { document: Open { path: None, snapshot, edited: Vec::new() }, at, span: None },
        named: None,
        others: Vec::new(),
        workspace: Arc::default(),
        invoked: false,
        history: History::default(),
        pace: Pace::default(),
        engine: None,
        settings: Settings::default(),
    };
    let suggestion = judge(&ask, &site, true, response).expect("something to show");
    std::iter::once(suggestion.best).chain(suggestion.others).map(|polished| polished.text).collect()
}

#[test]
fn alternatives_are_distinct_as_they_would_be_inserted() {
    // The second and the fourth differ from the first in what polish takes off.
    let choices = [("sum(a);", None), (" sum(a);", None), ("b + c;", None), ("sum(a);\nmore", None)];
    assert_eq!(offered("let x = |\n", &choices), ["sum(a);", "b + c;"]);
}

#[test]
fn alternatives_are_ranked_by_confidence() {
    let ranked = [("sum(a);", Some(0.5)), ("b + c;", Some(0.1)), ("max(a);", Some(0.3))];
    assert_eq!(offered("let x = |\n", &ranked), ["sum(a);", "max(a);", "b + c;"]);
    let unranked = [("sum(a);", None), ("b + c;", None), ("max(a);", None)];
    assert_eq!(offered("let x = |\n", &unranked), ["sum(a);", "b + c;", "max(a);"], "the engine's order");
}

#[test]
fn alternatives_that_are_nothing_are_left_out() {
    assert_eq!(offered("let x = |\n", &[("sum(a);", None), ("  ", None), (";", None)]), ["sum(a);"]);
}

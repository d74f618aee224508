//! Time from a request to its answer, the engine's own left out: it answers in microseconds.

use std::time::{Duration, Instant};

use anyhow::Result;
use quicksilver_tests::responder::Responder;
use serde_json::json;

use super::{
    project::Project,
    table::{Row, quantile},
};

const KEYS: usize = 400;
/// Long enough to be typed along for a while.
const LONG: &str = "value_of_everything_that_was_ever_answered = answers.take();";

/// Settings for an engine at an address. Waiting for a pause in typing is not counted, so there is none.
fn settings(endpoint: &Responder) -> serde_json::Value {
    json!({"endpoint": endpoint.url(), "lookAhead": false, "debounceMs": 0})
}

pub(crate) fn rows() -> Result<Vec<Row>> {
    let new = new_answers();
    let reused = reused_answers();
    Ok(vec![
        Row::new("a key to its ghost text, median", "ms", 2.0, quantile(&new, 0.5)),
        Row::tail("… 99 %", 10.0, &new),
        Row::tail("a key that was suggested, to the rest of its ghost text, 99 %", 1.0, &reused),
    ])
}

/// Keys that no suggestion begins with.
fn new_answers() -> Vec<Duration> {
    let endpoint = Responder::start("answer();");
    let mut project = Project::open(settings(&endpoint));
    let asked = endpoint.asked();
    let times: Vec<Duration> = (0..KEYS)
        .map(|_| {
            let begun = Instant::now();
            project.key("q");
            assert!(!project.ask().is_empty(), "an answer to every key");
            begun.elapsed()
        })
        .collect();
    assert_eq!(endpoint.asked() - asked, KEYS, "the engine was asked each time");
    times
}

/// Keys that are those of the suggestion.
fn reused_answers() -> Vec<Duration> {
    let endpoint = Responder::start(LONG);
    let mut project = Project::open(settings(&endpoint));
    let mut times = Vec::new();
    while times.len() < KEYS {
        project.key("q");
        project.ask();
        let asked = endpoint.asked();
        for key in LONG.chars().take(20).map(String::from) {
            let begun = Instant::now();
            project.key(&key);
            let items = project.ask();
            if endpoint.asked() > asked {
                // The line was emptied.
                break;
            }
            assert!(!items.is_empty(), "the rest of what was shown");
            times.push(begun.elapsed());
        }
    }
    times
}

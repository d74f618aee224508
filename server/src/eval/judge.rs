//! What an answer is worth as text and as syntax, against what stood there. Pure; it runs nothing.

use serde::{Deserialize, Serialize};
use tree_sitter::Parser;

use super::{Hole, Posed, ask::Answer, metrics};
use crate::document::{Language, faults};

/// An answer, judged: one line of the journal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The hole's name.
    pub id: String,
    /// What it shares with others.
    pub cluster: String,
    /// LSP language id.
    pub language: String,
    /// Kind of hole.
    pub kind: String,
    /// What stood there.
    pub wanted: String,
    /// What was answered; empty without an answer.
    pub text: String,
    /// Why there is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Equal but for blanks at both ends.
    pub exact: bool,
    /// In [0, 1], see [`metrics::edit_similarity`].
    pub similarity: f64,
    /// As many words and signs, see [`metrics::length`].
    pub right_length: bool,
    /// The file has no more syntax errors than before; `None` without a grammar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parses: Option<bool>,
    /// The right text is among the first answers; `None` for engines that give one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_pool: Option<bool>,
    /// How sure the engine is, in [0, 1].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Whether it would be shown unasked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<bool>,
    /// Denoise steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
    /// Tokens of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u32>,
    /// Milliseconds from request to answer, as the client sees it.
    pub ms: f64,
    /// Milliseconds the engine worked, waiting left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine_ms: Option<f64>,
    /// The program passes its tests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<bool>,
    /// How the tests ended, where they did not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<String>,
}

/// Judges an answer, or that there is none.
#[must_use]
pub fn judge(hole: &Hole, posed: &Posed, answer: Result<Answer, String>) -> Verdict {
    let about = Verdict {
        id: hole.id.clone(),
        cluster: hole.cluster.clone(),
        language: hole.language.clone(),
        kind: hole.kind.to_owned(),
        wanted: hole.wanted.clone(),
        ..Verdict::default()
    };
    let Answer { text, others, report, tokens, ms } = match answer {
        Ok(answer) => answer,
        Err(error) => return Verdict { error: Some(error), ..about },
    };
    let exact = metrics::exact(&text, &hole.wanted);
    let among = || exact || others.iter().any(|other| metrics::exact(other, &hole.wanted));
    Verdict {
        exact,
        similarity: metrics::edit_similarity(&text, &hole.wanted),
        right_length: metrics::length(&text) == metrics::length(&hole.wanted),
        parses: if exact { Some(true) } else { parses(hole, posed, &text) },
        in_pool: report.as_ref().map(|_| among()),
        confidence: report.as_ref().map(|report| report.confidence.into()),
        shown: report.as_ref().map(|report| report.show),
        steps: report.as_ref().map(|report| report.steps),
        engine_ms: report.as_ref().map(|report| report.ms - report.queued_ms),
        tokens,
        ms,
        text,
        ..about
    }
}

/// Whether the file with the answer has no more syntax errors than with what stood there.
fn parses(hole: &Hole, posed: &Posed, text: &str) -> Option<bool> {
    let grammar = Language::from_id(&hole.language).grammar()?;
    let mut parser = Parser::new();
    parser.set_language(&grammar).ok()?;
    let mut errors = |text: &str| Some(faults(&parser.parse(text, None)?));
    let wanted = hole.wanted.strip_suffix('\n').filter(|_| !posed.ending.is_empty()).unwrap_or(&hole.wanted);
    Some(errors(&posed.filled(text))? <= errors(&posed.filled(wanted))?)
}

#[cfg(test)]
mod tests {
    use quicksilver_protocol::completion::{FimRequest, Report};

    use super::*;

    fn verdict(answer: Result<Answer, String>) -> Verdict {
        let hole = Hole {
            id: "p/f:1-2:rest".into(),
            cluster: "p".into(),
            language: "rust".into(),
            kind: "rest",
            wanted: "x + 1;".into(),
        };
        let posed = Posed {
            request: FimRequest::default(),
            before: "fn f(x: u32) -> u32 {\n    let y = ".into(),
            after: "\n    y\n}\n".into(),
            ending: "",
            test: None,
        };
        judge(&hole, &posed, answer)
    }

    fn answer(text: &str, others: &[&str]) -> Result<Answer, String> {
        let others = others.iter().map(|other| (*other).to_owned()).collect();
        Ok(Answer { text: text.into(), others, report: Some(Report::default()), tokens: Some(3), ms: 1.0 })
    }

    #[test]
    fn blanks_at_the_ends_do_not_count_and_others_make_the_pool() {
        let right = verdict(answer(" x + 1; ", &[]));
        assert!(
            right.exact && right.right_length && right.in_pool == Some(true) && right.parses == Some(true)
        );
        let wrong = verdict(answer("x - 2;", &["x + 1;"]));
        assert!(
            !wrong.exact && wrong.right_length && wrong.in_pool == Some(true) && wrong.parses == Some(true)
        );
        assert_eq!(verdict(answer("y;", &[])).in_pool, Some(false));
    }

    #[test]
    fn syntax_errors_count_where_the_reference_has_none() {
        assert_eq!(verdict(answer("x + (1;", &[])).parses, Some(false));
        assert_eq!(verdict(answer("g(x);", &[])).parses, Some(true));
    }

    #[test]
    fn no_answer_is_a_wrong_one_with_its_reason() {
        let none = verdict(Err("no answer within 10 ms".into()));
        assert!(!none.exact && none.similarity == 0.0 && none.error.is_some() && none.parses.is_none());
    }
}

//! HumanEval-Infilling (Bavarian et al. 2022): Python functions with a line, several lines or any span cut out, and tests.
//!
//! A program is prompt + completion + suffix + tests + a call of the check. The completion is not trimmed; it is
//! compared trimmed. Single and multiple lines are asked as in an editor: the cursor at the start of an empty line.

use std::path::Path;

use quicksilver_protocol::completion::Span;
use serde::Deserialize;

use super::{Dataset, EvalError, Hole, Posed, jsonl, pose::pose, random::Random};
use crate::context::Workspace;
use crate::document::Language;

/// Tokens of a span that may begin and end anywhere.
const RANDOM_SPAN_TOKENS: u32 = 64;

#[derive(Debug, Deserialize)]
struct Row {
    task_id: String,
    entry_point: String,
    prompt: String,
    suffix: String,
    canonical_solution: String,
    test: String,
}

/// A file of the set.
#[derive(Debug)]
pub struct HumanEval {
    rows: Vec<Row>,
    holes: Vec<Hole>,
    digest: String,
    workspace: Workspace,
}

impl HumanEval {
    /// Reads a file.
    ///
    /// # Errors
    /// [`EvalError::File`] and [`EvalError::Format`].
    pub fn read(path: &Path, seed: u64) -> Result<Self, EvalError> {
        let (mut rows, digest) = jsonl::read::<Row>(
            path,
            "HumanEval-Infilling (task_id, entry_point, prompt, suffix, canonical_solution, test)",
        )?;
        Random::new(seed).shuffle(&mut rows);
        let holes = rows.iter().map(Row::hole).collect();
        Ok(Self { rows, holes, digest, workspace: Workspace::default() })
    }
}

impl Row {
    fn hole(&self) -> Hole {
        // SingleLineInfilling/HumanEval/12/L3: problem 12 is asked several times.
        let mut parts = self.task_id.splitn(4, '/').skip(1);
        let (set, problem) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        Hole {
            id: self.task_id.clone(),
            cluster: format!("{set}/{problem}"),
            language: "python".to_owned(),
            kind: self.kind(),
            wanted: self.canonical_solution.clone(),
        }
    }

    fn kind(&self) -> &'static str {
        match self.task_id.split('/').next() {
            Some("SingleLineInfilling") => "single-line",
            Some("MultiLineInfilling") => "multi-line",
            _ => "random-span",
        }
    }
}

impl Dataset for HumanEval {
    fn name(&self) -> &'static str {
        "humaneval"
    }

    fn digest(&self) -> &str {
        &self.digest
    }

    fn holes(&self) -> &[Hole] {
        &self.holes
    }

    fn pose(&self, hole: usize) -> Result<Posed, EvalError> {
        let row =
            self.rows.get(hole).ok_or_else(|| EvalError::Nothing(format!("there is no hole {hole}")))?;
        let (span, ending) = match row.kind() {
            // Not `Line`, whose indentation is given: here it is part of what is wanted.
            "single-line" => (Span::Rest, "\n"),
            "multi-line" => (Span::Block, "\n"),
            _ => (Span::Tokens(RANDOM_SPAN_TOKENS), ""),
        };
        let after = format!("{ending}{}", row.suffix);
        let request = pose(&self.workspace, None, Language::from_id("python"), (&row.prompt, &after), span);
        Ok(Posed {
            request: request.map_err(|why| EvalError::Nothing(why.to_string()))?,
            before: row.prompt.clone(),
            after: row.suffix.clone(),
            ending,
            test: Some(format!("\n{}\ncheck({})\n", row.test, row.entry_point)),
        })
    }
}

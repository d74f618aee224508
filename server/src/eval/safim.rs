//! SAFIM (Gong et al. 2024): spans of syntax cut out of files in four languages, marked by a placeholder; scored by exact
//! match.

use std::path::Path;

use quicksilver_protocol::completion::Span;
use serde::Deserialize;

use super::{Dataset, EvalError, Hole, Posed, jsonl, pose::pose, random::Random};
use crate::context::Workspace;
use crate::document::Language;

/// Where the span is cut out.
const PLACEHOLDER: &str = "{{completion}}";

#[derive(Debug, Deserialize)]
struct Row {
    lang: String,
    eval_prompt: String,
    ground_truth: String,
    task_id: Option<String>,
}

/// A file of the set.
#[derive(Debug)]
pub struct Safim {
    rows: Vec<(String, String)>,
    holes: Vec<Hole>,
    span: Span,
    digest: String,
    workspace: Workspace,
}

impl Safim {
    /// Reads a file.
    ///
    /// # Errors
    /// [`EvalError::File`] and [`EvalError::Format`].
    pub fn read(path: &Path, seed: u64) -> Result<Self, EvalError> {
        let (rows, digest) = jsonl::read::<Row>(path, "SAFIM (lang, eval_prompt, ground_truth)")?;
        // By what most spans of the file are: of a single row nobody may know.
        let one_line = rows.iter().filter(|row| !row.ground_truth.contains('\n')).count() * 2 > rows.len();
        let (kind, span) = if one_line { ("api", Span::Rest) } else { ("block", Span::Block) };
        let mut found = Vec::with_capacity(rows.len());
        for (number, row) in rows.into_iter().enumerate() {
            let Some((before, after)) = row.eval_prompt.split_once(PLACEHOLDER) else {
                let why = format!("row {} has no {PLACEHOLDER} in its eval_prompt", number + 1);
                return Err(EvalError::Format { path: path.to_owned(), why });
            };
            let id = format!("{}/{number}", row.task_id.as_deref().unwrap_or("safim"));
            let hole = Hole {
                cluster: id.clone(),
                id,
                language: row.lang.clone(),
                kind,
                wanted: row.ground_truth.clone(),
            };
            found.push(((before.to_owned(), after.to_owned()), hole));
        }
        Random::new(seed).shuffle(&mut found);
        let (rows, holes) = found.into_iter().unzip();
        Ok(Self { rows, holes, span, digest, workspace: Workspace::default() })
    }
}

impl Dataset for Safim {
    fn name(&self) -> &'static str {
        "safim"
    }

    fn digest(&self) -> &str {
        &self.digest
    }

    fn holes(&self) -> &[Hole] {
        &self.holes
    }

    fn pose(&self, hole: usize) -> Result<Posed, EvalError> {
        let (Some((before, after)), Some(about)) = (self.rows.get(hole), self.holes.get(hole)) else {
            return Err(EvalError::Nothing(format!("there is no hole {hole}")));
        };
        let request =
            pose(&self.workspace, None, Language::from_id(&about.language), (before, after), self.span);
        Ok(Posed {
            request: request.map_err(|why| EvalError::Nothing(why.to_string()))?,
            before: before.clone(),
            after: after.clone(),
            ending: "",
            test: None,
        })
    }
}

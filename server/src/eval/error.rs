//! What can go wrong in an evaluation; every arm says what to do.

use std::path::PathBuf;

use crate::engine::AskError;

/// Why an evaluation cannot begin or go on. What was judged until then is in the journal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// A file or folder cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{}: {why}", path.display())]
    Format {
        /// Which.
        path: PathBuf,
        /// What is expected, and what there is.
        why: String,
    },
    /// There is nothing to measure.
    #[error("{0}")]
    Nothing(String),
    /// The engine does not answer, or refuses what every hole would ask.
    #[error("{error}\n  {done} of {all} holes are judged and kept; the same command goes on from there")]
    Engine {
        /// What it says.
        error: AskError,
        /// Holes in the journal.
        done: usize,
        /// Holes in all.
        all: usize,
    },
    /// There is no Python.
    #[error("`{name}` cannot be run ({why}); give one with --python, or leave out --run-code")]
    NoPython {
        /// What was looked for.
        name: String,
        /// Why it is none.
        why: String,
    },
    /// Code cannot be run safely.
    #[error(
        "the sandbox does not hold: {0}\n  without --run-code, answers are only compared with the reference"
    )]
    NoSandbox(String),
    /// The tests of a project fail before anything is changed, or cannot be run.
    #[error("the test command fails in an untouched copy: {0}")]
    Trial(String),
}

impl EvalError {
    /// For `map_err` on something done to a file.
    pub(super) fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::File { path, error }
    }
}

//! What a set of holes is. It must not know where one comes from.

use quicksilver_protocol::completion::FimRequest;

use super::EvalError;

/// A set of holes. What is large is made when a hole is posed, so that a set of many thousand stays small.
pub trait Dataset {
    /// What it is called in reports: `humaneval`, `packages`.
    fn name(&self) -> &'static str;

    /// Changes when anything that is asked or wanted does.
    fn digest(&self) -> &str;

    /// The holes, in an order that says nothing about them.
    fn holes(&self) -> &[Hole];

    /// What is asked for the hole at an index of [`Dataset::holes`], and what surrounds it.
    ///
    /// # Errors
    /// When a file has gone since the set was drawn up.
    fn pose(&self, hole: usize) -> Result<Posed, EvalError>;
}

/// A hole and what belongs there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hole {
    /// Names it within its set, and stays the same from run to run.
    pub id: String,
    /// What it shares with others, package or problem: holes of one are not independent.
    pub cluster: String,
    /// LSP language id.
    pub language: String,
    /// `line`, `rest`, `brackets`, `lines`, `single-line`, `api` and the like.
    pub kind: &'static str,
    /// What stood there.
    pub wanted: String,
}

/// A hole as it is asked, and the whole text around it.
#[derive(Clone, Debug, PartialEq)]
pub struct Posed {
    /// What is sent.
    pub request: FimRequest,
    /// Everything before the hole.
    pub before: String,
    /// Everything after it.
    pub after: String,
    /// What follows an answer in the hole: the line break of a whole line.
    pub ending: &'static str,
    /// What follows the file where the whole is a program that tests itself.
    pub test: Option<String>,
}

impl Posed {
    /// The whole text with `text` in the hole.
    #[must_use]
    pub fn filled(&self, text: &str) -> String {
        [&self.before, text, self.ending, &self.after].concat()
    }
}

//! What the client said of itself, as far as anything depends on it.

use crate::document::LineEnds;

/// Facts from `initialize`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientFacts {
    /// VS Code or a fork: its ghost text has shape rules.
    pub is_vscode: bool,
    /// What ends lines in its positions.
    pub line_ends: LineEnds,
    /// Speaks `textDocument/inlineCompletion`.
    pub inline_completion: bool,
    /// Draws frames; at most so many a second.
    pub frames: Option<u32>,
    /// Takes `quicksilver/status`.
    pub status: bool,
    /// Shows fills and rewritings itself, with its own commands.
    pub fills: bool,
    /// Takes edits that name the version they are for.
    pub versioned_edits: bool,
    /// Answers `workspace/configuration`.
    pub configuration: bool,
    /// Lets `didChangeConfiguration` be registered for.
    pub register_configuration: bool,
}

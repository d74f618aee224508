//! Quicksilver's language server. Where everything lives:
//!
//! | module | owns |
//! |---|---|
//! | [`transport`] | bytes ↔ typed messages: the only place that frames JSON-RPC |
//! | [`lsp`] | the only place that names LSP types; `handlers/` has one file per method |
//! | [`session`] | everything mutable, one owner: documents, pending requests, settings |
//! | [`document`] | pure text: edits, positions, syntax trees |
//! | [`context`] | what the model is told: window, span, other files, the exclusion gate |
//! | [`completion`] | the decision to ask, reuse of what is shown, polish of the answer |
//! | [`engine`] | the engine process as a client sees it: start, join, ask |
//! | [`models`] | models from the hub: known, pulled, on this disk |
//! | [`eval`] | how well an engine fills holes, measured over the same client |
//! | [`cli`] | the commands of the one binary |
//!
//! One keystroke: `transport` → `lsp::handlers::did_change` → `session` → `document`; then
//! `lsp::handlers::inline_completion` → `completion` (reuse, gate) → `context` → `engine` → `completion::polish`
//! → `lsp::to_proto` → `transport`. No tensor code is on this path.

pub mod cli;
pub mod completion;
pub mod context;
pub mod document;
pub mod engine;
pub mod eval;
pub mod lsp;
pub mod models;
pub mod session;
pub mod transport;

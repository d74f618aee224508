//! Pure text: what the editor shows, byte for byte, and its syntax tree.
//!
//! | file | owns |
//! |---|---|
//! | [`edit`](self) | [`Document`]: one open file; [`Change`]s in arrival order; [`Snapshot`]s of it |
//! | `lines` | which line a place is on, by LSP's line ends or by `\n` alone |
//! | [`position`] | all UTF-8/16/32 arithmetic of the project, and its clamping |
//! | [`syntax`](self) | the tree-sitter tree, kept in step with the text |
//! | [`faults`](self) | how many syntax errors a tree holds |
//! | [`language`] | what is known of a language: grammar, comments, indentation |
//! | [`limits`] | how large is too large |
//!
//! Nothing here knows LSP, files, threads or the clock: who parses brings the clock along
//! ([`Document::parse`]).

mod digest;
mod edit;
mod faults;
pub mod language;
pub mod limits;
mod lines;
pub mod position;
mod snapshot;
mod syntax;

#[cfg(test)]
pub(crate) mod dice;
#[cfg(test)]
mod edit_tests;
#[cfg(test)]
mod giant_tests;
#[cfg(test)]
mod syntax_tests;

pub use digest::Digest;
pub use edit::{Change, Document, Order};
pub use faults::faults;
pub use language::Language;
pub use lines::LineEnds;
pub use position::{ByteOffset, Encoding, Position};
pub use snapshot::{Snapshot, Version};
pub use syntax::Parsed;

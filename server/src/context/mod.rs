//! What the model is told, and what never leaves. Not async, and no clock; files are read in [`reader`] alone.
//!
//! | file | owns |
//! |---|---|
//! | [`window`] | which part of the document |
//! | [`span`] | where the hole ends |
//! | [`exclude`] | the one gate: files that are told to nobody |
//! | [`secrets`] | strings that look like keys, blanked |
//! | [`reader`] | the guarded reader |
//! | [`neighbours`] | the most similar files of the workspace |
//! | [`budget`] | how many of them go along, and why the others do not |
//! | [`holes`] | requests for several holes, and for text to be written anew |
//! | [`placeholders`] | where code says that it is still to be written |
//! | [`assemble`] | the request's one constructor, with the reasons for what is in it |
//! | [`place`] | from a document's address to its path |

pub mod assemble;
pub mod budget;
pub mod exclude;
pub mod holes;
mod identifiers;
pub mod neighbours;
pub mod place;
pub mod placeholders;
pub mod reader;
pub mod secrets;
pub mod span;
pub mod window;

#[cfg(test)]
mod assemble_tests;
#[cfg(test)]
mod canary_tests;
#[cfg(test)]
mod span_tests;
#[cfg(test)]
mod traversal_tests;
#[cfg(test)]
mod window_tests;

pub use assemble::{Assembly, Hole, Open, Workspace};
pub use exclude::Excluded;

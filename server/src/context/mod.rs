//! What the model is told, and what never leaves. Not async, and no clock; files are read in [`reader`] alone.
//!
//! | file | owns |
//! |---|---|
//! | [`window`] | which part of the document |
//! | [`span`], `opener` | where the hole ends; whether a line opens a block |
//! | [`exclude`] | the one gate: files that are told to nobody |
//! | [`secrets`] | strings that look like keys, blanked |
//! | [`reader`] | the guarded reader |
//! | [`neighbours`] | the index: the workspace's files by likeness, their windows, what they define |
//! | `definitions`, `windows`, `identifiers` | a text's definitions, pieces and words |
//! | `near` | the names near the cursor |
//! | [`pointed`] | where the editor says that names near the cursor are defined |
//! | `told` | open documents, made ready to be told |
//! | `gather` | the sources of other files' lines, in their order |
//! | `copies` | lines that say again what is told already |
//! | [`budget`] | how much of them goes along, and why the rest does not |
//! | [`holes`] | requests for several holes, and for text to be written anew |
//! | `recall` | what was suggested before, where that may be told again |
//! | [`placeholders`] | where code says that it is still to be written |
//! | [`assemble`] | the request's one constructor, with the reasons for what is in it |
//! | `places` | where documents are stored, and whether they may be told |
//! | [`place`] | from a document's address to its path |

pub mod assemble;
pub mod budget;
mod copies;
mod definitions;
pub mod exclude;
mod gather;
pub mod holes;
mod identifiers;
mod near;
pub mod neighbours;
mod opener;
pub mod place;
pub mod placeholders;
mod places;
pub mod pointed;
pub mod reader;
mod recall;
pub mod secrets;
pub mod span;
mod told;
pub mod window;
mod windows;

#[cfg(test)]
mod assemble_tests;
#[cfg(test)]
mod canary_tests;
#[cfg(test)]
mod gather_tests;
#[cfg(test)]
mod pointed_tests;
#[cfg(test)]
mod span_policy_tests;
#[cfg(test)]
mod span_tests;
#[cfg(test)]
mod traversal_tests;
#[cfg(test)]
mod window_tests;

pub use assemble::{Assembly, Edited, Hole, Open, Workspace};
pub use exclude::Excluded;
pub use gather::Sources;
pub use recall::recall;

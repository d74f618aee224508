//! What the tests of more than one part share.
//!
//! | file | owns |
//! |---|---|
//! | `binary` | where the built `quicksilver` is, and a home of its own for each process |
//! | `client` | an editor's side of LSP over stdio, with the real server process |
//! | `scripted` | an engine that answers what a test tells it, over real HTTP |
//! | [`server`] | the same process, raw: any bytes in, every message out |
//! | [`editor`] | an editor that keeps its own text, on top of it |
//! | [`engine`] | an engine that answers by a script: waits, frames, errors, crashes |
//! | [`fixture`] | texts with `$0` where the cursor is |

// A test that cannot go on has nothing better to do than to say why.
#![allow(clippy::expect_used)]

mod binary;
mod client;
pub mod editor;
pub mod engine;
pub mod fixture;
mod scripted;
pub mod server;

pub use binary::{Home, quicksilver};
pub use client::{Client, Message};
pub use scripted::{Scripted, Step};

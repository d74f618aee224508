//! What the tests of more than one part share.
//!
//! | file | owns |
//! |---|---|
//! | `binary` | where the built `quicksilver` is, and a home of its own for each process |
//! | [`server`] | the real server process: any bytes in, every message out |
//! | [`editor`] | an editor that keeps its own text, on top of it |
//! | [`engine`] | an engine that answers by a script: waits, frames, errors, crashes |
//! | [`hub`] | a stand-in for the model hub: its URL layout, and faults by script |
//! | [`responder`] | an endpoint that answers in microseconds, for measurements |
//! | [`fixture`] | texts with `$0` where the cursor is |
//! | [`tier`] | how much is done: for each commit, or in the long run of the reliability report |
//! | [`times`] | times that an item measured, and how they are said |
//! | [`process`] | children, signals, and whether a process is gone |

// A test that cannot go on has nothing better to do than to say why.
#![allow(clippy::expect_used)]

mod binary;
pub mod editor;
pub mod engine;
pub mod fixture;
pub mod hub;
#[cfg(unix)]
pub mod process;
pub mod responder;
pub mod server;
pub mod tier;
pub mod times;

pub use binary::{Home, quicksilver};

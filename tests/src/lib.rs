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

// A test that cannot go on has nothing better to do than to say why.
#![allow(clippy::expect_used)]

mod binary;
pub mod editor;
pub mod engine;
pub mod fixture;
pub mod hub;
pub mod responder;
pub mod server;

pub use binary::{Home, quicksilver};

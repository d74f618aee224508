//! The engine process as the language server sees it: where it is, how to ask it, what keeps it alive.
//!
//! | file | owns |
//! |---|---|
//! | `endpoint` | where an engine is, and whether text may go there |
//! | `client` | one request over HTTP: deadline, frames, size caps |
//! | `rendezvous` | the files by which servers of one user find the engine they share |
//! | `launch` | joining the shared engine, or starting it |
//! | `backoff` | when to start again, and when to stop trying |
//! | `supervisor` | all of it together, and its state |
//!
//! No tensor code: an engine is always another process.

mod backoff;
mod client;
mod endpoint;
mod error;
mod launch;
mod rendezvous;
mod supervisor;

pub use client::{Client, OnFrame};
pub(crate) use client::{provide_tls, words as tls_words};
pub use endpoint::{Api, Endpoint, How, Local, Remote, Secret};
pub use error::AskError;
pub use launch::NO_MODEL;
pub use supervisor::{Engine, EngineState};

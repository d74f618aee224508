//! Everything mutable, with one owner: documents, pending requests, settings.
//!
//! | file | owns |
//! |---|---|
//! | [`documents`] | the open documents and what each last showed |
//! | `edits` | where each was edited lately |
//! | [`requests`] | which completion runs for which document, and which it supersedes |
//! | [`config`] | typed settings, their defaults, and what is wrong with what was given |
//! | [`trust`] | which settings only the user may make |
//! | [`status`] | what is said about silence |
//! | [`client`] | what the client said of itself |
//!
//! Lent out through [`Shared::with`] only, which takes a closure that cannot wait: neither a lock nor a
//! borrow of the session crosses an `.await`. What outlives the closure is a snapshot.

pub mod client;
pub mod config;
pub mod documents;
mod edits;
pub mod requests;
pub mod status;
pub mod trust;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

pub use client::ClientFacts;
pub use config::Settings;
pub use documents::Documents;
pub use requests::Requests;

use rustc_hash::FxHashMap;

use crate::{
    completion::{Pace, doubt::Doubted},
    context::Workspace,
    engine::Engine,
};

/// The state of one client's session.
#[derive(Default)]
pub struct Session {
    /// Open documents.
    pub documents: Documents,
    /// Names in doubt that are shown, by document.
    pub doubts: FxHashMap<String, Vec<Doubted>>,
    /// The address of the document that has the cursor, where the client says so.
    pub focused: Option<String>,
    /// Completions under way.
    pub requests: Requests,
    /// How fast keys and answers come.
    pub pace: Pace,
    /// Settings in force.
    pub settings: Settings,
    /// Settings as the user gave them at the start; what comes later is laid over these.
    pub user_settings: Settings,
    /// What the client said of itself.
    pub client: ClientFacts,
    /// The engine, once the settings say which.
    pub engine: Option<Engine>,
    /// The client's folders.
    pub roots: Vec<PathBuf>,
    /// What is known of them, and the gate.
    pub workspace: Arc<Workspace>,
    /// When they were last looked at.
    pub scanned: Option<Instant>,
}

/// The session, shared by handlers.
#[derive(Clone, Default)]
pub struct Shared(Arc<Mutex<Session>>);

impl Shared {
    /// Lends the session to a closure that returns at once.
    pub fn with<R>(&self, borrow: impl FnOnce(&mut Session) -> R) -> R {
        // A panic in a closure is answered by the fence; what it left half-done is one document at most,
        // and `Documents` marks that one itself.
        borrow(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

//! The folders the client works in, indexed off the keystroke path for what the engine is told of them.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use tower_lsp_server::gen_lsp_types::InitializeParams;

use super::server::Server;
use crate::context::{Open, Workspace, place::path_of};

/// The most time that one look at the workspace takes.
const SCAN_BUDGET: Duration = Duration::from_secs(5);
/// A look younger than this is fresh enough after a save.
const FRESH: Duration = Duration::from_secs(30);

/// The folders that the client named.
pub fn roots(params: &InitializeParams) -> Vec<PathBuf> {
    // Read as JSON: which of the three fields a client sends differs, and so do the types that hold them.
    let params = serde_json::to_value(params).unwrap_or_default();
    let folders =
        params.get("workspaceFolders").and_then(|folders| folders.as_array()).cloned().unwrap_or_default();
    let named = folders.iter().filter_map(|folder| folder.get("uri")?.as_str());
    let roots: Vec<PathBuf> = named.filter_map(path_of).collect();
    if !roots.is_empty() {
        return roots;
    }
    params.get("rootUri").and_then(|uri| path_of(uri.as_str()?)).into_iter().collect()
}

/// Makes ready what is told of an open document, in a thread of its own.
pub fn prepare(server: &Server, uri: &str) {
    let ready = server.session.with(|s| {
        let snapshot = s.documents.peek(uri)?;
        Some((Arc::clone(&s.workspace), Open { path: path_of(uri), snapshot, edited: Vec::new() }))
    });
    if let Some((workspace, open)) = ready {
        tokio::task::spawn_blocking(move || workspace.prepare(&open));
    }
}

/// Looks at the workspace again, in a thread of its own; what was known stays in use meanwhile. Unless `anew`, a
/// fresh look is left alone.
pub fn scan(server: &Server, anew: bool) {
    let due = server.session.with(|s| {
        let fresh = s.scanned.is_some_and(|at| at.elapsed() < FRESH);
        if fresh && !anew {
            return None;
        }
        s.scanned = Some(Instant::now());
        if anew {
            s.workspace = Arc::new(Workspace::new(&s.roots, &s.settings.exclude));
        }
        Some(Arc::clone(&s.workspace))
    });
    let Some(known) = due else { return };
    let session = server.session.clone();
    tokio::task::spawn_blocking(move || {
        let until = Instant::now() + SCAN_BUDGET;
        let seen = known.scanned(&mut || Instant::now() > until);
        tracing::debug!(
            files = seen.index().len(),
            complete = seen.index().is_complete(),
            "looked at the workspace"
        );
        session.with(|s| {
            // Settings that changed meanwhile have made another one, with a look of its own.
            if Arc::ptr_eq(&s.workspace, &known) {
                s.workspace = Arc::new(seen);
            }
        });
    });
}

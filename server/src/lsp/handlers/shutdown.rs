//! `shutdown`.

use crate::lsp::server::Server;

/// Lets the engine go; it ends when no other server uses it.
pub fn handle(server: &Server) {
    let engine = server.session.with(|s| s.engine.take());
    drop(engine);
}

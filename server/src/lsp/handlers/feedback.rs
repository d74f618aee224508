//! `quicksilver/didShow`, `didPartiallyAccept`, `didReject`, `didFocus`: what became of a suggestion.
//!
//! The standard has no such notifications. Noted at debug level, by session; nothing leaves the process.

use serde_json::Value;

use crate::lsp::{from_proto, server::Server, workspace};
use crate::session::requests::SessionId;

/// Forgets a suggestion that was taken or turned down.
pub fn settle(server: &Server, session: Option<&Value>) {
    if let Some(SessionId(id)) = session.and_then(Value::as_str).and_then(SessionId::parse) {
        server.session.with(|s| s.documents.settle(id));
    }
}

/// A suggestion is on screen.
pub fn did_show(params: &Value) {
    tracing::debug!(session = ?params.get("session"), "shown");
}

/// Part of it was taken: `acceptedLength` counts from its start, in UTF-16.
pub fn did_partially_accept(params: &Value) {
    tracing::debug!(session = ?params.get("session"), length = ?params.get("acceptedLength"), "partly accepted");
}

/// It was dismissed, and is not shown again.
pub fn did_reject(server: &Server, params: &Value) {
    settle(server, params.get("session"));
    tracing::debug!(session = ?params.get("session"), reason = ?params.get("reason"), "rejected");
}

/// Another document has the cursor; what is told of the one before is made ready.
pub fn did_focus(server: &Server, params: &Value) {
    let uri = from_proto::uri(params);
    tracing::debug!(?uri, "focused");
    let before = server.session.with(|s| std::mem::replace(&mut s.focused, uri.map(Into::into)));
    if let Some(before) = before.filter(|before| Some(before.as_str()) != uri) {
        workspace::prepare(server, &before);
    }
}

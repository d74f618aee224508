//! `textDocument/didSave`.

use serde_json::Value;

use crate::lsp::{from_proto, server::Server, workspace};
use crate::session::status::{Kind, Status};

/// Compares the text that the client saved with ours.
pub fn handle(server: &Server, params: Value) {
    workspace::scan(server, false);
    let (Some(uri), Some(text)) = (from_proto::uri(&params), params.get("text").and_then(Value::as_str))
    else {
        return;
    };
    if !server.session.with(|s| s.documents.saved(uri, text)) {
        tracing::error!(uri, "the saved text is not ours");
        let message = "this file's text got out of step with the editor's; open it again";
        server.status.say(Status::of(uri, Kind::Error, "out-of-step", message));
    }
}

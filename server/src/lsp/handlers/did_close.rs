//! `textDocument/didClose`.

use serde_json::Value;

use crate::lsp::{doubt, fill, from_proto, server::Server};

/// Forgets the document; a completion under way for it is answered at once.
pub fn handle(server: &Server, params: Value) {
    if let Some(uri) = from_proto::uri(&params) {
        server.session.with(|s| {
            s.requests.supersede(uri);
            s.requests.supersede(&fill::slot(uri));
            s.documents.close(uri);
        });
        server.status.closed(uri);
        doubt::closed(server, uri);
    }
}

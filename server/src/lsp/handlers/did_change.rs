//! `textDocument/didChange`.

use std::time::Instant;

use serde_json::Value;
use tower_lsp_server::gen_lsp_types::VersionedTextDocumentIdentifier;

use crate::lsp::{doubt, from_proto, server::Server};

/// Applies the edits. A change that cannot be read leaves the document out of step, and silent.
pub fn handle(server: &Server, mut params: Value) {
    let document = params.get("textDocument").cloned().unwrap_or_default();
    let read = from_proto::params::<VersionedTextDocumentIdentifier>(document)
        .and_then(|document| Ok((document, from_proto::changes(&mut params)?)));
    match read {
        Ok((document, changes)) => {
            let uri = document.text_document_identifier.uri.0;
            let open = server.session.with(|s| {
                s.requests.supersede_ahead();
                s.pace.key(Instant::now());
                s.documents.change(&uri, document.version, &changes)
            });
            if !open {
                tracing::warn!(uri, "a change of a document that is not open");
            }
            doubt::changed(server, &uri);
        }
        Err(error) => {
            let uri = from_proto::uri(&params);
            tracing::warn!(?uri, %error, "a didChange that makes no sense");
            if let Some(uri) = uri {
                server.session.with(|s| s.documents.lost_step(uri));
            }
        }
    }
}

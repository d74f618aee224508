//! `textDocument/didOpen`.

use serde_json::Value;
use tower_lsp_server::gen_lsp_types::DidOpenTextDocumentParams;

use crate::lsp::{from_proto, server::Server, workspace};

/// Takes the document's text.
pub fn handle(server: &Server, params: Value) {
    match from_proto::params::<DidOpenTextDocumentParams>(params) {
        Ok(DidOpenTextDocumentParams { text_document: opened }) => {
            let language = serde_json::to_value(&opened.language_id).unwrap_or_default();
            let language = language.as_str().unwrap_or_default().to_owned();
            server.session.with(|s| {
                s.requests.supersede(&opened.uri.0);
                s.documents.open(opened.uri.0.clone(), &language, opened.version, &opened.text);
            });
            workspace::prepare(server, &opened.uri.0);
        }
        Err(error) => tracing::warn!(%error, "a didOpen that makes no sense"),
    }
}

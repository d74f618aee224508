//! `quicksilver/lineEnds`: how the client counts the lines of one document, where that is not as of its others.

use serde::Deserialize;
use serde_json::Value;
use tower_lsp_server::gen_lsp_types::TextDocumentIdentifier;

use crate::document::LineEnds;
use crate::lsp::{from_proto, server::Server};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    text_document: TextDocumentIdentifier,
    line_ends: Counted,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Counted {
    Lsp,
    Lf,
}

/// Counts so from here on, until the document is closed.
pub fn handle(server: &Server, params: Value) {
    match from_proto::params::<Said>(params) {
        Ok(Said { text_document, line_ends }) => {
            let ends = match line_ends {
                Counted::Lsp => LineEnds::Lsp,
                Counted::Lf => LineEnds::Lf,
            };
            server.session.with(|s| s.documents.count_lines(&text_document.uri.0, ends));
        }
        Err(error) => tracing::warn!(%error, "line ends that make no sense"),
    }
}

//! `textDocument/completion`: the fallback for clients without ghost text.

use tower_lsp_server::gen_lsp_types::{CompletionList, CompletionParams, CompletionTriggerKind};
use tower_lsp_server::jsonrpc::Result;

use crate::completion::Circumstances;
use crate::document::{ByteOffset, Position};
use crate::lsp::suggest::{Asked, suggest};
use crate::lsp::{from_proto, server::Server, to_proto};

/// A popup waits for its slowest server.
const MOST_MS: u64 = 500;

/// Suggests one item, last in the list, or none.
///
/// # Errors
/// None of its own.
pub async fn handle(server: &Server, params: CompletionParams) -> Result<CompletionList> {
    let place = params.text_document_position_params;
    let (uri, position) = (place.text_document.uri.0, from_proto::position(place.position));
    let explicit = params.context.is_some_and(|c| c.trigger_kind == CompletionTriggerKind::Invoked);
    let (word, word_start) = word_before(server, &uri, position).unwrap_or((String::new(), position));
    let circumstances = Circumstances::default();
    let asked = Asked { uri, position, explicit, selected: None, circumstances, deadline_ms: Some(MOST_MS) };
    Ok(to_proto::popup(suggest(server, asked).await, &word, word_start))
}

/// The word that ends at the cursor, and where it starts.
fn word_before(server: &Server, uri: &str, position: Position) -> Option<(String, Position)> {
    server.session.with(|s| {
        let encoding = s.documents.encoding;
        let snapshot = s.documents.snapshot(uri).ok()?;
        let at = snapshot.byte_at(position, encoding);
        let before = snapshot.slice(snapshot.line_at(at).start..at.0);
        let word_bytes: usize =
            before.chars().rev().take_while(|c| c.is_alphanumeric() || *c == '_').map(char::len_utf8).sum();
        let word = before[before.len() - word_bytes..].to_owned();
        Some((word, snapshot.position_at(ByteOffset(at.0 - word_bytes), encoding)))
    })
}

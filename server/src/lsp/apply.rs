//! The commands behind the code actions of clients that do not show fills themselves: fill or write anew, then ask the
//! client to apply the edit. It names the document's version, so that an edit of an older text is refused there; the
//! client's undo brings back what was.

use serde_json::{Value, json};
use tower_lsp_server::gen_lsp_types::{MessageType, WorkspaceEdit};
use tower_lsp_server::jsonrpc::Result;

use super::fill::{FillParams, Reason, RewriteParams, fill_holes, rewrite_range};
use super::{from_proto, server::Server};

/// Fills the holes and has the edit applied.
///
/// # Errors
/// `-32602` for arguments that make no sense.
pub async fn fill(server: &Server, argument: Value) -> Result<Value> {
    let params: FillParams = from_proto::params(argument)?;
    let uri = params.text_document.uri.clone();
    let answer = fill_holes(server, params).await;
    if let Some(silence) = answer.silence {
        return Ok(tell(server, &silence).await);
    }
    let edit = |hole: super::fill::Filled| json!({ "range": hole.range, "newText": hole.new_text });
    apply(server, &uri, answer.version, answer.holes.into_iter().map(edit).collect()).await
}

/// Writes the range anew and has the edit applied.
///
/// # Errors
/// `-32602` for arguments that make no sense.
pub async fn rewrite(server: &Server, argument: Value) -> Result<Value> {
    let params: RewriteParams = from_proto::params(argument)?;
    let uri = params.text_document.uri.clone();
    let answer = rewrite_range(server, params).await;
    if let Some(silence) = answer.silence {
        return Ok(tell(server, &silence).await);
    }
    let text = answer.texts.into_iter().next().unwrap_or_default();
    apply(server, &uri, answer.version, vec![json!({ "range": answer.range, "newText": text })]).await
}

async fn apply(server: &Server, uri: &str, version: i32, edits: Vec<Value>) -> Result<Value> {
    let document = json!({ "uri": uri, "version": version });
    let versioned = json!({ "documentChanges": [{ "textDocument": document, "edits": edits }] });
    let edit = if server.session.with(|s| s.client.versioned_edits) {
        versioned
    } else {
        json!({ "changes": { uri: edits } })
    };
    let edit: WorkspaceEdit = from_proto::params(edit)?;
    match server.client.apply_edit(edit).await {
        Ok(applied) => Ok(json!({ "applied": applied.applied })),
        Err(error) => {
            tracing::warn!(%error, "the client did not apply an edit");
            Ok(json!({ "applied": false }))
        }
    }
}

/// The user asked by hand, so the reason for silence is said aloud.
async fn tell(server: &Server, silence: &Reason) -> Value {
    server.client.show_message(MessageType::Info, format!("Quicksilver: {}", silence.message)).await;
    json!({ "applied": false })
}

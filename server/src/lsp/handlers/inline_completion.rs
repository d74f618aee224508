//! `textDocument/inlineCompletion`.

use serde_json::Value;
use tower_lsp_server::gen_lsp_types::{
    InlineCompletionList, InlineCompletionParams, InlineCompletionTriggerKind, SelectedCompletionInfo,
};
use tower_lsp_server::jsonrpc::Result;

use crate::completion::Circumstances;
use crate::lsp::suggest::{Asked, Selected, suggest};
use crate::lsp::{from_proto, server::Server, to_proto};

/// Suggests, or answers with an empty list; the reason for that is the status.
///
/// # Errors
/// `-32602` for parameters that make no sense.
pub async fn handle(server: &Server, mut params: Value) -> Result<InlineCompletionList> {
    // A field of ours in the standard's context, which its own type leaves out.
    let told = params.pointer_mut("/context/quicksilver").map(Value::take).filter(|told| !told.is_null());
    let circumstances = told.map_or(Ok(Circumstances::default()), from_proto::params)?;
    let params: InlineCompletionParams = from_proto::params(params)?;
    let place = params.text_document_position_params;
    let selected = |selected: SelectedCompletionInfo| Selected {
        start: from_proto::position(selected.range.start),
        end: from_proto::position(selected.range.end),
        text: selected.text,
    };
    let asked = Asked {
        uri: place.text_document.uri.0,
        position: from_proto::position(place.position),
        explicit: params.context.trigger_kind == InlineCompletionTriggerKind::Invoked,
        selected: params.context.selected_completion_info.map(selected),
        circumstances,
        deadline_ms: None,
    };
    let vscode = server.session.with(|s| s.client.is_vscode);
    Ok(suggest(server, asked).await.map_or_else(to_proto::nothing, |placed| to_proto::inline(placed, vscode)))
}

//! `textDocument/codeAction`: what can be filled or written anew where the client looks. Asks no engine.

use serde::Deserialize;
use serde_json::{Value, json};
use tower_lsp_server::gen_lsp_types as lsp;
use tower_lsp_server::jsonrpc::Result;

use crate::context::placeholders::placeholders;
use crate::lsp::capabilities::{APPLY_FILL, APPLY_REWRITE, FILL, REWRITE, REWRITE_KIND};
use crate::lsp::fill::{Document, bytes, range};
use crate::lsp::{from_proto, server::Server};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    text_document: Document,
    range: lsp::Range,
    #[serde(default)]
    context: Context,
}

#[derive(Default, Deserialize)]
struct Context {
    #[serde(default)]
    only: Option<Vec<String>>,
}

/// The actions. A client that shows fills itself is given its own commands; the others ours, which apply the edit.
///
/// # Errors
/// `-32602` for parameters that make no sense.
pub fn handle(server: &Server, params: Value) -> Result<Value> {
    let params: Params = from_proto::params(params)?;
    let wanted = params.context.only.as_ref().is_none_or(|kinds| {
        kinds.iter().any(|kind| REWRITE_KIND == kind || REWRITE_KIND.starts_with(&format!("{kind}.")))
    });
    let uri = &params.text_document.uri;
    let found = server.session.with(|s| {
        let snapshot = s.documents.snapshot(uri).ok().filter(|_| wanted && s.settings.enable)?;
        let encoding = s.documents.encoding;
        let looked_at = bytes(&snapshot, encoding, &params.range);
        let holes: Vec<lsp::Range> = placeholders(&snapshot, looked_at.clone())
            .into_iter()
            .map(|hole| range(&snapshot, encoding, hole))
            .collect();
        Some((snapshot.version().0, holes, !looked_at.is_empty(), s.client.fills))
    });
    let Some((version, holes, selected, fills)) = found else { return Ok(json!([])) };
    let action = |title: String, command: &str, argument: Value| {
        json!({
            "title": title,
            "kind": REWRITE_KIND,
            "command": { "title": title, "command": command, "arguments": [argument] },
        })
    };
    let document = json!({ "uri": uri, "version": version });
    let mut actions = Vec::new();
    if !holes.is_empty() {
        let title = match holes.len() {
            1 => "Quicksilver: fill this place".to_owned(),
            places => format!("Quicksilver: fill {places} places together"),
        };
        let command = if fills { FILL } else { APPLY_FILL };
        actions.push(action(title, command, json!({ "textDocument": document, "holes": holes })));
    }
    if selected {
        let command = if fills { REWRITE } else { APPLY_REWRITE };
        let argument = json!({ "textDocument": document, "range": params.range });
        actions.push(action("Quicksilver: write the selection anew".to_owned(), command, argument));
    }
    Ok(Value::Array(actions))
}

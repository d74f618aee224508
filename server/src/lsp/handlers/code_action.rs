//! `textDocument/codeAction`: what can be filled or written anew where the client looks. Asks no engine.

use serde::Deserialize;
use serde_json::{Value, json};
use tower_lsp_server::gen_lsp_types as lsp;
use tower_lsp_server::jsonrpc::Result;

use crate::context::placeholders::placeholders;
use crate::lsp::capabilities::{
    APPLY_FILL, APPLY_REWRITE, DOUBTS_KIND, FILL, FIND_DOUBTS, REWRITE, REWRITE_KIND,
};
use crate::lsp::fill::{Document, bytes, range};
use crate::lsp::{doubt, from_proto, server::Server};

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
    #[serde(default)]
    diagnostics: Vec<Value>,
}

/// The actions. A client that shows fills itself is given its own commands; the others ours, which apply the edit.
///
/// # Errors
/// `-32602` for parameters that make no sense.
pub fn handle(server: &Server, params: Value) -> Result<Value> {
    let params: Params = from_proto::params(params)?;
    let only = params.context.only.as_deref();
    let is_of = |kind: &str, wanted: &String| kind == wanted || kind.starts_with(&format!("{wanted}."));
    let wants = |kind: &str| only.is_none_or(|kinds| kinds.iter().any(|wanted| is_of(kind, wanted)));
    // Only where the client asks for it by name.
    let doubts = only.is_some() && wants(DOUBTS_KIND);
    let uri = &params.text_document.uri;
    let found = server.session.with(|s| {
        let snapshot = s.documents.snapshot(uri).ok().filter(|_| s.settings.enable)?;
        let encoding = s.documents.encoding;
        let looked_at = bytes(&snapshot, encoding, &params.range);
        let holes: Vec<lsp::Range> = placeholders(&snapshot, looked_at.clone())
            .into_iter()
            .map(|hole| range(&snapshot, encoding, hole))
            .collect();
        let fixes = doubt::fixes(uri, &snapshot, encoding, &params.context.diagnostics);
        Some((snapshot.version().0, holes, !looked_at.is_empty(), s.client.fills, fixes))
    });
    let Some((version, holes, selected, fills, fixes)) = found else { return Ok(json!([])) };
    let action = |title: String, kind: &str, command: &str, argument: Value| {
        json!({
            "title": title,
            "kind": kind,
            "command": { "title": title, "command": command, "arguments": [argument] },
        })
    };
    let document = json!({ "uri": uri, "version": version });
    let mut actions = if wants("quickfix") { fixes } else { Vec::new() };
    if doubts {
        let title = "Quicksilver: look for misspelt names".to_owned();
        actions.push(action(title, DOUBTS_KIND, FIND_DOUBTS, json!({ "textDocument": document })));
    }
    if !holes.is_empty() && wants(REWRITE_KIND) {
        let title = match holes.len() {
            1 => "Quicksilver: fill this place".to_owned(),
            places => format!("Quicksilver: fill {places} places together"),
        };
        let command = if fills { FILL } else { APPLY_FILL };
        actions.push(action(
            title,
            REWRITE_KIND,
            command,
            json!({ "textDocument": document, "holes": holes }),
        ));
    }
    if selected && wants(REWRITE_KIND) {
        let command = if fills { REWRITE } else { APPLY_REWRITE };
        let argument = json!({ "textDocument": document, "range": params.range });
        let title = "Quicksilver: write the selection anew".to_owned();
        actions.push(action(title, REWRITE_KIND, command, argument));
    }
    Ok(Value::Array(actions))
}

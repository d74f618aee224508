//! Names in doubt as diagnostics, each with a quick fix. Looked for on command only; shown until they are gone from the
//! text, wherever the text around them moves them.

use serde::Deserialize;
use serde_json::{Value, json};
use tower_lsp_server::gen_lsp_types::{self as lsp, MessageType};
use tower_lsp_server::jsonrpc::Result;

use super::fill::{Document, range};
use super::{fill, from_proto, server::Server};
use crate::completion::doubt::{Doubted, doubts};
use crate::document::Snapshot;
use crate::session::status::Status;

/// What our diagnostics are known by.
const SOURCE: &str = "quicksilver";
const CODE: &str = "doubtful-name";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    text_document: Document,
}

/// Looks for names in doubt and shows them; says how many.
///
/// # Errors
/// `-32602` for arguments that make no sense.
pub async fn look(server: &Server, argument: Value) -> Result<Value> {
    let Params { text_document } = from_proto::params(argument)?;
    let uri = text_document.uri.clone();
    let begun = server
        .session
        .with(|s| fill::begin(server, s, &text_document, None, |_, _| std::iter::once(0..0).collect()));
    let fill::Begun { ticket, ask, .. } = match begun {
        Ok(begun) => begun,
        Err(status) => return Ok(tell(server, status).await),
    };
    match fill::unless_superseded(&ticket, doubts(&ask)).await {
        Ok(found) => {
            let count = found.len();
            server.session.with(|s| s.doubts.insert(uri.clone(), found));
            show(server, &uri).await;
            if count == 0 {
                server.client.show_message(MessageType::Info, "Quicksilver: no misspelt name found").await;
            }
            Ok(json!({ "doubts": count }))
        }
        Err(silence) => Ok(tell(server, Status::silence(&uri, &silence)).await),
    }
}

/// The text has changed: names in doubt have moved, or are gone.
pub fn changed(server: &Server, uri: &str) {
    if server.session.with(|s| s.doubts.contains_key(uri)) {
        let (server, uri) = (server.clone(), uri.to_owned());
        tokio::spawn(async move { show(&server, &uri).await });
    }
}

/// The document is closed: nothing in it is in doubt any more.
pub fn closed(server: &Server, uri: &str) {
    if server.session.with(|s| s.doubts.remove(uri)).is_some() {
        let (client, uri) = (server.client.clone(), lsp::Uri(uri.to_owned()));
        tokio::spawn(async move { client.publish_diagnostics(uri, Vec::new(), None).await });
    }
}

/// Publishes what is still in doubt.
async fn show(server: &Server, uri: &str) {
    let now = server.session.with(|s| {
        let doubted = s.doubts.get(uri)?.clone();
        Some((doubted, s.documents.snapshot(uri).ok()?, s.documents.encoding))
    });
    let Some((doubted, snapshot, encoding)) = now else { return };
    let text = snapshot.text().to_string();
    let diagnostics: Vec<(Doubted, Value)> = doubted
        .into_iter()
        .filter_map(|doubted| {
            let place = range(&snapshot, encoding, doubted.find(&text)?);
            let diagnostic = diagnostic(&doubted, place);
            Some((doubted, diagnostic))
        })
        .collect();
    let version = snapshot.version();
    let current = server.session.with(|s| {
        // A later change has, or will have, its own say.
        let current = s.documents.version(uri) == Some(version);
        if current {
            let left: Vec<Doubted> = diagnostics.iter().map(|(doubted, _)| doubted.clone()).collect();
            if left.is_empty() {
                s.doubts.remove(uri)
            } else {
                s.doubts.insert(uri.to_owned(), left)
            };
        }
        current
    });
    let diagnostics = diagnostics.into_iter().map(|(_, diagnostic)| from_proto::params(diagnostic));
    if let (true, Ok(diagnostics)) = (current, diagnostics.collect::<Result<Vec<lsp::Diagnostic>>>()) {
        let uri = lsp::Uri(uri.to_owned());
        server.client.publish_diagnostics(uri, diagnostics, Some(version.0)).await;
    }
}

fn diagnostic(doubted: &Doubted, range: lsp::Range) -> Value {
    let Doubted { name, instead, margin } = doubted;
    json!({
        "range": range,
        "severity": 3,
        "source": SOURCE,
        "code": CODE,
        "message": format!("`{instead}`? `{name}` stands nowhere else, and `{instead}` fits better here"),
        "data": { "name": name, "instead": instead, "margin": margin },
    })
}

/// Quick fixes for those of `diagnostics` that are ours and still true.
pub fn fixes(
    uri: &str,
    snapshot: &Snapshot,
    encoding: crate::document::Encoding,
    diagnostics: &[Value],
) -> Vec<Value> {
    let fix = |diagnostic: &Value| {
        let said = |field: &str| diagnostic["data"][field].as_str();
        let (name, instead) = (said("name")?, said("instead")?);
        let place: lsp::Range = from_proto::params(diagnostic["range"].clone()).ok()?;
        let stands = snapshot.slice(fill::bytes(snapshot, encoding, &place));
        (diagnostic["source"] == SOURCE && stands == name).then(|| {
            json!({
                "title": format!("Replace by `{instead}`"),
                "kind": "quickfix",
                "diagnostics": [diagnostic],
                "edit": { "changes": { uri: [{ "range": place, "newText": instead }] } },
            })
        })
    };
    diagnostics.iter().filter_map(fix).collect()
}

async fn tell(server: &Server, status: Status) -> Value {
    let message = format!("Quicksilver: {}", status.message);
    server.client.show_message(MessageType::Info, message).await;
    json!({ "doubts": 0, "silence": { "reason": status.reason, "message": status.message } })
}

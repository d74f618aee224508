//! `quicksilver/digest`: a document's fingerprint, for tests that compare it with the editor's text.

use serde_json::{Value, json};
use tower_lsp_server::jsonrpc::{Error, Result};

use crate::lsp::{from_proto, server::Server};

/// `{version, length, hash, inStep}`: bytes of UTF-8, and SHA-256 of them in hexadecimal digits.
///
/// # Errors
/// `-32602` for a document that is not open.
pub fn handle(server: &Server, params: &Value) -> Result<Value> {
    let uri =
        from_proto::uri(params).ok_or_else(|| Error::invalid_params("`textDocument.uri` is missing"))?;
    let digest = server.session.with(|s| s.documents.digest(uri));
    let (digest, in_step) = digest.ok_or_else(|| Error::invalid_params("the document is not open"))?;
    Ok(json!({
        "version": digest.version.0,
        "length": digest.bytes,
        "hash": digest.hex(),
        "inStep": in_step,
    }))
}

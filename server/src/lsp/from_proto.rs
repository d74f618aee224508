//! LSP shapes → ours.

use serde::de::DeserializeOwned;
use serde_json::Value;
use tower_lsp_server::gen_lsp_types::{
    self as lsp, TextDocumentContentChangePartial, TextDocumentContentChangeWholeDocument,
};
use tower_lsp_server::jsonrpc::{Error, Result};

use crate::document::{Change, Position};

/// A position.
pub fn position(position: lsp::Position) -> Position {
    Position::new(position.line, position.character)
}

/// The edits of a `didChange`.
///
/// The framework's type takes a change whose range makes no sense for a replacement of the whole text; here
/// a change with a range is one, or is refused.
///
/// # Errors
/// `-32602`, naming the field.
pub fn changes(params: &mut Value) -> Result<Vec<Change>> {
    let changes = params.get_mut("contentChanges").map(Value::take).unwrap_or_default();
    let Value::Array(changes) = changes else {
        return Err(Error::invalid_params("`contentChanges` is not a list"));
    };
    changes.into_iter().map(change).collect()
}

fn change(event: Value) -> Result<Change> {
    if event.get("range").is_some_and(|range| !range.is_null()) {
        let partial: TextDocumentContentChangePartial = self::params(event)?;
        let range = Some((position(partial.range.start), position(partial.range.end)));
        return Ok(Change { range, text: partial.text });
    }
    let whole: TextDocumentContentChangeWholeDocument = self::params(event)?;
    Ok(Change { range: None, text: whole.text })
}

/// Typed parameters.
///
/// # Errors
/// `-32602`, naming the field.
pub fn params<T: DeserializeOwned>(params: Value) -> Result<T> {
    serde_json::from_value(params).map_err(|error| Error::invalid_params(error.to_string()))
}

/// The document that parameters speak of, even if the rest of them makes no sense.
pub fn uri(params: &Value) -> Option<&str> {
    params.get("textDocument")?.get("uri")?.as_str()
}

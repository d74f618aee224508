//! `workspace/executeCommand`: the command that a client runs after it took a suggestion.

use serde_json::Value;
use tower_lsp_server::gen_lsp_types::ExecuteCommandParams;
use tower_lsp_server::jsonrpc::{Error, Result};

use super::feedback;
use crate::lsp::{capabilities::ACCEPTED, server::Server};

/// Notes the acceptance; the suggestion is shown no more.
///
/// # Errors
/// `-32602` for another command.
pub fn handle(server: &Server, params: &ExecuteCommandParams) -> Result<Value> {
    if params.command != ACCEPTED {
        return Err(Error::invalid_params(format!("no command `{}`", params.command)));
    }
    let session = params.arguments.as_ref().and_then(|a| a.first()).and_then(|a| a.get("session"));
    tracing::debug!(?session, "accepted");
    feedback::settle(server, session);
    Ok(Value::Null)
}

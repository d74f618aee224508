//! `workspace/executeCommand`: the command that a client runs after it took a suggestion, and those of our code actions.

use serde_json::Value;
use tower_lsp_server::gen_lsp_types::ExecuteCommandParams;
use tower_lsp_server::jsonrpc::{Error, Result};

use super::feedback;
use crate::lsp::capabilities::{ACCEPTED, APPLY_FILL, APPLY_REWRITE, FIND_DOUBTS};
use crate::lsp::{apply, doubt, server::Server};

/// Notes an acceptance, the suggestion being shown no more; or fills, writes anew, or looks for doubts.
///
/// # Errors
/// `-32602` for another command, or arguments that make no sense.
pub async fn handle(server: &Server, params: ExecuteCommandParams) -> Result<Value> {
    let first = params.arguments.and_then(|arguments| arguments.into_iter().next());
    match params.command.as_str() {
        ACCEPTED => {
            let session = first.as_ref().and_then(|argument| argument.get("session"));
            tracing::debug!(?session, "accepted");
            feedback::settle(server, session);
            Ok(Value::Null)
        }
        APPLY_FILL => apply::fill(server, first.unwrap_or_default()).await,
        APPLY_REWRITE => apply::rewrite(server, first.unwrap_or_default()).await,
        FIND_DOUBTS => doubt::look(server, first.unwrap_or_default()).await,
        other => Err(Error::invalid_params(format!("no command `{other}`"))),
    }
}

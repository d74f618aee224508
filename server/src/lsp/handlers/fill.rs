//! `quicksilver/fill` and `quicksilver/rewrite`.

use serde_json::Value;
use tower_lsp_server::jsonrpc::Result;

use crate::lsp::fill::{FillAnswer, RewriteAnswer, fill_holes, rewrite_range};
use crate::lsp::{from_proto, server::Server};

/// Fills several holes together.
///
/// # Errors
/// `-32602` for parameters that make no sense.
pub async fn fill(server: &Server, params: Value) -> Result<FillAnswer> {
    Ok(fill_holes(server, from_proto::params(params)?).await)
}

/// Writes a range anew.
///
/// # Errors
/// `-32602` for parameters that make no sense.
pub async fn rewrite(server: &Server, params: Value) -> Result<RewriteAnswer> {
    Ok(rewrite_range(server, from_proto::params(params)?).await)
}

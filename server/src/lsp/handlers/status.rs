//! `quicksilver/status` as a request: what was said last, and which model answers.

use serde::Serialize;

use crate::engine::EngineState;
use crate::lsp::server::Server;
use crate::session::status::Status;

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    #[serde(flatten)]
    status: Status,
    /// The model that answers; absent while none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// Where it runs; `remote` when the engine does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
}

/// The status as it stands.
pub fn handle(server: &Server) -> Answer {
    let engine = server.session.with(|s| s.engine.clone());
    let state = engine.map(|engine| engine.state().borrow().clone());
    let (model, device) = match state {
        Some(EngineState::Ready { model, device }) => (Some(model), Some(device)),
        _ => (None, None),
    };
    Answer { status: server.status.last(), model, device }
}

//! `initialized`: from here on the server may speak unasked.

use tower_lsp_server::gen_lsp_types::Registration;

use super::did_change_configuration::ask_for_settings;
use crate::engine::{Engine, EngineState};
use crate::lsp::{notify::forward_status, server::Server, workspace};
use crate::session::status::{Kind, Status};

/// Starts what speaks unasked: status, and the question for settings.
pub fn handle(server: &Server) {
    let facts = server.session.with(|s| s.client.clone());
    workspace::scan(server, true);
    if facts.status {
        tokio::spawn(forward_status(server.client.clone(), server.status.clone()));
    }
    if facts.register_configuration {
        let client = server.client.clone();
        let registration = Registration::new(
            "quicksilver-settings".into(),
            "workspace/didChangeConfiguration".into(),
            Some(serde_json::json!({ "section": "quicksilver" })),
        );
        tokio::spawn(async move {
            if let Err(error) = client.register_capability(vec![registration]).await {
                tracing::debug!(%error, "the client does not tell of changed settings");
            }
        });
    }
    if facts.configuration {
        tokio::spawn(ask_for_settings(server.clone()));
    }
}

/// Turns the engine's state into the status.
pub fn follow_engine(server: &Server, engine: &Engine) {
    let (board, mut state) = (server.status.clone(), engine.state());
    state.mark_changed();
    tokio::spawn(async move {
        while state.changed().await.is_ok() {
            let status = engine_status(&state.borrow_and_update());
            board.say(status);
        }
    });
}

/// What an engine's state means to the user.
pub fn engine_status(state: &EngineState) -> Status {
    let (kind, reason, message) = match state {
        EngineState::Ready { .. } => return Status::default(),
        EngineState::Starting => (Kind::Normal, "no-engine", "the engine is starting".to_owned()),
        EngineState::Restarting { reason, .. } => {
            (Kind::Warning, "no-engine", format!("the engine is being started again: {reason}"))
        }
        EngineState::Failed { reason } => (Kind::Error, "no-engine", format!("no engine: {reason}")),
    };
    let command = (kind == Kind::Error).then(|| "quicksilver doctor".to_owned());
    Status { busy: kind != Kind::Error, kind, message, reason: Some(reason.into()), uri: None, command }
}

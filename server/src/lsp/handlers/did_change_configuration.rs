//! `workspace/didChangeConfiguration`, and the question for settings that it leads to.

use serde_json::Value;
use tower_lsp_server::gen_lsp_types::{ConfigurationItem, MessageType};

use super::initialize::start_engine;
use crate::lsp::{server::Server, workspace};
use crate::session::trust::Origin;

/// Takes pushed settings, or asks for them where the client answers.
pub fn handle(server: &Server, params: &Value) {
    if server.session.with(|s| s.client.configuration) {
        tokio::spawn(ask_for_settings(server.clone()));
    } else if let Some(given) = params.get("settings") {
        take(server, given.get("quicksilver").unwrap_or(&Value::Null));
    }
}

/// Asks the client for the settings under `quicksilver` and takes them.
pub async fn ask_for_settings(server: Server) {
    let item = ConfigurationItem { scope_uri: None, section: Some("quicksilver".into()) };
    match server.client.configuration(vec![item]).await {
        Ok(given) => take(&server, given.first().unwrap_or(&Value::Null)),
        Err(error) => tracing::debug!(%error, "the client has no settings to tell"),
    }
}

/// Lays settings over the user's own.
fn take(server: &Server, given: &Value) {
    let (problems, other_gate) = server.session.with(|s| {
        let mut settings = s.user_settings.clone();
        let problems = settings.apply(given, Origin::Workspace);
        let other_gate = s.settings.exclude != settings.exclude;
        if s.settings != settings {
            s.documents.forget_suggestions();
        }
        s.settings = settings;
        (problems, other_gate)
    });
    if other_gate {
        workspace::scan(server, true);
    }
    complain(server, problems);
    start_engine(server);
}

/// Tells the user what is wrong with the settings, in one message.
pub fn complain(server: &Server, problems: Vec<String>) {
    if problems.is_empty() {
        return;
    }
    let message = format!("quicksilver: {}", problems.join("\n"));
    tracing::warn!("{message}");
    let client = server.client.clone();
    tokio::spawn(async move { client.show_message(MessageType::Warning, message).await });
}

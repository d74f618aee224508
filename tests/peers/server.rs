//! How each server is started, configured and asked. None is asked for what it cannot: each by the method that it serves.

use std::{env, ffi::OsString, fs, path::Path, process::Command};

use anyhow::Result;
use quicksilver_tests::Home;
use serde_json::{Value, json};

/// A server that can be measured here.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// The request that asks for a completion.
    pub(crate) method: &'static str,
    program: Option<OsString>,
}

/// Ours, and those that the environment says where to find.
pub(crate) fn all() -> Vec<Peer> {
    let peer = |name, variable| {
        Some(Peer { name, method: "textDocument/completion", program: Some(env::var_os(variable)?) })
    };
    let ours = Peer { name: "quicksilver", method: "textDocument/inlineCompletion", program: None };
    let popup =
        Peer { name: "quicksilver, completion popup", method: "textDocument/completion", program: None };
    [Some(ours), Some(popup), peer("lsp-ai", "PEER_LSP_AI"), peer("tabby-agent", "PEER_TABBY_AGENT")]
        .into_iter()
        .flatten()
        .collect()
}

impl Peer {
    /// The command, its settings written where it looks for them.
    pub(crate) fn command(&self, home: &Home, endpoint: &str) -> Result<Command> {
        let mut command = home.command();
        let Some(program) = &self.program else {
            command.arg("lsp");
            return Ok(command);
        };
        let mut command_line = if self.name == "tabby-agent" {
            tabby_settings(home.path(), endpoint)?;
            let mut node = Command::new("node");
            node.arg(program).args(["--lsp", "--stdio"]);
            node
        } else {
            Command::new(program)
        };
        let environment: Vec<_> =
            command.get_envs().filter_map(|(name, value)| Some((name, value?))).collect();
        command_line.env_clear().envs(environment);
        Ok(command_line)
    }

    /// `initializationOptions`.
    pub(crate) fn options(&self, endpoint: &str) -> Value {
        match self.name {
            "lsp-ai" => json!({
                "memory": {"file_store": {}},
                "models": {"instant": {
                    "type": "open_ai", "completions_endpoint": format!("{endpoint}/v1/completions"),
                    "model": "instant", "auth_token": "none",
                    // One a second by default, which would be all that is measured.
                    "max_requests_per_second": 1e6,
                }},
                "completion": {"model": "instant", "parameters": {
                    "max_context": 2000, "max_tokens": 64,
                    "fim": {"start": "<a>", "middle": "<b>", "end": "<c>"},
                }},
            }),
            "tabby-agent" => json!({}),
            _ => json!({"quicksilver": {
                "endpoint": endpoint, "lookAhead": false, "debounceMs": 0,
            }}),
        }
    }
}

/// Its settings are a file in the home folder. It waits for a pause in typing, which is taken out; usage reports are off.
fn tabby_settings(home: &Path, endpoint: &str) -> Result<()> {
    let folder = home.join(".tabby-client/agent");
    fs::create_dir_all(&folder)?;
    let settings = format!(
        "[server]\nendpoint = \"{endpoint}\"\ntoken = \"none\"\n[completion.debounce]\nmode = \"fixed\"\ninterval = 0\n\
         [anonymousUsageTracking]\ndisable = true\n"
    );
    Ok(fs::write(folder.join("config.toml"), settings)?)
}

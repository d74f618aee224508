//! `initialize`.

use serde_json::Value;
use tower_lsp_server::gen_lsp_types::{InitializeParams, InitializeResult, ServerInfo};

use crate::engine::{Endpoint, Engine, How, Secret};
use crate::lsp::{capabilities, server::Server, workspace};
use crate::session::{Settings, trust::Origin};

use super::did_change_configuration::complain;

/// Learns what the client can do and what the user wants, starts the engine, and says what is offered.
pub fn handle(server: &Server, params: &InitializeParams) -> InitializeResult {
    let facts = capabilities::facts(params);
    let encoding = capabilities::encoding(params);
    let given = params.initialization_options.as_ref().and_then(|options| options.get("quicksilver"));
    let problems = server.session.with(|s| {
        s.client = facts.clone();
        (s.documents.encoding, s.documents.line_ends) = (encoding, facts.line_ends);
        let problems = s.user_settings.apply(given.unwrap_or(&Value::Null), Origin::User);
        s.settings = s.user_settings.clone();
        s.roots = workspace::roots(params);
        problems
    });
    complain(server, problems);
    start_engine(server);
    if let Some(id) = params.process_id.and_then(|id| u32::try_from(id).ok()) {
        server.parent.send_replace(Some(id));
    }
    InitializeResult {
        capabilities: capabilities::offer(&facts, encoding),
        server_info: Some(ServerInfo {
            name: "quicksilver".into(),
            version: Some(env!("CARGO_PKG_VERSION").into()),
        }),
    }
}

/// Starts or joins the engine that the settings name, unless that has been done or nothing is wanted.
pub fn start_engine(server: &Server) {
    let (wanted, settings) =
        server.session.with(|s| (s.settings.enable && s.engine.is_none(), s.settings.clone()));
    if !wanted {
        return;
    }
    match endpoint(&settings) {
        Ok(endpoint) => {
            let engine = Engine::supervise(endpoint);
            super::initialized::follow_engine(server, &engine);
            server.session.with(|s| s.engine = Some(engine));
        }
        Err(problem) => complain(server, vec![problem]),
    }
}

fn endpoint(settings: &Settings) -> Result<Endpoint, String> {
    let Some(address) = &settings.endpoint else {
        let how = How {
            device: settings.device.clone(),
            weights: settings.weights.clone(),
            vicinity: settings.vicinity,
        };
        return Endpoint::local(settings.model.clone(), how).map_err(|error| error.to_string());
    };
    let key = match &settings.key_file {
        Some(file) => Some(Secret::new(
            &std::fs::read_to_string(file)
                .map_err(|error| format!("`quicksilver.keyFile`: {file}: {error}"))?,
        )),
        None => std::env::var("QUICKSILVER_KEY").ok().map(|key| Secret::new(&key)),
    };
    let endpoint =
        Endpoint::remote(address, key).map_err(|error| format!("`quicksilver.endpoint`: {error}"))?;
    Ok(match endpoint {
        Endpoint::Remote(mut remote) => {
            remote.model.clone_from(&settings.model);
            Endpoint::Remote(remote)
        }
        local => local,
    })
}

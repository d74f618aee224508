//! Looking ahead: while a suggestion is on screen, the engine is asked for what follows once it is taken.
//!
//! One question at a time, only after a pause, only of an engine on this machine: an answer that nobody asked for must
//! cost nobody anything. What users ask or type ends it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::select;

use super::server::Server;
use crate::completion::task::{Ask, complete};
use crate::completion::{History, Silence, Suggestion, ahead::taken};
use crate::context::{Hole, Open, place::named_path, place::path_of};
use crate::session::requests::Ticket;

/// Nobody takes a suggestion sooner than this, and who types on has ended it by then.
const PAUSE: Duration = Duration::from_millis(120);
/// Time to bring the syntax tree up to date.
const PARSE_BUDGET: Duration = Duration::from_millis(20);

/// Asks for what follows `suggestion`, unless that is known.
pub fn look(server: &Server, uri: &str, suggestion: &Suggestion) {
    let ticket = server.session.with(|s| {
        let wanted = s.settings.look_ahead && s.engine.as_ref().is_some_and(|engine| engine.is_here());
        let known = s.documents.looked_beyond(uri, suggestion.id);
        (wanted && !known).then(|| s.requests.ahead())
    });
    if let Some(ticket) = ticket {
        tokio::spawn(run(server.clone(), uri.to_owned(), suggestion.clone(), ticket));
    }
}

async fn run(server: Server, uri: String, suggestion: Suggestion, ticket: Ticket) {
    let asked = async {
        tokio::time::sleep(PAUSE).await;
        let (snapshot, at) = taken(&suggestion, Instant::now() + PARSE_BUDGET);
        let ask = server.session.with(|s| Ask {
            session: ticket.session,
            hole: Hole {
                document: Open { path: path_of(&uri), snapshot, edited: Vec::new() },
                at,
                span: None,
            },
            named: named_path(&uri),
            others: s.documents.others(&uri),
            workspace: Arc::clone(&s.workspace),
            invoked: false,
            history: History::default(),
            pace: s.pace.clone(),
            engine: s.engine.clone(),
            settings: s.settings.clone(),
        });
        complete(ask, None).await
    };
    let outcome = select! {
        biased;
        () = ticket.superseded() => Err(Silence::Superseded),
        outcome = asked => outcome,
    };
    if outcome.as_ref().err() != Some(&Silence::Superseded) {
        server.session.with(|s| s.documents.look_beyond(&uri, suggestion.id, outcome.ok()));
    }
}

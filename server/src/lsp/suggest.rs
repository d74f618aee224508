//! From a client's question, by either method, to a placed infill or a reason for silence.
//!
//! What must happen in arrival order (register, supersede, snapshot) is done before the first `.await`.

use std::sync::Arc;

use tokio::select;

use super::ahead;
use super::refine::Refinement;
use super::server::Server;
use super::to_proto::{self, Infill, Placed};
use crate::completion::task::{Ask, complete};
use crate::completion::{Circumstances, History, Polished, Silence, Suggestion};
use crate::context::{Hole, Open, place::named_path, place::path_of};
use crate::document::{ByteOffset, Change, Document, Encoding, LineEnds, Position, Snapshot};
use crate::engine::OnFrame;
use crate::lsp::handlers::initialized::engine_status;
use crate::session::Session;
use crate::session::documents::Unusable;
use crate::session::requests::{SessionId, Ticket};
use crate::session::status::{Kind, Status};

/// What a client asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The document.
    pub uri: String,
    /// The cursor.
    pub position: Position,
    /// Asked for by hand.
    pub explicit: bool,
    /// What the client's popup has selected.
    pub selected: Option<Selected>,
    /// What else the client says of the cursor and the document.
    pub circumstances: Circumstances,
    /// The most time, in ms, where it is less than the settings'.
    pub deadline_ms: Option<u64>,
}

/// What a client's popup has selected: `text` would stand in place of what is between.
#[derive(Clone, Debug)]
pub struct Selected {
    /// From.
    pub start: Position,
    /// To.
    pub end: Position,
    /// The text.
    pub text: String,
}

/// A completion that has begun.
struct Begun {
    ticket: Ticket,
    ask: Ask,
    place: Place,
    refinement: Option<Refinement>,
}

/// Suggests, or sets the status to the reason for silence.
pub async fn suggest(server: &Server, asked: Asked) -> Option<Placed> {
    let uri = asked.uri.clone();
    match server.session.with(|s| begin(server, s, asked)) {
        Ok(begun) => run(server, &uri, begun).await,
        Err(status) => {
            server.status.say(status);
            None
        }
    }
}

fn begin(server: &Server, s: &mut Session, asked: Asked) -> Result<Begun, Status> {
    let busy = || Status::of(&asked.uri, Kind::Warning, "busy", "too many files ask for suggestions at once");
    let ticket = s.requests.begin(&asked.uri).ok_or_else(busy)?;
    let snapshot =
        s.documents.snapshot(&asked.uri).map_err(|unusable| unusable_status(&asked.uri, unusable))?;
    let silent = |silence| Status::silence(&asked.uri, &silence);
    asked.circumstances.check(asked.explicit).map_err(silent)?;
    let encoding = s.documents.encoding;
    let at = snapshot.byte_at(asked.position, encoding);
    let mut settings = s.settings.clone();
    settings.deadline_ms = settings.deadline_ms.min(asked.deadline_ms.unwrap_or(u64::MAX));
    let line_end = snapshot.line_at(at).end;
    let place = Place {
        at,
        line_end,
        rest: snapshot.slice(at.0..line_end),
        selected: asked.selected.as_ref().map(|selected| (selected.start, selected.text.clone())),
        snapshot: snapshot.clone(),
        encoding,
    };
    let fps = s.client.frames.map_or(0, |fps| fps.min(settings.max_fps));
    let refinement = (fps > 0).then(|| {
        let session = ticket.session.to_string();
        let position = to_proto::position(snapshot.position_at(at, encoding));
        Refinement::start(
            server.client.clone(),
            fps,
            session,
            asked.uri.clone(),
            snapshot.version().0,
            position,
        )
    });
    let (snapshot, at, history) = match asked.selected {
        Some(selected) => {
            let (snapshot, at) = as_if_selected(&snapshot, selected, encoding);
            (snapshot, at, History::default())
        }
        None => (snapshot, at, s.documents.history(&asked.uri)),
    };
    let path = path_of(&asked.uri);
    let document = Open { path, snapshot: snapshot.clone(), edited: Vec::new() };
    let ask = Ask {
        session: ticket.session,
        hole: Hole { document, at, span: None },
        named: named_path(&asked.uri),
        others: s.documents.others(&asked.uri),
        workspace: Arc::clone(&s.workspace),
        invoked: asked.explicit,
        history,
        pace: s.pace.clone(),
        engine: s.engine.clone(),
        settings,
    };
    Ok(Begun { ticket, ask, place, refinement })
}

pub(super) fn unusable_status(uri: &str, unusable: Unusable) -> Status {
    match unusable {
        Unusable::NotOpen => {
            Status::of(uri, Kind::Inactive, "not-open", "the editor did not open this file here")
        }
        Unusable::OutOfStep => {
            let message = "this file's text got out of step with the editor's; open it again";
            Status::of(uri, Kind::Error, "out-of-step", message)
        }
    }
}

/// The document and cursor as they would be after the popup's item was taken.
fn as_if_selected(snapshot: &Snapshot, selected: Selected, encoding: Encoding) -> (Snapshot, ByteOffset) {
    let at = ByteOffset(snapshot.byte_at(selected.start, encoding).0 + selected.text.len());
    let mut document = Document::from(snapshot);
    let change = Change { range: Some((selected.start, selected.end)), text: selected.text };
    document.apply(&[change], snapshot.version(), encoding);
    (document.snapshot(), at)
}

async fn run(server: &Server, uri: &str, begun: Begun) -> Option<Placed> {
    let Begun { ticket, ask, place, mut refinement } = begun;
    let (version, keep) = (ask.hole.document.snapshot.version(), place.selected.is_none());
    let (engine, session) = (ask.engine.clone(), ask.session);
    let outcome = {
        let draws = refinement.is_some();
        let mut show = |frame| {
            if let Some(refinement) = &mut refinement {
                refinement.show(frame);
            }
        };
        let on_frame: Option<OnFrame<'_>> = if draws { Some(&mut show) } else { None };
        select! {
            biased;
            () = ticket.superseded() => Err(Silence::Superseded),
            outcome = complete(ask, on_frame) => outcome,
        }
    };
    let outcome = server.session.with(|s| {
        let suggestion = outcome?;
        // Kept even when the document has moved on: the next request may be what was typed of it.
        if keep {
            s.documents.show(uri, suggestion.clone());
        }
        if s.documents.version(uri) == Some(version) { Ok(suggestion) } else { Err(Silence::Superseded) }
    });
    match outcome {
        Ok(suggestion) => {
            // What is shown already has had its last frame.
            if let Some(refinement) = refinement.filter(|_| suggestion.id == session.0) {
                refinement.finish(&suggestion.best.text, suggestion.confidence);
            }
            server.status.say(Status::default());
            if keep {
                ahead::look(server, uri, &suggestion);
            }
            Some(place.put(suggestion))
        }
        // The next request is on its way, with its own reason.
        Err(Silence::Superseded) => None,
        Err(silence) => {
            // The supervisor knows more than that the engine is not there.
            let known = engine
                .filter(|_| matches!(silence, Silence::NoEngine(_)))
                .map(|engine| engine_status(&engine.state().borrow()));
            server.status.say(
                known
                    .filter(|status| status.reason.is_some())
                    .unwrap_or_else(|| Status::silence(uri, &silence)),
            );
            None
        }
    }
}

/// The place of a hole in its document, as it was when it was asked for.
struct Place {
    at: ByteOffset,
    line_end: usize,
    rest: String,
    selected: Option<(Position, String)>,
    snapshot: Snapshot,
    encoding: Encoding,
}

impl Place {
    fn put(self, suggestion: Suggestion) -> Placed {
        let position = |byte: usize| self.snapshot.position_at(ByteOffset(byte), self.encoding);
        let place = |mut polished: Polished| {
            let swallows = self.rest.len().min(polished.swallows);
            // Neovim cuts a text at `\n` and puts the buffer's own line ends in; a `\r` would stay in the line.
            if self.snapshot.line_ends() == LineEnds::Lf {
                polished.text = polished.text.replace("\r\n", "\n");
            }
            Infill {
                before_closers: polished.before_closers(&self.rest).map(str::to_owned),
                text: polished.text,
                end: position(self.at.0 + swallows),
                rest: self.rest.get(swallows..).unwrap_or_default().to_owned(),
            }
        };
        Placed {
            best: place(suggestion.best),
            others: suggestion.others.into_iter().map(place).collect(),
            session: SessionId(suggestion.id).to_string(),
            at: position(self.at.0),
            line_end: position(self.line_end),
            selected: self.selected,
        }
    }
}

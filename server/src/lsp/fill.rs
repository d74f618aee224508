//! `quicksilver/fill` and `quicksilver/rewrite`: from a client's question to edits that it shows and applies itself.
//!
//! What must happen in arrival order (register, supersede, snapshot) is done before the first `.await`, as for ghost
//! text; the shapes are in PROTOCOL.md.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::select;
use tower_lsp_server::gen_lsp_types as lsp;

use super::fill_frames::FillFrames;
use super::suggest::unusable_status;
use super::{from_proto, server::Server, to_proto};
use crate::completion::Silence;
use crate::completion::fill::{FillAsk, fill, rewrite};
use crate::context::{Open, place::named_path, place::path_of, placeholders::placeholders};
use crate::document::{ByteOffset, Encoding, Snapshot, Version};
use crate::engine::OnFrame;
use crate::session::requests::Ticket;
use crate::session::status::{Kind, Status};
use crate::session::{Session, documents::Unusable};

/// A document and the version the client has in mind.
#[derive(Clone, Debug, Deserialize)]
pub struct Document {
    /// Its address.
    pub uri: String,
    /// The question is void if the text is another by now; `None` takes it as it is.
    #[serde(default)]
    pub version: Option<i32>,
}

/// Parameters of `quicksilver/fill`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FillParams {
    /// Where.
    pub text_document: Document,
    /// The holes; empty ranges are carets, the text of others is replaced.
    #[serde(default)]
    pub holes: Vec<lsp::Range>,
    /// Take the placeholders of these lines, too.
    #[serde(default)]
    pub within: Option<lsp::Range>,
    /// Names the frames; without it there are none.
    #[serde(default)]
    pub frame_token: Option<String>,
}

/// Parameters of `quicksilver/rewrite`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RewriteParams {
    /// Where.
    pub text_document: Document,
    /// What is to be written anew.
    pub range: lsp::Range,
    /// Mask all of it, where a network fills.
    #[serde(default)]
    pub all: bool,
    /// Names the frames; without it there are none.
    #[serde(default)]
    pub frame_token: Option<String>,
}

/// Why there is nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// For programs.
    pub reason: String,
    /// For people.
    pub message: String,
}

/// One filled hole.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Filled {
    /// Its number among those asked for, placeholders after the named ones.
    pub hole: usize,
    /// What is replaced.
    pub range: lsp::Range,
    /// By what.
    pub new_text: String,
    /// How sure the engine is, in [0, 1].
    pub confidence: f32,
}

/// The answer to `quicksilver/fill`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FillAnswer {
    /// The version of the document that the ranges are of.
    pub version: i32,
    /// The holes that were filled; empty: see `silence`.
    pub holes: Vec<Filled>,
    /// Why none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silence: Option<Reason>,
}

/// The answer to `quicksilver/rewrite`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RewriteAnswer {
    /// The version of the document that the range is of.
    pub version: i32,
    /// What is replaced.
    pub range: lsp::Range,
    /// By what: the best first; empty: see `silence`.
    pub texts: Vec<String>,
    /// By how many nats the best is better than what stands there.
    pub margin: f32,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silence: Option<Reason>,
}

/// A question that has been registered.
pub(super) struct Begun {
    pub(super) ticket: Ticket,
    pub(super) ask: FillAsk,
    encoding: Encoding,
    frames: Option<FillFrames>,
}

/// What `work` finds, unless another question takes the place of this one meanwhile.
pub(super) async fn unless_superseded<T>(
    ticket: &Ticket,
    work: impl Future<Output = Result<T, Silence>>,
) -> Result<T, Silence> {
    select! {
        biased;
        () = ticket.superseded() => Err(Silence::Superseded),
        found = work => found,
    }
}

/// Fills the holes.
pub async fn fill_holes(server: &Server, params: FillParams) -> FillAnswer {
    let uri = params.text_document.uri.clone();
    let begun = server.session.with(|s| {
        begin(server, s, &params.text_document, params.frame_token.clone(), |snapshot, encoding| {
            holes(snapshot, encoding, &params)
        })
    });
    let Begun { ticket, ask, encoding, mut frames } = match begun {
        Ok(begun) => begun,
        Err(status) => {
            return FillAnswer { version: 0, holes: Vec::new(), silence: Some(said(server, status)) };
        }
    };
    let snapshot = ask.document.snapshot.clone();
    let version = snapshot.version();
    let mut show = frames.as_mut().map(FillFrames::drawing);
    let on_frame = show.as_mut().map(|show| show as OnFrame<'_>);
    let found = unless_superseded(&ticket, fill(&ask, on_frame)).await;
    match found.and_then(|found| current(server, &uri, version).map(|()| found)) {
        Ok(found) => {
            server.status.say(Status::default());
            let filled = found.into_iter().map(|replacement| Filled {
                hole: replacement.hole,
                range: range(&snapshot, encoding, replacement.range),
                new_text: replacement.text,
                confidence: replacement.confidence,
            });
            FillAnswer { version: version.0, holes: filled.collect(), silence: None }
        }
        Err(silence) => {
            let silence = said(server, Status::silence(&uri, &silence));
            FillAnswer { version: version.0, holes: Vec::new(), silence: Some(silence) }
        }
    }
}

/// Writes the range anew.
pub async fn rewrite_range(server: &Server, params: RewriteParams) -> RewriteAnswer {
    let uri = params.text_document.uri.clone();
    let nothing = |version, silence| RewriteAnswer {
        version,
        range: params.range,
        texts: Vec::new(),
        margin: 0.0,
        silence: Some(silence),
    };
    let begun = server.session.with(|s| {
        begin(server, s, &params.text_document, params.frame_token.clone(), |snapshot, encoding| {
            vec![bytes(snapshot, encoding, &params.range)]
        })
    });
    let Begun { ticket, ask, encoding, mut frames } = match begun {
        Ok(begun) => begun,
        Err(status) => return nothing(0, said(server, status)),
    };
    let version = ask.document.snapshot.version();
    let mut show = frames.as_mut().map(FillFrames::drawing);
    let on_frame = show.as_mut().map(|show| show as OnFrame<'_>);
    let found = unless_superseded(&ticket, rewrite(&ask, params.all, on_frame)).await;
    match found.and_then(|found| current(server, &uri, version).map(|()| found)) {
        Ok(found) => {
            server.status.say(Status::default());
            let replaced = ask.holes.first().cloned().unwrap_or_default();
            RewriteAnswer {
                version: version.0,
                range: range(&ask.document.snapshot, encoding, replaced),
                texts: found.texts,
                margin: found.margin,
                silence: None,
            }
        }
        Err(silence) => nothing(version.0, said(server, Status::silence(&uri, &silence))),
    }
}

pub(super) fn begin(
    server: &Server,
    s: &mut Session,
    document: &Document,
    frame_token: Option<String>,
    holes: impl FnOnce(&Snapshot, Encoding) -> Vec<Range<usize>>,
) -> Result<Begun, Status> {
    let uri = &document.uri;
    let busy = || Status::of(uri, Kind::Warning, "busy", "too many files ask for suggestions at once");
    let ticket = s.requests.begin(&slot(uri)).ok_or_else(busy)?;
    let unusable = |why: Unusable| unusable_status(uri, why);
    let snapshot = s.documents.snapshot(uri).map_err(unusable)?;
    if document.version.is_some_and(|version| version != snapshot.version().0) {
        return Err(Status::silence(uri, &Silence::Superseded));
    }
    let encoding = s.documents.encoding;
    let holes = holes(&snapshot, encoding);
    if holes.is_empty() {
        return Err(Status::of(
            uri,
            Kind::Normal,
            "no-holes",
            "no place to fill: put the cursor somewhere, or select a `todo!()`, a `pass` or a TODO",
        ));
    }
    let frames = frame_token.map(|token| {
        let place = |hole: &Range<usize>| range(&snapshot, encoding, hole.clone());
        let ranges = holes.iter().map(place).collect();
        FillFrames::start(
            server.client.clone(),
            s.settings.max_fps,
            token,
            uri.clone(),
            snapshot.version().0,
            ranges,
        )
    });
    let others = s.documents.others(uri);
    let ask = FillAsk {
        document: Open { path: path_of(uri), snapshot, edited: Vec::new() },
        holes,
        named: named_path(uri),
        others,
        workspace: Arc::clone(&s.workspace),
        engine: s.engine.clone(),
        settings: s.settings.clone(),
    };
    Ok(Begun { ticket, ask, encoding, frames })
}

/// Under which name a document's fills are registered: beside its ghost text, which they neither supersede nor are
/// superseded by.
pub(super) fn slot(uri: &str) -> String {
    format!("fill {uri}")
}

/// The holes that are named, and the placeholders of the lines that are; in order, those that overlap once.
fn holes(snapshot: &Snapshot, encoding: Encoding, params: &FillParams) -> Vec<Range<usize>> {
    let mut all: Vec<Range<usize>> =
        params.holes.iter().map(|hole| bytes(snapshot, encoding, hole)).collect();
    if let Some(within) = &params.within {
        all.extend(placeholders(snapshot, bytes(snapshot, encoding, within)));
    }
    all.sort_by_key(|hole| (hole.start, hole.end));
    let mut apart: Vec<Range<usize>> = Vec::new();
    for hole in all {
        if apart.last().is_none_or(|last| hole.start > last.end) {
            apart.push(hole);
        }
    }
    apart
}

/// The bytes of a range, from its lesser end.
pub(super) fn bytes(snapshot: &Snapshot, encoding: Encoding, range: &lsp::Range) -> Range<usize> {
    let place = |position| snapshot.byte_at(from_proto::position(position), encoding).0;
    let (start, end) = (place(range.start), place(range.end));
    start.min(end)..start.max(end)
}

/// The client's range of bytes.
pub(super) fn range(snapshot: &Snapshot, encoding: Encoding, bytes: Range<usize>) -> lsp::Range {
    let place = |byte| to_proto::position(snapshot.position_at(ByteOffset(byte), encoding));
    lsp::Range { start: place(bytes.start), end: place(bytes.end) }
}

fn current(server: &Server, uri: &str, version: Version) -> Result<(), Silence> {
    let now = server.session.with(|s| s.documents.version(uri));
    if now == Some(version) { Ok(()) } else { Err(Silence::Superseded) }
}

/// Tells the status, and gives its reason for the answer.
fn said(server: &Server, status: Status) -> Reason {
    let reason = status.reason.clone().unwrap_or_default();
    let message = status.message.clone();
    if reason != Silence::Superseded.code() {
        server.status.say(status);
    }
    Reason { reason, message }
}

//! `quicksilver/definitions`: where the language's own server says that names near the cursor are defined.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;
use tower_lsp_server::gen_lsp_types::{Location, VersionedTextDocumentIdentifier};

use crate::context::place::path_of;
use crate::context::pointed::{MOST_NAMES, MOST_PLACES, Named, Spot};
use crate::document::Version;
use crate::lsp::{from_proto, server::Server};

/// The most time that one message's files take; what is not read by then is left out.
const BUDGET: Duration = Duration::from_millis(500);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    text_document: VersionedTextDocumentIdentifier,
    names: Vec<Name>,
}

#[derive(Deserialize)]
struct Name {
    name: String,
    locations: Vec<Location>,
}

/// Takes in the places, and reads them in a thread of its own: no request waits for it.
pub fn handle(server: &Server, params: Value) {
    let Said { text_document, names } = match from_proto::params(params) {
        Ok(said) => said,
        Err(error) => return tracing::warn!(%error, "definitions that make no sense"),
    };
    let uri = text_document.text_document_identifier.uri.0;
    let Some(document) = path_of(&uri) else { return };
    let known = server.session.with(|s| {
        // Said of another text: its names may stand nowhere.
        let same = s.documents.version(&uri) == Some(Version(text_document.version));
        same.then(|| (std::sync::Arc::clone(&s.workspace), s.documents.others(&uri)))
    });
    let Some((workspace, open)) = known else { return };
    let named: Vec<Named> = names.into_iter().take(MOST_NAMES).map(named).collect();
    tokio::task::spawn_blocking(move || {
        let until = Instant::now() + BUDGET;
        workspace.point(&document, &named, &open, &mut || Instant::now() > until);
    });
}

/// Of a range its lines count: who answered the editor may count columns in another encoding.
fn named(Name { name, locations }: Name) -> Named {
    let spot = |Location { uri, range }: Location| {
        let lines = range.start.line as usize..range.end.line.max(range.start.line) as usize + 1;
        Some(Spot { path: path_of(&uri.0)?, lines })
    };
    Named { name, at: locations.into_iter().take(MOST_PLACES).filter_map(spot).collect() }
}

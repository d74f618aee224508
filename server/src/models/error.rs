//! Why a model was not pulled, found or removed, and what to do about it.

use std::{io, path::PathBuf, time::Duration};

use super::{ModelId, Wanted};

/// What can go wrong between a model's name and its files. No message holds a token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PullError {
    /// Not a name of a model.
    #[error("`{0}` names no model; give ORG/NAME or ORG/NAME@REVISION, as on the hub")]
    Name(String),
    /// The hub's address, the token or the cache folder cannot be used.
    #[error("{0}")]
    Setting(String),
    /// The licence has not been accepted.
    #[error(
        "{id} is under the licence {licence:?}, which restricts what you may do with it; read it at {page}, then \
         run this again with --accept-licence"
    )]
    Licence {
        /// Which model.
        id: ModelId,
        /// Its licence.
        licence: String,
        /// Where it can be read.
        page: String,
    },
    /// A token is needed, or the one given is not valid.
    #[error("{host} does not let us in: {}", if *.token { "HF_TOKEN is not valid there" } else { "set HF_TOKEN to a token of yours" })]
    Unauthorized {
        /// The hub.
        host: String,
        /// Whether one was sent.
        token: bool,
    },
    /// The model's owner wants conditions accepted on the hub's own page.
    #[error("{id} is gated: accept its conditions at {page}, then set HF_TOKEN to a token of that account")]
    Gated {
        /// Which model.
        id: ModelId,
        /// Where to accept.
        page: String,
    },
    /// Not there.
    #[error(
        "{host} has no {what}; check the spelling{}",
        if *.token { "" } else { ", or set HF_TOKEN if it is private" }
    )]
    NotFound {
        /// The hub.
        host: String,
        /// What was asked for.
        what: String,
        /// Whether a token was sent.
        token: bool,
    },
    /// Too many requests.
    #[error("{host} asks to wait {} s before the next request; pull again then, it goes on where it stopped", .wait.as_secs())]
    Busy {
        /// The hub.
        host: String,
        /// How long.
        wait: Duration,
    },
    /// Another refusal, or a failure of the server.
    #[error("{host} answers {status} for {what}; pull again later, it goes on where it stopped")]
    Status {
        /// Who answered.
        host: String,
        /// What was asked for.
        what: String,
        /// The HTTP status.
        status: u16,
    },
    /// No answer, or one that broke off.
    #[error(
        "{host}: {reason}; pull again, it goes on where it stopped (behind a proxy, set HTTPS_PROXY; for a mirror, HF_ENDPOINT or --hub)"
    )]
    Unreachable {
        /// Whom we spoke to.
        host: String,
        /// What happened.
        reason: String,
    },
    /// An answer that makes no sense.
    #[error("{host} answers what no hub says: {reason}; is it one? (HF_ENDPOINT, --hub)")]
    BadAnswer {
        /// Who answered.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A name in the listing or the index that would leave the model's folder.
    #[error("{id} names a file {path:?}, which would leave the model's folder; nothing of it was fetched")]
    UnsafeName {
        /// Which model.
        id: ModelId,
        /// The name.
        path: String,
    },
    /// There is nothing that could be loaded.
    #[error("{id} cannot be used: {reason}")]
    Unusable {
        /// Which model.
        id: ModelId,
        /// What is missing, and what to do.
        reason: String,
    },
    /// The file is not what the hub says it is.
    #[error(
        "{file} has the SHA-256 {found}, and {wanted} was announced; it was deleted. Pull again; if it happens again, \
         the mirror or the proxy changes files"
    )]
    Checksum {
        /// Which file.
        file: String,
        /// As announced.
        wanted: String,
        /// As computed.
        found: String,
    },
    /// Too little space.
    #[error(
        "{} needs {} more and has {} free; make room, or set QUICKSILVER_MODELS to a folder on another disk",
        .folder.display(), super::store::size(*.needed), super::store::size(*.free)
    )]
    NoSpace {
        /// Where it was to go.
        folder: PathBuf,
        /// Bytes still to be written.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// A file or folder of ours cannot be read or written.
    #[error("{}: {error}{}", .path.display(), advice(.error))]
    Disk {
        /// Which.
        path: PathBuf,
        /// The system's words.
        error: io::Error,
    },
    /// Not on this disk.
    #[error(
        "{0} is not on this disk; `quicksilver model pull {0}` fetches it, `quicksilver model list` shows what there is"
    )]
    NotHere(Wanted),
}

impl PullError {
    /// Whether the same request may succeed in a moment.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Busy { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 500..=599),
            _ => false,
        }
    }

    pub(super) fn disk(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |error| Self::Disk { path, error }
    }
}

fn advice(error: &io::Error) -> &'static str {
    use io::ErrorKind::{FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => {
            "; make room, or set QUICKSILVER_MODELS to a folder on another disk; pull again, it goes on where it stopped"
        }
        PermissionDenied | ReadOnlyFilesystem => "; set QUICKSILVER_MODELS to a folder that you may write to",
        _ => "",
    }
}

//! The engine's one error type: every arm is something that a caller can act on.

use std::path::PathBuf;

/// What can go wrong between a start and an answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A model's file is missing, unreadable or not what it should be.
    #[error("{}: {}", .file.display(), brief(.reason))]
    ModelFile {
        /// The file at fault.
        file: PathBuf,
        /// What is wrong with it, naming the field or tensor, and what to do.
        reason: String,
    },
    /// The model does not fit the device's memory: what it needs, what is free, and what would fit.
    #[error("{0}")]
    TooLarge(String),
    /// The request cannot be served as it is.
    #[error("{field}: {reason}")]
    BadRequest {
        /// The field at fault.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Too much is waiting already.
    #[error("{jobs} jobs are waiting; try again in {retry_after_s} s")]
    Overloaded {
        /// Jobs waiting now.
        jobs: usize,
        /// When to come back.
        retry_after_s: u64,
    },
    /// The deadline passed before a first answer was there.
    #[error("the deadline passed before there was an answer; ask for less, or give more time")]
    Late,
    /// No key, or not the right one.
    #[error("the key is missing or wrong; send it as `Authorization: Bearer KEY`")]
    Unauthorized,
    /// The request came by way of a browser, or under a name that is not this engine's.
    #[error("{0} is refused: this engine answers programs on this machine, not web pages")]
    Forbidden(&'static str),
    /// No such thing here.
    #[error(
        "`{path}` does not exist here; there is POST /v1/fim/completions and GET /v1/models, /health, /ready, /metrics"
    )]
    NotFound {
        /// What was asked for.
        path: String,
    },
    /// Another model is asked for than the one served.
    #[error("this engine serves `{served}`, not `{asked}`; leave `model` out, or ask for `{served}`")]
    UnknownModel {
        /// What the request names.
        asked: String,
        /// What there is.
        served: String,
    },
    /// The path exists, the method does not.
    #[error("this path does not take that method")]
    MethodNotAllowed,
    /// The body is larger than a body may be.
    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge {
        /// The most bytes a body may have.
        limit: usize,
    },
    /// The body did not arrive in time.
    #[error("the body did not arrive within {limit_s} s")]
    BodyTooSlow {
        /// Seconds that a body may take.
        limit_s: u64,
    },
    /// The body is not JSON, says its header or its bytes.
    #[error("the body must be JSON with `Content-Type: application/json`")]
    NotJson,
    /// The body is broken JSON, or JSON of another shape.
    #[error("{0}")]
    Malformed(String),
    /// The engine is about to stop.
    #[error("the engine is stopping")]
    Stopping,
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// What was asked for.
        address: String,
        /// Why not, and what to do.
        reason: String,
    },
    /// The client went away, or asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// The device failed; `sticky` means that only a new process will help.
    #[error("device: {reason}")]
    Device {
        /// The driver's words.
        reason: String,
        /// Nothing more can be computed in this process.
        sticky: bool,
    },
    /// A bug of ours, fenced.
    #[error("internal error: {0}")]
    Internal(String),
}

/// Bytes of the longest reason that is told: a file can hold names as long as itself.
const MAX_REASON_BYTES: usize = 1000;

fn brief(reason: &str) -> String {
    let end = reason.floor_char_boundary(MAX_REASON_BYTES);
    match reason.split_at_checked(end) {
        Some((told, rest)) if !rest.is_empty() => format!("{told}…"),
        _ => reason.to_owned(),
    }
}

//! Everything else the engine says: models, health, errors, and its first line on stdout.

use serde::{Deserialize, Serialize};

/// `GET /v1/models`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelList {
    /// Always `list`.
    pub object: String,
    /// One entry: an engine serves one model.
    pub data: Vec<ModelInfo>,
}

/// One model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Name to use in requests.
    pub id: String,
    /// Always `model`.
    pub object: String,
    /// Always `quicksilver`.
    pub owned_by: String,
}

/// The one JSON line the engine prints on stdout when it can answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// `http://ADDR:PORT`, or `unix:PATH`.
    pub address: String,
    /// The model it serves.
    pub model: String,
    /// The device it runs on.
    pub device: String,
    /// Its process id.
    pub pid: u32,
    /// Its version; a server joins only an engine of its own version.
    pub version: String,
}

/// An error body, OpenAI's shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// The error.
    pub error: ErrorDetail,
}

/// What went wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDetail {
    /// For people: what is wrong and what to do.
    pub message: String,
    /// `invalid_request_error`, `authentication_error`, `rate_limit_error`, `overloaded_error`, `server_error`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The field at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// For programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

//! What can go wrong between the language server and its engine; every arm is something to act on.

use std::time::Duration;

/// Why there is no answer from the engine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The address, key or model in the settings cannot be used.
    #[error("{0}")]
    Setting(String),
    /// The engine cannot be started, and trying again would not help.
    #[error("the engine cannot start: {0}")]
    CannotStart(String),
    /// The engine is starting, or starting again.
    #[error("the engine is starting")]
    NotReady,
    /// Nobody answers there.
    #[error("no engine answers: {0}")]
    Unreachable(String),
    /// The deadline passed.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// The engine is busy.
    #[error("the engine is busy; try again in {} s", .0.as_secs())]
    Busy(Duration),
    /// The key is missing or wrong.
    #[error("the engine refuses the key; check QUICKSILVER_KEY, --key-file or the setting `quicksilver.key`")]
    Unauthorized,
    /// The engine refuses the request.
    #[error("the engine refuses the request ({status}): {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The engine's words.
        message: String,
    },
    /// What came back is no answer.
    #[error("the engine's answer makes no sense: {0}")]
    BadAnswer(String),
}

impl AskError {
    /// Whether the same engine may well answer the next request.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::NotReady | Self::Timeout(_) | Self::Busy(_) | Self::Unreachable(_))
    }
}

//! Before `initialize`, running, after `shutdown`: what is refused when, and the exit code.
//!
//! Owns the phase of the connection. Knows method names, no LSP types.

use std::sync::atomic::{AtomicU8, Ordering};

use tower_lsp_server::jsonrpc::{Error, ErrorCode};

use super::message::error;

/// `ServerNotInitialized` of LSP.
const SERVER_NOT_INITIALIZED: i64 = -32002;

const WAITING: u8 = 0;
const RUNNING: u8 = 1;
const SHUT_DOWN: u8 = 2;

/// The phase of a connection.
#[derive(Debug, Default)]
pub struct Lifecycle(AtomicU8);

impl Lifecycle {
    /// Why a request of this method is refused now, if it is.
    pub fn refuse(&self, method: &str) -> Option<Error> {
        match (self.0.load(Ordering::SeqCst), method) {
            (WAITING, "initialize") | (RUNNING, _) => None,
            (WAITING, _) => {
                Some(error(ErrorCode::ServerError(SERVER_NOT_INITIALIZED), "send `initialize` first"))
            }
            _ => Some(error(ErrorCode::InvalidRequest, "the server was shut down")),
        }
    }

    /// Whether a notification of this method reaches its handler now; `exit` always does.
    pub fn admits(&self, method: &str) -> bool {
        method == "exit" || self.0.load(Ordering::SeqCst) == RUNNING
    }

    /// Learns from a successful response.
    pub fn succeeded(&self, method: &str) {
        match method {
            "initialize" => self.0.store(RUNNING, Ordering::SeqCst),
            "shutdown" => self.0.store(SHUT_DOWN, Ordering::SeqCst),
            _ => {}
        }
    }

    /// 0 if the client said `shutdown` before the end, else 1.
    pub fn exit_code(&self) -> u8 {
        u8::from(self.0.load(Ordering::SeqCst) != SHUT_DOWN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_refuse_with_their_codes() {
        let phase = Lifecycle::default();
        let code = |method| phase.refuse(method).map(|e| e.code.code());
        assert_eq!((code("initialize"), code("a")), (None, Some(-32002)));
        assert!(!phase.admits("a") && phase.admits("exit"));
        phase.succeeded("initialize");
        assert_eq!((code("a"), phase.exit_code()), (None, 1));
        phase.succeeded("shutdown");
        assert_eq!((code("a"), code("shutdown"), phase.exit_code()), (Some(-32600), Some(-32600), 0));
        assert!(!phase.admits("a") && phase.admits("exit"));
    }
}

//! Bytes ↔ typed messages, and the loop that serves them.
//!
//! | file | owns |
//! |---|---|
//! | [`frame`] | `Content-Length` framing and JSON parsing of what a client sends; survives any bytes |
//! | [`message`] | which JSON value is which JSON-RPC message, and what is refused with which code |
//! | [`lifecycle`] | before `initialize`, running, after `shutdown`; the exit code |
//! | [`answers`] | exactly one response per request id |
//! | [`serve`] | the loop: ordered calls, panic fence, no slot limit |
//! | [`parent`] | the end of the process that started us |
//!
//! tower-lsp-server's own `Server` is not used: one malformed message ends it, a panic in a handler ends
//! the process, and four slow requests make it deaf to cancels. Its `LspService` is a `tower::Service`,
//! which this module drives.

pub mod answers;
pub mod frame;
pub mod lifecycle;
pub mod message;
pub mod parent;
mod resync;
pub mod serve;
mod surrogates;

//! The engine's front: axum routes over the queue. Knows JSON and HTTP, no tensor.
//!
//! A request passes `listen` (size and time of headers) → `auth` (whose key, which host) → `admit` (size and
//! time of the body, every field) → the queue → `stream` or one JSON answer. Each refusal is an
//! [`EngineError`], and `error` gives each its status in one place.

mod admit;
mod auth;
mod error;
mod lease;
mod listen;
mod metrics;
mod routes;
mod stream;

use std::{future::Future, sync::Arc};

use tokio::sync::watch;

use crate::{EngineError, queue::Queue};

pub use auth::Keys;
pub use listen::{Address, Listener};

/// What the engine says of itself.
#[derive(Clone, Debug)]
pub struct About {
    /// The model it serves, by the name used in requests.
    pub model: String,
    /// The device it runs on.
    pub device: String,
}

/// How long an engine lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Until it is told to stop.
    UntilStopped,
    /// Until the last language server has closed its lease.
    WhileLeased,
}

/// Serves until `stop` resolves, the leases are gone (see [`Life`]) or the device dies; then lets running
/// requests end, for at most [`DRAIN_TIMEOUT`](quicksilver_protocol::limits::DRAIN_TIMEOUT).
///
/// # Errors
/// [`EngineError::Device`] when the device died: a new process is needed.
pub async fn serve(
    listener: Listener,
    queue: Queue,
    about: About,
    keys: Keys,
    life: Life,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), EngineError> {
    let (stopping, stopped) = watch::channel(false);
    let mut dead = queue.dead();
    let leases = lease::Leases::default();
    let app = Arc::new(routes::App {
        guard: auth::Guard::new(keys, listener.address()),
        metrics: metrics::Metrics::new(&about),
        leases: leases.clone(),
        stopping: stopped.clone(),
        queue,
        about,
    });
    let connections = listen::accept(listener, routes::router(app), stopped);
    let end = async {
        tokio::select! {
            () = stop => Ok(()),
            () = leases.gone(), if life == Life::WhileLeased => Ok(()),
            reason = dead.wait_for(Option::is_some) => {
                let reason = reason.ok().and_then(|reason| reason.clone()).unwrap_or_default();
                Err(EngineError::Device { reason, sticky: true })
            }
        }
    };
    let ended = async {
        let ended = end.await;
        stopping.send_replace(true);
        ended
    };
    tokio::join!(connections, ended).1
}

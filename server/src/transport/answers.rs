//! Exactly one response per request id.
//!
//! Owns the set of requests in flight and the way out for their responses. Knows no method.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tower_lsp_server::jsonrpc::{Id, Response};

/// Responses that wait for the client to read; beyond it the server stops reading.
pub const MAX_WAITING_RESPONSES: usize = 65_536;

/// The requests in flight, and the queue of responses.
#[derive(Clone, Debug)]
pub struct Answers {
    in_flight: Arc<Mutex<HashSet<Id>>>,
    queue: mpsc::Sender<Response>,
}

impl Answers {
    /// An empty set, and the end that the writer reads from.
    pub fn new() -> (Self, mpsc::Receiver<Response>) {
        let (queue, responses) = mpsc::channel(MAX_WAITING_RESPONSES);
        (Self { in_flight: Arc::default(), queue }, responses)
    }

    /// Takes up a request; false if one of this id is in flight already.
    pub fn begin(&self, id: &Id) -> bool {
        self.locked(|ids| ids.insert(id.clone()))
    }

    /// Sends the response of a request in flight; a second response to the same request goes nowhere.
    pub async fn finish(&self, response: Response) {
        if self.locked(|ids| ids.remove(response.id())) {
            self.send(response).await;
        }
    }

    /// Sends a response to what never was a request in flight.
    pub async fn send(&self, response: Response) {
        // The receiver ends with the process; nobody is left to hear then.
        let _ = self.queue.send(response).await;
    }

    fn locked<R>(&self, with: impl FnOnce(&mut HashSet<Id>) -> R) -> R {
        with(&mut self.in_flight.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

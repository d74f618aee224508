//! Leases: each language server that shares this engine holds one open connection, `GET /v1/lease`. When
//! the last is closed, however its owner died, the engine can go.

use std::{convert::Infallible, sync::Arc};

use axum::body::{Body, Bytes};
use futures_util::stream;
use quicksilver_protocol::limits::{FIRST_LEASE_WAIT, LEASE_GRACE};
use tokio::sync::watch;

use super::listen::told;

/// Counts open leases.
#[derive(Clone)]
pub(super) struct Leases(Arc<watch::Sender<usize>>);

impl Default for Leases {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

struct Lease(Leases);

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.0.send_modify(|open| *open -= 1);
    }
}

impl Leases {
    /// A body that stays open, and is counted, until the client closes it or the engine stops.
    pub(super) fn grant(&self, stopping: watch::Receiver<bool>) -> Body {
        self.0.send_modify(|open| *open += 1);
        let first = (Lease(self.clone()), stopping, true);
        Body::from_stream(stream::unfold(first, |(lease, mut stopping, is_first)| async move {
            if is_first {
                let granted = Ok::<_, Infallible>(Bytes::from_static(b"granted\n"));
                return Some((granted, (lease, stopping, false)));
            }
            told(&mut stopping).await;
            None
        }))
    }

    /// Resolves when no lease has been open for the grace time.
    pub(super) async fn gone(&self) {
        let mut open = self.0.subscribe();
        let first = tokio::time::timeout(FIRST_LEASE_WAIT, open.wait_for(|open| *open > 0)).await.is_ok();
        if !first {
            return;
        }
        loop {
            let _ = open.wait_for(|open| *open == 0).await;
            let again = tokio::time::timeout(LEASE_GRACE, open.wait_for(|open| *open > 0)).await.is_ok();
            if !again {
                return;
            }
        }
    }
}

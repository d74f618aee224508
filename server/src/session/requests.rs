//! Which completion runs for which document.
//!
//! One per document: a newer request supersedes the older, whose handler then answers with an empty list
//! at once. Beside them one looks ahead, for what no user has asked yet; any request of a user ends it. Knows no text
//! and no engine.

use rustc_hash::FxHashMap;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Completions under way at once, all documents together.
pub const MAX_PENDING: usize = 64;

/// A completion under way. Dropping it ends it.
#[derive(Debug)]
pub struct Ticket {
    /// Names the completion to the client, in frames and in the item's command.
    pub session: SessionId,
    superseded: CancellationToken,
    _end: DropGuard,
}

/// Unique for the life of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u64);

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s{}", self.0)
    }
}

impl SessionId {
    /// What [`Display`](std::fmt::Display) wrote.
    pub fn parse(text: &str) -> Option<Self> {
        text.strip_prefix('s')?.parse().ok().map(Self)
    }
}

impl Ticket {
    /// Resolves when a newer request has taken this one's place.
    pub async fn superseded(&self) {
        self.superseded.cancelled().await;
    }
}

/// The completions under way, by document.
#[derive(Debug, Default)]
pub struct Requests {
    by_document: FxHashMap<String, CancellationToken>,
    ahead: Option<CancellationToken>,
    next: u64,
}

impl Requests {
    /// Registers a completion and supersedes the document's older one; `None` when too many are under way.
    pub fn begin(&mut self, uri: &str) -> Option<Ticket> {
        self.supersede(uri);
        if self.by_document.len() >= MAX_PENDING {
            self.by_document.retain(|_, token| !token.is_cancelled());
        }
        if self.by_document.len() >= MAX_PENDING {
            return None;
        }
        let token = CancellationToken::new();
        self.by_document.insert(uri.to_owned(), token.clone());
        Some(self.ticket(token))
    }

    /// Registers a completion that no user asked for. There is one at most, it counts against no limit, and the next
    /// request or change of any document supersedes it.
    pub fn ahead(&mut self) -> Ticket {
        let token = CancellationToken::new();
        if let Some(older) = self.ahead.replace(token.clone()) {
            older.cancel();
        }
        self.ticket(token)
    }

    /// Ends the document's completion, if one is under way, and the one that looks ahead.
    pub fn supersede(&mut self, uri: &str) {
        self.supersede_ahead();
        if let Some(token) = self.by_document.remove(uri) {
            token.cancel();
        }
    }

    /// Ends the completion that looks ahead.
    pub fn supersede_ahead(&mut self) {
        if let Some(token) = self.ahead.take() {
            token.cancel();
        }
    }

    fn ticket(&mut self, token: CancellationToken) -> Ticket {
        self.next += 1;
        Ticket { session: SessionId(self.next), superseded: token.clone(), _end: token.drop_guard() }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn over(ticket: &Ticket) -> bool {
        ticket.superseded().now_or_never().is_some()
    }

    #[test]
    fn the_newer_supersedes_the_older_of_the_same_document_only() {
        let mut requests = Requests::default();
        let first = requests.begin("a").unwrap();
        let other = requests.begin("b").unwrap();
        assert!(!over(&first));
        let second = requests.begin("a").unwrap();
        assert!(over(&first) && !over(&second) && !over(&other));
        assert!(first.session < second.session);
        requests.supersede("b");
        assert!(over(&other) && !over(&second));
    }

    #[test]
    fn one_looks_ahead_until_a_user_asks_or_types() {
        let mut requests = Requests::default();
        let first = requests.ahead();
        let second = requests.ahead();
        assert!(over(&first) && !over(&second));
        let asked = requests.begin("a").unwrap();
        assert!(over(&second) && !over(&asked));
        let third = requests.ahead();
        assert!(!over(&asked), "it is in nobody's way");
        requests.supersede_ahead();
        assert!(over(&third) && !over(&asked));
        let _tickets: Vec<_> = (0..MAX_PENDING).filter_map(|n| requests.begin(&n.to_string())).collect();
        assert!(!over(&requests.ahead()), "it counts against no limit");
    }

    #[test]
    fn the_limit_counts_those_under_way() {
        let mut requests = Requests::default();
        let mut tickets: Vec<_> = (0..MAX_PENDING).map(|n| requests.begin(&n.to_string()).unwrap()).collect();
        assert!(requests.begin("one more").is_none());
        assert!(requests.begin("0").is_some(), "superseding one's own makes room");
        tickets.pop();
        assert!(requests.begin("one more").is_some(), "an ended one makes room");
    }
}

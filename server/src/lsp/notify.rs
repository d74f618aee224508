//! Our own notifications to the client: frames and status.
//!
//! Both go through a cell that holds the latest value only. A client that reads slowly, or not at all,
//! gets fewer of them; nothing is queued and nobody waits.

use std::time::Duration;

use quicksilver_protocol::completion::Run;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tower_lsp_server::Client;
use tower_lsp_server::gen_lsp_types::{
    LspNotificationMethod, MessageDirection, Notification, Position, Range,
};

use crate::session::status::{Status, StatusBoard};

/// `quicksilver/frame`: the whole span after a denoise step; it replaces all earlier ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FrameParams {
    /// The completion it belongs to; the item's command carries the same.
    pub session: String,
    /// The document.
    pub uri: String,
    /// The version the completion was asked for.
    pub version: i32,
    /// Where it was asked for.
    pub position: Position,
    /// Rises by one with every frame of a session that is sent.
    pub seq: u32,
    /// The denoise step, from 0.
    pub step: u32,
    /// Whether more follow.
    pub state: FrameState,
    /// What the span replaces; empty, at the cursor.
    pub range: Range,
    /// The span, left to right.
    pub runs: Vec<Run>,
    /// Since the request arrived.
    pub elapsed_ms: u64,
}

/// Whether more frames follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FrameState {
    /// They may.
    Denoising,
    /// None, and the response has come or comes now.
    Final,
    /// None, and nothing is suggested.
    Cancelled,
}

/// `quicksilver/frame`.
pub enum FrameNotification {}

impl Notification for FrameNotification {
    type Params = FrameParams;
    const METHOD: LspNotificationMethod<'static> = LspNotificationMethod::Custom("quicksilver/frame");
    const MESSAGE_DIRECTION: MessageDirection = MessageDirection::ServerToClient;
}

enum StatusNotification {}

impl Notification for StatusNotification {
    type Params = Status;
    const METHOD: LspNotificationMethod<'static> = LspNotificationMethod::Custom("quicksilver/status");
    const MESSAGE_DIRECTION: MessageDirection = MessageDirection::ServerToClient;
}

/// A frame among others of its kind.
pub trait Numbered: Clone {
    /// Its number, from 0, among those that are sent.
    fn number(&mut self, seq: u32);
    /// Whether none follows.
    fn is_last(&self) -> bool;
}

impl Numbered for FrameParams {
    fn number(&mut self, seq: u32) {
        self.seq = seq;
    }

    fn is_last(&self) -> bool {
        self.state != FrameState::Denoising
    }
}

/// Sends the frames put into `latest`, at most `fps` a second, until its sender is gone; the last one put
/// in is always sent.
pub async fn forward_frames<N>(client: Client, mut latest: watch::Receiver<Option<N::Params>>, fps: u32)
where
    N: Notification,
    N::Params: Numbered,
{
    let pause = Duration::from_secs(1) / fps.max(1);
    let mut seq = 0;
    while latest.changed().await.is_ok() {
        let Some(mut frame) = latest.borrow_and_update().clone() else { continue };
        frame.number(seq);
        seq += 1;
        let last = frame.is_last();
        client.send_notification::<N>(frame).await;
        if last {
            return;
        }
        // A last frame need not wait its turn. The clone looks ahead, so that nothing counts as seen.
        let mut ahead = latest.clone();
        let is_last = |frame: &Option<N::Params>| frame.as_ref().is_some_and(Numbered::is_last);
        let _ = tokio::time::timeout(pause, ahead.wait_for(is_last)).await;
    }
}

/// Sends each status that is new by the time the client takes it.
pub async fn forward_status(client: Client, board: StatusBoard) {
    let mut latest = board.follow();
    // What was said before the client could be told is news to it.
    latest.mark_changed();
    while latest.changed().await.is_ok() {
        let status = latest.borrow_and_update().clone();
        client.send_notification::<StatusNotification>(status).await;
    }
}

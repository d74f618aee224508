//! `quicksilver/fillFrame`: all holes of a fill, or the text of a rewriting, after a step; latest wins.
//!
//! A client names the frames it wants by a token of its own, for it has no answer yet to know them by.

use quicksilver_protocol::completion::{Frame, Run};
use serde::Serialize;
use tokio::sync::watch;
use tower_lsp_server::Client;
use tower_lsp_server::gen_lsp_types::{LspNotificationMethod, MessageDirection, Notification, Range};

use super::notify::{Numbered, forward_frames};

/// `quicksilver/fillFrame`.
#[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FillFrameParams {
    /// As the request has it.
    pub token: String,
    /// The document.
    pub uri: String,
    /// Its version.
    pub version: i32,
    /// Rises by one with every frame that is sent.
    pub seq: u32,
    /// The step, from 0.
    pub step: u32,
    /// Every hole that was asked for.
    pub holes: Vec<HoleFrame>,
}

/// One hole as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
pub struct HoleFrame {
    /// What it takes the place of.
    pub range: Range,
    /// Its text, left to right.
    pub runs: Vec<Run>,
}

enum FillFrameNotification {}

impl Notification for FillFrameNotification {
    type Params = FillFrameParams;
    const METHOD: LspNotificationMethod<'static> = LspNotificationMethod::Custom("quicksilver/fillFrame");
    const MESSAGE_DIRECTION: MessageDirection = MessageDirection::ServerToClient;
}

impl Numbered for FillFrameParams {
    fn number(&mut self, seq: u32) {
        self.seq = seq;
    }

    /// The answer says so.
    fn is_last(&self) -> bool {
        false
    }
}

/// The frames of one request. When it is dropped, no more are sent.
pub struct FillFrames {
    cell: watch::Sender<Option<FillFrameParams>>,
    latest: FillFrameParams,
}

impl FillFrames {
    /// Frames of a request for `ranges`, at most `fps` a second.
    pub fn start(
        client: Client,
        fps: u32,
        token: String,
        uri: String,
        version: i32,
        ranges: Vec<Range>,
    ) -> Self {
        let (cell, frames) = watch::channel(None);
        tokio::spawn(forward_frames::<FillFrameNotification>(client, frames, fps));
        let holes = ranges.into_iter().map(|range| HoleFrame { range, runs: Vec::new() }).collect();
        Self { cell, latest: FillFrameParams { token, uri, version, seq: 0, step: 0, holes } }
    }

    /// Takes the holes after a step.
    pub fn show(&mut self, frame: &Frame) {
        self.latest.step = frame.step;
        for (number, hole) in (0..).zip(&mut self.latest.holes) {
            hole.runs = frame.runs.iter().filter(|run| run.hole == number).cloned().collect();
        }
        self.cell.send_replace(Some(self.latest.clone()));
    }

    /// What takes each frame of an engine.
    pub fn drawing(&mut self) -> impl FnMut(Frame) + Send + '_ {
        |frame| self.show(&frame)
    }
}

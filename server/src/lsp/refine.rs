//! The frames of one completion on their way to a client that draws them.
//!
//! Latest wins: the engine puts frames into a cell and never waits. A completion that ends without a
//! suggestion after it has shown something says so, however it ends.

use std::time::Instant;

use quicksilver_protocol::completion::{Frame, Run, RunKind};
use tokio::sync::watch;
use tower_lsp_server::Client;
use tower_lsp_server::gen_lsp_types::{Position, Range};

use super::notify::{FrameNotification, FrameParams, FrameState, forward_frames};

/// See the module's doc.
pub struct Refinement {
    cell: watch::Sender<Option<FrameParams>>,
    latest: FrameParams,
    begun: Instant,
    shown: bool,
}

impl Refinement {
    /// Frames of a completion at a place, at most `fps` a second.
    pub fn start(
        client: Client,
        fps: u32,
        session: String,
        uri: String,
        version: i32,
        position: Position,
    ) -> Self {
        let (cell, frames) = watch::channel(None);
        tokio::spawn(forward_frames::<FrameNotification>(client, frames, fps));
        let latest = FrameParams {
            session,
            uri,
            version,
            position,
            seq: 0,
            step: 0,
            state: FrameState::Denoising,
            range: Range { start: position, end: position },
            runs: Vec::new(),
            elapsed_ms: 0,
        };
        Self { cell, latest, begun: Instant::now(), shown: false }
    }

    /// Takes the span after a denoise step.
    pub fn show(&mut self, frame: Frame) {
        (self.latest.step, self.latest.runs) = (frame.step, frame.runs);
        self.put(FrameState::Denoising);
        self.shown = true;
    }

    /// Ends with what is suggested, as it is after its polish.
    pub fn finish(mut self, infill: &str, confidence: f32) {
        self.latest.runs =
            vec![Run { text: infill.to_owned(), kind: RunKind::Committed, confidence, hole: 0 }];
        self.put(FrameState::Final);
        self.shown = false;
    }

    fn put(&mut self, state: FrameState) {
        self.latest.state = state;
        self.latest.elapsed_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.cell.send_replace(Some(self.latest.clone()));
    }
}

impl Drop for Refinement {
    fn drop(&mut self) {
        if self.shown {
            self.latest.runs.clear();
            self.put(FrameState::Cancelled);
        }
    }
}

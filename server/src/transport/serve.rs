//! The loop between a client's bytes and tower-lsp-server's [`LspService`].
//!
//! Owns four promises. **Order**: each call is made, and its future polled once, before the next message
//! is looked at; a handler that changes text does so before its first `.await` (the notification handlers
//! have none), so edits apply in arrival order, and a cancel acts on arrival. **No deafness**: what is not
//! done after that first poll runs as a task of its own; there is no slot to wait for. **Panic fence**: a
//! panic in a handler is `-32603` for that request and nothing more. **One response** per request id, see
//! [`super::answers`]. Knows method names only where the lifecycle needs them.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, SinkExt, Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::codec::FramedRead;
use tower::Service;
use tower_lsp_server::jsonrpc::{ErrorCode, Id, Request, Response};
use tower_lsp_server::{ClientSocket, ExitedError, LanguageServer, LspService};

use super::answers::Answers;
use super::frame::FrameDecoder;
use super::lifecycle::Lifecycle;
use super::message::{Incoming, classify, error, refusal};

/// How long the last responses may take to be read after the end.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Bytes gathered before a write.
const WRITE_BYTES: usize = 64 * 1024;

type Outcome = Result<Result<Option<Response>, ExitedError>, Box<dyn Any + Send>>;

/// Serves one client until `exit`, the end of `input`, a broken `output`, or `stop`; returns the exit code.
pub async fn serve<I, O, B>(
    input: I,
    output: O,
    service: LspService<B>,
    socket: ClientSocket,
    stop: impl Future<Output = ()>,
) -> u8
where
    I: AsyncRead + Unpin,
    O: AsyncWrite + Unpin + Send + 'static,
    B: LanguageServer,
{
    let (requests, mut client_answers) = socket.split();
    let (answers, responses) = Answers::new();
    let mut writer = tokio::spawn(write(output, responses, requests));
    let (panicked, mut panics) = mpsc::unbounded_channel();
    let mut calls =
        Calls { service, answers, lifecycle: std::sync::Arc::default(), tasks: JoinSet::new(), panicked };
    let mut frames = FramedRead::new(input, FrameDecoder::default());
    tokio::pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            _ = &mut writer => break,
            Some(id) = panics.recv() => calls.forget(id),
            frame = frames.next() => match frame {
                Some(Ok(Ok(value))) => match classify(value) {
                    Incoming::Call(request) => {
                        let exit = request.method() == "exit";
                        calls.call(request).await;
                        if exit {
                            break;
                        }
                    }
                    // The sink never waits; it fails only after `exit`.
                    Incoming::Answer(response) => drop(client_answers.send(response).await),
                    Incoming::Refused(response) => calls.answers.send(response).await,
                    Incoming::Ignored => {}
                },
                Some(Ok(Err(unreadable))) => {
                    tracing::warn!(%unreadable, "skipped a frame");
                    let response = Response::from_error(Id::Null, error(ErrorCode::ParseError, unreadable.to_string()));
                    calls.answers.send(response).await;
                }
                Some(Err(_)) | None => break,
            },
        }
    }
    let Calls { lifecycle, mut tasks, answers, service, .. } = calls;
    tasks.shutdown().await;
    // The writer ends when every sender is gone: the queue's and, with the service, the client's.
    drop((answers, service));
    if !writer.is_finished() {
        let _ = tokio::time::timeout(LAST_WORDS, writer).await;
    }
    lifecycle.exit_code()
}

struct Calls<B> {
    service: LspService<B>,
    answers: Answers,
    lifecycle: std::sync::Arc<Lifecycle>,
    tasks: JoinSet<()>,
    panicked: mpsc::UnboundedSender<Id>,
}

impl<B: LanguageServer> Calls<B> {
    async fn call(&mut self, request: Request) {
        let (method, id) = (request.method().to_owned(), request.id().cloned());
        match &id {
            Some(id) => {
                if let Some(error) = self.lifecycle.refuse(&method) {
                    return self.answers.send(Response::from_error(id.clone(), error)).await;
                }
                if !self.answers.begin(id) {
                    return self.answers.send(refusal(id.clone(), "a request of this id is in flight")).await;
                }
            }
            None if !self.lifecycle.admits(&method) => return,
            None => {}
        }
        let pending = Pending {
            method,
            id,
            answers: self.answers.clone(),
            lifecycle: self.lifecycle.clone(),
            panicked: self.panicked.clone(),
        };
        let mut future = match catch_unwind(AssertUnwindSafe(|| self.service.call(request))) {
            Ok(future) => fenced(future),
            Err(panic) => return pending.end(Err(panic)).await,
        };
        match (&mut future).now_or_never() {
            Some(outcome) => pending.end(outcome).await,
            None => {
                while self.tasks.try_join_next().is_some() {}
                self.tasks.spawn(async move { pending.end(future.await).await });
            }
        }
    }

    /// The framework keeps the id of a request whose future was dropped; a cancel clears it.
    fn forget(&mut self, id: Id) {
        let id = serde_json::to_value(id).unwrap_or_default();
        let cancel = Request::build("$/cancelRequest").params(serde_json::json!({ "id": id })).finish();
        let _ = self.service.call(cancel).now_or_never();
    }
}

fn fenced(future: BoxFuture<'static, Result<Option<Response>, ExitedError>>) -> BoxFuture<'static, Outcome> {
    AssertUnwindSafe(future).catch_unwind().boxed()
}

/// A call on its way to its outcome.
struct Pending {
    method: String,
    id: Option<Id>,
    answers: Answers,
    lifecycle: std::sync::Arc<Lifecycle>,
    panicked: mpsc::UnboundedSender<Id>,
}

impl Pending {
    async fn end(self, outcome: Outcome) {
        let Some(id) = self.id else {
            if outcome.is_err() {
                tracing::error!(method = self.method, "the handler of a notification panicked");
            }
            return;
        };
        let response = match outcome {
            Ok(Ok(Some(response))) => response,
            // Requests of unknown `$/…` methods: the framework is silent, JSON-RPC is not.
            Ok(Ok(None)) => Response::from_error(
                id,
                error(ErrorCode::MethodNotFound, format!("no method {}", self.method)),
            ),
            Ok(Err(ExitedError { .. })) => {
                Response::from_error(id, error(ErrorCode::InvalidRequest, "exited"))
            }
            Err(_panic) => {
                tracing::error!(method = self.method, "the handler of a request panicked");
                let _ = self.panicked.send(id.clone());
                let message = format!("internal error in {}; other requests are not affected", self.method);
                Response::from_error(id, error(ErrorCode::InternalError, message))
            }
        };
        if response.is_ok() {
            self.lifecycle.succeeded(&self.method);
        }
        self.answers.finish(response).await;
    }
}

/// Writes responses, and our own requests and notifications when no response waits. The latter are taken
/// one at a time, so that whoever sends frames meets the client's own pace.
async fn write<O: AsyncWrite + Unpin>(
    mut output: O,
    mut responses: mpsc::Receiver<Response>,
    requests: impl Stream<Item = Request>,
) -> std::io::Result<()> {
    tokio::pin!(requests);
    let mut requests = requests.fuse();
    let mut bytes = Vec::new();
    loop {
        let body = tokio::select! {
            biased;
            Some(response) = responses.recv() => serde_json::to_vec(&response),
            Some(request) = requests.next() => serde_json::to_vec(&request),
            else => return output.shutdown().await,
        };
        append_frame(&mut bytes, &body?);
        while bytes.len() < WRITE_BYTES {
            let Ok(response) = responses.try_recv() else { break };
            append_frame(&mut bytes, &serde_json::to_vec(&response)?);
        }
        output.write_all(&bytes).await?;
        output.flush().await?;
        bytes.clear();
        bytes.shrink_to(WRITE_BYTES * 2);
    }
}

fn append_frame(bytes: &mut Vec<u8>, body: &[u8]) {
    bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(body);
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;

//! One request over HTTP: a deadline, whole-span frames, caps on what comes back. Dropping the future closes
//! the request, which the engine sees within one denoise step.

use std::{sync::Once, time::Duration};

use eventsource_stream::Eventsource;
use futures_util::{Stream, StreamExt};
use quicksilver_protocol::{
    completion::{FimRequest, FimResponse, Frame},
    engine::{ErrorBody, ModelList},
    limits::MAX_DEADLINE,
};
use reqwest::{
    Response, StatusCode,
    header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER},
    redirect::Policy,
};
use serde::Deserialize;

use super::{
    AskError,
    endpoint::{Address, Api, Remote},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Below the engine's own idle time, so that no request meets a connection that is just being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
/// The most bytes an answer, frames included, may have.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// Share of the deadline kept back for the way there and back, in per cent.
const TRANSPORT_SHARE: u32 = 10;

/// Gives TLS its cryptography, once.
pub(crate) fn provide_tls() {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // An error says that another part of the process was first, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// Takes the whole span after a denoise step; each call replaces what the one before said. It must not block.
pub type OnFrame<'a> = &'a mut (dyn FnMut(Frame) + Send);

/// A way to ask one engine.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: url::Url,
    model: Option<String>,
    api: Api,
}

impl Client {
    /// Prepares connections; opens none yet.
    ///
    /// # Errors
    /// [`AskError::Setting`] when the key cannot be sent or the TLS roots of this machine cannot be read.
    pub fn new(remote: &Remote) -> Result<Self, AskError> {
        provide_tls();
        let mut headers = HeaderMap::new();
        if let Some(key) = &remote.key {
            let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose())).map_err(|_| {
                AskError::Setting("the key has characters that no HTTP header can carry".to_owned())
            })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let builder = reqwest::Client::builder()
            .default_headers(headers)
            // A redirect could carry key and code to a place nobody chose.
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .tcp_nodelay(true);
        let (builder, base) = match &remote.address {
            Address::Url(url) if url.scheme() == "http" => {
                (builder.no_proxy().tls_certs_only([]), url.clone())
            }
            Address::Url(url) => (builder.https_only(true), url.clone()),
            Address::Unix(path) => (at_unix(builder.no_proxy().tls_certs_only([]), path), unix_base()?),
        };
        let http = builder.build().map_err(|error| AskError::Setting(words(&error)))?;
        Ok(Self { http, base, model: remote.model.clone(), api: remote.api })
    }

    /// Fills the hole of `request`, which `context::assemble` made, within `deadline`. With `on_frame`, the
    /// whole span is given to it after each denoise step.
    ///
    /// # Errors
    /// See [`AskError`]; never later than `deadline`.
    pub async fn infill(
        &self,
        request: &FimRequest,
        deadline: Duration,
        on_frame: Option<OnFrame<'_>>,
    ) -> Result<FimResponse, AskError> {
        let more = !request.holes.is_empty() || request.rewrite.is_some() || request.doubt;
        if more && self.api != Api::Quicksilver {
            return Err(AskError::Setting(
                "this engine fills one hole at a time, and does nothing else".to_owned(),
            ));
        }
        let body = self.dressed(request, deadline, on_frame.is_some());
        let ask = async {
            let response = self.http.post(self.url(self.api.path())?).json(&body).send().await;
            let response = accepted(response).await?;
            match on_frame {
                None => whole(response).await,
                Some(on_frame) => framed(response, on_frame).await,
            }
        };
        tokio::time::timeout(deadline, ask).await.map_err(|_| AskError::Timeout(deadline))?
    }

    /// The models that the engine serves.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn models(&self, deadline: Duration) -> Result<ModelList, AskError> {
        let ask = async {
            let response = accepted(self.http.get(self.url("v1/models")?).send().await).await?;
            whole(response).await
        };
        tokio::time::timeout(deadline, ask).await.map_err(|_| AskError::Timeout(deadline))?
    }

    /// Has the engine run its known answer.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn check(&self, deadline: Duration) -> Result<(), AskError> {
        let ask = async { accepted(self.http.get(self.url("ready")?).send().await).await.map(drop) };
        tokio::time::timeout(deadline, ask).await.map_err(|_| AskError::Timeout(deadline))?
    }

    /// Keeps a shared engine alive for as long as the lease is held.
    ///
    /// # Errors
    /// See [`AskError`].
    pub(super) async fn lease(&self, deadline: Duration) -> Result<Lease, AskError> {
        let ask = async {
            let mut response = accepted(self.http.get(self.url("v1/lease")?).send().await).await?;
            match response.chunk().await {
                Ok(Some(_)) => Ok(Lease(response)),
                Ok(None) => Err(AskError::Unreachable("it is stopping".to_owned())),
                Err(error) => Err(unreachable(&error)),
            }
        };
        tokio::time::timeout(deadline, ask).await.map_err(|_| AskError::Timeout(deadline))?
    }

    fn dressed(&self, request: &FimRequest, deadline: Duration, frames: bool) -> FimRequest {
        let mut body = request.clone();
        body.stream = frames;
        body.diffusing = frames;
        body.model = self.model.clone();
        if self.api == Api::Quicksilver {
            let for_engine = (deadline * (100 - TRANSPORT_SHARE) / 100).min(MAX_DEADLINE);
            body.deadline_ms = u64::try_from(for_engine.as_millis()).ok().map(|ms| ms.max(1));
        } else {
            body.context.clear();
            // `n` is OpenAI's, but elsewhere each answer costs as much as the first.
            (body.path, body.language, body.span, body.deadline_ms, body.n) = (None, None, None, None, None);
            body.previous = None;
        }
        body
    }

    fn url(&self, path: &str) -> Result<url::Url, AskError> {
        self.base.join(path).map_err(|error| AskError::Setting(error.to_string()))
    }
}

/// An open connection that keeps a shared engine alive.
pub(super) struct Lease(Response);

impl Lease {
    /// Resolves when the engine is gone.
    pub(super) async fn ended(&mut self) {
        while let Ok(Some(_)) = self.0.chunk().await {}
    }
}

#[cfg(unix)]
fn at_unix(builder: reqwest::ClientBuilder, path: &std::path::Path) -> reqwest::ClientBuilder {
    builder.unix_socket(path)
}

#[cfg(not(unix))]
fn at_unix(builder: reqwest::ClientBuilder, _: &std::path::Path) -> reqwest::ClientBuilder {
    builder
}

/// A socket has no host; the name only fills the header.
fn unix_base() -> Result<url::Url, AskError> {
    url::Url::parse("http://localhost/").map_err(|error| AskError::Setting(error.to_string()))
}

/// Turns everything but success into an error.
async fn accepted(response: Result<Response, reqwest::Error>) -> Result<Response, AskError> {
    let response = response.map_err(|error| unreachable(&error))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    match status {
        StatusCode::UNAUTHORIZED => Err(AskError::Unauthorized),
        StatusCode::TOO_MANY_REQUESTS => Err(AskError::Busy(Duration::from_secs(retry_after.unwrap_or(1)))),
        _ => {
            let said = whole::<ErrorBody>(response).await.map(|body| body.error.message);
            let message = said.unwrap_or_else(|_| "it did not say why".to_owned());
            Err(AskError::Refused { status: status.as_u16(), message })
        }
    }
}

async fn whole<T: for<'de> Deserialize<'de>>(mut response: Response) -> Result<T, AskError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
        if bytes.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(AskError::BadAnswer("it does not end".to_owned()));
        }
        bytes.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&bytes).map_err(|error| AskError::BadAnswer(error.to_string()))
}

/// Follows the events; the last one before the end mark is the answer.
async fn framed(response: Response, on_frame: OnFrame<'_>) -> Result<FimResponse, AskError> {
    let mut events = capped(response.bytes_stream()).eventsource();
    let mut answer = None;
    while let Some(event) = events.next().await {
        let event = event.map_err(|error| AskError::Unreachable(error.to_string()))?;
        if event.data == "[DONE]" {
            break;
        }
        let mut said: FimResponse = serde_json::from_str(&event.data).map_err(|error| {
            match serde_json::from_str::<ErrorBody>(&event.data) {
                Ok(body) => AskError::Refused { status: 200, message: body.error.message },
                Err(_) => AskError::BadAnswer(error.to_string()),
            }
        })?;
        let mut parts = said.choices.iter_mut().filter_map(|choice| choice.frame.take());
        if let Some(mut frame) = parts.next() {
            frame.runs.extend(parts.flat_map(|part| part.runs));
            on_frame(frame);
        }
        answer = Some(said);
    }
    answer
        .filter(|answer| answer.choices.first().is_some_and(|choice| choice.finish_reason.is_some()))
        .ok_or_else(|| AskError::Unreachable("it went away in the middle of an answer".to_owned()))
}

fn capped(
    chunks: impl Stream<Item = reqwest::Result<bytes::Bytes>>,
) -> impl Stream<Item = Result<bytes::Bytes, String>> {
    let mut left = MAX_ANSWER_BYTES;
    Box::pin(chunks.map(move |chunk| {
        let chunk = chunk.map_err(|error| words(&error))?;
        left = left.checked_sub(chunk.len()).ok_or("the answer does not end")?;
        Ok(chunk)
    }))
}

fn unreachable(error: &reqwest::Error) -> AskError {
    AskError::Unreachable(words(error))
}

/// The innermost cause says what happened; the outer ones say that something did.
pub(crate) fn words(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

//! A stand-in for the model hub: the real URL layout on one port, its "CDN" on another, and faults by script.
//!
//! Large files are answered with a redirect to the CDN, small ones at once; listings have pages. What was asked, with
//! which range and which token, is kept.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::{net::TcpListener, runtime::Runtime};

/// How long a connection that is to be cut stays open.
const CUT_AFTER: Duration = Duration::from_millis(100);
/// Files of one page of a listing.
const PAGE: usize = 3;

/// A model as the hub has it.
#[derive(Clone, Debug, Default)]
pub struct Repository {
    /// `ORG/NAME`.
    pub id: String,
    /// Forty hex digits.
    pub commit: String,
    /// By the hub's identifier.
    pub licence: Option<String>,
    /// Names and contents. What ends in `.safetensors` is large: the hub states its digest and has it on the CDN.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its path; those of the CDN begin with `/cdn/`.
    pub path: String,
    /// Its `Range`.
    pub range: Option<String>,
    /// Its `Authorization`.
    pub authorization: Option<String>,
    /// How many requests for this path came before.
    pub before: usize,
}

/// What happens instead of the right answer.
#[derive(Clone, Debug)]
pub enum Trick {
    /// This status with these headers.
    Status(u16, Vec<(&'static str, String)>),
    /// The right answer breaks off after so many bytes.
    Cut(usize),
    /// The file from its beginning, whatever range was asked for.
    NoRange,
    /// Other bytes than the file's.
    Bytes(Vec<u8>),
    /// Another JSON document.
    Json(Value),
}

type Script = dyn Fn(&Asked) -> Option<Trick> + Send + Sync;

struct Shared {
    repository: Mutex<Repository>,
    script: Box<Script>,
    asked: Mutex<Vec<Asked>>,
    cdn: SocketAddr,
}

/// The hub. Dropping it cuts all connections.
pub struct HubStandIn {
    runtime: Option<Runtime>,
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl HubStandIn {
    /// Starts one that has `repository` and plays `script`.
    ///
    /// # Panics
    /// If there is no free port.
    pub fn start(
        repository: Repository,
        script: impl Fn(&Asked) -> Option<Trick> + Send + Sync + 'static,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let bind = || runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let (hub, cdn) = (bind(), bind());
        let place = |listener: &TcpListener| listener.local_addr().expect("a bound socket has an address");
        let address = place(&hub);
        let shared = Arc::new(Shared {
            repository: Mutex::new(repository),
            script: Box::new(script),
            asked: Mutex::default(),
            cdn: place(&cdn),
        });
        for listener in [hub, cdn] {
            let app = Router::new().fallback(answer).with_state(shared.clone());
            runtime.spawn(async move { axum::serve(listener, app).await });
        }
        Self { runtime: Some(runtime), address, shared }
    }

    /// Its address, as `--hub` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Requests whose path contains `part`.
    #[must_use]
    pub fn asked_for(&self, part: &str) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.path.contains(part)).collect()
    }

    /// Puts another state of the model in the place of this one.
    pub fn publish(&self, repository: Repository) {
        *self.shared.repository.lock().unwrap_or_else(PoisonError::into_inner) = repository;
    }
}

impl Drop for HubStandIn {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// SHA-256 in hex.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let text = |name: header::HeaderName| {
        request.headers().get(name).and_then(|value| value.to_str().ok()).map(Into::into)
    };
    let path = request.uri().path().to_owned();
    let cursor =
        request.uri().query().and_then(|query| query.strip_prefix("cursor=")?.parse().ok()).unwrap_or(0);
    let asked = {
        let mut all = shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.iter().filter(|asked| asked.path == path).count();
        let asked =
            Asked { path, range: text(header::RANGE), authorization: text(header::AUTHORIZATION), before };
        all.push(asked.clone());
        asked
    };
    let trick = (shared.script)(&asked);
    match &trick {
        Some(Trick::Status(status, headers)) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut answer = status.into_response();
            for (name, value) in headers {
                answer.headers_mut().insert(*name, value.parse().expect("a header"));
            }
            return answer;
        }
        Some(Trick::Json(document)) => return Json(document).into_response(),
        _ => {}
    }
    let repository = shared.repository.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let parts: Vec<&str> = asked.path.trim_start_matches('/').split('/').collect();
    match parts.as_slice() {
        ["api", "models", org, name, "revision", revision]
            if repository.is(org, name)
                && (*revision == "main" || repository.commit.starts_with(revision)) =>
        {
            repository.about().into_response()
        }
        ["api", "models", org, name, "tree", commit]
            if repository.is(org, name) && *commit == repository.commit =>
        {
            repository.page(&asked.path, cursor)
        }
        [org, name, "resolve", commit, file] if repository.is(org, name) && *commit == repository.commit => {
            match repository.files.get(*file) {
                Some(bytes) if is_large(file) => redirect(&repository, bytes, shared.cdn),
                Some(bytes) => content(bytes, &asked, trick.as_ref(), &repository.commit),
                None => missing("EntryNotFound"),
            }
        }
        ["cdn", digest] => match repository.files.values().find(|bytes| sha256(bytes) == *digest) {
            Some(bytes) => content(bytes, &asked, trick.as_ref(), ""),
            None => missing(""),
        },
        ["api", "models", org, name, ..] if repository.is(org, name) => missing("RevisionNotFound"),
        // So the hub answers for a model that is private or not there.
        _ => (StatusCode::UNAUTHORIZED, [("x-error-code", "RepoNotFound")]).into_response(),
    }
}

fn is_large(name: &str) -> bool {
    name.ends_with(".safetensors")
}

fn missing(code: &'static str) -> Response {
    (StatusCode::NOT_FOUND, [("x-error-code", code)]).into_response()
}

impl Repository {
    fn is(&self, org: &str, name: &str) -> bool {
        self.id == format!("{org}/{name}")
    }

    fn about(&self) -> Json<Value> {
        let siblings: Vec<Value> = self.files.keys().map(|name| json!({ "rfilename": name })).collect();
        Json(json!({
            "id": self.id, "sha": self.commit, "private": false, "gated": false, "siblings": siblings,
            "cardData": { "license": self.licence }, "tags": ["safetensors"],
        }))
    }

    fn page(&self, path: &str, cursor: usize) -> Response {
        let node = |(name, bytes): (&String, &Vec<u8>)| {
            let mut node =
                json!({ "type": "file", "oid": "0".repeat(40), "size": bytes.len(), "path": name });
            if is_large(name) {
                node["lfs"] = json!({ "oid": sha256(bytes), "size": bytes.len(), "pointerSize": 134 });
            }
            node
        };
        let mut nodes: Vec<Value> =
            vec![json!({ "type": "directory", "oid": "", "size": 0, "path": "assets" })];
        nodes.extend(self.files.iter().map(node));
        let page: Vec<Value> = nodes.iter().skip(cursor).take(PAGE).cloned().collect();
        let mut answer = Json(page).into_response();
        if cursor + PAGE < nodes.len() {
            let next = format!("<{path}?cursor={}>; rel=\"next\"", cursor + PAGE);
            answer.headers_mut().insert(header::LINK, next.parse().expect("a header"));
        }
        answer
    }
}

/// A signed address on another host.
fn redirect(repository: &Repository, bytes: &[u8], cdn: SocketAddr) -> Response {
    let digest = sha256(bytes);
    let headers = [
        ("location", format!("http://{cdn}/cdn/{digest}?signature=s3cret")),
        ("x-linked-etag", format!("\"{digest}\"")),
        ("x-linked-size", bytes.len().to_string()),
        ("x-repo-commit", repository.commit.clone()),
    ];
    (StatusCode::FOUND, headers).into_response()
}

/// A file, from where the range begins.
fn content(bytes: &[u8], asked: &Asked, trick: Option<&Trick>, commit: &str) -> Response {
    let bytes = match trick {
        Some(Trick::Bytes(other)) => other,
        _ => bytes,
    };
    let range = asked.range.as_deref().filter(|_| !matches!(trick, Some(Trick::NoRange)));
    let start =
        range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    if start.is_some_and(|start| start >= bytes.len()) {
        return StatusCode::RANGE_NOT_SATISFIABLE.into_response();
    }
    let rest = bytes.get(start.unwrap_or(0)..).unwrap_or_default();
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: String| headers.insert(name, value.parse().expect("a header"));
    set("content-length", rest.len().to_string());
    set("etag", "\"0123\"".to_owned());
    if !commit.is_empty() {
        set("x-repo-commit", commit.to_owned());
    }
    if let Some(start) = start {
        set("content-range", format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len()));
    }
    let status = if start.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let body = match trick {
        Some(Trick::Cut(after)) => {
            let part = Bytes::copy_from_slice(rest.get(..*after).unwrap_or(rest));
            let (send, parts) = tokio::sync::mpsc::channel(1);
            tokio::spawn(async move {
                let _ = send.send(Ok(part)).await;
                // What is sent must have left before the connection does.
                tokio::time::sleep(CUT_AFTER).await;
                let _ = send.send(Err(std::io::Error::other("cut"))).await;
            });
            Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(parts))
        }
        _ => Body::from(Bytes::copy_from_slice(rest)),
    };
    (status, headers, body).into_response()
}

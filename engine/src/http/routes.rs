//! The routes, and what every request passes before it reaches one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Extension, Json, Router,
    extract::{Request, State},
    http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use quicksilver_protocol::engine::{ModelInfo, ModelList};
use serde_json::json;
use tokio::sync::watch;

use super::{About, admit, auth::Guard, lease::Leases, metrics::Metrics, stream::Pending};
use crate::{
    EngineError,
    queue::{KeyId, Queue},
};

/// How long `/ready` may take before the answer is no.
const READY_TIMEOUT: Duration = Duration::from_secs(5);

/// What all routes share.
pub(super) struct App {
    pub(super) guard: Guard,
    pub(super) metrics: Metrics,
    pub(super) leases: Leases,
    pub(super) stopping: watch::Receiver<bool>,
    pub(super) queue: Queue,
    pub(super) about: About,
}

type Shared = State<Arc<App>>;

pub(super) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/fim/completions", post(fim))
        .route("/v1/models", get(models))
        .route("/v1/lease", get(lease))
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .fallback(nowhere)
        .method_not_allowed_fallback(async || EngineError::MethodNotAllowed)
        .layer(middleware::from_fn_with_state(Arc::clone(&app), guarded))
        .with_state(app)
}

/// Host, then key, then the route; every answer is counted.
async fn guarded(State(app): Shared, mut request: Request, next: Next) -> Response {
    let route: &'static str = match request.uri().path() {
        "/v1/fim/completions" => "/v1/fim/completions",
        "/v1/models" => "/v1/models",
        "/v1/lease" => "/v1/lease",
        "/health" => "/health",
        "/ready" => "/ready",
        "/metrics" => "/metrics",
        _ => "other",
    };
    let allowed = app.guard.check_origin(request.headers()).and_then(|()| {
        // Whether a process is alive is no secret, and load balancers have no key.
        if route == "/health" { Ok(KeyId::default()) } else { app.guard.check_key(request.headers()) }
    });
    let mut response = match allowed {
        Ok(key) => {
            request.extensions_mut().insert(key);
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    };
    app.metrics.answered(route, response.status().as_u16());
    let no_sniff = axum::http::HeaderValue::from_static("nosniff");
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, no_sniff);
    response
}

async fn fim(State(app): Shared, Extension(key): Extension<KeyId>, request: Request) -> Response {
    let arrived = Instant::now();
    let (parts, body) = request.into_parts();
    let request = match admit::admit(&parts.headers, body, &app.about.model).await {
        Ok(_) if *app.stopping.borrow() => return EngineError::Stopping.into_response(),
        Ok(request) => request,
        Err(refusal) => return refusal.into_response(),
    };
    let deadline = admit::deadline(&request, arrived);
    let (stream, with_frames) = (request.stream, request.stream && request.diffusing);
    match app.queue.infill(request, key, arrived, deadline, with_frames) {
        Err(refusal) => refusal.into_response(),
        Ok(ticket) => {
            let pending = Pending::new(app, ticket, arrived, next_id());
            if stream { pending.events().await } else { pending.whole().await }
        }
    }
}

fn next_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("fim-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

async fn models(State(app): Shared) -> Json<ModelList> {
    let model = ModelInfo {
        id: app.about.model.clone(),
        object: "model".to_owned(),
        owned_by: "quicksilver".to_owned(),
    };
    Json(ModelList { object: "list".to_owned(), data: vec![model] })
}

async fn lease(State(app): Shared) -> Response {
    app.leases.grant(app.stopping.clone()).into_response()
}

/// The process answers; says nothing of the device.
async fn health(State(app): Shared) -> Response {
    if *app.stopping.borrow() {
        return EngineError::Stopping.into_response();
    }
    Json(json!({ "status": "ok" })).into_response()
}

/// A real denoise step has just given its known answer.
async fn ready(State(app): Shared) -> Response {
    let checked = async {
        let mut ticket = app.queue.check(Instant::now() + READY_TIMEOUT)?;
        ticket.answer().await
    };
    match checked.await {
        Ok(_) => {
            let about = &app.about;
            Json(json!({ "status": "ready", "model": about.model, "device": about.device })).into_response()
        }
        Err(error) => error.into_response(),
    }
}

async fn metrics(State(app): Shared) -> impl IntoResponse {
    let kind = [(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")];
    (kind, app.metrics.page(app.queue.load()))
}

async fn nowhere(request: Request) -> EngineError {
    EngineError::NotFound { path: request.uri().path().chars().take(64).collect() }
}

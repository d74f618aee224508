//! Each [`EngineError`] as an HTTP answer: status and OpenAI's error body, in one `match`.

use axum::{
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use quicksilver_protocol::engine::{ErrorBody, ErrorDetail};

use crate::EngineError;

/// nginx's status for a client that left before the answer; nobody reads it but the log.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// Status, kind, field and code of an error.
struct Shape(StatusCode, &'static str, Option<&'static str>, &'static str);

fn shape(error: &EngineError) -> Shape {
    use EngineError as E;
    use StatusCode as S;
    const CLIENT: &str = "invalid_request_error";
    match error {
        E::Malformed(_) => Shape(S::BAD_REQUEST, CLIENT, None, "malformed_json"),
        E::Unauthorized => Shape(S::UNAUTHORIZED, "authentication_error", None, "invalid_api_key"),
        E::Forbidden(_) => Shape(S::FORBIDDEN, "authentication_error", None, "forbidden_origin"),
        E::NotFound { .. } => Shape(S::NOT_FOUND, CLIENT, None, "not_found"),
        E::UnknownModel { .. } => Shape(S::NOT_FOUND, CLIENT, Some("model"), "model_not_found"),
        E::MethodNotAllowed => Shape(S::METHOD_NOT_ALLOWED, CLIENT, None, "method_not_allowed"),
        E::BodyTooSlow { .. } => Shape(S::REQUEST_TIMEOUT, CLIENT, None, "body_timeout"),
        E::BodyTooLarge { .. } => Shape(S::PAYLOAD_TOO_LARGE, CLIENT, None, "body_too_large"),
        E::NotJson => Shape(S::UNSUPPORTED_MEDIA_TYPE, CLIENT, None, "not_json"),
        E::BadRequest { field, .. } => Shape(S::UNPROCESSABLE_ENTITY, CLIENT, Some(field), "invalid_value"),
        E::Overloaded { .. } => Shape(S::TOO_MANY_REQUESTS, "rate_limit_error", None, "overloaded"),
        E::Stopping => Shape(S::SERVICE_UNAVAILABLE, "overloaded_error", None, "stopping"),
        E::Late => Shape(S::SERVICE_UNAVAILABLE, "overloaded_error", None, "deadline_exceeded"),
        E::Cancelled => Shape(
            StatusCode::from_u16(CLIENT_CLOSED_REQUEST).unwrap_or(S::BAD_REQUEST),
            CLIENT,
            None,
            "cancelled",
        ),
        E::TooLarge(_) => Shape(S::SERVICE_UNAVAILABLE, "server_error", None, "model_too_large"),
        E::Device { sticky: true, .. } => Shape(S::SERVICE_UNAVAILABLE, "server_error", None, "device_lost"),
        E::Device { .. } => Shape(S::SERVICE_UNAVAILABLE, "server_error", None, "device_error"),
        E::ModelFile { .. } | E::Listen { .. } | E::Internal(_) => {
            Shape(S::INTERNAL_SERVER_ERROR, "server_error", None, "internal_error")
        }
    }
}

/// The body that goes with an error; also sent as an event when a stream fails midway.
pub(super) fn body(error: &EngineError) -> ErrorBody {
    let Shape(_, kind, field, code) = shape(error);
    ErrorBody {
        error: ErrorDetail {
            message: error.to_string(),
            kind: kind.to_owned(),
            param: field.map(str::to_owned),
            code: Some(code.to_owned()),
        },
    }
}

impl IntoResponse for EngineError {
    fn into_response(self) -> Response {
        let Shape(status, ..) = shape(&self);
        let mut response = (status, axum::Json(body(&self))).into_response();
        let retry_after_s = match self {
            Self::Overloaded { retry_after_s, .. } => Some(retry_after_s),
            Self::Stopping | Self::Late | Self::Device { .. } => Some(1),
            _ => None,
        };
        if let Some(seconds) = retry_after_s {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

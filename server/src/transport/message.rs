//! Which JSON value is which JSON-RPC message.
//!
//! Owns the rules of JSON-RPC 2.0 as LSP narrows them: no batches, ids are integers or strings, `params`
//! is an object or an array. Knows no method and no LSP type.

use serde_json::{Map, Value};
use tower_lsp_server::jsonrpc::{Error, ErrorCode, Id, Request, Response};

/// A message from the client.
#[derive(Debug)]
pub enum Incoming {
    /// A request or, without an id, a notification.
    Call(Request),
    /// The client's answer to a request of ours.
    Answer(Response),
    /// Not a message; the response says why.
    Refused(Response),
    /// Not a message, and nothing that could be answered.
    Ignored,
}

/// Sorts a parsed value.
pub fn classify(value: Value) -> Incoming {
    let Value::Object(mut object) = value else {
        let why = if value.is_array() { "LSP has no batches" } else { "a message is an object" };
        return Incoming::Refused(refusal(Id::Null, why));
    };
    let id = take_id(&mut object);
    let is_answer = object.contains_key("result") || object.contains_key("error");
    if !object.contains_key("method") && is_answer {
        return answer(id, object);
    }
    match call(&id, object) {
        Ok(request) => Incoming::Call(request),
        Err(why) => {
            let id = id.ok().flatten().unwrap_or(Id::Null);
            Incoming::Refused(refusal(id, why))
        }
    }
}

fn call(
    id: &Result<Option<Id>, &'static str>,
    mut object: Map<String, Value>,
) -> Result<Request, &'static str> {
    let id = id.clone()?;
    if object.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err("`jsonrpc` is not \"2.0\"");
    }
    let Some(Value::String(method)) = object.remove("method") else { return Err("`method` is not a string") };
    let mut request = Request::build(method);
    match object.remove("params") {
        None => {}
        Some(params @ (Value::Object(_) | Value::Array(_) | Value::Null)) => request = request.params(params),
        Some(_) => return Err("`params` is neither an object nor an array"),
    }
    Ok(match id {
        Some(id) => request.id(id).finish(),
        None => request.finish(),
    })
}

/// A response to nobody, or a damaged one, has no answer.
fn answer(id: Result<Option<Id>, &'static str>, mut object: Map<String, Value>) -> Incoming {
    let Ok(Some(id)) = id else { return Incoming::Ignored };
    let response = match object.remove("error") {
        Some(Value::Null) | None => Response::from_ok(id, object.remove("result").unwrap_or(Value::Null)),
        Some(error) => match serde_json::from_value(error) {
            Ok(error) => Response::from_error(id, error),
            Err(_) => Response::from_error(id, Error::internal_error()),
        },
    };
    Incoming::Answer(response)
}

/// `Ok(None)` for a notification.
fn take_id(object: &mut Map<String, Value>) -> Result<Option<Id>, &'static str> {
    match object.remove("id") {
        None => Ok(None),
        Some(Value::String(id)) => Ok(Some(Id::String(id))),
        Some(Value::Number(id)) => id.as_i64().map(|id| Some(Id::Number(id))).ok_or("`id` is not an integer"),
        Some(_) => Err("`id` is neither an integer nor a string"),
    }
}

/// `-32600`, with the reason as its message.
pub fn refusal(id: Id, why: &'static str) -> Response {
    Response::from_error(id, error(ErrorCode::InvalidRequest, why))
}

/// An error with a message of ours.
pub fn error(code: ErrorCode, message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error { code, message: message.into(), data: None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_sorted() {
        let call = |value| matches!(classify(value), Incoming::Call(_));
        assert!(call(json!({"jsonrpc": "2.0", "method": "a", "id": 1, "params": {}})));
        assert!(call(json!({"jsonrpc": "2.0", "method": "a", "params": null})));
        assert!(call(json!({"jsonrpc": "2.0", "method": "a", "result": 1})));
        assert!(matches!(classify(json!({"jsonrpc": "2.0", "id": 1, "result": null})), Incoming::Answer(_)));
        assert!(matches!(classify(json!({"id": 1, "error": 3})), Incoming::Answer(_)));
        assert!(matches!(classify(json!({"id": null, "result": 3})), Incoming::Ignored));
    }

    #[test]
    fn refusals_name_the_id_if_there_is_one() {
        let refused = |value: Value| match classify(value) {
            Incoming::Refused(response) => {
                assert_eq!(response.error().map(|e| e.code), Some(ErrorCode::InvalidRequest));
                response.id().clone()
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(json!([])), Id::Null);
        assert_eq!(refused(json!(3)), Id::Null);
        assert_eq!(refused(json!({"jsonrpc": "2.0", "method": "a", "id": null})), Id::Null);
        assert_eq!(refused(json!({"jsonrpc": "2.0", "method": "a", "id": 1.5})), Id::Null);
        assert_eq!(refused(json!({"jsonrpc": "1.0", "method": "a", "id": 4})), Id::Number(4));
        assert_eq!(refused(json!({"jsonrpc": "2.0", "method": 1, "id": "x"})), Id::String("x".into()));
        assert_eq!(refused(json!({"jsonrpc": "2.0", "method": "a", "params": 3, "id": 4})), Id::Number(4));
        assert_eq!(refused(json!({"jsonrpc": "2.0", "id": 4})), Id::Number(4));
    }
}

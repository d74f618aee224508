//! From a body to a request worth queueing: its size, how long it takes to arrive, and every field's range.
//!
//! Nothing here allocates more than the limits allow, whatever a client sends.

use std::time::{Duration, Instant};

use axum::{
    body::Body,
    http::{HeaderMap, header::CONTENT_LENGTH, header::CONTENT_TYPE},
};
use futures_util::StreamExt;
use quicksilver_protocol::{
    completion::{FimRequest, Span, Stop},
    limits::{
        ARRIVAL_TIMEOUT, DEFAULT_DEADLINE, MAX_BODY_BYTES, MAX_CHOICES, MAX_CONTEXT_BYTES, MAX_CONTEXT_FILES,
        MAX_DEADLINE, MAX_HOLES, MAX_NAME_BYTES, MAX_PREVIOUS_BYTES, MAX_REWRITE_BYTES, MAX_SPAN_TOKENS,
        MAX_STOP_BYTES, MAX_STOP_STRINGS, MAX_TEMPERATURE,
    },
};
use serde_json::{Map, Value, json};

use crate::EngineError;

/// The fields a client may get wrong by type, in the order in which they are looked at.
const FIELDS: [&str; 19] = [
    "model",
    "prompt",
    "suffix",
    "n",
    "max_tokens",
    "temperature",
    "top_p",
    "stop",
    "stream",
    "diffusing",
    "seed",
    "context",
    "path",
    "language",
    "span",
    "holes",
    "rewrite",
    "previous",
    "doubt",
];

/// Reads and checks a request.
///
/// # Errors
/// A typed refusal that names the field at fault.
pub(super) async fn admit(headers: &HeaderMap, body: Body, served: &str) -> Result<FimRequest, EngineError> {
    if !is_json(headers) {
        return Err(EngineError::NotJson);
    }
    let bytes = read(headers, body).await?;
    let mut request = parse(&bytes)?;
    check(&mut request, served)?;
    Ok(request)
}

/// When the best decoded state is the answer.
pub(super) fn deadline(request: &FimRequest, arrived: Instant) -> Instant {
    arrived + request.deadline_ms.map_or(DEFAULT_DEADLINE, Duration::from_millis).min(MAX_DEADLINE)
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, EngineError> {
    let too_large = || EngineError::BodyTooLarge { limit: MAX_BODY_BYTES };
    let said: Option<u64> =
        headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    if said.is_some_and(|bytes| bytes > MAX_BODY_BYTES as u64) {
        return Err(too_large());
    }
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    let arrive = async {
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk
                .map_err(|_| EngineError::Malformed("the body ended early or is badly framed".to_owned()))?;
            if bytes.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(())
    };
    tokio::time::timeout(ARRIVAL_TIMEOUT, arrive)
        .await
        .map_err(|_| EngineError::BodyTooSlow { limit_s: ARRIVAL_TIMEOUT.as_secs() })??;
    Ok(bytes)
}

fn parse(bytes: &[u8]) -> Result<FimRequest, EngineError> {
    serde_json::from_slice(bytes).map_err(|error| match serde_json::from_slice::<Map<String, Value>>(bytes) {
        // Well-formed, but of another shape: find the field, so that the message can name it.
        Ok(fields) => at_fault(&fields),
        Err(_) => EngineError::Malformed(format!("not a JSON object: {error}")),
    })
}

fn at_fault(fields: &Map<String, Value>) -> EngineError {
    if !fields.contains_key("prompt") {
        return EngineError::BadRequest { field: "prompt", reason: "is missing".to_owned() };
    }
    for field in FIELDS.into_iter().chain(["deadline_ms"]) {
        let Some(value) = fields.get(field) else { continue };
        let mut alone = json!({ "prompt": "" });
        if let Some(object) = alone.as_object_mut() {
            object.insert(field.to_owned(), value.clone());
        }
        if let Err(error) = serde_json::from_value::<FimRequest>(alone) {
            return EngineError::BadRequest { field, reason: error.to_string() };
        }
    }
    EngineError::Malformed("a field is given twice".to_owned())
}

fn check(request: &mut FimRequest, served: &str) -> Result<(), EngineError> {
    if let Some(asked) = request.model.as_deref().filter(|asked| *asked != served) {
        let asked = asked.chars().take(64).collect();
        return Err(EngineError::UnknownModel { asked, served: served.to_owned() });
    }
    let text = request.prompt.len()
        + request.suffix.as_deref().map_or(0, str::len)
        + request.context.iter().map(|file| file.text.len()).sum::<usize>()
        + request.holes.iter().map(|hole| hole.before.len()).sum::<usize>();
    ensure(text <= MAX_CONTEXT_BYTES, "prompt", || {
        format!(
            "prompt, suffix, holes and context have {text} bytes together; at most {MAX_CONTEXT_BYTES} fit"
        )
    })?;
    let files = request.context.len();
    ensure(files <= MAX_CONTEXT_FILES, "context", || {
        format!("has {files} files; at most {MAX_CONTEXT_FILES}")
    })?;
    let names = [("path", &request.path), ("language", &request.language)];
    for (field, name) in names.into_iter().filter_map(|(field, name)| Some((field, name.as_deref()?))) {
        check_name(field, name)?;
    }
    for file in &request.context {
        check_name("context", &file.path)?;
    }
    check_numbers(request)?;
    check_stop(request.stop.as_ref())?;
    check_span("span", request.span)?;
    check_holes(request)
}

fn check_span(field: &'static str, span: Option<Span>) -> Result<(), EngineError> {
    let Some(Span::Tokens(tokens)) = span else { return Ok(()) };
    let fits = (1..=MAX_SPAN_TOKENS).contains(&(tokens as usize));
    ensure(fits, field, || format!("must be `rest`, `line`, `block` or 1 to {MAX_SPAN_TOKENS} tokens"))
}

fn check_holes(request: &FimRequest) -> Result<(), EngineError> {
    let holes = 1 + request.holes.len();
    ensure(holes <= MAX_HOLES, "holes", || format!("{holes} holes in one request; at most {MAX_HOLES}"))?;
    for hole in &request.holes {
        ensure(!hole.before.is_empty(), "holes", || "two holes need text between them".to_owned())?;
        check_span("holes", hole.span)?;
    }
    let several = request.n.is_some_and(|n| n > 1);
    ensure(request.holes.is_empty() || !several, "n", || {
        "must be 1 where there are several holes".to_owned()
    })?;
    let fills = !request.holes.is_empty() || request.rewrite.is_some();
    ensure(!(request.doubt && fills), "doubt", || "is for a request that fills nothing".to_owned())?;
    if let Some(previous) = &request.previous {
        let alone = !fills && !request.doubt;
        ensure(alone, "previous", || "is for a request that fills one hole".to_owned())?;
        let bytes = previous.text.len();
        ensure((1..=MAX_PREVIOUS_BYTES).contains(&bytes), "previous", || {
            format!("has {bytes} bytes; a text to start from has 1 to {MAX_PREVIOUS_BYTES}")
        })?;
    }
    let Some(rewrite) = &request.rewrite else { return Ok(()) };
    let bytes = rewrite.text.len();
    ensure(request.holes.is_empty(), "rewrite", || "is for a request of one hole".to_owned())?;
    ensure((1..=MAX_REWRITE_BYTES).contains(&bytes), "rewrite", || {
        format!("has {bytes} bytes; 1 to {MAX_REWRITE_BYTES} can be written anew at a time")
    })
}

fn check_name(field: &'static str, name: &str) -> Result<(), EngineError> {
    let fits = name.len() <= MAX_NAME_BYTES && !name.contains('\0');
    ensure(fits, field, || format!("must have at most {MAX_NAME_BYTES} bytes and no NUL"))
}

fn check_numbers(request: &mut FimRequest) -> Result<(), EngineError> {
    if let Some(tokens) = &mut request.max_tokens {
        ensure(*tokens >= 1, "max_tokens", || "must be at least 1".to_owned())?;
        // Other engines' clients ask for 512 and more as a matter of course; an answer may be shorter.
        *tokens = (*tokens).min(MAX_SPAN_TOKENS as u32);
    }
    if let Some(n) = request.n {
        ensure((1..=MAX_CHOICES).contains(&n), "n", || format!("must be 1 to {MAX_CHOICES}"))?;
    }
    if let Some(temperature) = request.temperature {
        let fits = (0.0..=MAX_TEMPERATURE).contains(&temperature);
        ensure(fits, "temperature", || format!("must be 0 to {MAX_TEMPERATURE}"))?;
    }
    if let Some(top_p) = request.top_p {
        ensure(top_p > 0.0 && top_p <= 1.0, "top_p", || "must be above 0 and at most 1".to_owned())?;
    }
    if let Some(ms) = request.deadline_ms {
        let longest = MAX_DEADLINE.as_millis();
        let fits = ms >= 1 && u128::from(ms) <= longest;
        ensure(fits, "deadline_ms", || format!("must be 1 to {longest}"))?;
    }
    Ok(())
}

fn check_stop(stop: Option<&Stop>) -> Result<(), EngineError> {
    let strings = match stop {
        None => return Ok(()),
        Some(Stop::One(one)) => std::slice::from_ref(one),
        Some(Stop::Many(many)) => many.as_slice(),
    };
    ensure(strings.len() <= MAX_STOP_STRINGS, "stop", || format!("at most {MAX_STOP_STRINGS} strings"))?;
    let fit = strings.iter().all(|string| (1..=MAX_STOP_BYTES).contains(&string.len()));
    ensure(fit, "stop", || format!("each string must have 1 to {MAX_STOP_BYTES} bytes"))
}

fn ensure(holds: bool, field: &'static str, reason: impl FnOnce() -> String) -> Result<(), EngineError> {
    if holds { Ok(()) } else { Err(EngineError::BadRequest { field, reason: reason() }) }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
            select(vec!["rest", "line", "path", "text", "\0", "\u{feff}"]).prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..6).prop_map(Value::from),
                vec((select(vec!["path", "text", "prompt"]), inner), 0..4).prop_map(|pairs| pairs
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect()),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn any_json_is_taken_or_refused_by_its_field(
            fields in vec((select(FIELDS.to_vec()), value()), 0..8),
            with_prompt in any::<bool>(),
        ) {
            let mut object: Map<String, Value> =
                fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect();
            if with_prompt {
                object.insert("prompt".to_owned(), "let x".into());
            }
            let bytes = serde_json::to_vec(&object).unwrap_or_default();
            match parse(&bytes).and_then(|mut request| check(&mut request, "served").map(|()| request)) {
                Ok(request) => {
                    prop_assert!(request.temperature.is_none_or(|t| (0.0..=MAX_TEMPERATURE).contains(&t)));
                    prop_assert!(request.max_tokens.is_none_or(|n| (1..=MAX_SPAN_TOKENS as u32).contains(&n)));
                }
                Err(EngineError::BadRequest { field, .. }) => prop_assert!(field == "prompt" || object.contains_key(field)),
                Err(EngineError::UnknownModel { .. }) => prop_assert!(object.contains_key("model")),
                Err(other) => prop_assert!(false, "{other:?} for {}", String::from_utf8_lossy(&bytes)),
            }
        }

        #[test]
        fn any_bytes_are_taken_or_refused(bytes in vec(any::<u8>(), 0..64)) {
            let _ = parse(&bytes);
        }
    }
}

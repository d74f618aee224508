//! What the front answers to every kind of request, good and bad: never a 500, never a dead process.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod support;

use quicksilver_engine::http::{Address, Keys, Life, Listener};
use quicksilver_protocol::limits::{
    MAX_BODY_BYTES, MAX_CONTEXT_BYTES, MAX_CONTEXT_FILES, MAX_HOLES, MAX_NAME_BYTES, MAX_PREVIOUS_BYTES,
    MAX_REWRITE_BYTES,
};
use serde_json::json;
use support::{Front, JSON, KEY};

/// Bodies with one thing about them, the status they get, and the field that the message names.
fn bodies() -> Vec<(&'static str, String, u16, &'static str)> {
    let fits = "x".repeat(MAX_CONTEXT_BYTES);
    let with = |field: &str, value: &str| format!(r#"{{"prompt":"a","{field}":{value}}}"#);
    let files = |n: usize| {
        with("context", &serde_json::to_string(&vec![json!({"path": "p", "text": "t"}); n]).unwrap())
    };
    let name = |n: usize| with("path", &format!("{:?}", "p".repeat(n)));
    let holes = |n: usize| with("holes", &serde_json::to_string(&vec![json!({"before": "b"}); n]).unwrap());
    let rewrite = |n: usize| with("rewrite", &json!({"text": "x".repeat(n)}).to_string());
    let previous = |n: usize| with("previous", &json!({"text": "x".repeat(n)}).to_string());
    let text_in_hole = json!({"prompt": "a", "holes": [{"before": fits}]}).to_string();
    let several_anew = r#"{"prompt":"a","holes":[{"before":"b"}],"rewrite":{"text":"c"}}"#;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let mut cases = vec![
        ("the least", r#"{"prompt":"a"}"#.to_owned(), 200, ""),
        ("an empty prompt", r#"{"prompt":""}"#.to_owned(), 200, ""),
        ("no prompt", r#"{"suffix":"a"}"#.to_owned(), 422, "prompt"),
        ("an empty body", String::new(), 400, ""),
        ("not JSON", "prompt=a".to_owned(), 400, ""),
        ("half of a JSON", r#"{"prompt":"a"#.to_owned(), 400, ""),
        ("two JSONs", r#"{"prompt":"a"}{"prompt":"b"}"#.to_owned(), 400, ""),
        ("an array", "[]".to_owned(), 400, ""),
        ("a string", r#""prompt""#.to_owned(), 400, ""),
        ("null", "null".to_owned(), 400, ""),
        ("very deep JSON", deep, 400, ""),
        ("a field twice", r#"{"prompt":"a","prompt":"b"}"#.to_owned(), 400, ""),
        ("half a surrogate", r#"{"prompt":"\ud800"}"#.to_owned(), 400, ""),
        ("text at the limit", json!({"prompt": fits}).to_string(), 200, ""),
        ("text over the limit", json!({"prompt": fits, "suffix": "y"}).to_string(), 422, "prompt"),
        ("files at the limit", files(MAX_CONTEXT_FILES), 200, ""),
        ("files over the limit", files(MAX_CONTEXT_FILES + 1), 422, "context"),
        ("a path at the limit", name(MAX_NAME_BYTES), 200, ""),
        ("a path over the limit", name(MAX_NAME_BYTES + 1), 422, "path"),
        ("holes at the limit", holes(MAX_HOLES - 1), 200, ""),
        ("holes over the limit", holes(MAX_HOLES), 422, "holes"),
        ("a text to start from under the limit", previous(MAX_PREVIOUS_BYTES - 1), 200, ""),
        ("a text to start from at the limit", previous(MAX_PREVIOUS_BYTES), 200, ""),
        ("a text to start from over the limit", previous(MAX_PREVIOUS_BYTES + 1), 422, "previous"),
        ("an empty text to start from", previous(0), 422, "previous"),
        ("a rewriting at the limit", rewrite(MAX_REWRITE_BYTES), 200, ""),
        ("a rewriting over the limit", rewrite(MAX_REWRITE_BYTES + 1), 422, "rewrite"),
        ("text over the limit in a hole", text_in_hole, 422, "prompt"),
        (
            "several answers to several holes",
            r#"{"prompt":"a","n":2,"holes":[{"before":"b"}]}"#.to_owned(),
            422,
            "n",
        ),
        (
            "doubts of several holes",
            r#"{"prompt":"a","doubt":true,"holes":[{"before":"b"}]}"#.to_owned(),
            422,
            "doubt",
        ),
        (
            "a text to start from for several holes",
            r#"{"prompt":"a","previous":{"text":"x"},"holes":[{"before":"b"}]}"#.to_owned(),
            422,
            "previous",
        ),
        ("several holes written anew", several_anew.to_owned(), 422, "rewrite"),
        ("a body over the limit", json!({"prompt": "x".repeat(MAX_BODY_BYTES)}).to_string(), 413, ""),
    ];
    let fields = [
        ("prompt", "1", 422),
        ("prompt", "null", 422),
        ("suffix", "null", 200),
        ("suffix", "[]", 422),
        ("model", "\"scripted\"", 200),
        ("model", "\"another\"", 404),
        ("model", "7", 422),
        ("n", "1", 200),
        ("n", "8", 200),
        ("n", "9", 422),
        ("n", "0", 422),
        ("n", "null", 200),
        ("max_tokens", "1", 200),
        ("max_tokens", "512", 200),
        ("max_tokens", "0", 422),
        ("max_tokens", "-1", 422),
        ("max_tokens", "1.5", 422),
        ("max_tokens", "1e30", 422),
        ("max_tokens", "\"9\"", 422),
        ("max_tokens", "null", 200),
        ("temperature", "0", 200),
        ("temperature", "2", 200),
        ("temperature", "2.0001", 422),
        ("temperature", "-0.1", 422),
        ("temperature", "1e308", 422),
        ("temperature", "1e999", 400),
        ("temperature", "NaN", 400),
        ("temperature", "Infinity", 400),
        ("top_p", "1", 200),
        ("top_p", "0", 422),
        ("top_p", "1.01", 422),
        ("holes", "[]", 200),
        ("holes", "null", 200),
        ("holes", r#"[{"before":"a"}]"#, 200),
        ("holes", r#"[{"before":"a","span":"block"}]"#, 200),
        ("holes", r#"[{"before":""}]"#, 422),
        ("holes", r#"[{"before":"a","span":0}]"#, 422),
        ("holes", r#"[{}]"#, 422),
        ("holes", "7", 422),
        ("rewrite", r#"{"text":"a"}"#, 200),
        ("rewrite", r#"{"text":"a","all":true}"#, 200),
        ("rewrite", r#"{"text":""}"#, 422),
        ("rewrite", "\"a\"", 422),
        ("rewrite", "null", 200),
        ("doubt", "true", 200),
        ("doubt", "null", 200),
        ("doubt", "1", 422),
        ("seed", "18446744073709551615", 200),
        ("seed", "18446744073709551616", 422),
        ("seed", "-1", 422),
        ("stop", "\"x\"", 200),
        ("stop", r#"["a","b","c","d"]"#, 200),
        ("stop", r#"["a","b","c","d","e"]"#, 422),
        ("stop", r#"[""]"#, 422),
        ("stop", "[1]", 422),
        ("stream", "null", 200),
        ("stream", "1", 422),
        ("diffusing", "\"yes\"", 422),
        ("context", "null", 200),
        ("context", r#"[{"path":"p"}]"#, 422),
        ("span", "\"rest\"", 200),
        ("span", "256", 200),
        ("span", "257", 422),
        ("span", "0", 422),
        ("span", "\"word\"", 422),
        ("path", r#""a\u0000b""#, 422),
        ("language", "{}", 422),
        ("deadline_ms", "50", 200),
        ("deadline_ms", "10000", 200),
        ("deadline_ms", "10001", 422),
        ("deadline_ms", "0", 422),
        ("some_field_of_another_engine", "{\"a\":[1]}", 200),
        ("top_k", "-1", 200),
        ("presence_penalty", "1.5", 200),
        ("stream_options", r#"{"include_usage":true}"#, 200),
    ];
    cases.extend(fields.map(|(field, value, status)| {
        let names = if status == 422 || status == 404 { field } else { "" };
        (field, with(field, value), status, names)
    }));
    cases
}

#[tokio::test]
async fn every_body_gets_its_status_and_the_message_names_the_field() {
    let front = Front::start().await;
    let mut wrong = Vec::new();
    for (name, body, status, field) in bodies() {
        let answer = front.fim(&body).await;
        let shown: String = body.chars().take(60).collect();
        if answer.status != status {
            wrong.push(format!("{name}: {shown} got {} {}", answer.status, answer.body));
        } else if status != 200 {
            let error = &answer.json()["error"];
            assert!(error["message"].as_str().is_some_and(|message| message.len() > 5), "{name}: {error}");
            if !field.is_empty() && error["param"] != field {
                wrong.push(format!("{name}: {shown} names {}", error["param"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(front.fim(r#"{"prompt":"a"}"#).await.status, 200, "alive after all of it");
}

#[tokio::test]
async fn as_many_choices_come_as_were_asked_for_and_in_order() {
    let front = Front::start().await;
    let answer = front.fim(r#"{"prompt":"a","n":3}"#).await.json();
    let choices: Vec<_> =
        answer["choices"].as_array().unwrap().iter().map(|c| (&c["index"], &c["text"])).collect();
    assert_eq!(json!(choices), json!([[0, "filled"], [1, "other 1"], [2, "other 2"]]));
    assert!(answer["choices"][2]["finish_reason"] == "stop");
}

#[tokio::test]
async fn several_holes_have_a_choice_each_in_answers_and_in_events() {
    let front = Front::start().await;
    let body = r#"{"prompt":"a","holes":[{"before":"b"},{"before":"c"}],"suffix":"d"}"#;
    let answer = front.fim(body).await.json();
    let choices: Vec<_> = answer["choices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| (&c["index"], &c["text"], &c["confidence"]))
        .collect();
    assert_eq!(json!(choices), json!([[0, "hole 0", 0.25], [1, "hole 1", 0.25], [2, "hole 2", 0.25]]));
    let body = r#"{"prompt":"two","holes":[{"before":"b"}],"stream":true,"diffusing":true}"#;
    let answer = front.fim(body).await;
    let events: Vec<serde_json::Value> =
        answer.events().iter().filter_map(|event| serde_json::from_str(event).ok()).collect();
    let frame = &events[0]["choices"];
    let runs = |hole: usize| frame[hole]["frame"]["runs"].as_array().map_or(0, Vec::len);
    assert_eq!((&frame[1]["index"], runs(0), runs(1)), (&json!(1), 2, 1), "{frame}");
    assert_eq!(frame[1]["frame"]["runs"][0]["hole"], 1);
    assert_eq!(frame[1]["text"], "second");
    assert_eq!(events.last().unwrap()["choices"][1]["text"], "hole 1");
}

#[tokio::test]
async fn a_rewriting_says_by_how_much_it_is_better() {
    let front = Front::start().await;
    let answer = front.fim(r#"{"prompt":"a","rewrite":{"text":"b"}}"#).await.json();
    let margin = answer["quicksilver"]["margin"].as_f64().unwrap();
    assert!((margin - 0.7).abs() < 1e-6, "{answer}");
    let plain = front.fim(r#"{"prompt":"a"}"#).await.json();
    assert!(plain["quicksilver"].get("margin").is_none(), "{plain}");
}

#[tokio::test]
async fn paths_methods_and_kinds_that_are_not_ours() {
    let front = Front::start().await;
    let fim = "/v1/fim/completions";
    let body = r#"{"prompt":"a"}"#;
    let cases = [
        ("GET", fim, "", "", 405),
        ("PUT", fim, JSON, body, 405),
        ("OPTIONS", fim, "", "", 405),
        ("POST", "/v1/models", JSON, body, 405),
        ("POST", "/v1/chat/completions", JSON, body, 404),
        ("GET", "/", "", "", 404),
        ("GET", "/v1/fim/completions/../../etc/passwd", "", "", 404),
        ("POST", fim, "", body, 415),
        ("POST", fim, "Content-Type: text/plain\r\n", body, 415),
        ("POST", fim, "Content-Type: application/json; charset=utf-8\r\n", body, 200),
        ("POST", fim, "Content-Type: APPLICATION/JSON\r\n", body, 200),
        ("GET", "/health", "", "", 200),
        ("GET", "/ready", "", "", 200),
        ("GET", "/metrics", "", "", 200),
        ("GET", "/v1/models", "", "", 200),
    ];
    for (method, path, headers, body, status) in cases {
        let answer = front.ask(method, path, headers, body).await;
        assert_eq!(answer.status, status, "{method} {path} {headers}: {answer:?}");
        assert!(!answer.head.contains("access-control-allow"), "no CORS: {answer:?}");
    }
}

#[tokio::test]
async fn bytes_that_are_hardly_http_get_an_answer_or_a_closed_door() {
    let front = Front::start().await;
    let post = "POST /v1/fim/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    let json = "Content-Type: application/json\r\n";
    let chunked = format!("{post}{json}Transfer-Encoding: chunked\r\n");
    let long = "x".repeat(20_000);
    let cases: Vec<(&str, String, &[u16])> = vec![
        ("garbage", "\x16\x03\x01 hello\r\n\r\n".into(), &[400]),
        ("a head of 20 KB", format!("{post}X-Long: {long}\r\n\r\n"), &[431]),
        ("a path of 20 KB", format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"), &[414, 431]),
        ("500 headers", format!("{post}{}\r\n", "A: b\r\n".repeat(500)), &[431]),
        ("no Host and HTTP/1.0", "GET /health HTTP/1.0\r\n\r\n".into(), &[200]),
        ("HTTP/3.7", "GET /health HTTP/3.7\r\n\r\n".into(), &[400, 505]),
        ("a length that is no number", format!("{post}{json}Content-Length: ten\r\n\r\n{{}}"), &[400]),
        ("a negative length", format!("{post}{json}Content-Length: -5\r\n\r\n{{}}"), &[400]),
        ("two lengths", format!("{post}{json}Content-Length: 2\r\nContent-Length: 14\r\n\r\n{{}}"), &[400]),
        ("a huge length", format!("{post}{json}Content-Length: 99999999999\r\n\r\n{{}}"), &[413]),
        (
            "length and chunks",
            format!("{chunked}Content-Length: 3\r\n\r\ne\r\n{{\"prompt\":\"a\"}}\r\n0\r\n\r\n"),
            &[200, 400],
        ),
        ("good chunks", format!("{chunked}\r\n7\r\n{{\"promp\r\n7\r\nt\":\"a\"}}\r\n0\r\n\r\n"), &[200]),
        ("chunks with no number", format!("{chunked}\r\nzz\r\n{{}}\r\n0\r\n\r\n"), &[400]),
        ("a huge chunk", format!("{chunked}\r\nfffffffffffffffff\r\n{{}}\r\n"), &[400]),
        (
            "two requests at once",
            format!(
                "{}{}",
                "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
                "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            ),
            &[200],
        ),
    ];
    for (name, bytes, statuses) in cases {
        let answer = front.raw(bytes.as_bytes()).await;
        assert!(statuses.contains(&answer.status), "{name}: {answer:?}");
    }
    assert_eq!(front.fim(r#"{"prompt":"a"}"#).await.status, 200, "alive after all of it");
}

#[tokio::test]
async fn heads_and_bodies_that_trickle_in_are_cut_at_five_seconds() {
    let front = Front::start().await;
    let begun = std::time::Instant::now();
    let head = front.raw(b"POST /v1/fim/completions HTTP/1.1\r\nHost: loc");
    let body = "POST /v1/fim/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{\"pro";
    let (head, body) = tokio::join!(head, front.raw(body.as_bytes()));
    assert!(matches!(head.status, 0 | 408), "{head:?}");
    assert_eq!(body.status, 408, "{body:?}");
    let seconds = begun.elapsed().as_secs_f64();
    assert!((4.5..7.0).contains(&seconds), "{seconds} s");
}

#[tokio::test]
async fn an_answer_has_mercurys_shape() {
    let front = Front::start().await;
    let answer = front.fim(r#"{"prompt":"steps 3","suffix":";"}"#).await.json();
    assert_eq!(answer["object"], "text_completion");
    assert_eq!(answer["model"], "scripted");
    let message = json!({"role": "assistant", "content": "filled"});
    assert_eq!(
        answer["choices"][0],
        json!({"index": 0, "text": "filled", "finish_reason": "stop", "message": message})
    );
    let usage =
        json!({"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11, "cached_input_tokens": 4});
    assert_eq!(answer["usage"], usage);
    assert_eq!(answer["quicksilver"]["steps"], 3);
    assert!(answer["id"].as_str().is_some_and(|id| id.starts_with("fim-")));
}

#[tokio::test]
async fn a_stream_is_one_answer_and_the_end_mark() {
    let front = Front::start().await;
    let answer = front.fim(r#"{"prompt":"steps 3","stream":true}"#).await;
    assert!(answer.head.contains("content-type: text/event-stream"));
    let events = answer.events();
    assert_eq!((events.len(), events.last()), (2, Some(&"[DONE]")));
    assert!(events[0].contains(r#""text":"filled","finish_reason":"stop""#));
}

#[tokio::test]
async fn clients_of_mistrals_fim_find_the_text_where_they_look_for_it() {
    let front = Front::start().await;
    let said = json!({"role": "assistant", "content": "filled"});
    // Fields of theirs that we do not know are no error.
    let asked = r#"{"model":"scripted","prompt":"steps 3","suffix":"","max_tokens":150,"temperature":0.2,"top_p":1.0,"stream":false,"random_seed":1,"min_tokens":0}"#;
    let whole = front.fim(asked).await.json()["choices"][0].take();
    assert_eq!((&whole["message"], &whole["delta"]), (&said, &serde_json::Value::Null));
    let streamed = front.fim(r#"{"prompt":"steps 3","stream":true}"#).await;
    let event: serde_json::Value = serde_json::from_str(streamed.events()[0]).unwrap();
    assert_eq!(event["choices"][0]["delta"], said);
    assert_eq!(event["choices"][0]["message"], serde_json::Value::Null);
    let answer = front.fim(r#"{"prompt":"steps 3","stream":true,"diffusing":true}"#).await;
    assert!(!answer.events().concat().contains("delta"), "a frame takes the place of the one before");
}

#[tokio::test]
async fn a_diffusing_stream_shows_the_whole_span_after_each_step() {
    let front = Front::start().await;
    let answer = front.fim(r#"{"prompt":"steps 20","stream":true,"diffusing":true}"#).await;
    let events = answer.events();
    assert_eq!(events.last(), Some(&"[DONE]"));
    let frames: Vec<serde_json::Value> =
        events[..events.len() - 2].iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    assert!(frames.len() >= 10, "{} frames of 20 steps", frames.len());
    let steps: Vec<u64> =
        frames.iter().filter_map(|frame| frame["choices"][0]["frame"]["step"].as_u64()).collect();
    assert!(steps.windows(2).all(|pair| pair[0] < pair[1]), "{steps:?}");
    assert_eq!(frames[0]["choices"][0]["text"], "fil", "masks are left out of the text");
    assert_eq!(frames[0]["choices"][0]["frame"]["runs"][1]["kind"], "masked");
}

#[tokio::test]
async fn a_key_is_asked_for_and_every_wrong_one_gets_the_same_answer() {
    let front = Front::with(Keys::parse(KEY), Life::UntilStopped).await;
    let body = r#"{"prompt":"a"}"#;
    let long = format!("Authorization: Bearer {}\r\n", "k".repeat(8000));
    let wrong = [
        String::new(),
        "Authorization: Bearer \r\n".into(),
        "Authorization: Bearer wrong\r\n".into(),
        "Authorization: Bearer kestrel-441\r\n".into(),
        "Authorization: Bearer kestrel-44110\r\n".into(),
        "Authorization: Bearer KESTREL-4411\r\n".into(),
        "Authorization: Basic kestrel-4411\r\n".into(),
        "Authorization: kestrel-4411\r\n".into(),
        "Authorization: Bearer ünïcödé\r\n".into(),
        format!("Authorization: Bearer {KEY}\r\nAuthorization: Bearer {KEY}\r\n"),
        long,
    ];
    let mut bodies = std::collections::BTreeSet::new();
    for header in wrong {
        for path in ["/v1/fim/completions", "/v1/models", "/metrics", "/ready", "/v1/lease", "/nowhere"] {
            let method = if path.contains("fim") { "POST" } else { "GET" };
            let answer = front.ask(method, path, &format!("{JSON}{header}"), body).await;
            assert_eq!(answer.status, 401, "{path} {header}");
            bodies.insert(answer.body);
        }
    }
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let right = format!("{JSON}Authorization: Bearer {KEY}\r\n");
    assert_eq!(front.ask("POST", "/v1/fim/completions", &right, body).await.status, 200);
    assert_eq!(front.ask("GET", "/health", "", "").await.status, 200, "health has no secret");
}

#[tokio::test]
async fn a_web_page_cannot_reach_us_by_rebinding_a_name() {
    let front = Front::start().await;
    for host in ["evil.example", "127.0.0.1.evil.example", "10.1.2.3", "localhost.evil.example:80", ""] {
        let request = format!("GET /v1/models HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(front.raw(request.as_bytes()).await.status, 403, "{host}");
    }
    let answer = front.ask("GET", "/v1/models", "Origin: http://localhost\r\n", "").await;
    assert_eq!(answer.status, 403, "no browser");
}

#[tokio::test]
async fn addresses_that_cannot_be_listened_on_say_why() {
    let why = async |address: &str, keys: &Keys| {
        let address: Address = address.parse().unwrap();
        Listener::open(&address, keys).await.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(why("0.0.0.0:0", &Keys::default()).await.contains("without a key"));
    assert_eq!(why("0.0.0.0:0", &Keys::parse("k")).await, "");
    let taken = Listener::open(&"127.0.0.1:0".parse().unwrap(), &Keys::default()).await.unwrap();
    let again = taken.address().to_string();
    assert!(why(&again, &Keys::default()).await.contains("something listens there already"));
    assert!(why("unix:/no/such/folder/x.sock", &Keys::default()).await.contains("cannot listen on unix:"));
    assert!("localhost".parse::<Address>().is_err());
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_is_for_this_user_alone_and_a_dead_one_is_taken_over() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("engine.sock");
    let address = Address::Unix(path.clone());
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let listener = Listener::open(&address, &Keys::default()).await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(Listener::open(&address, &Keys::default()).await.is_err(), "one that lives is not");
    drop(listener);
    assert!(!path.exists(), "and nothing is left behind");
}

//! The loop's promises, against a service whose handlers sleep, count and panic.

use std::sync::Mutex;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tower_lsp_server::gen_lsp_types::{InitializeParams, InitializeResult};
use tower_lsp_server::jsonrpc::Result;

use super::*;
use crate::document::dice::report;

#[derive(Default)]
struct Backend {
    seen: Mutex<Vec<i64>>,
}

impl LanguageServer for Backend {
    async fn initialize(&self, _: InitializeParams) -> Result<InitializeResult> {
        Ok(InitializeResult::default())
    }

    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }
}

impl Backend {
    async fn note(&self, params: Value) {
        self.seen.lock().unwrap().push(params["n"].as_i64().unwrap());
    }

    async fn noted(&self) -> Result<Vec<i64>> {
        Ok(self.seen.lock().unwrap().clone())
    }

    async fn sleep(&self, params: Value) -> Result<Value> {
        tokio::time::sleep(Duration::from_millis(params["ms"].as_u64().unwrap())).await;
        Ok(params)
    }

    async fn panic_at_once(&self) -> Result<()> {
        panic!("at once")
    }

    async fn panic_later(&self) -> Result<()> {
        tokio::time::sleep(Duration::from_millis(5)).await;
        panic!("later")
    }

    async fn panic_quietly(&self) {
        panic!("in a notification")
    }
}

/// A client of the loop: what it sends is text, what it reads are messages.
struct Client {
    pipe: DuplexStream,
    buffer: Vec<u8>,
    server: tokio::task::JoinHandle<u8>,
}

impl Client {
    async fn start() -> Self {
        let (service, socket) = LspService::build_with_lifecycle_methods(|_| Backend::default())
            .custom_method("note", Backend::note)
            .custom_method("noted", Backend::noted)
            .custom_method("sleep", Backend::sleep)
            .custom_method("panic/atOnce", Backend::panic_at_once)
            .custom_method("panic/later", Backend::panic_later)
            .custom_method("panic/quietly", Backend::panic_quietly)
            .finish();
        let (pipe, far) = tokio::io::duplex(1 << 20);
        let (input, output) = tokio::io::split(far);
        let server = tokio::spawn(serve(input, output, service, socket, std::future::pending()));
        let mut client = Self { pipe, buffer: Vec::new(), server };
        client.call(0, "initialize", json!({"capabilities": {}})).await;
        assert!(client.read().await["result"].is_object());
        client
    }

    async fn send(&mut self, message: Value) {
        let body = message.to_string();
        let frame = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        self.pipe.write_all(frame.as_bytes()).await.unwrap();
    }

    async fn call(&mut self, id: i64, method: &str, params: Value) {
        self.send(json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
    }

    async fn tell(&mut self, method: &str, params: Value) {
        self.send(json!({"jsonrpc": "2.0", "method": method, "params": params})).await;
    }

    async fn read(&mut self) -> Value {
        loop {
            if let Some(at) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.buffer[..at]);
                let length: usize = head.rsplit(' ').next().unwrap().parse().unwrap();
                if self.buffer.len() >= at + 4 + length {
                    let rest = self.buffer.split_off(at + 4 + length);
                    let message = serde_json::from_slice(&self.buffer[at + 4..]).unwrap();
                    self.buffer = rest;
                    return message;
                }
            }
            let mut chunk = [0; 4096];
            let read = tokio::time::timeout(Duration::from_secs(5), self.pipe.read(&mut chunk)).await;
            let n = read.expect("the server is silent").unwrap();
            assert!(n > 0, "the server closed its output");
            self.buffer.extend_from_slice(&chunk[..n]);
        }
    }

    async fn read_ids(&mut self, n: usize) -> Vec<(i64, i64)> {
        let mut seen = Vec::new();
        for _ in 0..n {
            let message = self.read().await;
            seen.push((message["id"].as_i64().unwrap(), message["error"]["code"].as_i64().unwrap_or(0)));
        }
        seen
    }
}

#[tokio::test]
async fn notifications_take_effect_in_order_before_the_next_message() {
    let mut client = Client::start().await;
    for n in 1..=8 {
        client.tell("note", json!({ "n": n })).await;
    }
    client.call(1, "noted", Value::Null).await;
    assert_eq!(client.read().await["result"], json!([1, 2, 3, 4, 5, 6, 7, 8]));
}

#[tokio::test]
async fn slow_requests_delay_neither_cancels_nor_others() {
    let mut client = Client::start().await;
    for id in 1..=64 {
        client.call(id, "sleep", json!({"ms": 60_000})).await;
    }
    for id in 1..=64 {
        client.tell("$/cancelRequest", json!({ "id": id })).await;
    }
    client.call(65, "sleep", json!({"ms": 0})).await;
    let mut seen = client.read_ids(65).await;
    seen.sort_unstable();
    let expected: Vec<_> = (1..=64).map(|id| (id, -32800)).chain([(65, 0)]).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_panic_costs_its_own_request() {
    let mut client = Client::start().await;
    client.call(1, "sleep", json!({"ms": 50})).await;
    client.call(2, "panic/atOnce", Value::Null).await;
    client.call(3, "panic/later", Value::Null).await;
    client.tell("panic/quietly", Value::Null).await;
    let mut seen = client.read_ids(3).await;
    seen.sort_unstable();
    assert_eq!(seen, [(1, 0), (2, -32603), (3, -32603)]);
    client.call(2, "noted", Value::Null).await;
    assert_eq!(client.read_ids(1).await, [(2, 0)], "the id of a request that panicked can be used again");
    report(
        "K4",
        "handlers that panic: at once, later, in a notification",
        "-32603 for that request alone; the next is served",
    );
}

#[tokio::test]
async fn an_id_in_flight_is_not_taken_twice() {
    let mut client = Client::start().await;
    client.call(1, "sleep", json!({"ms": 30})).await;
    client.call(1, "noted", Value::Null).await;
    assert_eq!(client.read_ids(2).await, [(1, -32600), (1, 0)]);
    client.call(1, "noted", Value::Null).await;
    assert_eq!(client.read_ids(1).await, [(1, 0)]);
}

#[tokio::test]
async fn unknown_methods_are_answered_and_unknown_notifications_are_not() {
    let mut client = Client::start().await;
    client.tell("$/unheardOf", json!({})).await;
    client.tell("unheardOf", json!({})).await;
    client.call(1, "$/unheardOf", json!({})).await;
    client.call(2, "unheardOf", json!({})).await;
    assert_eq!(client.read_ids(2).await, [(1, -32601), (2, -32601)]);
}

#[tokio::test]
async fn exit_codes_follow_the_specification() {
    let mut polite = Client::start().await;
    polite.call(1, "shutdown", Value::Null).await;
    assert_eq!(polite.read_ids(1).await, [(1, 0)]);
    polite.call(2, "noted", Value::Null).await;
    assert_eq!(polite.read_ids(1).await, [(2, -32600)]);
    polite.tell("exit", Value::Null).await;
    assert_eq!(polite.server.await.unwrap(), 0);

    let mut rude = Client::start().await;
    rude.call(1, "sleep", json!({"ms": 60_000})).await;
    rude.tell("exit", Value::Null).await;
    assert_eq!(rude.server.await.unwrap(), 1);

    let vanished = Client::start().await;
    drop(vanished.pipe);
    assert_eq!(vanished.server.await.unwrap(), 1);
}

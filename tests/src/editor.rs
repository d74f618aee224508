//! A client that opens, edits and asks as an editor does.
//!
//! Keeps its own text as UTF-16 and splices it itself, by other means than the server does, so that the two
//! can be compared.

use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::server::TestServer;

/// Which editor a client says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8, ghost text by the standard.
    Neovim,
    /// UTF-16, ghost text with shape rules.
    VsCode,
    /// No ghost text.
    Plain,
}

/// An editor with one file, and its server.
pub struct Editor {
    /// The server.
    pub server: TestServer,
    /// The file's address.
    pub uri: String,
    /// What the server offered.
    pub offered: Value,
    text: Vec<u16>,
    version: i32,
}

impl Editor {
    /// Starts a server with these settings and opens a Rust file; the cursor mark is taken out.
    pub fn open(kind: Kind, settings: Value, fixture: &Fixture) -> Self {
        Self::open_with(kind, json!({}), settings, "rust", &fixture.text)
    }

    /// The same, with `experimental` capabilities and a language.
    pub fn open_with(kind: Kind, experimental: Value, settings: Value, language: &str, text: &str) -> Self {
        let mut server = TestServer::spawn();
        let offered = server.initialize(
            match kind {
                Kind::Neovim => "Neovim",
                Kind::VsCode => "Visual Studio Code",
                Kind::Plain => "helix",
            },
            json!({
                "general": {"positionEncodings": if kind == Kind::VsCode { vec!["utf-16"] } else { vec!["utf-8", "utf-16"] }},
                "textDocument": if kind == Kind::Plain { json!({}) } else { json!({"inlineCompletion": {}}) },
                "experimental": experimental,
            }),
            settings,
        );
        let uri = "file:///project/src/shop.rs".to_owned();
        server.notify(
            "textDocument/didOpen",
            json!({"textDocument": {"uri": uri, "languageId": language, "version": 1, "text": text}}),
        );
        Self { server, uri, offered, text: text.encode_utf16().collect(), version: 1 }
    }

    /// The text as this editor has it.
    pub fn text(&self) -> String {
        String::from_utf16_lossy(&self.text)
    }

    /// The version of the text.
    pub fn version(&self) -> i32 {
        self.version
    }

    /// Replaces `from..to`, in UTF-16 units from the start, and tells the server; UTF-16 clients only.
    pub fn splice(&mut self, from: usize, to: usize, inserted: &str) {
        let range = json!({"start": self.place(from), "end": self.place(to)});
        self.text.splice(from..to, inserted.encode_utf16());
        self.tell(json!([{"range": range, "text": inserted}]));
    }

    /// Replaces the whole text.
    pub fn replace(&mut self, text: &str) {
        self.text = text.encode_utf16().collect();
        self.tell(json!([{"text": text}]));
    }

    /// Sends changes under the next version, without applying them here.
    pub fn tell(&mut self, changes: Value) {
        self.version += 1;
        let document = json!({"uri": self.uri, "version": self.version});
        self.server
            .notify("textDocument/didChange", json!({"textDocument": document, "contentChanges": changes}));
    }

    /// Asks for ghost text and returns the request's id.
    pub fn ask(&mut self, position: Value) -> i64 {
        let params = self.place_params(position);
        self.server.ask("textDocument/inlineCompletion", params)
    }

    /// Asks for ghost text and waits for the items.
    pub fn suggestions(&mut self, position: Value) -> Vec<Value> {
        let id = self.ask(position);
        self.items(id)
    }

    /// The items that answer a request for ghost text.
    ///
    /// # Panics
    /// If the answer is anything but a list.
    pub fn items(&mut self, id: i64) -> Vec<Value> {
        let answer = self.server.answer(id);
        answer["result"]["items"].as_array().unwrap_or_else(|| panic!("no list: {answer}")).clone()
    }

    /// Parameters of a request for ghost text.
    pub fn place_params(&self, position: Value) -> Value {
        json!({"textDocument": {"uri": self.uri}, "position": position, "context": {"triggerKind": 2}})
    }

    /// The server's fingerprint of the file.
    pub fn digest(&mut self) -> Value {
        let uri = self.uri.clone();
        self.server.request("quicksilver/digest", json!({"textDocument": {"uri": uri}}))["result"].clone()
    }

    /// A place of this text as LSP has it: lines end at `\n`, `\r\n` and `\r`.
    pub fn place(&self, at: usize) -> Value {
        let (mut line, mut start, mut i) = (0, 0, 0);
        while i < at {
            let unit = self.text[i];
            i += 1;
            let crlf = unit == 13 && self.text.get(i) == Some(&10);
            if unit == 10 || (unit == 13 && !crlf) {
                (line, start) = (line + 1, i);
            }
        }
        json!({"line": line, "character": at - start})
    }
}

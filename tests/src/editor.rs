//! A client that opens, edits and asks as an editor does.
//!
//! Keeps its own text as UTF-16 and splices it itself, by other means than the server does, so that the two
//! can be compared.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Home;
use crate::fixture::Fixture;
use crate::server::{PATIENCE, TestServer};

/// Which editor a client says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8, lines that `\n` alone ends, ghost text by the standard.
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
    kind: Kind,
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
        let path = Path::new("/project/src/shop.rs");
        Self::start(TestServer::spawn(), kind, experimental, settings, None, path, language, text)
    }

    /// Starts Neovim with a server in this home, and opens a Rust file, which is written into the folder `project` there.
    pub fn in_project(home: &Arc<Home>, experimental: Value, settings: Value, text: &str) -> Self {
        let project = home.path().join("project");
        let path = project.join("shop.rs");
        std::fs::create_dir_all(project.join(".git")).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        let server = TestServer::spawn_in(home.clone());
        Self::start(server, Kind::Neovim, experimental, settings, Some(&project), &path, "rust", text)
    }

    #[expect(clippy::too_many_arguments, reason = "all that an editor is started with")]
    fn start(
        mut server: TestServer,
        kind: Kind,
        experimental: Value,
        settings: Value,
        root: Option<&Path>,
        path: &Path,
        language: &str,
        text: &str,
    ) -> Self {
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
            root,
        );
        let mut editor = Self { server, uri: String::new(), offered, kind, text: Vec::new(), version: 1 };
        editor.show(path, language, text);
        editor
    }

    /// Opens another file, which takes the place of the one before; that one stays open on the server's side.
    pub fn show(&mut self, path: &Path, language: &str, text: &str) {
        self.uri = format!("file://{}", path.display());
        (self.text, self.version) = (text.encode_utf16().collect(), 1);
        let document = json!({"uri": self.uri, "languageId": language, "version": 1, "text": text});
        self.server.notify("textDocument/didOpen", json!({"textDocument": document}));
    }

    /// The text as this editor has it.
    pub fn text(&self) -> String {
        String::from_utf16_lossy(&self.text)
    }

    /// The version of the text.
    pub fn version(&self) -> i32 {
        self.version
    }

    /// Replaces `from..to`, in UTF-16 units from the start, and tells the server.
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

    /// Asks until there is ghost text: an engine may be just starting.
    pub fn eventual_suggestions(&mut self, position: &Value) -> Vec<Value> {
        let until = Instant::now() + PATIENCE;
        loop {
            let items = self.suggestions(position.clone());
            if !items.is_empty() || Instant::now() > until {
                return items;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
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

    /// A place of this text, in UTF-16 units from the start, as this editor tells it: LSP's lines end at `\n`, `\r\n` and
    /// `\r`, Neovim's at `\n`.
    pub fn place(&self, at: usize) -> Value {
        let neovim = self.kind == Kind::Neovim;
        let (mut line, mut start, mut i) = (0, 0, 0);
        while i < at {
            let unit = self.text[i];
            i += 1;
            let crlf = unit == 13 && self.text.get(i) == Some(&10);
            if unit == 10 || (unit == 13 && !crlf && !neovim) {
                (line, start) = (line + 1, i);
            }
        }
        let before = &self.text[start..at];
        let character = if neovim { String::from_utf16_lossy(before).len() } else { before.len() };
        json!({"line": line, "character": character})
    }
}

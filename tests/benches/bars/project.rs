//! A folder of source files, an editor that has all of them open, and a large one that is typed in.

use std::{path::PathBuf, sync::Arc, time::Instant};

use quicksilver_tests::{Home, editor::Editor};
use serde_json::{Value, json};

/// Documents open beside the current one.
pub(crate) const OTHERS: usize = 200;
/// Bytes of the current one, at least.
pub(crate) const LARGE_BYTES: usize = 1 << 20;
/// Bytes of each of the others, about.
const OTHER_BYTES: usize = 12 * 1024;
const SAMPLE: &str = include_str!("../../../server/src/transport/serve.rs");

/// The text of a file: the sample's functions, each time with other names.
pub(crate) fn text(salt: usize, bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + SAMPLE.len());
    let mut part = 0;
    while text.len() < bytes {
        let name = format!("answers_{salt}_{part}");
        text.push_str(&SAMPLE.replace("answers", &name).replace("//!", "//"));
        part += 1;
    }
    text
}

/// The large file's text and a place in its middle: the end of a line that a statement can follow.
pub(crate) fn large() -> (String, Value) {
    let mut text = text(OTHERS, LARGE_BYTES);
    let middle = text[LARGE_BYTES / 2..].find(";\n").map_or(0, |at| LARGE_BYTES / 2 + at + 2);
    text.insert_str(middle, "        let \n");
    let line = text[..middle].matches('\n').count();
    (text, json!({"line": line, "character": 12}))
}

/// An editor in the middle of a project.
pub(crate) struct Project {
    pub(crate) editor: Editor,
    /// Where the cursor is.
    pub(crate) at: Value,
    version: u64,
}

impl Project {
    /// Opens all documents, the large one last, which is asked about until it is known.
    pub(crate) fn open(settings: Value) -> Self {
        let home = Arc::new(Home::new());
        let folder = home.path().join("project");
        let mut editor = Editor::in_project(&home, json!({}), settings, "fn main() {}\n");
        for n in 0..OTHERS {
            let (path, text) = (Self::path(&folder, n), text(n, OTHER_BYTES));
            std::fs::write(&path, &text).expect("a file");
            editor.show(&path, "rust", &text);
        }
        let (text, at) = large();
        let path = folder.join("large.rs");
        std::fs::write(&path, &text).expect("a file");
        editor.show(&path, "rust", &text);
        editor.eventual_suggestions(&at);
        let mut project = Self { editor, at, version: 0 };
        // The first answers come while documents are still being made ready.
        for _ in 0..20 {
            project.key("q");
            project.ask();
        }
        project
    }

    /// The path of the `n`th other document.
    pub(crate) fn path(folder: &std::path::Path, n: usize) -> PathBuf {
        folder.join(format!("module_{n}.rs"))
    }

    /// Types at the cursor, which moves on; after some keys the line is emptied again.
    pub(crate) fn key(&mut self, key: &str) {
        self.version += 1;
        let (line, character) = (self.at["line"].clone(), self.at["character"].as_u64().unwrap_or(0));
        let (from, text) = if character > 60 { (12, String::new()) } else { (character, key.to_owned()) };
        let range = json!({"start": {"line": line, "character": from}, "end": self.at});
        self.at = json!({"line": line, "character": from + text.len() as u64});
        self.editor.tell(json!([{"range": range, "text": text}]));
    }

    /// Asks for ghost text at the cursor, and waits for it.
    pub(crate) fn ask(&mut self) -> Vec<Value> {
        self.editor.suggestions(self.at.clone())
    }

    /// Time from a key to the server's fingerprint of the text that has it.
    pub(crate) fn synced(&mut self, key: &str) -> std::time::Duration {
        let begun = Instant::now();
        self.key(key);
        let digest = self.editor.digest();
        let time = begun.elapsed();
        assert_eq!(digest["version"], self.editor.version());
        time
    }
}

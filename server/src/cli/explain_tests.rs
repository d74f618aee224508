//! What `explain` prints of small workspaces.

use std::path::PathBuf;

use expect_test::{Expect, expect};
use quicksilver_protocol::{completion::Span, limits::MAX_CONTEXT_BYTES};
use serde_json::Value;
use tempfile::TempDir;

use super::{Exit, account::Account, explain::report, source::Source, told::Told};

const AREA: &str = "fn area(circle: &Circle) -> f64 { circle.radius * circle.radius }\n";

/// A workspace with these files, and what is told of the hole at the `$0` in `main.rs`.
struct Fixture {
    folder: TempDir,
    told: Told,
}

impl Fixture {
    fn new(main: &str, span: Option<Span>, files: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().expect("a folder");
        // What makes it a workspace.
        std::fs::create_dir(folder.path().join(".git")).expect("a folder");
        let hole = main.find("$0").expect("a cursor");
        let text = main.replace("$0", "");
        for (name, text) in files.iter().chain(&[("main.rs", text.as_str())]) {
            std::fs::write(folder.path().join(name), text).expect("a file");
        }
        let told = Told::of(&folder.path().join("main.rs"), span, &Source { text: text.clone(), hole });
        Self { told: told.expect("allowed"), folder }
    }

    /// Checks the report, without tokens: they change with the model.
    fn check(&self, full: bool, expected: &Expect) {
        let root = self.told.root.display().to_string();
        expected.assert_eq(&report(&Account::of(&self.told, full, None)).replace(&root, "ROOT"));
    }
}

#[test]
fn a_small_workspace() {
    let other: String = (0..60).map(|n| format!("struct Other{n};\n")).collect();
    Fixture::new(
        "fn area(circle: &Circle) -> f64 {\n    $0\n}\n",
        None,
        &[
            ("shapes.rs", AREA),
            ("circle.rs", "struct Circle { radius: f64 }\n"),
            ("other.rs", &other),
            ("server.pem", "not told\n"),
            ("client.pem", "not told\n"),
            ("notes.md", "circle radius area\n"),
            ("made.rs", &"circle ".repeat(100)),
            (".gitignore", "ignored.rs\n"),
            ("ignored.rs", AREA),
        ],
    )
    .check(
        false,
        &expect![[r#"
            path      main.rs
            language  rust
            span      block: a block opens before the cursor and is empty
            asks for  at most 128 tokens, at temperature 0

              bytes   lines    share
                 38       2    0.1 %  prefix: from the start of the file
                  3       2    0.0 %  suffix: to the end of the file
                 66       1    0.1 %  shapes.rs: defines `area`, 0.8000
                 30       1    0.1 %  circle.rs: defines `Circle`, 0.3333
                 25            0.0 %  paths of these files
                162            0.2 %  together, of 65536 bytes at most

            not along, the nearest first:
                950 bytes  other.rs: under the similarity limit 0.02; similarity 0.0000

            workspace ROOT
                  4 files read
                  1 passed over: data or prose, by the extension
                  2 passed over: files named `*.pem` may hold secrets
                  1 passed over: made by a machine, by the length of the lines
            not looked at: what ignore files name, what is hidden, and links
            definitions by the editor: none, as no editor is asked from here; in one they go along in place of those found by tree-sitter
        "#]],
    );
}

#[test]
fn the_texts_in_full_have_their_keys_blanked() {
    let key = format!("ghp_{}", "a1".repeat(20));
    let fixture = Fixture::new(
        &format!("let key = \"{key}\";\nlet circle = $0;\n"),
        Some(Span::Tokens(7)),
        &[("shapes.rs", &format!("{AREA}let password = \"hunter2\";\n"))],
    );
    fixture.check(
        true,
        &expect![[r#"
            path      main.rs
            language  rust
            span      7 tokens: as chosen
            asks for  at most 7 tokens, at temperature 0

              bytes   lines    share
                 71       2    0.1 %  prefix: from the start of the file, keys blanked
                  2       1    0.0 %  suffix: to the end of the file
                 92       2    0.1 %  shapes.rs: similar by identifiers, 0.2222
                 16            0.0 %  paths of these files
                181            0.3 %  together, of 65536 bytes at most

            workspace ROOT
                  2 files read
            not looked at: what ignore files name, what is hidden, and links
            definitions by the editor: none, as no editor is asked from here; in one they go along in place of those found by tree-sitter

            ── prefix ──
            let key = "********************************************";
            let circle = 

            ── suffix ──
            ;

            ── shapes.rs ──
            fn area(circle: &Circle) -> f64 { circle.radius * circle.radius }
            let password = "*******";
        "#]],
    );
    let json = serde_json::to_string(&Account::of(&fixture.told, true, None)).expect("JSON");
    assert!(json.contains("let key") && !json.contains(&key) && !json.contains("hunter2"), "{json}");
}

#[test]
fn a_budget_that_is_full() {
    let lines = |name: &str, count: usize| -> String {
        (0..count).map(|n| format!("let {name}_{n} = area(circle, {n});\n")).collect()
    };
    let names = ["a.rs", "b.rs", "c.rs", "d.rs", "e.rs", "f.rs", "g.rs", "h.rs"];
    // As like as can be, and no copies of the first.
    let (first, others) = (lines("more", 900), lines("more", 900).replace("(circle, ", "( circle,"));
    let files = names.map(|name| (name, if name == "a.rs" { first.as_str() } else { others.as_str() }));
    Fixture::new(&format!("{}$0", lines("more", 1600)), None, &files).check(
        false,
        &expect![[r#"
            path      main.rs
            language  rust
            span      line: the cursor's line is empty
            asks for  at most 40 tokens, at temperature 0

              bytes   lines    share
              49140    1410   75.0 %  prefix: cut at the window
                  0       0    0.0 %  suffix: to the end of the file
              16100     480   24.6 %  a.rs:1-480: similar by identifiers, 0.0291
                 17            0.0 %  paths of these files
              65257           99.6 %  together, of 65536 bytes at most

            not along, the nearest first:
              30380 bytes  b.rs: the budget is full; similarity 0.0291
              30380 bytes  c.rs: the budget is full; similarity 0.0291
              30380 bytes  d.rs: the budget is full; similarity 0.0291
              30380 bytes  e.rs: the budget is full; similarity 0.0291
              30380 bytes  f.rs: the budget is full; similarity 0.0291

            workspace ROOT
                  9 files read
            not looked at: what ignore files name, what is hidden, and links
            definitions by the editor: none, as no editor is asked from here; in one they go along in place of those found by tree-sitter
        "#]],
    );
}

#[test]
fn a_line_shows_no_character_that_steers_the_terminal() {
    let fixture = Fixture::new("// \u{1b}[2J\u{202e}\nlet x = $0", None, &[]);
    let report = report(&Account::of(&fixture.told, true, None));
    assert!(report.contains("\n// [2J\n"), "{report}");
}

#[test]
fn json_has_the_same_facts_and_they_add_up() {
    let fixture = Fixture::new("let circle = $0", None, &[("shapes.rs", AREA)]);
    let words = |text: &str| text.split_whitespace().count();
    let account = Account::of(&fixture.told, false, Some(&words));
    let json = serde_json::to_value(&account).expect("JSON");
    assert_eq!(json["span"]["kind"], "rest");
    assert_eq!(json["span"]["why"], "text stands before the cursor on its line");
    assert_eq!(json["files"][0]["path"], "shapes.rs");
    assert!(json["prefix"].get("text").is_none());
    for fact in ["bytes", "tokens"] {
        let of = |part: &Value| part[fact].as_u64().expect("a number");
        let parts = of(&json["prefix"]) + of(&json["suffix"]) + of(&json["files"][0]) + of(&json["paths"]);
        assert_eq!(of(&json["together"]), parts, "{fact}");
    }
    let told = &fixture.told.assembly.request;
    let bytes = told.prompt.len() + told.context[0].text.len() + "main.rs".len() + "shapes.rs".len();
    assert_eq!(json["together"]["bytes"], bytes);
    assert_eq!(json["budget_bytes"], MAX_CONTEXT_BYTES);
}

#[test]
fn an_excluded_file_is_bad_input_and_its_rule_is_named() {
    let fixture = Fixture::new("$0", None, &[(".gitignore", "made/\n")]);
    for (name, rule) in [("secrets.rs", "files named `secrets.*`"), ("made/x.rs", ".gitignore names it")] {
        let path: PathBuf = fixture.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, "").expect("a file");
        let failure = Told::of(&path, None, &Source { text: String::new(), hole: 0 }).expect_err("excluded");
        assert_eq!(failure.exit(), Exit::Input);
        assert!(failure.to_string().contains(rule), "{failure}");
    }
}

#[test]
#[cfg(feature = "engine")]
fn tokens_are_counted_by_the_embedded_tokenizer() {
    let count = super::model::counter().expect("it loads").expect("there is one");
    assert_eq!(count(""), 0);
    assert!((1..=AREA.len()).contains(&count(AREA)));
}

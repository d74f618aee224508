//! One table of settings: `session/config.rs`, and `editors/settings.json` for what only an editor needs. The book,
//! VS Code's `package.json` and Neovim's defaults and help are made from it; `UPDATE_EXPECT=1 cargo test` writes them anew.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use quicksilver::session::config::FIELDS;
use quicksilver::session::trust::USER_ONLY;
use serde_json::Value;

const VSCODE: &str = "VS Code";
const NEOVIM: &str = "Neovim";

/// A line of the table.
struct Setting {
    name: String,
    takes: String,
    default: Value,
    doc: String,
    /// Counts only from the user.
    user_only: bool,
    /// The editors that have it, and why the server has not; empty for the server's own.
    editors: Vec<String>,
    reason: String,
}

/// What a setting takes, as `takes` says it in words.
enum Takes {
    Boolean,
    Integer {
        least: u64,
        most: u64,
    },
    /// Or one word in its place.
    IntegerOr {
        word: String,
        least: u64,
        most: u64,
    },
    Choice(Vec<String>),
    List,
    Table,
    Text,
}

impl Setting {
    fn takes(&self) -> Takes {
        let words = self.takes.as_str();
        if words == "true or false" {
            return Takes::Boolean;
        }
        let (word, range) = words.split_once(" or ").unwrap_or(("", words));
        if let Some((least, most)) = range.split_once(" to ") {
            let [least, most] = [least, most].map(|n| n.parse().unwrap());
            let word = word.replace('`', "");
            return if word.is_empty() {
                Takes::Integer { least, most }
            } else {
                Takes::IntegerOr { word, least, most }
            };
        }
        if words.starts_with("a list of ") {
            return Takes::List;
        }
        if words.starts_with("a table of ") {
            return Takes::Table;
        }
        let choices: Vec<String> = words.split('`').skip(1).step_by(2).map(Into::into).collect();
        // `cuda:N` stands for many.
        let plain = choices.iter().all(|choice| choice.chars().all(|c| c.is_ascii_lowercase()));
        if !choices.is_empty() && plain { Takes::Choice(choices) } else { Takes::Text }
    }

    fn is_of(&self, editor: &str) -> bool {
        self.editors.is_empty() || self.editors.iter().any(|e| e == editor)
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn settings() -> Vec<Setting> {
    let servers = FIELDS.iter().map(|field| Setting {
        name: field.name.into(),
        takes: field.takes.into(),
        default: serde_json::from_str(field.default).unwrap(),
        doc: field.doc.into(),
        user_only: USER_ONLY.contains(&field.name),
        editors: Vec::new(),
        reason: String::new(),
    });
    let editors: Vec<Value> = serde_json::from_str(&read("editors/settings.json")).unwrap();
    let editors = editors.iter().map(|given| {
        let text = |name: &str| given[name].as_str().unwrap().to_owned();
        Setting {
            name: text("name"),
            takes: text("takes"),
            default: given["default"].clone(),
            doc: text("doc"),
            user_only: text("doc").contains("User settings only."),
            editors: strings(&given["editors"]),
            reason: text("reason"),
        }
    });
    servers.chain(editors).collect()
}

/// `text` with what stands between the lines that contain `from` and `to` replaced.
fn replaced(text: &str, from: &str, to: &str, by: &str) -> String {
    let start = text.find(from).unwrap_or_else(|| panic!("no {from:?}"));
    let start = start + text[start..].find('\n').unwrap() + 1;
    let end = start + text[start..].find(to).unwrap_or_else(|| panic!("no {to:?}"));
    format!("{}{by}{}", &text[..start], &text[end..])
}

#[test]
fn the_book() {
    let mut book = String::from(
        "# Settings\n\nUnder `quicksilver`: in `initializationOptions` and `workspace/configuration`, in VS Code's settings, and in the \
         table that Neovim's `setup()` takes.\nMade from `session/config.rs` and `editors/settings.json`; \
         `UPDATE_EXPECT=1 cargo test -p quicksilver --test settings` writes it anew, and with it what the\neditors have of it.\n\n\
         | `quicksilver.…` | takes | default | |\n|---|---|---|---|\n",
    );
    for Setting { name, takes, default, doc, .. } in settings().iter().filter(|s| s.editors.is_empty()) {
        writeln!(book, "| `{name}` | {takes} | `{}` | {doc} |", spaced(default)).unwrap();
    }
    book += "\nThese the editors' plugins have besides, and the server does not know:\n\n\
             | `quicksilver.…` | takes | default | | in | because |\n|---|---|---|---|---|---|\n";
    for Setting { name, takes, default, doc, editors, reason, .. } in
        settings().iter().filter(|s| !s.editors.is_empty())
    {
        let default =
            if default.is_object() { "see the help".into() } else { format!("`{}`", spaced(default)) };
        writeln!(book, "| `{name}` | {takes} | {default} | {doc} | {} | {reason} |", editors.join(", "))
            .unwrap();
    }
    expect_file!["../SETTINGS.md"].assert_eq(&book);
}

/// JSON with a blank after each comma.
fn spaced(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(spaced).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

#[test]
fn vs_code() {
    let mut block = String::new();
    let all = settings();
    let mine: Vec<_> = all.iter().filter(|s| s.is_of(VSCODE)).collect();
    for (order, setting) in mine.iter().enumerate() {
        let (kind, limits) = match setting.takes() {
            Takes::Boolean => ("boolean", String::new()),
            Takes::Integer { least, most } => {
                ("integer", format!("          \"minimum\": {least},\n          \"maximum\": {most},\n"))
            }
            Takes::IntegerOr { word, least, most } => (
                r#"["integer", "string"]"#,
                format!(
                    "          \"minimum\": {least},\n          \"maximum\": {most},\n          \"pattern\": \"^{word}$\",\n"
                ),
            ),
            Takes::Choice(choices) => {
                ("string", format!("          \"enum\": {},\n", spaced(&choices.into())))
            }
            Takes::List => {
                ("array", "          \"items\": { \"type\": \"string\", \"minLength\": 1 },\n".into())
            }
            Takes::Text if setting.takes == "one character" => {
                ("string", "          \"minLength\": 1,\n          \"maxLength\": 2,\n".into())
            }
            Takes::Text => ("string", String::new()),
            Takes::Table => panic!("{}: VS Code has no form for a table", setting.name),
        };
        let kind = if kind.starts_with('[') { kind.to_owned() } else { format!("\"{kind}\"") };
        // The settings page has a form for texts, and none for texts that may be null.
        let default = if setting.default.is_null() { "\"\"".into() } else { spaced(&setting.default) };
        let scope = match setting.name.as_str() {
            _ if setting.user_only => "machine",
            // Read for each document: so they can be set for a language.
            "enable" | "automatic" | "definitions" => "language-overridable",
            _ => "window",
        };
        write!(
            block,
            "        \"quicksilver.{}\": {{\n          \"type\": {kind},\n{limits}          \"default\": {default},\n          \
             \"scope\": \"{scope}\",\n          \"order\": {},\n          \"markdownDescription\": {}\n        }}{}\n",
            setting.name,
            order + 1,
            Value::from(setting.doc.as_str()),
            if order + 1 == mine.len() { "" } else { "," },
        )
        .unwrap();
    }
    let package = read("editors/vscode/package.json");
    let start = package.find("\"configuration\": {").unwrap();
    let (head, configuration) = package.split_at(start);
    let expected = replaced(configuration, "\"properties\": {", "      }\n    }", &block);
    expect_file!["../../editors/vscode/package.json"].assert_eq(&format!("{head}{expected}"));
    let restricted: Value = serde_json::from_str::<Value>(&package).unwrap();
    let restricted = strings(&restricted["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"]);
    let mut user_only: Vec<_> =
        mine.iter().filter(|s| s.user_only).map(|s| format!("quicksilver.{}", s.name)).collect();
    user_only.sort();
    assert_eq!(restricted, user_only, "what an untrusted workspace must not set");
}

/// A JSON value as Lua has it.
fn lua(value: &Value) -> String {
    match value {
        Value::Null => "nil".into(),
        Value::Array(items) => {
            format!("{{ {} }}", items.iter().map(lua).collect::<Vec<_>>().join(", ")).replace("{  }", "{}")
        }
        Value::Object(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|(name, value)| format!("{name} = {}", lua(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Value::String(text) => format!("'{text}'"),
        other => other.to_string(),
    }
}

#[test]
fn neovim() {
    let mut class = String::from("---@class quicksilver.Config\n");
    let mut table = String::new();
    let mut defaults = String::new();
    for setting in settings().iter().filter(|s| s.is_of(NEOVIM)) {
        let (kind, check) = match setting.takes() {
            Takes::Boolean => ("boolean".to_owned(), String::new()),
            Takes::Integer { least, most } => {
                ("integer".to_owned(), format!(", least = {least}, most = {most}"))
            }
            Takes::IntegerOr { word, least, most } => {
                (format!("integer|'{word}'"), format!(", least = {least}, most = {most}, word = '{word}'"))
            }
            Takes::Choice(choices) => {
                let kind: Vec<_> = choices.iter().map(|choice| format!("'{choice}'")).collect();
                (kind.join("|"), format!(", choices = {}", lua(&choices.into())))
            }
            Takes::List => ("string[]".to_owned(), String::new()),
            Takes::Table => ("table<string, string|false>".to_owned(), String::new()),
            Takes::Text => ("string".to_owned(), String::new()),
        };
        let name = &setting.name;
        let optional = if setting.default.is_null() { "?" } else { "" };
        writeln!(class, "---@field {name}{optional} {kind} {}", setting.doc).unwrap();
        let kind = match setting.takes() {
            Takes::Choice(_) => "choice",
            Takes::IntegerOr { .. } => "integer",
            Takes::Text if setting.takes == "one character" => "cell",
            Takes::List => "list",
            Takes::Table => "table",
            _ => kind.as_str(),
        };
        let server = setting.editors.is_empty();
        writeln!(
            table,
            "  {{ name = '{name}', kind = '{kind}'{check}, default = {}, server = {server}, takes = '{}', doc = {} }},",
            lua(&setting.default),
            setting.takes,
            lua_doc(&setting.doc),
        )
        .unwrap();
        writeln!(defaults, "*quicksilver.{name}*").unwrap();
        writeln!(defaults, "{name}  {}  default: {}", setting.takes.replace('`', "\""), vim_default(setting))
            .unwrap();
        for line in wrapped(&setting.doc.replace('`', "\"")) {
            writeln!(defaults, "    {line}").unwrap();
        }
    }
    let file = format!(
        "--- Every setting, made from the server's table by `server/tests/settings.rs`: `UPDATE_EXPECT=1 cargo test` writes it\n\
         --- anew. Owns names, kinds and defaults; checks nothing.\n\n{class}\n---@class quicksilver.Setting\n\
         ---@field name string\n---@field kind 'boolean'|'integer'|'choice'|'list'|'table'|'string'|'cell'\n\
         ---@field least? integer\n---@field most? integer\n---@field word? string in the place of a number\n\
         ---@field choices? string[]\n---@field default any\n\
         ---@field server boolean whether the server has it, rather than only the editor\n---@field takes string in words\n\
         ---@field doc string\n\n---@type quicksilver.Setting[]\nreturn {{\n{table}}}\n",
    );
    expect_file!["../../editors/neovim/lua/quicksilver/settings.lua"].assert_eq(&file);
    let help = read("editors/neovim/doc/quicksilver.txt");
    let help =
        replaced(&help, "*quicksilver-settings*", "One buffer is turned off", &format!("\n{defaults}\n"));
    expect_file!["../../editors/neovim/doc/quicksilver.txt"].assert_eq(&help);
}

fn lua_doc(doc: &str) -> String {
    let quote = if doc.contains('\'') { '"' } else { '\'' };
    format!("{quote}{doc}{quote}")
}

fn vim_default(setting: &Setting) -> String {
    if setting.default.is_object() { "see |quicksilver-keys|".into() } else { lua(&setting.default) }
}

/// Lines of at most 74 characters.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().unwrap();
        if !last.is_empty() && last.chars().count() + 1 + word.chars().count() > 74 {
            lines.push(word.to_owned());
        } else {
            *last = format!("{last}{}{word}", if last.is_empty() { "" } else { " " });
        }
    }
    lines
}

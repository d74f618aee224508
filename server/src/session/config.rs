//! The settings under `quicksilver`: their types, defaults, limits and descriptions, in one table.
//!
//! Reading never fails: what is unknown or invalid is listed in words a user can act on, and the default
//! (or the value before) stays. Knows JSON, no LSP type.

use std::time::Duration;

use serde_json::Value;

use super::trust::{Origin, counts};
use crate::completion::Debounce;

/// What kind of span to ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpanSetting {
    /// By syntax around the cursor.
    #[default]
    Auto,
    /// To the end of the line.
    Rest,
    /// A whole line.
    Line,
    /// Lines until the block ends.
    Block,
}

/// The most context rows either side of a hole that a step may be told to read anew: more than most models' contexts have.
pub const MAX_VICINITY: u16 = 4096;

/// Settings in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether to suggest at all.
    pub enable: bool,
    /// LSP language ids without suggestions.
    pub disabled_languages: Vec<String>,
    /// Address of an engine; `None` starts or joins this machine's own.
    pub endpoint: Option<String>,
    /// File with the key for `endpoint`.
    pub key_file: Option<String>,
    /// Model folder, or ID of a pulled model.
    pub model: Option<String>,
    /// `auto`, `cpu` or `cuda:N`.
    pub device: String,
    /// `auto`, `stored` or `int8`.
    pub weights: String,
    /// Context rows either side of the hole that a step reads anew; `None` for what the model's config says.
    pub vicinity: Option<u16>,
    /// Wait before asking the engine.
    pub debounce: Debounce,
    /// Time for an answer, in ms.
    pub deadline_ms: u64,
    /// The span to ask for.
    pub span: SpanSetting,
    /// Whether suggestions may have several lines.
    pub multiline: bool,
    /// Whether to show suggestions that the engine is not sure of.
    pub show_unsure: bool,
    /// Frames a second to a client that draws them; 0 sends none.
    pub max_fps: u32,
    /// Whether to ask for what follows a suggestion while it is shown.
    pub look_ahead: bool,
    /// Globs of files that nothing is suggested in and nothing is read from.
    pub exclude: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enable: true,
            disabled_languages: vec!["git-commit".into(), "git-rebase".into()],
            endpoint: None,
            key_file: None,
            model: None,
            device: "auto".into(),
            weights: "auto".into(),
            vicinity: None,
            debounce: Debounce::Auto,
            deadline_ms: 2000,
            span: SpanSetting::Auto,
            multiline: true,
            show_unsure: false,
            max_fps: 30,
            look_ahead: true,
            exclude: Vec::new(),
        }
    }
}

/// A line of the table of settings.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Name under `quicksilver`.
    pub name: &'static str,
    /// What it takes.
    pub takes: &'static str,
    /// Its default, as JSON.
    pub default: &'static str,
    /// What it does.
    pub doc: &'static str,
    set: fn(&mut Settings, &Value) -> Option<()>,
}

/// Every setting. `server/tests/settings.rs` makes `SETTINGS.md` and both editors' lists of settings from it.
pub const FIELDS: [Field; 16] = [
    Field {
        name: "enable",
        takes: "true or false",
        default: "true",
        doc: "Suggest at all.",
        set: |s, v| v.as_bool().map(|v| s.enable = v),
    },
    Field {
        name: "disabledLanguages",
        takes: "a list of language ids",
        default: "[\"git-commit\", \"git-rebase\"]",
        doc: "Languages without suggestions, such as `markdown`.",
        set: |s, v| strings(v).map(|v| s.disabled_languages = v),
    },
    Field {
        name: "endpoint",
        takes: "`https://HOST`, `http://127.0.0.1:PORT` or `unix:PATH`",
        default: "null",
        doc: "An engine that runs elsewhere; without it this machine's own is started or joined. User settings only.",
        set: |s, v| text(v).map(|v| s.endpoint = Some(v)),
    },
    Field {
        name: "keyFile",
        takes: "a path",
        default: "null",
        doc: "File with the key for `endpoint`; without it the environment's `QUICKSILVER_KEY` counts. User settings only.",
        set: |s, v| text(v).map(|v| s.key_file = Some(v)),
    },
    Field {
        name: "model",
        takes: "a folder, or the ID of a pulled model",
        default: "null",
        doc: "The model, such as `Dream-org/DreamOn-v0-7B` after `quicksilver model pull` of it; without it the embedded one. User settings only.",
        set: |s, v| text(v).map(|v| s.model = Some(v)),
    },
    Field {
        name: "device",
        takes: "`auto`, `cpu` or `cuda:N`",
        default: "\"auto\"",
        doc: "Where the engine computes. User settings only.",
        set: |s, v| text(v).filter(|v| is_device(v)).map(|v| s.device = v),
    },
    Field {
        name: "weights",
        takes: "`auto`, `stored` or `int8`",
        default: "\"auto\"",
        doc: "How the CPU holds a model's weights: as they are stored, or rounded to int8, which is faster and smaller; `auto` rounds models of 100 million parameters or more. User settings only.",
        set: |s, v| {
            text(v).filter(|v| matches!(v.as_str(), "auto" | "stored" | "int8")).map(|v| s.weights = v)
        },
    },
    Field {
        name: "vicinity",
        takes: "`auto` or 0 to 4096",
        default: "\"auto\"",
        doc: "With a model that sees both ways: context rows either side of the hole that each denoise step reads anew, the others being kept; faster, and approximate. `auto` reads all of them, unless the model's config says otherwise. User settings only.",
        set: |s, v| vicinity(v).map(|v| s.vicinity = v),
    },
    Field {
        name: "debounceMs",
        takes: "`auto` or 0 to 5000",
        default: "\"auto\"",
        doc: "Wait for further keystrokes before asking the engine: `auto` by the rhythm of typing, and not at all while the engine answers within 30 ms; 0 never.",
        set: |s, v| debounce(v).map(|v| s.debounce = v),
    },
    Field {
        name: "deadlineMs",
        takes: "10 to 10000",
        default: "2000",
        doc: "Time for an answer; then the best state so far is shown, or nothing.",
        set: |s, v| v.as_u64().filter(|v| (10..=10_000).contains(v)).map(|v| s.deadline_ms = v),
    },
    Field {
        name: "span",
        takes: "`auto`, `rest`, `line` or `block`",
        default: "\"auto\"",
        doc: "What to fill: by syntax, to the end of the line, a whole line, or until the block ends.",
        set: |s, v| span(v).map(|v| s.span = v),
    },
    Field {
        name: "multiline",
        takes: "true or false",
        default: "true",
        doc: "Suggestions may have several lines.",
        set: |s, v| v.as_bool().map(|v| s.multiline = v),
    },
    Field {
        name: "showUnsure",
        takes: "true or false",
        default: "false",
        doc: "Also show, unasked, what the engine is not sure of.",
        set: |s, v| v.as_bool().map(|v| s.show_unsure = v),
    },
    Field {
        name: "maxFps",
        takes: "0 to 120",
        default: "30",
        doc: "Frames a second of a span being refined, for editors that draw them.",
        set: |s, v| {
            v.as_u64().filter(|v| *v <= 120).and_then(|v| u32::try_from(v).ok()).map(|v| s.max_fps = v)
        },
    },
    Field {
        name: "lookAhead",
        takes: "true or false",
        default: "true",
        doc: "Ask this machine's engine for what follows a suggestion while it is shown.",
        set: |s, v| v.as_bool().map(|v| s.look_ahead = v),
    },
    Field {
        name: "exclude",
        takes: "a list of globs",
        default: "[]",
        doc: "Files that are never sent to an engine, besides secrets and what `.gitignore` names.",
        set: |s, v| strings(v).map(|v| s.exclude = v),
    },
];

impl Settings {
    /// Lays `given`, the value under `quicksilver`, over these settings, and returns what is wrong with it.
    pub fn apply(&mut self, given: &Value, origin: Origin) -> Vec<String> {
        let given = match given {
            Value::Null => return Vec::new(),
            Value::Object(given) => given,
            _ => return vec!["`quicksilver` takes an object of settings".into()],
        };
        given
            .iter()
            .filter(|(_, value)| !value.is_null())
            .filter_map(|(name, value)| self.set(name, value, origin))
            .collect()
    }

    /// Sets one; `Some` is the complaint.
    fn set(&mut self, name: &str, value: &Value, origin: Origin) -> Option<String> {
        let Some(field) = FIELDS.iter().find(|field| field.name == name) else {
            return Some(format!("`quicksilver.{name}` is no setting{}", nearest(name)));
        };
        let mut changed = self.clone();
        if (field.set)(&mut changed, value).is_none() {
            return Some(format!(
                "`quicksilver.{name}` takes {}; what is given is ignored, {} stays",
                field.takes,
                if *self == Self::default() { field.default } else { "the value before" },
            ));
        }
        if counts(name, origin) {
            *self = changed;
        } else if changed != *self {
            return Some(format!(
                "`quicksilver.{name}` counts only in the user's own settings and only from the start; \
                 what is given now is ignored"
            ));
        }
        None
    }

    /// Time for an answer.
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(Into::into)
}

fn strings(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(text).collect()
}

fn is_device(device: &str) -> bool {
    let index = |n: &str| n.parse::<u8>().is_ok();
    matches!(device, "auto" | "cpu") || device.strip_prefix("cuda:").is_some_and(index)
}

fn vicinity(value: &Value) -> Option<Option<u16>> {
    let rows =
        || value.as_u64().and_then(|rows| u16::try_from(rows).ok()).filter(|rows| *rows <= MAX_VICINITY);
    if value == "auto" { Some(None) } else { rows().map(Some) }
}

fn debounce(value: &Value) -> Option<Debounce> {
    let fixed =
        || value.as_u64().filter(|ms| *ms <= 5000).map(|ms| Debounce::Fixed(Duration::from_millis(ms)));
    if value == "auto" { Some(Debounce::Auto) } else { fixed() }
}

fn span(value: &Value) -> Option<SpanSetting> {
    match value.as_str()? {
        "auto" => Some(SpanSetting::Auto),
        "rest" => Some(SpanSetting::Rest),
        "line" => Some(SpanSetting::Line),
        "block" => Some(SpanSetting::Block),
        _ => None,
    }
}

/// A setting that differs from `name` only in case, dashes or underscores, or begins like it.
fn nearest(name: &str) -> String {
    let plain = |text: &str| {
        text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
    };
    let wanted = plain(name);
    let start: String = wanted.chars().take(4).collect();
    let found = FIELDS
        .iter()
        .find(|f| plain(f.name) == wanted)
        .or_else(|| FIELDS.iter().find(|f| start.len() == 4 && plain(f.name).starts_with(&start)));
    found.map_or_else(String::new, |field| format!("; do you mean `{}`?", field.name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn defaults_in_the_table_are_the_defaults() {
        let mut settings = Settings::default();
        for field in FIELDS {
            let default: Value = serde_json::from_str(field.default).unwrap();
            assert!(default.is_null() || (field.set)(&mut settings, &default).is_some(), "{}", field.name);
        }
        assert_eq!(settings, Settings::default());
    }

    #[test]
    fn wrong_values_are_named_and_defaults_stay() {
        let mut settings = Settings::default();
        let problems = settings.apply(
            &json!({
                "enabled": true, "maxfps": 3, "deadlineMs": 9, "debounceMs": "soon", "disabledLanguages": ["c", 1],
                "device": "tpu", "span": 4, "model": null, "maxFps": 60
            }),
            Origin::User,
        );
        assert_eq!(settings, Settings { max_fps: 60, ..Settings::default() });
        assert_eq!(problems.len(), 7, "{problems:?}");
        assert!(problems.iter().any(|p| p.contains("do you mean `enable`")), "{problems:?}");
        assert!(problems.iter().any(|p| p.contains("do you mean `maxFps`")), "{problems:?}");
        assert!(problems.iter().any(|p| p.contains("10 to 10000")), "{problems:?}");
    }

    #[test]
    fn limits_hold_at_their_edges() {
        let ok = |name: &str, value: u64| {
            Settings::default().apply(&json!({ name: value }), Origin::User).is_empty()
        };
        for (name, low, high) in [
            ("debounceMs", 0, 5000),
            ("vicinity", 0, u64::from(MAX_VICINITY)),
            ("deadlineMs", 10, 10_000),
            ("maxFps", 0, 120),
        ] {
            assert!(ok(name, low) && ok(name, high) && !ok(name, high + 1), "{name}");
            assert!(low == 0 || !ok(name, low - 1), "{name}");
        }
    }

    #[test]
    fn a_workspace_cannot_choose_where_text_goes() {
        let user = json!({"endpoint": "https://mine.example", "model": "m"});
        let mut settings = Settings::default();
        assert!(settings.apply(&user, Origin::User).is_empty());
        let before = settings.clone();
        assert!(settings.apply(&user, Origin::Workspace).is_empty(), "the same again is no complaint");
        for (name, value) in [
            ("endpoint", json!("https://evil.example")),
            ("keyFile", json!("/etc/passwd")),
            ("model", json!("../evil")),
            ("device", json!("cpu")),
            ("weights", json!("int8")),
            ("vicinity", json!(8)),
        ] {
            let problems = settings.apply(&json!({ name: value }), Origin::Workspace);
            assert!(problems.len() == 1 && problems[0].contains("user's own settings"), "{problems:?}");
        }
        assert_eq!(settings, before);
        assert!(settings.apply(&json!({"enable": false}), Origin::Workspace).is_empty());
        assert!(!settings.enable);
    }

    #[test]
    fn anything_else_than_an_object_is_one_complaint() {
        for given in [json!(3), json!("x"), json!([1]), json!(true)] {
            assert_eq!(Settings::default().apply(&given, Origin::User).len(), 1);
        }
        assert!(Settings::default().apply(&Value::Null, Origin::User).is_empty());
    }
}

//! Which of a model's files are wanted: configuration, tokenizer, safetensors and the licence. Never pickles, never
//! code. Names that would leave the folder are refused, wanted or not: whoever lists them is not to be trusted.

use super::{ModelId, PullError};

/// Files that are fetched whenever they are there.
const WANTED: [&str; 13] = [
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    INDEX,
    "LICENSE",
    "LICENSE.md",
    "LICENSE.txt",
    "NOTICE",
];
/// The file that says which tensor is in which part.
pub(super) const INDEX: &str = "model.safetensors.index.json";
/// Weights in one file.
const ONE: &str = "model.safetensors";
/// Characters of a hostile name that are told.
const MAX_SHOWN: usize = 200;
/// Bytes of the largest file that is not weights: the tokenizer's limit.
const MAX_SMALL: u64 = 64 * 1024 * 1024;

/// A file of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Relative to the model, with `/`.
    pub(super) path: String,
    pub(super) bytes: u64,
    /// In hex; the hub states it for large files only.
    pub(super) sha256: Option<String>,
}

/// The small files, after every name has been looked at.
///
/// # Errors
/// [`PullError::UnsafeName`]; [`PullError::Unusable`] without a configuration or with only pickled weights.
pub(super) fn small(id: &ModelId, entries: &[Entry]) -> Result<Vec<Entry>, PullError> {
    if let Some(entry) = entries.iter().find(|entry| leaves(&entry.path)) {
        return Err(PullError::UnsafeName {
            id: id.clone(),
            path: entry.path.chars().take(MAX_SHOWN).collect(),
        });
    }
    let unusable = |reason: &str| PullError::Unusable { id: id.clone(), reason: reason.to_owned() };
    let has = |name: &str| entries.iter().any(|entry| entry.path == name);
    if !has("config.json") {
        return Err(unusable("it has no config.json"));
    }
    if !(has("tokenizer.json") || has("vocab.json") && has("merges.txt")) {
        return Err(unusable("it has no tokenizer.json, nor vocab.json with merges.txt"));
    }
    if !has(ONE) && !has(INDEX) {
        let pickled = |entry: &Entry| {
            let ending = entry.path.rsplit_once('.').map_or("", |(_, ending)| ending);
            !entry.path.contains('/') && ["bin", "pt", "pth", "ckpt", "pkl"].contains(&ending)
        };
        return Err(match entries.iter().find(|entry| pickled(entry)) {
            Some(entry) => unusable(&format!(
                "its weights are a pickle ({}), which can run code when it is loaded; ask its authors for safetensors",
                entry.path
            )),
            None => unusable("it has neither model.safetensors nor model.safetensors.index.json"),
        });
    }
    let wanted: Vec<Entry> =
        entries.iter().filter(|entry| WANTED.contains(&entry.path.as_str())).cloned().collect();
    match wanted.iter().find(|entry| entry.bytes > MAX_SMALL) {
        Some(entry) => {
            Err(unusable(&format!("{} has {} bytes; at most {MAX_SMALL} are read", entry.path, entry.bytes)))
        }
        None => Ok(wanted),
    }
}

/// The weights: what the index names, else the one file.
///
/// # Errors
/// [`PullError::UnsafeName`] for a part that is no plain name of a safetensors file; [`PullError::Unusable`] for one
/// that is not listed, or an index that cannot be read.
pub(super) fn weights(
    id: &ModelId,
    entries: &[Entry],
    index: Option<&[u8]>,
) -> Result<Vec<Entry>, PullError> {
    #[derive(serde::Deserialize)]
    struct Index {
        weight_map: std::collections::BTreeMap<String, String>,
    }
    let unusable = |reason: String| PullError::Unusable { id: id.clone(), reason };
    let find = |name: &str| {
        let found = entries.iter().find(|entry| entry.path == name).cloned();
        found.ok_or_else(|| unusable(format!("{INDEX} names {name}, which is not there")))
    };
    // As the loader has it: the one file counts before the index.
    let Some(index) = index.filter(|_| !entries.iter().any(|entry| entry.path == ONE)) else {
        return find(ONE).map(|one| vec![one]);
    };
    let map: Index = serde_json::from_slice(index).map_err(|error| unusable(format!("{INDEX}: {error}")))?;
    let names: std::collections::BTreeSet<String> = map.weight_map.into_values().collect();
    if names.is_empty() {
        return Err(unusable(format!("{INDEX} names no file")));
    }
    if let Some(path) = names.iter().find(|name| !is_plain(name) || !name.ends_with(".safetensors")) {
        return Err(PullError::UnsafeName { id: id.clone(), path: path.chars().take(MAX_SHOWN).collect() });
    }
    names.iter().map(|name| find(name)).collect()
}

/// A name that is one file in the folder on every system.
pub(super) fn is_plain(name: &str) -> bool {
    !leaves(name) && !name.contains('/') && !name.starts_with('.') && !name.is_empty()
}

/// A path that would lead out of the folder, or somewhere else on some system: `..`, roots, drives, backslashes.
fn leaves(path: &str) -> bool {
    path.starts_with('/')
        || path.contains(['\\', ':'])
        || path.chars().any(char::is_control)
        || path.split('/').any(|part| part == ".." || part == ".")
        || path.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(paths: &[&str]) -> Vec<Entry> {
        paths.iter().map(|path| Entry { path: (*path).to_owned(), bytes: 1, sha256: None }).collect()
    }

    fn id() -> ModelId {
        "a/b".parse().unwrap()
    }

    fn names(entries: &[Entry]) -> Vec<&str> {
        entries.iter().map(|entry| entry.path.as_str()).collect()
    }

    #[test]
    fn only_what_is_needed_is_wanted() {
        let all = entries(&[
            ".gitattributes",
            "README.md",
            "config.json",
            "modeling_dream.py",
            "pytorch_model.bin",
            "tokenizer.json",
            "model.safetensors",
            "onnx/model.onnx",
            "training_args.bin",
        ]);
        assert_eq!(names(&small(&id(), &all).unwrap()), ["config.json", "tokenizer.json"]);
        assert_eq!(names(&weights(&id(), &all, None).unwrap()), ["model.safetensors"]);
    }

    #[test]
    fn the_parts_of_an_index_are_wanted_and_no_others() {
        let all = entries(&[
            "config.json",
            "tokenizer.json",
            INDEX,
            "a.safetensors",
            "b.safetensors",
            "c.safetensors",
        ]);
        let index =
            |json: &str| weights(&id(), &all, Some(json.as_bytes())).map_err(|error| error.to_string());
        let parts =
            index(r#"{"weight_map": {"x": "b.safetensors", "y": "a.safetensors", "z": "a.safetensors"}}"#);
        assert_eq!(names(&parts.unwrap()), ["a.safetensors", "b.safetensors"]);
        assert!(index(r#"{"weight_map": {"x": "d.safetensors"}}"#).unwrap_err().contains("is not there"));
        assert!(index(r#"{"weight_map": {}}"#).unwrap_err().contains("names no file"));
        assert!(index("[").unwrap_err().contains("index.json"));
        for bad in [
            "../a.safetensors",
            "/a.safetensors",
            "x/a.safetensors",
            "a.bin",
            ".a.safetensors",
            "C:a.safetensors",
        ] {
            let error = index(&serde_json::json!({"weight_map": {"x": bad}}).to_string()).unwrap_err();
            assert!(error.contains("leave the model's folder"), "{bad}: {error}");
        }
    }

    #[test]
    fn a_listing_with_a_name_that_leaves_the_folder_is_refused_whole() {
        for bad in [
            "../x",
            "a/../../x",
            "/etc/passwd",
            "C:\\x",
            "C:x",
            "a\\..\\x",
            "..",
            "model.safetensors\0",
            "a/./b",
            "x -> /etc\n",
        ] {
            let all = entries(&["config.json", "tokenizer.json", "model.safetensors", bad]);
            let error = small(&id(), &all).unwrap_err().to_string();
            assert!(error.contains("leave the model's folder"), "{bad:?}: {error}");
        }
    }

    #[test]
    fn what_cannot_be_loaded_is_not_fetched() {
        for (paths, says) in [
            (&["tokenizer.json", "model.safetensors"][..], "no config.json"),
            (&["config.json", "model.safetensors"], "no tokenizer.json"),
            (&["config.json", "vocab.json", "model.safetensors"], "no tokenizer.json"),
            (&["config.json", "tokenizer.json", "pytorch_model.bin"], "a pickle (pytorch_model.bin)"),
            (&["config.json", "tokenizer.json", "x.gguf"], "neither model.safetensors"),
        ] {
            let error = small(&id(), &entries(paths)).unwrap_err().to_string();
            assert!(error.contains(says), "{paths:?}: {error}");
        }
        let mut large = entries(&["config.json", "tokenizer.json", "model.safetensors"]);
        large[1].bytes = MAX_SMALL + 1;
        assert!(small(&id(), &large).unwrap_err().to_string().contains("tokenizer.json has"));
        large[1].bytes = MAX_SMALL;
        assert!(small(&id(), &large).is_ok());
    }
}

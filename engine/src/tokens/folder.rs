//! A folder's tokenizer: `tokenizer.json`, or `vocab.json` and `merges.txt`, of which the same is made.
//!
//! Owns what `tokenizer_config.json` and `added_tokens.json` add. Knows no model: names come out, not what they mean.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use super::{TokenId, Tokenizer, tokenizer::MAX_FILE_BYTES};
use crate::EngineError;

/// Qwen2's split: contractions, words with what leads them, single digits, marks with the breaks behind them, blanks.
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// A folder's tokenizer, and the tokens that its config names.
#[derive(Debug)]
pub struct Folder {
    /// The tokenizer.
    pub tokenizer: Tokenizer,
    /// What `tokenizer_config.json` calls its tokens.
    pub named: Named,
}

/// Tokens by what they are for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// `mask_token`.
    pub mask: Option<String>,
    /// `bos_token`.
    pub bos: Option<String>,
    /// `eos_token`.
    pub eos: Option<String>,
    /// `pad_token`.
    pub pad: Option<String>,
}

/// `tokenizer_config.json`.
#[derive(Default, Deserialize)]
struct Config {
    tokenizer_class: Option<String>,
    mask_token: Option<Token>,
    bos_token: Option<Token>,
    eos_token: Option<Token>,
    pad_token: Option<Token>,
    #[serde(default)]
    added_tokens_decoder: BTreeMap<String, Token>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Token {
    Plain(String),
    Whole { content: String },
}

impl Token {
    fn text(self) -> String {
        match self {
            Self::Plain(text) | Self::Whole { content: text } => text,
        }
    }
}

impl Folder {
    /// Reads what is there.
    ///
    /// # Errors
    /// [`EngineError::ModelFile`] naming the file and the field; both files, where two disagree.
    pub fn read(folder: &Path) -> Result<Self, EngineError> {
        let mut config: Config = optional(&folder.join("tokenizer_config.json"))?.unwrap_or_default();
        let whole = folder.join("tokenizer.json");
        let parts = folder.join("vocab.json");
        let tokenizer = if whole.exists() || !parts.exists() {
            Tokenizer::from_path(&whole)?
        } else {
            made(folder, &parts, &mut config)?
        };
        let name = |token: Option<Token>| token.map(Token::text).filter(|name| !name.is_empty());
        let named = Named {
            mask: name(config.mask_token),
            bos: name(config.bos_token),
            eos: name(config.eos_token),
            pad: name(config.pad_token),
        };
        Ok(Self { tokenizer, named })
    }
}

/// A tokenizer made of `vocab.json`, `merges.txt` and the added tokens.
fn made(folder: &Path, parts: &Path, config: &mut Config) -> Result<Tokenizer, EngineError> {
    let pre_tokenizer = split(folder, config.tokenizer_class.as_deref())?;
    let vocab: BTreeMap<String, u32> = needed(parts)?;
    let merges = text(&folder.join("merges.txt"))?;
    // Its first line may tell a version.
    let merges: Vec<&str> =
        merges.lines().filter(|line| !line.is_empty() && !line.starts_with("#version")).collect();
    let added = added(folder, config)?;
    let listed: Vec<_> = added
        .iter()
        .map(|(id, (content, _))| {
            json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
                   "normalized": false, "special": true})
        })
        .collect();
    let file = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": listed, "normalizer": null,
        "pre_tokenizer": pre_tokenizer, "post_processor": null, "decoder": null,
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                  "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                  "vocab": vocab, "merges": merges}
    });
    let tokenizer = Tokenizer::from_bytes(file.to_string().as_bytes(), parts)?;
    // Added tokens are numbered on from the vocabulary's last: a gap would shift them.
    for (id, (content, file)) in added {
        if tokenizer.special(&content) != Some(TokenId(id)) {
            let reason = format!("{content:?}: {id} is taken, or does not follow on the ids of vocab.json");
            return Err(EngineError::ModelFile { file, reason });
        }
    }
    Ok(tokenizer)
}

/// Added tokens by id, each with the file that has it.
fn added(folder: &Path, config: &mut Config) -> Result<BTreeMap<u32, (String, PathBuf)>, EngineError> {
    let fault = |file: &Path, reason: String| EngineError::ModelFile { file: file.to_owned(), reason };
    let (list, from) = (folder.join("added_tokens.json"), folder.join("tokenizer_config.json"));
    let mut added = BTreeMap::new();
    for (id, token) in std::mem::take(&mut config.added_tokens_decoder) {
        let at = id.parse().map_err(|_| fault(&from, format!("added_tokens_decoder: {id:?} is no id")))?;
        added.insert(at, (token.text(), from.clone()));
    }
    for (content, id) in optional::<BTreeMap<String, u32>>(&list)?.unwrap_or_default() {
        let other = added.iter().find(|(at, (name, _))| (**at == id) != (*name == content));
        if let Some((at, (name, _))) = other {
            return Err(fault(
                &list,
                format!(
                    "{content:?} is {id}, but tokenizer_config.json's added_tokens_decoder has {name:?} at {at}"
                ),
            ));
        }
        added.insert(id, (content, list.clone()));
    }
    Ok(added)
}

/// The split that a class of tokenizers brings along in its code.
fn split(folder: &Path, class: Option<&str>) -> Result<serde_json::Value, EngineError> {
    let level = |regex| json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": regex});
    match class {
        None | Some("Qwen2Tokenizer" | "Qwen2TokenizerFast" | "DreamTokenizer") => Ok(json!({
            "type": "Sequence", "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": QWEN2}, "behavior": "Isolated", "invert": false},
                level(false)]
        })),
        Some("GPT2Tokenizer" | "GPT2TokenizerFast") => Ok(level(true)),
        Some(other) => Err(EngineError::ModelFile {
            file: folder.join("tokenizer_config.json"),
            reason: format!(
                "tokenizer_class: how {other} splits a text is not known; save the fast tokenizer, which writes \
                 tokenizer.json"
            ),
        }),
    }
}

fn optional<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, EngineError> {
    if path.exists() { needed(path).map(Some) } else { Ok(None) }
}

fn needed<T: DeserializeOwned>(path: &Path) -> Result<T, EngineError> {
    serde_json::from_str(&text(path)?)
        .map_err(|error| EngineError::ModelFile { file: path.to_owned(), reason: error.to_string() })
}

fn text(path: &Path) -> Result<String, EngineError> {
    let fail = |reason: String| EngineError::ModelFile { file: path.to_owned(), reason };
    let size = std::fs::metadata(path).map_err(|error| fail(error.to_string()))?.len();
    if size > MAX_FILE_BYTES as u64 {
        return Err(fail(format!("has {size} bytes; at most {MAX_FILE_BYTES} are read")));
    }
    std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))
}

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;

//! A tokenizer: `tokenizer.json` loaded, checked and put to use.
//!
//! Added tokens are never looked for in a text, special or not: the text goes straight to the split and the
//! merges, so no text can produce one of their ids. Normalisers are not applied: what is encoded is what the
//! user has, byte for byte.

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use rustc_hash::{FxHashMap, FxHashSet};
use tokenizers::{Model, ModelWrapper, NormalizerWrapper};

use super::{TokenId, alphabet::Alphabet, memory::Memory, pieces::Pieces};
use crate::EngineError;

/// Bytes of the largest `tokenizer.json`.
pub const MAX_FILE_BYTES: usize = 64 * 1024 * 1024;
/// Ids beyond which a vocabulary is refused: ten times the largest known.
pub const MAX_VOCABULARY: usize = 2_000_000;
/// Ids for each token of the vocabulary, beyond which it is refused: published ones have next to no gaps.
const MAX_GAPS: usize = 4;
/// Pieces whose tokens are kept; then the table starts anew.
const MAX_KNOWN_PIECES: usize = 1 << 16;
/// Bytes of the longest piece worth keeping.
const MAX_KNOWN_BYTES: usize = 48;
/// Must come back unchanged, or the file is refused.
const ROUND_TRIP: &str =
    "fn été(x: &'a str) -> 日本 {\r\n\t\tlet  y = \"\\u{1F600} 😀\"; // 12345\n\n}\n\0\u{7f}";

/// Text ↔ token ids for one model.
pub struct Tokenizer {
    model: tokenizers::models::bpe::BPE,
    pieces: Pieces,
    alphabet: Alphabet,
    /// The token of each byte.
    single: [TokenId; 256],
    /// All tokens' bytes, one after the other, and where each ends.
    bytes: Vec<u8>,
    ends: Vec<u32>,
    special: Vec<bool>,
    names: FxHashMap<String, TokenId>,
    /// A line break is always a piece of its own, so that lines can be encoded one by one.
    lines_stand_alone: bool,
    known: Mutex<FxHashMap<Box<str>, Box<[TokenId]>>>,
    memory: Mutex<Memory>,
}

impl Tokenizer {
    /// Loads a file.
    ///
    /// # Errors
    /// [`EngineError::ModelFile`] naming the file and the field.
    pub fn from_path(path: &Path) -> Result<Self, EngineError> {
        let fail = |reason: String| EngineError::ModelFile { file: path.to_owned(), reason };
        let size = std::fs::metadata(path).map_err(|e| fail(e.to_string()))?.len();
        if size > MAX_FILE_BYTES as u64 {
            return Err(fail(too_large(size)));
        }
        let json = std::fs::read(path).map_err(|e| fail(e.to_string()))?;
        Self::from_bytes(&json, path)
    }

    /// Loads a file's bytes; `name` is only for errors.
    ///
    /// # Errors
    /// [`EngineError::ModelFile`] naming the file and the field.
    pub fn from_bytes(json: &[u8], name: &Path) -> Result<Self, EngineError> {
        if json.len() > MAX_FILE_BYTES {
            return Err(EngineError::ModelFile {
                file: name.to_owned(),
                reason: too_large(json.len() as u64),
            });
        }
        // The `tokenizers` crate panics on some files; a file is outside input.
        catch_unwind(AssertUnwindSafe(|| Self::checked(json)))
            .unwrap_or_else(|_| Err("is malformed in a way that its reader does not survive".to_owned()))
            .map_err(|reason| EngineError::ModelFile { file: name.to_owned(), reason })
    }

    fn checked(json: &[u8]) -> Result<Self, String> {
        let signs = outline(json)?;
        let file = tokenizers::Tokenizer::from_bytes(json).map_err(|e| e.to_string())?;
        let pieces = Pieces::new(file.get_pre_tokenizer())?;
        match file.get_normalizer() {
            None | Some(NormalizerWrapper::NFC(_)) => {}
            Some(NormalizerWrapper::Sequence(list)) if list.as_ref().is_empty() => {}
            Some(_) => return Err("normalizer.type: only NFC is supported (and left out)".to_owned()),
        }
        let ModelWrapper::BPE(bpe) = file.get_model() else {
            return Err("model.type: only BPE is supported".to_owned());
        };
        if bpe.dropout.is_some_and(|share| share != 0.0) {
            return Err("model.dropout: must be null; the same text must give the same tokens".to_owned());
        }
        for (field, value) in [
            ("continuing_subword_prefix", &bpe.continuing_subword_prefix),
            ("end_of_word_suffix", &bpe.end_of_word_suffix),
        ] {
            if value.as_ref().is_some_and(|text| !text.is_empty()) {
                return Err(format!("model.{field}: is not supported in a byte-level tokenizer"));
            }
        }
        let alphabet = Alphabet::new();
        let mut vocabulary: Vec<(u32, String)> =
            file.get_vocab(true).into_iter().map(|(token, id)| (id, token)).collect();
        vocabulary.sort_unstable();
        let size = vocabulary.last().map_or(0, |(id, _)| *id as usize + 1);
        if size > MAX_VOCABULARY {
            return Err(format!("model.vocab: id {} is beyond the limit of {MAX_VOCABULARY}", size - 1));
        }
        // A table is made of them, which a few tokens must not make large.
        if size > MAX_GAPS * vocabulary.len() + MAX_GAPS * 1024 {
            return Err(format!(
                "model.vocab: id {} is far beyond what its {} tokens need",
                size - 1,
                vocabulary.len()
            ));
        }
        if let Some(pair) = vocabulary.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(format!(
                "model.vocab: {:?} and {:?} have the same id {}",
                pair[0].1, pair[1].1, pair[0].0
            ));
        }
        let added = file.get_added_tokens_decoder();
        let mut special = vec![true; size];
        let (mut bytes, mut ends) = (Vec::new(), vec![0_u32; size]);
        let mut names = FxHashMap::default();
        let mut done = 0;
        for (id, token) in vocabulary {
            let at = id as usize;
            for end in ends.iter_mut().take(at).skip(done) {
                *end = bytes.len() as u32;
            }
            let content = match added.get(&id) {
                // Some files add runs of blanks; whatever has a name in brackets is a sign, not text.
                Some(token) if token.special || !token.content.trim().is_empty() => None,
                Some(token) => Some(token.content.clone().into_bytes()),
                None if signs.contains(&token) => None,
                None => alphabet.read(&token),
            };
            if let Some(content) = content {
                special[at] = false;
                bytes.extend(content);
            } else {
                names.insert(token, TokenId(id));
            }
            ends[at] = bytes.len() as u32;
            done = at + 1;
        }
        let mut single = [TokenId(0); 256];
        for byte in 0..=u8::MAX {
            let mut spelled = String::new();
            alphabet.spell(&[byte], &mut spelled);
            let id = bpe.token_to_id(&spelled).filter(|id| special.get(*id as usize) == Some(&false));
            let id =
                id.ok_or_else(|| format!("model.vocab: has no token {spelled:?} for the byte {byte:#04x}"))?;
            single[usize::from(byte)] = TokenId(id);
        }
        let model = bpe.clone();
        let tokenizer = Self {
            model,
            alphabet,
            single,
            bytes,
            ends,
            special,
            names,
            lines_stand_alone: pieces.isolate_line_breaks(),
            pieces,
            known: Mutex::default(),
            memory: Mutex::default(),
        };
        let back = tokenizer.raw(&tokenizer.encode(ROUND_TRIP));
        if back == ROUND_TRIP.as_bytes() {
            Ok(tokenizer)
        } else {
            Err(format!("model.merges: {ROUND_TRIP:?} comes back as {:?}", String::from_utf8_lossy(&back)))
        }
    }

    /// Ids from 0 to the largest: how many rows a model must have at least.
    #[must_use]
    pub fn vocab(&self) -> usize {
        self.ends.len()
    }

    /// A token's bytes; none for special tokens and ids that the vocabulary lacks.
    #[must_use]
    pub fn bytes(&self, token: TokenId) -> &[u8] {
        let at = token.0 as usize;
        let Some(&end) = self.ends.get(at) else { return &[] };
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.bytes.get(start as usize..end as usize).unwrap_or(&[])
    }

    /// Whether a token is a sign between model and engine, no text. So is an id that the vocabulary lacks.
    #[must_use]
    pub fn is_special(&self, token: TokenId) -> bool {
        self.special.get(token.0 as usize).copied().unwrap_or(true)
    }

    /// A special token by its name.
    #[must_use]
    pub fn special(&self, name: &str) -> Option<TokenId> {
        self.names.get(name).copied()
    }

    /// All special tokens by their names, in no order.
    pub fn specials(&self) -> impl Iterator<Item = (&str, TokenId)> {
        self.names.iter().map(|(name, token)| (name.as_str(), *token))
    }

    /// The token that is a line break and nothing else.
    #[must_use]
    pub fn newline(&self) -> TokenId {
        self.single[usize::from(b'\n')]
    }

    /// The tokens of a text. Their bytes are the text, always.
    #[must_use]
    pub fn encode(&self, text: &str) -> Vec<TokenId> {
        let mut tokens = Vec::with_capacity(text.len() / 3 + 1);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > MAX_KNOWN_PIECES {
            known.clear();
        }
        for piece in self.pieces(text) {
            let Some(piece) = text.get(piece) else { continue };
            if let Some(found) = known.get(piece) {
                tokens.extend_from_slice(found);
                continue;
            }
            let start = tokens.len();
            self.merge(piece, &mut tokens);
            if piece.len() <= MAX_KNOWN_BYTES {
                known.insert(Box::from(piece), Box::from(&tokens[start..]));
            }
        }
        tokens
    }

    /// [`encode`](Self::encode) for texts that come again and again, such as a request's other files.
    #[must_use]
    pub fn encode_again(&self, text: &str) -> Arc<[TokenId]> {
        let found = self.memory.lock().unwrap_or_else(PoisonError::into_inner).get(text);
        found.unwrap_or_else(|| {
            let tokens: Arc<[TokenId]> = self.encode(text).into();
            self.memory.lock().unwrap_or_else(PoisonError::into_inner).put(text, Arc::clone(&tokens));
            tokens
        })
    }

    /// [`encode`](Self::encode) for the text before a cursor, which changes in its last line only.
    #[must_use]
    pub fn encode_typed(&self, prefix: &str) -> Vec<TokenId> {
        // The break goes with the line that it begins: indentation is known by it.
        let line = prefix.rfind('\n').unwrap_or(0);
        match prefix.split_at_checked(line) {
            Some((before, last)) if self.lines_stand_alone && !before.is_empty() => {
                let mut tokens = self.encode_again(before).to_vec();
                tokens.extend(self.encode(last));
                tokens
            }
            _ => self.encode(prefix),
        }
    }

    /// The tokens of a text that stands behind a line break, such as a suffix when the hole ends a line:
    /// indentation is known by the break before it.
    #[must_use]
    pub fn encode_line(&self, text: &str) -> Arc<[TokenId]> {
        let found = self.encode_again(&format!("\n{text}"));
        match found.split_first() {
            Some((&first, rest)) if first == self.newline() => rest.into(),
            _ => self.encode_again(text),
        }
    }

    /// The pieces of a text; no token crosses their borders.
    pub(super) fn pieces(&self, text: &str) -> Vec<Range<usize>> {
        let mut pieces = Vec::new();
        self.pieces.split(text, &mut pieces);
        pieces
    }

    /// The merges, on one piece. Byte by byte where the file's merges fail, so that every text has tokens.
    fn merge(&self, piece: &str, tokens: &mut Vec<TokenId>) {
        let mut spelled = String::with_capacity(piece.len() * 2);
        self.alphabet.spell(piece.as_bytes(), &mut spelled);
        let merged = catch_unwind(AssertUnwindSafe(|| self.model.tokenize(&spelled)));
        match merged {
            Ok(Ok(merged)) => tokens.extend(merged.into_iter().map(|token| TokenId(token.id))),
            Ok(Err(_)) | Err(_) => tokens.extend(piece.bytes().map(|byte| self.single[usize::from(byte)])),
        }
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer").field("vocab", &self.vocab()).finish_non_exhaustive()
    }
}

fn too_large(size: u64) -> String {
    format!("has {size} bytes; at most {MAX_FILE_BYTES} are read")
}

/// The parts that must be there, so that a missing one is named: the `tokenizers` crate only says that
/// nothing matched. Gives the vocabulary's signs: entries named `<|…|>` that no merge leads to, so that no text
/// has them. (FORMAT.md's are such; public checkpoints list theirs as added tokens.)
fn outline(json: &[u8]) -> Result<FxHashSet<String>, String> {
    #[derive(serde::Deserialize)]
    struct File {
        model: Bpe,
        #[serde(default)]
        pre_tokenizer: Option<Part>,
    }
    #[derive(serde::Deserialize)]
    struct Part {
        #[serde(default, rename = "type")]
        kind: Option<String>,
    }
    #[derive(serde::Deserialize)]
    struct Bpe {
        #[serde(default, rename = "type")]
        kind: Option<String>,
        vocab: FxHashMap<String, u32>,
        merges: Vec<Merge>,
    }
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Merge {
        Line(String),
        Pair(String, String),
    }
    let file: File = serde_json::from_slice(json).map_err(|e| format!("is not a tokenizer: {e}"))?;
    match file.model.kind.as_deref() {
        None | Some("BPE") => {}
        Some(other) => return Err(format!("model.type: {other:?} is not supported; BPE is")),
    }
    match file.pre_tokenizer.and_then(|part| part.kind).as_deref() {
        Some("Sequence" | "ByteLevel" | "Split" | "Digits") => {}
        None => return Err("pre_tokenizer.type: is missing".to_owned()),
        Some(other) => return Err(format!("pre_tokenizer.type: {other:?} is not supported; ByteLevel is")),
    }
    let is_sign = |name: &String| name.len() > 4 && name.starts_with("<|") && name.ends_with("|>");
    let mut signs: FxHashSet<String> = file.model.vocab.into_keys().filter(is_sign).collect();
    for merge in file.model.merges {
        signs.remove(&match merge {
            Merge::Line(line) => line.replacen(' ', "", 1),
            Merge::Pair(left, right) => left + &right,
        });
    }
    Ok(signs)
}

impl crate::prior::Vocabulary for Tokenizer {
    fn size(&self) -> usize {
        self.vocab()
    }

    fn bytes(&self, token: TokenId) -> &[u8] {
        self.bytes(token)
    }

    fn newline(&self) -> TokenId {
        self.newline()
    }
}

#[cfg(test)]
#[path = "tokenizer_tests.rs"]
mod tests;

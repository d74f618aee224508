//! A small tokenizer of FORMAT.md's kind for tests: 256 bytes, a few merges, the special tokens.

use std::path::Path;

use serde_json::{Value, json};

use super::{Tokenizer, alphabet::Alphabet};

/// The special tokens of FORMAT.md, in their order, without the spare ones.
pub(crate) const SPECIALS: [&str; 22] = [
    "<|pad|>",
    "<|mask|>",
    "<|expand|>",
    "<|delete|>",
    "<|bos|>",
    "<|eos|>",
    "<|file|>",
    "<|path|>",
    "<|/path|>",
    "<|sep|>",
    "<|lang:rust|>",
    "<|lang:python|>",
    "<|lang:javascript|>",
    "<|lang:typescript|>",
    "<|lang:go|>",
    "<|lang:c|>",
    "<|lang:cpp|>",
    "<|lang:java|>",
    "<|lang:markdown|>",
    "<|lang:shell|>",
    "<|lang:toml|>",
    "<|lang:other|>",
];

/// `"\n"` alone, indentation alone, words with a leading blank or mark, three digits, marks, blanks.
const SPLIT: &str =
    r"\n|^[ \t]+|(?<=\n)[ \t]+| ?[\p{L}_]+|[^\s\p{L}\p{N}_][\p{L}_]+|\p{N}{1,3}| ?[^\s\p{L}\p{N}_]+|\s";

/// The file, as JSON to be changed at will.
pub(crate) fn json() -> Value {
    let alphabet = Alphabet::new();
    let mut vocab = serde_json::Map::new();
    for (id, name) in SPECIALS.iter().enumerate() {
        vocab.insert((*name).to_owned(), json!(id));
    }
    for byte in 0..=255_u8 {
        let mut spelled = String::new();
        alphabet.spell(&[byte], &mut spelled);
        vocab.insert(spelled, json!(vocab.len()));
    }
    let merges = ["l e", "le t", "Ġ let", "Ġ Ġ", "ĠĠ ĠĠ", "p r", "i n", "pr in", "Ġ prin", "r e", "< |"];
    for merge in merges {
        vocab.insert(merge.replace(' ', ""), json!(vocab.len()));
    }
    let added: Vec<Value> = SPECIALS
        .iter()
        .enumerate()
        .map(|(id, name)| {
            json!({"id": id, "content": name, "single_word": false, "lstrip": false, "rstrip": false,
                   "normalized": false, "special": true})
        })
        .collect();
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": null,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": SPLIT}, "behavior": "Isolated", "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false}]},
        "post_processor": null, "decoder": null,
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                  "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                  "vocab": vocab, "merges": merges}
    })
}

/// The tokenizer.
pub(crate) fn tokenizer() -> Tokenizer {
    let bytes = serde_json::to_vec(&json()).expect("JSON");
    Tokenizer::from_bytes(&bytes, Path::new("tokenizer.json")).expect("the sample is sound")
}

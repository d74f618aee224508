//! Tokenizers of several files against the one file that says the same.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::tokens::sample;

const TEXT: &str = "fn it's(x: &str) -> 12345 {\r\n\t\tlet  y = don't;  // 日本 été\n\n}\n   print";

/// The sample's vocabulary and merges as files; its signs are added tokens at the end.
fn parts() -> (BTreeMap<String, u32>, Vec<String>, BTreeMap<String, u32>) {
    let file = sample::json();
    let all = file["model"]["vocab"].as_object().unwrap();
    let text: Vec<&String> = all.keys().filter(|name| !sample::SPECIALS.contains(&name.as_str())).collect();
    let mut text: Vec<(u64, &String)> =
        text.into_iter().map(|name| (all[name].as_u64().unwrap(), name)).collect();
    text.sort_unstable();
    let vocab: BTreeMap<String, u32> =
        text.iter().zip(0..).map(|((_, name), id)| ((*name).clone(), id)).collect();
    let added =
        ["<|endoftext|>", "<|mask|>"].iter().zip(vocab.len() as u32..).map(|(n, id)| ((*n).to_owned(), id));
    let merges = file["model"]["merges"].as_array().unwrap();
    (vocab, merges.iter().map(|merge| merge.as_str().unwrap().to_owned()).collect(), added.collect())
}

fn write(folder: &Path, name: &str, json: &impl serde::Serialize) {
    std::fs::write(folder.join(name), serde_json::to_vec(json).unwrap()).unwrap();
}

fn folder(config: &Value) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (vocab, merges, added) = parts();
    write(folder.path(), "vocab.json", &vocab);
    std::fs::write(folder.path().join("merges.txt"), format!("#version: 0.2\n{}\n", merges.join("\n")))
        .unwrap();
    write(folder.path(), "added_tokens.json", &added);
    write(folder.path(), "tokenizer_config.json", config);
    folder
}

fn fault(folder: &Path) -> String {
    Folder::read(folder).unwrap_err().to_string()
}

#[test]
fn vocab_and_merges_make_the_tokenizer_that_one_file_would() {
    let folder = folder(
        &json!({"tokenizer_class": "DreamTokenizer", "mask_token": {"content": "<|mask|>", "special": true}, "bos_token": null}),
    );
    let Folder { tokenizer, named } = Folder::read(folder.path()).unwrap();
    let (vocab, merges, added) = parts();
    let listed: Vec<Value> = added
        .iter()
        .map(|(content, id)| {
            json!({"id": id, "content": content, "single_word": false,
        "lstrip": false, "rstrip": false, "normalized": false, "special": true})
        })
        .collect();
    let mut one = sample::json();
    one["model"]["vocab"] = json!(vocab);
    one["model"]["merges"] = json!(merges);
    one["added_tokens"] = json!(listed);
    one["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = json!(QWEN2);
    let one = Tokenizer::from_bytes(one.to_string().as_bytes(), Path::new("tokenizer.json")).unwrap();
    assert_eq!(tokenizer.encode(TEXT), one.encode(TEXT));
    assert_eq!(tokenizer.text(&tokenizer.encode(TEXT)), TEXT);
    assert_eq!(tokenizer.special("<|mask|>"), one.special("<|mask|>"));
    assert_eq!(named, Named { mask: Some("<|mask|>".to_owned()), ..Named::default() });
    let alone: Vec<String> = tokenizer.encode("12 a").iter().map(|&token| tokenizer.text(&[token])).collect();
    assert_eq!(alone, ["1", "2", " ", "a"], "digits one by one");
}

#[test]
fn two_files_that_number_a_token_differently_are_refused_both_named() {
    let folder = folder(&json!({"added_tokens_decoder": {"999": {"content": "<|mask|>"}}}));
    let error = fault(folder.path());
    for part in ["added_tokens.json", "<|mask|>", "tokenizer_config.json", "999"] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn each_fault_names_its_file() {
    let spoiled = |name: &str, bytes: &[u8]| {
        let folder = folder(&json!({}));
        std::fs::write(folder.path().join(name), bytes).unwrap();
        fault(folder.path())
    };
    for name in ["vocab.json", "tokenizer_config.json", "added_tokens.json"] {
        assert!(spoiled(name, b"[7]").contains(name), "{}", spoiled(name, b"[7]"));
    }
    assert!(spoiled("merges.txt", b"\xff\xfe").contains("merges.txt"));
    assert!(
        spoiled("added_tokens.json", br#"{"<|mask|>": 5000}"#).contains("5000 is taken, or does not follow")
    );
    assert!(
        spoiled("tokenizer_config.json", br#"{"tokenizer_class": "T5Tokenizer"}"#).contains("T5Tokenizer")
    );
    let folder = folder(&json!({}));
    std::fs::remove_file(folder.path().join("merges.txt")).unwrap();
    assert!(fault(folder.path()).contains("merges.txt"));
    std::fs::remove_file(folder.path().join("vocab.json")).unwrap();
    assert!(fault(folder.path()).contains("tokenizer.json"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn a_changed_byte_is_an_error_or_a_sound_tokenizer(file in 0_usize..4, at in 0_usize..4000, byte in any::<u8>()) {
        let folder = folder(&json!({"tokenizer_class": "Qwen2Tokenizer", "mask_token": "<|mask|>"}));
        let path = folder.path().join(["vocab.json", "merges.txt", "added_tokens.json", "tokenizer_config.json"][file]);
        let mut bytes = std::fs::read(&path).unwrap();
        let at = at % bytes.len();
        bytes[at] = byte;
        std::fs::write(&path, bytes).unwrap();
        if let Ok(Folder { tokenizer, .. }) = Folder::read(folder.path()) {
            prop_assert_eq!(tokenizer.text(&tokenizer.encode(TEXT)), TEXT);
        }
    }
}

//! What a tokenizer promises: round trips, no special token from a text, typed errors for any file.

use std::path::Path;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::tokens::sample;

fn load(json: &serde_json::Value) -> Result<Tokenizer, String> {
    let bytes = serde_json::to_vec(json).unwrap();
    Tokenizer::from_bytes(&bytes, Path::new("tokenizer.json")).map_err(|error| error.to_string())
}

#[test]
fn a_file_full_of_special_tokens_is_only_text() {
    let mut listed = sample::json();
    let mut bare = sample::json();
    bare["added_tokens"] = json!([]);
    // Some checkpoints list theirs as if they were text.
    for token in listed["added_tokens"].as_array_mut().unwrap() {
        token["special"] = json!(false);
    }
    for file in [sample::json(), listed, bare] {
        let tokenizer = load(&file).unwrap();
        let text = sample::SPECIALS.join(" ") + &sample::SPECIALS.concat();
        let tokens = tokenizer.encode(&text);
        assert!(tokens.iter().all(|&token| !tokenizer.is_special(token)));
        assert_eq!(tokenizer.text(&tokens), text);
        let found = sample::SPECIALS.map(|name| tokenizer.special(name));
        assert_eq!(found.to_vec(), (0..22).map(|id| Some(TokenId(id))).collect::<Vec<_>>());
    }
}

#[test]
fn merges_and_special_tokens_are_the_files() {
    let tokenizer = sample::tokenizer();
    let tokens = tokenizer.encode("let x\n    print(1234)");
    let pieces: Vec<String> = tokens.iter().map(|&token| tokenizer.text(&[token])).collect();
    assert_eq!(pieces, ["let", " ", "x", "\n", "    ", "prin", "t", "(", "1", "2", "3", "4", ")"]);
    assert_eq!(tokenizer.special("<|mask|>"), Some(TokenId(1)));
    assert_eq!(tokenizer.special("let"), None, "text has no name");
    assert_eq!(tokenizer.bytes(tokenizer.newline()), b"\n");
    assert_eq!(tokenizer.bytes(TokenId(1)), b"");
    assert!(tokenizer.is_special(TokenId(u32::MAX)));
}

#[test]
fn each_fault_of_a_file_is_named() {
    type Spoil = fn(&mut serde_json::Value);
    let cases: [(&str, Spoil); 12] = [
        ("model", |file| _ = file.as_object_mut().unwrap().remove("model")),
        ("model.type", |file| file["model"]["type"] = json!("WordPiece")),
        ("vocab", |file| _ = file["model"].as_object_mut().unwrap().remove("vocab")),
        ("model.dropout", |file| file["model"]["dropout"] = json!(0.5)),
        ("model.end_of_word_suffix", |file| file["model"]["end_of_word_suffix"] = json!("</w>")),
        ("pre_tokenizer", |file| file["pre_tokenizer"] = json!(null)),
        ("add_prefix_space", |file| {
            file["pre_tokenizer"]["pretokenizers"][1]["add_prefix_space"] = json!(true)
        }),
        ("pre_tokenizer.type", |file| file["pre_tokenizer"] = json!({"type": "FixedLength", "length": 0})),
        ("FixedLength", |file| {
            file["pre_tokenizer"]["pretokenizers"][0] = json!({"type": "FixedLength", "length": 0})
        }),
        ("normalizer.type", |file| file["normalizer"] = json!({"type": "Lowercase"})),
        ("model.vocab", |file| _ = file["model"]["vocab"].as_object_mut().unwrap().remove("Ā")),
        ("model.vocab", |file| file["model"]["vocab"]["Ā"] = json!(4_000_000_000_u32)),
    ];
    for (field, spoil) in cases {
        let mut file = sample::json();
        spoil(&mut file);
        let error = load(&file).expect_err(field);
        assert!(error.starts_with("tokenizer.json: "), "{error}");
        assert!(error.contains(field) || field == "vocab", "{field}: {error}");
    }
}

#[test]
fn two_tokens_of_one_id_are_refused() {
    let mut file = sample::json();
    file["model"]["vocab"]["le"] = file["model"]["vocab"]["let"].clone();
    assert!(load(&file).is_err());
}

#[test]
fn a_file_cut_off_anywhere_is_an_error() {
    let bytes = serde_json::to_vec(&sample::json()).unwrap();
    for end in (0..bytes.len()).step_by(7) {
        assert!(Tokenizer::from_bytes(&bytes[..end], Path::new("t")).is_err(), "{end}");
    }
}

#[test]
fn a_file_too_large_is_not_read() {
    let json = vec![b' '; MAX_FILE_BYTES + 1];
    let error = Tokenizer::from_bytes(&json, Path::new("t")).unwrap_err();
    assert!(error.to_string().contains("at most"), "{error}");
}

#[test]
fn what_is_encoded_again_is_the_same() {
    let tokenizer = sample::tokenizer();
    let text = "let a = 1;\n";
    assert_eq!(&*tokenizer.encode_again(text), &tokenizer.encode(text)[..]);
    assert_eq!(&*tokenizer.encode_again(text), &tokenizer.encode(text)[..]);
}

/// The tokenizer that is built in.
fn embedded() -> Tokenizer {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/embedded/tokenizer.json");
    Tokenizer::from_path(&path).unwrap()
}

#[test]
fn the_embedded_tokenizer_knows_its_signs_and_takes_lines_one_by_one() {
    let tokenizer = embedded();
    assert!(tokenizer.lines_stand_alone);
    for (id, name) in sample::SPECIALS.iter().enumerate() {
        assert_eq!(tokenizer.special(name), Some(TokenId(id as u32)));
    }
    let text = sample::SPECIALS.concat();
    let tokens = tokenizer.encode(&text);
    assert!(tokens.iter().all(|&token| !tokenizer.is_special(token)));
    assert_eq!(tokenizer.text(&tokens), text);
}

#[test]
fn indentation_is_one_token_behind_a_line_break() {
    let tokenizer = embedded();
    let (whole, line) = (tokenizer.encode("{\n    return x;"), tokenizer.encode_line("    return x;"));
    assert!(whole.ends_with(&line) && tokenizer.bytes(line[0]) == b"    ");
    assert_eq!(tokenizer.raw(&line), b"    return x;");
}

proptest! {
    #[test]
    fn typed_text_has_the_tokens_of_the_whole(text in "([ \t]{0,5}[a-z(){};=\\.\"]{0,9}[ \t\r]{0,2}\n){0,6}[ \t]{0,5}\\PC{0,12}") {
        static EMBEDDED: std::sync::LazyLock<Tokenizer> = std::sync::LazyLock::new(embedded);
        prop_assert_eq!(EMBEDDED.encode_typed(&text), EMBEDDED.encode(&text));
        prop_assert_eq!(EMBEDDED.raw(&EMBEDDED.encode(&text)), text.as_bytes());
    }

    #[test]
    fn every_text_comes_back(text in "\\PC{0,80}|[ \t\r\n\u{0}-\u{1F}a-z<|>]{0,80}") {
        let tokenizer = sample::tokenizer();
        let tokens = tokenizer.encode(&text);
        prop_assert_eq!(tokenizer.raw(&tokens), text.as_bytes());
        prop_assert!(tokens.iter().all(|&token| !tokenizer.is_special(token)));
    }

    /// The crate's own way, special tokens apart, gives the same tokens.
    #[test]
    fn encoding_agrees_with_the_tokenizers_crate(text in "[a-z ]{0,30}(\n *let [a-z]{1,9} = [0-9]{1,6};){0,5}\\PC{0,9}") {
        let mut theirs = tokenizers::Tokenizer::from_bytes(serde_json::to_vec(&sample::json()).unwrap()).unwrap();
        theirs.set_encode_special_tokens(true);
        let expected: Vec<TokenId> = theirs.encode(text.as_str(), false).unwrap().get_ids().iter().map(|&id| TokenId(id)).collect();
        prop_assert_eq!(sample::tokenizer().encode(&text), expected);
    }

    #[test]
    fn a_changed_byte_is_an_error_or_a_sound_tokenizer(at in 0_usize..6000, byte in any::<u8>()) {
        let mut bytes = serde_json::to_vec(&sample::json()).unwrap();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(tokenizer) = Tokenizer::from_bytes(&bytes, Path::new("t")) {
            let text = "let x = <|mask|>;\n    print(日本)";
            prop_assert_eq!(tokenizer.text(&tokenizer.encode(text)), text);
        }
    }
}

//! A vocabulary for tests: every byte is a token, and so is every word given.

use super::Vocabulary;
use crate::tokens::TokenId;

/// Bytes 0–255, then words (a leading blank or punctuation mark may belong to a word, as in real tokenizers).
pub(super) struct Toy {
    tokens: Vec<Vec<u8>>,
}

impl Toy {
    /// Learns the words of these texts.
    pub(super) fn of(texts: &[&str]) -> Self {
        let mut tokens: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
        for text in texts {
            for word in words(text) {
                if !tokens.contains(&word.to_vec()) {
                    tokens.push(word.to_vec());
                }
            }
        }
        Self { tokens }
    }

    /// Words where known, bytes elsewhere.
    pub(super) fn encode(&self, text: &str) -> Vec<TokenId> {
        let id = |word: &[u8]| self.tokens.iter().position(|token| token == word);
        words(text)
            .flat_map(|word| match id(word) {
                Some(id) => vec![TokenId(id as u32)],
                None => word.iter().map(|&byte| TokenId(u32::from(byte))).collect(),
            })
            .collect()
    }

    pub(super) fn decode(&self, tokens: &[TokenId]) -> String {
        let bytes = tokens.iter().flat_map(|&token| self.bytes(token).to_vec()).collect();
        String::from_utf8(bytes).unwrap()
    }
}

impl Vocabulary for Toy {
    fn size(&self) -> usize {
        self.tokens.len()
    }

    fn bytes(&self, token: TokenId) -> &[u8] {
        self.tokens.get(token.0 as usize).map_or(&[], |bytes| bytes)
    }

    fn newline(&self) -> TokenId {
        TokenId(u32::from(b'\n'))
    }
}

/// Line feeds alone, runs of blanks at a line's start, words with one blank before them, single other characters.
fn words(text: &str) -> impl Iterator<Item = &[u8]> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        let first = *bytes.get(at)?;
        at += 1;
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let line_start = start == 0 || bytes[start - 1] == b'\n';
        if first == b' ' && line_start {
            while bytes.get(at) == Some(&b' ') {
                at += 1;
            }
        } else if word(&first) || first == b' ' {
            while bytes.get(at).is_some_and(word) {
                at += 1;
            }
        }
        Some(&bytes[start..at])
    })
}

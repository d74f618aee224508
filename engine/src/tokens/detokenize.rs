//! Token ids → text, never half a character: a character may be spread over tokens.

use super::{TokenId, Tokenizer};

impl Tokenizer {
    /// The bytes of `tokens`, special tokens left out.
    #[must_use]
    pub fn raw(&self, tokens: &[TokenId]) -> Vec<u8> {
        tokens.iter().flat_map(|&token| self.bytes(token)).copied().collect()
    }

    /// The text of `tokens`, special tokens left out. Bytes that are no character (the end of one that was
    /// cut off, or a model's nonsense) are left out too.
    #[must_use]
    pub fn text(&self, tokens: &[TokenId]) -> String {
        whole_characters(&self.raw(tokens))
    }
}

/// The characters in `raw`, without the bytes that make none.
#[must_use]
pub fn whole_characters(raw: &[u8]) -> String {
    raw.utf8_chunks().map(|chunk| chunk.valid()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_characters_are_left_out() {
        let raw = "né日".as_bytes();
        assert_eq!(whole_characters(raw), "né日");
        assert_eq!(whole_characters(&raw[..raw.len() - 1]), "né");
        assert_eq!(whole_characters(&raw[2..]), "日", "its other half is missing");
        assert_eq!(whole_characters(b"a\xFFb"), "ab");
    }
}

//! Token healing: a cursor rarely stands where a token ends, so the last typed token is given up and its bytes
//! are asked for again, as the beginning of the answer.
//!
//! Knows bytes and tokens, no probabilities.

use super::Vocabulary;
use crate::tokens::TokenId;

/// The most bytes given up; a longer word keeps its beginning.
const MAX_HEALED_BYTES: usize = 64;

/// How a prefix is cut for healing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Healed {
    /// Tokens of the prefix that stay.
    pub kept: usize,
    /// The bytes of the others: what an answer must begin with.
    pub bytes: Vec<u8>,
}

/// Gives up the token under the cursor: the whole word if it is made of several tokens, the whole indentation of a
/// blank line, nothing right after a line feed.
pub fn heal(prefix: &[TokenId], vocabulary: &impl Vocabulary) -> Healed {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
    let mut kept = prefix.len();
    let mut bytes: Vec<u8> = Vec::new();
    while let Some(&last) = kept.checked_sub(1).and_then(|at| prefix.get(at)) {
        let token = vocabulary.bytes(last);
        let joins = match (token.last(), bytes.first()) {
            (Some(b'\n' | b'\r') | None, _) => false,
            (Some(_), None) => true,
            // A word of several tokens, or indentation of several.
            (Some(left), Some(right)) => {
                is_word(left) && is_word(right)
                    || token.iter().all(|byte| matches!(byte, b' ' | b'\t'))
                        && bytes.iter().all(|byte| matches!(byte, b' ' | b'\t'))
            }
        };
        if !joins || bytes.len() + token.len() > MAX_HEALED_BYTES {
            break;
        }
        bytes.splice(0..0, token.iter().copied());
        kept -= 1;
    }
    Healed { kept, bytes }
}

/// What is owed after a token; `None` if the token disagrees with it.
pub(super) fn after<'a>(owed: &'a [u8], token: &[u8]) -> Option<&'a [u8]> {
    let common = token.len().min(owed.len());
    (owed.is_empty() || !token.is_empty() && token[..common] == owed[..common]).then(|| &owed[common..])
}

/// Tokens of the vocabulary that spell these bytes, the longest first; as far as the vocabulary goes.
pub(super) fn spell(mut bytes: &[u8], vocabulary: &impl Vocabulary) -> Vec<TokenId> {
    let mut tokens = Vec::new();
    while !bytes.is_empty() {
        let longest = (0..vocabulary.size())
            .map(|id| TokenId(id as u32))
            .filter(|&token| {
                !vocabulary.bytes(token).is_empty() && bytes.starts_with(vocabulary.bytes(token))
            })
            .max_by_key(|&token| (vocabulary.bytes(token).len(), std::cmp::Reverse(token)));
        let Some(token) = longest else { break };
        tokens.push(token);
        bytes = &bytes[vocabulary.bytes(token).len()..];
    }
    tokens
}

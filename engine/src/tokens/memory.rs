//! Texts tokenised a moment ago: a request's other files are mostly those of the keystroke before.
//!
//! Compared by content, so an answer from here is always right.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::TokenId;

/// Bytes of text kept, beyond which the longest unused goes first.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// The texts and their tokens.
#[derive(Default)]
pub(super) struct Memory {
    texts: FxHashMap<Arc<str>, (Arc<[TokenId]>, u64)>,
    bytes: usize,
    clock: u64,
}

impl Memory {
    /// The tokens of `text`, if it was seen lately.
    pub(super) fn get(&mut self, text: &str) -> Option<Arc<[TokenId]>> {
        self.clock += 1;
        let (tokens, used) = self.texts.get_mut(text)?;
        *used = self.clock;
        Some(Arc::clone(tokens))
    }

    /// Keeps the tokens of `text`, making room first.
    pub(super) fn put(&mut self, text: &str, tokens: Arc<[TokenId]>) {
        if text.len() > MAX_BYTES / 4 {
            return;
        }
        while self.bytes + text.len() > MAX_BYTES {
            let oldest =
                self.texts.iter().min_by_key(|(_, (_, used))| *used).map(|(text, _)| Arc::clone(text));
            let Some(oldest) = oldest else { break };
            self.texts.remove(&oldest);
            self.bytes -= oldest.len();
        }
        self.clock += 1;
        if self.texts.insert(Arc::from(text), (tokens, self.clock)).is_none() {
            self.bytes += text.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unused_text_makes_room() {
        let mut memory = Memory::default();
        let text = |n: usize| n.to_string().repeat(MAX_BYTES / 4);
        for n in 0..4 {
            memory.put(&text(n), Arc::from([TokenId(n as u32)]));
        }
        assert!(memory.get(&text(0)).is_some());
        memory.put(&text(4), Arc::from([TokenId(4)]));
        assert!(memory.get(&text(1)).is_none(), "not used since it came");
        for n in [0, 2, 3, 4] {
            assert_eq!(memory.get(&text(n)).as_deref(), Some(&[TokenId(n as u32)][..]));
        }
        assert_eq!(memory.bytes, MAX_BYTES);
    }
}

//! A lexicon's symbols by how they are spelled: which of them agree with bytes that are owed, without a look at all of them.
//!
//! Knows bytes and numbers, no text.

use super::symbols::Local;

/// Bytes that symbols are sorted by.
const KEY_BYTES: usize = 4;

/// Symbols by their first bytes; one such list for symbols within a line and one for a line's first.
#[derive(Debug, Default)]
pub(super) struct Spelled(Vec<(u32, Local)>);

impl Spelled {
    /// Sorts symbols, each with its bytes; what has none is left out.
    pub(super) fn new<'a>(symbols: impl Iterator<Item = (Local, &'a [u8])>) -> Self {
        let spelled = symbols.filter(|(_, bytes)| !bytes.is_empty());
        let mut sorted: Vec<(u32, Local)> = spelled.map(|(local, bytes)| (key(bytes), local)).collect();
        sorted.sort_unstable();
        Self(sorted)
    }

    /// The symbols that may agree with `owed`, which is not empty, each once: whatever agrees in its first bytes is among
    /// them.
    pub(super) fn near(&self, owed: &[u8], found: &mut Vec<Local>) {
        // Those that begin with it, or with as much of it as they are sorted by ...
        let shown = owed.len().min(KEY_BYTES);
        let low = key(owed);
        let high = low | u32::MAX.checked_shr(8 * shown as u32).unwrap_or(0);
        self.between(low, high, found);
        // ... and those that it begins with.
        for length in 1..owed.len().min(KEY_BYTES) {
            let short = key(&owed[..length]);
            if !(low..=high).contains(&short) && (length == 1 || short != key(&owed[..length - 1])) {
                self.between(short, short, found);
            }
        }
    }

    fn between(&self, low: u32, high: u32, found: &mut Vec<Local>) {
        let start = self.0.partition_point(|&(key, _)| key < low);
        let rest = self.0[start..].iter().take_while(|&&(key, _)| key <= high);
        found.extend(rest.map(|&(_, local)| local));
    }
}

/// The first bytes as a number, in the order of the bytes; missing ones are 0.
fn key(bytes: &[u8]) -> u32 {
    let mut key = [0; KEY_BYTES];
    let shown = bytes.len().min(KEY_BYTES);
    key[..shown].copy_from_slice(&bytes[..shown]);
    u32::from_be_bytes(key)
}

#[cfg(test)]
mod tests {
    use super::super::heal;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_agrees_is_found_and_nothing_twice(
            symbols in prop::collection::vec(prop::collection::vec(prop::sample::select(vec![0_u8, b'a', b'b', 255]), 0..7), 0..60),
            owed in prop::collection::vec(prop::sample::select(vec![0_u8, b'a', b'b', 255]), 1..8),
        ) {
            let spelled = Spelled::new((0..).zip(symbols.iter().map(Vec::as_slice)));
            let mut near = Vec::new();
            spelled.near(&owed, &mut near);
            near.sort_unstable();
            let agrees = |local: &Local| heal::after(&owed, &symbols[*local as usize]).is_some();
            let found: Vec<Local> = near.into_iter().filter(agrees).collect();
            let all: Vec<Local> = (0..symbols.len() as Local).filter(agrees).collect();
            prop_assert_eq!(found, all);
        }
    }
}

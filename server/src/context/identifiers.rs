//! The identifiers of a text, as hashes: what two files are compared by. Pure.

use std::hash::{BuildHasher, BuildHasherDefault};

use rustc_hash::{FxHashSet, FxHasher};

/// Shorter words say nothing about what a file is about; in bytes.
pub(super) const SHORTEST: usize = 3;
/// Identifiers of one text that count; the first ones.
const MOST: usize = 16 * 1024;

/// The hash of a name.
pub(super) fn hash(name: &str) -> u64 {
    BuildHasherDefault::<FxHasher>::default().hash_one(name)
}

/// The identifiers in `text`, as they come.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| word.len() >= SHORTEST && !word.starts_with(|c: char| c.is_ascii_digit()))
}

/// The hashes of the identifiers in `text`, each once, in order.
pub(super) fn identifiers(text: &str) -> Vec<u64> {
    let mut seen = FxHashSet::default();
    for word in words(text) {
        seen.insert(hash(word));
        if seen.len() == MOST {
            break;
        }
    }
    let mut hashes: Vec<u64> = seen.into_iter().collect();
    hashes.sort_unstable();
    hashes
}

/// Jaccard similarity from the number of shared identifiers, in [0, 1].
pub(super) fn jaccard(shared: usize, a: usize, b: usize) -> f32 {
    shared as f32 / (a + b - shared).max(1) as f32
}

/// How many hashes two ordered lists share.
pub(super) fn shared(a: &[u64], b: &[u64]) -> usize {
    let (mut i, mut j, mut shared) = (0, 0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        shared += usize::from(x == y);
        i += usize::from(x <= y);
        j += usize::from(y <= x);
    }
    shared
}

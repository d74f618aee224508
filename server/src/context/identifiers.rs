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

/// Hashes that many lists are compared with.
pub(super) struct Sought {
    hashes: FxHashSet<u64>,
    /// Of each hash its lowest bits, as a set: what is not in here need not be looked up.
    low: Box<[u64; LOW_BITS / 64]>,
}

/// Low bits that tell hashes apart well enough: a few hundred are sought, so most others are not in the set.
const LOW_BITS: usize = 1 << 13;

impl Sought {
    /// These hashes.
    pub(super) fn new(hashes: &[u64]) -> Self {
        let mut low = Box::new([0; LOW_BITS / 64]);
        for hash in hashes {
            let (word, bit) = low_bits(*hash);
            low[word] |= bit;
        }
        Self { hashes: hashes.iter().copied().collect(), low }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// How many of them are in a list that has each hash once.
    pub(super) fn shared(&self, list: &[u64]) -> usize {
        let near = list.iter().filter(|hash| {
            let (word, bit) = low_bits(**hash);
            self.low[word] & bit != 0
        });
        near.filter(|hash| self.hashes.contains(*hash)).count()
    }
}

fn low_bits(hash: u64) -> (usize, u64) {
    let low = hash as usize % LOW_BITS;
    (low / 64, 1 << (low % 64))
}

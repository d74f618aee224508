//! What code looks like everywhere: symbol n-grams counted by packages, one section a language.
//!
//! A table is a file of counts made by [`build`] from a corpus; [`Section`] reads it where it lies, without unpacking. A
//! forward trie of six levels; nothing that a file says is trusted beyond its bounds. Knows no request.
//!
//! Layout, little-endian. Head: [`MAGIC`], the vocabulary's fingerprint (8 bytes), the number of sections (u32). Per section:
//! its name (16 bytes, padded with zeros), the root's total and rest (a byte each, two zeros), and per level the number of
//! entries and of those with children (u32 each). Then, section by section and level by level:
//!
//! | field | size | meaning |
//! |---|---|---|
//! | symbols | 2 × entries | number in the [`Lexicon`](super::lexicon::Lexicon); the highest bit says whether it has children |
//! | counts | 1 × entries | packages, quarter octaves |
//! | ranks | 4 × ⌈entries / 64⌉ | how many entries before this block have children |
//! | starts | 4 × (parents + 1) | where each parent's children start in the next level |
//! | totals | 1 × parents | N + λT over all followers, the pruned ones too; quarter octaves |
//! | rests | 1 × parents | what the kept followers leave to shorter contexts, in 255ths |

mod build;
mod counts;
mod read;
#[cfg(test)]
mod tests;

pub use build::{Sources, build};
pub use counts::Counts;
pub(super) use read::{Node, ORDERS};
pub use read::{Section, Table};

/// A table's first bytes.
const MAGIC: &[u8; 8] = b"QSCOUNT1";
/// Bytes of a section's name.
const NAME_BYTES: usize = 16;
/// The bit of an entry that has children.
const PARENT: u16 = 1 << 15;
/// Entries per rank.
const BLOCK: usize = 64;

/// The section that speaks for a language, by its LSP name.
#[must_use]
pub fn section_of(language: &str) -> &str {
    match language {
        "javascript" | "javascriptreact" | "typescriptreact" => "typescript",
        "c" => "cpp",
        other => other,
    }
}

/// A number in quarter octaves.
fn code(value: f32) -> u8 {
    (4.0 * value.max(1.0).log2()).round().min(255.0) as u8
}

/// The number that a code stands for.
fn value(code: u8) -> f32 {
    (f32::from(code) / 4.0).exp2()
}

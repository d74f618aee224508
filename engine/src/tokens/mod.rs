//! Text ↔ token ids. A user's text is data: it is never parsed for special tokens.
//!
//! | file | owns |
//! |---|---|
//! | [`tokenizer`] | loading, checking, encoding |
//! | [`folder`] | a model folder's tokenizer, of one file or several |
//! | `pieces` | the split before the merges |
//! | `alphabet` | byte-level BPE's printable bytes |
//! | `memory` | texts tokenised a moment ago |
//! | [`detokenize`] | ids → text, never half a character |
//! | [`fit`] | a request's texts fitted to a budget, laid out for the network |
//!
//! Nothing here knows networks, requests or the prior.

mod alphabet;
pub mod detokenize;
pub mod fit;
pub mod folder;
mod memory;
mod pieces;
pub mod tokenizer;

#[cfg(test)]
pub(crate) mod sample;

pub use tokenizer::Tokenizer;

/// An index into a tokenizer's vocabulary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct TokenId(pub u32);

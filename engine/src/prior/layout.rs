//! Symbols written as tokens again: steps become indentation, first words get the blank that their token carries.
//!
//! Knows the symbols, no probabilities.

use super::{
    Vocabulary, heal,
    symbols::{self, Local, Symbol, Symbols},
};
use crate::tokens::TokenId;
use rustc_hash::FxHashMap;

/// Writes lines for one hole.
pub(super) struct Layout<'a, V> {
    symbols: &'a Symbols,
    vocabulary: &'a V,
    /// Bytes spelled before, which is a search of the whole vocabulary.
    spelled: FxHashMap<Vec<u8>, Vec<TokenId>>,
}

impl<'a, V: Vocabulary> Layout<'a, V> {
    pub(super) fn new(symbols: &'a Symbols, vocabulary: &'a V) -> Self {
        Self { symbols, vocabulary, spelled: FxHashMap::default() }
    }

    /// The tokens of symbols. With a `lead` they begin a line, after these blanks, which are still to be written; `indent`
    /// are the columns of the last line with text.
    pub(super) fn write(&mut self, line: &[Local], lead: Option<&[u8]>, mut indent: usize) -> Vec<TokenId> {
        let mut tokens = Vec::with_capacity(line.len() + 1);
        let mut first = lead.is_some();
        let mut lead = lead.unwrap_or_default().to_vec();
        for &local in line {
            match self.symbols.get(local) {
                Symbol::Border => {}
                Symbol::Step(columns) => {
                    indent = indent.saturating_add_signed(*columns as isize);
                    lead = symbols::blanks(indent, self.symbols.indents_by_tabs());
                }
                Symbol::Token(token) => {
                    self.spell(&std::mem::take(&mut lead), &mut tokens);
                    tokens.push(*token);
                }
                Symbol::Word { bytes, flush, spaced } => {
                    // Within a line a word has its blank; a line's first takes it from the indentation, if there is one.
                    if !first {
                        lead.push(b' ');
                    }
                    let blank = lead.last() == Some(&b' ');
                    match if blank { spaced } else { flush } {
                        Some(token) => {
                            lead.truncate(lead.len() - usize::from(blank));
                            self.spell(&lead, &mut tokens);
                            tokens.push(*token);
                        }
                        None => {
                            let word = lead.split_off(lead.len() - usize::from(blank));
                            self.spell(&lead, &mut tokens);
                            self.spell(&[&word[..], bytes].concat(), &mut tokens);
                        }
                    }
                    lead.clear();
                }
            }
            first = matches!(self.symbols.get(local), Symbol::Step(_));
        }
        self.spell(&lead, &mut tokens);
        tokens
    }

    fn spell(&mut self, bytes: &[u8], tokens: &mut Vec<TokenId>) {
        if bytes.is_empty() {
        } else if let Some(token) = self.symbols.blank_token(bytes) {
            tokens.push(token);
        } else if let Some(known) = self.spelled.get(bytes) {
            tokens.extend(known);
        } else {
            let new = heal::spell(bytes, self.vocabulary);
            tokens.extend(&new);
            self.spelled.insert(bytes.to_vec(), new);
        }
    }
}

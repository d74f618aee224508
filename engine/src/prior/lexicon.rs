//! All symbols that a vocabulary can make, numbered once and for all requests.
//!
//! Without one, a request's symbols are numbered as they are met; with one, those of the vocabulary have the same number
//! in every request, so that counts made elsewhere ([`super::table`]) can speak of them. Knows no text and no counts.

use super::{
    Vocabulary,
    spelled::Spelled,
    symbols::{BORDER, Local, Symbol, bytes},
};
use crate::tokens::TokenId;
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};

/// The most symbols that may be numbered beforehand: the request's own need room too.
const MAX_SYMBOLS: usize = 1 << 15;
/// Numbers that stand for any step of indentation to the left, to nowhere, to the right; in counts only.
const STEPS: [Local; 3] = [1, 2, 3];

/// The symbols of a vocabulary.
#[derive(Debug)]
pub struct Lexicon {
    /// By number; borders for the first four.
    pub(super) symbols: Vec<Symbol>,
    pub(super) breaks: Vec<bool>,
    /// By token: its symbol within a line; [`BORDER`] for tokens that are no text.
    within: Vec<Local>,
    words: FxHashMap<Box<[u8]>, Local>,
    /// By their bytes within a line, and as a line's first.
    spelled: [Spelled; 2],
    /// SHA-256's first bytes over all tokens' lengths and bytes: files hold it.
    fingerprint: [u8; 8],
}

impl Lexicon {
    /// Numbers a vocabulary's symbols, by token; `None` if it has too many of them.
    #[must_use]
    pub fn new(vocabulary: &impl Vocabulary) -> Option<Self> {
        let mut lexicon = Self {
            symbols: vec![Symbol::Border; 1 + STEPS.len()],
            breaks: vec![true; 1 + STEPS.len()],
            within: Vec::new(),
            words: FxHashMap::default(),
            spelled: Default::default(),
            fingerprint: [0; 8],
        };
        let mut hasher = Sha256::new();
        for id in 0..vocabulary.size() {
            let token = TokenId(id as u32);
            let bytes = vocabulary.bytes(token);
            hasher.update((bytes.len() as u32).to_le_bytes());
            hasher.update(bytes);
            let word = bytes.trim_ascii_start();
            let local = match bytes {
                [] => BORDER,
                [b' ', rest @ ..] if rest.len() == word.len() && !word.is_empty() => {
                    lexicon.word(word, Some(token), true)
                }
                _ => {
                    let local = lexicon.add(Symbol::Token(token), bytes.contains(&b'\n'));
                    if word.len() == bytes.len() && !bytes.contains(&b'\n') {
                        lexicon.word(word, Some(token), false);
                    }
                    local
                }
            };
            lexicon.within.push(local);
            if lexicon.symbols.len() > MAX_SYMBOLS {
                return None;
            }
        }
        lexicon.fingerprint.copy_from_slice(&hasher.finalize()[..8]);
        lexicon.spelled = [false, true].map(|first| {
            let numbered = (0..).zip(&lexicon.symbols);
            Spelled::new(numbered.map(|(local, symbol)| (local, bytes(symbol, first, vocabulary))))
        });
        Some(lexicon)
    }

    /// Tells one vocabulary from another.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 8] {
        self.fingerprint
    }

    /// How many numbers are taken.
    #[must_use]
    pub fn len(&self) -> usize {
        self.symbols.len()
    }

    /// Whether there are none; there always are some.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.symbols.is_empty()
    }

    /// The symbol of a token within a line.
    pub(super) fn within(&self, token: TokenId) -> Option<Local> {
        self.within.get(token.0 as usize).copied().filter(|&local| local != BORDER)
    }

    /// The symbols that may agree with `owed`; all that do are among them.
    pub(super) fn near(&self, owed: &[u8], first: bool, found: &mut Vec<Local>) {
        self.spelled[usize::from(first)].near(owed, found);
    }

    /// The symbol of a word.
    pub(super) fn known_word(&self, word: &[u8]) -> Option<Local> {
        self.words.get(word).copied()
    }

    fn word(&mut self, word: &[u8], token: Option<TokenId>, is_spaced: bool) -> Local {
        let local = match self.words.get(word) {
            Some(&local) => local,
            None => {
                let local = self.add(Symbol::Word { bytes: word.into(), flush: None, spaced: None }, false);
                self.words.insert(word.into(), local);
                local
            }
        };
        if let Some(Symbol::Word { flush, spaced, .. }) = self.symbols.get_mut(local as usize) {
            *(if is_spaced { spaced } else { flush }) = token;
        }
        local
    }

    fn add(&mut self, symbol: Symbol, breaks: bool) -> Local {
        self.symbols.push(symbol);
        self.breaks.push(breaks);
        (self.symbols.len() - 1) as Local
    }
}

/// The number that a step of so many columns has in counts.
pub(super) fn step(columns: i32) -> Local {
    STEPS[(columns.signum() + 1) as usize]
}

/// Whether a number stands for steps.
pub(super) fn is_step(local: Local) -> bool {
    STEPS.contains(&local)
}

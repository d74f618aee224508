//! Tokens read as symbols, so that the same code matches at any depth of indentation.
//!
//! Indentation becomes a *step*: how far a line's first word stands from that of the last line with text. A word after a
//! blank and a line's first word, whether or not its token carries a blank, are one symbol. Everything else is a symbol
//! per token. Knows no index.

use super::{
    Vocabulary, heal,
    lexicon::{self, Lexicon},
};
use crate::tokens::TokenId;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// A symbol's number within one request: dense, so that tables over it are small.
pub(super) type Local = u16;

/// Stands between texts, where a file begins or ends.
pub(super) const BORDER: Local = 0;
/// No symbol of this request; also stands before the suffix, whose beginning is no file's beginning.
pub(super) const UNKNOWN: Local = Local::MAX;

/// Columns of a tab: only ever compared with itself.
const TAB_COLUMNS: usize = 4;

/// Whether a local is no symbol.
pub(super) fn is_border(local: Local) -> bool {
    local == BORDER || local == UNKNOWN
}

/// What a local stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Symbol {
    /// A border.
    Border,
    /// A token within a line that does not begin with a blank, or one that ends a line.
    Token(TokenId),
    /// A word after a blank, or a line's first; the bytes are without the blank.
    Word {
        bytes: Box<[u8]>,
        /// The token that is just these bytes.
        flush: Option<TokenId>,
        /// The token with one blank before them.
        spaced: Option<TokenId>,
    },
    /// Indentation, in columns more than the line before.
    Step(i32),
}

/// The symbols of one request.
pub(super) struct Symbols {
    /// Those numbered beforehand; the request's own come after them.
    lexicon: Option<Arc<Lexicon>>,
    /// Number of the first of [`Self::symbols`].
    first: usize,
    symbols: Vec<Symbol>,
    breaks: Vec<bool>,
    tokens: FxHashMap<TokenId, Local>,
    words: FxHashMap<Box<[u8]>, Local>,
    steps: FxHashMap<i32, Local>,
    /// Tokens of nothing but blanks, by their bytes.
    blanks: FxHashMap<Box<[u8]>, TokenId>,
    /// Lines indented by tabs, less those indented by blanks.
    tabs: i32,
}

/// Where reading stands in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reader {
    /// Columns of the last line with text.
    pub(super) indent: usize,
    /// Columns so far, if no word of this line was read yet.
    pub(super) fresh: Option<usize>,
}

impl Reader {
    /// Where a file begins.
    pub(super) const START: Self = Self { indent: 0, fresh: Some(0) };
}

impl Symbols {
    pub(super) fn new(lexicon: Option<Arc<Lexicon>>) -> Self {
        let first = lexicon.as_ref().map_or(0, |lexicon| lexicon.len());
        let own = usize::from(first == 0);
        Self {
            lexicon,
            first,
            symbols: vec![Symbol::Border; own],
            breaks: vec![true; own],
            tokens: FxHashMap::default(),
            words: FxHashMap::default(),
            steps: FxHashMap::default(),
            blanks: FxHashMap::default(),
            tabs: 0,
        }
    }

    /// Number of symbols, the border included.
    pub(super) fn len(&self) -> usize {
        self.first + self.symbols.len()
    }

    /// What a local stands for; a border if it is none.
    pub(super) fn get(&self, local: Local) -> &Symbol {
        let found = match (&self.lexicon, (local as usize).checked_sub(self.first)) {
            (Some(lexicon), None) => lexicon.symbols.get(local as usize),
            (_, own) => own.and_then(|own| self.symbols.get(own)),
        };
        found.unwrap_or(&Symbol::Border)
    }

    /// Whether a symbol ends a line; a border does.
    pub(super) fn breaks(&self, local: Local) -> bool {
        let found = match (&self.lexicon, (local as usize).checked_sub(self.first)) {
            (Some(lexicon), None) => lexicon.breaks.get(local as usize),
            (_, own) => own.and_then(|own| self.breaks.get(own)),
        };
        found.copied().unwrap_or(false)
    }

    /// A symbol's number in counts made elsewhere, if it has one.
    pub(super) fn shared(&self, local: Local) -> Option<Local> {
        if is_border(local) || self.lexicon.is_none() {
            None
        } else if (local as usize) < self.first {
            Some(local)
        } else if let Symbol::Step(columns) = self.get(local) {
            Some(lexicon::step(*columns))
        } else {
            None
        }
    }

    /// Whether every text can be spelled in symbols that are known already.
    pub(super) fn spells_all(&self) -> bool {
        self.lexicon.is_some()
    }

    /// A symbol's bytes where it stands, as the first of its line or not; none for what cannot stand there, for steps and
    /// for borders.
    pub(super) fn bytes<'a>(
        &'a self,
        local: Local,
        first: bool,
        vocabulary: &'a impl Vocabulary,
    ) -> &'a [u8] {
        bytes(self.get(local), first, vocabulary)
    }

    /// The symbols that agree with `owed`, which is not empty, where a line's first is wanted or not; ascending.
    pub(super) fn agreeing(&self, owed: &[u8], first: bool, vocabulary: &impl Vocabulary) -> Vec<Local> {
        let mut found = Vec::new();
        if let Some(lexicon) = &self.lexicon {
            lexicon.near(owed, first, &mut found);
            found.sort_unstable();
        }
        found.extend(self.first as Local..self.len() as Local);
        found.retain(|&local| heal::after(owed, self.bytes(local, first, vocabulary)).is_some());
        found
    }

    /// Whether what follows a symbol is the first of its line.
    pub(super) fn is_step(&self, local: Local) -> bool {
        matches!(self.get(local), Symbol::Step(_))
    }

    /// Whether this text is spaced by tabs.
    pub(super) fn indents_by_tabs(&self) -> bool {
        self.tabs > 0
    }

    /// The token of these blanks, if it was seen.
    pub(super) fn blank_token(&self, blanks: &[u8]) -> Option<TokenId> {
        self.blanks.get(blanks).copied()
    }

    /// Reads tokens on from where `reader` stands; each symbol goes to `row`.
    pub(super) fn read(
        &mut self,
        tokens: &[TokenId],
        reader: &mut Reader,
        vocabulary: &impl Vocabulary,
        row: &mut Vec<Local>,
    ) {
        for &token in tokens {
            let bytes = vocabulary.bytes(token);
            if let Some(at) = bytes.iter().rposition(|&byte| byte == b'\n') {
                row.push(self.token(token, bytes));
                reader.fresh = Some(columns(&bytes[at + 1..]));
                continue;
            }
            let Some(fresh) = reader.fresh else {
                row.push(self.token(token, bytes));
                continue;
            };
            let word = bytes.trim_ascii_start();
            let (blanks, _) = bytes.split_at(bytes.len() - word.len());
            let fresh = fresh + columns(blanks);
            if word.is_empty() {
                if !blanks.is_empty() {
                    self.tabs += if blanks[0] == b'\t' { 1 } else { -1 };
                    self.blanks.entry(blanks.into()).or_insert(token);
                }
                reader.fresh = Some(fresh);
                continue;
            }
            row.push(self.step(fresh as i32 - reader.indent as i32));
            row.push(self.word(word, blanks, token));
            *reader = Reader { indent: fresh, fresh: None };
        }
    }

    /// The symbol of a token within a line, or of one that ends it.
    pub(super) fn token(&mut self, token: TokenId, bytes: &[u8]) -> Local {
        if let Some(known) = self.lexicon.as_ref().and_then(|lexicon| lexicon.within(token)) {
            return known;
        }
        if let Some(&known) = self.tokens.get(&token) {
            return known;
        }
        let breaks = bytes.contains(&b'\n');
        let local = match bytes {
            [b' ', word @ ..] if !breaks && word.first().is_some_and(|byte| !byte.is_ascii_whitespace()) => {
                self.word(word, b" ", token)
            }
            _ => self.add(Symbol::Token(token), breaks),
        };
        self.tokens.insert(token, local);
        local
    }

    /// The symbol of a step of indentation.
    pub(super) fn step(&mut self, columns: i32) -> Local {
        if let Some(&known) = self.steps.get(&columns) {
            return known;
        }
        let local = self.add(Symbol::Step(columns), false);
        self.steps.insert(columns, local);
        local
    }

    /// The symbol of a word, seen as `token` with `blanks` before it.
    pub(super) fn word(&mut self, word: &[u8], blanks: &[u8], token: TokenId) -> Local {
        if let Some(known) = self.lexicon.as_ref().and_then(|lexicon| lexicon.known_word(word)) {
            return known;
        }
        let local = match self.words.get(word) {
            Some(&local) => local,
            None => {
                let local = self.add(Symbol::Word { bytes: word.into(), flush: None, spaced: None }, false);
                self.words.insert(word.into(), local);
                local
            }
        };
        if let Some(Symbol::Word { flush, spaced, .. }) = self.symbols.get_mut(local as usize - self.first) {
            match blanks {
                [] => *flush = Some(token),
                [b' '] => *spaced = Some(token),
                _ => {}
            }
        }
        local
    }

    fn add(&mut self, symbol: Symbol, breaks: bool) -> Local {
        self.symbols.push(symbol);
        self.breaks.push(breaks);
        (self.len() - 1) as Local
    }
}

/// A symbol's bytes where it stands: see [`Symbols::bytes`].
pub(super) fn bytes<'a>(symbol: &'a Symbol, first: bool, vocabulary: &'a impl Vocabulary) -> &'a [u8] {
    match symbol {
        Symbol::Token(token) if !first => vocabulary.bytes(*token),
        Symbol::Word { bytes, .. } if first => bytes,
        Symbol::Word { spaced: Some(token), .. } if !first => vocabulary.bytes(*token),
        _ => &[],
    }
}

/// How wide blanks are.
pub(super) fn columns(blanks: &[u8]) -> usize {
    blanks.iter().map(|&byte| if byte == b'\t' { TAB_COLUMNS } else { 1 }).sum()
}

/// The blanks that are so wide.
pub(super) fn blanks(columns: usize, tabs: bool) -> Vec<u8> {
    if tabs { vec![b'\t'; columns / TAB_COLUMNS] } else { vec![b' '; columns] }
}

#[cfg(test)]
mod tests {
    use super::super::toy::Toy;
    use super::*;

    /// A text's symbols, readable: `+4` for a step, `^word` for a word.
    fn read(text: &str) -> String {
        let toy = Toy::of(&[text]);
        let mut symbols = Symbols::new(None);
        let mut row = Vec::new();
        let mut reader = Reader::START;
        symbols.read(&toy.encode(text), &mut reader, &toy, &mut row);
        let shown = row.into_iter().map(|local| match symbols.get(local) {
            Symbol::Step(columns) => format!("{columns:+}"),
            Symbol::Word { bytes, .. } => format!("^{}", String::from_utf8_lossy(bytes)),
            _ => String::from_utf8_lossy(symbols.bytes(local, false, &toy)).replace('\n', "⏎"),
        });
        shown.collect::<Vec<_>>().join("|")
    }

    #[test]
    fn indentation_is_read_as_steps() {
        assert_eq!(read("if a:\n    b\n    c\n\n  \nd"), "+0|^if|^a|:|⏎|+4|^b|⏎|+0|^c|⏎|⏎|⏎|-4|^d");
    }

    #[test]
    fn the_same_block_reads_the_same_at_any_depth() {
        let flat = read("x\nif a {\n    b\n}\n");
        let deep = read("x\n        if a {\n            b\n        }\n");
        assert_eq!(flat.replacen("+0|^if", "+8|^if", 1), deep);
    }
}

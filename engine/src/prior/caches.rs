//! The request's text as one indexed row of symbols: other files, suffix, prefix, never joined across a border.
//!
//! Every place of the row is sorted by what stands to its *left*, nearest token first, so that the places which
//! match the last `d` tokens of a context are one contiguous range for every `d` at once (a suffix array of the
//! reversed text, cut at [`MAX_DEPTH`]). Knows nothing of probabilities.

use super::{
    Extent, Hole, Vocabulary, heal,
    symbols::{self, BORDER, Local, Reader, Symbols, UNKNOWN, is_border},
};
use crate::tokens::TokenId;
use std::sync::Arc;

/// The most tokens of context by which places are told apart.
pub(super) const MAX_DEPTH: usize = 40;
/// The most tokens indexed, of which a line's first gives two symbols; beyond it the farthest are left out. Keeps
/// [`Local`] from overflowing.
const MAX_INDEXED: usize = 32_000;
/// Symbols kept around the hole for matching: enough for the longest match that counts.
const BEFORE: usize = 65;
/// Symbols packed into one sort key.
const PACKED: usize = 4;

/// The indexed text of one request.
pub(super) struct Caches {
    /// Locals, with borders between the texts and [`PACKED`] + 1 borders in front.
    pub(super) text: Vec<Local>,
    /// Places sorted by left context: first by the token before, then by the one before that, and so on.
    pub(super) order: Vec<u32>,
    /// What stands at them: in the order of `order`.
    pub(super) followers: Vec<Local>,
    /// `buckets[l]..buckets[l + 1]` are the places in `order` which have `l` before them.
    buckets: Vec<u32>,
    /// Where this file's own text begins (suffix first, then prefix); before it are the other files.
    pub(super) file_start: u32,
    /// For each place, the first place at or after it that ends a line or a text.
    pub(super) line_end: Vec<u32>,
    pub(super) symbols: Symbols,
    /// The text before the hole, its file's beginning included if it is near; nearest last.
    pub(super) before: Vec<Local>,
    /// The text after the hole, from the symbol that ends the hole's line on.
    pub(super) after: Vec<Local>,
    /// Where the hole begins.
    pub(super) reader: Reader,
}

impl Caches {
    /// Indexes the text of a hole; about 50 ns a token.
    pub(super) fn new(hole: &Hole<'_>, vocabulary: &impl Vocabulary) -> Self {
        let prefix = &hole.prefix[hole.prefix.len().saturating_sub(MAX_INDEXED / 2)..];
        let suffix = &hole.suffix[..hole.suffix.len().min(MAX_INDEXED / 4)];
        let mut room = MAX_INDEXED - prefix.len() - suffix.len();
        let mut files: Vec<&[TokenId]> = Vec::with_capacity(hole.files.len());
        for file in hole.files {
            let taken = &file[..file.len().min(room)];
            room -= taken.len();
            if !taken.is_empty() {
                files.push(taken);
            }
        }

        let mut caches = Self {
            text: vec![BORDER; PACKED + 1],
            order: Vec::new(),
            followers: Vec::new(),
            buckets: Vec::new(),
            file_start: 0,
            line_end: Vec::new(),
            symbols: Symbols::new(hole.common.map(|common| Arc::clone(common.lexicon))),
            before: Vec::new(),
            after: Vec::new(),
            reader: Reader::START,
        };
        // The nearest text last: of equal places the later one is preferred.
        for file in files.into_iter().rev() {
            caches.push(file, Reader::START, vocabulary);
        }
        caches.file_start = caches.text.len() as u32;
        let mut row = Vec::with_capacity(prefix.len());
        caches.symbols.read(prefix, &mut caches.reader, vocabulary, &mut row);
        caches.before.push(BORDER);
        caches.before.extend(&row);
        caches.before.drain(..caches.before.len().saturating_sub(BEFORE));
        caches.before_hole(hole);

        caches.text.push(UNKNOWN);
        let after = caches.text.len();
        caches.push(suffix, Reader { indent: caches.reader.indent, fresh: None }, vocabulary);
        caches.after.extend(caches.text[after..caches.text.len() - 1].iter().take(BEFORE));
        if caches.after.is_empty() {
            caches.after.push(caches.symbols.token(vocabulary.newline(), b"\n"));
        }
        caches.text.append(&mut row);
        caches.text.push(BORDER);
        caches.know_how_to_spell(hole.heal, vocabulary);
        caches.find_line_ends();
        caches.sort();
        caches
    }

    fn push(&mut self, tokens: &[TokenId], mut reader: Reader, vocabulary: &impl Vocabulary) {
        self.symbols.read(tokens, &mut reader, vocabulary, &mut self.text);
        self.text.push(BORDER);
    }

    /// Adds the hole's own indentation to the text before it, where it is known.
    fn before_hole(&mut self, hole: &Hole<'_>) {
        let Some(fresh) = self.reader.fresh else { return };
        let word = hole.heal.trim_ascii_start();
        let columns = fresh + symbols::columns(&hole.heal[..hole.heal.len() - word.len()]);
        if columns > 0 || !hole.heal.is_empty() || hole.extent == Extent::Line {
            let step = self.symbols.step(columns as i32 - self.reader.indent as i32);
            self.before.push(step);
            self.reader = Reader { indent: columns, fresh: Some(fresh) };
        }
    }

    /// A line for the hole as symbols, new ones among them; indentation that stands before the hole already is left out.
    pub(super) fn read_line(&mut self, tokens: &[TokenId], vocabulary: &impl Vocabulary) -> Vec<Local> {
        let mut row = Vec::with_capacity(tokens.len() + 1);
        let mut reader = self.reader;
        self.symbols.read(tokens, &mut reader, vocabulary, &mut row);
        let steps = |local: Option<&Local>| local.is_some_and(|&local| self.symbols.is_step(local));
        if steps(self.before.last()) && steps(row.first()) {
            row.remove(0);
        }
        row
    }

    /// The end of a line as symbols, new ones among them.
    pub(super) fn read_tail(&mut self, tokens: &[TokenId], vocabulary: &impl Vocabulary) -> Vec<Local> {
        let mut row = Vec::with_capacity(tokens.len());
        let mut reader = Reader { indent: self.reader.indent, fresh: None };
        self.symbols.read(tokens, &mut reader, vocabulary, &mut row);
        row
    }

    /// Makes symbols for the bytes to heal, if none of the text begins with them.
    fn know_how_to_spell(&mut self, heal: &[u8], vocabulary: &impl Vocabulary) {
        if self.symbols.spells_all() {
            return;
        }
        let fresh = self.reader.fresh.is_some();
        let owed = if fresh { heal.trim_ascii_start() } else { heal };
        let known = (1..self.symbols.len() as Local)
            .any(|local| self.symbols.bytes(local, fresh, vocabulary).starts_with(owed));
        if owed.is_empty() || known {
            return;
        }
        for (at, token) in heal::spell(owed, vocabulary).into_iter().enumerate() {
            let bytes = vocabulary.bytes(token);
            if at == 0 && fresh {
                self.symbols.word(bytes, &[], token);
            } else {
                self.symbols.token(token, bytes);
            }
        }
    }

    fn find_line_ends(&mut self) {
        self.line_end = vec![0; self.text.len()];
        let mut end = self.text.len().saturating_sub(1);
        for place in (0..self.text.len()).rev() {
            if self.symbols.breaks(self.text[place]) {
                end = place;
            }
            self.line_end[place] = end as u32;
        }
    }

    fn sort(&mut self) {
        // Counting sort by the token before, then each bucket by the next PACKED tokens, then equal ones by the rest.
        let followers = |place: &usize| !is_border(self.text[*place]) && self.text[*place - 1] != UNKNOWN;
        let places: Vec<usize> = (PACKED + 1..self.text.len()).filter(followers).collect();
        let mut counts = vec![0u32; self.symbols.len() + 1];
        for &place in &places {
            counts[self.text[place - 1] as usize + 1] += 1;
        }
        for local in 1..counts.len() {
            counts[local] += counts[local - 1];
        }
        self.buckets = counts.clone();
        let mut keyed = vec![(0u64, 0u32); counts.last().map_or(0, |&n| n as usize)];
        for place in places {
            let slot = &mut counts[self.text[place - 1] as usize];
            keyed[*slot as usize] = (self.key(place), place as u32);
            *slot += 1;
        }
        for window in self.buckets.windows(2) {
            let bucket = &mut keyed[window[0] as usize..window[1] as usize];
            bucket.sort_unstable();
            for equal in bucket.chunk_by_mut(|a, b| a.0 == b.0) {
                // A border in the key means that nothing farther can match.
                if equal.len() > 1 && equal[0].0 & u64::from(Local::MAX) != 0 {
                    equal.sort_unstable_by(|a, b| {
                        self.farther(a.1).cmp(self.farther(b.1)).then(a.1.cmp(&b.1))
                    });
                }
            }
        }
        self.order = keyed.into_iter().map(|(_, place)| place).collect();
        self.followers = self.order.iter().map(|&place| self.text[place as usize]).collect();
    }

    /// The tokens at distance 2 to PACKED + 1 before a place, nearest highest; 0 from the first border on.
    fn key(&self, place: usize) -> u64 {
        let mut key = 0;
        let mut open = !is_border(self.text[place - 1]);
        for distance in 2..=PACKED + 1 {
            let local = if open { self.text[place - distance] } else { BORDER };
            open &= !is_border(local);
            key = key << Local::BITS | u64::from(local);
        }
        key
    }

    /// The tokens before the packed ones, nearest first, up to [`MAX_DEPTH`] or a border, that included.
    fn farther(&self, place: u32) -> impl Iterator<Item = Local> {
        let end = place as usize - PACKED - 1;
        let start = (place as usize).saturating_sub(MAX_DEPTH);
        let mut open = true;
        self.text[start..end]
            .iter()
            .rev()
            .copied()
            .take_while(move |&local| std::mem::replace(&mut open, !is_border(local)))
    }

    /// The places with this token before them, as a range of `order`; after [`BORDER`]: where files begin.
    pub(super) fn after(&self, local: Local) -> std::ops::Range<u32> {
        match self.buckets.get(local as usize..local as usize + 2) {
            Some(&[start, end]) => start..end,
            _ => 0..0,
        }
    }

    /// What stands before the hole on its line, the step of indentation included.
    pub(super) fn line_before(&self) -> &[Local] {
        &self.before[self.line_start()..]
    }

    /// The line before the hole's.
    pub(super) fn previous_line(&self) -> &[Local] {
        let end = self.line_start().saturating_sub(1);
        let breaks = |&local: &Local| self.symbols.breaks(local);
        let start = self.before[..end].iter().rposition(breaks).map_or(0, |at| at + 1);
        &self.before[start..end]
    }

    fn line_start(&self) -> usize {
        self.before.iter().rposition(|&local| self.symbols.breaks(local)).map_or(0, |at| at + 1)
    }

    /// Whether a place belongs to the file of the hole.
    pub(super) fn in_file(&self, place: u32) -> bool {
        place >= self.file_start
    }
}

//! Reading a table where it lies.

use super::{BLOCK, MAGIC, NAME_BYTES, PARENT, section_of, value};
use crate::prior::{lexicon::Lexicon, symbols::Local};
use std::{borrow::Cow, ops::Range};

/// Symbols in the longest n-gram.
pub(in crate::prior) const ORDERS: usize = 6;
/// Bytes of a level in a section's head.
const LEVEL_BYTES: usize = 8;
/// Bytes of a section's head.
const SECTION_BYTES: usize = NAME_BYTES + 4 + ORDERS * LEVEL_BYTES;

/// A table's bytes, and where its sections lie in them.
#[derive(Clone, Debug)]
pub struct Table {
    bytes: Cow<'static, [u8]>,
    sections: Vec<(String, Vec<usize>)>,
}

/// The counts of one language.
#[derive(Clone, Copy, Debug)]
pub struct Section<'a> {
    levels: [Level<'a>; ORDERS],
    root: (u8, u8),
}

#[derive(Clone, Copy, Debug, Default)]
struct Level<'a> {
    symbols: &'a [u8],
    counts: &'a [u8],
    ranks: &'a [u8],
    starts: &'a [u8],
    totals: &'a [u8],
    rests: &'a [u8],
}

/// A context that has followers.
#[derive(Clone, Debug)]
pub(in crate::prior) struct Node {
    level: usize,
    children: Range<usize>,
    /// Weight of one package.
    pub(in crate::prior) weight: f32,
    /// What is left for shorter contexts.
    pub(in crate::prior) rest: f32,
}

impl Node {
    /// How many symbols follow it.
    pub(in crate::prior) fn followers(&self) -> usize {
        self.children.len()
    }
}

impl Table {
    /// Takes a table's bytes.
    ///
    /// # Errors
    /// What is wrong with them, or that they are for another vocabulary.
    pub fn new(bytes: impl Into<Cow<'static, [u8]>>, lexicon: &Lexicon) -> Result<Self, String> {
        let bytes = bytes.into();
        let head = bytes.get(..20).filter(|head| head.starts_with(MAGIC)).ok_or("is no table of counts")?;
        if head[8..16] != lexicon.fingerprint() {
            return Err("was counted with another tokenizer; count it anew".to_owned());
        }
        let sections = u32_at(&bytes[16..], 0) as usize;
        let mut at = 20 + sections.saturating_mul(SECTION_BYTES);
        let mut found = Vec::new();
        for section in 0..sections {
            let start = 20 + section * SECTION_BYTES;
            let head = bytes.get(start..start + SECTION_BYTES).ok_or("ends in its head")?;
            let name = String::from_utf8_lossy(&head[..NAME_BYTES]).trim_end_matches('\0').to_owned();
            let mut bounds = vec![start + NAME_BYTES];
            for level in 0..ORDERS {
                let sizes = &head[NAME_BYTES + 4 + level * LEVEL_BYTES..];
                let (entries, parents) = (u32_at(sizes, 0) as usize, u32_at(sizes, 1) as usize);
                for size in
                    [2 * entries, entries, 4 * entries.div_ceil(BLOCK), 4 * (parents + 1), parents, parents]
                {
                    bounds.push(at);
                    at = at.checked_add(size).ok_or("has impossible sizes")?;
                }
            }
            bounds.push(at);
            found.push((name, bounds));
        }
        if at != bytes.len() {
            return Err(format!("has {} bytes where its head tells of {at}", bytes.len()));
        }
        Ok(Self { bytes, sections: found })
    }

    /// The section for a language, by its LSP name.
    #[must_use]
    pub fn section(&self, language: &str) -> Option<Section<'_>> {
        let (_, bounds) = self.sections.iter().find(|(name, _)| name == section_of(language))?;
        let bytes = |at: usize| self.bytes.get(*bounds.get(at)?..*bounds.get(at + 1)?);
        let mut levels = [Level::default(); ORDERS];
        for (at, level) in levels.iter_mut().enumerate() {
            let first = 1 + 6 * at;
            *level = Level {
                symbols: bytes(first)?,
                counts: bytes(first + 1)?,
                ranks: bytes(first + 2)?,
                starts: bytes(first + 3)?,
                totals: bytes(first + 4)?,
                rests: bytes(first + 5)?,
            };
        }
        let root = self.bytes.get(bounds[0]..bounds[0] + 2)?;
        Some(Section { levels, root: (root[0], root[1]) })
    }
}

impl Section<'_> {
    /// The empty context.
    pub(in crate::prior) fn root(&self) -> Node {
        let (total, rest) = self.root;
        self.node(0, 0..self.levels[0].counts.len(), total, rest)
    }

    fn node(&self, level: usize, children: Range<usize>, total: u8, rest: u8) -> Node {
        Node { level, children, weight: 1.0 / value(total), rest: f32::from(rest) / 255.0 }
    }

    /// The context that goes on from another with a symbol, if it has followers.
    pub(in crate::prior) fn after(&self, node: &Node, symbol: Local) -> Option<Node> {
        let level = self.levels.get(node.level)?;
        let next = self.levels.get(node.level + 1)?;
        let entry = level.find(&node.children, symbol)?;
        let parent = level.parent(entry)?;
        let (start, end) = (level.start(parent)?, level.start(parent + 1)?);
        let end = end.min(next.counts.len());
        let (&total, &rest) = (level.totals.get(parent)?, level.rests.get(parent)?);
        (start < end).then(|| self.node(node.level + 1, start..end, total, rest))
    }

    /// How many packages have a symbol after a context; 0 if it was pruned.
    pub(in crate::prior) fn count(&self, node: &Node, symbol: Local) -> f32 {
        let Some(level) = self.levels.get(node.level) else { return 0.0 };
        let entry = level.find(&node.children, symbol);
        entry.and_then(|entry| level.counts.get(entry)).map_or(0.0, |&code| value(code))
    }

    /// What follows a context, with its packages.
    pub(in crate::prior) fn followers(&self, node: &Node) -> impl Iterator<Item = (Local, f32)> {
        let level = self.levels.get(node.level).copied().unwrap_or_default();
        node.children
            .clone()
            .map_while(move |entry| Some((level.entry(entry)? & !PARENT, value(*level.counts.get(entry)?))))
    }
}

impl Level<'_> {
    fn entry(&self, at: usize) -> Option<u16> {
        Some(u16::from_le_bytes(self.symbols.get(2 * at..2 * at + 2)?.try_into().ok()?))
    }

    fn find(&self, children: &Range<usize>, symbol: Local) -> Option<usize> {
        let (mut low, mut high) = (children.start, children.end);
        while low < high {
            let middle = low.midpoint(high);
            if self.entry(middle)? & !PARENT < symbol {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (low < children.end && self.entry(low)? & !PARENT == symbol).then_some(low)
    }

    /// Which parent an entry is.
    fn parent(&self, entry: usize) -> Option<usize> {
        if self.entry(entry)? & PARENT == 0 {
            return None;
        }
        let block = entry / BLOCK;
        let rank = u32_checked(self.ranks, block)? as usize;
        let before = (block * BLOCK..entry).filter(|&at| self.entry(at).is_some_and(|e| e & PARENT != 0));
        Some(rank + before.count())
    }

    fn start(&self, parent: usize) -> Option<usize> {
        u32_checked(self.starts, parent).map(|start| start as usize)
    }
}

fn u32_checked(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(4 * at..4 * at + 4)?.try_into().ok()?))
}

/// For bytes whose length was checked.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32_checked(bytes, at).unwrap_or(0)
}

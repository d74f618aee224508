//! Counting, pruning and writing a table.
//!
//! An n-gram counts once for each package that holds it. Level by level: a place's n-gram is kept if it stands in enough
//! packages; the next level only looks at places whose n-gram was. Then n-grams are dropped whose absence costs least,
//! `packages · |ln(p / p of the shorter context)|`, those with kept continuations excepted.

use super::{BLOCK, MAGIC, NAME_BYTES, PARENT, code, read::ORDERS, value};
use crate::prior::{
    Vocabulary,
    lexicon::Lexicon,
    symbols::{BORDER, Local, Reader, Symbols},
};
use crate::tokens::TokenId;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Witten-Bell's λ: how wide unseen followers are held.
const LAMBDA: f32 = 4.0;
/// No n-gram.
const NONE: u32 = u32::MAX;

/// The texts of one language, as symbols, package by package.
#[derive(Default)]
pub struct Sources {
    packages: Vec<Vec<Local>>,
}

impl Sources {
    /// Adds a package's files.
    pub fn add<'a>(
        &mut self,
        files: impl Iterator<Item = Vec<TokenId>> + 'a,
        lexicon: &Arc<Lexicon>,
        vocabulary: &impl Vocabulary,
    ) {
        let mut symbols = Symbols::new(Some(Arc::clone(lexicon)));
        let mut package = vec![BORDER];
        let mut row = Vec::new();
        for tokens in files {
            row.clear();
            symbols.read(&tokens, &mut Reader::START.clone(), vocabulary, &mut row);
            package.extend(row.iter().map(|&local| symbols.shared(local).unwrap_or(BORDER)));
            package.push(BORDER);
        }
        self.packages.push(package);
    }
}

/// n-grams of one length.
struct Level {
    /// The n-gram but its last symbol (index in the level below), and that symbol: sorted.
    keys: Vec<u64>,
    /// Packages.
    counts: Vec<u32>,
    /// The n-gram but its first symbol: index in the level below.
    shorter: Vec<u32>,
    /// Over all followers: packages summed, and how many differ.
    totals: Vec<(u32, u32)>,
    kept: Vec<bool>,
}

/// Writes a table: per section its name, its texts, and about how many n-grams it may keep.
#[must_use]
pub fn build(sections: &[(&str, Sources, usize)], least_packages: u32, lexicon: &Lexicon) -> Vec<u8> {
    let mut head = MAGIC.to_vec();
    head.extend(lexicon.fingerprint());
    head.extend((sections.len() as u32).to_le_bytes());
    let mut body = Vec::new();
    for (name, sources, wanted) in sections {
        let (root, mut levels) = count(sources, least_packages);
        prune(root, &mut levels, *wanted);
        write(name, root, &levels, &mut head, &mut body);
    }
    head.extend(body);
    head
}

fn count(sources: &Sources, least_packages: u32) -> ((u32, u32), Vec<Level>) {
    // Per place, the n-gram that ends there, one symbol shorter than that being counted; the empty one everywhere.
    let mut ends: Vec<Vec<u32>> = sources.packages.iter().map(|package| vec![0; package.len()]).collect();
    let mut levels: Vec<Level> = Vec::new();
    let mut root = (0, 0);
    for order in 1..=ORDERS {
        let mut all: Vec<u64> = Vec::new();
        for (package, ends) in sources.packages.iter().zip(&ends) {
            let mut keys: Vec<u64> =
                (1..package.len()).filter_map(|place| key(package, ends, place)).collect();
            keys.sort_unstable();
            keys.dedup();
            all.extend(keys);
        }
        all.sort();
        let below = levels.last().map_or(1, |level| level.keys.len());
        let mut totals = vec![(0u32, 0u32); below];
        let (mut keys, mut counts) = (Vec::new(), Vec::new());
        for same in all.chunk_by(|a, b| a == b) {
            let total = &mut totals[(same[0] >> 16) as usize];
            *total = (total.0 + same.len() as u32, total.1 + 1);
            if same.len() as u32 >= least_packages {
                keys.push(same[0]);
                counts.push(same.len() as u32);
            }
        }
        drop(all);
        match levels.last_mut() {
            Some(level) => level.totals = totals,
            None => root = totals[0],
        }
        let index: FxHashMap<u64, u32> = keys.iter().zip(0..).map(|(&key, at)| (key, at)).collect();
        let mut shorter = vec![0; keys.len()];
        for (package, ends) in sources.packages.iter().zip(&mut ends) {
            // From the right: a place's n-gram is made of the shorter one left of it.
            for place in (1..package.len()).rev() {
                let found = key(package, ends, place).and_then(|key| index.get(&key)).copied();
                if let Some(found) = found {
                    shorter[found as usize] = ends[place];
                }
                ends[place] = found.unwrap_or(NONE);
            }
            ends[0] = NONE;
        }
        let kept = vec![true; keys.len()];
        let totals = vec![(0, 0); keys.len()];
        levels.push(Level { keys, counts, shorter, totals, kept });
        if order == 1 {
            // Nothing is shorter than one symbol but nothing.
            levels[0].shorter.fill(NONE);
        }
    }
    (root, levels)
}

/// The n-gram that ends at a place, by the shorter one that ends before it.
fn key(package: &[Local], ends: &[u32], place: usize) -> Option<u64> {
    let (before, symbol) = (ends[place - 1], package[place]);
    (before != NONE && symbol != BORDER).then_some(u64::from(before) << 16 | u64::from(symbol))
}

fn total((sum, distinct): (u32, u32)) -> f32 {
    sum as f32 + LAMBDA * distinct as f32
}

fn prune(root: (u32, u32), levels: &mut [Level], wanted: usize) {
    let mut scores: Vec<Vec<f32>> = Vec::new();
    let mut shorter: Vec<f32> = Vec::new();
    for at in 0..levels.len() {
        let level = &levels[at];
        let uniform = 1.0 / level.keys.len().max(1) as f32;
        let mut own = Vec::with_capacity(level.keys.len());
        let mut score = Vec::with_capacity(level.keys.len());
        for (entry, &key) in level.keys.iter().enumerate() {
            let of = if at == 0 { root } else { levels[at - 1].totals[(key >> 16) as usize] };
            let below = shorter.get(level.shorter[entry] as usize).copied().unwrap_or(uniform);
            let count = level.counts[entry] as f32;
            let probability = (count + LAMBDA * of.1 as f32 * below) / total(of);
            own.push(probability);
            score.push(if at == 0 { f32::INFINITY } else { count * (probability / below).ln().abs() });
        }
        scores.push(score);
        shorter = own;
    }
    // Halving the interval of thresholds; about a thousandth of the wanted number is close enough.
    let (mut low, mut high) = (1e-6f32, 1e6f32);
    for _ in 0..30 {
        let threshold = (low * high).sqrt();
        let kept = keep(levels, &scores, threshold);
        if kept > wanted {
            low = threshold;
        } else {
            high = threshold;
        }
    }
    keep(levels, &scores, high);
}

/// Keeps what scores enough, and what leads to it; how many that are.
fn keep(levels: &mut [Level], scores: &[Vec<f32>], threshold: f32) -> usize {
    for (level, scores) in levels.iter_mut().zip(scores) {
        for (kept, &score) in level.kept.iter_mut().zip(scores) {
            *kept = score >= threshold;
        }
    }
    for at in (1..levels.len()).rev() {
        let (below, level) = levels.split_at_mut(at);
        let (Some(below), Some(level)) = (below.last_mut(), level.first()) else { continue };
        for (&key, _) in level.keys.iter().zip(&level.kept).filter(|(_, kept)| **kept) {
            below.kept[(key >> 16) as usize] = true;
        }
    }
    levels.iter().map(|level| level.kept.iter().filter(|kept| **kept).count()).sum()
}

fn write(name: &str, root: (u32, u32), levels: &[Level], head: &mut Vec<u8>, body: &mut Vec<u8>) {
    let mut padded = [0; NAME_BYTES];
    padded.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
    head.extend(padded);
    // Kept packages and number of kept children, by parent.
    let children = |at: usize| {
        let mut children = vec![(0f32, 0u32); if at == 0 { 1 } else { levels[at - 1].keys.len() }];
        if let Some(level) = levels.get(at) {
            for entry in (0..level.keys.len()).filter(|&entry| level.kept[entry]) {
                let parent = &mut children[(level.keys[entry] >> 16) as usize];
                *parent = (parent.0 + value(code(level.counts[entry] as f32)), parent.1 + 1);
            }
        }
        children
    };
    let rest = |kept: f32, total: f32| (255.0 * (1.0 - kept / total)).round().clamp(1.0, 255.0) as u8;
    let top = code(total(root));
    head.extend([top, rest(children(0)[0].0, value(top)), 0, 0]);
    for (at, level) in levels.iter().enumerate() {
        let children = children(at + 1);
        let (mut symbols, mut counts, mut ranks) = (Vec::new(), Vec::new(), Vec::new());
        let (mut starts, mut totals, mut rests) = (vec![0u8; 4], Vec::new(), Vec::new());
        let mut start = 0u32;
        for entry in (0..level.keys.len()).filter(|&entry| level.kept[entry]) {
            if counts.len() % BLOCK == 0 {
                ranks.extend((totals.len() as u32).to_le_bytes());
            }
            let (kept, number) = children[entry];
            let mut symbol = level.keys[entry] as u16;
            if number > 0 {
                symbol |= PARENT;
                start += number;
                starts.extend(start.to_le_bytes());
                let total = code(total(level.totals[entry]));
                totals.push(total);
                rests.push(rest(kept, value(total)));
            }
            symbols.extend(symbol.to_le_bytes());
            counts.push(code(level.counts[entry] as f32));
        }
        head.extend((counts.len() as u32).to_le_bytes());
        head.extend((totals.len() as u32).to_le_bytes());
        for part in [symbols, counts, ranks, starts, totals, rests] {
            body.extend(part);
        }
    }
}

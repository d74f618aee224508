//! Next-token probabilities from the places that match a context.
//!
//! Interpolated Witten-Bell, `p = (c + λ T p_below) / (N + λ T)`, levels interleaved within each order: other files,
//! then this file, at order 1, 2, … [`MAX_ORDER`]; on top the longest match of [`MIN_LONG`] tokens or more, whose
//! followers are mixed with pseudo-mass `8 λ T / length`. Since every step is linear, a place's whole say is one
//! weight that depends on its depth and its level: `p(w) = Σ weights of places followed by w + rest · unigram(w)`.

use super::{
    caches::Caches,
    lexicon,
    matches::Matches,
    symbols::{Local, is_border},
    table::{Node, ORDERS, Section},
    tally::{LEVELS, MAX_ORDER, Tally},
};
use rustc_hash::FxHashMap;
use std::rc::Rc;

/// Shortest context that counts as a long match.
const MIN_LONG: usize = 7;
/// Pseudo-mass of a long match of length 1.
const LONG_MASS: f32 = 8.0;

/// Witten-Bell's λ by order: wide at the low ones, where counts say little.
fn lambda(order: usize) -> f32 {
    2.0 * f32::from(1u16 << 4usize.saturating_sub(order))
}

/// What may come next after one context.
pub(super) struct Distribution {
    /// Tokens seen after matching places, by local number, with what the places say.
    followers: Vec<Follower>,
    /// What counts made elsewhere say: contexts, the longest first, and the weight of a package.
    common: Vec<(Node, f32)>,
    /// What is left for the unigram.
    rest: f32,
}

/// A token seen after a matching place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Follower {
    pub(super) local: Local,
    pub(super) probability: f32,
    /// The last place it was seen at: of equals, the nearest above the cursor wins.
    pub(super) last: u32,
}

/// The model of one request: the caches, and the distributions asked for so far.
pub(super) struct Model<'a> {
    pub(super) caches: &'a Caches,
    common: Option<Section<'a>>,
    unigram: Vec<f32>,
    floor: f32,
    /// By the places that match, how deep, and the nearest symbols.
    memo: FxHashMap<(u32, usize, u128), Rc<Distribution>>,
    /// Per local: index into `slots` plus one.
    slot_of: Vec<u32>,
    tally: Tally,
}

impl<'a> Model<'a> {
    pub(super) fn new(caches: &'a Caches, common: Option<Section<'a>>, vocabulary: usize) -> Self {
        let (unigram, floor) = unigram(caches, common, vocabulary);
        let slot_of = vec![0; caches.symbols.len()];
        let tally = Tally::new(caches.symbols.len());
        Self { caches, common, unigram, floor, memo: FxHashMap::default(), slot_of, tally }
    }

    /// Whether counts of other packages are at hand.
    pub(super) fn knows_others(&self) -> bool {
        self.common.is_some()
    }

    /// The distribution after a context (nearest token last).
    pub(super) fn after(&mut self, context: &[Local]) -> Rc<Distribution> {
        let matches = Matches::new(self.caches, context);
        // The deepest range and its depth decide all the outer ranges.
        let nearest = match self.common {
            Some(_) => {
                context.iter().rev().take(ORDERS - 1).fold(0, |key, &local| key << 16 | u128::from(local))
            }
            None => 0,
        };
        let key = (matches.range(matches.depth()).start, matches.depth(), nearest);
        if let Some(known) = self.memo.get(&key) {
            return Rc::clone(known);
        }
        let distribution = Rc::new(self.mix(&matches, context));
        self.memo.insert(key, Rc::clone(&distribution));
        distribution
    }

    /// Probability of a token after a context's distribution.
    pub(super) fn probability(&self, distribution: &Distribution, local: Local) -> f32 {
        self.follower(distribution, local).probability
    }

    /// A token with its probability after a context's distribution.
    pub(super) fn follower(&self, distribution: &Distribution, local: Local) -> Follower {
        let mut follower = match distribution.followers.binary_search_by_key(&local, |f| f.local) {
            Ok(at) => distribution.followers[at],
            Err(_) => Follower { local, probability: 0.0, last: 0 },
        };
        let unigram = self.unigram.get(local as usize).copied().unwrap_or(self.floor);
        follower.probability += distribution.rest * unigram;
        if let (Some(common), Some(shared)) = (&self.common, self.caches.symbols.shared(local)) {
            for (node, weight) in &distribution.common {
                follower.probability += weight * common.count(node, shared);
            }
        }
        follower
    }

    /// The same for several tokens, none of them a step or a border, each once.
    pub(super) fn among(&mut self, distribution: &Distribution, locals: &[Local]) -> Vec<Follower> {
        // Looking up costs about so many times what reading on costs.
        const LOOKING_UP: usize = 8;
        let mut found: Vec<Follower> =
            locals.iter().map(|&local| Follower { local, probability: 0.0, last: 0 }).collect();
        for (at, &local) in locals.iter().enumerate() {
            self.slot_of[local as usize] = at as u32 + 1;
        }
        for follower in &distribution.followers {
            if let Some(at) = self.slot_of[follower.local as usize].checked_sub(1) {
                found[at as usize] = *follower;
            }
        }
        for follower in &mut found {
            let unigram = self.unigram.get(follower.local as usize).copied().unwrap_or(self.floor);
            follower.probability += distribution.rest * unigram;
        }
        let common =
            self.common.iter().flat_map(|common| distribution.common.iter().map(move |it| (common, it)));
        for (common, (node, weight)) in common {
            if node.followers() > LOOKING_UP * locals.len() {
                for follower in &mut found {
                    if let Some(shared) = self.caches.symbols.shared(follower.local) {
                        follower.probability += weight * common.count(node, shared);
                    }
                }
                continue;
            }
            for (shared, count) in common.followers(node) {
                let slot = self.slot_of.get(shared as usize).copied().unwrap_or(0);
                if let Some(at) = slot.checked_sub(1) {
                    found[at as usize].probability += weight * count;
                }
            }
        }
        for &local in locals {
            self.slot_of[local as usize] = 0;
        }
        found
    }

    /// Everything that was seen after the context, here or elsewhere, in no useful order.
    pub(super) fn followers(&mut self, distribution: &Distribution) -> Vec<Follower> {
        let mut followers = distribution.followers.clone();
        if let Some(common) = self.common {
            for (at, follower) in followers.iter().enumerate() {
                self.slot_of[follower.local as usize] = at as u32 + 1;
            }
            for (node, weight) in &distribution.common {
                for (shared, count) in common.followers(node) {
                    let Some(slot) = self.slot_of.get_mut(shared as usize) else { continue };
                    if lexicon::is_step(shared) {
                        continue;
                    }
                    if *slot == 0 {
                        followers.push(Follower { local: shared, probability: 0.0, last: 0 });
                        *slot = followers.len() as u32;
                    }
                    followers[*slot as usize - 1].probability += weight * count;
                }
            }
        }
        for follower in &mut followers {
            self.slot_of[follower.local as usize] = 0;
            follower.probability += distribution.rest * self.unigram[follower.local as usize];
        }
        followers
    }

    fn mix(&mut self, matches: &Matches, context: &[Local]) -> Distribution {
        let nodes = self.nodes(context);
        self.tally.read(self.caches, matches);
        let tally = &self.tally;
        let weights = weights(tally, matches.depth(), &nodes);
        let met = tally.tokens.iter();
        let mut followers: Vec<Follower> =
            met.map(|token| Follower { local: token.local, probability: 0.0, last: token.last }).collect();
        let mut places = tally.places.iter();
        for &(length, depth) in &tally.runs {
            let mut by_level = weights.ordered[depth.min(MAX_ORDER - 1)];
            if depth == matches.depth() {
                by_level = by_level.map(|weight| weight + weights.long);
            }
            for &(number, level) in places.by_ref().take(length) {
                followers[number as usize].probability += by_level[usize::from(level)];
            }
        }
        followers.sort_unstable_by_key(|follower| follower.local);
        let common = nodes.into_iter().zip(weights.common).rev();
        let common = common.filter_map(|(node, weight)| Some((node?, weight))).collect();
        Distribution { followers, common, rest: weights.rest }
    }

    /// For each number of symbols before the place, the context in the counts made elsewhere.
    fn nodes(&self, context: &[Local]) -> [Option<Node>; MAX_ORDER] {
        let mut nodes = [const { None }; MAX_ORDER];
        let Some(common) = &self.common else { return nodes };
        let mut shared = [0; MAX_ORDER - 1];
        for (length, &local) in context.iter().rev().take(MAX_ORDER - 1).enumerate() {
            let Some(symbol) = self.caches.symbols.shared(local) else { break };
            shared[length] = symbol;
            let mut back = shared[..=length].iter().rev();
            nodes[length + 1] = back.try_fold(common.root(), |node, &symbol| common.after(&node, symbol));
        }
        nodes
    }
}

/// What a place says, by its depth and level; from the longest match, `depth` symbols deep, down to the unigram.
fn weights(tally: &Tally, depth: usize, nodes: &[Option<Node>; MAX_ORDER]) -> Weights {
    let mut weights =
        Weights { ordered: [[0.0; LEVELS]; MAX_ORDER], common: [0.0; MAX_ORDER], long: 0.0, rest: 1.0 };
    if depth >= MIN_LONG {
        let pseudo = LONG_MASS * tally.long_distinct as f32 / depth as f32;
        let total = tally.long_places as f32 + pseudo;
        weights.long = 1.0 / total;
        weights.rest = pseudo / total;
    }
    for at in (1..MAX_ORDER).rev() {
        for level in (0..LEVELS).rev() {
            let places = tally.places_at[at][level] as f32;
            if places > 0.0 {
                let pseudo = lambda(at + 1) * tally.distinct_at[at][level] as f32;
                weights.ordered[at][level] = weights.rest / (places + pseudo);
                weights.rest *= pseudo / (places + pseudo);
            }
        }
        if let Some(node) = &nodes[at] {
            weights.common[at] = weights.rest * node.weight;
            weights.rest *= node.rest;
        }
    }
    for at in 1..MAX_ORDER {
        for level in 0..LEVELS {
            weights.ordered[at][level] += weights.ordered[at - 1][level];
        }
    }
    weights
}

struct Weights {
    /// By depth and level, lower depths included.
    ordered: [[f32; LEVELS]; MAX_ORDER],
    /// Of a package, by the length of the context.
    common: [f32; MAX_ORDER],
    /// On top, for the places of the deepest match, if that is a long one.
    long: f32,
    rest: f32,
}

/// Order 1, both levels, over a uniform floor: per local, and for a token not in the request.
fn unigram(caches: &Caches, common: Option<Section<'_>>, vocabulary: usize) -> (Vec<f32>, f32) {
    let mut counts = vec![[0u32; LEVELS]; caches.symbols.len()];
    for (place, &local) in caches.text.iter().enumerate().filter(|(_, local)| !is_border(**local)) {
        counts[local as usize][usize::from(caches.in_file(place as u32))] += 1;
    }
    let mut floor = 1.0 / vocabulary.max(1) as f32;
    let mut unigram = vec![floor; caches.symbols.len()];
    if let Some(common) = common {
        let root = common.root();
        floor *= root.rest;
        unigram.fill(floor);
        for (shared, count) in common.followers(&root) {
            if let Some(probability) = unigram.get_mut(shared as usize) {
                *probability += count * root.weight;
            }
        }
    }
    for level in 0..LEVELS {
        let counted = || counts.iter().skip(1).map(|count| count[level]);
        let total = counted().sum::<u32>() as f32;
        if total == 0.0 {
            continue;
        }
        let pseudo = lambda(1) * counted().filter(|&count| count > 0).count() as f32;
        for (probability, count) in unigram.iter_mut().zip(&counts) {
            *probability = (count[level] as f32 + pseudo * *probability) / (total + pseudo);
        }
        floor *= pseudo / (total + pseudo);
    }
    (unigram, floor)
}

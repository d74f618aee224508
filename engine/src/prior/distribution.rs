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
};
use rustc_hash::FxHashMap;
use std::rc::Rc;

/// Tokens in the longest counted n-gram, the predicted one included.
const MAX_ORDER: usize = 6;
/// Shortest context that counts as a long match.
const MIN_LONG: usize = 7;
/// Pseudo-mass of a long match of length 1.
const LONG_MASS: f32 = 8.0;
/// Levels: other files, this file.
const LEVELS: usize = 2;

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
}

impl<'a> Model<'a> {
    pub(super) fn new(caches: &'a Caches, common: Option<Section<'a>>, vocabulary: usize) -> Self {
        let (unigram, floor) = unigram(caches, common, vocabulary);
        let slot_of = vec![0; caches.symbols.len()];
        Self { caches, common, unigram, floor, memo: FxHashMap::default(), slot_of }
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
        let depth = matches.depth();
        let nodes = self.nodes(context);
        let weights = self.weights(matches, &nodes);
        let mut followers: Vec<Follower> = Vec::new();
        for (place, place_depth) in places(self.caches, matches, 1) {
            let local = self.caches.text[place as usize];
            let level = usize::from(self.caches.in_file(place));
            let mut weight = weights.ordered[place_depth.min(MAX_ORDER - 1)][level];
            if place_depth == depth {
                weight += weights.long;
            }
            let slot = &mut self.slot_of[local as usize];
            if *slot == 0 {
                followers.push(Follower { local, probability: 0.0, last: 0 });
                *slot = followers.len() as u32;
            }
            let follower = &mut followers[*slot as usize - 1];
            follower.probability += weight;
            follower.last = follower.last.max(place);
        }
        for follower in &followers {
            self.slot_of[follower.local as usize] = 0;
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

    /// What a place says, by its depth and level; from the longest match down to the unigram.
    fn weights(&mut self, matches: &Matches, nodes: &[Option<Node>; MAX_ORDER]) -> Weights {
        let depth = matches.depth();
        let counted = depth.min(MAX_ORDER - 1);
        let mut places_at = [[0u32; LEVELS]; MAX_ORDER];
        let mut distinct_at = [[0u32; LEVELS]; MAX_ORDER];
        let (mut long_places, mut long_distinct) = (0u32, 0u32);
        let mut touched: Vec<Local> = Vec::new();
        for (place, place_depth) in places(self.caches, matches, 1) {
            let local = self.caches.text[place as usize];
            let level = usize::from(self.caches.in_file(place));
            let at = place_depth.min(counted);
            let seen = &mut self.slot_of[local as usize];
            if *seen == 0 {
                touched.push(local);
            }
            if place_depth == depth {
                long_places += 1;
                long_distinct += u32::from(*seen & LONG_BIT == 0);
                *seen |= LONG_BIT;
            }
            places_at[at][level] += 1;
            distinct_at[at][level] += u32::from(*seen & 1 << level == 0);
            *seen |= 1 << level;
        }
        for local in touched {
            self.slot_of[local as usize] = 0;
        }
        // Deeper places match at all lower depths too.
        for at in (1..counted).rev() {
            for level in 0..LEVELS {
                places_at[at][level] += places_at[at + 1][level];
                distinct_at[at][level] += distinct_at[at + 1][level];
            }
        }

        let mut weights =
            Weights { ordered: [[0.0; LEVELS]; MAX_ORDER], common: [0.0; MAX_ORDER], long: 0.0, rest: 1.0 };
        if depth >= MIN_LONG {
            let pseudo = LONG_MASS * long_distinct as f32 / depth as f32;
            let total = long_places as f32 + pseudo;
            weights.long = 1.0 / total;
            weights.rest = pseudo / total;
        }
        for at in (1..MAX_ORDER).rev() {
            for level in (0..LEVELS).rev() {
                let places = places_at[at][level] as f32;
                if places > 0.0 {
                    let pseudo = lambda(at + 1) * distinct_at[at][level] as f32;
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
}

const LONG_BIT: u32 = 1 << LEVELS;

struct Weights {
    /// By depth and level, lower depths included.
    ordered: [[f32; LEVELS]; MAX_ORDER],
    /// Of a package, by the length of the context.
    common: [f32; MAX_ORDER],
    /// On top, for the places of the deepest match, if that is a long one.
    long: f32,
    rest: f32,
}

/// The places matching at least `least` tokens, deepest first, each with its depth.
fn places<'a>(
    caches: &'a Caches,
    matches: &'a Matches,
    least: usize,
) -> impl Iterator<Item = (u32, usize)> + use<'a> {
    (least..=matches.depth()).rev().flat_map(move |depth| {
        let outer = matches.range(depth);
        let inner = matches.range(depth + 1);
        let inner = if inner.is_empty() { outer.end..outer.end } else { inner };
        let left = &caches.order[outer.start as usize..inner.start as usize];
        let right = &caches.order[inner.end as usize..outer.end as usize];
        left.iter().chain(right).map(move |&place| (place, depth))
    })
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

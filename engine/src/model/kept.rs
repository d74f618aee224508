//! Keys and values kept from pass to pass where a network sees both ways (after Fast-dLLM's dual cache, Wu et al., 2025).
//!
//! A whole pass writes every row; later ones read the span, its vicinity and what has changed anew, against the rest as
//! it was. Approximate, since what is kept saw an older canvas. What has only moved (the span grew, a token was typed)
//! stays: its keys are rotated on by the distance. Owns which rows are read and when all are; knows no sampler.

use std::sync::{Mutex, PoisonError};

use candle_core::{Result, Tensor};

use super::{
    attention::Seen,
    cache::Rows,
    context::{Context, shared_start},
    network::{MAX_REMEMBERED_BYTES, Network},
};
use crate::{
    diffusion::{
        Blocks,
        refresh::{Keep, Reach, Refresh},
    },
    tokens::TokenId,
};

/// A canvas as the last pass over it left it.
struct Kept {
    rows: Rows,
    canvas: Canvas,
    /// The place of each row in the canvas.
    places: Vec<usize>,
    refresh: Refresh,
    /// Passes since the last whole one.
    age: usize,
}

/// Prefix, span and suffix as one row of tokens.
struct Canvas {
    tokens: Vec<u32>,
    prefix: usize,
    span: usize,
}

impl Canvas {
    fn new(context: &Context, span: &[u32]) -> Self {
        let tokens = [&context.prefix[..], span, &context.suffix].concat();
        Self { tokens, prefix: context.prefix.len(), span: span.len() }
    }

    fn prefix(&self) -> &[u32] {
        &self.tokens[..self.prefix]
    }

    fn span(&self) -> &[u32] {
        &self.tokens[self.prefix..self.suffix_at()]
    }

    fn suffix(&self) -> &[u32] {
        &self.tokens[self.suffix_at()..]
    }

    fn suffix_at(&self) -> usize {
        self.prefix + self.span
    }

    /// Of each place, the place in `old` of the same token on the same side; none for the span.
    fn places_in(&self, old: &Self) -> Vec<Option<usize>> {
        let mut all = unchanged(old.prefix(), self.prefix(), 0);
        all.extend(vec![None; self.span]);
        all.extend(unchanged(old.suffix(), self.suffix(), old.suffix_at()));
        all
    }
}

/// Of each token of `new`, where it is in `old`, counted from `first`: what is before the first change or behind the last.
fn unchanged(old: &[u32], new: &[u32], first: usize) -> Vec<Option<usize>> {
    let start = shared_start(old, new);
    let end = old[start..].iter().rev().zip(new[start..].iter().rev()).take_while(|(a, b)| a == b).count();
    let place = |at: usize| match new.len() - at {
        _ if at < start => Some(first + at),
        left if left <= end => Some(first + old.len() - left),
        _ => None,
    };
    (0..new.len()).map(place).collect()
}

/// What is kept of a canvas for another one.
struct Plan {
    /// Rows at hand in the order in which they lie, each with its new place.
    far: Vec<(usize, usize)>,
    /// Places that have to be read although they are not near the span.
    changed: Vec<usize>,
}

impl Kept {
    /// `near`: places that are read anyway.
    fn plan(&self, canvas: &Canvas, near: &std::ops::Range<usize>) -> Plan {
        let mut row_of = vec![None; self.canvas.tokens.len()];
        for (row, &place) in self.places.iter().enumerate() {
            row_of[place] = Some(row);
        }
        let (mut far, mut changed) = (Vec::new(), Vec::new());
        for (place, old) in canvas.places_in(&self.canvas).into_iter().enumerate() {
            if near.contains(&place) {
                continue;
            }
            match old.and_then(|old| row_of[old]) {
                Some(row) => far.push((row, place)),
                None => changed.push(place),
            }
        }
        far.sort_unstable();
        Plan { far, changed }
    }

    /// Keeps the planned rows alone, each turned to its new place.
    fn settle(&mut self, network: &Network, plan: &Plan, more: usize) -> Result<()> {
        let lie = plan.far.iter().enumerate().all(|(at, &(row, _))| at == row);
        if lie && plan.far.len() + more <= self.rows.capacity() {
            self.rows.len = plan.far.len();
        } else {
            let index: Vec<u32> = plan.far.iter().map(|&(row, _)| row as u32).collect();
            self.rows = self.rows.gathered(&index, plan.far.len() + more)?;
        }
        let moved: Vec<i64> =
            plan.far.iter().map(|&(row, place)| place as i64 - self.places[row] as i64).collect();
        if moved.iter().any(|&by| by != 0) {
            self.rows.turn(&network.body.rope.angles(&moved, &network.body.device)?)?;
        }
        Ok(())
    }
}

/// The canvases that are kept, the latest last.
pub(super) struct Shelf {
    all: Mutex<Vec<Kept>>,
    /// Bytes of keys and values beyond which the oldest goes.
    budget: usize,
}

impl Default for Shelf {
    fn default() -> Self {
        Self { all: Mutex::default(), budget: MAX_REMEMBERED_BYTES }
    }
}

impl Shelf {
    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.all.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How many of the context's tokens have a row, as it was.
    pub(super) fn at_hand(&self, context: &Context) -> usize {
        let canvas = Canvas::new(context, &[]);
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|kept| kept.plan(&canvas, &(0..0)).far.len()).max().unwrap_or(0)
    }

    /// Takes the canvas of which the most rows serve, if that is at least half of those that are not near.
    fn take(&self, canvas: &Canvas, near: &std::ops::Range<usize>) -> Option<(Kept, Plan)> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let plans = all.iter().map(|kept| kept.plan(canvas, near)).enumerate();
        let (at, plan) = plans.max_by_key(|(_, plan)| plan.far.len())?;
        (plan.far.len() >= plan.changed.len()).then(|| (all.remove(at), plan))
    }

    /// Puts the latest back; the oldest go where there are too many bytes.
    fn put(&self, kept: Kept) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(kept);
        while all.len() > 1 && all.iter().map(|kept| kept.rows.bytes()).sum::<usize>() > self.budget {
            all.remove(0);
        }
    }

    /// Takes the latest if passes have been made since its last whole one.
    fn take_stale(&self) -> Option<Kept> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.last()?.age > 0 { all.pop() } else { None }
    }
}

/// Hidden states of the last prefix rows, the span and the first suffix rows, and how many of the prefix those are.
pub(super) fn pass(
    network: &Network,
    context: &Context,
    span: &[u32],
    vicinity: usize,
) -> Result<(Tensor, usize)> {
    let canvas = Canvas::new(context, span);
    let near = near(network, &canvas, vicinity);
    let left = canvas.prefix - near.start;
    let Some((mut kept, plan)) = network.kept.take(&canvas, &near) else {
        let refresh = Refresh::new(Keep::Sides, blocks(network));
        return Ok((whole(network, canvas, near, refresh)?, left));
    };
    let most = network.spec.decode.refresh;
    let ids: Vec<TokenId> = span.iter().map(|&id| TokenId(id)).collect();
    let reach = kept.refresh.reach(&ids, network.spec.mask);
    if reach == Reach::Whole || (most > 0 && kept.age >= most) {
        return Ok((whole(network, canvas, near, kept.refresh)?, left));
    }
    let read = [&plan.changed[..], &near.clone().collect::<Vec<_>>()].concat();
    kept.settle(network, &plan, read.len())?;
    let seen = Seen::whole(plan.far.len(), &[read.len()]);
    let hidden = run(network, &canvas, &read, &kept.rows, &seen)?;
    kept.rows.len += plan.changed.len();
    kept.places = plan.far.iter().map(|&(_, place)| place).chain(read).collect();
    (kept.canvas, kept.age) = (canvas, kept.age + 1);
    network.kept.put(kept);
    Ok((hidden.narrow(0, plan.changed.len(), near.len())?, left))
}

/// Reads the latest canvas whole, its span masked, if what is kept of it is stale.
pub(super) fn freshen(network: &Network, vicinity: usize) -> Result<bool> {
    let Some(Kept { mut canvas, .. }) = network.kept.take_stale() else { return Ok(false) };
    let span = canvas.prefix..canvas.suffix_at();
    canvas.tokens[span].fill(network.spec.mask.0);
    let near = near(network, &canvas, vicinity);
    whole(network, canvas, near, Refresh::new(Keep::Sides, blocks(network)))?;
    Ok(true)
}

/// Places that every pass reads.
fn near(network: &Network, canvas: &Canvas, vicinity: usize) -> std::ops::Range<usize> {
    // Where logits are shifted, the row before the span is needed.
    let left = vicinity.max(usize::from(network.spec.logit_shift));
    canvas.prefix.saturating_sub(left)..(canvas.suffix_at() + vicinity).min(canvas.tokens.len())
}

/// In which blocks the network's spans are decided.
fn blocks(network: &Network) -> Blocks {
    network.spec.decode.sampler.map_or(Blocks::WHOLE, |sampler| sampler.blocks())
}

/// Reads and keeps everything; hidden states of the rows near the span.
fn whole(
    network: &Network,
    canvas: Canvas,
    near: std::ops::Range<usize>,
    mut refresh: Refresh,
) -> Result<Tensor> {
    let ids: Vec<TokenId> = canvas.span().iter().map(|&id| TokenId(id)).collect();
    refresh.reach(&ids, network.spec.mask);
    let far = canvas.tokens.len() - near.len();
    let places: Vec<usize> =
        (0..near.start).chain(near.end..canvas.tokens.len()).chain(near.clone()).collect();
    let mut rows = Rows::new(&network.spec, places.len(), network.body.dtype, &network.body.device)?;
    let hidden = run(network, &canvas, &places, &rows, &Seen::whole(0, &[places.len()]))?;
    rows.len = far;
    network.kept.put(Kept { rows, canvas, places, refresh, age: 0 });
    hidden.narrow(0, far, near.len())
}

fn run(network: &Network, canvas: &Canvas, read: &[usize], rows: &Rows, seen: &Seen) -> Result<Tensor> {
    let tokens: Vec<u32> = read.iter().map(|&place| canvas.tokens[place]).collect();
    let positions: Vec<u32> = read.iter().map(|&place| place as u32).collect();
    network.pass(&tokens, &[&positions], Some(rows), seen)
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod tests;

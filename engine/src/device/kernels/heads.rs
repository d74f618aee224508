//! Heads of a product's rows, put where attention reads them: a bias added, normed, rotated.
//!
//! Rotation pairs dimension i with i + pairs (`rotate_half`; Su et al., RoFormer, 2021): a·cos − b·sin, b·cos + a·sin. What is
//! beyond the pairs stays as it is.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::norm::{Norm, norm};

/// Numbers below which other threads are not worth waking.
const ALONE: usize = 1 << 16;

/// Some heads of all rows, side by side in each.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    /// `[rows, stride]`.
    pub numbers: &'a [f32],
    /// Numbers from row to row.
    pub stride: usize,
    /// The first head's first number in a row.
    pub first: usize,
    /// How many heads.
    pub heads: usize,
    /// Of a head.
    pub width: usize,
    /// Added to a row, `[stride]`.
    pub bias: Option<&'a [f32]>,
    /// Of each head, `[width]`.
    pub norm: Option<Norm<'a>>,
    /// None, one for all heads, or one for each half of them.
    pub turns: &'a [Turns],
}

/// How each row is rotated.
pub struct Turns {
    /// Of each row's angles, `[rows, pairs]`.
    pub cos: Vec<f32>,
    /// The same.
    pub sin: Vec<f32>,
    /// Pairs that are rotated.
    pub pairs: usize,
}

/// Where heads go: head h's row r begins at `h * stride + (first + r) * width`.
pub struct Slots<'a> {
    /// The numbers.
    pub data: &'a mut [f32],
    /// Numbers from head to head.
    pub stride: usize,
    /// The first row.
    pub first: usize,
}

/// Puts `part` into `slots`. `None` if one of them is too short.
#[must_use]
pub fn place(part: &Part<'_>, slots: Slots<'_>) -> Option<()> {
    let Part { numbers, stride, width, heads, .. } = *part;
    let rows = numbers.len().checked_div(stride)?;
    let fits = |turns: &Turns| {
        2 * turns.pairs <= width
            && turns.cos.len() >= rows * turns.pairs
            && turns.sin.len() >= rows * turns.pairs
    };
    let sound = part.first + heads * width <= stride
        && part.bias.is_none_or(|bias| bias.len() == stride)
        && part.norm.is_none_or(|norm| norm.weight.len() == width)
        && part.turns.iter().all(fits);
    let own = slots.first * width..(slots.first + rows) * width;
    if !sound
        || heads == 0
        || own.end > slots.stride
        || slots.data.len() < (heads - 1) * slots.stride + own.end
    {
        return None;
    }
    let arch = Arch::new();
    let work = |(head, all): (usize, &mut [f32])| {
        let turns = match part.turns {
            [left, right] => Some(if head < heads / 2 { left } else { right }),
            turns => turns.first(),
        };
        arch.dispatch(Head { part, first: part.first + head * width, turns, out: &mut all[own.clone()] });
    };
    if rows * heads * width <= ALONE {
        slots.data.chunks_mut(slots.stride).take(heads).enumerate().for_each(work);
    } else {
        slots.data.par_chunks_mut(slots.stride).take(heads).enumerate().for_each(work);
    }
    Some(())
}

/// One head of all rows.
struct Head<'a> {
    part: &'a Part<'a>,
    first: usize,
    turns: Option<&'a Turns>,
    /// `[rows, width]`.
    out: &'a mut [f32],
}

impl WithSimd for Head<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { part, first, turns, out } = self;
        let width = part.width;
        let mut biased = Vec::new();
        for (row, (out, numbers)) in
            out.chunks_exact_mut(width).zip(part.numbers.chunks_exact(part.stride)).enumerate()
        {
            let mut numbers = &numbers[first..first + width];
            if let Some(bias) = part.bias {
                biased.clear();
                biased.extend(numbers.iter().zip(&bias[first..]).map(add));
                numbers = &biased;
            }
            match part.norm {
                Some(with) => norm(simd, numbers, with, out),
                None => out.copy_from_slice(numbers),
            }
            if let Some(turns) = turns {
                let pairs = turns.pairs;
                let (cos, sin) = (&turns.cos[row * pairs..][..pairs], &turns.sin[row * pairs..][..pairs]);
                let (a, b) = out[..2 * pairs].split_at_mut(pairs);
                for (((a, b), cos), sin) in a.iter_mut().zip(b).zip(cos).zip(sin) {
                    (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
                }
            }
        }
    }
}

#[inline(always)]
fn add((a, b): (&f32, &f32)) -> f32 {
    a + b
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(n: usize) -> f32 {
        ((n * 7919 + 13) % 1000) as f32 / 250.0 - 2.0
    }

    fn turns(rows: usize, pairs: usize, seed: usize) -> Turns {
        let angle = |n: usize| ((n * 31 + seed) % 100) as f32 / 16.0;
        let of = |what: fn(f32) -> f32| (0..rows * pairs).map(|n| what(angle(n))).collect();
        Turns { cos: of(f32::cos), sin: of(f32::sin), pairs }
    }

    /// What stands in a slot, number by number.
    fn expected(part: &Part<'_>, head: usize, row: usize) -> Vec<f64> {
        let at = |d: usize| {
            let column = part.first + head * part.width + d;
            f64::from(part.numbers[row * part.stride + column])
                + part.bias.map_or(0.0, |bias| f64::from(bias[column]))
        };
        let mut all: Vec<f64> = (0..part.width).map(at).collect();
        if let Some(norm) = part.norm {
            let mean = all.iter().map(|x| x * x).sum::<f64>() / all.len() as f64;
            for (x, weight) in all.iter_mut().zip(norm.weight) {
                *x *= f64::from(*weight) / (mean + f64::from(norm.eps)).sqrt();
            }
        }
        if !part.turns.is_empty() {
            let turns = &part.turns[head * part.turns.len() / part.heads];
            let plain = all.clone();
            for pair in 0..turns.pairs {
                let (a, b) = (plain[pair], plain[pair + turns.pairs]);
                let angle = |of: &[f32]| f64::from(of[row * turns.pairs + pair]);
                let (cos, sin) = (angle(&turns.cos), angle(&turns.sin));
                (all[pair], all[pair + turns.pairs]) = (a * cos - b * sin, b * cos + a * sin);
            }
        }
        all
    }

    proptest! {
        #[test]
        fn heads_are_biased_normed_and_rotated_into_their_places(
            rows in 0..5_usize, pairs in 1..20_usize, beyond in 0..9_usize, half in 1..3_usize, sets in 0..3_usize,
            biased: bool, normed: bool, before in 0..4_usize,
        ) {
            let (width, heads) = (2 * pairs + beyond, 2 * half);
            let (first, stride) = (3, 3 + heads * width + 2);
            let numbers: Vec<f32> = (0..rows * stride).map(number).collect();
            let (bias, weight): (Vec<f32>, Vec<f32>) = ((5..5 + stride).map(number).collect(), (9..9 + width).map(number).collect());
            let turns: Vec<Turns> = (0..sets).map(|set| turns(rows, pairs, set)).collect();
            let part = Part {
                numbers: &numbers, stride, first, heads, width,
                bias: biased.then_some(&bias),
                norm: normed.then_some(Norm { weight: &weight, eps: 1e-6 }),
                turns: &turns,
            };
            let room = (before + rows + 1) * width;
            let mut data = vec![7.0; heads * room];
            place(&part, Slots { data: &mut data, stride: room, first: before }).unwrap();
            for (head, data) in data.chunks_exact(room).enumerate() {
                for (row, data) in data.chunks_exact(width).enumerate() {
                    if (before..before + rows).contains(&row) {
                        for (ours, plain) in data.iter().zip(expected(&part, head, row - before)) {
                            prop_assert!((f64::from(*ours) - plain).abs() < 1e-5 * plain.abs().max(1.0), "{ours} for {plain}");
                        }
                    } else {
                        prop_assert!(data.iter().all(|&number| number == 7.0), "row {} is not its own", row);
                    }
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let part = Part {
            numbers: &[1.0; 12],
            stride: 6,
            first: 2,
            heads: 2,
            width: 2,
            bias: None,
            norm: None,
            turns: &[],
        };
        let put = |part: Part<'_>, length: usize, stride: usize, first: usize| {
            place(&part, Slots { data: &mut vec![0.0; length], stride, first })
        };
        assert!(put(part, 8, 4, 0).is_some());
        assert!(put(part, 7, 4, 0).is_none() && put(part, 8, 4, 1).is_none());
        assert!(put(Part { first: 3, ..part }, 8, 4, 0).is_none());
        assert!(put(Part { bias: Some(&[0.0; 5]), ..part }, 8, 4, 0).is_none());
        assert!(put(Part { turns: &[turns(2, 2, 0)], ..part }, 8, 4, 0).is_none());
        assert!(put(Part { turns: &[turns(1, 1, 0)], ..part }, 8, 4, 0).is_none());
    }
}

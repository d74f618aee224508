//! What the CPU computes with code of its own, each beside a plain reference in its tests.
//!
//! | file | owns |
//! |---|---|
//! | [`attention`] | softmax attention of some rows over the rows that each may see |
//! | [`heads`] | a product's columns as heads, biased, normed and rotated |
//! | [`int8`], `panels`, `rounding` | products with int8 weights, of rows that are normed or gated on the way |
//! | [`halves`] | products with weights of two bytes |
//! | [`norm`] | RMSNorm of a row |
//! | [`swiglu`] | the gate of a SwiGLU |
//! | `columns` | rows of which several threads write parts |
//!
//! Loops run with the widest vectors that the machine has (`pulp`). What they call must be `#[inline(always)]` and free of
//! closures: what is not inlined is compiled for the oldest machine. Every output row is computed from its own inputs in a fixed order, whatever stands beside it: so an answer is
//! the same to the last bit alone or in a batch, from a cache or not. Plain slices; knows no tensor and no model.

#![allow(unsafe_code, reason = "a hint to the machine")]

pub mod attention;
mod columns;
pub mod halves;
pub mod heads;
pub mod int8;
pub mod norm;
mod panels;
mod rounding;
pub mod swiglu;

/// Asks for `count` numbers from `from` on, which will be needed soon; of the caches, for the second. What is not there is not asked for.
#[inline(always)]
fn fetch(numbers: &[f32], from: usize, count: usize) {
    let end = numbers.len().min(from + count);
    #[cfg(target_arch = "x86_64")]
    for line in numbers.get(from..end).unwrap_or_default().chunks(16) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: a hint, which reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = end;
}

/// e^x for x ≤ 0, to 2·10⁻⁷ of its value; 0 below −87. Cody and Waite's reduction, then Cephes' polynomial: no call
/// and no branch, so that loops over it are vectorised.
#[inline(always)]
fn exp(x: f32) -> f32 {
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    /// 1.5·2²³: adding it rounds to a whole number, which then stands in the lowest bits.
    const WHOLE: f32 = 12_582_912.0;
    let clamped = if x < -87.0 { -87.0 } else { x };
    let shifted = clamped * std::f32::consts::LOG2_E + WHOLE;
    let whole = shifted - WHOLE;
    let r = clamped - whole * LN_2_HIGH - whole * LN_2_LOW;
    let polynomial = ((((1.987_569_1e-4 * r + 1.398_2e-3) * r + 8.333_452e-3) * r + 4.166_579_6e-2) * r
        + 1.666_666_5e-1)
        * r
        + 0.5;
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    let value = (polynomial * r * r + r + 1.0) * power;
    if x < -87.0 { 0.0 } else { value }
}

#[cfg(test)]
mod tests {
    use pulp::Arch;

    /// Vectors of every width that this machine has.
    pub(super) fn machines() -> Vec<Arch> {
        let mut all = vec![Arch::Scalar];
        #[cfg(target_arch = "x86_64")]
        all.extend(pulp::x86::V3::try_new().map(Arch::V3));
        all.push(Arch::new());
        all
    }

    #[test]
    fn exp_is_the_systems_exp() {
        for step in 0..=90_000 {
            let x = -step as f32 / 1000.0;
            let (ours, theirs) = (super::exp(x), f64::from(x).exp());
            if x < -87.0 {
                assert_eq!(ours, 0.0, "{x}");
            } else {
                assert!((f64::from(ours) / theirs - 1.0).abs() < 2e-7, "{x}: {ours} against {theirs}");
            }
        }
        assert_eq!(super::exp(f32::NEG_INFINITY), 0.0);
    }
}

//! Sums across the lanes of sixteen vectors at once: one vector's sum alone costs as much as half a product of 64 numbers.

#![allow(unsafe_code, reason = "a vector is taken for what it is")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::__m512;

use pulp::Simd;

/// Vectors of one call.
pub(super) const VECTORS: usize = 16;

/// The sum of each vector's lanes. A vector's sum does not depend on its place, nor on the others.
#[inline(always)]
pub(super) fn sums<S: Simd>(simd: S, vectors: &[S::f32s; VECTORS]) -> [f32; VECTORS] {
    #[cfg(target_arch = "x86_64")]
    if std::any::TypeId::of::<S>() == std::any::TypeId::of::<pulp::x86::V4>()
        && let Some(v4) = pulp::x86::V4::try_new()
    {
        // SAFETY: `S` is V4, whose vectors these are; one of them is sixteen numbers.
        return unsafe {
            let vectors = std::mem::transmute_copy::<[S::f32s; VECTORS], [__m512; VECTORS]>(vectors);
            std::mem::transmute::<__m512, [f32; VECTORS]>(wide::sums(v4, vectors))
        };
    }
    let mut all = [0.0; VECTORS];
    for at in 0..VECTORS {
        all[at] = simd.reduce_sum_f32s(vectors[at]);
    }
    all
}

/// Parts of vectors are added and interleaved until one vector has all sums, in order: 15 additions.
#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::__m512;

    use pulp::x86::V4;

    #[inline(always)]
    pub(super) fn sums(v4: V4, v: [__m512; super::VECTORS]) -> __m512 {
        let a = four(v4, pair(v4, v[0], v[1]), pair(v4, v[2], v[3]));
        let b = four(v4, pair(v4, v[4], v[5]), pair(v4, v[6], v[7]));
        let c = four(v4, pair(v4, v[8], v[9]), pair(v4, v[10], v[11]));
        let d = four(v4, pair(v4, v[12], v[13]), pair(v4, v[14], v[15]));
        quarters(v4, quarters(v4, a, b), quarters(v4, c, d))
    }

    /// Of each quarter, lanes 0 and 2, and 1 and 3, of a and of b in turn.
    #[inline(always)]
    fn pair(v4: V4, a: __m512, b: __m512) -> __m512 {
        let avx = v4.avx512f;
        avx._mm512_add_ps(avx._mm512_unpacklo_ps(a, b), avx._mm512_unpackhi_ps(a, b))
    }

    /// Each quarter's sums of four vectors.
    #[inline(always)]
    fn four(v4: V4, a: __m512, b: __m512) -> __m512 {
        let avx = v4.avx512f;
        let (a, b) = (avx._mm512_castps_pd(a), avx._mm512_castps_pd(b));
        let low = avx._mm512_castpd_ps(avx._mm512_unpacklo_pd(a, b));
        avx._mm512_add_ps(low, avx._mm512_castpd_ps(avx._mm512_unpackhi_pd(a, b)))
    }

    /// Quarters 0 and 1, and 2 and 3, of a and then of b.
    #[inline(always)]
    fn quarters(v4: V4, a: __m512, b: __m512) -> __m512 {
        let avx = v4.avx512f;
        avx._mm512_add_ps(avx._mm512_shuffle_f32x4::<0x88>(a, b), avx._mm512_shuffle_f32x4::<0xdd>(a, b))
    }
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, WithSimd};

    use super::*;

    struct Sums<'a>(&'a [f32]);

    impl WithSimd for Sums<'_> {
        type Output = [f32; VECTORS];

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> [f32; VECTORS] {
            let mut vectors = [simd.splat_f32s(0.0); VECTORS];
            for (at, vector) in vectors.iter_mut().enumerate() {
                *vector = S::as_simd_f32s(&self.0[at * S::F32_LANES..]).0[0];
            }
            sums(simd, &vectors)
        }
    }

    #[test]
    fn each_vector_is_summed_and_the_same_in_any_place() {
        let mut numbers: Vec<f32> =
            (0..VECTORS * 16).map(|n| ((n * 7919) % 1013) as f32 / 7.0 - 60.0).collect();
        let lanes = Arch::new().dispatch(Lanes);
        let expected = |numbers: &[f32]| -> Vec<f64> {
            let vectors = numbers.chunks_exact(lanes).take(VECTORS);
            vectors.map(|vector| vector.iter().map(|&x| f64::from(x)).sum()).collect()
        };
        let ours = Arch::new().dispatch(Sums(&numbers));
        for (ours, expected) in ours.iter().zip(expected(&numbers)) {
            assert!((f64::from(*ours) - expected).abs() < 1e-3, "{ours} for {expected}");
        }
        for turn in 1..VECTORS {
            numbers[..VECTORS * lanes].rotate_left(lanes);
            let turned = Arch::new().dispatch(Sums(&numbers));
            for at in 0..VECTORS {
                assert_eq!(turned[at].to_bits(), ours[(at + turn) % VECTORS].to_bits());
            }
        }
    }

    struct Lanes;

    impl WithSimd for Lanes {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
}

//! Random numbers for tests, the same for the same seed. `QUICKSILVER_SEED` sets the seed, and
//! `QUICKSILVER_TIER=nightly` makes the long run of the reliability report.

pub(crate) struct Dice(u64);

impl Dice {
    /// Dice for one test; the seed is printed with a failure's output.
    pub(crate) fn new(test: &str) -> Self {
        let seed = number("QUICKSILVER_SEED").unwrap_or(0x51ab_1e5e);
        eprintln!("{test}: QUICKSILVER_SEED={seed}");
        Self(
            test.bytes().fold(seed | 1, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
                | 1,
        )
    }

    /// 0 up to, not including, `end`; 0 where `end` is 0. (xorshift64*)
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let random = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16;
        if end == 0 { 0 } else { (random % end as u64) as usize }
    }

    /// True `percent` times in a hundred.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of `all`.
    pub(crate) fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

/// How often: for each commit, or in the long run.
pub(crate) fn count(commit: usize, nightly: usize) -> usize {
    if std::env::var("QUICKSILVER_TIER").is_ok_and(|tier| tier == "nightly") { nightly } else { commit }
}

/// Says what an item of the reliability report did and what came of it.
pub(crate) fn report(id: &str, did: &str, result: &str) {
    println!("reliability | {id} | {did} | {result}");
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

//! How much of each item of the reliability report is done, and how it is said. `QUICKSILVER_TIER=nightly` makes the
//! long run of the same tests; without it they do what each commit gets. Knows counts and seeds, no item.

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// How the line of a finished item begins; `reliability` the command looks for it.
pub const MARK: &str = "reliability |";
/// The seed when none is given.
pub const SEED: u64 = 0x51ab_1e5e;

/// Whether this is the long run.
#[must_use]
pub fn is_nightly() -> bool {
    std::env::var("QUICKSILVER_TIER").is_ok_and(|tier| tier == "nightly")
}

/// How often, in the run that this is.
#[must_use]
pub fn count(commit: usize, nightly: usize) -> usize {
    if is_nightly() { nightly } else { commit }
}

/// `QUICKSILVER_SEED`, or the usual one.
#[must_use]
pub fn seed() -> u64 {
    std::env::var("QUICKSILVER_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED)
}

/// Runs a property so often, from the run's seed.
#[must_use]
pub fn runner(cases: usize) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed().to_le_bytes());
    let cases = u32::try_from(cases).unwrap_or(u32::MAX);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// Says what an item did and what came of it.
#[expect(clippy::print_stdout, reason = "it is what a report is made of")]
pub fn report(id: &str, did: &str, result: &str) {
    println!("{MARK} {id} | {did} | {result}");
}

/// Random numbers from the run's seed, for what is no property.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice for one test.
    #[must_use]
    pub fn new(test: &str) -> Self {
        let mix = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(test.bytes().fold(seed() | 1, mix) | 1)
    }

    /// 0 up to, not including, `end`; 0 where `end` is 0. (xorshift64*)
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let random = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16;
        if end == 0 { 0 } else { (random % end as u64) as usize }
    }

    /// One of `all`.
    pub fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

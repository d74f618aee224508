//! Who may ask: keys, and the names that this engine may be called by.
//!
//! A missing key and a wrong one get the same answer after the same work: digests are compared, all of
//! them, in constant time. On loopback a web page could still reach us by rebinding a name it owns to
//! 127.0.0.1; so the `Host` must be a name of this machine, and whatever carries an `Origin` is refused.

use std::net::IpAddr;

use axum::http::{
    HeaderMap,
    header::{AUTHORIZATION, HOST, ORIGIN},
    uri::Authority,
};
use sha2::{Digest, Sha256};
use subtle::{ConditionallySelectable, ConstantTimeEq};

use super::Address;
use crate::{EngineError, queue::KeyId};

/// The keys that may ask, as digests: the keys themselves are not kept.
#[derive(Clone, Default)]
pub struct Keys(Vec<[u8; 32]>);

impl Keys {
    /// One key per line; blank lines and lines starting with `#` do not count.
    #[must_use]
    pub fn parse(lines: &str) -> Self {
        let keys = lines.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(keys.map(|key| Sha256::digest(key).into()).collect())
    }

    /// Whether anybody may ask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&self, key: &[u8]) -> Option<KeyId> {
        let digest: [u8; 32] = Sha256::digest(key).into();
        let mut found = u32::MAX;
        for (i, known) in (0_u32..).zip(&self.0) {
            found.conditional_assign(&i, digest.ct_eq(known));
        }
        (found != u32::MAX).then_some(KeyId(found as usize))
    }
}

/// The gate of one listener.
pub(super) struct Guard {
    keys: Keys,
    only_local_names: bool,
}

impl Guard {
    pub(super) fn new(keys: Keys, address: &Address) -> Self {
        let only_local_names = matches!(address, Address::Tcp(address) if address.ip().is_loopback());
        Self { keys, only_local_names }
    }

    /// Refuses what a web page sends to a loopback engine.
    ///
    /// # Errors
    /// [`EngineError::Forbidden`].
    pub(super) fn check_origin(&self, headers: &HeaderMap) -> Result<(), EngineError> {
        if !self.only_local_names {
            return Ok(());
        }
        if headers.contains_key(ORIGIN) {
            return Err(EngineError::Forbidden("a request with an `Origin`"));
        }
        let mut hosts = headers.get_all(HOST).iter();
        match (hosts.next().map(|host| host.to_str()), hosts.next()) {
            // HTTP/1.0 has no Host; no browser speaks it.
            (None, None) => Ok(()),
            (Some(Ok(host)), None) if is_local(host) => Ok(()),
            _ => Err(EngineError::Forbidden("this `Host`")),
        }
    }

    /// Whose request it is.
    ///
    /// # Errors
    /// [`EngineError::Unauthorized`], with or without a key in the request.
    pub(super) fn check_key(&self, headers: &HeaderMap) -> Result<KeyId, EngineError> {
        if self.keys.is_empty() {
            return Ok(KeyId::default());
        }
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let key = match (given.next(), given.next()) {
            (Some(value), None) => bearer(value.as_bytes()).unwrap_or_default(),
            _ => &[],
        };
        self.keys.find(key).ok_or(EngineError::Unauthorized)
    }
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(key.trim_ascii())
}

fn is_local(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine_and_no_others() {
        for good in ["localhost", "LOCALHOST:80", "127.0.0.1:4000", "127.8.9.1", "[::1]:4000", "[::1]"] {
            assert!(is_local(good), "{good}");
        }
        for bad in ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "a b"]
        {
            assert!(!is_local(bad), "{bad}");
        }
    }

    #[test]
    fn each_key_has_its_own_id_and_comments_are_none() {
        let keys = Keys::parse("# team\nalpha\n\n  beta  \n");
        assert_eq!(keys.find(b"alpha"), Some(KeyId(0)));
        assert_eq!(keys.find(b"beta"), Some(KeyId(1)));
        for wrong in ["", "alph", "alphaa", "# team", "ALPHA"] {
            assert_eq!(keys.find(wrong.as_bytes()), None, "{wrong}");
        }
    }

    /// Mean times of a key that is wrong from its first character and one that is wrong in its last, a million tries
    /// each, the slowest hundredth cut off. Comparing the keys themselves would differ by tens of nanoseconds.
    #[test]
    #[ignore = "measures time: wants a quiet machine; `cargo test --release -- --ignored the_time`"]
    fn the_time_of_a_refusal_tells_nothing_of_the_key() {
        const SAMPLES: usize = 1_000_000;
        let key = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        let guard = Guard { keys: Keys::parse(key), only_local_names: true };
        let wrong = [format!("Bearer {}", "f".repeat(64)), format!("Bearer {}e", &key[..63])];
        let mut times = [Vec::with_capacity(SAMPLES), Vec::with_capacity(SAMPLES)];
        let mut order = 0x9e37_79b9_u32;
        while times.iter().any(|class| class.len() < SAMPLES) {
            order ^= order << 13;
            order ^= order >> 17;
            order ^= order << 5;
            let class = (order & 1) as usize;
            // Made anew each time, so that neither class has a place in memory of its own.
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, wrong[class].parse().unwrap_or(HOST.into()));
            let begun = std::time::Instant::now();
            let refused = std::hint::black_box(guard.check_key(&headers)).is_err();
            let took = begun.elapsed().as_nanos() as f64;
            assert!(refused);
            times[class].push(took);
        }
        let [far, near] = times.map(|mut class| {
            class.sort_by(f64::total_cmp);
            class.truncate(class.len() * 99 / 100);
            class.iter().sum::<f64>() / class.len() as f64
        });
        assert!((far - near).abs() < 1.0, "{far:.2} ns against {near:.2} ns");
    }
}

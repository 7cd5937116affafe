//! What one job, one key and one address may take.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Whoever was quiet may send as much at once as in this time.
const BURST: Duration = Duration::from_secs(10);
/// When so many are remembered, those that may send again as they like are forgotten.
const MANY: usize = 10_000;

/// What a gateway gives to each; `None` is no limit but those of spec and market.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Bytes of all blobs of one job, whoever put them.
    pub job_bytes: Option<u64>,
    /// Bytes of all blobs of one key, in all its jobs.
    pub key_bytes: Option<u64>,
    /// Requests a second of one address, reads and writes; ten seconds' worth at once. Of IPv6 the network counts (64 bits).
    pub requests_per_second: Option<u32>,
    /// Writes of blobs a second of one key; ten seconds' worth at once.
    pub writes_per_second: Option<u32>,
}

/// Lets each key through at a steady rate (the generic cell rate algorithm).
pub(crate) struct Rates<K> {
    /// Time that each request takes from a key's account; `None` lets all through.
    each: Option<Duration>,
    /// When the account of a key will be full again.
    full: Mutex<HashMap<K, Instant>>,
}

impl<K: Eq + Hash> Rates<K> {
    pub(crate) fn new(per_second: Option<u32>) -> Self {
        let each = |n: u32| Duration::from_secs(1) / n.max(1);
        Self {
            each: per_second.map(each),
            full: Mutex::default(),
        }
    }

    /// Whether a request of this key is let through now.
    pub(crate) fn lets(&self, key: K, now: Instant) -> bool {
        let Some(each) = self.each else {
            return true;
        };
        // whoever panicked with it in hand changed one entry or none
        let mut full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        if full.len() >= MANY {
            full.retain(|_, at| *at > now);
        }
        let then = full.get(&key).map_or(now, |at| (*at).max(now)) + each;
        let lets = then.saturating_duration_since(now) <= BURST;
        if lets {
            full.insert(key, then);
        }
        lets
    }
}

/// Who counts as one: an address, of IPv6 its network.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let mut octets = v6.octets();
            if let Some(host) = octets.get_mut(8..) {
                host.fill(0);
            }
            IpAddr::V6(octets.into())
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_key_may_send_ten_seconds_worth_at_once_and_then_at_its_rate() {
        let (rates, start) = (Rates::new(Some(2)), Instant::now());
        let lets = |key, millis| rates.lets(key, start + Duration::from_millis(millis));
        for _ in 0..20 {
            assert!(lets('a', 0));
        }
        assert!(!lets('a', 0));
        assert!(!lets('a', 499));
        assert!(lets('b', 499), "another key has an account of its own");
        assert!(lets('a', 500));
        assert!(!lets('a', 501));
        // refused requests cost nothing
        assert!(lets('a', 1_001));
    }

    #[test]
    fn without_a_rate_all_go_through_and_nothing_is_remembered() {
        let (rates, now) = (Rates::new(None), Instant::now());
        assert!((0..100_000).all(|_| rates.lets('a', now)));
        assert!(rates.full.lock().unwrap().is_empty());
    }

    #[test]
    fn those_that_may_send_again_are_forgotten() {
        let (rates, start) = (Rates::new(Some(1)), Instant::now());
        for key in 0..MANY {
            assert!(rates.lets(key, start));
        }
        assert!(rates.lets(MANY, start + Duration::from_secs(2)));
        assert_eq!(rates.full.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}

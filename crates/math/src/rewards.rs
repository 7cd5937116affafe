//! Stake rewards (protocol, "Rewards"): they stream, and an accumulator per share says who earned what, at the same
//! cost for one delegator and for ten thousand.

use crate::mul_div_floor;
use crate::wide::{add, div_wide, mul, mul_wide};

/// What of `left` has flowed by `now`, of a stream applied up to `at` that ends at `end`:
/// `floor(left x (now - at) / (end - at))`, all of it from `end` on, nothing before `at`.
#[inline]
pub fn streamed(left: u64, at: i64, end: i64, now: i64) -> Option<u64> {
    if now >= end {
        return Some(left);
    }
    if now <= at {
        return Some(0);
    }
    mul_div_floor(left, span(at, now), span(at, end))
}

/// When a stream of `left` until `end` ends after `new` has joined it at `now`, new money streaming for `seconds`:
/// `now + floor((left x (end - now) + new x seconds) / (left + new))`, a second at least. Weighted by amount, so that
/// dust neither hastens nor delays what streams. `None` where `left + new` does not fit, which no vault can hold.
#[inline]
pub fn stream_end(left: u64, end: i64, new: u64, now: i64, seconds: u64) -> Option<i64> {
    let rest = if end > now { span(now, end) } else { 0 };
    let total = left.checked_add(new)?;
    let (high, low) = mul_wide(left, rest);
    let (more_high, more_low) = mul_wide(new, seconds);
    let (low, carry) = low.overflowing_add(more_low);
    let high = high.checked_add(more_high)?.checked_add(carry.into())?;
    if high >= total {
        return None;
    }
    let (duration, _) = div_wide(high, low, total);
    now.checked_add(i64::try_from(duration.max(1)).ok()?)
}

/// What one of `shares` earns of `amount`, Q64.64: `floor(amount x 2^64 / shares)`. `None` without shares.
#[inline]
pub fn per_share(amount: u64, shares: u64) -> Option<u128> {
    let whole = amount.checked_div(shares)?;
    let (fraction, _) = div_wide(amount.checked_rem(shares)?, 0, shares);
    Some(u128::from(whole) << 64 | u128::from(fraction))
}

/// What `shares` earned between two readings of the accumulator: `floor(shares x (now - then) / 2^64)`. The
/// accumulator wraps; its differences are exact. `None` if it does not fit, which no sum of real rewards reaches.
#[inline]
pub fn earned(shares: u64, then: u128, now: u128) -> Option<u64> {
    let difference = now.wrapping_sub(then);
    if difference == 0 {
        return Some(0);
    }
    // by halves: the product of 64 and 128 bits does not fit 128
    let (low, _) = mul_wide(shares, difference as u64);
    add(mul(shares, (difference >> 64) as u64)?, low)
}

/// Seconds from one time to a later one: two of them are less than 2^64 apart, so this is exact.
#[inline(always)]
const fn span(from: i64, to: i64) -> u64 {
    to.wrapping_sub(from).cast_unsigned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    extern crate std;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_stream_pays_all_of_itself_and_no_more_however_often_it_is_applied(
            left in 0u64.., length in 1i64..1_000_000, steps in prop::collection::vec(0i64..200_000, 0..40),
        ) {
            let (mut rest, mut at, mut now) = (left, 0, 0);
            for step in steps {
                now += step;
                let out = streamed(rest, at, length, now).unwrap();
                prop_assert!(out <= rest);
                (rest, at) = (rest - out, now);
                // never ahead of an even flow
                let even = (u128::from(left) * now.min(length) as u128 / length as u128) as u64;
                prop_assert!(left - rest <= even);
            }
            prop_assert_eq!(streamed(rest, at, length, now.max(length)), Some(rest));
        }

        #[test]
        fn a_stream_ends_between_now_and_a_full_length_later(
            left in 0u64.., rest in 0i64..604_800, new in 1u64.., seconds in 3_600u64..604_800,
        ) {
            let rest = rest.min(seconds as i64);
            let end = stream_end(left, 1_000 + rest, new, 1_000, seconds);
            if left.checked_add(new).is_none() {
                prop_assert_eq!(end, None);
                return Ok(());
            }
            let [left, new, length, seconds_] = [left, new, rest as u64, seconds].map(u128::from);
            let exact = (left * length + new * seconds_) / (left + new);
            prop_assert_eq!(end, Some(1_000 + exact.max(1) as i64));
            prop_assert!(exact <= seconds_);
        }

        #[test]
        fn shares_and_earnings_are_those_of_128_bits(amount: u64, shares in 1u64.., held: u64, then: u128, high in 0u64..1 << 20, low: u64) {
            prop_assert_eq!(per_share(amount, shares), Some((u128::from(amount) << 64) / u128::from(shares)));
            // (held x high) below 2^84 and (held x low / 2^64) below 2^64: the exact sum fits
            let exact = u128::from(held) * u128::from(high) + ((u128::from(held) * u128::from(low)) >> 64);
            let now = then.wrapping_add(u128::from(high) << 64 | u128::from(low));
            prop_assert_eq!(earned(held, then, now), u64::try_from(exact).ok());
        }

        #[test]
        fn dust_hardly_moves_the_end(left in 1u64 << 40.., rest in 1i64..604_800) {
            let end = stream_end(left, rest, 1, 0, 604_800).unwrap();
            prop_assert!((end - rest).abs() <= 1);
        }

        #[test]
        fn what_all_earn_is_never_more_than_what_was_given(
            amounts in prop::collection::vec(0u64..1 << 50, 1..20), shares in prop::collection::vec(1u64..1 << 50, 1..20), start: u128,
        ) {
            let total: u64 = shares.iter().sum();
            let given: u64 = amounts.iter().sum();
            // from anywhere, so also over the wrap
            let now = amounts.iter().fold(start, |sum, amount| sum.wrapping_add(per_share(*amount, total).unwrap()));
            let earned: u64 = shares.iter().map(|s| earned(*s, start, now).unwrap()).sum();
            prop_assert!(earned <= given);
            // rounding loses less than a unit a holder, and 2^-64 a share and gift
            prop_assert!(given - earned <= shares.len() as u64 + amounts.len() as u64);
        }

        #[test]
        fn earning_by_halves_is_earning_exactly(shares in 0u64..1 << 32, then: u128, difference in 0u128..1 << 95) {
            let exact = u64::try_from((u128::from(shares) * difference) >> 64).ok();
            prop_assert_eq!(earned(shares, then, then.wrapping_add(difference)), exact);
        }
    }

    #[test]
    fn the_edges_stand() {
        assert_eq!(streamed(10, 5, 15, 4), Some(0));
        assert_eq!(streamed(10, 5, 15, 5), Some(0));
        assert_eq!(streamed(10, 5, 15, 10), Some(5));
        assert_eq!(streamed(10, 5, 15, 15), Some(10));
        assert_eq!(stream_end(0, 0, 7, 100, 50), Some(150));
        // a second at least
        assert_eq!(stream_end(u64::MAX - 1, 101, 1, 100, 1), Some(101));
        // more than any vault can hold
        assert_eq!(stream_end(u64::MAX, 101, 1, 100, 1), None);
        assert_eq!(stream_end(0, 0, 0, 100, 50), None);
        // times as far apart as they can be
        let half = u64::MAX / 2;
        assert_eq!(streamed(u64::MAX, i64::MIN, i64::MAX, -1), Some(half));
        assert_eq!(per_share(1, 0), None);
        assert_eq!(earned(u64::MAX, 0, u128::MAX), None);
    }
}

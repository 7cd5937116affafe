//! Pure arithmetic of the protocol: bills, windows, shares, nonces. No accounts, no clock, no allocation.
//!
//! Every function that can leave the range of its type returns `None` there, and nothing panics. Amounts are base
//! units of a mint, shares of a whole are basis points (10 000 = 1), work is counted in units.
#![no_std]
#![warn(missing_docs)]

pub mod bills;
pub mod concentration;
pub mod emission;
pub mod lottery;
pub mod nonce;
pub mod rewards;
pub mod shares;
pub mod slashes;
pub mod wide;
pub mod windows;

/// Basis points in a whole.
pub const BPS: u64 = 10_000;

/// `ceil(a x b / c)`, or `None` if `c` is 0 or the result does not fit.
#[inline]
pub const fn mul_div_ceil(a: u64, b: u64, c: u64) -> Option<u64> {
    match wide::mul_div(a, b, c) {
        Some((quotient, 0)) => Some(quotient),
        Some((quotient, _)) => quotient.checked_add(1),
        None => None,
    }
}

/// `floor(a x b / c)`, or `None` if `c` is 0 or the result does not fit.
#[inline]
pub const fn mul_div_floor(a: u64, b: u64, c: u64) -> Option<u64> {
    match wide::mul_div(a, b, c) {
        Some((quotient, _)) => Some(quotient),
        None => None,
    }
}

/// `ceil(amount x bps / 10 000)`.
#[inline]
pub const fn bps_ceil(amount: u64, bps: u64) -> Option<u64> {
    mul_div_ceil(amount, bps, BPS)
}

/// `floor(amount x bps / 10 000)`.
#[inline]
pub const fn bps_floor(amount: u64, bps: u64) -> Option<u64> {
    mul_div_floor(amount, bps, BPS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_short_way_and_the_long_way_agree(a: u64, b: u64, c in 1u64..) {
            let exact = a as u128 * b as u128;
            prop_assert_eq!(mul_div_floor(a, b, c), u64::try_from(exact / c as u128).ok());
            prop_assert_eq!(mul_div_ceil(a, b, c), u64::try_from(exact.div_ceil(c as u128)).ok());
        }
    }

    #[test]
    fn nothing_is_divided_by_zero() {
        assert_eq!(mul_div_floor(1, 1, 0), None);
        assert_eq!(mul_div_ceil(1, 1, 0), None);
    }
}

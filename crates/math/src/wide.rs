//! Sums and products that may not fit 64 bits. The compiler's own 128-bit multiplication and division cost several
//! hundred compute units on chain, these a third; amounts with nine decimals need them all the time.

const HALF: u64 = u32::MAX as u64;

/// `a x b`, or `None` where it does not fit.
#[inline]
pub const fn mul(a: u64, b: u64) -> Option<u64> {
    // Short numbers, as nearly all are, need no more than this; `checked_mul` is a call of forty compute units.
    if (a | b) <= HALF {
        return Some(a.wrapping_mul(b));
    }
    match mul_wide(a, b) {
        (0, product) => Some(product),
        _ => None,
    }
}

/// `a + b`, or `None` where it does not fit.
#[inline(always)]
pub const fn add(a: u64, b: u64) -> Option<u64> {
    // Below 2^63, as nearly all are, they cannot overflow: two steps instead of the eight of `checked_add`.
    if (a | b) >> 63 == 0 {
        return Some(a.wrapping_add(b));
    }
    add_high(a, b)
}

#[cold]
#[inline(never)]
const fn add_high(a: u64, b: u64) -> Option<u64> {
    a.checked_add(b)
}

/// `a x b` as its high and its low 64 bits.
#[inline]
pub const fn mul_wide(a: u64, b: u64) -> (u64, u64) {
    // Schoolbook, digits of 32 bits: no sum below leaves 64 bits, as (2^32 - 1)^2 + 2 (2^32 - 1) = 2^64 - 1.
    let (a_high, a_low, b_high, b_low) = (a >> 32, a & HALF, b >> 32, b & HALF);
    let low = a_low.wrapping_mul(b_low);
    let one = a_high.wrapping_mul(b_low).wrapping_add(low >> 32);
    let two = a_low.wrapping_mul(b_high).wrapping_add(one & HALF);
    let high = a_high
        .wrapping_mul(b_high)
        .wrapping_add(one >> 32)
        .wrapping_add(two >> 32);
    (high, two << 32 | low & HALF)
}

/// `a x b / c` and what remains; `None` where the quotient does not fit, or `c` is 0.
#[inline]
pub const fn mul_div(a: u64, b: u64, c: u64) -> Option<(u64, u64)> {
    match mul(a, b) {
        // nearly every bill
        Some(product) if c != 0 => Some((product / c, product % c)),
        Some(_) => None,
        None => mul_div_wide(a, b, c),
    }
}

/// The same where the product does not fit; one copy in a program, the rest of it stands wherever it is used.
#[inline(never)]
const fn mul_div_wide(a: u64, b: u64, c: u64) -> Option<(u64, u64)> {
    let (high, low) = mul_wide(a, b);
    if high >= c {
        return None;
    }
    Some(div_wide(high, low, c))
}

/// `(high x 2^64 + low) / divisor` and what remains. Needs `high < divisor`, so that the quotient fits.
#[inline(never)]
pub const fn div_wide(high: u64, low: u64, divisor: u64) -> (u64, u64) {
    if divisor <= HALF {
        // what remains of each digit is below 2^32, so it and the next digit fit one division
        let (first, rest) = digit(high, low >> 32, divisor);
        let (second, rest) = digit(rest, low & HALF, divisor);
        return (first << 32 | second, rest);
    }
    // Knuth, volume 2, algorithm D with two digits: the divisor is moved up until its highest bit is set, then each
    // digit is guessed from the divisor's upper half, at most two too high.
    let up = divisor.leading_zeros();
    let divisor = divisor << up;
    let (high, low) = if up == 0 {
        (high, low)
    } else {
        (high << up | low >> (64 - up), low << up)
    };
    let (first, rest) = guessed_digit(high, low >> 32, divisor);
    let (second, rest) = guessed_digit(rest, low & HALF, divisor);
    (first << 32 | second, rest >> up)
}

/// One digit by one division: `rest x 2^32 + next` fits.
#[inline(always)]
const fn digit(rest: u64, next: u64, divisor: u64) -> (u64, u64) {
    let whole = rest << 32 | next;
    (whole / divisor, whole % divisor)
}

/// One digit of `(rest x 2^32 + next) / divisor` and what remains, the divisor's highest bit being set.
#[inline(always)]
const fn guessed_digit(rest: u64, next: u64, divisor: u64) -> (u64, u64) {
    let (upper, lower) = (divisor >> 32, divisor & HALF);
    let (mut guess, mut left) = (rest / upper, rest % upper);
    while guess > HALF || guess.wrapping_mul(lower) > (left << 32 | next) {
        guess = guess.wrapping_sub(1);
        left = left.wrapping_add(upper);
        if left > HALF {
            break;
        }
    }
    let whole = (rest << 32 | next).wrapping_sub(guess.wrapping_mul(divisor));
    (guess, whole)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// Numbers of every length, with long runs of ones and zeros: where carries and guesses go wrong.
    fn number() -> impl Strategy<Value = u64> {
        (any::<u64>(), 0u32..64, any::<u64>(), 0u32..64).prop_map(|(bits, down, mask, shift)| {
            match mask % 4 {
                0 => bits >> down,
                1 => u64::MAX >> down,
                2 => (u64::MAX << shift) >> down,
                _ => (1u64 << shift).wrapping_sub(mask >> 60),
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn sums_and_products_are_exact(a in number(), b in number()) {
            let exact = u128::from(a) * u128::from(b);
            let (high, low) = mul_wide(a, b);
            prop_assert_eq!(u128::from(high) << 64 | u128::from(low), exact);
            prop_assert_eq!(mul(a, b), u64::try_from(exact).ok());
            prop_assert_eq!(mul(a, b), a.checked_mul(b));
            prop_assert_eq!(add(a, b), a.checked_add(b));
        }

        #[test]
        fn quotients_and_rests_are_those_of_128_bits(high in number(), low in number(), divisor in number()) {
            prop_assume!(divisor != 0);
            let high = high % divisor;
            let whole = u128::from(high) << 64 | u128::from(low);
            let (quotient, rest) = div_wide(high, low, divisor);
            prop_assert_eq!(u128::from(quotient), whole / u128::from(divisor));
            prop_assert_eq!(u128::from(rest), whole % u128::from(divisor));
        }

        #[test]
        fn a_product_divided_is_that_of_128_bits(a in number(), b in number(), c in number()) {
            let exact = u128::from(a) * u128::from(b);
            let expected = u64::try_from(exact.checked_div(u128::from(c)).unwrap_or(u128::MAX))
                .ok()
                .map(|quotient| (quotient, (exact % u128::from(c)) as u64));
            prop_assert_eq!(mul_div(a, b, c), expected);
        }
    }

    #[test]
    fn the_corners_of_the_long_division_are_exact() {
        let edges = [
            1,
            2,
            3,
            HALF - 1,
            HALF,
            HALF + 1,
            HALF + 2,
            1 << 63,
            (1 << 63) + 1,
            (1 << 63) - 1,
            (1 << 63) + HALF,
            u64::MAX - HALF,
            u64::MAX - 1,
            u64::MAX,
        ];
        for divisor in edges {
            for high in edges.into_iter().chain([0]).filter(|high| *high < divisor) {
                for low in edges.into_iter().chain([0]) {
                    let whole = u128::from(high) << 64 | u128::from(low);
                    let (quotient, rest) = div_wide(high, low, divisor);
                    assert_eq!(u128::from(quotient), whole / u128::from(divisor));
                    assert_eq!(u128::from(rest), whole % u128::from(divisor));
                }
            }
        }
    }
}

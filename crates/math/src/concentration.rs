//! How concentrated holdings are: Gini coefficient, Herfindahl-Hirschman index, Nakamoto coefficient.
//!
//! Integers only, so that the same holdings give the same figure on every machine. All functions take what each owner
//! holds; owners who hold nothing count in [`gini`] alone.
//!
//! Sources of the formulas:
//! - Gini: C. Gini, *Variabilita e mutabilita* (1912); for values in ascending order, with i from 1,
//!   `G = 2 x sum(i x v_i) / (n x sum(v_i)) - (n + 1) / n` (P. M. Dixon et al., *Bootstrapping the Gini coefficient of
//!   inequality*, Ecology 68, 1987).
//! - Herfindahl-Hirschman: `H = sum(s_i^2)` with the shares `s_i` (A. O. Hirschman, *National power and the structure of
//!   foreign trade*, 1945; O. C. Herfindahl, *Concentration in the steel industry*, 1950).
//! - Nakamoto: the smallest number of owners who together hold more than a threshold (B. S. Srinivasan and L. Lee,
//!   *Quantifying decentralization*, 2017).

use crate::BPS;

/// Shares are reckoned in parts of this: 10^12.
const PARTS: u128 = 1_000_000_000_000;

/// Gini coefficient in basis points, rounded down: 0 where all hold the same, up to `10 000 x (1 - 1/n)` where one of n
/// holds all. Sorts the holdings. `None` where nobody holds anything, or the sums do not fit.
pub fn gini(holdings: &mut [u64]) -> Option<u64> {
    holdings.sort_unstable();
    let count = u128::try_from(holdings.len()).ok()?;
    let (mut sum, mut ranked) = (0u128, 0u128);
    for (rank, held) in (1u128..).zip(holdings.iter()) {
        sum = sum.checked_add(u128::from(*held))?;
        ranked = ranked.checked_add(rank.checked_mul(u128::from(*held))?)?;
    }
    // (2 x ranked - (n + 1) x sum) / (n x sum): never below 0 for values in ascending order
    let above = ranked
        .checked_mul(2)?
        .checked_sub(count.checked_add(1)?.checked_mul(sum)?)?;
    let below = count.checked_mul(sum)?;
    let bps = match above.checked_mul(u128::from(BPS)) {
        Some(scaled) => scaled.checked_div(below)?,
        None => above.checked_div(below.div_ceil(u128::from(BPS)))?,
    };
    u64::try_from(bps).ok()
}

/// Herfindahl-Hirschman index in basis points, at most one below the exact figure rounded down: 10 000 where one holds
/// all, `10 000 / n` where n hold the same. `None` where nobody holds anything.
pub fn herfindahl(holdings: &[u64]) -> Option<u64> {
    let sum = total(holdings)?;
    let mut squares = 0u128;
    for held in holdings {
        // a sum of u64 times 10^12 fits: 2^64 x 2^40
        let part = u128::from(*held).checked_mul(PARTS)?.checked_div(sum)?;
        squares = squares.checked_add(part.checked_mul(part)?)?;
    }
    // less than one part in 10^12 of each owner's share was rounded away
    u64::try_from(
        squares
            .checked_mul(u128::from(BPS))?
            .checked_div(PARTS.checked_mul(PARTS)?)?,
    )
    .ok()
}

/// Nakamoto coefficient: the smallest number of owners who together hold more than `threshold` basis points of all. Sorts
/// the holdings. `None` where nobody holds anything, or the threshold is the whole.
pub fn nakamoto(holdings: &mut [u64], threshold: u64) -> Option<u64> {
    let sum = total(holdings)?;
    if threshold >= BPS {
        return None;
    }
    holdings.sort_unstable();
    let wanted = sum.checked_mul(u128::from(threshold))?;
    let mut held = 0u128;
    for (count, holding) in (1u64..).zip(holdings.iter().rev()) {
        held = held.checked_add(u128::from(*holding))?;
        if held.checked_mul(u128::from(BPS))? > wanted {
            return Some(count);
        }
    }
    None
}

fn total(holdings: &[u64]) -> Option<u128> {
    // 2^64 of the largest holdings would not overflow
    let sum = holdings
        .iter()
        .fold(0u128, |sum, held| sum.saturating_add(u128::from(*held)));
    (sum > 0).then_some(sum)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    /// The definition: the mean absolute difference of all pairs, over twice the mean.
    fn gini_by_pairs(v: &[u64]) -> u64 {
        let n = v.len() as u128;
        let differences: u128 = v
            .iter()
            .flat_map(|a| v.iter().map(|b| u128::from(a.abs_diff(*b))))
            .sum();
        let sum: u128 = v.iter().map(|x| u128::from(*x)).sum();
        (differences * 10_000 / (2 * n * sum)) as u64
    }

    /// Every subset of owners.
    fn nakamoto_by_subsets(v: &[u64], threshold: u64) -> u64 {
        let sum: u128 = v.iter().map(|x| u128::from(*x)).sum();
        (0u32..1 << v.len())
            .filter(|set| {
                let held: u128 = v
                    .iter()
                    .enumerate()
                    .filter(|(i, _)| set & (1 << i) != 0)
                    .map(|(_, x)| u128::from(*x))
                    .sum();
                held * 10_000 > sum * u128::from(threshold)
            })
            .map(|set| u64::from(set.count_ones()))
            .min()
            .unwrap()
    }

    fn held(v: &[u64]) -> bool {
        v.iter().any(|x| *x > 0)
    }

    proptest! {
        #[test]
        fn gini_is_the_mean_difference_of_all_pairs(v in prop::collection::vec(0u64..1 << 50, 1..40)) {
            prop_assume!(held(&v));
            prop_assert_eq!(gini(&mut v.clone()).unwrap(), gini_by_pairs(&v));
        }

        #[test]
        fn gini_lies_between_none_and_all_and_neither_order_nor_scale_matters(
            v in prop::collection::vec(0u64..1 << 40, 1..40), scale in 1u64..1 << 20,
        ) {
            prop_assume!(held(&v));
            let g = gini(&mut v.clone()).unwrap();
            prop_assert!(g <= 10_000 - 10_000 / v.len() as u64);
            let mut other: Vec<u64> = v.iter().rev().map(|x| x * scale).collect();
            prop_assert_eq!(gini(&mut other).unwrap(), g);
        }

        #[test]
        fn herfindahl_is_the_sum_of_squared_shares(v in prop::collection::vec(0u64..1 << 50, 1..40)) {
            prop_assume!(held(&v));
            let sum: u128 = v.iter().map(|x| u128::from(*x)).sum();
            // exact by big enough a type: squares of 2^50 times 10^4 fit
            let exact = v.iter().map(|x| u128::from(*x).pow(2)).sum::<u128>() * 10_000 / (sum * sum);
            let h = u128::from(herfindahl(&v).unwrap());
            prop_assert!(h == exact || h + 1 == exact, "{} and {}", h, exact);
            // never below that of equal holdings, never above that of one holder
            prop_assert!(h + 1 >= 10_000 / v.len() as u128 && h <= 10_000);
        }

        #[test]
        fn splitting_an_owner_lowers_herfindahl(v in prop::collection::vec(1u64..1 << 50, 1..20), at in 0usize..20, part in 0u64..1 << 50) {
            let at = at % v.len();
            let part = part % (v[at] + 1);
            let mut split = v.clone();
            split[at] -= part;
            split.push(part);
            prop_assert!(herfindahl(&split).unwrap() <= herfindahl(&v).unwrap());
        }

        #[test]
        fn nakamoto_is_the_smallest_set_over_the_threshold(v in prop::collection::vec(0u64.., 1..10), threshold in 0u64..10_000) {
            prop_assume!(held(&v));
            prop_assert_eq!(nakamoto(&mut v.clone(), threshold).unwrap(), nakamoto_by_subsets(&v, threshold));
        }

        #[test]
        fn no_holdings_make_it_panic(v in prop::collection::vec(any::<u64>(), 0..50), threshold: u64) {
            let some = held(&v);
            prop_assert_eq!(gini(&mut v.clone()).is_some(), some);
            prop_assert_eq!(herfindahl(&v).is_some(), some);
            prop_assert_eq!(nakamoto(&mut v.clone(), threshold).is_some(), some && threshold < 10_000);
        }
    }

    #[test]
    fn the_edges_stand() {
        assert_eq!(gini(&mut []), None);
        assert_eq!(gini(&mut [0, 0]), None);
        assert_eq!(gini(&mut [5, 5, 5]), Some(0));
        assert_eq!(gini(&mut [0, 0, 0, 9]), Some(7_500));
        assert_eq!(gini(&mut vec![u64::MAX; 100]), Some(0));
        assert_eq!(herfindahl(&[7]), Some(10_000));
        assert_eq!(herfindahl(&[1, 1, 1, 1]), Some(2_500));
        assert_eq!(herfindahl(&[u64::MAX, u64::MAX]), Some(5_000));
        assert_eq!(nakamoto(&mut [1, 1, 1], 5_000), Some(2));
        // exactly the threshold is not more than it
        assert_eq!(nakamoto(&mut [1, 1], 5_000), Some(2));
        assert_eq!(nakamoto(&mut [1, 1], 4_999), Some(1));
        assert_eq!(nakamoto(&mut [1, 1], 10_000), None);
    }
}

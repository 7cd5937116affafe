//! One pool, one price (protocol, "staking"): `s` shares are worth `floor(s x stake / total shares)`.

use crate::mul_div_floor;

/// A pool refuses deposits when a slash has left more than this many shares per base unit of stake: prices would
/// become too coarse.
pub const MOST_SHARES_PER_STAKE: u64 = 1_024;

/// Why a deposit is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The amount would buy no share at all.
    TooSmall,
    /// Shares exist, but a slash left nothing behind them, or too little: `shares > 1024 x stake`.
    PoolRuined,
    /// The sum does not fit.
    Overflow,
}

/// Whether a pool of `stake` behind `total` shares still prices shares finely enough to take new ones.
#[inline]
pub fn takes_deposits(stake: u64, total: u64) -> bool {
    total == 0 || (stake > 0 && total <= stake.saturating_mul(MOST_SHARES_PER_STAKE))
}

/// Shares that `amount` buys in a pool of `stake` behind `total` shares: `floor(amount x total / stake)`, one for one
/// in an empty pool.
#[inline]
pub fn buy(amount: u64, stake: u64, total: u64) -> Result<u64, Refusal> {
    if total == 0 {
        // Dust that rounding left in a pool without shares belongs to nobody and stays in the vault.
        return if amount == 0 {
            Err(Refusal::TooSmall)
        } else {
            Ok(amount)
        };
    }
    if !takes_deposits(stake, total) {
        return Err(Refusal::PoolRuined);
    }
    // Never slashed, or nothing was rounded since: a share is a base unit.
    let shares = if stake == total {
        amount
    } else {
        mul_div_floor(amount, total, stake).ok_or(Refusal::Overflow)?
    };
    if shares == 0 {
        return Err(Refusal::TooSmall);
    }
    Ok(shares)
}

/// What `shares` are worth: `floor(shares x stake / total)`, 0 in a pool without shares.
#[inline]
pub fn worth(shares: u64, stake: u64, total: u64) -> u64 {
    if total == 0 {
        return 0;
    }
    // Never slashed, or nothing was rounded since: a share is a base unit.
    if stake == total {
        return shares.min(stake);
    }
    // shares <= total, so the result fits; a broken caller gets the whole stake and no more
    mul_div_floor(shares, stake, total).map_or(stake, |worth| worth.min(stake))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn buying_and_leaving_at_once_gains_nothing(amount in 1u64..1 << 50, stake in 1u64..1 << 50, extra in 0u64..1 << 50) {
            let total = stake.saturating_add(extra).min(stake.saturating_mul(MOST_SHARES_PER_STAKE));
            if let Ok(shares) = buy(amount, stake, total) {
                prop_assert!(worth(shares, stake + amount, total + shares) <= amount);
            }
        }

        #[test]
        fn a_deposit_takes_nothing_from_those_inside(amount in 1u64..1 << 50, stake in 1u64..1 << 50, extra in 0u64..1 << 40, part in 1u64..=100) {
            let total = stake + extra.min(stake);
            let inside = total / 100 * part;
            let before = worth(inside, stake, total);
            if let Ok(shares) = buy(amount, stake, total) {
                prop_assert!(worth(inside, stake + amount, total + shares) >= before);
            }
        }

        #[test]
        fn stake_never_exceeds_shares(amounts in prop::collection::vec((1u64..1 << 40, 0u64..=1_000, any::<bool>()), 1..60)) {
            let (mut stake, mut total) = (0u64, 0u64);
            for (amount, bps, leave) in amounts {
                if let Ok(shares) = buy(amount, stake, total) {
                    stake += amount;
                    total += shares;
                }
                prop_assert!(stake <= total);
                stake -= crate::bps_floor(stake, bps).unwrap();
                if leave {
                    let out = total / 3;
                    stake -= worth(out, stake, total);
                    total -= out;
                }
                // what rounding left behind for those who stay may lift the price, never above one
                prop_assert!(total == 0 || stake <= total);
            }
        }
    }

    #[test]
    fn what_buys_no_share_is_refused() {
        assert_eq!(buy(0, 0, 0), Err(Refusal::TooSmall));
        assert_eq!(buy(0, 5, 5), Err(Refusal::TooSmall));
        assert_eq!(buy(1, 0, 5), Err(Refusal::PoolRuined));
        assert_eq!(buy(1, 1, 1_024), Ok(1_024));
        assert_eq!(buy(1, 1, 1_025), Err(Refusal::PoolRuined));
        assert_eq!(buy(u64::MAX, 1, 1_000), Err(Refusal::Overflow));
    }
}

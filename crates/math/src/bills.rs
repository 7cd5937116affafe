//! What a job costs, locks and forfeits (protocol, "Bills", "Collateral", "Settled").
//!
//! `work` and `checks` rise with the units, so whatever is billed within the limit is covered by the escrow.

use crate::wide::add;
use crate::{bps_ceil, bps_floor, mul_div_ceil, BPS};

/// Units in the million that a price is for.
pub const PRICE_PER: u64 = 1_000_000;

/// `work(x) = ceil(price x x / 10^6)`: what `units` cost at `price` base units per million.
#[inline]
pub fn work(price: u64, units: u64) -> Option<u64> {
    mul_div_ceil(price, units, PRICE_PER)
}

/// `checks(x) = ceil(work(x) x surcharge / 10^4)`: what the customer adds for checks.
#[inline]
pub fn checks(work: u64, surcharge_bps: u64) -> Option<u64> {
    bps_ceil(work, surcharge_bps)
}

/// `work(limit) + checks(limit)`: what a job locks in its customer's ledger.
#[inline]
pub fn escrow(price: u64, limit: u64, surcharge_bps: u64) -> Option<u64> {
    let work = work(price, limit)?;
    add(work, checks(work, surcharge_bps)?)
}

/// `ceil(escrow x 10 000 / check_bps)`: what accepting locks of the node's own money, so that a lie loses in
/// expectation: it is found with probability `check_bps / 10 000` and then forfeits all of this.
#[inline]
pub fn collateral(escrow: u64, check_bps: u64) -> Option<u64> {
    mul_div_ceil(escrow, BPS, check_bps)
}

/// `late = ceil(escrow x late_bps / 10^4)`: what a node forfeits that lets a job expire.
#[inline]
pub fn late(escrow: u64, late_bps: u64) -> Option<u64> {
    bps_ceil(escrow, late_bps)
}

/// `ceil(late x (500 + floor(9 500 x min(elapsed, window) / window)) / 10^4)`: what giving up `elapsed` slots after
/// accepting forfeits. A twentieth at once, all of `late` at the end of the run window.
#[inline]
pub fn give_up(late: u64, elapsed: u64, window: u64) -> Option<u64> {
    let waited = crate::mul_div_floor(9_500, elapsed.min(window), window)?;
    bps_ceil(late, waited.checked_add(500)?)
}

/// How the bill of a settled job is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bill {
    /// `work(units)`: all that the node's work costs.
    pub work: u64,
    /// Of `work`, rounded up: the burn fee.
    pub burn: u64,
    /// Of `work`, rounded down: the market's fee.
    pub fee: u64,
    /// Of `work`: the node's.
    pub node: u64,
    /// `checks(units)`: owed to whoever checks.
    pub checks: u64,
}

/// Divides the bill of `units`: the burn is rounded over the node, the node over the customer. `None` where the fees
/// exceed the work, which bounds on the fees exclude but for dust: see below.
#[inline]
pub fn bill(
    price: u64,
    units: u64,
    surcharge_bps: u64,
    burn_bps: u64,
    fee_bps: u64,
) -> Option<Bill> {
    let work = work(price, units)?;
    // ceil(work x burn) <= work while burn <= 10 000, and the market's floor takes no more than what is left
    // while both are at most 1 000: of 1 base unit, 1 burns and 0 are the market's.
    let burn = bps_ceil(work, burn_bps)?;
    let fee = bps_floor(work, fee_bps)?;
    Some(Bill {
        work,
        burn,
        fee,
        node: work.checked_sub(burn)?.checked_sub(fee)?,
        checks: checks(work, surcharge_bps)?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fees_above_the_work_have_no_bill() {
        // a price of a million per million makes units the work itself
        let bill = |burn, fee| bill(PRICE_PER, 100, 0, burn, fee);
        assert_eq!(bill(10_000, 0).map(|bill| bill.node), Some(0));
        assert_eq!(bill(10_001, 0), None);
        assert_eq!(bill(6_000, 4_000).map(|bill| bill.node), Some(0));
        assert_eq!(bill(6_000, 4_100), None);
    }

    proptest! {
        #[test]
        fn every_bill_within_the_limit_is_covered_by_the_escrow(
            price in 0u64..1 << 40, limit in 0u64..9_000_000_000, part in 0u64..=1_000, surcharge in 0u64..300_000,
        ) {
            let units = limit / 1_000 * part;
            let escrow = escrow(price, limit, surcharge);
            let bill = bill(price, units, surcharge, 300, 200);
            if let (Some(escrow), Some(bill)) = (escrow, bill) {
                prop_assert!(bill.work + bill.checks <= escrow);
                prop_assert_eq!(bill.node + bill.burn + bill.fee, bill.work);
            }
        }

        #[test]
        fn fees_never_exceed_the_work(work_ in 0u64.., burn in 0u64..=1_000, fee in 0u64..=1_000) {
            // a price of a million per million makes units the work itself
            let bill = bill(PRICE_PER, work_, 0, burn, fee).unwrap();
            prop_assert_eq!(bill.work, work_);
            prop_assert_eq!(bill.node + bill.burn + bill.fee, work_);
        }

        #[test]
        fn bills_rise_with_units(price in 0u64..1 << 40, a in 0u64..9_000_000_000, b in 0u64..9_000_000_000) {
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(work(price, low) <= work(price, high));
            prop_assert!(escrow(price, low, 30_000) <= escrow(price, high, 30_000));
        }

        #[test]
        fn collateral_covers_the_escrow_and_k_works(price in 1u64..1 << 30, limit in 1u64..9_000_000_000, check in 1u64..=10_000, k in 3u64..=9) {
            // surcharge >= check_bps x k, so that escrow / q >= work x k
            let escrow = escrow(price, limit, check * k).unwrap();
            let collateral = collateral(escrow, check).unwrap();
            prop_assert!(collateral >= escrow);
            prop_assert!(collateral as u128 >= k as u128 * work(price, limit).unwrap() as u128);
        }

        #[test]
        fn giving_up_costs_more_the_later_and_never_more_than_late(late in 0u64.., a in 0u64..10_000, b in 0u64..10_000, window in 1u64..8_000) {
            let (soon, later) = (a.min(b), a.max(b));
            let (first, second) = (give_up(late, soon, window).unwrap(), give_up(late, later, window).unwrap());
            prop_assert!(first <= second && second <= late);
            prop_assert!(first >= bps_floor(late, 500).unwrap());
            prop_assert_eq!(give_up(late, window, window), Some(late));
        }
    }

    #[test]
    fn a_price_of_one_bills_whole_units_up() {
        assert_eq!(work(1, 1), Some(1));
        assert_eq!(work(1, 1_000_000), Some(1));
        assert_eq!(work(1, 1_000_001), Some(2));
        assert_eq!(escrow(1, 1, 30_000), Some(4));
        assert_eq!(work(0, 5), Some(0));
    }
}

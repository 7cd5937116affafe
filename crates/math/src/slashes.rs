//! How much slashes may take (protocol, "Slashing"): in any time as long as the longest unbonding period, so much at most.
//!
//! A window that simply began anew would let two of them meet in one ticket. So a period counts in halves: the running
//! part and the two before it hold every slash of the last period, whenever that begins.

/// Bits of a part's basis points.
const BITS: u32 = 16;
/// Parts that count.
const PARTS: u32 = 3;

/// What was slashed lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// When the running part began, unix seconds.
    pub start: i64,
    /// Basis points slashed in the running part (the lowest 16 bits), in the one before and in the one before that.
    pub used: u64,
}

impl Window {
    /// Takes what there is room for: `min(due, most - what is counted at now)`, basis points; `most` is at most 10 000.
    /// `period` is the longest unbonding period in seconds.
    pub fn take(&mut self, due: u64, most: u64, period: i64, now: i64) -> u64 {
        self.move_to(period, now);
        let counted: u64 = (0..PARTS)
            .map(|part| self.used >> (part * BITS) & u64::from(u16::MAX))
            .sum();
        let taken = due.min(most.saturating_sub(counted));
        // the sum is at most `most`, so no part outgrows its bits
        self.used = self.used.saturating_add(taken);
        taken
    }

    fn move_to(&mut self, period: i64, now: i64) {
        // two parts are no shorter than a period
        let part = (period / 2).saturating_add(period & 1).max(1);
        let passed = now.saturating_sub(self.start) / part;
        if passed >= i64::from(PARTS) || self.used == 0 {
            (self.start, self.used) = (now, 0);
        } else if passed > 0 {
            self.start = self.start.saturating_add(part.saturating_mul(passed));
            let moved = self.used << (passed as u32 * BITS);
            self.used = moved & ((1 << (PARTS * BITS)) - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    extern crate std;
    const MOST: u64 = 1_000;

    proptest! {
        #[test]
        fn no_period_ever_holds_more_than_the_most(
            period in 1i64..100,
            slashes in prop::collection::vec((0i64..60, 0u64..1_500), 1..60),
        ) {
            let mut window = Window::default();
            let (mut now, mut taken) = (1_000i64, std::vec::Vec::new());
            for (wait, due) in slashes {
                now += wait;
                taken.push((now, window.take(due, MOST, period, now)));
                let last: u64 = taken
                    .iter()
                    .filter(|(at, _)| now - at <= period)
                    .map(|(_, bps)| bps)
                    .sum();
                prop_assert!(last <= MOST);
            }
        }

        #[test]
        fn after_one_and_a_half_periods_of_peace_all_of_it_may_be_taken(
            period in 2i64..100,
            due in 1u64..=MOST,
            wait in 0i64..300,
        ) {
            let mut window = Window::default();
            window.take(due, MOST, period, 1_000);
            let part = (period + 1) / 2;
            let free = if wait >= 3 * part { MOST } else { MOST - due };
            prop_assert_eq!(window.take(MOST, MOST, period, 1_000 + wait), free);
        }
    }

    #[test]
    fn the_edges_stand() {
        let mut window = Window::default();
        assert_eq!(window.take(600, MOST, 10, 100), 600);
        assert_eq!(window.take(600, MOST, 10, 104), 400);
        assert_eq!(
            window,
            Window {
                start: 100,
                used: 1_000
            }
        );
        // a period later to the second it still counts, in whichever part it lies
        assert_eq!(window.take(1, MOST, 10, 110), 0);
        assert_eq!(window.take(1, MOST, 10, 114), 0);
        assert_eq!(window.take(1, MOST, 10, 115), 1);
        // a clock that goes back takes nothing more
        assert_eq!(window.take(MOST, MOST, 10, 90), MOST - 1);
        assert_eq!(window.take(1, MOST, 10, i64::MIN), 0);
        assert_eq!(window.take(1, MOST, i64::MAX, i64::MAX), 0);
    }
}

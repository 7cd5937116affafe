//! Whose turn it is to accept (protocol, "Lottery"): blind to latency and to size.

/// Whether a node whose number is `draw` may accept `waited` slots after the job opened, the ramp being `ramp` slots:
/// `draw <= u64::MAX / ramp x (waited + 1)`, saturating. Without a ramp everyone may at once; at the ramp's end everyone may.
#[inline]
pub fn may_accept(draw: u64, waited: u64, ramp: u64) -> bool {
    if ramp == 0 || waited.saturating_add(1) >= ramp {
        return true;
    }
    draw <= (u64::MAX / ramp).saturating_mul(waited.saturating_add(1))
}

/// The first `waited` with which [`may_accept`] says yes: how many slots after the opening a node's turn comes.
#[inline]
pub fn turn(draw: u64, ramp: u64) -> u64 {
    // without a ramp the division has no answer, and the turn is now
    match u64::MAX.checked_div(ramp) {
        Some(step) if step > 0 => draw.div_ceil(step).saturating_sub(1).min(ramp - 1),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_turn_is_the_first_slot_in_which_one_may_accept(draw: u64, ramp in 0u64..1_000) {
            let turn = turn(draw, ramp);
            prop_assert!(may_accept(draw, turn, ramp));
            prop_assert!(turn == 0 || !may_accept(draw, turn - 1, ramp));
        }

        #[test]
        fn a_turn_once_come_stays(draw: u64, waited in 0u64..1_000, ramp in 0u64..1_000) {
            prop_assert!(!may_accept(draw, waited, ramp) || may_accept(draw, waited + 1, ramp));
        }

        #[test]
        fn everyone_may_at_the_ramps_end(draw: u64, ramp in 1u64..1_000) {
            prop_assert!(may_accept(draw, ramp - 1, ramp));
        }
    }

    #[test]
    fn a_tenth_of_the_nodes_may_in_the_first_of_ten_slots() {
        assert!(may_accept(u64::MAX / 10, 0, 10));
        assert!(!may_accept(u64::MAX / 10 + 1, 0, 10));
        assert!(may_accept(u64::MAX, 0, 0));
    }
}

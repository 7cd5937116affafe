//! Deadlines of jobs, in slots (protocol, "Windows").

use crate::mul_div_ceil;
use crate::wide::add;

/// Slots that a deadline moves on if the cluster restarted inside its window.
pub const RESTART_EXTENSION: u64 = 9_000;
/// Slots a day, as the protocol counts them.
pub const SLOTS_PER_DAY: u64 = 216_000;
/// All windows of a market together stay under seven days.
pub const LONGEST_LIFE: u64 = 7 * SLOTS_PER_DAY;

/// `base + ceil(units x slots per million / 10^6)`: how long a node may run a job of `units`, grace included.
#[inline]
pub fn run_window(base_slots: u64, units: u64, slots_per_million: u64) -> Option<u64> {
    add(
        base_slots,
        mul_div_ceil(units, slots_per_million, 1_000_000)?,
    )
}

/// The deadline that holds: `RESTART_EXTENSION` later if the cluster last restarted inside the window as it would be
/// then, which is after it opened. Only the last restart is known: one that follows within the extension must not take
/// away the time that the one before it gave.
#[inline]
pub fn effective_deadline(deadline: u64, window: u64, last_restart: u64) -> u64 {
    let opened = deadline.saturating_sub(window);
    let longer = deadline.saturating_add(RESTART_EXTENSION);
    if last_restart > opened && last_restart < longer {
        longer
    } else {
        deadline
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_run_window_rounds_up() {
        assert_eq!(run_window(10, 1, 1), Some(11));
        assert_eq!(run_window(10, 0, 5), Some(10));
        assert_eq!(run_window(10, 2_000_000, 5), Some(20));
        assert_eq!(run_window(u64::MAX, 1, 1), None);
    }

    #[test]
    fn only_a_restart_inside_the_window_or_its_extension_extends_it() {
        assert_eq!(effective_deadline(1_000, 100, 0), 1_000);
        assert_eq!(effective_deadline(1_000, 100, 900), 1_000);
        assert_eq!(effective_deadline(1_000, 100, 901), 10_000);
        assert_eq!(effective_deadline(1_000, 100, 999), 10_000);
        assert_eq!(effective_deadline(1_000, 100, 1_000), 10_000);
        assert_eq!(effective_deadline(1_000, 100, 9_999), 10_000);
        assert_eq!(effective_deadline(1_000, 100, 10_000), 1_000);
        assert_eq!(
            effective_deadline(u64::MAX - 1, 100, u64::MAX - 50),
            u64::MAX
        );
    }
}

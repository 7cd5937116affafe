//! How long an agent waits before it tries again.

use std::time::Duration;

/// First and longest pause after a failure.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Time between two looks for what is missing in a store.
pub(crate) const WAITING_PAUSE: Duration = Duration::from_secs(3);

/// The pause after so many failures in a row.
pub(crate) fn pause_after(failures: u32) -> Duration {
    FIRST_PAUSE
        .saturating_mul(1 << failures.saturating_sub(1).min(16))
        .min(LONGEST_PAUSE)
}

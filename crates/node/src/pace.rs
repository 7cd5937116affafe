//! How long a slot lasts: measured, because a window counts slots and a run takes seconds.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a slot is planned to last.
pub(crate) const PLANNED: Duration = Duration::from_millis(400);
/// So much has to be seen before what is measured counts.
const LEAST_SLOTS: u64 = 20;
const LEAST_TIME: Duration = Duration::from_secs(2);
/// How far the measurement looks back.
const LOOK_BACK: Duration = Duration::from_secs(300);
/// No cluster is faster or slower than this.
const FASTEST: Duration = Duration::from_millis(5);
const SLOWEST: Duration = Duration::from_secs(2);

#[derive(Clone, Copy)]
struct Seen {
    at: Instant,
    slot: u64,
}

/// The chain's pace, as its slots were seen to pass.
pub(crate) struct Pace(Mutex<State>);

struct State {
    since: Option<Seen>,
    slot: Duration,
}

impl Pace {
    pub fn new() -> Self {
        Self(Mutex::new(State {
            since: None,
            slot: PLANNED,
        }))
    }

    /// Notes that the chain stands at a slot.
    pub fn see(&self, slot: u64, now: Instant) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = Seen { at: now, slot };
        let Some(since) = state.since else {
            state.since = Some(seen);
            return;
        };
        let slots = slot.saturating_sub(since.slot);
        let time = now.saturating_duration_since(since.at);
        if slots >= LEAST_SLOTS && time >= LEAST_TIME {
            let each = time / u32::try_from(slots).unwrap_or(u32::MAX);
            state.slot = each.clamp(FASTEST, SLOWEST);
        }
        // a server that fell back, or was exchanged, begins anew
        if time >= LOOK_BACK || slot < since.slot {
            state.since = Some(seen);
        }
    }

    /// How long a slot lasts.
    pub fn slot(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_lasts_as_planned_until_it_is_measured() {
        let (pace, start) = (Pace::new(), Instant::now());
        let at = |millis| start + Duration::from_millis(millis);
        pace.see(1_000, at(0));
        pace.see(1_015, at(1_500));
        assert_eq!(pace.slot(), PLANNED);
        pace.see(1_040, at(4_000));
        assert_eq!(pace.slot(), Duration::from_millis(100));
    }

    #[test]
    fn an_old_measurement_gives_way() {
        let (pace, start) = (Pace::new(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        pace.see(0, at(0));
        pace.see(3_000, at(300));
        assert_eq!(pace.slot(), Duration::from_millis(100));
        pace.see(3_100, at(400));
        assert_eq!(pace.slot(), Duration::from_secs(1));
        // a server that is behind says nothing
        pace.see(50, at(401));
        pace.see(60, at(402));
        assert_eq!(pace.slot(), Duration::from_secs(1));
    }
}

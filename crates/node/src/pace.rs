//! How long a slot lasts: measured, because a window counts slots and a run takes seconds.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How long a slot is planned to last.
pub(crate) const PLANNED: Duration = Duration::from_millis(400);
/// So much has to be seen before what is measured counts.
const LEAST_SLOTS: u64 = 20;
const LEAST_TIME: Duration = Duration::from_secs(2);
/// How far the measurement looks back.
const LOOK_BACK: Duration = Duration::from_secs(300);
/// No cluster is faster than the first, and none counts as slower than the second.
const FASTEST: Duration = Duration::from_millis(5);
const SLOWEST: Duration = Duration::from_secs(2);
/// The clock on the wall goes on while a machine sleeps, `Instant` does not: where they differ by more than this, it slept,
/// or its clock was set.
const SLEPT: Duration = Duration::from_secs(2);

#[derive(Clone, Copy)]
struct Seen {
    at: Instant,
    wall: SystemTime,
    slot: u64,
}

/// The chain's pace, as its slots were seen to pass.
pub(crate) struct Pace(Mutex<State>);

struct State {
    since: Option<Seen>,
    last: Option<Seen>,
    slot: Duration,
}

impl Pace {
    pub fn new() -> Self {
        Self(Mutex::new(State {
            since: None,
            last: None,
            slot: PLANNED,
        }))
    }

    /// Notes that the chain stands at a slot, by this machine's two clocks.
    pub fn see(&self, slot: u64, now: Instant, wall: SystemTime) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = Seen {
            at: now,
            wall,
            slot,
        };
        let last = state.last.replace(seen);
        let (Some(since), Some(last)) = (state.since, last) else {
            state.since = Some(seen);
            return;
        };
        let slots = slot.saturating_sub(since.slot);
        let time = now.saturating_duration_since(since.at);
        // slots that passed while this machine slept say nothing of how long each lasts
        let by_wall = wall.duration_since(since.wall).unwrap_or_default();
        let slept = by_wall.abs_diff(time) > SLEPT;
        // faster than any chain since the last look: another server is ahead, or somebody moves the clock of his own network
        let ahead = u32::try_from(slot.saturating_sub(last.slot)).unwrap_or(u32::MAX);
        let lately = now.saturating_duration_since(last.at);
        let jumped = FASTEST.saturating_mul(ahead) > lately.saturating_add(LEAST_TIME);
        // a server that fell back, or was exchanged, begins anew too
        let fell_back = slot < since.slot;
        if slots >= LEAST_SLOTS && time >= LEAST_TIME && !slept && !jumped {
            let each = time / u32::try_from(slots).unwrap_or(u32::MAX);
            state.slot = each.clamp(FASTEST, SLOWEST);
        }
        if slept || jumped || fell_back || time >= LOOK_BACK {
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

    /// A chain that is seen by a machine whose two clocks agree, but for what it sleeps.
    struct Watch(Pace, Instant, SystemTime);

    impl Watch {
        fn new() -> Self {
            Self(Pace::new(), Instant::now(), SystemTime::now())
        }

        /// The chain stands at `slot`, so many milliseconds after the first look; what a slot lasts now.
        fn see(&self, slot: u64, millis: u64) -> Duration {
            self.wakes(slot, millis, 0)
        }

        /// The same after the machine slept for so many seconds in all.
        fn wakes(&self, slot: u64, millis: u64, slept: u64) -> Duration {
            let awake = Duration::from_millis(millis);
            let wall = self.2 + awake + Duration::from_secs(slept);
            self.0.see(slot, self.1 + awake, wall);
            self.0.slot()
        }
    }

    #[test]
    fn a_slot_lasts_as_planned_until_it_is_measured() {
        let watch = Watch::new();
        assert_eq!(watch.see(1_000, 0), PLANNED);
        assert_eq!(watch.see(1_015, 1_500), PLANNED);
        assert_eq!(watch.see(1_040, 4_000), Duration::from_millis(100));
    }

    #[test]
    fn an_old_measurement_gives_way() {
        let watch = Watch::new();
        watch.see(0, 0);
        assert_eq!(watch.see(3_000, 300_000), Duration::from_millis(100));
        assert_eq!(watch.see(3_100, 400_000), Duration::from_secs(1));
        // a server that is behind says nothing
        assert_eq!(watch.see(50, 401_000), Duration::from_secs(1));
        assert_eq!(watch.see(60, 402_000), Duration::from_secs(1));
    }

    #[test]
    fn networks_of_all_paces_are_measured() {
        for each in [10, 100, 400] {
            let watch = Watch::new();
            let mut slot = Duration::ZERO;
            for looks in 0..100 {
                slot = watch.see(looks * 1_000 / each, looks * 1_000);
            }
            let apart = slot.abs_diff(Duration::from_millis(each));
            assert!(apart < Duration::from_millis(10), "{each}: {slot:?}");
        }
    }

    #[test]
    fn a_jump_is_no_pace() {
        let watch = Watch::new();
        watch.see(0, 0);
        assert_eq!(watch.see(9_000, 2_000), PLANNED);
        // and what follows is measured from there
        assert_eq!(watch.see(9_100, 12_000), Duration::from_millis(100));
        // nor is it one after a long time of an ordinary pace
        assert_eq!(watch.see(10_000, 102_000), Duration::from_millis(100));
        assert_eq!(watch.see(19_000, 103_000), Duration::from_millis(100));
        assert_eq!(watch.see(19_100, 113_000), Duration::from_millis(100));
    }

    #[test]
    fn slots_that_passed_while_the_machine_slept_do_not_count() {
        let watch = Watch::new();
        watch.see(0, 0);
        assert_eq!(watch.see(250, 100_000), PLANNED);
        // ten minutes, which look like slots of 57 ms
        assert_eq!(watch.wakes(1_755, 101_000, 600), PLANNED);
        assert_eq!(watch.wakes(1_805, 121_000, 600), PLANNED);
        // a clock that was set back is no reason to measure wrongly either
        watch
            .0
            .see(1_900, watch.1 + Duration::from_secs(125), watch.2);
        assert_eq!(watch.0.slot(), PLANNED);
    }
}

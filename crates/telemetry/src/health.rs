//! Whether an agent is well.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What each part of an agent last said of itself. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<BTreeMap<&'static str, Said>>>);

#[derive(Debug)]
enum Said {
    /// Well, and it will say so again before then.
    Well(Instant),
    /// Not well, for this reason.
    Ill(String),
}

impl Health {
    fn parts(&self) -> MutexGuard<'_, BTreeMap<&'static str, Said>> {
        // Whoever panicked with it in hand changed one entry or none.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A part works. If it does not say so again in time, it hangs.
    pub fn well(&self, part: &'static str, for_the_next: Duration) {
        let now = Instant::now();
        // A time beyond what the clock reaches never comes.
        let until = now.checked_add(for_the_next).unwrap_or(now);
        self.parts().insert(part, Said::Well(until));
    }

    /// A part does not work.
    pub fn ill(&self, part: &'static str, reason: impl Into<String>) {
        self.parts().insert(part, Said::Ill(reason.into()));
    }

    /// What is wrong, a part and its reason each; nothing where all is well.
    pub fn complaints(&self) -> Vec<(&'static str, String)> {
        self.complaints_at(Instant::now())
    }

    fn complaints_at(&self, now: Instant) -> Vec<(&'static str, String)> {
        let parts = self.parts();
        if parts.is_empty() {
            return vec![("start", "nothing was said yet".into())];
        }
        parts
            .iter()
            .filter_map(|(part, said)| match said {
                Said::Ill(reason) => Some((*part, reason.clone())),
                Said::Well(until) if now > *until => {
                    let late = now.duration_since(*until).as_secs();
                    Some((*part, format!("it should have moved {late} s ago")))
                }
                Said::Well(_) => None,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_well_when_every_part_said_so_in_time() {
        let health = Health::default();
        assert_eq!(health.complaints().len(), 1);
        health.well("chain", Duration::from_secs(60));
        assert_eq!(health.complaints(), []);
        health.ill("store", "away");
        assert_eq!(health.complaints(), [("store", "away".to_owned())]);
        health.well("store", Duration::from_secs(60));
        assert_eq!(health.complaints(), []);
    }

    #[test]
    fn a_part_that_fell_silent_hangs() {
        let health = Health::default();
        health.well("chain", Duration::from_secs(60));
        let later = Instant::now() + Duration::from_secs(65);
        let found = health.complaints_at(later);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, "chain");
        assert!(found[0].1.contains("s ago"), "{found:?}");
    }
}

//! Who runs next: the job whose window ends first, within what this machine has declared.

use solana_address::Address;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Jobs of one market that are fetched, or wait for their turn to run with all that they need on the disk, which stays
/// there meanwhile.
const FETCHES: usize = 4;

/// Lets runs in, a few at a time: so many, and so much memory together.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Mutex<Room>>);

#[derive(Debug)]
struct Room {
    memory_mib: u64,
    places: usize,
    free_mib: u64,
    free_places: usize,
    /// By deadline, and by the order of arrival among equals.
    waiting: BTreeMap<(u64, u64), Waiting>,
    arrived: u64,
}

#[derive(Debug)]
struct Waiting {
    mib: u64,
    enter: oneshot::Sender<Permit>,
}

/// A place and memory, until it is dropped.
#[derive(Debug)]
pub struct Permit {
    gate: Gate,
    mib: u64,
}

impl Gate {
    /// Room for `places` runs that together use `memory_mib`; for one run at least.
    pub fn new(places: usize, memory_mib: u64) -> Self {
        let (places, memory_mib) = (places.max(1), memory_mib.max(1));
        Self(Arc::new(Mutex::new(Room {
            memory_mib,
            places,
            free_mib: memory_mib,
            free_places: places,
            waiting: BTreeMap::new(),
            arrived: 0,
        })))
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        // nothing in here panics between two changes that belong together
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for room. The earliest deadline goes first, and nobody passes it: a large job would wait for ever behind
    /// small ones. What needs more memory than there is gets all of it, alone: its owner promised to run it.
    pub async fn enter(&self, deadline: u64, mib: u64) -> Permit {
        let (enter, entered) = oneshot::channel();
        {
            let mut room = self.room();
            let mib = mib.clamp(1, room.memory_mib);
            room.arrived += 1;
            let place = (deadline, room.arrived);
            room.waiting.insert(place, Waiting { mib, enter });
        }
        self.let_in();
        match entered.await {
            Ok(permit) => permit,
            // A sender is dropped only after it has sent: there is always an answer.
            Err(_) => Permit {
                gate: self.clone(),
                mib: 0,
            },
        }
    }

    /// Lets in whoever fits, first come by deadline.
    fn let_in(&self) {
        loop {
            let mut room = self.room();
            let Some(first) = room.waiting.first_entry() else {
                return;
            };
            // Who does not wait any more takes no room.
            if first.get().enter.is_closed() {
                first.remove();
                continue;
            }
            let mib = first.get().mib;
            if room.free_places == 0 || room.free_mib < mib {
                return;
            }
            let Some((_, waiting)) = room.waiting.pop_first() else {
                return;
            };
            room.free_places -= 1;
            room.free_mib -= mib;
            drop(room);
            let permit = Permit {
                gate: self.clone(),
                mib,
            };
            // Where nobody takes it, dropping it makes room again.
            let _ = waiting.enter.send(permit);
        }
    }

    /// How many wait, and how many are in.
    pub fn load(&self) -> (usize, usize) {
        let room = self.room();
        (room.waiting.len(), room.places - room.free_places)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.mib == 0 {
            return;
        }
        {
            let mut room = self.gate.room();
            room.free_places += 1;
            room.free_mib += self.mib;
        }
        self.gate.let_in();
    }
}

/// Who fetches next, in each market by itself: a slow store keeps only its own jobs waiting.
#[derive(Debug, Default)]
pub(crate) struct Fetches(Mutex<HashMap<Address, Gate>>);

impl Fetches {
    /// Waits for a turn to fetch. To be kept until the job runs, so that what was fetched does not outgrow the disk.
    pub(crate) async fn enter(&self, market: Address, deadline: u64) -> Permit {
        let gate = {
            let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let gate = gates.entry(market);
            gate.or_insert_with(|| Gate::new(FETCHES, FETCHES as u64))
                .clone()
        };
        gate.enter(deadline, 1).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::Duration;
    use tokio::task::JoinHandle;
    use tokio::time::timeout;

    /// Waits at the gate, says its name when it is in, and stays for a moment.
    fn waits(gate: &Gate, deadline: u64, mib: u64, said: &Arc<Mutex<Vec<u64>>>) -> JoinHandle<()> {
        let (gate, said) = (gate.clone(), said.clone());
        tokio::spawn(async move {
            let permit = gate.enter(deadline, mib).await;
            said.lock().unwrap().push(deadline);
            tokio::time::sleep(Duration::from_millis(5)).await;
            drop(permit);
        })
    }

    async fn until_waiting(gate: &Gate, count: usize) {
        while gate.load().0 < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn the_earliest_deadline_runs_first_however_late_it_came() {
        let gate = Gate::new(1, 100);
        let said = Arc::default();
        let first = gate.enter(9, 1).await;
        let mut all = Vec::new();
        for (i, deadline) in [5, 3, 8, 1].into_iter().enumerate() {
            all.push(waits(&gate, deadline, 1, &said));
            until_waiting(&gate, i + 1).await;
        }
        assert_eq!(gate.load(), (4, 1));
        drop(first);
        for task in all {
            task.await.unwrap();
        }
        assert_eq!(*said.lock().unwrap(), [1, 3, 5, 8]);
        assert_eq!(gate.load(), (0, 0));
    }

    #[tokio::test]
    async fn places_and_memory_bound_what_runs_together_and_a_large_job_is_not_passed() {
        let gate = Gate::new(3, 100);
        let one = gate.enter(1, 60).await;
        let two = gate.enter(2, 40).await;
        let said = Arc::default();
        let large = waits(&gate, 3, 90, &said);
        until_waiting(&gate, 1).await;
        let small = waits(&gate, 4, 1, &said);
        until_waiting(&gate, 2).await;
        drop(two);
        // 40 are free, the small one would fit, but the large one is first
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(gate.load(), (2, 1));
        drop(one);
        large.await.unwrap();
        small.await.unwrap();
        assert_eq!(*said.lock().unwrap(), [3, 4]);
        // more than there is runs alone
        let all = gate.enter(1, 5_000).await;
        assert!(timeout(Duration::from_millis(20), gate.enter(2, 1))
            .await
            .is_err());
        drop(all);
        let _ = timeout(Duration::from_secs(1), gate.enter(2, 1))
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn who_gives_up_waiting_takes_no_room() {
        let gate = Gate::new(1, 100);
        let first = gate.enter(1, 1).await;
        assert!(timeout(Duration::from_millis(5), gate.enter(2, 1))
            .await
            .is_err());
        drop(first);
        assert_eq!(gate.load(), (0, 0));
        let _ = timeout(Duration::from_secs(1), gate.enter(3, 1))
            .await
            .unwrap();
        assert_eq!(gate.load(), (0, 0));
    }

    #[tokio::test]
    async fn each_market_fetches_four_jobs_at_a_time_and_none_waits_for_another() {
        let fetches = Fetches::default();
        let (busy, other) = (Address::new_unique(), Address::new_unique());
        let mut turns = Vec::new();
        for deadline in 0..4 {
            turns.push(fetches.enter(busy, deadline).await);
        }
        let moment = Duration::from_millis(20);
        assert!(timeout(moment, fetches.enter(busy, 0)).await.is_err());
        assert!(timeout(moment, fetches.enter(other, 9)).await.is_ok());
        turns.pop();
        assert!(timeout(moment, fetches.enter(busy, 9)).await.is_ok());
    }
}

//! What the machine gives to jobs: cores and memory. Who finds too little of either waits his turn.

use crate::{Error, Result};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Cores and memory that all jobs share.
pub(crate) struct Capacity {
    cores: Arc<Semaphore>,
    memory: Arc<Semaphore>,
    all_cores: u32,
    all_mib: u32,
}

/// A core and memory for one job, given back when dropped.
#[derive(Debug)]
pub(crate) struct Room {
    _memory: OwnedSemaphorePermit,
    _core: OwnedSemaphorePermit,
}

impl Capacity {
    /// At least one core and one MiB.
    pub fn new(cores: usize, memory_mib: u64) -> Self {
        // a semaphore holds an eighth of a `usize` at most: more memory than that is nobody's
        let most = u32::MAX >> 4;
        let bounded = |n: u64| u32::try_from(n).unwrap_or(most).clamp(1, most);
        let all_cores = bounded(cores as u64);
        let all_mib = bounded(memory_mib);
        Self {
            cores: Arc::new(Semaphore::new(all_cores as usize)),
            memory: Arc::new(Semaphore::new(all_mib as usize)),
            all_cores,
            all_mib,
        }
    }

    /// Waits for room. First come, first served: a large job is not passed by small ones for ever. What needs more memory
    /// than there is gets all of it, alone: neither its program nor what that reads and writes does.
    pub async fn take(&self, memory_mib: u64) -> Result<Room> {
        let wanted = u32::try_from(memory_mib).unwrap_or(u32::MAX);
        let wanted = wanted.clamp(1, self.all_mib);
        let broken = |error: tokio::sync::AcquireError| Error::Runtime(error.to_string());
        // memory first, always: who holds a core waits for nothing
        let memory = self.memory.clone().acquire_many_owned(wanted).await;
        let memory = memory.map_err(broken)?;
        let core = self.cores.clone().acquire_owned().await.map_err(broken)?;
        Ok(Room {
            _memory: memory,
            _core: core,
        })
    }

    /// Cores that all jobs have together.
    pub fn cores(&self) -> usize {
        self.all_cores as usize
    }

    /// Cores and MiB that are taken.
    pub fn used(&self) -> (u32, u32) {
        let used = |all: u32, semaphore: &Semaphore| {
            let free = u32::try_from(semaphore.available_permits()).unwrap_or(u32::MAX);
            all.saturating_sub(free)
        };
        (
            used(self.all_cores, &self.cores),
            used(self.all_mib, &self.memory),
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::Duration;

    async fn must_wait(capacity: &Capacity, mib: u64) -> bool {
        let waited = tokio::time::timeout(Duration::from_millis(20), capacity.take(mib)).await;
        waited.is_err()
    }

    #[tokio::test]
    async fn jobs_run_beside_each_other_while_cores_and_memory_last() {
        let capacity = Capacity::new(2, 100);
        let first = capacity.take(60).await.unwrap();
        assert_eq!(capacity.used(), (1, 60));
        assert!(must_wait(&capacity, 41).await, "memory is short");
        let second = capacity.take(40).await.unwrap();
        drop(first);
        let third = capacity.take(1).await.unwrap();
        assert!(must_wait(&capacity, 1).await, "cores are short");
        drop((second, third));
        assert_eq!(capacity.used(), (0, 0));
        capacity.take(100).await.unwrap();
    }

    #[tokio::test]
    async fn what_needs_more_than_there_is_runs_alone() {
        let capacity = Capacity::new(2, 100);
        let small = capacity.take(1).await.unwrap();
        assert!(must_wait(&capacity, 101).await);
        drop(small);
        let large = capacity.take(101).await.unwrap();
        assert_eq!(capacity.used(), (1, 100));
        assert!(must_wait(&capacity, 1).await);
        drop(large);
        capacity.take(1).await.unwrap();
    }
}

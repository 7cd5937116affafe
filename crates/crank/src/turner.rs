//! A crank beside somebody else's loop.

use crate::crank::Crank;
use lode_jobs::state::Job;
use solana_address::Address;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use tokio::sync::mpsc;

/// The receipt of an attempt: job, attempt, hash, units.
pub type Known = (Address, u8, [u8; 32], u64);

struct Batch {
    jobs: Vec<(Address, Job)>,
    known: Vec<Known>,
}

/// Turns chosen jobs in a task of its own: whoever hands them over does not wait for the chain. It ends when this is
/// dropped, after what is under way.
pub struct Turner {
    batches: mpsc::Sender<Batch>,
    balance: Arc<AtomicU64>,
}

impl Turner {
    /// Starts it.
    pub fn start(mut crank: Crank) -> Self {
        // One that waits: more would only be older looks at the same jobs.
        let (batches, mut waiting) = mpsc::channel::<Batch>(1);
        let balance = Arc::new(AtomicU64::new(u64::MAX));
        let told = balance.clone();
        tokio::spawn(async move {
            while let Some(batch) = waiting.recv().await {
                for (job, attempt, result, units) in batch.known {
                    crank.know(job, attempt, result, units);
                }
                if let Err(error) = crank.turn(&batch.jobs).await {
                    tracing::warn!(%error, "the chain cannot be read; the next look tries again");
                }
                told.store(crank.report().balance, Ordering::Relaxed);
            }
        });
        Self { batches, balance }
    }

    /// Hands over jobs as they were read, and receipts of them that this machine knows. Says whether they were taken: who
    /// is busy is handed them again by the next look.
    pub fn turn(&self, jobs: Vec<(Address, Job)>, known: Vec<Known>) -> bool {
        self.batches.try_send(Batch { jobs, known }).is_ok()
    }

    /// Lamports in its wallet when it last looked; the most there is before it did.
    pub fn balance(&self) -> u64 {
        self.balance.load(Ordering::Relaxed)
    }
}

//! When blobs end: those of a cancelled job at once, others a week after the job's account was closed.

use crate::server::Gateway;
use crate::{Chain, Result};
use lode_jobs::state::JobState;

/// Blobs stay this long after the job's account was found closed, seconds: 7 days.
pub const RETENTION_SECONDS: i64 = 7 * 86_400;

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Jobs of which nothing is kept any more.
    pub jobs: usize,
    /// Blobs deleted; those that other jobs have too stay.
    pub blobs: usize,
}

impl<C: Chain> Gateway<C> {
    /// Asks the chain for every job that something is stored for, at `now`, unix seconds. Job addresses never return,
    /// so a job that is missing was closed; should the chain's server only have been behind, its return is noticed.
    pub async fn sweep(&self, now: i64) -> Result<Swept> {
        self.uploads.forget(None);
        let jobs = self.index.lock().await.jobs();
        let mut swept = Swept::default();
        for address in jobs {
            let job = self.chain.job(&address).await?;
            let mut index = self.index.lock().await;
            let Some(record) = index.record(&address) else {
                continue;
            };
            let over = match job {
                Some(job) if job.state == JobState::Cancelled as u8 => true,
                Some(_) => {
                    index.set_gone(&address, None).await?;
                    false
                }
                None => match record.gone_since {
                    Some(since) => now.saturating_sub(since) >= RETENTION_SECONDS,
                    None => {
                        index.set_gone(&address, Some(now)).await?;
                        false
                    }
                },
            };
            if over {
                self.uploads.forget(Some(&address));
                swept.blobs += index.forget(&address).await?;
                swept.jobs += 1;
            }
        }
        Ok(swept)
    }
}

//! When blobs end: those of a cancelled job at once, others a week after the job's account was closed, or when the customer
//! asks for it after that.

use crate::refusal::Refusal;
use crate::server::Gateway;
use crate::{Chain, Error, Result};
use axum::http::StatusCode;
use lode_jobs::state::{Job, JobState};
use lode_store::ForgetAuthorization;
use solana_address::Address;

/// Blobs stay this long after the job's account was found closed, seconds: 7 days.
pub const RETENTION_SECONDS: i64 = 7 * 86_400;

/// A job must have been missing for so long before its customer has it forgotten, seconds: a chain's server that is behind
/// does not know it yet.
const SURELY_CLOSED: i64 = 60;

/// Jobs that the chain is asked for at the same time: what one request to its server takes.
const AT_ONCE: usize = 100;

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
    ///
    /// # Errors
    /// The first of those that it met. What they were about it left for the next time, and went on.
    pub async fn sweep(&self, now: i64) -> Result<Swept> {
        self.uploads.forget(None);
        let jobs = self.index.lock().await.jobs();
        let mut swept = Swept::default();
        let mut failed: Option<Error> = None;
        for some in jobs.chunks(AT_ONCE) {
            let found = match self.chain.jobs_at(some).await {
                Ok(found) => found,
                Err(error) => {
                    failed.get_or_insert(error.into());
                    continue;
                }
            };
            for (address, job) in some.iter().zip(found) {
                let done = match job {
                    Ok(job) => self.sweep_job(address, job, now, &mut swept).await,
                    Err(error) => Err(error.into()),
                };
                if let Err(error) = done {
                    tracing::warn!(job = %address, %error, "not swept now");
                    failed.get_or_insert(error);
                }
            }
        }
        self.meters.keeps(self.index.lock().await.totals());
        failed.map_or(Ok(swept), Err)
    }

    /// Does with what is stored for a job as the chain says of it.
    async fn sweep_job(
        &self,
        address: &Address,
        job: Option<Job>,
        now: i64,
        swept: &mut Swept,
    ) -> Result<()> {
        let mut index = self.index.lock().await;
        let Some(record) = index.record(address) else {
            return Ok(());
        };
        let over = match job {
            Some(job) if job.state == JobState::Cancelled as u8 => true,
            Some(_) => {
                index.set_gone(address, None).await?;
                false
            }
            None => match record.gone_since {
                Some(since) => now.saturating_sub(since) >= RETENTION_SECONDS,
                None => {
                    index.set_gone(address, Some(now)).await?;
                    false
                }
            },
        };
        if over {
            self.uploads.forget(Some(address));
            swept.blobs += index.forget(address).await?;
            swept.jobs += 1;
            self.meters.forgotten.inc();
        }
        Ok(())
    }

    /// Forgets a job at its customer's request, once its account is closed: until then node, oracles and whoever challenges
    /// need what is stored.
    pub(crate) async fn forget(
        &self,
        signed: &ForgetAuthorization,
        now: i64,
    ) -> std::result::Result<(), Refusal> {
        let closed = self.chain.job(&signed.job).await?.is_none();
        // to the end: nobody puts anything for this job meanwhile
        let mut index = self.index.lock().await;
        let record = index.record(&signed.job).ok_or_else(Refusal::not_found)?;
        if record.customer() != Some(signed.key) {
            return Err(Refusal::forbidden(
                "only the customer of a job has it forgotten: sign with the wallet that posted it",
            ));
        }
        let since = record.gone_since;
        if !closed {
            index.set_gone(&signed.job, None).await?;
            return Err(Refusal::conflict(
                "the job's account is not closed yet: what is stored for it is needed until then",
            ));
        }
        let gone = since.unwrap_or(now);
        index.set_gone(&signed.job, Some(gone)).await?;
        if now.saturating_sub(gone) < SURELY_CLOSED {
            return Err(Refusal::new(
                StatusCode::TOO_EARLY,
                "the job's account was closed just now: ask again in a minute",
            ));
        }
        self.uploads.forget(Some(&signed.job));
        let blobs = index.forget(&signed.job).await?;
        tracing::info!(job = %signed.job, blobs, "forgotten, as its customer asked");
        self.meters.forgotten.inc();
        Ok(())
    }
}

//! Copying what the jobs of a market name from other gateways of it, so that it outlives them.
//!
//! What to copy is learned from the chain alone: a job's spec, from the spec its module and inputs, and once the result is
//! revealed its receipt, and from that the outputs. Whatever comes is checked by its hash, so it does not matter from
//! whom.

use crate::index::{Entry, Kind, Record};
use crate::server::Gateway;
use crate::{spec, Chain, Error, Result};
use axum::body::Bytes;
use lode_jobs::state::{flag, Job, JobState};
use lode_runtime::{Blob, Receipt};
use lode_sealed::sealed_result;
use lode_store::{
    BlobHash, Error as StoreError, GatewayClient, MOST_RECEIPT_BYTES, MOST_SPEC_BYTES,
};
use solana_address::Address;
use std::path::{Path, PathBuf};

/// How large a blob is to be.
#[derive(Clone, Copy)]
enum Size {
    Is(u64),
    AtMost(u64),
}

impl Size {
    fn is(self, found: u64) -> bool {
        match self {
            Self::Is(size) => found == size,
            Self::AtMost(most) => found <= most,
        }
    }
}

/// A job that is copied, and from whom.
struct Original<'a> {
    peers: &'a GatewayClient,
    at: Address,
    job: Job,
    /// Most bytes of a blob in its market.
    blob_limit: u64,
}

/// What one look at a market came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Blobs that were fetched.
    pub blobs: usize,
    /// Jobs of which something could not be had yet.
    pub incomplete: usize,
}

impl<C: Chain> Gateway<C> {
    /// Copies what is missing of all jobs of a market, from this gateway's peers. What cannot be had is tried again by
    /// the next call.
    ///
    /// # Errors
    /// Those of the chain. The first of the own store, once all jobs were looked at: one that cannot be copied, whoever
    /// posted it, holds up no other.
    pub async fn copy_market(&self, market: &Address) -> Result<Copied> {
        let mut copied = Copied::default();
        let Some(peers) = &self.peers else {
            return Ok(copied);
        };
        let terms = self.chain.market(market).await?;
        let terms = terms.ok_or(Error::NoMarket(*market))?;
        let mut failed = None;
        for (at, job) in self.chain.jobs(market).await? {
            // what is stored for a cancelled job goes at once
            if job.state == JobState::Cancelled as u8 {
                continue;
            }
            let case = Original {
                peers,
                at,
                job,
                blob_limit: terms.blob_limit,
            };
            match self.copy_job(&case, &mut copied.blobs).await {
                Ok(()) => {}
                Err(Error::Peer(error)) => {
                    tracing::debug!(job = %at, %error, "not all of it can be copied now");
                    copied.incomplete += 1;
                }
                // Of a damaged blob the scrub tells.
                Err(Error::Store(error @ StoreError::WrongHash { .. })) => {
                    tracing::warn!(job = %at, %error, "not all of it can be copied now");
                    copied.incomplete += 1;
                }
                Err(error @ Error::Store(_)) => {
                    tracing::warn!(job = %at, %error, "not all of it can be copied now");
                    failed.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        if copied.blobs > 0 {
            tracing::info!(blobs = copied.blobs, %market, "copied");
        }
        failed.map_or(Ok(copied), Err)
    }

    /// A blob of at most so many bytes; none where it is not here, or larger, and so not what the job says that it is.
    async fn small(&self, blob: BlobHash, most: u64) -> Result<Option<Bytes>> {
        match self.store.get(blob, most).await {
            Err(StoreError::TooLarge { .. }) => Ok(None),
            got => Ok(got?),
        }
    }

    /// Copies what a job names, as far as it is known, and counts what had to be fetched.
    async fn copy_job(&self, of: &Original<'_>, fetched: &mut usize) -> Result<()> {
        let spec = BlobHash(of.job.spec);
        let most = Size::AtMost(MOST_SPEC_BYTES);
        *fetched += usize::from(self.copy(of, Kind::Spec, spec, most).await?);
        let Some(bytes) = self.small(spec, MOST_SPEC_BYTES).await? else {
            return Ok(());
        };
        // of a job whose spec is none there is nothing more to have
        let Ok(named) = spec::named(&bytes) else {
            return Ok(());
        };
        for (blob, size) in &named.blobs {
            if *size <= of.blob_limit {
                let size = Size::Is(*size);
                *fetched += usize::from(self.copy(of, Kind::Input, *blob, size).await?);
            }
        }
        if !of.job.has(flag::REVEALED) {
            return Ok(());
        }
        let result = BlobHash(of.job.result);
        let most = Size::AtMost(MOST_RECEIPT_BYTES);
        *fetched += usize::from(self.copy(of, Kind::Output, result, most).await?);
        let Some(line) = self.small(result, MOST_RECEIPT_BYTES).await? else {
            return Ok(());
        };
        let outputs: Vec<Blob> = match (sealed_result(&line), Receipt::parse(&line)) {
            (Ok(Some((receipt, outputs))), _) => [vec![receipt], outputs].concat(),
            (_, Ok(receipt)) => {
                let files = receipt.files.iter().map(|file| file.blob);
                let streams = [receipt.stdout, receipt.stderr].into_iter();
                streams.chain(files).collect()
            }
            _ => return Ok(()),
        };
        for output in outputs {
            let blob = BlobHash(output.sha256);
            if output.size <= named.output_limit && !named.blobs.contains_key(&blob) {
                let size = Size::Is(output.size);
                *fetched += usize::from(self.copy(of, Kind::Output, blob, size).await?);
            }
        }
        Ok(())
    }

    /// Has a blob of a job; says whether it had to be fetched.
    async fn copy(
        &self,
        of: &Original<'_>,
        kind: Kind,
        blob: BlobHash,
        size: Size,
    ) -> Result<bool> {
        let Original { peers, at, job, .. } = of;
        let here = self.store.size(blob).await?;
        let (known, has) = {
            let index = self.index.lock().await;
            let record = index.record(at);
            (
                record.is_some_and(|record| record.blobs.contains_key(&blob)),
                record.map_or(0, Record::bytes),
            )
        };
        if known && here.is_some() {
            return Ok(false);
        }
        let key = match kind {
            // his to have forgotten
            Kind::Spec | Kind::Input => {
                let ledger = self.chain.ledger(&job.customer).await?;
                ledger.map_or_else(Address::default, |ledger| ledger.authority)
            }
            // nobody's quota
            Kind::Output => Address::default(),
        };
        let entry = |size| Entry {
            kind,
            attempt: job.attempt,
            key,
            size,
        };
        if let Some(found) = here {
            if size.is(found) {
                self.index.lock().await.add(at, blob, entry(found)).await?;
            }
            return Ok(false);
        }
        let (Size::Is(most) | Size::AtMost(most)) = size;
        let room = self.limits.job_bytes.map(|limit| limit.saturating_sub(has));
        if let (Size::Is(size), Some(room)) = (size, room) {
            if size > room {
                tracing::warn!(job = %at, "it has more than this gateway keeps of a job");
                return Ok(false);
            }
        }
        let _one = self.fetching.lock().await;
        let (file, found) = self.fetch(peers, blob, most).await?;
        if !size.is(found) {
            // the spec says otherwise: no node takes such a job
            self.keep_fetched(None, &file).await?;
            return Ok(false);
        }
        // before the blob becomes visible, so that none outlives its jobs
        self.index.lock().await.add(at, blob, entry(found)).await?;
        self.keep_fetched(Some(blob), &file).await?;
        // a sweep in between may have forgotten the job: the next one shall find the blob
        self.index.lock().await.add(at, blob, entry(found)).await?;
        self.meters.copied.inc();
        Ok(true)
    }

    /// Fetches a blob of at most so many bytes into a file of this gateway; its size.
    pub(crate) async fn fetch(
        &self,
        peers: &GatewayClient,
        blob: BlobHash,
        most: u64,
    ) -> Result<(PathBuf, u64)> {
        let file = self.uploads.copy_of(&blob);
        let size = peers.fetch(blob, most, &file).await.map_err(Error::Peer)?;
        Ok((file, size))
    }

    /// A fetched file becomes a blob, or nothing.
    pub(crate) async fn keep_fetched(&self, blob: Option<BlobHash>, file: &Path) -> Result<()> {
        let kept = match blob {
            Some(blob) => self.store.put_file(blob, file).await,
            None => Ok(()),
        };
        if let Err(error) = tokio::fs::remove_file(file).await {
            tracing::warn!(%error, path = %file.display(), "a fetched file stays among the uploads");
        }
        Ok(kept?)
    }
}

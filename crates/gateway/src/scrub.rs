//! Reading again what is stored: disks forget, and a blob whose bytes changed is of no use to anyone.

use crate::index::Entry;
use crate::server::Gateway;
use crate::{Chain, Result};
use lode_store::BlobHash;

/// What a scrub found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scrubbed {
    /// Blobs that were read.
    pub checked: usize,
    /// Of these damaged: dropped.
    pub corrupt: usize,
    /// Of these unreadable: they stay.
    pub unreadable: usize,
    /// Blobs that jobs have and the store lacks.
    pub missing: usize,
    /// Of all these, those that another gateway had.
    pub mended: usize,
}

impl<C: Chain> Gateway<C> {
    /// Reads every blob and compares its hash. A damaged one is dropped, so that nobody is handed it and its owner can put
    /// it again; it is fetched from the gateway's peers, if it has any.
    pub async fn scrub(&self) -> Result<Scrubbed> {
        let kept = self.index.lock().await.blobs();
        let mut scrubbed = Scrubbed::default();
        for (blob, entry) in kept {
            scrubbed.checked += 1;
            match self.store.is_whole(blob).await {
                Ok(Some(true)) => continue,
                Ok(Some(false)) => {
                    tracing::error!(%blob, "a stored blob is damaged, and dropped");
                    scrubbed.corrupt += 1;
                    self.store.delete(blob).await?;
                }
                // a bad sector, or a bucket that is away for a moment: nothing is dropped for that
                Err(error) => {
                    tracing::error!(%blob, %error, "a stored blob cannot be read");
                    scrubbed.unreadable += 1;
                }
                // one that is on its way in has its entry first
                Ok(None) if self.uploads.has(&blob) || !self.keeps(&blob).await => continue,
                Ok(None) => {
                    tracing::error!(%blob, "a blob that a job has is missing in the store");
                    scrubbed.missing += 1;
                }
            }
            scrubbed.mended += usize::from(self.mend(blob, entry).await);
        }
        self.meters.scrubbed(&scrubbed);
        Ok(scrubbed)
    }

    /// A job still has this blob.
    async fn keeps(&self, blob: &BlobHash) -> bool {
        self.index.lock().await.has(blob)
    }

    /// Fetches a blob that was lost from the peers.
    async fn mend(&self, blob: BlobHash, entry: Entry) -> bool {
        let Some(peers) = &self.peers else {
            return false;
        };
        let _one = self.fetching.lock().await;
        let mended = async {
            let (file, _) = self.fetch(peers, blob, entry.size).await?;
            self.keep_fetched(Some(blob), &file).await
        };
        match mended.await {
            Ok(()) => {
                tracing::info!(%blob, "fetched again from another gateway");
                true
            }
            Err(error) => {
                tracing::warn!(%blob, %error, "no other gateway gives it back");
                false
            }
        }
    }
}

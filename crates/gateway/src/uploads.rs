//! Uploads that are not whole yet: files in a folder of the gateway's own, emptied at its start.

use crate::index::Kind;
use crate::{Error, Result};
use lode_store::BlobHash;
use solana_address::Address;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// An upload nobody goes on with for this long is forgotten.
const IDLE: Duration = Duration::from_secs(3_600);

/// Uploads that one key may write at the same time: who sends slowly holds up nobody but himself.
const MOST_OF_KEY: usize = 16;

/// One signer's upload of one blob for one job: nobody else can spoil it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct UploadId {
    pub job: Address,
    pub key: Address,
    pub blob: BlobHash,
}

/// What is known of an upload.
#[derive(Clone, Copy, Debug)]
struct Upload {
    kind: Kind,
    attempt: u8,
    total: u64,
    busy: bool,
    touched: Instant,
}

/// All uploads.
#[derive(Clone)]
pub(crate) struct Uploads {
    folder: PathBuf,
    open: Arc<Mutex<HashMap<UploadId, Upload>>>,
}

/// What a request at an upload is given.
pub(crate) enum Taken {
    Turn(Turn),
    /// Another request writes this upload.
    Busy,
    /// This key writes as many uploads as one may at the same time.
    TooMany,
}

/// The right to write to an upload, held by one request at a time.
pub(crate) struct Turn {
    uploads: Uploads,
    id: UploadId,
    /// Where the bytes are.
    pub path: PathBuf,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(upload) = self.uploads.lock().get_mut(&self.id) {
            upload.busy = false;
            upload.touched = Instant::now();
        }
    }
}

impl Turn {
    /// The upload is over: its bytes are the store's, or of no use.
    pub(crate) async fn end(self) {
        if let Err(error) = tokio::fs::remove_file(&self.path).await {
            tracing::warn!(%error, path = %self.path.display(), "an ended upload stays on disk");
        }
        self.uploads.lock().remove(&self.id);
    }
}

impl Uploads {
    /// Uploads in `folder`, which is made or emptied.
    pub(crate) fn open(folder: PathBuf) -> Result<Self> {
        let ready = || -> std::io::Result<()> {
            std::fs::create_dir_all(&folder)?;
            for entry in std::fs::read_dir(&folder)? {
                let path = entry?.path();
                // only what a gateway made: a wrong folder in the configuration must not cost anything else
                let ours = ["upload", "copy", "partial"];
                if path
                    .extension()
                    .is_some_and(|e| ours.iter().any(|our| e == *our))
                {
                    std::fs::remove_file(path)?;
                }
            }
            Ok(())
        };
        ready().map_err(|source| Error::Io {
            what: format!("folder for uploads {}", folder.display()),
            source,
        })?;
        Ok(Self {
            folder,
            open: Arc::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UploadId, Upload>> {
        // the map holds no promise that a panic in between could break
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, id: &UploadId) -> PathBuf {
        self.folder
            .join(format!("{}.{}.{}.upload", id.job, id.key, id.blob))
    }

    /// Where a blob is fetched to from another gateway.
    pub(crate) fn copy_of(&self, blob: &BlobHash) -> PathBuf {
        self.folder.join(format!("{blob}.copy"))
    }

    /// Whether somebody is putting this blob.
    pub(crate) fn has(&self, blob: &BlobHash) -> bool {
        self.lock().keys().any(|id| id.blob == *blob)
    }

    /// Takes the turn at an upload. One of another size begins anew.
    pub(crate) fn take(
        &self,
        id: &UploadId,
        kind: Kind,
        attempt: u8,
        total: u64,
    ) -> std::io::Result<Taken> {
        let path = self.path(id);
        let mut open = self.lock();
        let known = open.get(id);
        if known.is_some_and(|u| u.busy) {
            return Ok(Taken::Busy);
        }
        let of_key = open
            .iter()
            .filter(|(other, u)| other.key == id.key && u.busy);
        if of_key.count() >= MOST_OF_KEY {
            return Ok(Taken::TooMany);
        }
        if known.is_none_or(|u| (u.kind, u.attempt, u.total) != (kind, attempt, total)) {
            std::fs::File::create(&path)?;
        }
        open.insert(
            id.clone(),
            Upload {
                kind,
                attempt,
                total,
                busy: true,
                touched: Instant::now(),
            },
        );
        Ok(Taken::Turn(Turn {
            uploads: self.clone(),
            id: id.clone(),
            path,
        }))
    }

    /// Bytes that are about to be put, of uploads that count: this one left out.
    pub(crate) fn coming(
        &self,
        but: &UploadId,
        counts: impl Fn(&UploadId, Kind, u8) -> bool,
    ) -> u64 {
        self.lock()
            .iter()
            .filter(|(id, u)| *id != but && counts(id, u.kind, u.attempt))
            .fold(0, |sum, (_, u)| sum.saturating_add(u.total))
    }

    /// Forgets the uploads of a job, or those that nobody goes on with.
    pub(crate) fn forget(&self, job: Option<&Address>) {
        let mut open = self.lock();
        open.retain(|id, upload| {
            let over = match job {
                Some(job) => id.job == *job,
                None => upload.touched.elapsed() >= IDLE,
            };
            if upload.busy || !over {
                return true;
            }
            if let Err(error) = std::fs::remove_file(self.path(id)) {
                tracing::warn!(%error, "a forgotten upload stays on disk");
            }
            false
        });
    }
}

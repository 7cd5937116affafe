//! Which job each blob belongs to. Kept in memory, and in the store as empty objects whose names say everything:
//! `index/<job>/blob.<kind>.<attempt>.<key>.<size>.<hash>` and `index/<job>/gone.<unix second>`, so that one listing
//! at the start reads it all.

use crate::{Error, Result};
use lode_store::{BlobHash, BlobStore};
use solana_address::Address;
use std::collections::{BTreeMap, HashMap};

/// What a blob is to its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The spec itself.
    Spec,
    /// Named by the spec.
    Input,
    /// Made by a run: a stream, a file, a receipt.
    Output,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Spec => "spec",
            Self::Input => "input",
            Self::Output => "output",
        }
    }

    fn of(name: &str) -> Option<Self> {
        [Self::Spec, Self::Input, Self::Output]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// One blob of a job, as it was first put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub kind: Kind,
    pub attempt: u8,
    /// Who put it.
    pub key: Address,
    /// Bytes.
    pub size: u64,
}

/// What the store holds for one job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub blobs: HashMap<BlobHash, Entry>,
    /// Since when the job's account has been missing, unix seconds.
    pub gone_since: Option<i64>,
}

impl Record {
    /// Bytes of all blobs.
    pub(crate) fn bytes(&self) -> u64 {
        let sizes = self.blobs.values().map(|e| e.size);
        sizes.fold(0, u64::saturating_add)
    }

    /// The customer: the spec is his, whoever put it.
    pub(crate) fn customer(&self) -> Option<Address> {
        let spec = self.blobs.values().find(|e| e.kind == Kind::Spec);
        spec.map(|e| e.key)
    }

    /// Bytes of outputs that one key put for one attempt.
    pub(crate) fn output_bytes(&self, attempt: u8, key: &Address) -> u64 {
        self.blobs
            .values()
            .filter(|e| e.kind == Kind::Output && e.attempt == attempt && e.key == *key)
            .fold(0, |sum, e| sum.saturating_add(e.size))
    }

    /// Names of all outputs.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = BlobHash> + '_ {
        self.blobs
            .iter()
            .filter(|(_, e)| e.kind == Kind::Output)
            .map(|(hash, _)| *hash)
    }
}

/// What all records come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub jobs: usize,
    /// One that two jobs have counts twice.
    pub blobs: usize,
    pub bytes: u64,
}

/// All records.
pub(crate) struct Index {
    store: BlobStore,
    jobs: BTreeMap<Address, Record>,
    /// Bytes that each key has put.
    keys: HashMap<Address, u64>,
}

fn blob_name(job: &Address, blob: &BlobHash, entry: &Entry) -> String {
    format!(
        "index/{job}/blob.{}.{}.{}.{}.{blob}",
        entry.kind.name(),
        entry.attempt,
        entry.key,
        entry.size
    )
}

fn gone_name(job: &Address, since: i64) -> String {
    format!("index/{job}/gone.{since}")
}

/// Reads one name below `index/` into the records.
fn read(jobs: &mut BTreeMap<Address, Record>, name: &str) -> Option<()> {
    let (job, fact) = name.strip_prefix("index/")?.split_once('/')?;
    let record = jobs.entry(job.parse().ok()?).or_default();
    let fields: Vec<&str> = fact.split('.').collect();
    match fields.as_slice() {
        ["blob", kind, attempt, key, size, blob] => {
            let entry = Entry {
                kind: Kind::of(kind)?,
                attempt: attempt.parse().ok()?,
                key: key.parse().ok()?,
                size: size.parse().ok()?,
            };
            record.blobs.insert(blob.parse().ok()?, entry);
        }
        // of two, a crash between them left the older: the later keeps blobs longer
        ["gone", since] => record.gone_since = record.gone_since.max(Some(since.parse().ok()?)),
        _ => return None,
    }
    Some(())
}

impl Index {
    /// Reads the index of a store.
    pub(crate) async fn load(store: BlobStore) -> Result<Self> {
        let mut jobs = BTreeMap::new();
        for name in store.list("index").await? {
            read(&mut jobs, &name).ok_or_else(|| Error::Index(name.clone()))?;
        }
        for name in store.list("attest").await? {
            let job = name.split('/').nth(1).and_then(|job| job.parse().ok());
            let job: Address = job.ok_or_else(|| Error::Index(name.clone()))?;
            jobs.entry(job).or_default();
        }
        let mut keys: HashMap<Address, u64> = HashMap::new();
        for entry in jobs.values().flat_map(|record| record.blobs.values()) {
            let bytes = keys.entry(entry.key).or_default();
            *bytes = bytes.saturating_add(entry.size);
        }
        Ok(Self { store, jobs, keys })
    }

    /// Bytes of all blobs that a key put.
    pub(crate) fn key_bytes(&self, key: &Address) -> u64 {
        self.keys.get(key).copied().unwrap_or_default()
    }

    /// Every blob once, with one of its entries.
    pub(crate) fn blobs(&self) -> BTreeMap<BlobHash, Entry> {
        let records = self.jobs.values();
        let blobs = records.flat_map(|record| record.blobs.iter());
        blobs.map(|(blob, entry)| (*blob, *entry)).collect()
    }

    /// Whether any job has this blob.
    pub(crate) fn has(&self, blob: &BlobHash) -> bool {
        self.jobs.values().any(|r| r.blobs.contains_key(blob))
    }

    /// Whether all jobs that have this blob, one at least, say that this is its size.
    pub(crate) fn agrees(&self, blob: &BlobHash, size: u64) -> bool {
        let entries = self.jobs.values().filter_map(|r| r.blobs.get(blob));
        let mut agree = entries.map(|entry| entry.size == size).peekable();
        agree.peek().is_some() && agree.all(|agrees| agrees)
    }

    /// What all records come to.
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for record in self.jobs.values() {
            totals.jobs += 1;
            totals.blobs += record.blobs.len();
            totals.bytes = totals.bytes.saturating_add(record.bytes());
        }
        totals
    }

    /// Every job of which the store holds something.
    pub(crate) fn jobs(&self) -> Vec<Address> {
        self.jobs.keys().copied().collect()
    }

    /// What the store holds for a job.
    pub(crate) fn record(&self, job: &Address) -> Option<&Record> {
        self.jobs.get(job)
    }

    /// Writes down that a blob belongs to a job: before the blob becomes visible, so that none outlives its jobs. The
    /// first entry stands; a job's blob is counted once.
    pub(crate) async fn add(&mut self, job: &Address, blob: BlobHash, entry: Entry) -> Result<()> {
        if self
            .record(job)
            .is_some_and(|r| r.blobs.contains_key(&blob))
        {
            return Ok(());
        }
        let name = blob_name(job, &blob, &entry);
        self.store.put_object(&name, Vec::new()).await?;
        let record = self.jobs.entry(*job).or_default();
        record.blobs.insert(blob, entry);
        let bytes = self.keys.entry(entry.key).or_default();
        *bytes = bytes.saturating_add(entry.size);
        Ok(())
    }

    /// The store will hold an attestation of this job: its own name is its entry.
    pub(crate) fn touch(&mut self, job: &Address) {
        self.jobs.entry(*job).or_default();
    }

    /// Writes down since when a job's account is missing, or that it is there.
    pub(crate) async fn set_gone(&mut self, job: &Address, since: Option<i64>) -> Result<()> {
        let Some(record) = self.jobs.get_mut(job) else {
            return Ok(());
        };
        let before = record.gone_since;
        if before == since {
            return Ok(());
        }
        if let Some(since) = since {
            self.store
                .put_object(&gone_name(job, since), Vec::new())
                .await?;
        }
        if let Some(before) = before {
            self.store.delete_object(&gone_name(job, before)).await?;
        }
        record.gone_since = since;
        Ok(())
    }

    /// Forgets a job: its attestations, and those of its blobs that no other job has. Returns their number. Blobs go
    /// before their entries, so that a crash in between forgets nothing that is still there.
    pub(crate) async fn forget(&mut self, job: &Address) -> Result<usize> {
        let Some(record) = self.jobs.get(job) else {
            return Ok(0);
        };
        let shared = |blob: &BlobHash| {
            self.jobs
                .iter()
                .any(|(other, record)| other != job && record.blobs.contains_key(blob))
        };
        let mut deleted = 0;
        for blob in record.blobs.keys() {
            if !shared(blob) {
                self.store.delete(*blob).await?;
                deleted += 1;
            }
        }
        self.store.delete_attestations(job).await?;
        for (blob, entry) in &record.blobs {
            self.store
                .delete_object(&blob_name(job, blob, entry))
                .await?;
        }
        if let Some(since) = record.gone_since {
            self.store.delete_object(&gone_name(job, since)).await?;
        }
        for entry in record.blobs.values() {
            if let Some(bytes) = self.keys.get_mut(&entry.key) {
                *bytes = bytes.saturating_sub(entry.size);
            }
        }
        self.keys.retain(|_, bytes| *bytes > 0);
        self.jobs.remove(job);
        Ok(deleted)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn address(n: u8) -> Address {
        Address::new_from_array([n; 32])
    }

    fn entry(kind: Kind, size: u64) -> Entry {
        Entry {
            kind,
            attempt: 1,
            key: address(9),
            size,
        }
    }

    #[tokio::test]
    async fn an_index_is_read_back_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let store = BlobStore::in_folder(folder.path()).unwrap();
        let mut index = Index::load(store.clone()).await.unwrap();
        let (spec, output) = (BlobHash([1; 32]), BlobHash([2; 32]));
        let job = address(1);
        index.add(&job, spec, entry(Kind::Spec, 10)).await.unwrap();
        index
            .add(&job, output, entry(Kind::Output, 20))
            .await
            .unwrap();
        index
            .add(&address(2), spec, entry(Kind::Input, 10))
            .await
            .unwrap();
        index.set_gone(&job, Some(77)).await.unwrap();

        let mut read = Index::load(store.clone()).await.unwrap();
        assert_eq!((&read.jobs, &read.keys), (&index.jobs, &index.keys));
        assert_eq!(read.key_bytes(&address(9)), 40);
        let (jobs, blobs, bytes) = (2, 3, 40);
        assert_eq!(read.totals(), Totals { jobs, blobs, bytes });
        assert_eq!(read.blobs().len(), 2);
        assert_eq!(read.record(&job).unwrap().gone_since, Some(77));
        assert_eq!(read.record(&job).unwrap().output_bytes(1, &address(9)), 20);
        assert_eq!(read.record(&job).unwrap().output_bytes(2, &address(9)), 0);
        assert_eq!(read.record(&job).unwrap().output_bytes(1, &address(8)), 0);

        index.set_gone(&job, None).await.unwrap();
        read.set_gone(&job, None).await.unwrap();
        assert_eq!(Index::load(store).await.unwrap().jobs, read.jobs);
        read.forget(&job).await.unwrap();
        assert_eq!(read.key_bytes(&address(9)), 10);
        read.forget(&address(2)).await.unwrap();
        assert_eq!((read.key_bytes(&address(9)), read.keys.len()), (0, 0));
    }

    #[tokio::test]
    async fn a_foreign_object_in_the_index_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let store = BlobStore::in_folder(folder.path()).unwrap();
        let name = format!("index/{}/blob.nothing", address(1));
        store.put_object(&name, Vec::new()).await.unwrap();
        assert!(matches!(Index::load(store).await, Err(Error::Index(_))));
    }
}

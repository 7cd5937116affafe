//! What the chain does not tell: the result behind a commitment, on disk before the commitment is published.

use crate::rating::Rating;
use crate::{Error, Result};
use lode_store::BlobHash;
use serde::{Deserialize, Serialize};
use solana_address::Address;
use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Files are kept this long; no job lives for more than a week after its submission.
const KEPT: Duration = Duration::from_secs(60 * 86_400);
/// So long a module that made this machine give up is left alone: a new version of the agent may run it.
const LEFT_ALONE: Duration = Duration::from_secs(7 * 86_400);
/// Who looks whether an agent uses the folder holds its lock while he looks: a lock is tried as often as that before it
/// is another agent's, ...
const TRIES: u32 = 25;
/// ... and after as long.
const BETWEEN_TRIES: Duration = Duration::from_millis(20);
/// File of the rating.
const RATING: &str = "rating.json";
/// How names of files end that are being written.
const NEW: &str = "new";

/// What running an attempt of a job came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Computed {
    /// Hash of the receipt, which is in the store with all that it names.
    pub result: [u8; 32],
    /// What it bills.
    pub units: u64,
}

/// A run that is over, and whose outputs may not be in the store yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub computed: Computed,
    /// What is to be put, in this order: it lies among the blobs on this disk.
    pub blobs: Vec<BlobHash>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    result: String,
    units: u64,
}

impl Stored {
    fn of(computed: &Computed) -> Self {
        Self {
            result: hex::encode(computed.result),
            units: computed.units,
        }
    }

    fn computed(&self) -> Option<Computed> {
        Some(Computed {
            result: hash(&self.result)?,
            units: self.units,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRun {
    computed: Stored,
    blobs: Vec<String>,
}

impl StoredRun {
    fn run(&self) -> Option<Ran> {
        let blobs = self.blobs.iter().map(|name| name.parse().ok());
        Some(Ran {
            computed: self.computed.computed()?,
            blobs: blobs.collect::<Option<_>>()?,
        })
    }
}

fn hash(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    hex::decode_to_slice(text, &mut hash).ok()?;
    Some(hash)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GaveUp {
    /// Unix seconds.
    until: u64,
    reason: String,
}

/// The folder, held against any other process while it lives.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    _lock: File,
}

fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
    move |source| Error::File {
        path: path.into(),
        source,
    }
}

impl Cache {
    /// Opens the folder, which is made where it is missing, and forgets what no job can need any more.
    pub fn open(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(file(folder))?;
        let at = folder.join("lock");
        let lock = File::create(&at).map_err(file(&at))?;
        let mut tries = 1;
        while let Err(refused) = lock.try_lock() {
            match refused {
                TryLockError::WouldBlock if tries < TRIES => std::thread::sleep(BETWEEN_TRIES),
                TryLockError::WouldBlock => return Err(Error::FolderInUse(folder.into())),
                TryLockError::Error(source) => return Err(file(&at)(source)),
            }
            tries += 1;
        }
        let cache = Self {
            folder: folder.into(),
            _lock: lock,
        };
        cache.forget_old(SystemTime::now())?;
        Ok(cache)
    }

    /// Forgets what no job can need any more.
    pub(crate) fn forget_old(&self, now: SystemTime) -> Result<()> {
        self.remove_old(now).map_err(file(&self.folder))
    }

    fn remove_old(&self, now: SystemTime) -> std::io::Result<()> {
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let about = match entry.metadata() {
                Ok(about) => about,
                // what a task was writing has its own name by now
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let age = now.duration_since(about.modified()?);
            let path = entry.path();
            let own = ["json", "run", "unfit", "module", NEW]
                .iter()
                .any(|own| path.extension().is_some_and(|e| e == *own));
            if own && entry.file_name() != RATING && age.is_ok_and(|age| age > KEPT) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn path(&self, job: &Address, attempt: u8) -> PathBuf {
        self.folder.join(format!("{job}.{attempt}.json"))
    }

    fn run(&self, job: &Address, attempt: u8) -> PathBuf {
        self.folder.join(format!("{job}.{attempt}.run"))
    }

    fn unfit(&self, what: &[u8; 32]) -> PathBuf {
        self.folder.join(format!("{}.unfit", hex::encode(what)))
    }

    fn module(&self, module: &[u8; 32]) -> PathBuf {
        self.folder.join(format!("{}.module", hex::encode(module)))
    }

    /// What an attempt came to, if it was run. A file that cannot be read counts as none: the job is run again.
    pub fn computed(&self, job: &Address, attempt: u8) -> Result<Option<Computed>> {
        let path = self.path(job, attempt);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(file(&path)(error)),
        };
        let computed = serde_json::from_slice::<Stored>(&text)
            .ok()
            .and_then(|stored| stored.computed());
        if computed.is_none() {
            tracing::warn!(path = %path.display(), "damaged: the job is run again");
        }
        Ok(computed)
    }

    /// Writes down what an attempt came to. When this returns, it is on the disk.
    pub fn keep(&self, job: &Address, attempt: u8, computed: &Computed) -> Result<()> {
        self.write_json(&self.path(job, attempt), &Stored::of(computed))
    }

    /// Writes down that an attempt was run, before its outputs are put: whatever keeps them from the store, it is not
    /// run again.
    pub(crate) fn keep_run(&self, job: &Address, attempt: u8, ran: &Ran) -> Result<()> {
        let stored = StoredRun {
            computed: Stored::of(&ran.computed),
            blobs: ran.blobs.iter().map(BlobHash::to_string).collect(),
        };
        self.write_json(&self.run(job, attempt), &stored)
    }

    /// The run of an attempt, if there was one. A file that cannot be read counts as none: the job is run again.
    pub(crate) fn ran(&self, job: &Address, attempt: u8) -> Option<Ran> {
        let text = std::fs::read(self.run(job, attempt)).ok()?;
        serde_json::from_slice::<StoredRun>(&text).ok()?.run()
    }

    /// This machine cannot run this spec, or hand in what the job at this address comes to: it must not take such a job
    /// again.
    pub fn refuse(&self, what: &[u8; 32], reason: &str) -> Result<()> {
        self.write(&self.unfit(what), reason.as_bytes())
    }

    /// Whether this spec, or the job at this address, was refused before.
    pub fn refuses(&self, what: &[u8; 32]) -> bool {
        self.unfit(what).exists()
    }

    /// A module made this machine give up: no job with it is taken for a while, whatever else its spec says.
    pub fn leave_alone(&self, module: &[u8; 32], reason: &str) -> Result<()> {
        let path = self.module(module);
        let until = seconds(SystemTime::now() + LEFT_ALONE);
        let gave_up = GaveUp {
            until,
            reason: reason.into(),
        };
        self.write_json(&path, &gave_up)
    }

    /// Why a module is left alone, if it is.
    pub fn leaves_alone(&self, module: &[u8; 32]) -> Option<String> {
        self.left_alone_at(module, SystemTime::now())
    }

    fn left_alone_at(&self, module: &[u8; 32], now: SystemTime) -> Option<String> {
        let text = std::fs::read(self.module(module)).ok()?;
        let gave_up: GaveUp = serde_json::from_slice(&text).ok()?;
        (seconds(now) < gave_up.until).then_some(gave_up.reason)
    }

    /// What is known of this machine's speed; nothing, if the file is missing or damaged.
    pub fn rating(&self) -> Rating {
        Self::read_rating(&self.folder)
    }

    /// The same of a folder that an agent may hold.
    pub(crate) fn read_rating(folder: &Path) -> Rating {
        let text = std::fs::read(folder.join(RATING));
        text.ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default()
    }

    /// Writes down what is known of this machine's speed.
    pub fn keep_rating(&self, rating: &Rating) -> Result<()> {
        self.write_json(&self.folder.join(RATING), rating)
    }

    fn write_json(&self, path: &Path, value: &impl Serialize) -> Result<()> {
        let text =
            serde_json::to_vec(value).map_err(|error| file(path)(std::io::Error::other(error)))?;
        self.write(path, &text)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let write = || -> std::io::Result<()> {
            // each writer has its own file: two tasks may write the same one at once
            let mut file = tempfile::Builder::new()
                .suffix(&format!(".{NEW}"))
                .tempfile_in(&self.folder)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            // the name is part of what was written
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(file(path))
    }
}

fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const JOB: Address = Address::new_from_array([1; 32]);
    const COMPUTED: Computed = Computed {
        result: [7; 32],
        units: 9,
    };

    #[test]
    fn a_result_outlives_the_process_and_belongs_to_its_attempt() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        assert_eq!(cache.computed(&JOB, 1).unwrap(), None);
        cache.keep(&JOB, 1, &COMPUTED).unwrap();
        drop(cache);
        let cache = Cache::open(folder.path()).unwrap();
        assert_eq!(cache.computed(&JOB, 1).unwrap(), Some(COMPUTED));
        assert_eq!(cache.computed(&JOB, 2).unwrap(), None);
    }

    #[test]
    fn who_only_looks_keeps_no_agent_from_starting_and_another_agent_does() {
        let folder = tempfile::tempdir().unwrap();
        let looks = File::create(folder.path().join("lock")).unwrap();
        looks.lock_shared().unwrap();
        let looker = std::thread::spawn(move || {
            std::thread::sleep(2 * BETWEEN_TRIES);
            drop(looks);
        });
        let first = Cache::open(folder.path()).unwrap();
        looker.join().unwrap();
        let second = Cache::open(folder.path()).unwrap_err();
        assert!(matches!(second, Error::FolderInUse(_)), "{second}");
        drop(first);
        Cache::open(folder.path()).unwrap();
    }

    #[test]
    fn a_half_written_result_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        cache.keep(&JOB, 1, &COMPUTED).unwrap();
        let path = cache.path(&JOB, 1);
        let whole = std::fs::read(&path).unwrap();
        for damage in [&whole[..whole.len() / 2], &b""[..], &b"{}"[..]] {
            std::fs::write(&path, damage).unwrap();
            assert_eq!(cache.computed(&JOB, 1).unwrap(), None);
        }
        // what a killed writer left is in nobody's way, and goes
        let left = folder.path().join(".left.new");
        std::fs::write(&left, b"{").unwrap();
        cache.keep(&JOB, 1, &COMPUTED).unwrap();
        assert_eq!(cache.computed(&JOB, 1).unwrap(), Some(COMPUTED));
        cache.forget_old(SystemTime::now() + KEPT * 2).unwrap();
        assert!(!left.exists());
    }

    #[test]
    fn a_run_is_remembered_with_what_is_to_be_put() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        assert_eq!(cache.ran(&JOB, 1), None);
        let ran = Ran {
            computed: COMPUTED,
            blobs: vec![BlobHash([1; 32]), BlobHash([2; 32])],
        };
        cache.keep_run(&JOB, 1, &ran).unwrap();
        assert_eq!(cache.ran(&JOB, 1), Some(ran));
        assert_eq!(cache.ran(&JOB, 2), None);
        assert_eq!(
            cache.computed(&JOB, 1).unwrap(),
            None,
            "it is not in the store"
        );
        std::fs::write(cache.run(&JOB, 1), b"{").unwrap();
        assert_eq!(cache.ran(&JOB, 1), None);
    }

    #[test]
    fn many_may_write_one_file_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let write = || {
            for _ in 0..20 {
                cache.keep_rating(&Rating::default()).unwrap();
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(write);
            }
        });
    }

    #[test]
    fn a_spec_that_this_machine_cannot_run_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        assert!(!cache.refuses(&[1; 32]));
        cache.refuse(&[1; 32], "memory").unwrap();
        drop(cache);
        let cache = Cache::open(folder.path()).unwrap();
        assert!(cache.refuses(&[1; 32]));
        assert!(!cache.refuses(&[2; 32]));
    }

    #[test]
    fn a_module_that_made_the_machine_give_up_is_left_alone_for_a_week() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        cache.leave_alone(&[1; 32], "the stack is full").unwrap();
        drop(cache);
        let cache = Cache::open(folder.path()).unwrap();
        let why = cache.leaves_alone(&[1; 32]);
        assert_eq!(why.as_deref(), Some("the stack is full"));
        assert_eq!(cache.leaves_alone(&[2; 32]), None);
        let then = SystemTime::now() + LEFT_ALONE;
        let minute = Duration::from_secs(60);
        assert!(cache.left_alone_at(&[1; 32], then - minute).is_some());
        assert!(cache.left_alone_at(&[1; 32], then + minute).is_none());
    }

    #[test]
    fn a_rating_outlives_the_process_and_a_damaged_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        assert!(cache.rating().is_empty());
        let mut rating = Rating::default();
        rating.note(5, Duration::from_secs(9));
        cache.keep_rating(&rating).unwrap();
        cache.forget_old(SystemTime::now() + KEPT * 2).unwrap();
        assert_eq!(cache.rating(), rating);
        std::fs::write(folder.path().join(RATING), b"[").unwrap();
        assert!(cache.rating().is_empty());
    }

    #[test]
    fn two_agents_cannot_share_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let first = Cache::open(folder.path()).unwrap();
        let error = Cache::open(folder.path()).unwrap_err();
        assert!(matches!(error, Error::FolderInUse(_)), "{error}");
        drop(first);
        Cache::open(folder.path()).unwrap();
    }

    #[test]
    fn old_files_are_forgotten_young_ones_kept() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        cache.keep(&JOB, 1, &COMPUTED).unwrap();
        cache.refuse(&[1; 32], "memory").unwrap();
        let minute = Duration::from_secs(60);
        cache.forget_old(SystemTime::now() + KEPT - minute).unwrap();
        assert!(cache.computed(&JOB, 1).unwrap().is_some());
        assert!(cache.refuses(&[1; 32]));
        cache.forget_old(SystemTime::now() + KEPT + minute).unwrap();
        assert_eq!(cache.computed(&JOB, 1).unwrap(), None);
        assert!(!cache.refuses(&[1; 32]));
    }
}

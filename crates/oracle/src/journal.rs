//! What this agent decided, on disk before it signs: a file for each attempt of a job.

use crate::{Error, Result};
use lode_attestation::Verdict;
use serde::{Deserialize, Serialize};
use solana_address::Address;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Entries are kept this long; no job lives for more than a week after its submission.
const KEPT: Duration = Duration::from_secs(60 * 86_400);
/// How often old ones are looked for.
const FORGET_EVERY: Duration = Duration::from_secs(86_400);

/// A verdict that was decided for one attempt of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The job.
    pub job: Address,
    /// Its attempt.
    pub attempt: u8,
    /// What was decided.
    pub verdict: Verdict,
    /// Hash of the receipt for a match, else zero.
    pub result: [u8; 32],
    /// Units of the receipt for a match, else 0.
    pub units: u64,
}

/// An entry as it stands on disk.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    job: String,
    attempt: u8,
    verdict: u8,
    result: String,
    units: u64,
}

impl From<&Entry> for Stored {
    fn from(entry: &Entry) -> Self {
        Self {
            job: entry.job.to_string(),
            attempt: entry.attempt,
            verdict: entry.verdict as u8,
            result: hex::encode(entry.result),
            units: entry.units,
        }
    }
}

impl Stored {
    fn entry(&self) -> Option<Entry> {
        let mut result = [0; 32];
        hex::decode_to_slice(&self.result, &mut result).ok()?;
        Some(Entry {
            job: self.job.parse().ok()?,
            attempt: self.attempt,
            verdict: Verdict::try_from(self.verdict).ok()?,
            result,
            units: self.units,
        })
    }
}

/// The journal, held against any other process while it lives.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    _lock: File,
    /// When old entries were last looked for. Held while a decision is written down: a key may sit on several seats of one
    /// panel, and their tasks decide the same attempt at the same time.
    deciding: Mutex<SystemTime>,
}

fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
    move |source| Error::File {
        path: path.into(),
        source,
    }
}

impl Journal {
    /// Opens the journal in `folder`, which is made where it is missing, and forgets what no job can need any more.
    pub fn open(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(file(folder))?;
        let at = folder.join("lock");
        let lock = File::create(&at).map_err(file(&at))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(Error::FolderInUse(folder.into()))
            }
            Err(std::fs::TryLockError::Error(source)) => return Err(file(&at)(source)),
        }
        let now = SystemTime::now();
        let journal = Self {
            folder: folder.into(),
            _lock: lock,
            deciding: Mutex::new(now),
        };
        journal.forget_old(now).map_err(file(folder))?;
        Ok(journal)
    }

    fn forget_old(&self, now: SystemTime) -> std::io::Result<()> {
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let age = now.duration_since(entry.metadata()?.modified()?);
            let path = entry.path();
            let is_entry = path.extension().is_some_and(|e| e == "json" || e == "told");
            if is_entry && age.is_ok_and(|age| age > KEPT) {
                std::fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn path(&self, job: &Address, attempt: u8) -> PathBuf {
        self.folder.join(format!("{job}.{attempt}.json"))
    }

    /// Notes that the end of an attempt was told; true only the first time.
    pub(crate) fn tell(&self, job: &Address, attempt: u8) -> Result<bool> {
        let path = self.path(job, attempt).with_extension("told");
        match File::create_new(&path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(file(&path)(error)),
        }
    }

    /// What was decided for an attempt, if anything was.
    pub fn entry(&self, job: &Address, attempt: u8) -> Result<Option<Entry>> {
        let path = self.path(job, attempt);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(file(&path)(error)),
        };
        serde_json::from_slice::<Stored>(&text)
            .ok()
            .and_then(|stored| stored.entry())
            .filter(|entry| entry.job == *job && entry.attempt == attempt)
            .map(Some)
            .ok_or(Error::DamagedEntry(path))
    }

    /// Writes a decision down. When this returns, it is on the disk, and nothing else will ever be signed for this
    /// attempt; but who found a job unrunnable may find it runnable after all.
    pub fn decide(&self, entry: &Entry) -> Result<()> {
        let deciding = self.deciding.lock();
        let mut forgot = deciding.unwrap_or_else(PoisonError::into_inner);
        match self.entry(&entry.job, entry.attempt)? {
            Some(before) if before == *entry => return Ok(()),
            Some(before) if before.verdict != Verdict::Unrunnable => {
                return Err(Error::SecondVerdict {
                    job: entry.job,
                    attempt: entry.attempt,
                    before: before.verdict,
                    now: entry.verdict,
                })
            }
            _ => {}
        }
        let path = self.path(&entry.job, entry.attempt);
        let fresh = path.with_extension("new");
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&fresh)?;
            file.write_all(&serde_json::to_vec(&Stored::from(entry))?)?;
            file.sync_all()?;
            std::fs::rename(&fresh, &path)?;
            // the name is part of the decision
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(file(&path))?;
        let now = SystemTime::now();
        if now
            .duration_since(*forgot)
            .is_ok_and(|since| since >= FORGET_EVERY)
        {
            *forgot = now;
            if let Err(error) = self.forget_old(now) {
                tracing::warn!(%error, "old entries of the journal stay for another day");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn entry(verdict: Verdict) -> Entry {
        let matches = verdict == Verdict::Match;
        Entry {
            job: Address::new_from_array([1; 32]),
            attempt: 2,
            verdict,
            result: if matches { [7; 32] } else { [0; 32] },
            units: if matches { 9 } else { 0 },
        }
    }

    #[test]
    fn a_decision_outlives_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let decided = entry(Verdict::Match);
        let journal = Journal::open(folder.path()).unwrap();
        assert_eq!(journal.entry(&decided.job, 2).unwrap(), None);
        journal.decide(&decided).unwrap();
        drop(journal);
        let journal = Journal::open(folder.path()).unwrap();
        assert_eq!(journal.entry(&decided.job, 2).unwrap(), Some(decided));
        assert_eq!(journal.entry(&decided.job, 1).unwrap(), None);
        journal.decide(&decided).unwrap();
    }

    #[test]
    fn an_end_is_told_once_whoever_asks_and_whenever() {
        let folder = tempfile::tempdir().unwrap();
        let (job, other) = (entry(Verdict::Match).job, Address::new_from_array([2; 32]));
        let journal = Journal::open(folder.path()).unwrap();
        assert!(journal.tell(&job, 0).unwrap());
        assert!(!journal.tell(&job, 0).unwrap());
        drop(journal);
        let journal = Journal::open(folder.path()).unwrap();
        assert!(!journal.tell(&job, 0).unwrap());
        assert!(journal.tell(&job, 1).unwrap());
        assert!(journal.tell(&other, 0).unwrap());
        // it says nothing about a verdict
        assert_eq!(journal.entry(&job, 0).unwrap(), None);
    }

    #[test]
    fn no_second_verdict_is_decided_for_an_attempt() {
        for (first, second) in [
            (Verdict::Match, Verdict::Mismatch),
            (Verdict::Match, Verdict::Unrunnable),
            (Verdict::Mismatch, Verdict::Match),
            (Verdict::Mismatch, Verdict::Unrunnable),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let journal = Journal::open(folder.path()).unwrap();
            journal.decide(&entry(first)).unwrap();
            let error = journal.decide(&entry(second)).unwrap_err();
            assert!(matches!(error, Error::SecondVerdict { .. }), "{error}");
            let kept = journal.entry(&entry(first).job, 2).unwrap().unwrap();
            assert_eq!(kept, entry(first));
            // nor the same verdict over another result
            let mut other = entry(first);
            other.result = [8; 32];
            assert!(journal.decide(&other).is_err());
            // another attempt is another matter
            let mut next = entry(second);
            next.attempt = 3;
            journal.decide(&next).unwrap();
        }
    }

    #[test]
    fn of_those_who_decide_at_once_one_is_first_and_who_agrees_with_him_is_not_refused() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path()).unwrap();
        for attempt in 0..20 {
            let says = |verdict| Entry {
                attempt,
                ..entry(verdict)
            };
            let all = [Verdict::Match, Verdict::Mismatch, Verdict::Match].map(says);
            let (journal, start) = (&journal, &std::sync::Barrier::new(all.len()));
            let decided = std::thread::scope(|scope| {
                let each = all.map(|entry| {
                    scope.spawn(move || {
                        start.wait();
                        journal.decide(&entry)
                    })
                });
                each.map(|thread| thread.join().unwrap())
            });
            let kept = journal.entry(&all[0].job, attempt).unwrap().unwrap();
            for (entry, decided) in all.iter().zip(decided) {
                match decided {
                    Ok(()) => assert_eq!(*entry, kept),
                    Err(Error::SecondVerdict { .. }) => assert_ne!(*entry, kept),
                    Err(error) => unreachable!("{error}"),
                }
            }
        }
    }

    #[test]
    fn unrunnable_may_become_another_verdict() {
        for second in [Verdict::Match, Verdict::Mismatch] {
            let folder = tempfile::tempdir().unwrap();
            let journal = Journal::open(folder.path()).unwrap();
            journal.decide(&entry(Verdict::Unrunnable)).unwrap();
            journal.decide(&entry(second)).unwrap();
            let kept = journal.entry(&entry(second).job, 2).unwrap();
            assert_eq!(kept, Some(entry(second)));
        }
    }

    #[test]
    fn two_agents_cannot_share_a_journal() {
        let folder = tempfile::tempdir().unwrap();
        let first = Journal::open(folder.path()).unwrap();
        let error = Journal::open(folder.path()).unwrap_err();
        assert!(matches!(error, Error::FolderInUse(_)), "{error}");
        drop(first);
        Journal::open(folder.path()).unwrap();
    }

    #[test]
    fn a_damaged_entry_is_not_taken_for_none() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path()).unwrap();
        let decided = entry(Verdict::Match);
        journal.decide(&decided).unwrap();
        let path = journal.path(&decided.job, 2);
        let whole = std::fs::read(&path).unwrap();
        for damage in [&whole[..whole.len() / 2], &b""[..], &b"{}"[..]] {
            std::fs::write(&path, damage).unwrap();
            assert!(matches!(
                journal.entry(&decided.job, 2),
                Err(Error::DamagedEntry(_))
            ));
            assert!(journal.decide(&decided).is_err());
        }
        // an entry under another's name
        std::fs::write(journal.path(&decided.job, 4), &whole).unwrap();
        assert!(journal.entry(&decided.job, 4).is_err());
    }

    #[test]
    fn an_agent_that_is_never_started_anew_forgets_old_entries_too() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path()).unwrap();
        let (old, now) = (entry(Verdict::Match), SystemTime::now());
        journal.decide(&old).unwrap();
        let path = File::open(journal.path(&old.job, old.attempt)).unwrap();
        path.set_modified(now - KEPT - FORGET_EVERY).unwrap();
        let decide = |attempt| {
            let next = Entry { attempt, ..old };
            journal.decide(&next).unwrap();
            journal.entry(&old.job, old.attempt).unwrap()
        };
        assert_eq!(decide(3), Some(old));
        *journal.deciding.lock().unwrap() = now - FORGET_EVERY;
        assert_eq!(decide(4), None);
        assert!(journal.entry(&old.job, 3).unwrap().is_some());
    }

    #[test]
    fn old_entries_are_forgotten_young_ones_kept() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path()).unwrap();
        let decided = entry(Verdict::Match);
        journal.decide(&decided).unwrap();
        let later = |after| SystemTime::now() + after;
        journal
            .forget_old(later(KEPT - Duration::from_secs(60)))
            .unwrap();
        assert!(journal.entry(&decided.job, 2).unwrap().is_some());
        journal
            .forget_old(later(KEPT + Duration::from_secs(60)))
            .unwrap();
        assert_eq!(journal.entry(&decided.job, 2).unwrap(), None);
    }
}

//! What the agent and its owner say to each other through the agent's folder: orders in, a status out. It needs no port,
//! and who may write the folder may do worse already.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const ORDER: &str = "drain.json";
const STATUS: &str = "status.json";

/// The order to take no more jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drain {
    /// Which order it is, so that an answer belongs to it.
    pub id: u64,
    /// The agent ends when it is done.
    pub stop: bool,
}

/// What the agent last said of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the agent.
    pub version: String,
    /// The node's address.
    pub node: String,
    /// When it looked at the chain, unix seconds of this machine.
    pub at: u64,
    /// The order to drain that it obeys.
    pub drain: Option<u64>,
    /// Why the machine takes no job now, whatever the order: a sentence for each of its conditions that does not hold.
    #[serde(default)]
    pub held: Vec<String>,
    /// By that order nothing runs, and nothing needs this agent any more.
    pub drained: bool,
    /// Jobs that run now.
    pub running: u64,
    /// Jobs that it still has to bring to their end itself: accepted, submitted or sealed, and bids that stand.
    pub unfinished: u64,
    /// Jobs whose verdict stands and whose window runs: anyone settles them.
    pub waiting: u64,
}

impl Status {
    /// How long ago the agent said this.
    pub fn age(&self) -> Duration {
        Duration::from_secs(now().saturating_sub(self.at))
    }
}

fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
    move |source| Error::File {
        path: path.into(),
        source,
    }
}

/// Unix seconds of this machine.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

fn write(path: &Path, value: &impl Serialize) -> Result<()> {
    let text =
        serde_json::to_vec(value).map_err(|error| file(path)(std::io::Error::other(error)))?;
    // whole or not at all for whoever reads it meanwhile
    let fresh = path.with_extension(format!("new-{}", std::process::id()));
    std::fs::write(&fresh, text)
        .and_then(|()| std::fs::rename(&fresh, path))
        .map_err(file(path))
}

/// What is in a file; nothing where it is missing or damaged.
fn read<T: serde::de::DeserializeOwned>(path: PathBuf) -> Result<Option<T>> {
    match std::fs::read(&path) {
        Ok(text) => Ok(serde_json::from_slice(&text).ok()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file(&path)(error)),
    }
}

/// Whether an agent uses the folder now.
pub fn is_running(folder: &Path) -> Result<bool> {
    let path = folder.join("results").join("lock");
    let lock = match File::open(&path) {
        Ok(lock) => lock,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(file(&path)(error)),
    };
    match lock.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(std::fs::TryLockError::WouldBlock) => Ok(true),
        Err(std::fs::TryLockError::Error(source)) => Err(file(&path)(source)),
    }
}

/// Tells the agent of this folder to take no more jobs. It holds until [`resume`], also for an agent that is started
/// again; with `stop` until the agent ends by it.
pub fn drain(folder: &Path, stop: bool) -> Result<Drain> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let id = u64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX);
    let order = Drain { id, stop };
    write(&folder.join(ORDER), &order)?;
    Ok(order)
}

/// Takes the order to drain back. Says whether there was one.
pub fn resume(folder: &Path) -> Result<bool> {
    let path = folder.join(ORDER);
    match std::fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(file(&path)(error)),
    }
}

/// The order to drain, if there is one.
pub fn order(folder: &Path) -> Result<Option<Drain>> {
    read(folder.join(ORDER))
}

/// What the agent of this folder last said.
pub fn status(folder: &Path) -> Result<Option<Status>> {
    read(folder.join(STATUS))
}

pub(crate) fn tell(folder: &Path, status: &Status) -> Result<()> {
    write(&folder.join(STATUS), status)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cache::Cache;

    #[test]
    fn an_order_holds_until_it_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        assert_eq!(order(at).unwrap(), None);
        assert!(!resume(at).unwrap());
        let first = drain(at, false).unwrap();
        assert_eq!(order(at).unwrap(), Some(first));
        let second = drain(at, true).unwrap();
        assert!(second.stop && second.id != first.id);
        assert_eq!(order(at).unwrap(), Some(second));
        assert!(resume(at).unwrap());
        assert_eq!(order(at).unwrap(), None);
    }

    #[test]
    fn a_status_is_read_as_it_was_told_and_a_damaged_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        assert_eq!(status(at).unwrap(), None);
        let said = Status {
            node: "node".into(),
            at: now(),
            drain: Some(3),
            waiting: 2,
            ..Status::default()
        };
        tell(at, &said).unwrap();
        assert_eq!(status(at).unwrap(), Some(said.clone()));
        assert!(said.age() < Duration::from_secs(60));
        std::fs::write(at.join(STATUS), b"{").unwrap();
        assert_eq!(status(at).unwrap(), None);
    }

    #[test]
    fn an_agent_runs_as_long_as_it_holds_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_running(folder.path()).unwrap());
        let cache = Cache::open(&folder.path().join("results")).unwrap();
        assert!(is_running(folder.path()).unwrap());
        drop(cache);
        assert!(!is_running(folder.path()).unwrap());
    }
}

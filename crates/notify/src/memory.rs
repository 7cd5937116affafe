//! What an agent has told, so that it does not tell it again when it is started again.

use serde::de::DeserializeOwned;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A value in a file of its own. Only notices hang on it: what cannot be read is as if it were not there, and what cannot
/// be written is a line in the log.
#[derive(Debug)]
pub struct Memory<T> {
    path: PathBuf,
    kept: T,
}

impl<T: Clone + Default + PartialEq + Serialize + DeserializeOwned> Memory<T> {
    /// What the file says, or nothing yet.
    pub fn open(path: &Path) -> Self {
        let text = std::fs::read(path).unwrap_or_default();
        Self {
            path: path.into(),
            kept: serde_json::from_slice(&text).unwrap_or_default(),
        }
    }

    /// What is remembered.
    pub fn value(&self) -> &T {
        &self.kept
    }

    /// Changes it, and writes it down where that changed anything.
    pub fn change<R>(&mut self, with: impl FnOnce(&mut T) -> R) -> R {
        let mut value = self.kept.clone();
        let said = with(&mut value);
        if value != self.kept {
            self.kept = value;
            let fresh = self.path.with_extension("new");
            let written = serde_json::to_vec(&self.kept)
                .map_err(std::io::Error::other)
                .and_then(|text| std::fs::write(&fresh, text))
                // whole or not at all
                .and_then(|()| std::fs::rename(&fresh, &self.path));
            if let Err(error) = written {
                tracing::warn!(path = %self.path.display(), %error, "what was told cannot be written down: it may be told again");
            }
        }
        said
    }
}

/// Whether a balance fell below its threshold since it was last looked at; `low` are those that are below.
pub fn crossed(low: &mut BTreeSet<String>, of: &str, left: u64, threshold: u64) -> bool {
    if left >= threshold {
        low.remove(of);
        return false;
    }
    low.insert(of.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_told_is_remembered_and_a_damaged_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notices.json");
        let mut memory = Memory::<BTreeSet<String>>::open(&path);
        assert!(memory.value().is_empty());
        assert!(memory.change(|told| told.insert("a".into())));
        let again = Memory::<BTreeSet<String>>::open(&path);
        assert_eq!(again.value(), memory.value());
        std::fs::write(&path, "{").unwrap();
        assert!(Memory::<BTreeSet<String>>::open(&path).value().is_empty());
    }

    #[test]
    fn a_low_balance_is_told_once_until_there_was_enough() {
        let mut low = BTreeSet::new();
        let mut told = |left| crossed(&mut low, "worker", left, 10);
        assert_eq!([10, 9, 8, 0].map(&mut told), [false, true, false, false]);
        assert_eq!([10, 9].map(&mut told), [false, true]);
    }
}

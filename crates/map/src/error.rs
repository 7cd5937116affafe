//! What can go wrong, as sentences.
use std::path::{Path, PathBuf};

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a map cannot begin or go on. What was posted stands on the chain: the same map in the same folder goes on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was asked makes no map.
    #[error("{0}")]
    Asked(String),
    /// The folder holds another map.
    #[error("The folder {} holds another map: {what} differs; give another folder, or the arguments it was begun with", folder.display())]
    OtherMap {
        /// The folder.
        folder: PathBuf,
        /// What differs.
        what: &'static str,
    },
    /// The folder is not a map's.
    #[error("{} holds something else: name a new folder with --save-to", .0.display())]
    NotAMap(PathBuf),
    /// Another process works in the folder.
    #[error("Another map is running in {}: wait for it, or give another folder", .0.display())]
    Running(PathBuf),
    /// A file of the folder or an input.
    #[error("{} cannot be {verb}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried.
        verb: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A job's result that is of no use.
    #[error("{0}")]
    Result(String),
    /// The account in the market has too little for one job.
    #[error("A job locks {needed} base units, and the account has {available}")]
    Funds {
        /// What a job locks.
        needed: u64,
        /// What the account has.
        available: u64,
    },
    /// The network.
    #[error(transparent)]
    Client(#[from] lode_client::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] lode_store::Error),
    /// A job that cannot be.
    #[error(transparent)]
    Runtime(#[from] lode_runtime::Error),
}

impl Error {
    pub(crate) fn asked(why: impl Into<String>) -> Self {
        Self::Asked(why.into())
    }

    pub(crate) fn reading(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        Self::file(path, "read")
    }

    pub(crate) fn writing(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        Self::file(path, "written")
    }

    fn file<'a>(path: &'a Path, verb: &'static str) -> impl FnOnce(std::io::Error) -> Self + 'a {
        move |source| Self::File {
            path: path.into(),
            verb,
            source,
        }
    }
}

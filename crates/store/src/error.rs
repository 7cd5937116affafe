//! What can go wrong between a blob and whoever wants it.

use crate::BlobHash;
use std::io::ErrorKind;
use std::path::PathBuf;

/// The status of a gateway that keeps no more for whoever asks.
const FULL: u16 = 507;

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of store, cache or gateway client: one sentence that says what is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A blob's name is 64 lower-case hexadecimal digits.
    #[error("`{0}` is no blob name: a name is the SHA-256 in 64 lower-case hexadecimal digits")]
    NotAHash(String),
    /// The store's address cannot be used.
    #[error("the store's address `{url}` cannot be used: {reason}")]
    BadUrl {
        /// The address.
        url: String,
        /// Why not.
        reason: String,
    },
    /// The store does not have it.
    #[error("{what} is not in the store {url}")]
    NotFound {
        /// What was asked for.
        what: String,
        /// Where.
        url: String,
    },
    /// The bytes are not those that the name stands for.
    #[error("blob {expected} came with the wrong bytes (their hash is {found}): the store is damaged or dishonest")]
    WrongHash {
        /// The name.
        expected: BlobHash,
        /// What came.
        found: BlobHash,
    },
    /// More bytes than allowed.
    #[error("{what} has more than the {limit} bytes allowed")]
    TooLarge {
        /// What it is.
        what: String,
        /// The limit, bytes.
        limit: u64,
    },
    /// The gateway cannot be reached, or stops in mid-sentence, after every retry.
    #[error("the store {url} does not answer: {reason}; check that it runs")]
    Unreachable {
        /// Where.
        url: String,
        /// The last failure.
        reason: String,
    },
    /// The gateway refuses.
    #[error("the store {url} refuses ({status}): {reason}")]
    Refused {
        /// Where.
        url: String,
        /// HTTP status.
        status: u16,
        /// The gateway's reason.
        reason: String,
    },
    /// An authorisation header that does not hold.
    #[error("the authorisation does not hold: {0}")]
    Authorization(&'static str),
    /// An attestation object has exactly 65 bytes: a verdict from 1 to 3 and a signature.
    #[error("this is no attestation: it takes 65 bytes, a verdict from 1 to 3 and a signature")]
    NotAnAttestation,
    /// A local file.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The back end of a [`crate::BlobStore`].
    #[error("the object store fails: {0}")]
    Backend(#[from] object_store::Error),
}

/// Whether a write failed because the disk, or what this user may have of it, is full.
pub fn tells_of_a_full_disk(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded
    )
}

impl Error {
    /// The store answered that it does not have it.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Nothing wrong with what was asked: it may work later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => is_transient_status(*status),
            _ => false,
        }
    }

    /// More than the store ever takes for that job: the same bytes will not be taken later either.
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::Refused { status: 413, .. })
    }

    /// The gateway keeps as much as it gives to whoever asks, in all jobs together: nothing else is taken until some of it
    /// goes.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Refused { status: FULL, .. })
    }

    /// This machine's disk, or what this user may have of it, is full.
    pub fn is_of_a_full_disk(&self) -> bool {
        matches!(self, Self::File { source, .. } if tells_of_a_full_disk(source))
    }

    /// Something is wrong with the gateway itself, and not with what was asked: another one is the better choice for a
    /// while.
    pub(crate) fn is_fault(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::WrongHash { .. } => true,
            Self::Refused { status, .. } => *status == 429 || is_failure(*status),
            _ => false,
        }
    }

    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        |source| Self::File { path, source }
    }
}

/// Statuses after which the same request may succeed: timeout, locked by another request, too early (the chain is not
/// there yet), too many, and every failure of the server.
pub(crate) fn is_transient_status(status: u16) -> bool {
    matches!(status, 408 | 423 | 425 | 429) || is_failure(status)
}

/// The server failed. That it gives no more is no failure of its own, and nothing that waiting a while would mend.
fn is_failure(status: u16) -> bool {
    matches!(status, 500..=599) && status != FULL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_that_gives_no_more_is_neither_broken_nor_asked_again() {
        let refused = |status| Error::Refused {
            url: String::new(),
            status,
            reason: String::new(),
        };
        for status in [500, 503, 599] {
            let error = refused(status);
            assert!(error.is_transient() && error.is_fault() && !error.is_full());
        }
        let full = refused(FULL);
        assert!(full.is_full() && !full.is_too_large());
        assert!(!full.is_transient() && !full.is_fault());
    }
}

//! Private jobs (protocol, "Data"): what lies in the store is sealed, and only whom the customer chose can open it.
//!
//! Each private job has a data key of its own. Its [`Envelope`], whose hash is the job's spec on chain, holds that key
//! wrapped for each recipient, and the names and sizes of the sealed spec, module and inputs. What a run comes to is
//! sealed under the same key, and the job's result on chain is the hash of a wrapper that names the sealed receipt.
//! Sealing is deterministic, so node and seats come to the same result byte for byte, and a node sees whether each seat
//! can open the job before it accepts.
//!
//! The format is age's (age-encryption.org/v1): the envelope's key followed by any sealed blob is an age file, which the
//! ordinary tool opens.
#![warn(missing_docs)]

mod age;
mod envelope;
mod key;
mod result;

pub use envelope::{seats, Envelope, Private};
pub use key::{DataKey, Identities, Identity, Recipient};
pub use result::{sealed_result, Opened, Results};

use lode_runtime::Blob;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong. No message says anything of what is sealed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A document that says it is of a private job.
    #[error("the envelope of the private job is refused: {0}")]
    Envelope(String),
    /// Nobody wrapped the data key for this reader.
    #[error("the job is private, and its key is not sealed for this reader")]
    NotForUs,
    /// Not sealed under this key, or damaged.
    #[error("a sealed blob does not open under the job's key")]
    NotSealed,
    /// What was sealed is not what the envelope, spec or receipt names.
    #[error("what is sealed in the private job is not what it should be: {0}")]
    WrongContent(&'static str),
    /// A key to which nothing can be sealed.
    #[error("{0} is no key that anything can be sealed for: the node's owner has to publish another with `lode node update --encryption-key`")]
    WeakKey(Recipient),
    /// A text that is no key.
    #[error("`{0}` is no encryption key: `lode node key` prints one, 64 digits and letters")]
    NotAKey(String),
    /// A file of identities that is none.
    #[error("{0} does not hold the node's encryption keys: put its backup back, or move it away and publish a new key")]
    KeyFile(PathBuf),
    /// A file or folder.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::File {
            path: path.into(),
            source,
        }
    }
}

/// Bytes that sealing makes of so many.
pub fn sealed_size(plain: u64) -> u64 {
    age::size(plain)
}

/// Most outputs of a run: 65 536 files and two streams.
const BLOBS: u64 = 65_538;

/// Most bytes that outputs of so many bytes together have when they are sealed: each of them grows.
pub fn sealed_outputs(plain: u64) -> u64 {
    let each = age::size(0).saturating_mul(BLOBS);
    age::size(plain).saturating_add(each)
}

/// Most bytes that a receipt of so many bytes has when it is sealed, its wrapper left out: each of its quotes and
/// backslashes is escaped once more, and beside it stands what each output is called in plain text and sealed.
pub fn sealed_receipt(plain: u64) -> u64 {
    /// Two hashes, a size and names of members.
    const NAMES: u64 = 192;
    let names = BLOBS.saturating_mul(NAMES);
    age::size(plain.saturating_mul(2).saturating_add(names))
}

/// A blob's name and size, as documents have them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    sha256: String,
    size: u64,
}

impl From<&Blob> for Named {
    fn from(blob: &Blob) -> Self {
        Self {
            sha256: hex::encode(blob.sha256),
            size: blob.size,
        }
    }
}

impl Named {
    fn blob(&self) -> Option<Blob> {
        Some(Blob {
            sha256: hash(&self.sha256)?,
            size: self.size,
        })
    }
}

/// A hash in lower-case hexadecimal digits.
fn hash(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    (hex::encode(bytes) == text).then_some(bytes)
}

/// What all public documents of private jobs look like.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<T> {
    v: u64,
    private: T,
}

/// A document's bytes: one line, always the same.
fn write<T: Serialize>(private: T) -> Vec<u8> {
    // structs of texts and numbers always serialise
    serde_json::to_vec(&Document { v: 1, private }).unwrap_or_default()
}

/// Reads a document of a private job; nothing where the bytes are something else, such as a spec or a receipt.
fn read<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<Option<T>> {
    #[derive(Deserialize)]
    struct Probe {
        #[serde(default)]
        private: Option<IgnoredAny>,
    }
    let private = serde_json::from_slice::<Probe>(bytes).is_ok_and(|probe| probe.private.is_some());
    if !private {
        return Ok(None);
    }
    let found: Document<T> =
        serde_json::from_slice(bytes).map_err(|error| Error::Envelope(error.to_string()))?;
    if found.v != 1 {
        return Err(Error::Envelope(format!(
            "`v` is {}, only 1 is known",
            found.v
        )));
    }
    // one form for each meaning: what is not written so was written by something else
    if write(&found.private) != bytes {
        return Err(Error::Envelope("it is not in canonical form".into()));
    }
    Ok(Some(found.private))
}

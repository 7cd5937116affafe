//! The market's blob server (protocol, "Data"): anyone may read a blob whose name he knows, nobody gets a list, and who
//! may write what is read from the chain at every write.
//!
//! | request | who | what |
//! |---|---|---|
//! | `GET`, `HEAD /blobs/<sha256>` | anyone | the blob, or the part that `Range` asks for |
//! | `PUT /blobs/<sha256>` | the customer, the worker, a seat of the panel | signed, see `lode_store::PutRequest`; resumable, see below |
//! | `GET`, `HEAD /attest/<job>/<attempt>/<seat>` | anyone | verdict and signature, 65 bytes |
//! | `PUT /attest/<job>/<attempt>/<seat>` | anyone with the seat's valid signature | the same |
//! | `DELETE /jobs/<job>` | the customer, once the job's account is closed | forgets all of it now, and not after a week |
//!
//! An upload that broke goes on: `PUT` with `Content-Range: bytes */<total>` and no body is answered by 308 and
//! `Range: bytes=0-<last>` (no `Range` if nothing is there); then `Content-Range: bytes <from>-<last>/<total>` sends
//! the rest. A blob becomes visible only when it is whole and its hash is right.
//!
//! Beside the blobs the store holds `index/<job>/..`, objects whose names alone say which job a blob belongs to: that
//! is how sizes are summed and how blobs end with their job. One gateway process writes to a store.
//!
//! A market may name several gateways, each with a store of its own; a mirror copies what the jobs of a market name, also
//! where the market does not name it, and then takes no writes.
#![warn(missing_docs)]

mod case;
mod chain;
mod index;
mod limits;
mod meters;
mod mirror;
mod refusal;
mod scrub;
mod server;
mod spec;
mod sweep;
mod uploads;

// What runs makes and what a store takes are the same.
const _: () = assert!(lode_store::MOST_SPEC_BYTES == lode_runtime::MAX_SPEC_BYTES as u64);
const _: () = assert!(lode_store::MOST_RECEIPT_BYTES == lode_runtime::MAX_RECEIPT_BYTES as u64);
// What the chain takes can be run.
const _: () = assert!(lode_oracle::constants::MOST_UNITS == lode_runtime::MAX_UNITS);
const _: () =
    assert!(lode_oracle::constants::MOST_MEMORY_MIB as u64 == lode_runtime::MAX_MEMORY_MIB);

pub use chain::{Chain, RpcChain};
pub use limits::Limits;
pub use mirror::Copied;
pub use scrub::Scrubbed;
pub use server::{Config, Gateway, Mirror};
pub use sweep::{Swept, RETENTION_SECONDS};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a gateway does not start, or stops.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store behind it.
    #[error(transparent)]
    Store(#[from] lode_store::Error),
    /// The chain behind it.
    #[error("the chain cannot be asked: {0}")]
    Chain(#[from] lode_client::Error),
    /// A gateway that is copied from.
    #[error("another gateway does not give what it should: {0}")]
    Peer(lode_store::Error),
    /// There is no such market to copy.
    #[error("there is no market at {0}: `lode market list` shows all")]
    NoMarket(solana_address::Address),
    /// A folder or a socket.
    #[error("{what}: {source}")]
    Io {
        /// What for.
        what: String,
        /// Why.
        source: std::io::Error,
    },
    /// Two gateways with one folder would spoil each other's uploads.
    #[error("another gateway uses the folder {0}: stop it, or give this one a folder of its own")]
    FolderInUse(std::path::PathBuf),
    /// Another process wrote into the store's index.
    #[error("`{0}` in the store's index was not written by a gateway")]
    Index(String),
}

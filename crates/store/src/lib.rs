//! Content-addressed blobs: named by their SHA-256, written by whoever the chain says may, read by anyone who knows
//! the name (protocol, "Data").
//!
//! - [`GatewayClient`] speaks to a market's gateways and their mirrors: resumable downloads and uploads, hashes checked
//!   while streaming, the next one asked where one fails.
//! - [`BlobStore`] keeps blobs in any `object_store` back end: what a gateway stands on.
//! - [`BlobCache`] keeps fetched blobs on disk, so that a job's inputs cross the network once.
//! - [`PutRequest`] and [`Authorization`] are the signature under which a blob is put: one message for both sides.
#![warn(missing_docs)]

mod authorization;
mod backend;
mod cache;
mod client;
mod disk;
mod error;
mod hash;
mod names;
mod sites;

pub use authorization::{
    unix_now, Authorization, ForgetAuthorization, ForgetRequest, PutRequest, AUTHORIZATION_SECONDS,
    MOST_AUTHORIZATION_SECONDS,
};
pub use backend::{BlobPart, BlobStore};
pub use cache::{BlobCache, Hold};
pub use client::{GatewayClient, Retry, Source, Writer};
pub use error::{tells_of_a_full_disk, Error, Result};
pub use hash::{BlobHash, Hasher};
pub use names::{Attestation, ATTESTATION_BYTES};
pub use sites::{gateway_urls, Gateways};

/// Most bytes of a job spec: 64 KiB.
pub const MOST_SPEC_BYTES: u64 = 64 * 1024;
/// Most bytes of a receipt: what a gateway takes beyond the output limit that a spec names. A node gives up a job
/// whose receipt is larger.
pub const MOST_RECEIPT_BYTES: u64 = 16 * 1024 * 1024;

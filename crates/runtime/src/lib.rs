//! Runs a job spec in WebAssembly, deterministically, and says what came out.
//!
//! Node and oracles run the same [`JobSpec`] and must produce the same [`Receipt`] bytes, because money and bonds hang
//! on it. What a host may influence ends without a receipt, as a [`HostEnd`]: a node gives such a job up, an oracle
//! abstains.
//!
//! - [`JobSpec::parse`] reads a stored spec, [`JobSpec::blobs`] says what to fetch, [`JobSpec::base_units`] what it
//!   costs before the first instruction.
//! - [`scan`] says whether a module is valid for runtime 1, without compiling it.
//! - [`run`] runs a spec in this process; [`child::run`] in a limited child process, as agents do.
//! - [`estimate`] runs a spec and says what it would cost under any limit.
//! - [`verify::verify`] says whether this machine is fit to work.
#![warn(missing_docs)]

pub mod child;
mod compile;
#[cfg(test)]
mod coverage;
#[cfg(test)]
mod differential;
mod error;
mod estimate;
#[cfg(test)]
mod meter;
mod receipt;
mod run;
mod scan;
mod spec;
mod units;
mod v1;
pub mod verify;
mod wasi;

pub use error::{Error, Result};
pub use estimate::{estimate, Estimate};
pub use receipt::{Blob, End, Receipt, ReceiptFile, Trap, MAX_RECEIPT_BYTES};
pub use run::{run, run_on, Finished, HostEnd, Outcome, RunRequest, Timing};
pub use scan::{
    scan, Invalid, MAX_BODY_BYTES, MAX_BRANCH_TARGETS, MAX_LOCALS, MAX_LOOP_NESTING,
    MAX_MODULE_BYTES,
};
pub use spec::{
    InputFile, JobSpec, DEFAULT_CLOCK, MAX_INPUT_BYTES, MAX_MEMORY_MIB, MAX_OUTPUT_BYTES,
    MAX_SPEC_BYTES,
};
pub use units::{FUEL_PER_UNIT, MAX_UNITS};
pub use v1::{BackEnd, RUNTIME, WASM_STACK_BYTES, WORKER_STACK_BYTES};

use sha2::{Digest, Sha256};

/// The SHA-256 of some bytes: the name of a blob.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

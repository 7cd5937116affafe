//! The operator's agent: takes jobs, runs them, submits their results and brings them to settlement (protocol, "jobs"
//! and "Data"), and its node's emission to the chain (protocol, "emissions").
//!
//! The chain is the truth: what to do next is read from each job's account. The agent's folder holds only what cannot
//! be read there, the result behind a commitment; it is written before the commitment is published, so the agent may
//! be killed at any moment and started again. It opens no port; its owner talks to it through its folder ([`local`]).
#![warn(missing_docs)]

mod agent;
mod cache;
mod capacity;
mod conditions;
mod decision;
mod disk;
pub mod doctor;
mod emission;
mod execution;
pub mod local;
mod meters;
mod mine;
mod news;
mod pace;
mod purse;
mod rating;
mod task;

pub use agent::{run, AgentConfig};
pub use cache::{Cache, Computed};
pub use conditions::{Conditions, Hours, Machine, When};
pub use decision::{fits, needs_agent, next_bid, next_step, Offer, Step, Terms};
pub use purse::Withdrawals;
pub use rating::Rating;

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl From<lode_sealed::Error> for Error {
    fn from(error: lode_sealed::Error) -> Self {
        match error {
            lode_sealed::Error::File { path, source } => Self::File { path, source },
            other => Self::Unfit(other.to_string()),
        }
    }
}

impl From<lode_crank::Error> for Error {
    fn from(error: lode_crank::Error) -> Self {
        match error {
            lode_crank::Error::Chain(error) => Self::Chain(error),
            lode_crank::Error::Store(error) => Self::Store(error),
            other => Self::Unfit(other.to_string()),
        }
    }
}

/// What stops the agent, or one of its jobs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The chain.
    #[error(transparent)]
    Chain(#[from] lode_client::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] lode_store::Error),
    /// There is no such node, or none any more.
    #[error("there is no node at {0}: register it first with `lode node register`, or check the address")]
    NoNode(solana_address::Address),
    /// The key is not the node's.
    #[error("node {node} has the worker {expected}, this key is {worker}: start the agent with the worker's key, or have its owner make this key the worker with `lode node worker {worker}`")]
    NotWorker {
        /// The node.
        node: solana_address::Address,
        /// Its worker.
        expected: solana_address::Address,
        /// The agent's key.
        worker: solana_address::Address,
    },
    /// The agent's folder.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no room for what a job reads and writes.
    #[error("{folder} has {free_mib} MiB free, a job may need {needed_mib}: free some space, or name another folder with --folder")]
    DiskFull {
        /// The folder of the blobs.
        folder: std::path::PathBuf,
        /// What is free.
        free_mib: u64,
        /// What the job may need.
        needed_mib: u64,
    },
    /// Two agents with one folder would run every job twice.
    #[error("another agent uses the folder {0}: stop it, or give this one a folder of its own")]
    FolderInUse(std::path::PathBuf),
    /// A job that this node does not take, or cannot bring to an end.
    #[error("{0}")]
    Unfit(String),
    /// The machine or the runtime failed in a way that says nothing about the job.
    #[error("the runtime fails: {0}")]
    Runtime(String),
}

//! Turns every instruction that anybody may send: each deadline of a job, each share, each sweep (protocol, "crank").
//!
//! The chain waits for nobody in particular: whoever turns a step that a job pays for earns its slice. So a crank
//! trusts nobody and needs no permission, and any number of them may run: what another did first is no failure.
#![warn(missing_docs)]

mod crank;
mod due;
pub mod errands;
mod gather;
mod pack;
mod policy;
mod report;
mod send;
pub mod signatures;
mod step;
mod turner;

pub use crank::Crank;
pub use due::{
    award_end, batches, deadline, due, is_last_quarter, uncollected, Action, Batch, Now,
    LAST_RESTART, MOST_SIGNATURES,
};
pub use pack::fits;
pub use policy::{Duty, Policy};
pub use report::Report;
pub use step::Step;
pub use turner::{Known, Turner};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What keeps a crank from turning.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The chain.
    #[error(transparent)]
    Chain(#[from] lode_client::Error),
    /// A market's store.
    #[error(transparent)]
    Store(#[from] lode_store::Error),
    /// A ledger is closed, and the server's history does not reach back to it.
    #[error("nobody knows whose the closed account {0} was, so the penalty that pays him cannot be sent: use an RPC server that keeps transactions for longer")]
    Forgotten(solana_address::Address),
    /// The wallet is too poor.
    #[error("the wallet {wallet} holds {balance} lamports, too little above its floor of {floor}: send it SOL, or lower the floor with --floor")]
    Floor {
        /// Which.
        wallet: solana_address::Address,
        /// What it holds.
        balance: u64,
        /// What it must keep.
        floor: u64,
    },
}

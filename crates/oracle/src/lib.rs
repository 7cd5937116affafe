//! The oracle's agent: re-executes the jobs that its seat is drawn for and leaves its signed verdict in the store
//! (protocol, "One tally" and "Data").
//!
//! It reads the chain, the market's store and nothing else, and opens no port; it sends transactions only where it is
//! told who pays for them: to bring signatures that nobody else brings, and to collect what its seat earned. The chain is the truth: what lies in its folder is a cache, but for the
//! journal, which keeps it from ever signing two verdicts for one attempt. It may be killed at any moment and started
//! again.
#![warn(missing_docs)]

mod agent;
mod decision;
mod execution;
mod gate;
mod journal;
mod left_out;
mod news;
mod pause;
mod task;
mod watch;

pub use agent::{Config, OracleAgent, Paying};
pub use decision::{brings, decide, is_due, is_late, my_seats, Decision, Finding, MySeat};
pub use gate::{Gate, Permit};
pub use journal::{Entry, Journal};
pub use watch::{
    bond, ending, is_open, is_watched, locked, stand, Ending, Stand, WatchConfig, WatchPolicy,
    Watcher,
};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl From<lode_sealed::Error> for Error {
    fn from(error: lode_sealed::Error) -> Self {
        Self::Runtime(error.to_string())
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
    /// Nobody sits there with this key.
    #[error("no seat of committee {committee} has the attester key {attester}: join the committee with `lode oracle join`, or make this key the seat's with `lode oracle attester FILE`")]
    NoSeat {
        /// The committee.
        committee: solana_address::Address,
        /// The key.
        attester: solana_address::Address,
    },
    /// The agent's folder.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Two agents with one folder could sign two verdicts.
    #[error("another agent uses the folder {0}: stop it, or give this one a folder of its own")]
    FolderInUse(std::path::PathBuf),
    /// A damaged journal must not be guessed at.
    #[error("the journal's entry {0} cannot be read: no verdict is signed for that attempt")]
    DamagedEntry(std::path::PathBuf),
    /// This machine got two results for one attempt.
    #[error("the journal says `{before:?}` for job {job}, attempt {attempt}; a second run says `{now:?}`, which is not signed: this machine is not reliable")]
    SecondVerdict {
        /// The job.
        job: solana_address::Address,
        /// Its attempt.
        attempt: u8,
        /// What the journal says.
        before: lode_attestation::Verdict,
        /// What it would say now.
        now: lode_attestation::Verdict,
    },
    /// The runtime did not come to an end of its own.
    #[error("the runtime fails: {0}")]
    Runtime(String),
}

impl Error {
    /// Trying again is of no use, or must not be.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::SecondVerdict { .. } | Self::DamagedEntry(_) | Self::FolderInUse(_)
        )
    }

    /// The agent was started for the wrong committee, key or cluster: waiting mends nothing.
    pub(crate) fn is_misplaced(&self) -> bool {
        use lode_client::Error::{NoAccount, UnknownLayout, WrongAccount};
        matches!(
            self,
            Self::NoSeat { .. }
                | Self::Chain(NoAccount { .. } | WrongAccount { .. } | UnknownLayout { .. })
        )
    }
}

//! Errors as sentences.
use std::path::PathBuf;

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program that was not built.
    #[error(
        "There is no program at {path} ({reason}): build the programs with `cargo xtask build`"
    )]
    NoProgram {
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A port in use.
    #[error("Port {port} of {host} cannot be used ({reason}): stop what listens there (another localnet?), or choose another port")]
    Port {
        /// Address.
        host: String,
        /// Port.
        port: u16,
        /// What the system said.
        reason: String,
    },
    /// The network did not start.
    #[error("The local network did not start: {0}")]
    Start(String),
    /// The network did not stop.
    #[error("The local network did not stop in time; its ports may still be in use")]
    Stop,
    /// A plan that cannot be read, or contradicts itself. A whole sentence.
    #[error("{0}")]
    Plan(String),
    /// The chain has what the plan says otherwise, and it is fixed.
    #[error("The plan says {field} = {wanted}, but {what} at {address} has {found}, and that is fixed for ever: mend the plan, or use another number or authority")]
    Contradiction {
        /// The account.
        what: String,
        /// Its address.
        address: solana_address::Address,
        /// The field.
        field: &'static str,
        /// On the chain.
        found: String,
        /// In the plan.
        wanted: String,
    },
    /// The chain or the way to it.
    #[error(transparent)]
    Client(#[from] lode_client::Error),
}

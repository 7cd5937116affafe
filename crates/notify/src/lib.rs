//! What an agent tells its owner's own programs: each [`Event`] goes to a command or to a webhook.
//!
//! An agent holds [`Notices`] and tells them what happened, which never waits and never fails; whoever started the agent
//! attaches a [`Hook`], or none. Between the two is a queue with an end: a command that hangs, or a server that is away,
//! costs notices and a line in the log, never a job.
#![warn(missing_docs)]

mod event;
mod hook;
mod memory;

pub use event::{Amount, Attempt, Event, Fine, NotPaid, Purse, Thing, Verdict};
pub use hook::{Delivery, Hook, Notices};
pub use memory::{crossed, Memory};

/// Why a hook cannot be attached.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Notices name wallets and amounts: they leave this machine encrypted or not at all.
    #[error("`{0}` is no webhook: give a URL that begins with https://, or with http:// and an address of this machine such as http://127.0.0.1:8080/lode")]
    Webhook(String),
    /// The system gives no connections.
    #[error("no webhook can be called from here: {0}")]
    Connections(String),
}

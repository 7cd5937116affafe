//! The history of Lode in SQL: every instruction and event of the four programs, every state of every job, every movement
//! of every account in a market.
//!
//! The rows come from transactions alone, so the same chain gives the same rows whoever reads it and however often he was
//! interrupted. What jobs and accounts did is reckoned from the instructions by the programs' own rules ([`books`]); the
//! logs only confirm it. `docs/history.md` describes the tables.
#![warn(missing_docs)]

pub mod books;
pub mod describe;
mod follow;
mod read;
mod small;
pub mod sql;
mod store;

pub use follow::{Follower, Progress, Report};
pub use read::{JobStep, Line, Movement, Statement, Status, Who};
pub use small::{job_history, last_of_job, statement};
pub use store::{Index, PROGRAMS};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What keeps an index from being written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The chain.
    #[error(transparent)]
    Chain(#[from] lode_client::Error),
    /// The database cannot be opened.
    #[error("{target} cannot be opened as an index ({reason}): check the path, or the address of the server")]
    Open {
        /// What was to be opened.
        target: String,
        /// What it said.
        reason: String,
    },
    /// The database did not do what it was asked.
    #[error("the index's database refused ({0}): see that only one `lode index run` writes it and that its disk is not full; what was committed is kept")]
    Sql(String),
    /// What is in the database is not what this version writes.
    #[error("the index holds something that this version cannot read ({0}): build it anew with `lode index run --rebuild`")]
    Unreadable(String),
    /// It is an index of something else.
    #[error("{0}")]
    Foreign(String),
    /// An instruction does not follow from those before it.
    #[error("the books do not go on: {0}. If transactions are missing, ask a server with the whole history and build the index anew with `lode index run --rebuild`")]
    Books(String),
    /// There is no such thing in the index.
    #[error("{0}")]
    Unknown(String),
}

impl Error {
    fn unreadable(column: usize, found: Option<&sql::Value>) -> Self {
        Self::Unreadable(format!("column {column} is {found:?}"))
    }
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        Self::Sql(error.to_string())
    }
}

//! What is wrong with a request, before anything runs.

/// Why a spec, a receipt or a request was refused. None of these is an end of a run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes are no job spec of runtime 1.
    #[error("the job spec is refused: {0}")]
    Spec(String),
    /// The bytes are no receipt of runtime 1.
    #[error("the receipt is refused: {0}")]
    Receipt(String),
    /// A blob is not the one that the spec names.
    #[error("{what} is not the blob that the spec names: fetch {expected} again")]
    Blob {
        /// Which blob: the module, stdin, or an input's path.
        what: String,
        /// The hash that the spec names, in hex.
        expected: String,
    },
    /// Fewer or more inputs were given than the spec lists.
    #[error("the spec lists {expected} inputs, {given} were given")]
    Inputs {
        /// Inputs of the spec.
        expected: usize,
        /// Inputs of the request.
        given: usize,
    },
    /// The limit does not pay for the base units.
    #[error("the limit of {limit} units is below the base of {base}: ask for at least {base}")]
    LimitBelowBase {
        /// Units of the limit.
        limit: u64,
        /// Base units of the spec.
        base: u64,
    },
    /// The limit is above what any job may have.
    #[error("the limit of {0} units is above the most a job may have, 9000000000")]
    LimitTooHigh(u64),
    /// The child process could not be started or spoken to.
    #[error("the process that runs the job failed to start: {0}")]
    Child(#[from] std::io::Error),
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

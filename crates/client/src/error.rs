//! Errors as sentences: what is wrong, and what to do.
// a row a line, as it is made
#[rustfmt::skip]
mod table;

use solana_address::Address;
use solana_client::client_error::{ClientError as RequestError, ClientErrorKind as ErrorKind};
use solana_client::rpc_request::RpcError;
use solana_instruction::error::InstructionError;
use solana_instruction::Instruction;
use solana_signature::Signature;
use solana_transaction_error::TransactionError;
use std::error::Error as _;

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// One error of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The code the chain reports.
    pub code: u32,
    /// The name in the program's source.
    pub name: &'static str,
    /// What it means, and what to do.
    pub message: &'static str,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program refused an instruction.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The chain refused the transaction before any program saw it.
    #[error("{0}")]
    Transaction(String),
    /// No answer from the server.
    #[error("The RPC server {url} does not answer ({reason}): check --url and the network, or start a local one with `lode localnet`")]
    Unreachable {
        /// Its scheme, host and port.
        url: String,
        /// What the connection said.
        reason: String,
    },
    /// The server answered with an error of its own.
    #[error("The RPC server {url} refused the request ({reason}): try again, or name another server with --url")]
    Rpc {
        /// Its scheme, host and port.
        url: String,
        /// What it said.
        reason: String,
    },
    /// The server has no clock.
    #[error("{url} answers but is no Solana cluster: check --url")]
    NotACluster {
        /// Its scheme, host and port.
        url: String,
    },
    /// An account that had to exist.
    #[error("There is no {kind} at {address}: check the address, and that --url names the cluster it is on")]
    NoAccount {
        /// What was looked for.
        kind: &'static str,
        /// Where.
        address: Address,
    },
    /// An account of another kind or owner.
    #[error("The account at {address} is no {kind} that can be read ({reason}): check the address, and that --url names the cluster it is on")]
    WrongAccount {
        /// What was looked for.
        kind: &'static str,
        /// Where.
        address: Address,
        /// What is there.
        reason: String,
    },
    /// An account whose layout this client does not know: the program was upgraded, or the client was.
    #[error("The account at {address} is no {kind} that can be read: its layout has version {version}, this client knows {known}: {}", layout_hint(.version, .known))]
    UnknownLayout {
        /// What was looked for.
        kind: &'static str,
        /// Where.
        address: Address,
        /// The version that is there.
        version: u8,
        /// The version that this client reads.
        known: u8,
    },
    /// Signed several times, never on the chain.
    #[error("The network did not take the transaction in {times} tries, and now never will: try again, with a higher --with-compute-unit-price if it is busy")]
    Expired {
        /// How often it was signed.
        times: usize,
    },
    /// Sent, and the server went silent before saying what became of it.
    #[error("Transaction {signature} was sent, but its outcome is not known ({reason}): look with `solana confirm {signature}` before you try again")]
    Unconfirmed {
        /// The transaction.
        signature: Signature,
        /// What the connection said.
        reason: String,
    },
    /// A setting or a file that cannot be used. The text is a whole sentence.
    #[error("{0}")]
    Setting(String),
    /// A request that cannot be built.
    #[error("This cannot be sent: {0}")]
    Invalid(String),
}

/// What to do about a layout that is not known.
fn layout_hint(version: &u8, known: &u8) -> &'static str {
    if version > known {
        "install a newer lode"
    } else {
        "the program was upgraded since; `lode node migrate` brings a node up to date"
    }
}

/// A program's refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The program that refused: the innermost one.
    pub program: Address,
    /// Its own error code, if it has one for this.
    pub code: Option<u32>,
    /// The error's name.
    pub name: String,
    /// What it means, and what to do.
    pub message: String,
    /// The log of the transaction, where it is known.
    pub logs: Vec<String>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let program = program_name(&self.program);
        match program {
            Some(program) => write!(f, "{} ({program}: {})", self.message, self.name),
            None => write!(f, "{} ({}: {})", self.message, self.program, self.name),
        }
    }
}

impl Error {
    /// The own code of `program`, if it is what refused: `error.code_of(&lode_jobs::ID)`.
    pub fn code_of(&self, program: &Address) -> Option<u32> {
        match self {
            Self::Refused(refusal) if refusal.program == *program => refusal.code,
            _ => None,
        }
    }

    /// The name of a program's error, if it is what refused: `error.name_of(&lode_jobs::ID) == Some("TooEarly")`.
    pub fn name_of(&self, program: &Address) -> Option<&str> {
        match self {
            Self::Refused(refusal) if refusal.program == *program => Some(&refusal.name),
            _ => None,
        }
    }

    /// Whether trying the same again later may succeed: the network's fault, not the request's.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Rpc { .. } | Self::Expired { .. }
        )
    }

    /// The log of the transaction that failed, where there is one.
    pub fn logs(&self) -> &[String] {
        match self {
            Self::Refused(refusal) => &refusal.logs,
            _ => &[],
        }
    }

    /// The sentence for a failed transaction. `instructions` are all of its instructions, in order.
    pub(crate) fn of_transaction(
        error: TransactionError,
        instructions: &[Instruction],
        payer: &Address,
        logs: Vec<String>,
    ) -> Self {
        match error {
            TransactionError::InstructionError(index, error) => {
                let named = instructions.get(usize::from(index)).map(|i| i.program_id);
                let program = innermost(&logs).or(named).unwrap_or_default();
                Self::Refused(Box::new(refusal(program, error, logs)))
            }
            TransactionError::AccountNotFound | TransactionError::InsufficientFundsForFee => {
                Self::Transaction(format!(
                    "The wallet {payer} has not enough SOL for the fee: send it some (on a test network `solana airdrop 1 {payer}`), or pay with another by --fee-payer"
                ))
            }
            TransactionError::InsufficientFundsForRent { .. } => Self::Transaction(format!(
                "An account would be left with less SOL than its rent: send the wallet {payer} more SOL and try again"
            )),
            TransactionError::ProgramAccountNotFound
            | TransactionError::InvalidProgramForExecution => Self::Transaction(
                "A program is not deployed on this cluster: check --url, or deploy the programs first".into(),
            ),
            TransactionError::BlockhashNotFound => Self::Transaction(
                "The server does not know the blockhash yet: try again in a few seconds".into(),
            ),
            other => Self::Transaction(format!(
                "The network refused the transaction ({other}): try again, or name another server with --url"
            )),
        }
    }

    /// The sentence for a failed request to the server of this name.
    pub(crate) fn of_request(url: &str, error: RequestError) -> Self {
        let (url, reason) = (url.to_string(), reason(error.kind()));
        match error.kind() {
            ErrorKind::Reqwest(error) if error.is_decode() => Self::NotACluster { url },
            ErrorKind::SerdeJson(_) => Self::NotACluster { url },
            ErrorKind::Reqwest(error) if error.status().is_none() => {
                Self::Unreachable { url, reason }
            }
            ErrorKind::Io(_) => Self::Unreachable { url, reason },
            _ => Self::Rpc { url, reason },
        }
    }
}

/// Why a request failed. What reqwest says of itself names the whole address, which may hold a key: only its causes are
/// told.
pub(crate) fn reason(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::Reqwest(error) if error.is_timeout() => "it took too long".into(),
        ErrorKind::Reqwest(error) => match (error.status(), error.source()) {
            (Some(status), _) => format!("HTTP status {status}"),
            (None, Some(cause)) => deepest(cause),
            (None, None) => "the request failed".into(),
        },
        ErrorKind::Middleware(_) => "the request was not sent".into(),
        ErrorKind::RpcError(RpcError::RpcResponseError { message, .. }) => message.clone(),
        other => other.to_string(),
    }
}

/// The error at the bottom of a chain of causes: "connection refused" and not "error sending request".
fn deepest(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

/// The first program whose failure the log tells: failures are told from the inside out.
fn innermost(logs: &[String]) -> Option<Address> {
    logs.iter().find_map(|line| {
        let (program, rest) = line.strip_prefix("Program ")?.split_once(' ')?;
        if !rest.starts_with("failed") {
            return None;
        }
        program.parse().ok()
    })
}

/// What people call a program.
pub fn program_name(program: &Address) -> Option<&'static str> {
    use crate::addresses as a;
    let names = [
        (lode_staking::ID, "staking"),
        (lode_oracle::ID, "oracle"),
        (lode_jobs::ID, "jobs"),
        (lode_emissions::ID, "emissions"),
        (a::TOKEN, "token"),
        (a::TOKEN_2022, "token-2022"),
        (a::ASSOCIATED_TOKEN, "associated token"),
        (a::SYSTEM, "system"),
        (a::LOADER, "loader"),
        (solana_sdk_ids::ed25519_program::ID, "ed25519"),
        (solana_sdk_ids::compute_budget::ID, "compute budget"),
    ];
    names
        .iter()
        .find(|(id, _)| id == program)
        .map(|(_, name)| *name)
}

/// All errors of a Lode program; empty for any other.
pub fn errors_of(program: &Address) -> &'static [Row] {
    match program {
        p if *p == lode_staking::ID => table::STAKING,
        p if *p == lode_oracle::ID => table::ORACLE,
        p if *p == lode_jobs::ID => table::JOBS,
        p if *p == lode_emissions::ID => table::EMISSIONS,
        _ => &[],
    }
}

/// What a program's own error code means.
pub fn explain(program: &Address, code: u32) -> Option<Row> {
    use crate::addresses as a;
    let rows: &[Row] = match program {
        p if *p == a::TOKEN || *p == a::TOKEN_2022 => TOKEN,
        p if *p == a::SYSTEM => SYSTEM,
        p => errors_of(p),
    };
    let of_anchor: &[Row] = if errors_of(program).is_empty() {
        &[]
    } else {
        ANCHOR
    };
    rows.iter()
        .chain(of_anchor)
        .find(|row| row.code == code)
        .copied()
}

fn refusal(program: Address, error: InstructionError, logs: Vec<String>) -> Refusal {
    let code = match error {
        InstructionError::Custom(code) => Some(code),
        _ => None,
    };
    let row = code.and_then(|code| explain(&program, code));
    let (name, message) = match (row, code) {
        (Some(row), _) => (row.name.to_string(), row.message.to_string()),
        (None, Some(code)) => (
            format!("error {code}"),
            "A program refused the transaction with an error that this lode does not know: install the version that fits the programs on this cluster".to_string(),
        ),
        (None, None) => (format!("{error:?}"), of_runtime(&error)),
    };
    Refusal {
        program,
        code,
        name,
        message,
        logs,
    }
}

/// Errors that every program shares.
fn of_runtime(error: &InstructionError) -> String {
    use InstructionError as E;
    let text = match error {
        E::MissingRequiredSignature => "A signature is missing: sign with the key that the account names (--keypair)",
        E::InvalidSeeds => "An account is not the one derived from the others: check that market, node and job belong together",
        E::IllegalOwner | E::InvalidAccountOwner | E::IncorrectProgramId => "An account belongs to another program than it should: check the addresses, and that --url names the right cluster",
        E::InvalidAccountData | E::AccountDataTooSmall => "An account is of another kind than it should be: check the addresses",
        E::UninitializedAccount => "An account does not exist yet: create it first",
        E::AccountAlreadyInitialized => "The account exists already: nothing has to be created",
        E::InsufficientFunds => "The wallet has not enough SOL: send it some and try again",
        E::MissingAccount => "An account is missing in the instruction: install the version of lode that fits the programs on this cluster",
        E::InvalidInstructionData => "The program does not know this instruction: install the version of lode that fits the programs on this cluster",
        E::ComputationalBudgetExceeded => "The transaction needed more computation than it was given: try again",
        E::ArithmeticOverflow => "An amount is too large: choose a smaller one",
        E::UnsupportedProgramId => "The program is not deployed on this cluster: check --url, or deploy the programs first",
        other => return format!("A program refused the transaction ({other}): check what was passed to it, and report it if that is right"),
    };
    text.to_string()
}

const fn row(code: u32, name: &'static str, message: &'static str) -> Row {
    Row {
        code,
        name,
        message,
    }
}

/// Anchor's own errors, as far as a program of ours can return them.
const ANCHOR: &[Row] = &[
    row(2000, "ConstraintMut", "An account that changes was passed read-only: install the version of lode that fits the programs on this cluster"),
    row(2001, "ConstraintHasOne", "Two accounts do not belong together: check the addresses"),
    row(2003, "ConstraintRaw", "Two accounts do not belong together: check the addresses"),
    row(2005, "ConstraintRentExempt", "An account has less SOL than its rent: send it some and try again"),
    row(2007, "ConstraintExecutable", "An account that should be a program is none: check the addresses"),
    row(2011, "ConstraintClose", "An account cannot be closed into itself: name another receiver"),
    row(2012, "ConstraintAddress", "An account is not the one that another account names: check that they belong together, and that you sign with the right key"),
    row(2013, "ConstraintZero", "The account is in use already: choose another address"),
    row(2019, "ConstraintSpace", "An account has another size than it should: install the version of lode that fits the programs on this cluster"),
    row(2020, "ConstraintAccountIsNone", "An account is missing in the instruction: install the version of lode that fits the programs on this cluster"),
    row(2040, "ConstraintDuplicateMutableAccount", "The same account was passed twice: name two different ones"),
    row(2500, "RequireViolated", "A rule of the program does not hold: check what was passed to it, and report it if that is right"),
    row(2501, "RequireEqViolated", "Two values that must be equal are not: check what was passed"),
    row(2502, "RequireKeysEqViolated", "Two addresses that must be equal are not: check the addresses"),
    row(2503, "RequireNeqViolated", "Two values that must differ are equal: check what was passed"),
    row(2504, "RequireKeysNeqViolated", "Two addresses that must differ are equal: check the addresses"),
    row(2505, "RequireGtViolated", "A value is too small: choose a larger one"),
    row(2506, "RequireGteViolated", "A value is too small: choose a larger one"),
    row(4103, "PodLengthExceeded", "A list is longer than the account holds: name fewer"),
];

/// The token programs' errors.
const TOKEN: &[Row] = &[
    row(0, "NotRentExempt", "A token account has less SOL than its rent: send it some and try again"),
    row(1, "InsufficientFunds", "There are not enough tokens in the account: get some, or choose a smaller amount"),
    row(2, "InvalidMint", "This is no token mint: check the address"),
    row(3, "MintMismatch", "The token account is of another mint: use one of the right mint"),
    row(4, "OwnerMismatch", "The token account belongs to another wallet: sign with that wallet (--keypair)"),
    row(5, "FixedSupply", "This mint can make no more tokens: use those there are"),
    row(6, "AlreadyInUse", "The token account exists already: nothing has to be created"),
    row(9, "UninitializedState", "The token account does not exist yet: create it first"),
    row(10, "NativeNotSupported", "Wrapped SOL cannot be used here: use another mint"),
    row(11, "NonNativeHasBalance", "The token account still holds tokens: move them out before it is closed"),
    row(13, "InvalidState", "The token account is in no state for this: check that it exists and is not frozen"),
    row(14, "Overflow", "The amount is too large: choose a smaller one"),
    row(16, "MintCannotFreeze", "This mint cannot freeze accounts: check the mint"),
    row(17, "AccountFrozen", "The token account is frozen by the mint's freeze authority: nothing can be moved until it thaws it"),
    row(18, "MintDecimalsMismatch", "The mint has other decimals: install the version of lode that fits the programs on this cluster"),
];

/// The system program's errors.
const SYSTEM: &[Row] = &[
    row(
        0,
        "AccountAlreadyInUse",
        "The account to create exists already: nothing has to be created, or choose another number",
    ),
    row(
        1,
        "ResultWithNegativeLamports",
        "The wallet has not enough SOL for the rent of the new account: send it some and try again",
    ),
    row(
        2,
        "InvalidProgramId",
        "An account cannot be given to that program: check that --url names the right cluster",
    ),
    row(
        3,
        "InvalidAccountDataLength",
        "An account cannot have that size: install the version of lode that fits the programs on this cluster",
    ),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refused(program: Address, error: InstructionError, logs: &[&str]) -> Error {
        Error::of_transaction(
            TransactionError::InstructionError(1, error),
            &[
                Instruction {
                    program_id: solana_sdk_ids::compute_budget::ID,
                    accounts: vec![],
                    data: vec![],
                },
                Instruction {
                    program_id: program,
                    accounts: vec![],
                    data: vec![],
                },
            ],
            &Address::default(),
            logs.iter().map(ToString::to_string).collect(),
        )
    }

    #[test]
    fn every_error_of_every_program_has_a_name_a_message_and_a_code_of_its_own() {
        for program in [
            lode_staking::ID,
            lode_oracle::ID,
            lode_jobs::ID,
            lode_emissions::ID,
        ] {
            let rows = errors_of(&program);
            assert!(!rows.is_empty(), "no errors of {program}");
            let mut codes: Vec<u32> = rows.iter().map(|r| r.code).collect();
            codes.sort_unstable();
            codes.dedup();
            assert_eq!(codes.len(), rows.len());
            for row in rows {
                assert!(row.code >= 6000, "{row:?}");
                let shown = refused(program, InstructionError::Custom(row.code), &[]).to_string();
                assert!(shown.starts_with(row.message), "{shown}");
                assert!(shown.contains(row.name), "{shown}");
            }
        }
    }

    /// What advice tells people to do. One of these words, and a colon before it, is what makes a text advice: a new text
    /// takes one of them or adds its own.
    const DEEDS: [&str; 42] = [
        "ask", "attest", "bid", "bond", "change", "check", "choose", "claim", "close", "create",
        "declare", "escalate", "finalise", "hand", "install", "join", "leave", "look", "make",
        "migrate", "move", "name", "nothing", "pass", "propose", "put", "raise", "read", "record",
        "remove", "reveal", "see", "send", "sign", "stake", "take", "try", "unjail", "unstake",
        "use", "wait", "withdraw",
    ];

    /// Whether a text says, after a colon, what to do.
    fn advises(text: &str) -> bool {
        text.split_once(": ").is_some_and(|(_, advice)| {
            let mut words = advice.split(|c: char| !c.is_alphabetic());
            words.any(|word| DEEDS.contains(&word))
        })
    }

    #[test]
    fn every_error_says_what_to_do() {
        let mut rows = [ANCHOR, TOKEN, SYSTEM].concat();
        for program in [
            lode_staking::ID,
            lode_oracle::ID,
            lode_jobs::ID,
            lode_emissions::ID,
        ] {
            rows.extend_from_slice(errors_of(&program));
        }
        let silent: Vec<&Row> = rows.iter().filter(|row| !advises(row.message)).collect();
        assert!(silent.is_empty(), "no advice: {silent:#?}");
        // the control: what was said before, with a colon and without
        for text in [
            "The job's state does not allow this step",
            "Only the ledger's authority may do this: the wallet, or the node's owner",
            "A sum does not fit: the amount is too large",
        ] {
            assert!(!advises(text), "{text}");
        }
    }

    #[test]
    fn the_innermost_program_explains_its_code() {
        let token = crate::addresses::TOKEN.to_string();
        let jobs = lode_jobs::ID.to_string();
        let error = refused(
            lode_jobs::ID,
            InstructionError::Custom(1),
            &[
                &format!("Program {jobs} invoke [1]"),
                &format!("Program {token} invoke [2]"),
                &format!("Program {token} failed: custom program error: 0x1"),
                &format!("Program {jobs} failed: custom program error: 0x1"),
            ],
        );
        assert_eq!(error.code_of(&crate::addresses::TOKEN), Some(1));
        assert_eq!(error.code_of(&lode_jobs::ID), None);
        assert!(
            error.to_string().starts_with("There are not enough tokens"),
            "{error}"
        );
    }

    #[test]
    fn a_code_nobody_knows_still_comes_with_what_to_do() {
        let shown = refused(lode_jobs::ID, InstructionError::Custom(59_999), &[]).to_string();
        assert!(shown.contains("install the version"), "{shown}");
        assert!(shown.contains("jobs: error 59999"), "{shown}");
    }

    #[test]
    fn an_unfunded_wallet_is_named() {
        let payer = Address::new_from_array([9; 32]);
        let error = Error::of_transaction(TransactionError::AccountNotFound, &[], &payer, vec![]);
        assert!(
            error
                .to_string()
                .contains(&format!("solana airdrop 1 {payer}")),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_server_that_is_down_is_named_with_what_to_do() {
        // A port that was free a moment ago and that nobody listens on.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let error = crate::Client::new(url.clone()).clock().await.unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
        assert!(error.is_transient());
        let shown = error.to_string();
        assert!(
            shown.contains(&url) && shown.contains("lode localnet"),
            "{shown}"
        );
        assert!(shown.to_lowercase().contains("refused"), "{shown}");
    }
}

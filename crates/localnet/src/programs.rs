//! The programs of Lode, as they are built and deployed.
use solana_address::Address;

/// A program that is deployed at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its compiled id.
    pub id: Address,
    /// Its file, as `cargo xtask build` names it.
    pub file: &'static str,
}

/// The programs of Lode.
pub const PROGRAMS: [Program; 4] = [
    Program {
        id: lode_staking::ID,
        file: "lode_staking.so",
    },
    Program {
        id: lode_oracle::ID,
        file: "lode_oracle.so",
    },
    Program {
        id: lode_jobs::ID,
        file: "lode_jobs.so",
    },
    Program {
        id: lode_emissions::ID,
        file: "lode_emissions.so",
    },
];

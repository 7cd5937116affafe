//! The programs of Lode, as they are built and deployed.
use crate::error::{Error, Result};
use solana_address::Address;
use std::path::Path;

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

/// The programs' ids and code, out of the folder that they were built into.
///
/// # Errors
/// [`Error::NoProgram`].
pub fn read_programs(folder: &Path) -> Result<Vec<(Address, Vec<u8>)>> {
    let read = |program: &Program| {
        let path = folder.join(program.file);
        match std::fs::read(&path) {
            Ok(elf) => Ok((program.id, elf)),
            Err(error) => Err(Error::NoProgram {
                path,
                reason: error.to_string(),
            }),
        }
    };
    PROGRAMS.iter().map(read).collect()
}

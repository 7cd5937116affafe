//! What oracles sign, who is drawn to sign, and how a signature is proved on chain: one reading for the programs,
//! the agents and the clients (protocol, "Commitment", "Seal", "One tally").
//!
//! Every hash begins with a tag of its own, so that no two kinds of message can ever be the same bytes.
#![no_std]
#![warn(missing_docs)]

#[cfg(not(target_os = "solana"))]
extern crate std;

mod digest;
mod panel;
mod proof;

pub use digest::{commitment, lottery_number, same, Message, Statement, Verdict};
pub use panel::{is_drawn, late_seal, majority, panel, seal};
#[cfg(not(target_os = "solana"))]
pub use proof::instruction_data;
pub use proof::{Mistake, Proof, ProofError, Signed, ED25519_PROGRAM, MOST_SIGNERS};

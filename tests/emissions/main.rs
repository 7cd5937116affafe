//! Tests of the `emissions` program, one file an instruction, and its invariants over random epochs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod claim_stake;
mod claim_treasury;
mod claim_work;
mod close;
mod finalize_epoch;
mod initialize_schedule;
mod invariants;
mod record;
mod treasury;

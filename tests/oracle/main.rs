//! Tests of the `oracle` program, one file an instruction.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod add_bond;
mod admit_oracle;
mod close_oracle;
mod create_committee;
mod free_seat;
mod governor;
mod join;
mod leave;
mod seats;
mod set_attester;
mod slash_oracle;
mod withdraw_bond;

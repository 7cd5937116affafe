//! Tests of the `staking` program, one file an instruction.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod governor;
mod initialize_config;
mod pause;
mod register_node;
mod set_payout;
mod set_worker;
mod stake;
mod unstake;
mod withdraw;

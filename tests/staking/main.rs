//! Tests of the `staking` program, one file an instruction.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod claim_commission;
mod claim_rewards;
mod close_delegation;
mod close_node;
mod delegators;
mod exit_node;
mod force_unstake;
mod governor;
mod initialize_config;
mod migrate_node;
mod pause;
mod register_node;
mod restake;
mod set_commission;
mod set_payout;
mod set_worker;
mod slash;
mod stake;
mod sweep_rewards;
mod unjail;
mod unstake;
mod update_config;
mod update_node;
mod withdraw;

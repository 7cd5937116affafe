//! Seeds and limits, nowhere else.

use anchor_lang::address;
use anchor_lang::prelude::*;

/// Seed of [`crate::state::StakingConfig`].
#[constant]
pub const CONFIG_SEED: &[u8] = b"config";
/// Seed of [`crate::state::Node`], before owner and index (`u32`, little-endian).
#[constant]
pub const NODE_SEED: &[u8] = b"node";
/// Seed of a node's vault, before the node.
#[constant]
pub const VAULT_SEED: &[u8] = b"vault";
/// Seed of [`crate::state::Delegation`], before node and owner.
#[constant]
pub const DELEGATION_SEED: &[u8] = b"delegation";
/// Seed of [`crate::state::Unbonding`], before delegation and index (`u32`, little-endian).
#[constant]
pub const UNBONDING_SEED: &[u8] = b"unbonding";

/// The only signer of a slash: the `slasher` address of the jobs program, a constant so that nobody can replace it.
pub const SLASHER: Address = address!("24HYJyi2y9KumQzxyhGywybBHKk24u4Hgjgv8tE4xjwZ");

/// Version of every account's layout.
pub const VERSION: u8 = 1;

/// Shortest and longest unbonding, seconds: 14 to 28 days.
pub const UNBONDING_SECONDS: core::ops::RangeInclusive<i64> = 14 * 86_400..=28 * 86_400;
/// Rewards stream over one epoch, of an hour to seven days (14 days hold at least two epochs), seconds.
pub const STREAM_SECONDS: core::ops::RangeInclusive<i64> = 3_600..=7 * 86_400;
/// Ceiling of the minimum self-stake: whoever governs cannot price operators out with it. Base units of a mint with
/// nine decimals: 10 000 tokens.
pub const MINIMUM_SELF_STAKE_CEILING: u64 = 10_000 * 1_000_000_000;
/// Ceiling of delegated stake, as a multiple of self-stake.
pub const DELEGATION_RATIO_CEILING: u16 = 10;
/// Ceiling of the commission cap, basis points.
pub const COMMISSION_CAP_CEILING: u16 = 5_000;
/// Ceiling of one rise of a commission, basis points.
pub const COMMISSION_STEP_CEILING: u16 = 500;
/// Shortest and longest jail, seconds: an hour and 28 days.
pub const JAIL_SECONDS: core::ops::RangeInclusive<i64> = 3_600..=28 * 86_400;
/// Most that slashes take of a node in any time as long as the longest unbonding period, basis points: what a ticket loses at
/// most.
pub const SLASH_MOST: u64 = 1_000;
/// How many stream periods, which are epochs, after a node's last jobs others may unstake its delegations: an epoch in
/// which they end, the next in which that is recorded, the one in which it is claimed, and one in which it streams.
pub const EXIT_GRACE: i64 = 4;
/// Longest that jobs live on after a node left, seconds: seven days of windows, and a day in which a result is sealed.
pub const LAST_JOBS: i64 = 8 * 86_400;

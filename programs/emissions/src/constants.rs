//! Seeds and limits, nowhere else.

use anchor_lang::prelude::*;

/// Seed of [`crate::state::Schedule`].
#[constant]
pub const SCHEDULE_SEED: &[u8] = b"schedule";
/// Seed of the mint authority, the address that signs every mint.
#[constant]
pub const MINT_AUTHORITY_SEED: &[u8] = b"mint-authority";
/// Seed of [`crate::state::Epoch`], before its index (`u64`, little-endian).
#[constant]
pub const EPOCH_SEED: &[u8] = b"epoch";
/// Seed of [`crate::state::Share`], before the node and the epoch's index (`u64`, little-endian).
#[constant]
pub const SHARE_SEED: &[u8] = b"share";

/// Version of every account's layout.
pub const VERSION: u8 = 1;
/// Layout version of the sister programs' accounts that this program reads.
pub const SISTER_VERSION: u8 = 1;

/// Epoch `e` is recorded while `e + 1` runs, ...
pub const RECORD_AGE: u64 = 1;
/// ... made final from `e + 2` on, when nothing more can be recorded, ...
pub const FINAL_AGE: u64 = 2;
/// ... and claimed until the end of `e + 26`. From `e + 27` on everything of it may be closed.
pub const LAST_CLAIM_AGE: u64 = 26;

/// Least share of work, basis points.
pub const LEAST_WORK: u16 = 7_000;
/// Highest share of stake, basis points.
pub const HIGHEST_STAKE: u16 = 2_000;
/// Highest share of the treasury, basis points.
pub const HIGHEST_TREASURY: u16 = 1_000;
/// Bounds of what an epoch mints of its points, basis points: below one, so that washing never pays.
pub const THETA: core::ops::RangeInclusive<u16> = 1..=9_500;
/// Highest multiple of its share of work up to which a node's stake counts, basis points.
pub const HIGHEST_C: u16 = 20_000;
/// Highest decay of the ceiling per era, basis points: no era is worth less than half of the one before, so being early
/// is no strategy.
pub const HIGHEST_DECAY: u16 = 5_000;
/// Bounds of the breaker's window, epochs.
pub const BREAKER_EPOCHS: core::ops::RangeInclusive<u16> = 1..=32;

//! Seeds and limits, nowhere else.

use anchor_lang::prelude::*;
use lode_math::windows::SLOTS_PER_DAY;

/// Seed of [`crate::state::JobsConfig`].
#[constant]
pub const CONFIG_SEED: &[u8] = b"config";
/// Seed of [`crate::state::Market`], before authority and id (`u32`, little-endian).
#[constant]
pub const MARKET_SEED: &[u8] = b"market";
/// Seed of a market's vault, before the market.
#[constant]
pub const VAULT_SEED: &[u8] = b"vault";
/// Seed of [`crate::state::Ledger`], before market and party.
#[constant]
pub const LEDGER_SEED: &[u8] = b"ledger";
/// Seed of [`crate::state::Work`], before the node.
#[constant]
pub const WORK_SEED: &[u8] = b"work";
/// Seed of the address that signs for slashes, and nothing else. Its bump is [`SLASHER_BUMP`].
#[constant]
pub const SLASHER_SEED: &[u8] = b"slasher";
/// Seed of [`crate::state::Job`], before the customer's ledger and the nonce (`u64`, little-endian).
#[constant]
pub const JOB_SEED: &[u8] = b"job";

/// Bump of the address that signs for slashes: `cargo xtask keys` makes no program id whose slasher has another.
pub const SLASHER_BUMP: u8 = 255;

/// Version of every account's layout.
pub const VERSION: u8 = 1;
/// Layout version of the sister programs' accounts that this program reads.
pub const SISTER_VERSION: u8 = 1;
/// The only runtime there is.
pub const RUNTIME: u16 = 1;

/// Attempts a job has before it fails.
pub const ATTEMPTS: u8 = 3;
/// A submitted result that nobody sealed may be voided after this many slots: one day.
pub const SEALING: u64 = SLOTS_PER_DAY;
/// A result may be sealed from this many slots after its submission on.
pub const SEAL_AFTER: u64 = 2;
/// A closed job whose punishments were not carried out stays this many slots longer: 14 days.
pub const PUNISHING: u64 = 14 * SLOTS_PER_DAY;

/// What turning a job's crank once earns, lamports.
pub const CRANK_SLICE: u64 = 15_000;
/// Slices that a job carries for its cranks; what is left of them returns at the close.
pub const CRANK_SLICES: u8 = 12;
/// What a job carries for its cranks, lamports.
pub const CRANK_DEPOSIT: u64 = CRANK_SLICES as u64 * CRANK_SLICE;

/// Highest burn fee and highest market fee, basis points each.
pub const HIGHEST_FEE: u16 = 1_000;
/// Bounds of what a late node forfeits, basis points of the escrow.
pub const LATE_BPS: core::ops::RangeInclusive<u16> = 1_000..=10_000;
/// Highest slash for a proven lie, basis points of the node's stake.
pub const HIGHEST_FAULT: u16 = 500;
/// Bounds of the retention, days.
pub const RETENTION_DAYS: core::ops::RangeInclusive<u16> = 1..=30;
/// What a verdict costs that a majority of a whole committee overturned, basis points of the bond.
pub const OVERTURNED_BPS: u16 = 3_000;
/// What silence costs, or to find unrunnable what others ran, basis points of the bond.
pub const IDLE_BPS: u16 = 20;
/// Of the former, to whoever appealed and won, basis points.
pub const APPELLANT_BPS: u16 = 5_000;
/// A further bid is at most this much of the best one, basis points.
pub const BID_STEP_BPS: u64 = 9_900;

/// Highest `most_reserved`: collateral, at most 10 000 times as much, fits far below 2^64.
pub const HIGHEST_RESERVED: u64 = 1 << 50;
/// Bounds of an epoch, seconds.
pub const EPOCH_SECONDS: core::ops::RangeInclusive<i64> = 3_600..=7 * 86_400;

//! Seeds and limits, nowhere else.

use anchor_lang::address;
use anchor_lang::prelude::*;

/// Seed of [`crate::state::Committee`], before creator and id (`u16`, little-endian).
#[constant]
pub const COMMITTEE_SEED: &[u8] = b"committee";
/// Seed of [`crate::state::Oracle`], before committee and owner.
#[constant]
pub const ORACLE_SEED: &[u8] = b"oracle";
/// Seed of an oracle's bond vault, before the oracle.
#[constant]
pub const BOND_SEED: &[u8] = b"bond";

/// The only signer of a slash: the `slasher` address of the jobs program, a constant so that nobody can replace it.
pub const SLASHER: Address = address!("24HYJyi2y9KumQzxyhGywybBHKk24u4Hgjgv8tE4xjwZ");

/// Version of every account's layout.
pub const VERSION: u8 = 1;
/// Seats of a committee.
pub const SEATS: usize = 32;
/// Panel sizes: odd, 3 to 9.
pub const PANEL_SIZES: [u8; 4] = [3, 5, 7, 9];
/// `left_at` of a seat that nobody leaves.
pub const NEVER: i64 = i64::MAX;

/// Founders join within a day of the committee's creation, seconds.
pub const FOUNDING: i64 = 86_400;
/// A founder serves from a second after joining.
pub const FOUNDER_NOTICE: i64 = 1;
/// Everyone else serves from 14 days after joining, seconds: time for those who disagree to leave.
pub const JOIN_NOTICE: i64 = 14 * 86_400;
/// Who leaves serves one more day, seconds.
pub const LEAVE_NOTICE: i64 = 86_400;
/// Who is retired by the governor serves 14 more days, seconds.
pub const RETIRE_NOTICE: i64 = 14 * 86_400;
/// The bond answers until 14 days after the seat was left, seconds: longer than any job lives.
pub const BOND_AFTER_LEAVING: i64 = 14 * 86_400;
/// An admission lapses after 30 days, seconds.
pub const ADMISSION: i64 = 30 * 86_400;
/// Seats that may be waiting to serve at once: a governor cannot swamp a committee unseen.
pub const MOST_WAITING: usize = 8;
/// Founders at most: as many as a transaction can name.
pub const MOST_FOUNDERS: usize = 16;

/// Most units that a job may have.
pub const MOST_UNITS: u64 = 9_000_000_000;
/// Most memory that a job may have, MiB.
pub const MOST_MEMORY_MIB: u32 = 4_096;

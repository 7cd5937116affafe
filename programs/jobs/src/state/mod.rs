//! Accounts: layouts, derived questions, legal transitions. Eight bytes of discriminator, then `version`, state or
//! kind, bump, flags, four bytes of small fields, then keys from byte 16 on.

mod config;
mod filter;
mod job;
mod ledger;
mod market;
mod work;

pub use config::{ConfigArgs, JobsConfig};
pub use filter::{NodeFilter, REGIONS};
pub use job::{flag, Job, JobState, Offence, TRANSITIONS};
pub use ledger::{Ledger, LedgerKind};
pub use market::{Market, MarketArgs, MarketKind};
pub use work::Work;

use crate::error::JobsError;
use anchor_lang::prelude::*;

/// `a + b`, or [`JobsError::Overflow`].
#[inline(always)]
pub(crate) fn add(a: u64, b: u64) -> Result<u64> {
    fits(lode_math::wide::add(a, b))
}

/// `a - b`, or [`JobsError::Overflow`].
pub(crate) fn sub(a: u64, b: u64) -> Result<u64> {
    a.checked_sub(b).ok_or(JobsError::Overflow.into())
}

/// The value, or [`JobsError::Overflow`].
pub(crate) fn fits(value: Option<u64>) -> Result<u64> {
    value.ok_or(JobsError::Overflow.into())
}

//! Accounts: layouts, derived questions, legal changes.
//!
//! Every account is zero-copy: eight bytes of discriminator, then `version`, state, bump, flags, four bytes of small
//! fields, then keys from byte 16 on, so that `getProgramAccounts` can filter on frozen offsets.

mod config;
mod delegation;
mod node;
mod unbonding;

pub use config::{ConfigArgs, ParameterArgs, StakingConfig};
pub use delegation::Delegation;
pub use node::{is_region, Node, NodeDescription, NodeStatus};
pub use unbonding::Unbonding;

use crate::error::StakingError;
use anchor_lang::prelude::*;

/// `a + b`, or [`StakingError::Overflow`].
#[inline(always)]
pub(crate) fn add(a: u64, b: u64) -> Result<u64> {
    lode_math::wide::add(a, b).ok_or(StakingError::Overflow.into())
}

//! `set_commission`: falls at once, rises by one announced step.

use crate::error::StakingError;
use crate::event::CommissionChanged;
use crate::state::{Node, StakingConfig};
use anchor_lang::prelude::*;
use lode_program::{tell, ReadOnly};

/// Accounts of `set_commission`.
#[derive(Accounts)]
pub struct SetCommission {
    /// The node's owner.
    pub owner: Signer,
    /// The configuration: cap, step, and how long before a rise takes effect. Of this program and type there is only one.
    pub config: ReadOnly<StakingConfig>,
    /// The node; bound to its owner by the stored key.
    #[account(mut, constraint = anchor_lang::address_eq(&node.owner, owner.address()) @ StakingError::NotOwner)]
    pub node: Account<Node>,
}

impl SetCommission {
    /// Checks, then changes or announces.
    pub fn handle(&mut self, bps: u16, now: i64) -> Result<()> {
        self.node.require_current()?;
        self.node.change_commission(bps, &self.config, now)?;
        tell(CommissionChanged {
            node: *self.node.address(),
            commission: u64::from(self.node.commission),
            pending: u64::from(self.node.pending_commission),
            effective_at: self.node.commission_effective_at,
        });
        Ok(())
    }
}

//! `set_payout`: the owner changes where everything earned goes.

use super::require_payout;
use crate::error::StakingError;
use crate::event::NodeUpdated;
use crate::state::{Node, StakingConfig};
use anchor_lang::prelude::*;
use anchor_spl::token_interface::TokenAccount;
use lode_program::{tell, ReadOnly};

/// Accounts of `set_payout`.
#[derive(Accounts)]
pub struct SetPayout {
    /// The node's owner.
    pub owner: Signer,
    /// The configuration: the mint. Of this program and type there is only one.
    pub config: ReadOnly<StakingConfig>,
    /// The node; bound to its owner by the stored key.
    #[account(mut, constraint = anchor_lang::address_eq(&node.owner, owner.address()) @ StakingError::NotOwner)]
    pub node: Account<Node>,
    /// The new payout account: of the stake mint and the owner's.
    pub payout: InterfaceAccount<TokenAccount>,
}

impl SetPayout {
    /// Checks, then writes the payout account.
    pub fn handle(&mut self) -> Result<()> {
        self.node.require_current()?;
        require_payout(&self.payout, &self.config.stake_mint, self.owner.address())?;
        self.node.payout = *self.payout.address();
        tell(NodeUpdated {
            node: *self.node.address(),
            worker: self.node.worker,
            payout: self.node.payout,
        });
        Ok(())
    }
}

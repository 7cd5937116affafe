//! `set_worker`: the owner changes the hot key, for instance when the machine was lost.

use super::require_worker;
use crate::error::StakingError;
use crate::event::NodeUpdated;
use crate::state::Node;
use anchor_lang::prelude::*;
use lode_program::tell;

/// Accounts of `set_worker`.
#[derive(Accounts)]
pub struct SetWorker {
    /// The node's owner.
    pub owner: Signer,
    /// The node; type and owner are checked, the stored key binds it to its owner, so no seeds are needed.
    #[account(mut, constraint = anchor_lang::address_eq(&node.owner, owner.address()) @ StakingError::NotOwner)]
    pub node: Account<Node>,
}

impl SetWorker {
    /// Checks, then writes the worker.
    pub fn handle(&mut self, worker: Address) -> Result<()> {
        self.node.require_current()?;
        require_worker(&worker, self.owner.address())?;
        self.node.worker = worker;
        tell(NodeUpdated {
            node: *self.node.address(),
            worker,
            payout: self.node.payout,
        });
        Ok(())
    }
}

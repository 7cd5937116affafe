//! `unjail`: the owner takes a node back into service once its time is up.

use crate::error::StakingError;
use crate::event::NodeUnjailed;
use crate::state::Node;
use anchor_lang::prelude::*;
use lode_program::tell;

/// Accounts of `unjail`.
#[derive(Accounts)]
pub struct Unjail {
    /// The node's owner.
    pub owner: Signer,
    /// The node; bound to its owner by the stored key.
    #[account(mut, constraint = anchor_lang::address_eq(&node.owner, owner.address()) @ StakingError::NotOwner)]
    pub node: Account<Node>,
}

impl Unjail {
    /// Checks, then frees the node.
    pub fn handle(&mut self, now: i64) -> Result<()> {
        self.node.require_current()?;
        self.node.unjail(now)?;
        tell(NodeUnjailed {
            node: *self.node.address(),
        });
        Ok(())
    }
}

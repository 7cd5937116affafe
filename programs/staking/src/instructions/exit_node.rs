//! `exit_node`: the owner takes a node out for good. Never paused, and there is no way back: its index is free again
//! once it is closed.

use crate::error::StakingError;
use crate::event::NodeExiting;
use crate::state::{Node, NodeStatus};
use anchor_lang::prelude::*;
use lode_program::tell;

/// Accounts of `exit_node`.
#[derive(Accounts)]
pub struct ExitNode {
    /// The node's owner.
    pub owner: Signer,
    /// The node; bound to its owner by the stored key.
    #[account(mut, constraint = anchor_lang::address_eq(&node.owner, owner.address()) @ StakingError::NotOwner)]
    pub node: Account<Node>,
}

impl ExitNode {
    /// Checks, then marks the node.
    pub fn handle(&mut self, now: i64) -> Result<()> {
        self.node.require_current()?;
        require!(!self.node.is_exiting(), StakingError::NodeExiting);
        self.node.status = NodeStatus::Exiting as u8;
        self.node.exited_at = now;
        tell(NodeExiting {
            node: *self.node.address(),
            owner: *self.owner.address(),
        });
        Ok(())
    }
}

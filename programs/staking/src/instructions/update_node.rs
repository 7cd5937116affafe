//! `update_node`: the owner says anew what his machine is.

use crate::error::StakingError;
use crate::event::NodeDescribed;
use crate::state::{Node, NodeDescription};
use anchor_lang::prelude::*;
use lode_program::tell;

/// Accounts of `update_node`.
#[derive(Accounts)]
pub struct UpdateNode {
    /// The node's owner.
    pub owner: Signer,
    /// The node; bound to its owner by the stored key.
    #[account(mut, constraint = anchor_lang::address_eq(&node.owner, owner.address()) @ StakingError::NotOwner)]
    pub node: Account<Node>,
}

impl UpdateNode {
    /// Writes the description: customers' filters and keys, nothing that is rewarded.
    pub fn handle(&mut self, args: &NodeDescription) -> Result<()> {
        self.node.require_current()?;
        let at = *self.node.address();
        let node = &mut *self.node;
        node.describe(args)?;
        tell(NodeDescribed {
            node: at,
            metadata: args.metadata,
            encryption_key: args.encryption_key,
        });
        Ok(())
    }
}

//! `update_node`: the owner says anew what his machine is.

use crate::error::StakingError;
use crate::event::NodeDescribed;
use crate::state::Node;
use anchor_lang::prelude::*;
use lode_program::tell;

/// What the owner says of the node.
#[derive(Clone, Copy, AnchorSerialize, AnchorDeserialize, IdlType)]
pub struct NodeDescription {
    /// See [`Node::class`].
    pub class: u8,
    /// See [`Node::cores`].
    pub cores: u16,
    /// See [`Node::memory_mib`].
    pub memory_mib: u32,
    /// See [`Node::metadata`].
    pub metadata: [u8; 32],
    /// See [`Node::encryption_key`].
    pub encryption_key: [u8; 32],
}

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
        let at = *self.node.address();
        let node = &mut *self.node;
        node.class = args.class;
        node.cores = args.cores;
        node.memory_mib = args.memory_mib;
        node.metadata = args.metadata;
        node.encryption_key = args.encryption_key;
        tell(NodeDescribed {
            node: at,
            metadata: args.metadata,
            encryption_key: args.encryption_key,
        });
        Ok(())
    }
}

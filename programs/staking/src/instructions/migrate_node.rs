//! `migrate_node`: a node of an older layout is brought to the present one. Anyone may call it: what comes of it follows
//! from the node alone, and costs nobody anything.

use crate::event::NodeMigrated;
use crate::state::Node;
use anchor_lang::prelude::*;
use lode_program::tell;

/// Accounts of `migrate_node`.
#[derive(Accounts)]
pub struct MigrateNode {
    /// The node: any account of this program and type is one.
    #[account(mut)]
    pub node: Account<Node>,
}

impl MigrateNode {
    /// Checks, then rewrites what the layouts have apart.
    pub fn handle(&mut self, now: i64) -> Result<()> {
        migrate(&mut self.node, now)
    }
}

/// Rewrites a node and tells so.
pub(crate) fn migrate(node: &mut Account<Node>, now: i64) -> Result<()> {
    let from = node.version;
    node.migrate(now)?;
    tell(NodeMigrated {
        node: *node.address(),
        from: from.into(),
    });
    Ok(())
}

//! `close_delegation`: an empty delegation is closed, its rent returned. Anyone may: nothing but rent is in it.

use crate::error::StakingError;
use crate::event::DelegationClosed;
use crate::state::{Delegation, Node};
use anchor_lang::prelude::*;
use lode_program::tell;

/// Accounts of `close_delegation`.
#[derive(Accounts)]
pub struct CloseDelegation {
    /// The delegation: any account of this program and type is one.
    #[account(mut, close = payer)]
    pub delegation: Account<Delegation>,
    /// Who paid its rent.
    #[account(mut, address = delegation.payer @ StakingError::WrongPayer)]
    pub payer: UncheckedAccount,
    /// Its node.
    #[account(mut, address = delegation.node @ StakingError::ForeignAccount)]
    pub node: Account<Node>,
}

impl CloseDelegation {
    /// Checks; the account closes as the instruction ends.
    pub fn handle(&mut self) -> Result<()> {
        self.node.require_current()?;
        self.delegation.require_empty()?;
        self.node.drop_child()?;
        tell(DelegationClosed {
            node: self.delegation.node,
            owner: self.delegation.owner,
        });
        Ok(())
    }
}

//! `set_locked_cap`: an owner says how much of his money his machine may put at risk.

use crate::error::JobsError;
use crate::state::Ledger;
use anchor_lang::prelude::*;

/// Accounts of `set_locked_cap`.
#[derive(Accounts)]
pub struct SetLockedCap {
    /// The ledger's authority: the node's owner.
    pub authority: Signer,
    /// The node's ledger; bound to its authority by the stored key.
    #[account(mut, constraint = anchor_lang::address_eq(&ledger.authority, authority.address()) @ JobsError::NotLedgerAuthority)]
    pub ledger: Account<Ledger>,
}

impl SetLockedCap {
    /// Writes the cap; what is locked already stays locked.
    pub fn handle(&mut self, locked_cap: u64) -> Result<()> {
        self.ledger.require_node()?;
        self.ledger.locked_cap = locked_cap;
        Ok(())
    }
}

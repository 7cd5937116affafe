//! `close_ledger`: an empty ledger's rent goes back to whoever paid it.

use crate::error::JobsError;
use crate::event::LedgerChanged;
use crate::state::Ledger;
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use lode_program::tell;

/// Accounts of `close_ledger`.
#[derive(Accounts)]
pub struct CloseLedger {
    /// The ledger's authority, or who paid its rent.
    pub signer: Signer,
    /// Who paid the rent; may be the signer.
    #[account(mut, unsafe(dup), address = ledger.payer @ JobsError::WrongPayer)]
    pub payer: UncheckedAccount,
    /// The ledger.
    #[account(mut, close = payer)]
    pub ledger: Account<Ledger>,
}

impl CloseLedger {
    /// Checks; the account closes when the instruction ends.
    pub fn handle(&mut self, now: i64) -> Result<()> {
        let signer = self.signer.address();
        let is_authority = address_eq(&self.ledger.authority, signer);
        require!(
            is_authority || address_eq(&self.ledger.payer, signer),
            JobsError::NotLedgerAuthority
        );
        self.ledger.require_empty(is_authority)?;
        self.ledger.require_nonces_behind(now)?;
        tell(LedgerChanged {
            ledger: *self.ledger.address(),
            market: self.ledger.market,
            party: self.ledger.party,
            open: 0,
        });
        Ok(())
    }
}

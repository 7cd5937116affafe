//! `propose_treasury`, `accept_treasury`: the treasury changes hands in two steps, so it is never lost to a typing error.
//! The only thing of a schedule that can change.

use crate::constants::*;
use crate::error::EmissionsError;
use crate::event::TreasuryChanged;
use crate::state::Schedule;
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use lode_program::tell;

/// Accounts of both instructions.
#[derive(Accounts)]
pub struct Treasury {
    /// The treasury's owner, or the pending one who accepts: each handler says which.
    pub signer: Signer,
    /// The schedule.
    #[account(mut, seeds = [SCHEDULE_SEED], bump = schedule.bump)]
    pub schedule: Account<Schedule>,
}

impl Treasury {
    fn tell(&self) {
        tell(TreasuryChanged {
            owner: self.schedule.treasury_owner,
            pending: self.schedule.pending_treasury_owner,
        });
    }

    /// The owner names who may follow; zero takes a proposal back.
    pub fn propose(&mut self, pending: Address) -> Result<()> {
        require!(
            address_eq(&self.schedule.treasury_owner, self.signer.address()),
            EmissionsError::NotTreasuryOwner
        );
        self.schedule.pending_treasury_owner = pending;
        self.tell();
        Ok(())
    }

    /// The pending owner becomes owner.
    pub fn accept(&mut self) -> Result<()> {
        require!(
            address_eq(&self.schedule.pending_treasury_owner, self.signer.address()),
            EmissionsError::NotPendingTreasuryOwner
        );
        self.schedule.treasury_owner = *self.signer.address();
        self.schedule.pending_treasury_owner = Address::default();
        self.tell();
        Ok(())
    }
}

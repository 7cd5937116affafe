//! `propose_governor`, `accept_governor`: a committee changes hands in two steps.

use crate::error::OracleError;
use crate::event::GovernorChanged;
use crate::state::Committee;
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use lode_program::tell;

/// Accounts of both instructions.
#[derive(Accounts)]
pub struct Govern {
    /// The governor, or the pending one who accepts: each handler says which.
    pub signer: Signer,
    /// The committee: bound to its governor by the stored keys.
    #[account(mut)]
    pub committee: Account<Committee>,
}

impl Govern {
    fn tell(&self) {
        tell(GovernorChanged {
            committee: *self.committee.address(),
            governor: self.committee.governor,
            pending_governor: self.committee.pending_governor,
        });
    }

    /// The governor names who may follow; zero takes a proposal back.
    pub fn propose(&mut self, pending: Address) -> Result<()> {
        require!(
            address_eq(&self.committee.governor, self.signer.address()),
            OracleError::NotGovernor
        );
        self.committee.pending_governor = pending;
        self.tell();
        Ok(())
    }

    /// The pending governor becomes governor.
    pub fn accept(&mut self) -> Result<()> {
        require!(
            address_eq(&self.committee.pending_governor, self.signer.address()),
            OracleError::NotPendingGovernor
        );
        self.committee.governor = *self.signer.address();
        self.committee.pending_governor = Address::default();
        self.tell();
        Ok(())
    }
}

//! `propose_governor`, `accept_governor`, `propose_treasury`, `accept_treasury`: what cannot be named again changes hands in two
//! steps, so it is never lost to a typing error. `set_guardian`: the governor can name another, so one step is enough.

use crate::constants::*;
use crate::error::JobsError;
use crate::event::AuthorityChanged;
use crate::state::JobsConfig;
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use lode_program::tell;

/// Accounts of the five instructions.
#[derive(Accounts)]
pub struct Govern {
    /// The governor, or the pending one who accepts an office: each handler says which.
    pub signer: Signer,
    /// The configuration.
    #[account(mut, seeds = [CONFIG_SEED], bump = config.bump)]
    pub config: Account<JobsConfig>,
}

impl Govern {
    fn require_governor(&self) -> Result<()> {
        require!(
            address_eq(&self.config.governor, self.signer.address()),
            JobsError::NotGovernor
        );
        Ok(())
    }

    fn tell(&self) {
        tell(AuthorityChanged {
            governor: self.config.governor,
            pending_governor: self.config.pending_governor,
            guardian: self.config.guardian,
            treasury_owner: self.config.treasury_owner,
            pending_treasury_owner: self.config.pending_treasury_owner,
        });
    }

    /// The governor names who may follow; zero takes a proposal back.
    pub fn propose(&mut self, pending: Address) -> Result<()> {
        self.require_governor()?;
        self.config.pending_governor = pending;
        self.tell();
        Ok(())
    }

    /// The pending governor becomes governor.
    pub fn accept(&mut self) -> Result<()> {
        require!(
            address_eq(&self.config.pending_governor, self.signer.address()),
            JobsError::NotPendingGovernor
        );
        self.config.governor = *self.signer.address();
        self.config.pending_governor = Address::default();
        self.tell();
        Ok(())
    }

    /// The governor names the guardian; zero for none.
    pub fn guard(&mut self, guardian: Address) -> Result<()> {
        self.require_governor()?;
        self.config.guardian = guardian;
        self.tell();
        Ok(())
    }

    /// The governor names who may own the treasury, where burn fees in other mints than the emission mint go; zero takes a
    /// proposal back. Swept fees are gone for good, so an address that nobody holds must never get there.
    pub fn propose_treasury(&mut self, pending: Address) -> Result<()> {
        self.require_governor()?;
        self.config.pending_treasury_owner = pending;
        self.tell();
        Ok(())
    }

    /// The pending owner becomes the treasury's owner.
    pub fn accept_treasury(&mut self) -> Result<()> {
        require!(
            address_eq(&self.config.pending_treasury_owner, self.signer.address()),
            JobsError::NotPendingTreasuryOwner
        );
        self.config.treasury_owner = *self.signer.address();
        self.config.pending_treasury_owner = Address::default();
        self.tell();
        Ok(())
    }
}

//! `propose_governor`, `accept_governor`, `set_guardian`, `set_treasury`: the keys change hands in two steps, so none is ever lost
//! to a typing error.

use crate::constants::*;
use crate::error::JobsError;
use crate::event::AuthorityChanged;
use crate::state::JobsConfig;
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use lode_program::tell;

/// Accounts of the four instructions.
#[derive(Accounts)]
pub struct Govern {
    /// The governor, or the pending one who accepts: each handler says which.
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

    /// The governor names who owns the treasury: where burn fees in other mints than the emission mint go.
    pub fn treasury(&mut self, treasury_owner: Address) -> Result<()> {
        self.require_governor()?;
        self.config.treasury_owner = treasury_owner;
        self.tell();
        Ok(())
    }
}

//! `raise_limit`: a customer pays for more units while nobody runs the job.

use crate::error::JobsError;
use crate::state::{flag, sub, Job, JobState, Ledger, Market};
use anchor_lang::prelude::*;
use lode_program::ReadOnly;

/// Accounts of `raise_limit`.
#[derive(Accounts)]
pub struct RaiseLimit {
    /// The customer.
    pub customer: Signer,
    /// The job's market.
    #[account(address = job.market @ JobsError::ForeignAccount)]
    pub market: ReadOnly<Market>,
    /// The customer's ledger; bound to him by the stored key.
    #[account(mut, address = job.customer @ JobsError::ForeignAccount, constraint = anchor_lang::address_eq(&ledger.authority, customer.address()) @ JobsError::NotLedgerAuthority)]
    pub ledger: Account<Ledger>,
    /// The job: any account of this program and type is one.
    #[account(mut)]
    pub job: Account<Job>,
}

impl RaiseLimit {
    fn validate(&self, units_limit: u64, slot: u64) -> Result<()> {
        require!(
            self.job.state == JobState::Open as u8,
            JobsError::IllegalTransition
        );
        // who has bid has locked collateral for the terms as they are
        require!(!self.job.has(flag::BID), JobsError::BidStands);
        self.job.require_open_window(&self.market, slot)?;
        require!(
            units_limit > self.job.units_limit,
            JobsError::LimitNotRaised
        );
        require!(
            units_limit <= self.market.units_limit,
            JobsError::UnitsOutOfRange
        );
        Ok(())
    }

    /// Checks, then locks what the escrow grows by. Who accepts names the limit, so nobody is surprised by another.
    pub fn handle(&mut self, units_limit: u64, slot: u64) -> Result<()> {
        self.validate(units_limit, slot)?;
        let before = self.job.escrow(&self.market)?;
        self.job.units_limit = units_limit;
        let escrow = self.job.escrow(&self.market)?;
        self.market.require_escrow(escrow)?;
        let more = sub(escrow, before)?;
        self.ledger.lock(more)?;
        self.job.tell(self.job.address(), more);
        Ok(())
    }
}

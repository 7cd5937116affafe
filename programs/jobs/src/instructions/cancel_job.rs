//! `cancel_job`: an open job is taken back: by its customer at any time, by anyone when nobody accepted it in time.

use crate::error::JobsError;
use crate::state::{Job, JobState, Ledger, Market};
use anchor_lang::address_eq;
use anchor_lang::prelude::*;

/// Accounts of `cancel_job`.
#[derive(Accounts)]
pub struct CancelJob {
    /// The customer, or anyone.
    pub signer: Signer,
    /// The job's market.
    #[account(address = job.market @ JobsError::ForeignAccount)]
    pub market: Account<Market>,
    /// The job: any account of this program and type is one.
    #[account(mut)]
    pub job: Account<Job>,
    /// The customer's ledger.
    #[account(mut, address = job.customer @ JobsError::ForeignAccount)]
    pub customer: Account<Ledger>,
}

impl CancelJob {
    /// Checks, then returns the escrow.
    pub fn handle(&mut self, slot: u64) -> Result<()> {
        self.job.require_step(JobState::Open, JobState::Cancelled)?;
        if !address_eq(&self.customer.authority, self.signer.address()) {
            self.job.require_over(&self.market, slot)?;
        }
        let escrow = self.job.escrow(&self.market)?;
        // nothing ran: nothing to keep, so it may be closed at once
        self.job.enter(JobState::Cancelled, slot, 0)?;
        self.customer.unlock(escrow, escrow)?;
        self.customer.close_job()?;
        let at = *self.job.address();
        self.job.tell(&at, slot, 0);
        Ok(())
    }
}

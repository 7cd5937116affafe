//! `cancel_job`: an open job is taken back: by its customer at any time before a bid, by anyone when nobody accepted it
//! in time. Where a bid stood and was not awarded, the bidder pays for it.

use crate::error::JobsError;
use crate::state::{flag, Job, JobState, Ledger, Market};
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use lode_program::ReadOnly;

/// Accounts of `cancel_job`.
#[derive(Accounts)]
pub struct CancelJob {
    /// The customer, or anyone.
    pub signer: Signer,
    /// The job's market.
    #[account(address = job.market @ JobsError::ForeignAccount)]
    pub market: ReadOnly<Market>,
    /// The job: any account of this program and type is one.
    #[account(mut)]
    pub job: Account<Job>,
    /// The customer's ledger.
    #[account(mut, address = job.customer @ JobsError::ForeignAccount)]
    pub customer: Account<Ledger>,
    /// The best bidder's ledger, iff a bid stands; bound by its stored keys.
    #[account(mut)]
    pub bidder: Option<Account<Ledger>>,
}

impl CancelJob {
    fn validate(&self, slot: u64) -> Result<()> {
        self.job.require_step(JobState::Open, JobState::Cancelled)?;
        if self.job.has(flag::BID) {
            // until then anyone may award it: the customer cannot go back on who outbid the others
            return self.job.require_award_over(&self.market, slot);
        }
        if address_eq(&self.customer.authority, self.signer.address()) {
            return Ok(());
        }
        self.job.require_over(&self.market, slot)
    }

    /// Checks, then returns the escrow; a bidder who could not be awarded the job forfeits `late`.
    pub fn handle(&mut self, slot: u64) -> Result<()> {
        self.validate(slot)?;
        let escrow = self.job.escrow(&self.market)?;
        let lost = match (self.job.has(flag::BID), &mut self.bidder) {
            (true, Some(bidder)) => {
                let late = self.job.late(&self.market)?;
                bidder.require_of_node(&self.job.node, &self.job.market)?;
                bidder.forfeit(self.job.collateral, late, 0)?;
                bidder.close_job()?;
                late
            }
            (false, None) => 0,
            _ => return Err(JobsError::NamedLedger.into()),
        };
        // nothing ran: nothing to keep, so it may be closed at once
        self.job.enter(JobState::Cancelled, slot, 0)?;
        self.customer.unlock(escrow, escrow)?;
        self.customer.close_job()?;
        self.job.tell(self.job.address(), lost);
        Ok(())
    }
}

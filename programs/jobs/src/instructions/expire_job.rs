//! `expire_job`: a node was late: with its result, or with revealing one that nobody was drawn to check.

use crate::error::JobsError;
use crate::state::{Job, JobState, Ledger, Market};
use anchor_lang::prelude::*;
use lode_program::ReadOnly;

/// Accounts of `expire_job`.
#[derive(Accounts)]
pub struct ExpireJob {
    /// Anyone; earns the crank slice.
    #[account(mut)]
    pub crank: UncheckedAccount,
    /// The job's market.
    #[account(address = job.market @ JobsError::ForeignAccount)]
    pub market: ReadOnly<Market>,
    /// The job: any account of this program and type is one.
    #[account(mut)]
    pub job: Account<Job>,
    /// The node's ledger of this market; bound by its stored keys.
    #[account(mut, constraint = anchor_lang::address_eq(&ledger.party, &job.node) && anchor_lang::address_eq(&ledger.market, &job.market) @ JobsError::ForeignAccount)]
    pub ledger: Account<Ledger>,
    /// The customer's ledger.
    #[account(mut, address = job.customer @ JobsError::ForeignAccount)]
    pub customer: Account<Ledger>,
}

impl ExpireJob {
    /// Checks, then takes what [`Job::forfeits`] says and ends the attempt.
    pub fn handle(&mut self, slot: u64) -> Result<()> {
        let unrevealed = self.job.state == JobState::Sealed as u8 && !self.job.is_checked();
        require!(
            unrevealed || self.job.state == JobState::Accepted as u8,
            JobsError::IllegalTransition
        );
        self.job.require_over(&self.market, slot)?;
        let (late, checks) = self.job.forfeits(&self.market)?;
        self.job.end_attempt(
            &self.market,
            &mut self.ledger,
            &mut self.customer,
            late,
            checks,
            slot,
        )?;
        let lost = late.checked_add(checks).ok_or(JobsError::Overflow)?;
        self.job.tell(self.job.address(), lost);
        super::pay_crank(&mut self.job, &self.crank)
    }
}

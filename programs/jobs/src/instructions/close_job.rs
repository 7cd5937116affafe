//! `close_job`: a final job's rent goes back to whoever paid it.

use crate::constants::*;
use crate::error::JobsError;
use crate::state::{Job, Market};
use anchor_lang::prelude::*;
use lode_program::ReadOnly;

/// Accounts of `close_job`.
#[derive(Accounts)]
pub struct CloseJob {
    /// Anyone; earns the crank slice. May be the payer.
    #[account(mut, unsafe(dup))]
    pub crank: UncheckedAccount,
    /// Who paid rent and crank deposit.
    #[account(mut, unsafe(dup), address = job.payer @ JobsError::WrongPayer)]
    pub payer: UncheckedAccount,
    /// The job's market.
    #[account(address = job.market @ JobsError::ForeignAccount)]
    pub market: ReadOnly<Market>,
    /// The job: any account of this program and type is one.
    #[account(mut, close = payer)]
    pub job: Account<Job>,
}

impl CloseJob {
    /// Checks; the account closes when the instruction ends.
    pub fn handle(&mut self, slot: u64) -> Result<()> {
        require!(self.job.is_final(), JobsError::NotClosable);
        let patience = if self.job.is_clean() { 0 } else { PUNISHING };
        require!(
            slot >= self.job.deadline.saturating_add(patience),
            JobsError::NotClosable
        );
        super::pay_crank(&mut self.job, &self.crank)
    }
}

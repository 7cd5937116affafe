//! `reveal_result`: a result that was not drawn for a check is told.

use crate::error::JobsError;
use crate::state::{flag, Job, JobState, Market};
use anchor_lang::prelude::*;
use lode_attestation::{commitment, Verdict};
use lode_program::ReadOnly;

/// Accounts of `reveal_result`.
#[derive(Accounts)]
pub struct RevealResult {
    /// The job's market.
    #[account(address = job.market @ JobsError::ForeignAccount)]
    pub market: ReadOnly<Market>,
    /// The job: any account of this program and type is one.
    #[account(mut)]
    pub job: Account<Job>,
}

impl RevealResult {
    /// Checks the result against the commitment, then writes it and starts the challenge window.
    ///
    /// Nobody signs: whoever knows the result may tell it, and what he tells is proved by the commitment.
    pub fn handle(&mut self, result: [u8; 32], slot: u64) -> Result<()> {
        self.job
            .require_step(JobState::Sealed, JobState::Attested)?;
        require!(!self.job.is_checked(), JobsError::MustBeAttested);
        self.job.require_open_window(&self.market, slot)?;
        let at = self.job.address();
        let expected = commitment(
            &result,
            self.job.units,
            at,
            self.job.attempt,
            &self.job.node,
        );
        let job = &mut *self.job;
        require!(expected == job.result, JobsError::WrongResult);
        job.result = result;
        job.flags |= flag::REVEALED;
        job.verdict = Verdict::Match as u8;
        let window = job.challenge_window(&self.market)?;
        job.enter(JobState::Attested, slot, window)?;
        self.job.tell(self.job.address(), 0);
        Ok(())
    }
}

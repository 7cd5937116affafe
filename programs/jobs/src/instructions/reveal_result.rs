//! `reveal_result`: a result that was not drawn for a check is told.

use crate::error::JobsError;
use crate::state::{flag, Job, JobState, Market};
use anchor_lang::prelude::*;
use lode_attestation::{commitment, Verdict};

/// Accounts of `reveal_result`.
#[derive(Accounts)]
pub struct RevealResult {
    /// The job's market.
    #[account(address = job.market @ JobsError::ForeignAccount)]
    pub market: Account<Market>,
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
        let at = *self.job.address();
        let job = &mut *self.job;
        let expected = commitment(&result, job.units, &at, job.attempt, &job.node);
        require!(expected == job.result, JobsError::WrongResult);
        job.result = result;
        job.flags |= flag::REVEALED;
        job.verdict = Verdict::Match as u8;
        let window = job.challenge_window(&self.market)?;
        job.enter(JobState::Attested, slot, window)?;
        self.job.tell(&at, slot, 0);
        Ok(())
    }
}

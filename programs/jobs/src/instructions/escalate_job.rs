//! `escalate_job`: a panel did not decide in time: the whole committee is asked. Where that was asked and did not, the
//! verdict that was appealed against stands.

use crate::error::JobsError;
use crate::state::{flag, Job, JobState, Market};
use anchor_lang::prelude::*;
use lode_program::ReadOnly;

/// Accounts of `escalate_job`.
#[derive(Accounts)]
pub struct EscalateJob {
    /// Anyone; earns the crank slice.
    #[account(mut)]
    pub crank: UncheckedAccount,
    /// The job's market.
    #[account(address = job.market @ JobsError::ForeignAccount)]
    pub market: ReadOnly<Market>,
    /// The job: any account of this program and type is one.
    #[account(mut)]
    pub job: Account<Job>,
}

impl EscalateJob {
    /// Checks, marks the silent, then asks all or lets the verdict stand.
    pub fn handle(&mut self, slot: u64) -> Result<()> {
        let appealed = self.job.state == JobState::Challenged as u8;
        if !appealed {
            self.job.require_step(JobState::Sealed, JobState::Sealed)?;
            require!(self.job.is_checked(), JobsError::NotDrawn);
            require!(
                self.job.panel != self.job.eligible,
                JobsError::WholeCommitteeDecides
            );
        }
        self.job.require_over(&self.market, slot)?;
        let job = &mut *self.job;
        job.mark_silent();
        if appealed {
            job.flags |= flag::FINAL;
            job.enter(JobState::Attested, slot, 0)?;
        } else {
            job.panel = job.eligible;
            job.enter(JobState::Sealed, slot, self.market.attest_window)?;
        }
        self.job.tell(self.job.address(), 0);
        super::pay_crank(&mut self.job, &self.crank)
    }
}

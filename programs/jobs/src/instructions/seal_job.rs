//! `seal_job`: the first slot hash after the submission says whether a result is checked, and by whom. Once.

use crate::constants::*;
use crate::error::JobsError;
use crate::state::{flag, Job, JobState, Market};
use crate::sysvar::{slot_hash_after, SlotHash};
use anchor_lang::prelude::*;
use lode_attestation::{is_drawn, late_seal, panel, seal};
use lode_oracle::state::Committee;
use lode_program::ReadOnly;

/// Accounts of `seal_job`.
#[derive(Accounts)]
pub struct SealJob {
    /// Anyone; earns the crank slice.
    #[account(mut)]
    pub crank: UncheckedAccount,
    /// The job's market.
    #[account(address = job.market @ JobsError::ForeignAccount)]
    pub market: ReadOnly<Market>,
    /// The market's committee.
    #[account(address = market.committee @ JobsError::ForeignAccount)]
    pub committee: ReadOnly<Committee>,
    /// The job: any account of this program and type is one.
    #[account(mut)]
    pub job: Account<Job>,
}

impl SealJob {
    /// Checks, then writes the seal and what it draws.
    pub fn handle(&mut self, slot: u64) -> Result<()> {
        // `enter` asks the table
        require!(
            self.job.state == JobState::Submitted as u8,
            JobsError::IllegalTransition
        );
        self.job.require_open_window(&self.market, slot)?;
        require!(
            self.committee.version == SISTER_VERSION,
            JobsError::UnknownVersion
        );
        // the hash of the slot after the submission is recorded in the second slot after it
        require!(
            slot.saturating_sub(self.job.submitted_slot) >= SEAL_AFTER,
            JobsError::SealTooEarly
        );
        let eligible = self.committee.eligible(self.job.submitted_at);
        let check_bps = self.job.check_bps(&self.market);
        let view = *self.job.account();
        let job = &mut *self.job;
        let (at, attempt, submitted) = (view.address(), job.attempt, job.submitted_slot);
        let late = match slot_hash_after(submitted, |hash| job.seal = seal(hash, at, attempt))? {
            SlotHash::NotYet => return Err(JobsError::SealTooEarly.into()),
            SlotHash::First => false,
            SlotHash::Gone => true,
        };
        job.eligible = eligible;
        // too late to prove: everyone checks, at the node's expense, so waiting gains nothing
        let checked = if late {
            job.seal = late_seal(submitted, at, attempt);
            job.drawn = eligible;
            job.flags |= flag::LATE;
            true
        } else {
            job.drawn = panel(&job.seal, eligible, self.market.k);
            is_drawn(&job.seal, check_bps)
        };
        // Whatever was drawn: where nobody can check, nobody can challenge either, and most lies would get through. The
        // job stays as it is until it can be voided.
        require!(job.drawn != 0, JobsError::NobodyEligible);
        if checked {
            job.panel = job.drawn;
        }
        job.enter(JobState::Sealed, slot, self.market.attest_window)?;
        self.job.tell(self.job.address(), 0);
        super::pay_crank(&mut self.job, &self.crank)
    }
}

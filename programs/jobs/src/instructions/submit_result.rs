//! `submit_result`: a node commits to its result, without telling it.

use crate::constants::*;
use crate::error::JobsError;
use crate::state::{Job, JobState, Market};
use anchor_lang::prelude::*;
use lode_program::ReadOnly;
use lode_staking::state::Node;

/// Accounts of `submit_result`.
#[derive(Accounts)]
pub struct SubmitResult {
    /// The node's worker.
    pub worker: Signer,
    /// The job's market.
    #[account(address = job.market @ JobsError::ForeignAccount)]
    pub market: ReadOnly<Market>,
    /// The job: any account of this program and type is one.
    #[account(mut)]
    pub job: Account<Job>,
    /// The job's node; bound to its worker by the stored key.
    #[account(address = job.node @ JobsError::ForeignAccount, constraint = anchor_lang::address_eq(&node.worker, worker.address()) @ JobsError::NotWorker)]
    pub node: ReadOnly<Node>,
}

impl SubmitResult {
    /// Checks, then writes the commitment and when it came.
    pub fn handle(&mut self, commitment: [u8; 32], units: u64, now: i64, slot: u64) -> Result<()> {
        self.job
            .require_step(JobState::Accepted, JobState::Submitted)?;
        self.job.require_open_window(&self.market, slot)?;
        require!(
            units >= 1 && units <= self.job.units_limit,
            JobsError::UnitsOutOfRange
        );
        let job = &mut *self.job;
        job.result = commitment;
        job.units = units;
        job.submitted_at = now;
        job.submitted_slot = slot;
        job.enter(JobState::Submitted, slot, SEALING)?;
        self.job.tell(self.job.address(), 0);
        Ok(())
    }
}

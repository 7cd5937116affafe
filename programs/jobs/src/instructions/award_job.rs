//! `award_job`: the bidding is over; the best bidder runs the job for what he bid.

use crate::error::JobsError;
use crate::state::{fits, flag, Job, JobState, Market};
use anchor_lang::prelude::*;
use lode_program::ReadOnly;
use lode_staking::state::Node;

/// Accounts of `award_job`.
#[derive(Accounts)]
pub struct AwardJob {
    /// The job's market.
    #[account(address = job.market @ JobsError::ForeignAccount)]
    pub market: ReadOnly<Market>,
    /// The job: any account of this program and type is one.
    #[account(mut)]
    pub job: Account<Job>,
    /// The best bidder.
    #[account(address = job.node @ JobsError::ForeignAccount)]
    pub node: ReadOnly<Node>,
}

impl AwardJob {
    /// Checks, makes the bid the price that is paid, and starts the run window.
    ///
    /// Nobody signs, and no pause stops it: the award has a deadline, and missing it costs the bidder. The terms are
    /// those he bid for, as nothing raises a limit while a bid stands. No money moves: escrow, collateral and all
    /// forfeits stay those of the posted price until the end. Else a bid of next to nothing, given up as soon as it is
    /// awarded, would cost next to nothing and leave a job that nobody runs.
    pub fn handle(&mut self, now: i64, slot: u64) -> Result<()> {
        self.job.require_step(JobState::Open, JobState::Accepted)?;
        require!(self.job.has(flag::BID), JobsError::NoBid);
        self.job.require_award_window(&self.market, slot)?;
        // Not its skin, which it had when it bid: a governor who asks for more, or a stranger's stake that moves a ratio,
        // would cost it a forfeit that it cannot help. Its collateral is locked.
        super::require_active(&self.node, &self.market, &self.job)?;
        let job = &mut *self.job;
        core::mem::swap(&mut job.price, &mut job.bid);
        job.flags &= !flag::BID;
        job.accepted_at = now;
        let run = fits(self.market.run_window(job.units_limit))?;
        job.enter(JobState::Accepted, slot, run)?;
        self.job.tell(self.job.address(), self.job.collateral);
        Ok(())
    }
}

//! `award_job`: the bidding is over; the best bidder runs the job for what he bid.

use crate::error::JobsError;
use crate::state::{fits, flag, sub, Job, JobState, Ledger, Market};
use anchor_lang::prelude::*;
use lode_program::ReadOnly;
use lode_staking::state::{Node, StakingConfig};

/// Accounts of `award_job`.
#[derive(Accounts)]
pub struct AwardJob {
    /// The staking program's configuration. Of that program and type there is only one.
    pub staking: ReadOnly<StakingConfig>,
    /// The job's market.
    #[account(address = job.market @ JobsError::ForeignAccount)]
    pub market: ReadOnly<Market>,
    /// The job: any account of this program and type is one.
    #[account(mut)]
    pub job: Account<Job>,
    /// The best bidder.
    #[account(address = job.node @ JobsError::ForeignAccount)]
    pub node: ReadOnly<Node>,
    /// The node's ledger of this market; bound by its stored keys.
    #[account(mut, constraint = anchor_lang::address_eq(&ledger.party, &job.node) && anchor_lang::address_eq(&ledger.market, &job.market) @ JobsError::ForeignAccount)]
    pub ledger: Account<Ledger>,
    /// The customer's ledger.
    #[account(mut, address = job.customer @ JobsError::ForeignAccount)]
    pub customer: Account<Ledger>,
}

impl AwardJob {
    /// Checks, makes the bid the price, returns what that frees, and starts the run window.
    ///
    /// Nobody signs, and no pause stops it: the award has a deadline, and missing it costs the bidder. The terms are
    /// those he bid for, as nothing raises a limit while a bid stands.
    pub fn handle(&mut self, now: i64, slot: u64) -> Result<()> {
        self.job.require_step(JobState::Open, JobState::Accepted)?;
        require!(self.job.has(flag::BID), JobsError::NoBid);
        self.job.require_award_window(&self.market, slot)?;
        super::require_fit(&self.node, &self.staking)?;
        let escrow = self.job.escrow(&self.market)?;
        let job = &mut *self.job;
        job.price = job.bid;
        job.bid = 0;
        job.flags &= !flag::BID;
        let freed = sub(escrow, job.escrow(&self.market)?)?;
        let collateral = job.collateral_due(&self.market)?;
        let returned = sub(job.collateral, collateral)?;
        self.customer.unlock(freed, freed)?;
        self.ledger.unlock(returned, returned)?;
        job.collateral = collateral;
        job.accepted_at = now;
        let run = fits(self.market.run_window(job.units_limit))?;
        job.enter(JobState::Accepted, slot, run)?;
        self.job.tell(self.job.address(), collateral);
        Ok(())
    }
}

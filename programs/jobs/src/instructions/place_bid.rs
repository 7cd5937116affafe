//! `place_bid`: a node offers to run a job for less. The best bid stands on the job itself; whoever it displaces has his
//! collateral back in the same instruction.

use crate::constants::*;
use crate::error::JobsError;
use crate::state::{fits, flag, Job, JobState, JobsConfig, Ledger, Market};
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use lode_attestation::same;
use lode_math::bps_floor;
use lode_program::ReadOnly;
use lode_staking::state::{Node, StakingConfig};

/// Accounts of `place_bid`.
#[derive(Accounts)]
pub struct PlaceBid {
    /// The node's worker.
    pub worker: Signer,
    /// The configuration: not paused. Of this program and type there is only one.
    pub config: ReadOnly<JobsConfig>,
    /// The staking program's configuration. Of that program and type there is only one.
    pub staking: ReadOnly<StakingConfig>,
    /// The job's market.
    #[account(address = job.market @ JobsError::ForeignAccount)]
    pub market: ReadOnly<Market>,
    /// The job: any account of this program and type is one.
    #[account(mut)]
    pub job: Account<Job>,
    /// The node; bound to its worker by the stored key.
    #[account(constraint = anchor_lang::address_eq(&node.worker, worker.address()) @ JobsError::NotWorker)]
    pub node: ReadOnly<Node>,
    /// The node's ledger of this market; bound by its stored keys.
    #[account(mut, constraint = anchor_lang::address_eq(&ledger.party, node.address()) && anchor_lang::address_eq(&ledger.market, &job.market) @ JobsError::ForeignAccount)]
    pub ledger: Account<Ledger>,
    /// The ledger of the node whose bid is displaced, iff a bid stands; bound by its stored keys.
    #[account(mut)]
    pub displaced: Option<Account<Ledger>>,
}

impl PlaceBid {
    fn validate(
        &self,
        spec: &[u8; 32],
        units_limit: u64,
        bid: u64,
        now: i64,
        slot: u64,
    ) -> Result<()> {
        self.config.require_running(now)?;
        require!(self.market.is_auction(), JobsError::WrongMarketKind);
        self.job.require_step(JobState::Open, JobState::Open)?;
        self.job.require_open_window(&self.market, slot)?;
        // what the worker read before it signed, so that nobody swaps the job under it
        require!(
            same(&self.job.spec, spec) && self.job.units_limit == units_limit,
            JobsError::UnexpectedTerms
        );
        self.ledger.require_node()?;
        super::require_fit(&self.node, &self.staking, &self.market, &self.job)?;
        let most = if self.job.has(flag::BID) {
            require!(
                !address_eq(&self.job.node, self.node.address()),
                JobsError::OwnBid
            );
            fits(bps_floor(self.job.bid, BID_STEP_BPS))?
        } else {
            self.job.price
        };
        require!(bid >= 1 && bid <= most, JobsError::BidTooHigh);
        // Checks are paid by the bid: nobody has a committee work for less than the market's least.
        require!(
            self.job.escrow_at(bid, &self.market)? >= self.market.least_reserved,
            JobsError::BidTooLow
        );
        Ok(())
    }

    /// Checks, frees the collateral of the bid that is displaced, locks that of the new one.
    pub fn handle(
        &mut self,
        spec: &[u8; 32],
        units_limit: u64,
        bid: u64,
        now: i64,
        slot: u64,
    ) -> Result<()> {
        self.validate(spec, units_limit, bid, now, slot)?;
        let node = *self.node.address();
        // Locked for the posted price, not the bid, until the end: so every bidder risks the same.
        let collateral = self.job.collateral_due(&self.market)?;
        let job = &mut *self.job;
        match (job.has(flag::BID), &mut self.displaced) {
            (true, Some(displaced)) => {
                displaced.require_of_node(&job.node, &job.market)?;
                displaced.unlock(job.collateral, job.collateral)?;
                displaced.close_job()?;
            }
            (false, None) => {}
            _ => return Err(JobsError::NamedLedger.into()),
        }
        self.ledger.lock_capped(collateral)?;
        self.ledger.open_job()?;
        job.flags |= flag::BID;
        job.node = node;
        job.bid = bid;
        job.collateral = collateral;
        self.job.tell(self.job.address(), bid);
        Ok(())
    }
}

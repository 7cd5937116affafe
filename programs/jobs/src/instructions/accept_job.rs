//! `accept_job`: a node takes a job and locks its own money for it.

use crate::error::JobsError;
use crate::state::{fits, flag, Job, JobState, JobsConfig, Ledger, Market};
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use lode_attestation::{lottery_number, same};
use lode_math::lottery;
use lode_program::ReadOnly;
use lode_staking::state::{Node, StakingConfig};

/// Accounts of `accept_job`.
#[derive(Accounts)]
pub struct AcceptJob {
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
}

impl AcceptJob {
    fn validate(
        &self,
        spec: &[u8; 32],
        units_limit: u64,
        price: u64,
        now: i64,
        slot: u64,
    ) -> Result<()> {
        self.config.require_running(now)?;
        require!(!self.market.is_auction(), JobsError::WrongMarketKind);
        self.job.require_step(JobState::Open, JobState::Accepted)?;
        self.job.require_open_window(&self.market, slot)?;
        // what the worker read before it signed, so that nobody swaps the job under it
        require!(
            same(&self.job.spec, spec)
                && self.job.units_limit == units_limit
                && self.job.price == price,
            JobsError::UnexpectedTerms
        );
        self.ledger.require_node()?;
        super::require_fit(&self.node, &self.staking, &self.market, &self.job)?;
        if self.job.has(flag::TARGETED) {
            require!(
                address_eq(&self.job.node, self.node.address()),
                JobsError::AnotherNodesJob
            );
            return Ok(());
        }
        if self.market.ramp == 0 {
            return Ok(());
        }
        let opened = self.job.opened(&self.market)?;
        let number = lottery_number(
            opened,
            self.job.address(),
            self.job.attempt,
            self.node.address(),
        );
        require!(
            lottery::may_accept(number, slot.saturating_sub(opened), self.market.ramp),
            JobsError::NotDrawnYet
        );
        Ok(())
    }

    /// Checks, then locks the collateral and starts the run window.
    pub fn handle(
        &mut self,
        spec: &[u8; 32],
        units_limit: u64,
        price: u64,
        now: i64,
        slot: u64,
    ) -> Result<()> {
        self.validate(spec, units_limit, price, now, slot)?;
        let collateral = self.job.collateral_due(&self.market)?;
        let run = fits(self.market.run_window(units_limit))?;
        self.ledger.lock_capped(collateral)?;
        self.ledger.open_job()?;
        let job = &mut *self.job;
        job.node = *self.node.address();
        job.collateral = collateral;
        job.accepted_at = now;
        job.enter(JobState::Accepted, slot, run)?;
        self.job.tell(self.job.address(), collateral);
        Ok(())
    }
}

//! `give_up_job`: a node that cannot finish says so, and pays the less the sooner it does.

use crate::error::JobsError;
use crate::state::{Job, JobState, Ledger, Market};
use anchor_lang::prelude::*;
use lode_program::ReadOnly;
use lode_staking::state::Node;

/// Accounts of `give_up_job`.
#[derive(Accounts)]
pub struct GiveUpJob {
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
    /// The node's ledger of this market; bound by its stored keys.
    #[account(mut, constraint = anchor_lang::address_eq(&ledger.party, &job.node) && anchor_lang::address_eq(&ledger.market, &job.market) @ JobsError::ForeignAccount)]
    pub ledger: Account<Ledger>,
    /// The customer's ledger.
    #[account(mut, address = job.customer @ JobsError::ForeignAccount)]
    pub customer: Account<Ledger>,
}

impl GiveUpJob {
    /// Checks, then forfeits a part of `late` and ends the attempt.
    pub fn handle(&mut self, slot: u64) -> Result<()> {
        require!(
            self.job.state == JobState::Accepted as u8,
            JobsError::IllegalTransition
        );
        self.job.require_open_window(&self.market, slot)?;
        let forfeit = self.job.giving_up(&self.market, slot)?;
        self.job.end_attempt(
            &self.market,
            &mut self.ledger,
            &mut self.customer,
            forfeit,
            0,
            slot,
        )?;
        self.job.tell(self.job.address(), forfeit);
        Ok(())
    }
}

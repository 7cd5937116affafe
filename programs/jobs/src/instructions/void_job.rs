//! `void_job`: nobody sealed a result in a day, or not even the whole committee decided: everyone has his money back.

use super::named_ledger;
use crate::error::JobsError;
use crate::state::{Job, JobState, Ledger, Market};
use anchor_lang::prelude::*;
use lode_program::ReadOnly;

/// Accounts of `void_job`.
#[derive(Accounts)]
pub struct VoidJob {
    /// Anyone; earns the crank slice.
    #[account(mut)]
    pub crank: UncheckedAccount,
    /// The job's market.
    #[account(address = job.market @ JobsError::ForeignAccount)]
    pub market: ReadOnly<Market>,
    /// The job: any account of this program and type is one.
    #[account(mut)]
    pub job: Account<Job>,
    /// The customer's ledger. He may be the challenger too.
    #[account(mut, unsafe(dup), address = job.customer @ JobsError::ForeignAccount)]
    pub customer: Account<Ledger>,
    /// The node's ledger of this market; bound by its stored keys.
    #[account(mut, constraint = anchor_lang::address_eq(&ledger.party, &job.node) && anchor_lang::address_eq(&ledger.market, &job.market) @ JobsError::ForeignAccount)]
    pub ledger: Account<Ledger>,
    /// The challenger's ledger, iff the job names one: bound in `handle`.
    #[account(mut, unsafe(dup))]
    pub challenger: Option<UncheckedAccount>,
}

impl VoidJob {
    fn validate(&self, slot: u64) -> Result<()> {
        require!(
            self.job.can_transition_to(JobState::Voided),
            JobsError::IllegalTransition
        );
        if self.job.state == JobState::Sealed as u8 {
            require!(self.job.is_checked(), JobsError::NotDrawn);
            require!(
                self.job.panel == self.job.eligible,
                JobsError::EscalateFirst
            );
        }
        self.job.require_over(&self.market, slot)
    }

    /// Checks, marks the silent, then returns escrow, collateral and bond.
    pub fn handle(&mut self, slot: u64) -> Result<()> {
        self.validate(slot)?;
        let (escrow, collateral) = (self.job.escrow(&self.market)?, self.job.collateral);
        self.customer.unlock(escrow, escrow)?;
        self.customer.close_job()?;
        self.ledger.unlock(collateral, collateral)?;
        self.ledger.close_job()?;
        let bond = self.job.challenge_bond(&self.market)?;
        named_ledger(
            &mut self.customer,
            self.challenger.as_ref(),
            &self.job.challenger,
            |ledger| ledger.unlock(bond, bond),
        )?;
        // Who appeals is never here: an appeal ends with a verdict.
        let job = &mut *self.job;
        job.mark_silent();
        job.enter(JobState::Voided, slot, self.market.retention())?;
        self.job.tell(self.job.address(), 0);
        super::pay_crank(&mut self.job, &self.crank)
    }
}

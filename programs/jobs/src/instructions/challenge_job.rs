//! `challenge_job`: whoever believes that a result or a verdict is wrong says so, with money.

use crate::error::JobsError;
use crate::state::{flag, Job, JobState, Ledger, Market};
use anchor_lang::prelude::*;
use lode_program::ReadOnly;

/// Accounts of `challenge_job`.
#[derive(Accounts)]
pub struct ChallengeJob {
    /// The wallet of the ledger. Anyone: also the customer, also whoever challenged before.
    pub wallet: Signer,
    /// The job's market.
    #[account(address = job.market @ JobsError::ForeignAccount)]
    pub market: ReadOnly<Market>,
    /// The job: any account of this program and type is one.
    #[account(mut)]
    pub job: Account<Job>,
    /// The wallet's ledger of this market, which the bond is locked in; bound by its stored keys.
    #[account(mut, constraint = anchor_lang::address_eq(&ledger.market, &job.market) @ JobsError::ForeignAccount, constraint = anchor_lang::address_eq(&ledger.authority, wallet.address()) @ JobsError::NotLedgerAuthority)]
    pub ledger: Account<Ledger>,
}

impl ChallengeJob {
    fn validate(&self, slot: u64) -> Result<()> {
        require!(
            self.job.state == JobState::Attested as u8,
            JobsError::IllegalTransition
        );
        self.ledger.require_wallet()?;
        require!(!self.job.has(flag::FINAL), JobsError::NotChallengeable);
        self.job.require_open_window(&self.market, slot)
    }

    /// Checks, locks the bond, then asks the panel that the seal drew, or all where a panel has spoken.
    pub fn handle(&mut self, slot: u64) -> Result<()> {
        self.validate(slot)?;
        let ledger = *self.ledger.address();
        let window = self.market.attest_window;
        let job = &mut *self.job;
        let bond = if job.is_checked() {
            job.appellant = ledger;
            job.first_verdict = job.verdict;
            job.panel = job.eligible;
            job.enter(JobState::Challenged, slot, window)?;
            job.appeal_bond()?
        } else {
            // the panel was fixed by the seal, before anyone knew whether it would be asked
            job.challenger = ledger;
            job.verdict = 0;
            job.panel = job.drawn;
            job.enter(JobState::Sealed, slot, window)?;
            job.challenge_bond(&self.market)?
        };
        self.ledger.lock(bond)?;
        self.job.tell(self.job.address(), bond);
        Ok(())
    }
}

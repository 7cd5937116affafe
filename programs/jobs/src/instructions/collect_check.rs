//! `collect_check`: a seat that signed the final verdict earns its share of what the job owes for checks.

use crate::constants::*;
use crate::error::JobsError;
use crate::event::CheckCollected;
use crate::state::{add, Job, JobState, Ledger, Market};
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use lode_oracle::state::Committee;
use lode_program::{tell, ReadOnly};

/// Accounts of `collect_check`.
#[derive(Accounts)]
pub struct CollectCheck {
    /// The job's market.
    #[account(address = job.market @ JobsError::ForeignAccount)]
    pub market: ReadOnly<Market>,
    /// The market's committee.
    #[account(address = market.committee @ JobsError::ForeignAccount)]
    pub committee: ReadOnly<Committee>,
    /// The job: any account of this program and type is one.
    #[account(mut)]
    pub job: Account<Job>,
    /// The ledger of the seat's owner in this market: bound to him in `handle`, which knows the seat.
    #[account(mut, constraint = anchor_lang::address_eq(&ledger.market, &job.market) @ JobsError::ForeignAccount)]
    pub ledger: Account<Ledger>,
}

impl CollectCheck {
    /// Checks, then books the share as credits of the seat's owner. Nobody signs: the money has one way to go.
    pub fn handle(&mut self, number: u8) -> Result<()> {
        require!(
            self.committee.version == SISTER_VERSION,
            JobsError::UnknownVersion
        );
        require!(
            self.job.state == JobState::Settled as u8 || self.job.state == JobState::Failed as u8,
            JobsError::IllegalTransition
        );
        // The oracle program's error would be read as another one of this program's.
        let seat = self.committee.seat(number);
        let seat = seat.map_err(|_| JobsError::NothingToCollect)?;
        // A seat that was freed since is nobody's, or another's who signed nothing here.
        require!(
            seat.is_eligible(self.job.submitted_at),
            JobsError::NothingToCollect
        );
        self.ledger.require_wallet()?;
        require!(
            address_eq(&self.ledger.party, &seat.owner),
            JobsError::ForeignAccount
        );
        let bit = 1u32 << number;
        let signers = self
            .job
            .verdict()
            .map_or(0, |verdict| self.job.signers(verdict));
        require!(
            bit & signers & !self.job.collected != 0,
            JobsError::NothingToCollect
        );
        let due = self.job.checks_due(&self.market)?;
        // at least one seat signed: never divided by zero
        let share = due
            .checked_div(u64::from(signers.count_ones()))
            .ok_or(JobsError::Overflow)?;
        self.job.collected |= bit;
        self.ledger.credits = add(self.ledger.credits, share)?;
        tell(CheckCollected {
            job: *self.job.address(),
            ledger: *self.ledger.address(),
            share,
            seat: u64::from(number),
        });
        Ok(())
    }
}

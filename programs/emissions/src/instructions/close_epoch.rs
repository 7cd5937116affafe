//! `close_epoch`: an epoch whose claims are over returns its rent. Anyone may: nothing but rent is in it.

use crate::error::EmissionsError;
use crate::event::EpochClosed;
use crate::state::{Epoch, Schedule};
use anchor_lang::prelude::*;
use lode_program::{tell, ReadOnly};

/// Accounts of `close_epoch`.
#[derive(Accounts)]
pub struct CloseEpoch {
    /// The schedule: the clock. Of this program and type there is only one.
    pub schedule: ReadOnly<Schedule>,
    /// The epoch: any account of this program and type is one.
    #[account(mut, close = payer)]
    pub epoch: Account<Epoch>,
    /// Who paid its rent.
    #[account(mut, address = epoch.payer @ EmissionsError::WrongPayer)]
    pub payer: UncheckedAccount,
}

impl CloseEpoch {
    /// Checks; the account closes as the instruction ends.
    pub fn handle(&mut self, now: i64) -> Result<()> {
        require!(
            self.schedule.is_over(self.epoch.index, now),
            EmissionsError::ClaimsRunning
        );
        require!(self.epoch.open_shares == 0, EmissionsError::SharesOpen);
        tell(EpochClosed {
            epoch: self.epoch.index,
            amount: self.epoch.amount,
            claimed: self.epoch.claimed()?,
        });
        Ok(())
    }
}

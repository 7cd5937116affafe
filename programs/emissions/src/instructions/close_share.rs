//! `close_share`: a share of which nothing is left to claim returns its rent. Anyone may: nothing but rent is in it.

use crate::error::EmissionsError;
use crate::event::ShareClosed;
use crate::state::{Epoch, Schedule, Share};
use anchor_lang::prelude::*;
use lode_program::{tell, ReadOnly};

/// Accounts of `close_share`.
#[derive(Accounts)]
pub struct CloseShare {
    /// The schedule: the clock. Of this program and type there is only one.
    pub schedule: ReadOnly<Schedule>,
    /// The epoch of the share.
    #[account(mut, constraint = epoch.index == share.epoch @ EmissionsError::ForeignAccount)]
    pub epoch: Account<Epoch>,
    /// The share: any account of this program and type is one.
    #[account(mut, close = payer)]
    pub share: Account<Share>,
    /// Who paid its rent.
    #[account(mut, address = share.payer @ EmissionsError::WrongPayer)]
    pub payer: UncheckedAccount,
}

impl CloseShare {
    /// Checks; the account closes as the instruction ends. It cannot come back: its epoch is not recorded any more.
    pub fn handle(&mut self, now: i64) -> Result<()> {
        require!(
            self.share.is_claimed() || self.schedule.is_over(self.share.epoch, now),
            EmissionsError::StillClaimable
        );
        self.epoch.open_shares = self
            .epoch
            .open_shares
            .checked_sub(1)
            .ok_or(EmissionsError::Overflow)?;
        tell(ShareClosed {
            node: self.share.node,
            epoch: self.share.epoch,
        });
        Ok(())
    }
}

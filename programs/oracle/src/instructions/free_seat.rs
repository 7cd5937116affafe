//! `free_seat`: 14 days after a service ended anyone frees the seat, whether the bond can go home or not. There are 32 of
//! them, and a committee holds for ever: an owner whose token account takes nothing would keep one as long as he likes.

use crate::error::OracleError;
use crate::event::SeatChanged;
use crate::state::{Committee, Oracle};
use anchor_lang::prelude::*;
use lode_program::tell;

/// Accounts of `free_seat`.
#[derive(Accounts)]
pub struct FreeSeat {
    /// The committee of the membership.
    #[account(mut, address = oracle.committee @ OracleError::ForeignAccount)]
    pub committee: Account<Committee>,
    /// The membership; bound to its committee by the stored key. Its bond stays in its vault until `withdraw_bond`.
    #[account(mut, constraint = oracle.is_seated() @ OracleError::NotSeated)]
    pub oracle: Account<Oracle>,
}

impl FreeSeat {
    /// Checks, then frees the seat. Until the bond is gone its owner cannot be admitted again.
    pub fn handle(&mut self, now: i64) -> Result<()> {
        self.oracle.require_answered(now)?;
        let seat = self.oracle.seat;
        self.committee.free(seat)?;
        self.oracle.state = Oracle::FREED;
        tell(SeatChanged::freed(*self.committee.address(), seat));
        Ok(())
    }
}

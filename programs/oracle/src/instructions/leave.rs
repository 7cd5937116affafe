//! `leave`: an oracle serves one more day and is free of new duties.

use crate::constants::*;
use crate::error::OracleError;
use crate::event::SeatChanged;
use crate::state::{Committee, Oracle};
use anchor_lang::prelude::*;
use lode_program::tell;

/// Accounts of `leave` and of `set_attester`: a seated owner and his seat.
#[derive(Accounts)]
pub struct Leave {
    /// The oracle's owner.
    pub owner: Signer,
    /// The committee of the membership.
    #[account(mut, address = oracle.committee @ OracleError::ForeignAccount)]
    pub committee: Account<Committee>,
    /// The membership; bound to owner and committee by its stored keys.
    #[account(mut, constraint = anchor_lang::address_eq(&oracle.owner, owner.address()) @ OracleError::ForeignAccount)]
    pub oracle: Account<Oracle>,
}

/// Moves the end of a seat's service to `at`, never to later.
pub(crate) fn end_service(
    committee: &mut Account<Committee>,
    oracle: &mut Account<Oracle>,
    at: i64,
) -> Result<()> {
    require!(oracle.is_seated(), OracleError::NotSeated);
    let address = *committee.address();
    let seat = committee.seat_mut(oracle.seat)?;
    seat.leave(at);
    oracle.left_at = seat.left_at;
    tell(SeatChanged {
        committee: address,
        owner: seat.owner,
        attester: seat.attester,
        active_from: seat.active_from,
        left_at: seat.left_at,
        seat: u64::from(oracle.seat),
    });
    Ok(())
}

impl Leave {
    /// Ends the service in a day.
    pub fn handle(&mut self, now: i64) -> Result<()> {
        let at = now.checked_add(LEAVE_NOTICE).ok_or(OracleError::Overflow)?;
        end_service(&mut self.committee, &mut self.oracle, at)
    }
}

//! `set_attester`: an oracle changes its signing key. No draw changes by it: seats are drawn, and the seat's current
//! key is checked.

use super::join::require_attester;
use crate::error::OracleError;
use crate::event::SeatChanged;
use crate::state::{Committee, Oracle};
use anchor_lang::prelude::*;
use lode_program::{tell, ReadOnly};

/// Accounts of `set_attester`.
#[derive(Accounts)]
pub struct SetAttester {
    /// The oracle's owner.
    pub owner: Signer,
    /// The committee of the membership.
    #[account(mut, address = oracle.committee @ OracleError::ForeignAccount)]
    pub committee: Account<Committee>,
    /// The membership; bound to owner and committee by its stored keys.
    #[account(constraint = anchor_lang::address_eq(&oracle.owner, owner.address()) @ OracleError::ForeignAccount)]
    pub oracle: ReadOnly<Oracle>,
}

impl SetAttester {
    /// Checks, then writes the key.
    pub fn handle(&mut self, attester: Address) -> Result<()> {
        require_attester(&attester, self.owner.address())?;
        require!(self.oracle.is_seated(), OracleError::NotSeated);
        let (number, committee) = (self.oracle.seat, *self.committee.address());
        let seat = self.committee.seat_mut(number)?;
        seat.attester = attester;
        tell(SeatChanged {
            committee,
            owner: seat.owner,
            attester,
            active_from: seat.active_from,
            left_at: seat.left_at,
            seat: u64::from(number),
        });
        Ok(())
    }
}

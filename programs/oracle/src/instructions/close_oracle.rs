//! `close_oracle`: a membership without a bond is closed, its rent returned. Anyone may: nothing but rent is in it.

use crate::error::OracleError;
use crate::event::OracleClosed;
use crate::state::Oracle;
use anchor_lang::prelude::*;
use lode_program::tell;

/// Accounts of `close_oracle`.
#[derive(Accounts)]
pub struct CloseOracle {
    /// The membership: any account of this program and type is one.
    #[account(mut, close = payer)]
    pub oracle: Account<Oracle>,
    /// Who paid its rent.
    #[account(mut, address = oracle.payer @ OracleError::WrongPayer)]
    pub payer: UncheckedAccount,
}

impl CloseOracle {
    /// Checks; the account closes as the instruction ends. There is no vault any more: the bond took it along.
    pub fn handle(&mut self, now: i64) -> Result<()> {
        require!(!self.oracle.has_bond(), OracleError::StillSeated);
        require!(
            now >= self.oracle.admitted_until,
            OracleError::AdmissionRuns
        );
        tell(OracleClosed {
            committee: self.oracle.committee,
            owner: self.oracle.owner,
        });
        Ok(())
    }
}

//! `retire_oracle`: the governor ends a service, with 14 days' notice: no seat vanishes under a running job.

use super::leave::end_service;
use crate::constants::*;
use crate::error::OracleError;
use crate::state::{Committee, Oracle};
use anchor_lang::prelude::*;

/// Accounts of `retire_oracle`.
#[derive(Accounts)]
pub struct RetireOracle {
    /// The committee's governor.
    pub governor: Signer,
    /// The committee; bound to its governor by the stored key.
    #[account(mut, constraint = anchor_lang::address_eq(&committee.governor, governor.address()) @ OracleError::NotGovernor)]
    pub committee: Account<Committee>,
    /// A membership of this committee.
    #[account(mut, constraint = anchor_lang::address_eq(&oracle.committee, committee.address()) @ OracleError::ForeignAccount)]
    pub oracle: Account<Oracle>,
}

impl RetireOracle {
    /// Ends the service in 14 days.
    pub fn handle(&mut self, now: i64) -> Result<()> {
        let at = now
            .checked_add(RETIRE_NOTICE)
            .ok_or(OracleError::Overflow)?;
        end_service(&mut self.committee, &mut self.oracle, at)
    }
}

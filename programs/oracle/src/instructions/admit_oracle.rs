//! `admit_oracle`: the governor lets a wallet join, within 30 days.

use crate::constants::*;
use crate::error::OracleError;
use crate::event::OracleAdmitted;
use crate::state::{Committee, Oracle};
use anchor_lang::prelude::*;
use lode_program::{tell, ReadOnly};

/// Accounts of `admit_oracle`.
#[derive(Accounts)]
#[instruction(owner: Address)]
pub struct AdmitOracle {
    /// The committee's governor; pays the rent.
    #[account(mut)]
    pub governor: Signer,
    /// The committee; bound to its governor by the stored key.
    #[account(constraint = anchor_lang::address_eq(&committee.governor, governor.address()) @ OracleError::NotGovernor)]
    pub committee: ReadOnly<Committee>,
    /// The membership, opened the first time, renewed after that.
    #[account(init_if_needed, payer = governor, space = 8 + core::mem::size_of::<Oracle>(), seeds = [ORACLE_SEED, committee.address().as_ref(), owner.as_ref()], bump)]
    pub oracle: Account<Oracle>,
    /// The system program.
    pub system_program: Program<System>,
}

impl AdmitOracle {
    /// Checks, then writes the admission.
    pub fn handle(&mut self, bump: u8, owner: Address, now: i64) -> Result<()> {
        require!(!self.oracle.has_bond(), OracleError::AlreadySeated);
        let until = now.checked_add(ADMISSION).ok_or(OracleError::Overflow)?;
        let (committee, payer) = (*self.committee.address(), *self.governor.address());
        let oracle = &mut *self.oracle;
        if oracle.version == 0 {
            oracle.version = VERSION;
            oracle.bump = bump;
            oracle.committee = committee;
            oracle.owner = owner;
            oracle.payer = payer;
        }
        oracle.admitted_until = until;
        tell(OracleAdmitted {
            committee,
            owner,
            until,
        });
        Ok(())
    }
}

//! `create_committee`: anyone founds a committee, and names who may join it in the first day.

use crate::constants::*;
use crate::error::OracleError;
use crate::event::CommitteeCreated;
use crate::state::{Committee, CommitteeArgs};
use anchor_lang::prelude::*;
use anchor_spl::token_interface::Mint;
use lode_program::tell;

/// Accounts of `create_committee`.
#[derive(Accounts)]
#[instruction(args: CommitteeArgs)]
pub struct CreateCommittee {
    /// Anyone; pays the rent.
    #[account(mut)]
    pub creator: Signer,
    /// The new committee.
    #[account(init, payer = creator, space = 8 + core::mem::size_of::<Committee>(), seeds = [COMMITTEE_SEED, creator.address().as_ref(), &args.id.to_le_bytes()], bump)]
    pub committee: Account<Committee>,
    /// Mint of the bonds, of either token program.
    pub bond_mint: InterfaceAccount<Mint>,
    /// The system program.
    pub system_program: Program<System>,
}

impl CreateCommittee {
    fn validate(&self) -> Result<()> {
        let mint = self.bond_mint.account();
        require!(
            lode_token::is_plain_mint(mint.owner(), &mint.try_borrow()?),
            OracleError::MintNotPlain
        );
        require!(
            !lode_token::NATIVE_MINTS.contains(self.bond_mint.address()),
            OracleError::NativeMint
        );
        Ok(())
    }

    /// Checks, then writes the committee.
    pub fn handle(
        &mut self,
        bump: u8,
        args: &CommitteeArgs,
        founders: &[Address],
        now: i64,
    ) -> Result<()> {
        self.validate()?;
        let (creator, bond_mint) = (*self.creator.address(), *self.bond_mint.address());
        let committee = &mut *self.committee;
        committee.version = VERSION;
        committee.bump = bump;
        committee.creator = creator;
        committee.bond_mint = bond_mint;
        let founding_until = now.checked_add(FOUNDING).ok_or(OracleError::Overflow)?;
        committee.reserve(founders, founding_until)?;
        committee.set(args)?;
        tell(CommitteeCreated {
            committee: *self.committee.address(),
            governor: args.governor,
            bond_mint,
            minimum_bond: args.minimum_bond,
        });
        Ok(())
    }
}

//! `add_bond`: a bond grows.

use crate::constants::*;
use crate::error::OracleError;
use crate::event::BondChanged;
use crate::state::{Committee, Oracle};
use anchor_lang::accounts::Interface;
use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};
use lode_program::{tell, ReadOnly};

/// Accounts of `add_bond`.
#[derive(Accounts)]
pub struct AddBond {
    /// The oracle's owner.
    pub owner: Signer,
    /// The committee of the membership.
    #[account(address = oracle.committee @ OracleError::ForeignAccount)]
    pub committee: ReadOnly<Committee>,
    /// The membership; bound to owner and committee by its stored keys. Seated, so that it has a vault.
    #[account(mut, constraint = anchor_lang::address_eq(&oracle.owner, owner.address()) @ OracleError::ForeignAccount, constraint = oracle.is_seated() @ OracleError::NotSeated)]
    pub oracle: Account<Oracle>,
    /// The bond's vault: a token account that only `join` makes, so its address says all.
    #[account(mut, seeds = [BOND_SEED, oracle.address().as_ref()], bump = oracle.vault_bump)]
    pub vault: UncheckedAccount,
    /// Where the money comes from; the token program demands the owner's authority over it.
    #[account(mut)]
    pub from: InterfaceAccount<TokenAccount>,
    /// The bond mint.
    #[account(address = committee.bond_mint @ OracleError::WrongMint)]
    pub mint: InterfaceAccount<Mint>,
    /// The mint's token program; the transfer fails under any other.
    pub token_program: Interface<'static, TokenInterface>,
}

impl AddBond {
    /// Checks, books, then moves the money.
    pub fn handle(&mut self, amount: u64) -> Result<()> {
        let bond = self
            .oracle
            .bond
            .checked_add(amount)
            .ok_or(OracleError::Overflow)?;
        self.oracle.bond = bond;
        lode_token::transfer_checked(
            self.token_program.address(),
            self.from.account(),
            self.mint.account(),
            self.vault.account(),
            self.owner.account(),
            amount,
            self.mint.decimals(),
            &[],
        );
        tell(BondChanged {
            oracle: *self.oracle.address(),
            bond,
        });
        Ok(())
    }
}

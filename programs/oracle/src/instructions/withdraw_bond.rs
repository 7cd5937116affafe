//! `withdraw_bond`: 14 days after the service ended, the bond goes home and the seat is freed. Only then: until then a
//! bit of a job's masks means this owner and nobody else. The vault is closed with it: whatever anybody else sent there
//! is burned, so that no gift keeps it open. Where the bond can go nowhere, `free_seat` frees the seat alone.

use crate::constants::*;
use crate::error::OracleError;
use crate::event::{BondChanged, SeatChanged};
use crate::state::{Committee, Oracle};
use anchor_lang::accounts::Interface;
use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};
use lode_program::tell;

/// Accounts of `withdraw_bond`.
#[derive(Accounts)]
pub struct WithdrawBond {
    /// The oracle's owner; gets the vault's rent. Need not sign, so that no lost key keeps a seat: see `validate`.
    #[account(mut)]
    pub owner: UncheckedAccount,
    /// The committee of the membership.
    #[account(mut, address = oracle.committee @ OracleError::ForeignAccount)]
    pub committee: Account<Committee>,
    /// The membership; bound to owner and committee by its stored keys. With a bond, so that it has a vault.
    #[account(mut, constraint = anchor_lang::address_eq(&oracle.owner, owner.address()) @ OracleError::ForeignAccount, constraint = oracle.has_bond() @ OracleError::NotSeated)]
    pub oracle: Account<Oracle>,
    /// The bond's vault: a token account that only `join` makes, so its address says all.
    #[account(mut, seeds = [BOND_SEED, oracle.address().as_ref()], bump = oracle.vault_bump)]
    pub vault: UncheckedAccount,
    /// A token account of the owner's.
    #[account(mut, constraint = anchor_lang::address_eq(to.owner(), owner.address()) @ OracleError::WrongDestination)]
    pub to: InterfaceAccount<TokenAccount>,
    /// The bond mint; its supply falls by what is burned.
    #[account(mut, address = committee.bond_mint @ OracleError::WrongMint)]
    pub mint: InterfaceAccount<Mint>,
    /// The mint's token program; the transfer fails under any other.
    pub token_program: Interface<'static, TokenInterface>,
}

impl WithdrawBond {
    /// The bond answers for nothing any more, and goes where the owner says, or, where he says nothing, to his associated
    /// account.
    fn validate(&self, now: i64) -> Result<()> {
        require!(
            self.owner.account().is_signer()
                || lode_token::is_associated(
                    self.to.address(),
                    self.owner.address(),
                    self.mint.address(),
                    self.token_program.address(),
                ),
            OracleError::WrongDestination
        );
        self.oracle.require_answered(now)
    }

    /// Checks, frees the seat, if that is not done, then moves the money.
    pub fn handle(&mut self, now: i64) -> Result<()> {
        self.validate(now)?;
        let (committee, owner, bump) = (
            *self.committee.address(),
            *self.owner.address(),
            [self.oracle.bump],
        );
        let (amount, number) = (self.oracle.bond, self.oracle.seat);
        let surplus = lode_token::amount(&self.vault.account().try_borrow()?)
            .and_then(|held| held.checked_sub(amount))
            .ok_or(OracleError::Overflow)?;
        // a seat that was freed may be another's by now
        if self.oracle.is_seated() {
            self.committee.free(number)?;
            tell(SeatChanged::freed(committee, number));
        }
        self.oracle.state = Oracle::ADMITTED;
        self.oracle.seat = 0;
        self.oracle.bond = 0;
        let signer: &[&[u8]; 4] = &[ORACLE_SEED, committee.as_ref(), owner.as_ref(), &bump];
        lode_token::transfer_checked(
            self.token_program.address(),
            self.vault.account(),
            self.mint.account(),
            self.to.account(),
            self.oracle.account(),
            amount,
            self.mint.decimals(),
            signer,
        );
        if surplus > 0 {
            lode_token::burn(
                self.token_program.address(),
                self.vault.account(),
                self.mint.account(),
                self.oracle.account(),
                surplus,
                signer,
            );
        }
        lode_token::close_account(
            self.token_program.address(),
            self.vault.account(),
            self.owner.account(),
            self.oracle.account(),
            signer,
        );
        tell(BondChanged {
            oracle: *self.oracle.address(),
            bond: 0,
        });
        Ok(())
    }
}

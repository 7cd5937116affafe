//! `withdraw`: a ledger's authority takes available money home. Never paused.

use crate::constants::*;
use crate::error::JobsError;
use crate::event::Moved;
use crate::state::{Ledger, Market};
use anchor_lang::accounts::Interface;
use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};
use lode_program::{tell, ReadOnly};

/// Accounts of `withdraw`.
#[derive(Accounts)]
pub struct Withdraw {
    /// The ledger's authority: the wallet, or the node's owner. A worker's key moves no money.
    pub authority: Signer,
    /// The market of the ledger.
    #[account(address = ledger.market @ JobsError::ForeignAccount)]
    pub market: ReadOnly<Market>,
    /// The ledger; bound to its authority by the stored key.
    #[account(mut, constraint = anchor_lang::address_eq(&ledger.authority, authority.address()) @ JobsError::NotLedgerAuthority)]
    pub ledger: Account<Ledger>,
    /// The market's vault.
    #[account(mut, seeds = [VAULT_SEED, market.address().as_ref()], bump = market.vault_bump)]
    pub vault: InterfaceAccount<TokenAccount>,
    /// A token account of the authority's.
    #[account(mut, constraint = anchor_lang::address_eq(to.owner(), authority.address()) @ JobsError::WrongDestination)]
    pub to: InterfaceAccount<TokenAccount>,
    /// The payment mint.
    #[account(address = market.mint @ JobsError::WrongMint)]
    pub mint: InterfaceAccount<Mint>,
    /// The mint's token program; the transfer fails under any other.
    pub token_program: Interface<'static, TokenInterface>,
}

impl Withdraw {
    /// Books, then moves the money.
    pub fn handle(&mut self, amount: u64) -> Result<()> {
        let available = self
            .ledger
            .available
            .checked_sub(amount)
            .ok_or(JobsError::InsufficientFunds)?;
        self.ledger.available = available;
        let (authority, id, bump) = (
            self.market.authority,
            self.market.id.to_le_bytes(),
            [self.market.bump],
        );
        lode_token::transfer_checked(
            self.token_program.address(),
            self.vault.account(),
            self.mint.account(),
            self.to.account(),
            self.market.account(),
            amount,
            self.mint.decimals(),
            &[MARKET_SEED, authority.as_ref(), &id, &bump],
        );
        tell(Moved {
            ledger: *self.ledger.address(),
            deposited: 0,
            withdrawn: amount,
            available,
        });
        Ok(())
    }
}

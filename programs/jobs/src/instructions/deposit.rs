//! `deposit`: anyone puts money into a ledger; it is its authority's from then on.

use crate::constants::*;
use crate::error::JobsError;
use crate::event::Moved;
use crate::state::{add, Ledger, Market};
use anchor_lang::accounts::Interface;
use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};
use lode_program::{tell, ReadOnly};

/// Accounts of `deposit`.
#[derive(Accounts)]
pub struct Deposit {
    /// Whose money it is until now.
    pub wallet: Signer,
    /// The market of the ledger.
    #[account(address = ledger.market @ JobsError::ForeignAccount)]
    pub market: ReadOnly<Market>,
    /// The ledger: any account of this program and type is one.
    #[account(mut)]
    pub ledger: Account<Ledger>,
    /// The market's vault.
    #[account(mut, seeds = [VAULT_SEED, market.address().as_ref()], bump = market.vault_bump)]
    pub vault: InterfaceAccount<TokenAccount>,
    /// Where the money comes from; the token program demands the wallet's authority over it.
    #[account(mut)]
    pub from: InterfaceAccount<TokenAccount>,
    /// The payment mint.
    #[account(address = market.mint @ JobsError::WrongMint)]
    pub mint: InterfaceAccount<Mint>,
    /// The mint's token program; the transfer fails under any other.
    pub token_program: Interface<'static, TokenInterface>,
}

impl Deposit {
    /// Books, then moves the money.
    pub fn handle(&mut self, amount: u64) -> Result<()> {
        let available = add(self.ledger.available, amount)?;
        self.ledger.available = available;
        lode_token::transfer_checked(
            self.token_program.address(),
            self.from.account(),
            self.mint.account(),
            self.vault.account(),
            self.wallet.account(),
            amount,
            self.mint.decimals(),
            &[],
        );
        tell(Moved {
            ledger: *self.ledger.address(),
            deposited: amount,
            withdrawn: 0,
            available,
        });
        Ok(())
    }
}

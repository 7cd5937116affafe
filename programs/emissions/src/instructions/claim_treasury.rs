//! `claim_treasury`: the treasury's share of what was claimed for work is minted to its owner. Anyone may call it, as
//! often as more is due: the money has one way to go.

use crate::error::EmissionsError;
use crate::event::TreasuryClaimed;
use crate::instructions::mint::mint_to;
use crate::state::{Epoch, Schedule};
use anchor_lang::accounts::Interface;
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};
use lode_program::tell;

/// Accounts of `claim_treasury`.
#[derive(Accounts)]
pub struct ClaimTreasury {
    /// The schedule. Of this program and type there is only one.
    #[account(mut)]
    pub schedule: Account<Schedule>,
    /// The epoch: any account of this program and type is one.
    #[account(mut)]
    pub epoch: Account<Epoch>,
    /// The treasury owner's associated account of the mint: its address is derived in `validate`.
    #[account(mut)]
    pub to: InterfaceAccount<TokenAccount>,
    /// The mint.
    #[account(mut, address = schedule.mint @ EmissionsError::WrongMint)]
    pub mint: InterfaceAccount<Mint>,
    /// The mint's authority: it signs by its seeds, and the token program refuses any other address.
    pub mint_authority: UncheckedAccount,
    /// The mint's token program; the mint fails under any other.
    pub token_program: Interface<'static, TokenInterface>,
}

impl ClaimTreasury {
    fn validate(&self, now: i64) -> Result<()> {
        self.epoch.require_claims(&self.schedule, now)?;
        let owner = &self.schedule.treasury_owner;
        require!(
            address_eq(self.to.owner(), owner)
                && lode_token::is_associated(
                    self.to.address(),
                    owner,
                    self.mint.address(),
                    self.token_program.address()
                ),
            EmissionsError::WrongDestination
        );
        Ok(())
    }

    /// Checks, books, then mints; nothing where nothing is due.
    pub fn handle(&mut self, now: i64) -> Result<()> {
        self.validate(now)?;
        let amount = self.epoch.treasury_due()?;
        if amount == 0 {
            return Ok(());
        }
        self.epoch.treasury_claimed = self
            .epoch
            .treasury_claimed
            .checked_add(amount)
            .ok_or(EmissionsError::Overflow)?;
        self.epoch.invariant()?;
        self.schedule.mint(amount)?;
        mint_to(
            &self.schedule,
            self.token_program.address(),
            self.mint.account(),
            self.to.account(),
            self.mint_authority.account(),
            amount,
        );
        tell(TreasuryClaimed {
            to: *self.to.address(),
            epoch: self.epoch.index,
            amount,
        });
        Ok(())
    }
}

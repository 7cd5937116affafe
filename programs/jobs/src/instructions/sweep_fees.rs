//! `sweep_fees`: what a ledger owes onward goes where the terms said: to the burn, the treasury, the market, the checks.

use crate::constants::*;
use crate::error::JobsError;
use crate::event::FeesSwept;
use crate::state::{add, JobsConfig, Ledger, Market};
use anchor_lang::accounts::Interface;
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};
use lode_program::{tell, ReadOnly};

/// Accounts of `sweep_fees`.
#[derive(Accounts)]
pub struct SweepFees {
    /// The configuration: the treasury's owner. Of this program and type there is only one.
    pub config: ReadOnly<JobsConfig>,
    /// The market of the ledger.
    #[account(mut, address = ledger.market @ JobsError::ForeignAccount)]
    pub market: Account<Market>,
    /// The ledger that owes: any account of this program and type is one.
    #[account(mut)]
    pub ledger: Account<Ledger>,
    /// The market's vault.
    #[account(mut, seeds = [VAULT_SEED, market.address().as_ref()], bump = market.vault_bump)]
    pub vault: InterfaceAccount<TokenAccount>,
    /// The payment mint; its supply falls by what is burned.
    #[account(mut, address = market.mint @ JobsError::WrongMint)]
    pub mint: InterfaceAccount<Mint>,
    /// The treasury owner's associated account, while it is the owner's: token accounts can be given away. Without it
    /// the treasury's share stays owed.
    #[account(mut)]
    pub treasury: Option<InterfaceAccount<TokenAccount>>,
    /// The ledger of the market's authority; without it the market's share stays owed.
    #[account(mut)]
    pub market_ledger: Option<Account<Ledger>>,
    /// The mint's token program; transfer and burn fail under any other.
    pub token_program: Interface<'static, TokenInterface>,
}

impl SweepFees {
    fn validate(&self) -> Result<()> {
        if let Some(treasury) = &self.treasury {
            let owner = &self.config.treasury_owner;
            require!(
                address_eq(treasury.owner(), owner)
                    && lode_token::is_associated(
                        treasury.address(),
                        owner,
                        self.mint.address(),
                        self.token_program.address(),
                    ),
                JobsError::WrongDestination
            );
        }
        if let Some(ledger) = &self.market_ledger {
            require!(
                address_eq(&ledger.market, self.market.address())
                    && address_eq(&ledger.party, &self.market.authority),
                JobsError::ForeignAccount
            );
        }
        Ok(())
    }

    /// Checks, books, then moves. Whoever leaves an account out only leaves its part owed. Nobody signs.
    pub fn handle(&mut self) -> Result<()> {
        self.validate()?;
        let ledger = &mut *self.ledger;
        let burned = core::mem::take(&mut ledger.burn_owed);
        let checks = core::mem::take(&mut ledger.checks_owed);
        let treasury = match self.treasury {
            Some(_) => core::mem::take(&mut ledger.fees_owed),
            None => 0,
        };
        let fees = match &mut self.market_ledger {
            Some(own) => {
                let fees = core::mem::take(&mut ledger.market_owed);
                own.available = add(own.available, fees)?;
                fees
            }
            None => 0,
        };
        self.market.check_pool = add(self.market.check_pool, checks)?;

        let (authority, id, bump) = (
            self.market.authority,
            self.market.id.to_le_bytes(),
            [self.market.bump],
        );
        let signer: &[&[u8]; 4] = &[MARKET_SEED, authority.as_ref(), &id, &bump];
        if let (Some(to), true) = (&self.treasury, treasury > 0) {
            lode_token::transfer_checked(
                self.token_program.address(),
                self.vault.account(),
                self.mint.account(),
                to.account(),
                self.market.account(),
                treasury,
                self.mint.decimals(),
                signer,
            );
        }
        if burned > 0 {
            lode_token::burn(
                self.token_program.address(),
                self.vault.account(),
                self.mint.account(),
                self.market.account(),
                burned,
                signer,
            );
        }
        tell(FeesSwept {
            market: *self.market.address(),
            ledger: *self.ledger.address(),
            burned,
            treasury,
            fees,
            checks,
        });
        Ok(())
    }
}

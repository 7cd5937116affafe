//! `create_market`: anyone offers terms, and a committee that agrees to them; they hold for ever.

use crate::constants::*;
use crate::error::JobsError;
use crate::event::MarketChanged;
use crate::state::{JobsConfig, Market, MarketArgs};
use anchor_lang::accounts::Interface;
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use anchor_spl::token;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};
use lode_oracle::state::Committee;
use lode_program::{tell, ReadOnly};

/// Accounts of `create_market`.
#[derive(Accounts)]
#[instruction(args: MarketArgs)]
pub struct CreateMarket {
    /// Anyone; earns the market fee, pays the rents.
    #[account(mut, unsafe(dup))]
    pub authority: Signer,
    /// The committee's governor: a committee serves only markets it agreed to. May be the authority itself.
    #[account(unsafe(dup))]
    pub governor: Signer,
    /// The configuration: not paused.
    #[account(seeds = [CONFIG_SEED], bump = config.bump)]
    pub config: ReadOnly<JobsConfig>,
    /// The committee; bound to its governor by the stored key.
    #[account(constraint = anchor_lang::address_eq(&committee.governor, governor.address()) @ JobsError::CommitteeDisagrees)]
    pub committee: ReadOnly<Committee>,
    /// The new market.
    #[account(init, payer = authority, space = 8 + core::mem::size_of::<Market>(), seeds = [MARKET_SEED, authority.address().as_ref(), &args.id.to_le_bytes()], bump)]
    pub market: Account<Market>,
    /// The market's vault, owned by the market.
    #[account(init, payer = authority, seeds = [VAULT_SEED, market.address().as_ref()], bump, token::mint = mint, token::authority = market, token::token_program = token_program)]
    pub vault: InterfaceAccount<TokenAccount>,
    /// The payment mint, of either token program, not the native one.
    pub mint: InterfaceAccount<Mint>,
    /// The mint's token program; the vault's creation fails under any other.
    pub token_program: Interface<'static, TokenInterface>,
    /// The system program.
    pub system_program: Program<System>,
}

impl CreateMarket {
    fn validate(&self, now: i64) -> Result<()> {
        self.config.require_running(now)?;
        require!(
            self.committee.version == SISTER_VERSION,
            JobsError::UnknownVersion
        );
        let mint = self.mint.account();
        require!(
            !lode_token::NATIVE_MINTS
                .iter()
                .any(|native| address_eq(mint.address(), native))
                && lode_token::is_plain_mint(mint.owner(), &mint.try_borrow()?),
            JobsError::MintNotAccepted
        );
        Ok(())
    }

    /// Checks, then writes the market.
    pub fn handle(&mut self, bump: u8, vault_bump: u8, args: &MarketArgs, now: i64) -> Result<()> {
        self.validate(now)?;
        let (authority, mint, committee) = (
            *self.authority.address(),
            *self.mint.address(),
            *self.committee.address(),
        );
        let market = &mut *self.market;
        market.version = VERSION;
        market.bump = bump;
        market.vault_bump = vault_bump;
        market.authority = authority;
        market.payer = authority;
        market.mint = mint;
        market.committee = committee;
        market.set(args, &self.committee)?;
        market.set_open(true);
        tell(MarketChanged {
            market: *self.market.address(),
            authority,
            committee,
            open: 1,
        });
        Ok(())
    }
}

//! `stake`: anyone puts stake on a node; the owner's own stake goes the same way.

use crate::constants::*;
use crate::error::StakingError;
use crate::event::Staked;
use crate::state::{Delegation, Node, StakingConfig};
use anchor_lang::accounts::Interface;
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};

/// Accounts of `stake`.
#[derive(Accounts)]
pub struct Stake {
    /// The wallet that stakes; pays the delegation's rent the first time.
    #[account(mut)]
    pub wallet: Signer,
    /// The configuration: not paused, ratio, mint. Of this program and type there is only one.
    pub config: Account<StakingConfig>,
    /// The node: any account of this program and type is one.
    #[account(mut)]
    pub node: Account<Node>,
    /// The wallet's delegation on this node, opened the first time.
    #[account(init_if_needed, payer = wallet, space = 8 + core::mem::size_of::<Delegation>(), seeds = [DELEGATION_SEED, node.address().as_ref(), wallet.address().as_ref()], bump)]
    pub delegation: Account<Delegation>,
    /// The node's vault.
    #[account(mut, address = node.vault @ StakingError::ForeignAccount)]
    pub vault: InterfaceAccount<TokenAccount>,
    /// Where the stake comes from; the token program demands the wallet's authority over it.
    #[account(mut)]
    pub from: InterfaceAccount<TokenAccount>,
    /// The stake mint.
    #[account(address = config.stake_mint @ StakingError::WrongMint)]
    pub mint: InterfaceAccount<Mint>,
    /// The mint's token program; the transfer fails under any other.
    pub token_program: Interface<'static, TokenInterface>,
    /// The system program.
    pub system_program: Program<System>,
}

impl Stake {
    fn validate(&self, now: i64) -> Result<()> {
        self.config.require_running(now)?;
        self.node.require_open()
    }

    /// Checks, moves the tokens, then books the shares.
    pub fn handle(&mut self, bump: u8, amount: u64, now: i64) -> Result<()> {
        self.validate(now)?;
        let (wallet, node) = (*self.wallet.address(), *self.node.address());
        let is_own = address_eq(&self.node.owner, &wallet);
        self.node.flow(now)?;
        if self.delegation.version == 0 {
            self.delegation.open(bump, node, wallet, wallet);
            self.node.add_child()?;
        }
        self.delegation.book(&self.node)?;
        let shares = self.node.add_stake(amount, is_own)?;
        require!(
            is_own || self.node.ratio_holds(&self.config)?,
            StakingError::RatioExceeded
        );
        self.delegation.add_shares(shares)?;
        lode_token::transfer_checked(
            self.token_program.address(),
            self.from.cpi_handle(),
            self.mint.cpi_handle(),
            self.vault.cpi_handle(),
            self.wallet.cpi_handle(),
            amount,
            self.mint.decimals(),
            &[],
        );
        emit!(Staked {
            node,
            owner: wallet,
            amount,
            shares,
        });
        Ok(())
    }
}

//! `stake`: anyone puts stake on a node; the owner's own stake goes the same way.

use crate::constants::*;
use crate::error::StakingError;
use crate::event::Staked;
use crate::state::{Delegation, Node, StakingConfig};
use anchor_lang::accounts::Interface;
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use anchor_spl::token_interface::TokenInterface;
use lode_program::{bump_of, create, tell, CpiSeed, ReadOnly};

/// Accounts of `stake`.
#[derive(Accounts)]
pub struct Stake {
    /// The wallet that stakes; pays the delegation's rent the first time.
    #[account(mut)]
    pub wallet: Signer,
    /// The configuration: not paused, ratio, mint. Of this program and type there is only one.
    pub config: ReadOnly<StakingConfig>,
    /// The node: any account of this program and type is one.
    #[account(mut)]
    pub node: Account<Node>,
    /// The wallet's delegation on this node, opened the first time.
    // The handler checks its stored keys, or its address where it is new; the seeds here are for the IDL.
    #[cfg_attr(not(feature = "idl-build"), account(mut))]
    #[cfg_attr(feature = "idl-build", account(mut, seeds = [DELEGATION_SEED, node.address().as_ref(), wallet.address().as_ref()], bump))]
    pub delegation: UncheckedAccount,
    /// The node's vault.
    #[account(mut, address = node.vault @ StakingError::ForeignAccount)]
    pub vault: UncheckedAccount,
    /// Where the stake comes from; the token program demands the wallet's authority over it.
    #[account(mut)]
    pub from: UncheckedAccount,
    /// The stake mint.
    #[account(address = config.stake_mint @ StakingError::WrongMint)]
    pub mint: UncheckedAccount,
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

    /// The wallet's delegation on this node: bound by its stored keys, or else created.
    fn delegation(&mut self) -> Result<Account<Delegation>> {
        let view = *self.delegation.account();
        let (wallet, node) = (self.wallet.address(), self.node.address());
        if view.owned_by(&crate::ID) {
            // SAFETY: a writable account that is passed twice is refused, so nothing else refers to its data.
            let delegation = unsafe { Account::<Delegation>::load_mut(view) }?;
            require!(
                address_eq(&delegation.node, node) && address_eq(&delegation.owner, wallet),
                StakingError::ForeignAccount
            );
            return Ok(delegation);
        }
        let bump = bump_of(
            [DELEGATION_SEED, node.as_ref(), wallet.as_ref()],
            &crate::ID,
            view.address(),
        )?;
        let mut delegation = create::<Delegation>(
            self.wallet.account(),
            &view,
            0,
            &[
                CpiSeed::from(DELEGATION_SEED),
                CpiSeed::from(node.as_array()),
                CpiSeed::from(wallet.as_array()),
                CpiSeed::from(&[bump]),
            ],
        )?;
        delegation.open(bump, *node, *wallet, *wallet);
        self.node.add_child()?;
        Ok(delegation)
    }

    /// Checks, books the shares, then moves the tokens.
    pub fn handle(&mut self, amount: u64, now: i64) -> Result<()> {
        self.node.require_current()?;
        self.validate(now)?;
        let is_own = address_eq(&self.node.owner, self.wallet.address());
        self.node.flow(now)?;
        let mut delegation = self.delegation()?;
        delegation.book(&self.node)?;
        let shares = self.node.add_stake(amount, is_own)?;
        require!(
            is_own || self.node.ratio_holds(&self.config)?,
            StakingError::RatioExceeded
        );
        delegation.add_shares(shares)?;
        let decimals = lode_token::decimals(&self.mint.account().try_borrow()?);
        lode_token::transfer_checked(
            self.token_program.address(),
            self.from.account(),
            self.mint.account(),
            self.vault.account(),
            self.wallet.account(),
            amount,
            decimals,
            &[],
        );
        tell(Staked {
            node: *self.node.address(),
            owner: *self.wallet.address(),
            amount,
            shares,
        });
        Ok(())
    }
}

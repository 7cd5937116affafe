//! `withdraw`: a ticket is paid to its wallet at release. Anyone may call it: the money has one way to go.

use crate::constants::*;
use crate::error::StakingError;
use crate::event::Withdrawn;
use crate::state::{Delegation, Node, StakingConfig, Unbonding};
use anchor_lang::accounts::Interface;
use anchor_lang::prelude::*;
use anchor_spl::associated_token::get_associated_token_address_with_program_id;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};

/// Accounts of `withdraw`.
#[derive(Accounts)]
pub struct Withdraw {
    /// The configuration: the mint.
    #[account(seeds = [CONFIG_SEED], bump = config.bump)]
    pub config: Account<StakingConfig>,
    /// The ticket; its rent goes back to its payer.
    #[account(mut, close = payer)]
    pub ticket: Account<Unbonding>,
    /// Who paid the ticket's rent.
    #[account(mut, address = ticket.payer @ StakingError::WrongPayer)]
    pub payer: UncheckedAccount,
    /// The node of the ticket.
    #[account(mut, address = ticket.node @ StakingError::ForeignAccount)]
    pub node: Account<Node>,
    /// The delegation of the ticket.
    #[account(mut, address = ticket.delegation @ StakingError::ForeignAccount)]
    pub delegation: Account<Delegation>,
    /// The node's vault.
    #[account(mut, seeds = [VAULT_SEED, node.address().as_ref()], bump = node.vault_bump)]
    pub vault: InterfaceAccount<TokenAccount>,
    /// The wallet's associated token account of the stake mint: its address is derived in `validate`.
    #[account(mut)]
    pub to: InterfaceAccount<TokenAccount>,
    /// The stake mint.
    #[account(address = config.stake_mint @ StakingError::WrongMint)]
    pub mint: InterfaceAccount<Mint>,
    /// The mint's token program; the transfer fails under any other.
    pub token_program: Interface<'static, TokenInterface>,
}

impl Withdraw {
    fn validate(&self, now: i64) -> Result<()> {
        require!(
            now >= self.ticket.release_at,
            StakingError::UnbondingNotOver
        );
        let expected = get_associated_token_address_with_program_id(
            &self.ticket.owner,
            self.mint.address(),
            self.token_program.address(),
        );
        // The address alone is not enough: an associated account can be given away.
        require!(
            self.to.address() == &expected && self.to.owner() == &self.ticket.owner,
            StakingError::WrongDestination
        );
        Ok(())
    }

    /// Checks, books the shares out, then moves the tokens.
    pub fn handle(&mut self, now: i64) -> Result<()> {
        self.validate(now)?;
        let (node_at, wallet, shares) =
            (*self.node.address(), self.ticket.owner, self.ticket.shares);
        let amount = self.node.redeem(shares)?;
        let one_less = |count: u32| count.checked_sub(1).ok_or(StakingError::Overflow);
        self.node.open_children = one_less(self.node.open_children)?;
        self.delegation.open_tickets = one_less(self.delegation.open_tickets)?;
        let (owner, index, bump) = (
            self.node.owner,
            self.node.index.to_le_bytes(),
            [self.node.bump],
        );
        lode_token::transfer_checked(
            self.token_program.address(),
            self.vault.cpi_handle(),
            self.mint.cpi_handle(),
            self.to.cpi_handle(),
            self.node.cpi_handle(),
            amount,
            self.mint.decimals(),
            &[&[NODE_SEED, owner.as_ref(), &index, &bump]],
        );
        emit!(Withdrawn {
            node: node_at,
            owner: wallet,
            amount,
            shares,
        });
        Ok(())
    }
}

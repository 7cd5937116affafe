//! `close_node`: the last one out returns the rents. What is left in the vault - commission, rewards that found no
//! shares, dust - is the operator's.

use super::vault::{pay, require_destination};
use crate::constants::*;
use crate::error::StakingError;
use crate::event::NodeClosed;
use crate::state::{Node, StakingConfig};
use anchor_lang::accounts::Interface;
use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};
use lode_program::{tell, ReadOnly};

/// Accounts of `close_node`.
#[derive(Accounts)]
pub struct CloseNode {
    /// The node's owner: a stranger could close it under a job that still runs.
    pub owner: Signer,
    /// The configuration: the mint. Of this program and type there is only one.
    pub config: ReadOnly<StakingConfig>,
    /// The node; bound to its owner by the stored key.
    #[account(mut, close = payer, constraint = anchor_lang::address_eq(&node.owner, owner.address()) @ StakingError::NotOwner)]
    pub node: Account<Node>,
    /// Who paid the rents of node and vault; may be the owner, and only ever receives.
    #[account(mut, unsafe(dup), address = node.payer @ StakingError::WrongPayer)]
    pub payer: UncheckedAccount,
    /// The node's vault.
    #[account(mut, address = node.vault @ StakingError::ForeignAccount)]
    pub vault: InterfaceAccount<TokenAccount>,
    /// The node's payout account, or its owner's associated account: checked in `validate`.
    #[account(mut)]
    pub to: UncheckedAccount,
    /// The stake mint.
    #[account(address = config.stake_mint @ StakingError::WrongMint)]
    pub mint: InterfaceAccount<Mint>,
    /// The mint's token program; transfer and closing fail under any other.
    pub token_program: Interface<'static, TokenInterface>,
}

impl CloseNode {
    fn validate(&self) -> Result<()> {
        require!(self.node.is_exiting(), StakingError::NodeNotExiting);
        require!(self.node.open_children == 0, StakingError::ChildrenOpen);
        require_destination(
            self.to.account(),
            self.owner.address(),
            Some(&self.node.payout),
            self.mint.address(),
            self.token_program.address(),
        )
    }

    /// Checks, empties and closes the vault; the node closes as the instruction ends.
    pub fn handle(&mut self) -> Result<()> {
        self.node.require_current()?;
        self.validate()?;
        let amount = self.vault.amount();
        if amount > 0 {
            pay(
                self.token_program.address(),
                self.vault.account(),
                self.mint.account(),
                self.to.account(),
                &self.node,
                amount,
            )?;
        }
        let (owner, index, bump) = (
            self.node.owner,
            self.node.index.to_le_bytes(),
            [self.node.bump],
        );
        lode_token::close_account(
            self.token_program.address(),
            self.vault.account(),
            self.payer.account(),
            self.node.account(),
            &[NODE_SEED, owner.as_ref(), &index, &bump],
        );
        tell(NodeClosed {
            node: *self.node.address(),
            owner,
            amount,
        });
        Ok(())
    }
}

//! `withdraw`: a ticket is paid to its wallet at release. Anyone may call it: the money has one way to go, unless the
//! wallet itself signs and names another.

use super::vault::{pay, require_destination};
use crate::error::StakingError;
use crate::event::Withdrawn;
use crate::state::{Delegation, Node, StakingConfig, Unbonding};
use anchor_lang::accounts::Interface;
use anchor_lang::prelude::*;
use anchor_spl::token_interface::TokenInterface;
use lode_program::{tell, ReadOnly};

/// Accounts of `withdraw`.
#[derive(Accounts)]
pub struct Withdraw {
    /// The configuration: the mint. Of this program and type there is only one.
    pub config: ReadOnly<StakingConfig>,
    /// The ticket; its rent goes back to its payer.
    #[account(mut, close = payer)]
    pub ticket: Account<Unbonding>,
    /// Who paid the ticket's rent; may be the wallet.
    #[account(mut, unsafe(dup), address = ticket.payer @ StakingError::WrongPayer)]
    pub payer: UncheckedAccount,
    /// The node of the ticket.
    #[account(mut, address = ticket.node @ StakingError::ForeignAccount)]
    pub node: Account<Node>,
    /// The delegation of the ticket.
    #[account(mut, address = ticket.delegation @ StakingError::ForeignAccount)]
    pub delegation: Account<Delegation>,
    /// The node's vault.
    #[account(mut, address = node.vault @ StakingError::ForeignAccount)]
    pub vault: UncheckedAccount,
    /// The wallet's associated token account of the stake mint: its address is derived in `validate`. Any token account
    /// where the wallet signs.
    #[account(mut)]
    pub to: UncheckedAccount,
    /// The stake mint.
    #[account(address = config.stake_mint @ StakingError::WrongMint)]
    pub mint: UncheckedAccount,
    /// The mint's token program; the transfer fails under any other.
    pub token_program: Interface<'static, TokenInterface>,
    /// The ticket's wallet, if it says itself where the money goes: an associated account that was given or taken away
    /// must not hold it for ever.
    #[account(address = ticket.owner @ StakingError::NotDelegator)]
    pub wallet: Option<Signer>,
}

impl Withdraw {
    fn validate(&self, now: i64) -> Result<()> {
        require!(
            now >= self.ticket.release_at,
            StakingError::UnbondingNotOver
        );
        if self.wallet.is_some() {
            return Ok(());
        }
        require_destination(
            self.to.account(),
            &self.ticket.owner,
            None,
            self.mint.address(),
            self.token_program.address(),
        )
    }

    /// Checks, books the shares out, then moves the tokens.
    pub fn handle(&mut self, now: i64) -> Result<()> {
        self.node.require_current()?;
        self.validate(now)?;
        let (node_at, wallet, shares) =
            (*self.node.address(), self.ticket.owner, self.ticket.shares);
        let amount = self.node.redeem(shares)?;
        self.node.drop_child()?;
        self.delegation.close_ticket()?;
        pay(
            self.token_program.address(),
            &self.vault,
            &self.mint,
            self.to.account(),
            &self.node,
            amount,
        )?;
        tell(Withdrawn {
            node: node_at,
            owner: wallet,
            amount,
            shares,
        });
        Ok(())
    }
}

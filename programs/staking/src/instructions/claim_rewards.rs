//! `claim_rewards`: a delegation's rewards are paid to its wallet. Anyone may call it: the money has one way to go.

use super::vault::{pay, require_destination};
use crate::error::StakingError;
use crate::event::RewardsClaimed;
use crate::state::{Delegation, Node};
use anchor_lang::accounts::Interface;
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use anchor_spl::token_interface::TokenInterface;
use lode_program::tell;

/// Accounts of `claim_rewards`.
#[derive(Accounts)]
pub struct ClaimRewards {
    /// The node of the delegation.
    #[account(mut, address = delegation.node @ StakingError::ForeignAccount)]
    pub node: Account<Node>,
    /// The delegation: any account of this program and type is one.
    #[account(mut)]
    pub delegation: Account<Delegation>,
    /// The node's vault.
    #[account(mut, address = node.vault @ StakingError::ForeignAccount)]
    pub vault: UncheckedAccount,
    /// The wallet's associated account, or the payout account for the owner's own stake: checked in `validate`.
    #[account(mut)]
    pub to: UncheckedAccount,
    /// The stake mint: the transfer fails under any that is not the vault's.
    pub mint: UncheckedAccount,
    /// The mint's token program; the transfer fails under any other.
    pub token_program: Interface<'static, TokenInterface>,
}

impl ClaimRewards {
    fn validate(&self) -> Result<()> {
        let wallet = &self.delegation.owner;
        require_destination(
            self.to.account(),
            wallet,
            address_eq(wallet, &self.node.owner).then_some(&self.node.payout),
            self.mint.address(),
            self.token_program.address(),
        )
    }

    /// Checks, books the rewards, then pays them. A claim worth nothing moves no checkpoint: else a stranger could
    /// round a small delegation's rewards away by claiming often.
    pub fn handle(&mut self, now: i64) -> Result<()> {
        self.node.require_current()?;
        self.validate()?;
        self.node.flow(now)?;
        let amount = self.delegation.claimable(&self.node)?;
        if amount == 0 {
            return Ok(());
        }
        self.delegation.paid(&self.node);
        self.node.rewards_owed = self
            .node
            .rewards_owed
            .checked_sub(amount)
            .ok_or(StakingError::Overflow)?;
        pay(
            self.token_program.address(),
            &self.vault,
            &self.mint,
            self.to.account(),
            &self.node,
            amount,
        )?;
        tell(RewardsClaimed {
            node: *self.node.address(),
            owner: self.delegation.owner,
            amount,
        });
        Ok(())
    }
}

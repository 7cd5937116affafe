//! `claim_commission`: the operator's part of stake rewards is paid to him. Anyone may call it: the money has one way
//! to go.

use super::vault::{pay, require_destination};
use crate::error::StakingError;
use crate::event::CommissionClaimed;
use crate::state::Node;
use anchor_lang::accounts::Interface;
use anchor_lang::prelude::*;
use anchor_spl::token_interface::TokenInterface;
use lode_program::tell;

/// Accounts of `claim_commission`.
#[derive(Accounts)]
pub struct ClaimCommission {
    /// The node: any account of this program and type is one.
    #[account(mut)]
    pub node: Account<Node>,
    /// The node's vault.
    #[account(mut, address = node.vault @ StakingError::ForeignAccount)]
    pub vault: UncheckedAccount,
    /// The node's payout account, or its owner's associated account: checked in `validate`.
    #[account(mut)]
    pub to: UncheckedAccount,
    /// The stake mint: the transfer fails under any that is not the vault's.
    pub mint: UncheckedAccount,
    /// The mint's token program; the transfer fails under any other.
    pub token_program: Interface<'static, TokenInterface>,
}

impl ClaimCommission {
    fn validate(&self) -> Result<()> {
        require_destination(
            self.to.account(),
            &self.node.owner,
            Some(&self.node.payout),
            self.mint.address(),
            self.token_program.address(),
        )
    }

    /// Checks, books, then pays.
    pub fn handle(&mut self, now: i64) -> Result<()> {
        self.node.require_current()?;
        self.validate()?;
        // without active shares the stream is the operator's
        self.node.flow(now)?;
        let amount = self.node.commission_owed;
        if amount == 0 {
            return Ok(());
        }
        self.node.commission_owed = 0;
        pay(
            self.token_program.address(),
            &self.vault,
            &self.mint,
            self.to.account(),
            &self.node,
            amount,
        )?;
        tell(CommissionClaimed {
            node: *self.node.address(),
            amount,
        });
        Ok(())
    }
}

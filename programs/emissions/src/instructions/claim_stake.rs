//! `claim_stake`: the reward for stake is minted into the node's vault, where `staking::sweep_rewards` finds it. Anyone
//! may call it: the money has one way to go.

use crate::constants::SISTER_VERSION;
use crate::error::EmissionsError;
use crate::event::StakeClaimed;
use crate::instructions::mint::mint_to;
use crate::state::{Epoch, Schedule, Share};
use anchor_lang::accounts::Interface;
use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};
use lode_program::{tell, ReadOnly};
use lode_staking::state::Node;

/// Accounts of `claim_stake`.
#[derive(Accounts)]
pub struct ClaimStake {
    /// The schedule. Of this program and type there is only one.
    #[account(mut)]
    pub schedule: Account<Schedule>,
    /// The epoch of the share.
    #[account(mut, constraint = epoch.index == share.epoch @ EmissionsError::ForeignAccount)]
    pub epoch: Account<Epoch>,
    /// The share: any account of this program and type is one.
    #[account(mut)]
    pub share: Account<Share>,
    /// The node of the share. One that was closed takes nothing: its share lapses.
    #[account(address = share.node @ EmissionsError::ForeignAccount)]
    pub node: ReadOnly<Node>,
    /// The node's vault.
    #[account(mut, address = node.vault @ EmissionsError::WrongDestination)]
    pub vault: InterfaceAccount<TokenAccount>,
    /// The mint.
    #[account(mut, address = schedule.mint @ EmissionsError::WrongMint)]
    pub mint: InterfaceAccount<Mint>,
    /// The mint's authority: it signs by its seeds, and the token program refuses any other address.
    pub mint_authority: UncheckedAccount,
    /// The mint's token program; the mint fails under any other.
    pub token_program: Interface<'static, TokenInterface>,
}

impl ClaimStake {
    fn validate(&self, now: i64) -> Result<()> {
        self.epoch.require_claims(&self.schedule, now)?;
        require!(
            self.node.version == SISTER_VERSION,
            EmissionsError::UnknownVersion
        );
        Ok(())
    }

    /// Checks, books, then mints; a claim that was made before mints nothing.
    pub fn handle(&mut self, now: i64) -> Result<()> {
        self.validate(now)?;
        let amount = self
            .share
            .claim_stake(&mut self.epoch, &mut self.schedule)?;
        if amount == 0 {
            return Ok(());
        }
        mint_to(
            &self.schedule,
            self.token_program.address(),
            self.mint.account(),
            self.vault.account(),
            self.mint_authority.account(),
            amount,
        );
        tell(StakeClaimed {
            node: self.share.node,
            epoch: self.share.epoch,
            amount,
        });
        Ok(())
    }
}

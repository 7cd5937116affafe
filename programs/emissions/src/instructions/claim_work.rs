//! `claim_work`: the reward for work is minted to the operator. Anyone may call it: the money has one way to go.

use crate::constants::SISTER_VERSION;
use crate::error::EmissionsError;
use crate::event::WorkClaimed;
use crate::instructions::mint::mint_to;
use crate::state::{Epoch, Schedule, Share};
use anchor_lang::accounts::Interface;
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};
use lode_program::{tell, ReadOnly};
use lode_staking::state::Node;

/// Accounts of `claim_work`.
#[derive(Accounts)]
pub struct ClaimWork {
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
    /// The node's payout account, or its owner's associated account: checked in `validate`.
    #[account(mut)]
    pub to: InterfaceAccount<TokenAccount>,
    /// The mint.
    #[account(mut, address = schedule.mint @ EmissionsError::WrongMint)]
    pub mint: InterfaceAccount<Mint>,
    /// The mint's authority: it signs by its seeds, and the token program refuses any other address.
    pub mint_authority: UncheckedAccount,
    /// The mint's token program; the mint fails under any other.
    pub token_program: Interface<'static, TokenInterface>,
}

impl ClaimWork {
    fn validate(&self, now: i64) -> Result<()> {
        self.epoch.require_claims(&self.schedule, now)?;
        require!(
            self.node.version == SISTER_VERSION,
            EmissionsError::UnknownVersion
        );
        // a payout account is paid only while it is the owner's: token accounts can be given away
        let (to, owner) = (&self.to, &self.node.owner);
        require!(
            address_eq(to.owner(), owner)
                && (address_eq(to.address(), &self.node.payout)
                    || lode_token::is_associated(
                        to.address(),
                        owner,
                        self.mint.address(),
                        self.token_program.address()
                    )),
            EmissionsError::WrongDestination
        );
        Ok(())
    }

    /// Checks, books, then mints; a claim that was made before mints nothing.
    pub fn handle(&mut self, now: i64) -> Result<()> {
        self.validate(now)?;
        let amount = self.share.claim_work(&mut self.epoch, &mut self.schedule)?;
        if amount == 0 {
            return Ok(());
        }
        mint_to(
            &self.schedule,
            self.token_program.address(),
            self.mint.account(),
            self.to.account(),
            self.mint_authority.account(),
            amount,
        );
        tell(WorkClaimed {
            node: self.share.node,
            to: *self.to.address(),
            epoch: self.share.epoch,
            amount,
        });
        Ok(())
    }
}

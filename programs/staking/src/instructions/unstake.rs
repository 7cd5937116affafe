//! `unstake`: shares move to a ticket. Never paused: leaving is always free.

use crate::constants::*;
use crate::error::StakingError;
use crate::event::Unstaked;
use crate::state::{Delegation, Node, StakingConfig, Unbonding};
use anchor_lang::address_eq;
use anchor_lang::prelude::*;

/// Accounts of `unstake`.
#[derive(Accounts)]
pub struct Unstake {
    /// The wallet that owns the delegation; pays the ticket's rent and gets it back.
    #[account(mut)]
    pub wallet: Signer,
    /// The configuration: how long unbonding takes.
    #[account(seeds = [CONFIG_SEED], bump = config.bump)]
    pub config: Account<StakingConfig>,
    /// The node of the delegation.
    #[account(mut, address = delegation.node @ StakingError::ForeignAccount)]
    pub node: Account<Node>,
    /// The delegation; bound to wallet and node by its stored keys.
    #[account(mut, constraint = anchor_lang::address_eq(&delegation.owner, wallet.address()) @ StakingError::NotDelegator)]
    pub delegation: Account<Delegation>,
    /// The new ticket.
    #[account(init, payer = wallet, space = 8 + core::mem::size_of::<Unbonding>(), seeds = [UNBONDING_SEED, delegation.address().as_ref(), &delegation.next_ticket.to_le_bytes()], bump)]
    pub ticket: Account<Unbonding>,
    /// The system program.
    pub system_program: Program<System>,
}

impl Unstake {
    /// Checks, then moves the shares.
    pub fn handle(&mut self, bump: u8, shares: u64, now: i64) -> Result<()> {
        require!(shares > 0, StakingError::AmountTooSmall);
        let (node, wallet) = (*self.node.address(), *self.wallet.address());
        let release_at = now
            .checked_add(self.config.unbonding_seconds)
            .ok_or(StakingError::Overflow)?;
        let is_own = address_eq(&self.node.owner, &wallet);
        self.delegation.active_shares = self
            .delegation
            .active_shares
            .checked_sub(shares)
            .ok_or(StakingError::NotEnoughShares)?;
        self.node.begin_unbonding(shares, is_own)?;
        self.node.open_children = self
            .node
            .open_children
            .checked_add(1)
            .ok_or(StakingError::Overflow)?;
        let delegation_at = *self.delegation.address();
        let delegation = &mut *self.delegation;
        let index = delegation.next_ticket;
        delegation.next_ticket = index.checked_add(1).ok_or(StakingError::Overflow)?;
        delegation.open_tickets = delegation
            .open_tickets
            .checked_add(1)
            .ok_or(StakingError::Overflow)?;
        let ticket = &mut *self.ticket;
        ticket.version = VERSION;
        ticket.bump = bump;
        ticket.index = index;
        ticket.node = node;
        ticket.delegation = delegation_at;
        ticket.owner = wallet;
        ticket.payer = wallet;
        ticket.shares = shares;
        ticket.release_at = release_at;
        emit!(Unstaked {
            node,
            owner: wallet,
            ticket: *self.ticket.address(),
            shares,
            release_at,
        });
        Ok(())
    }
}

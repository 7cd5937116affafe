//! [`Delegation`]: one wallet's stake on one node; the owner's own stake is one too.

use crate::constants::VERSION;
use crate::error::StakingError;
use crate::state::{add, Node};
use anchor_lang::prelude::*;
use lode_math::rewards;

/// Shares and rewards of one wallet on one node. PDA `"delegation", node, owner`.
#[account]
pub struct Delegation {
    /// Layout version, 1.
    pub version: u8,
    /// Always 0.
    pub state: u8,
    /// Bump of the address.
    pub bump: u8,
    /// Reserved, 0.
    pub flags: u8,
    /// Index of the next ticket.
    pub next_ticket: u32,
    /// The node.
    pub node: Address,
    /// The wallet.
    pub owner: Address,
    /// Who paid this account's rent.
    pub payer: Address,
    /// Shares that earn.
    pub active_shares: u64,
    /// The node's reward per share when rewards were last booked here, Q64.64, low half.
    pub checkpoint_low: u64,
    /// High half.
    pub checkpoint_high: u64,
    /// Rewards booked and not yet claimed, base units.
    pub rewards_pending: u64,
    /// Tickets that are open.
    pub open_tickets: u32,
    /// Padding, 0.
    pub padding: [u8; 4],
    /// Reserved, 0.
    pub reserved: [u8; 32],
}

impl Delegation {
    /// Begins a delegation; it earns from the node's present reward per share on.
    pub fn open(&mut self, bump: u8, node: Address, owner: Address, payer: Address) {
        self.version = VERSION;
        self.bump = bump;
        self.node = node;
        self.owner = owner;
        self.payer = payer;
    }

    /// Reward per share of the node when rewards were last booked here, Q64.64.
    pub fn checkpoint(&self) -> u128 {
        u128::from(self.checkpoint_high) << 64 | u128::from(self.checkpoint_low)
    }

    /// Rewards that could be claimed if they were booked now, base units. The node's stream has flowed before.
    pub fn claimable(&self, node: &Node) -> Result<u64> {
        rewards::earned(
            self.active_shares,
            self.checkpoint(),
            node.reward_per_share(),
        )
        .and_then(|earned| lode_math::wide::add(earned, self.rewards_pending))
        .ok_or(StakingError::Overflow.into())
    }

    /// Books the rewards up to now: before every change of the shares.
    pub fn book(&mut self, node: &Node) -> Result<()> {
        self.rewards_pending = self.claimable(node)?;
        self.check(node);
        Ok(())
    }

    /// All that could be claimed is paid.
    pub fn paid(&mut self, node: &Node) {
        self.rewards_pending = 0;
        self.check(node);
    }

    /// From here on it earns anew.
    fn check(&mut self, node: &Node) {
        self.checkpoint_low = node.reward_per_share_low;
        self.checkpoint_high = node.reward_per_share_high;
    }

    /// `shares` were bought, or came back from a ticket.
    pub fn add_shares(&mut self, shares: u64) -> Result<()> {
        self.active_shares = add(self.active_shares, shares)?;
        Ok(())
    }

    /// A ticket takes `shares`; returns the ticket's index.
    pub fn open_ticket(&mut self, shares: u64) -> Result<u32> {
        require!(shares > 0, StakingError::AmountTooSmall);
        self.active_shares = self
            .active_shares
            .checked_sub(shares)
            .ok_or(StakingError::NotEnoughShares)?;
        let one_more = |count: u32| count.checked_add(1).ok_or(StakingError::Overflow);
        let index = self.next_ticket;
        self.next_ticket = one_more(index)?;
        self.open_tickets = one_more(self.open_tickets)?;
        Ok(index)
    }

    /// A ticket is closed.
    pub fn close_ticket(&mut self) -> Result<()> {
        self.open_tickets = self
            .open_tickets
            .checked_sub(1)
            .ok_or(StakingError::Overflow)?;
        Ok(())
    }

    /// Nothing hangs on it any more: no shares, no tickets, no rewards.
    pub fn require_empty(&self) -> Result<()> {
        require!(
            self.active_shares == 0 && self.open_tickets == 0,
            StakingError::StillStaked
        );
        require!(self.rewards_pending == 0, StakingError::RewardsUnclaimed);
        Ok(())
    }
}

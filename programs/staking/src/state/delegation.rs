//! [`Delegation`]: one wallet's stake on one node; the owner's own stake is one too.

use anchor_lang::prelude::*;

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

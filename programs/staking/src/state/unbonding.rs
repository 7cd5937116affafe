//! [`Unbonding`]: a ticket; shares that wait for their release.

use crate::constants::VERSION;
use crate::error::StakingError;
use crate::state::{Delegation, Node};
use anchor_lang::prelude::*;

/// Shares on their way out. A slash reaches them like all others. PDA `"unbonding", delegation, index`.
#[account]
pub struct Unbonding {
    /// Layout version, 1.
    pub version: u8,
    /// Always 0.
    pub state: u8,
    /// Bump of the address.
    pub bump: u8,
    /// Reserved, 0.
    pub flags: u8,
    /// Which ticket of the delegation this is.
    pub index: u32,
    /// The node.
    pub node: Address,
    /// The delegation.
    pub delegation: Address,
    /// The wallet that will be paid.
    pub owner: Address,
    /// Who paid this account's rent.
    pub payer: Address,
    /// Shares.
    pub shares: u64,
    /// May be withdrawn from this unix second on; fixed when the ticket is made.
    pub release_at: i64,
    /// Reserved, 0.
    pub reserved: [u8; 32],
}

impl Unbonding {
    /// Fills a new ticket of `delegation` with `shares` of it: how `unstake` and `force_unstake` both begin the way
    /// out. Rewards are booked first; the release time is fixed here.
    #[allow(clippy::too_many_arguments)]
    pub fn open(
        &mut self,
        bump: u8,
        node: &mut Node,
        delegation: &mut Delegation,
        delegation_at: &Address,
        payer: &Address,
        shares: u64,
        unbonding_seconds: i64,
        now: i64,
    ) -> Result<()> {
        node.flow(now)?;
        delegation.book(node)?;
        self.version = VERSION;
        self.bump = bump;
        self.index = delegation.open_ticket(shares)?;
        self.node = delegation.node;
        self.delegation = *delegation_at;
        self.owner = delegation.owner;
        self.payer = *payer;
        self.shares = shares;
        self.release_at = now
            .checked_add(unbonding_seconds)
            .ok_or(StakingError::Overflow)?;
        node.begin_unbonding(
            shares,
            anchor_lang::address_eq(&node.owner, &delegation.owner),
        )?;
        node.add_child()
    }
}

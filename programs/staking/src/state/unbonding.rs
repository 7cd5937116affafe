//! [`Unbonding`]: a ticket; shares that wait for their release.

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

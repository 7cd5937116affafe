//! [`Work`]: what a node earned in points, for `emissions` to read.

use super::add;
use anchor_lang::prelude::*;

/// Points of the current and of the previous epoch: one per base unit of burn fee in the emission mint. The whole
/// account is frozen.
///
/// PDA `"work", node`. Opened with a node's first ledger.
#[account]
pub struct Work {
    /// Layout version, 1.
    pub version: u8,
    /// Always 0.
    pub state: u8,
    /// Bump of the address.
    pub bump: u8,
    /// Reserved, 0.
    pub flags: u8,
    /// Padding, 0.
    pub padding: [u8; 4],
    /// The node.
    pub node: Address,
    /// Who paid this account's rent.
    pub payer: Address,
    /// Epoch of `points`.
    pub epoch: u64,
    /// Points of that epoch.
    pub points: u64,
    /// Points of the epoch before it.
    pub previous: u64,
    /// Reserved, 0.
    pub reserved: [u8; 32],
}

impl Work {
    /// Nothing of it can be recorded any more: it holds no points, or the last ones are two epochs old.
    pub fn is_stale(&self, epoch: Option<u64>) -> bool {
        self.points | self.previous == 0
            || epoch.is_some_and(|epoch| epoch >= self.epoch.saturating_add(2))
    }

    /// Adds points earned in `epoch`; a settlement in a new epoch moves current to previous.
    pub fn earn(&mut self, epoch: u64, points: u64) -> Result<()> {
        if epoch != self.epoch {
            self.previous = if self.epoch.checked_add(1) == Some(epoch) {
                self.points
            } else {
                0
            };
            self.points = 0;
            self.epoch = epoch;
        }
        self.points = add(self.points, points)?;
        Ok(())
    }
}

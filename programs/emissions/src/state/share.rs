//! [`Share`]: a node's part of an epoch.

use crate::constants::VERSION;
use crate::error::EmissionsError;
use crate::state::{Epoch, Schedule};
use anchor_lang::prelude::*;

/// Bits of [`Share::flags`]: what was claimed, be it nothing.
pub mod claimed {
    /// The reward for work.
    pub const WORK: u8 = 1;
    /// The reward for stake.
    pub const STAKE: u8 = 2;
    /// Both.
    pub const ALL: u8 = WORK | STAKE;
}

/// A node's part of an epoch.
///
/// PDA `"share", node, epoch`. Opened by `record`, for whose payer it is closed.
#[account]
pub struct Share {
    /// Layout version, 1.
    pub version: u8,
    /// Always 0.
    pub state: u8,
    /// Bump of the address.
    pub bump: u8,
    /// What was claimed: see [`claimed`].
    pub flags: u8,
    /// Padding, 0.
    pub padding: [u8; 4],
    /// The node.
    pub node: Address,
    /// Who paid this account's rent.
    pub payer: Address,
    /// Index of the epoch.
    pub epoch: u64,
    /// The node's points of that epoch.
    pub points: u64,
    /// Its active stake when it was recorded, base units.
    pub stake: u64,
    /// Minted for its work, base units.
    pub work_claimed: u64,
    /// Minted for its stake, base units.
    pub stake_claimed: u64,
    /// Reserved, 0.
    pub reserved: [u8; 32],
}

impl Share {
    /// Opens the account.
    pub fn open(
        &mut self,
        bump: u8,
        node: Address,
        payer: Address,
        epoch: u64,
        points: u64,
        stake: u64,
    ) {
        self.version = VERSION;
        self.bump = bump;
        self.node = node;
        self.payer = payer;
        self.epoch = epoch;
        self.points = points;
        self.stake = stake;
    }

    /// Both rewards were claimed.
    pub fn is_claimed(&self) -> bool {
        self.flags & claimed::ALL == claimed::ALL
    }

    /// Books the reward for work and returns it; 0 where it was claimed before.
    pub fn claim_work(&mut self, epoch: &mut Epoch, schedule: &mut Schedule) -> Result<u64> {
        if self.flags & claimed::WORK != 0 {
            return Ok(0);
        }
        let amount = epoch.work_of(self.points)?;
        self.flags |= claimed::WORK;
        self.work_claimed = amount;
        epoch.work_claimed = epoch
            .work_claimed
            .checked_add(amount)
            .ok_or(EmissionsError::Overflow)?;
        epoch.invariant()?;
        schedule.mint(amount)?;
        Ok(amount)
    }

    /// Books the reward for stake and returns it; 0 where it was claimed before.
    pub fn claim_stake(&mut self, epoch: &mut Epoch, schedule: &mut Schedule) -> Result<u64> {
        if self.flags & claimed::STAKE != 0 {
            return Ok(0);
        }
        let amount = epoch.stake_of(schedule, self.stake, self.points)?;
        self.flags |= claimed::STAKE;
        self.stake_claimed = amount;
        epoch.stake_claimed = epoch
            .stake_claimed
            .checked_add(amount)
            .ok_or(EmissionsError::Overflow)?;
        epoch.invariant()?;
        schedule.mint(amount)?;
        Ok(amount)
    }
}

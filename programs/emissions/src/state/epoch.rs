//! [`Epoch`]: what was recorded of an epoch, and what it mints.

use crate::error::EmissionsError;
use crate::state::Schedule;
use anchor_lang::prelude::*;
use lode_math::emission::{self, Buckets};

use crate::constants::{FINAL_AGE, VERSION};

/// Where an epoch stands.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpochStatus {
    /// Nodes are recorded, or were and nobody has fixed the amount.
    Recording = 0,
    /// The amount is fixed.
    Final = 1,
}

/// An epoch.
///
/// PDA `"epoch", index`. Opened by the first record, for whose payer it is closed.
#[account]
pub struct Epoch {
    /// Layout version, 1.
    pub version: u8,
    /// An [`EpochStatus`].
    pub status: u8,
    /// Bump of the address.
    pub bump: u8,
    /// Reserved, 0.
    pub flags: u8,
    /// Padding, 0.
    pub padding: [u8; 4],
    /// Who paid this account's rent.
    pub payer: Address,
    /// Which epoch: the one that began `index` epochs after genesis.
    pub index: u64,
    /// Points recorded.
    pub points: u64,
    /// Active stake recorded, base units.
    pub stake: u64,
    /// Sum of squared points, low half.
    pub squares_low: u64,
    /// High half.
    pub squares_high: u64,
    /// Nodes recorded.
    pub nodes: u64,
    /// Shares that are open.
    pub open_shares: u64,
    /// Most that the epoch mints, base units; 0 until it is final.
    pub amount: u64,
    /// Of it, for work.
    pub work: u64,
    /// Of it, for stake.
    pub stake_amount: u64,
    /// Of it, for the treasury.
    pub treasury: u64,
    /// Minted for work, base units.
    pub work_claimed: u64,
    /// Minted for stake, base units.
    pub stake_claimed: u64,
    /// Minted for the treasury, base units.
    pub treasury_claimed: u64,
    /// How concentrated work is: the sum of squared shares, basis points; 0 until it is final.
    pub herfindahl: u64,
    /// When it was made final, unix seconds; 0 until then.
    pub finalised_at: i64,
    /// Reserved, 0.
    pub reserved: [u8; 32],
}

impl Epoch {
    /// Opens the account.
    pub fn open(&mut self, bump: u8, index: u64, payer: Address) {
        self.version = VERSION;
        self.bump = bump;
        self.index = index;
        self.payer = payer;
    }

    /// The amount is fixed.
    pub fn is_final(&self) -> bool {
        self.status == EpochStatus::Final as u8
    }

    /// Sum of squared points.
    pub fn squares(&self) -> u128 {
        u128::from(self.squares_high) << 64 | u128::from(self.squares_low)
    }

    /// Everything minted of this epoch, base units.
    pub fn claimed(&self) -> Result<u64> {
        self.work_claimed
            .checked_add(self.stake_claimed)
            .and_then(|sum| sum.checked_add(self.treasury_claimed))
            .ok_or(EmissionsError::Overflow.into())
    }

    /// Adds a node.
    pub fn record(&mut self, points: u64, stake: u64) -> Result<()> {
        let add = |a: u64, b: u64| a.checked_add(b).ok_or(EmissionsError::Overflow);
        let square = u128::from(points) * u128::from(points);
        let squares = self
            .squares()
            .checked_add(square)
            .ok_or(EmissionsError::Overflow)?;
        self.squares_low = squares as u64;
        self.squares_high = (squares >> 64) as u64;
        self.points = add(self.points, points)?;
        self.stake = add(self.stake, stake)?;
        self.nodes = add(self.nodes, 1)?;
        self.open_shares = add(self.open_shares, 1)?;
        Ok(())
    }

    /// Fixes the amount by the schedule, once, when nothing more can be recorded and something may still be claimed.
    pub fn finalise(&mut self, schedule: &mut Schedule, now: i64) -> Result<()> {
        require!(!self.is_final(), EmissionsError::AlreadyFinal);
        require!(
            schedule
                .age(self.index, now)
                .is_some_and(|age| age >= FINAL_AGE),
            EmissionsError::StillRecording
        );
        require!(
            !schedule.is_over(self.index, now),
            EmissionsError::EpochLapsed
        );
        let amount = schedule.finalise(self.index, self.points, now)?;
        let Buckets {
            work,
            stake,
            treasury,
        } = emission::buckets(&schedule.terms(), amount).ok_or(EmissionsError::Overflow)?;
        self.status = EpochStatus::Final as u8;
        self.amount = amount;
        self.work = work;
        self.stake_amount = stake;
        self.treasury = treasury;
        self.herfindahl =
            emission::herfindahl(self.squares(), self.points).ok_or(EmissionsError::Overflow)?;
        self.finalised_at = now;
        Ok(())
    }

    /// Its amount is fixed and may still be claimed.
    pub fn require_claims(&self, schedule: &Schedule, now: i64) -> Result<()> {
        require!(self.is_final(), EmissionsError::NotFinal);
        require!(
            !schedule.is_over(self.index, now),
            EmissionsError::EpochLapsed
        );
        Ok(())
    }

    /// What a node of these points gets for its work.
    pub fn work_of(&self, points: u64) -> Result<u64> {
        emission::work_claim(self.work, points, self.points).ok_or(EmissionsError::Overflow.into())
    }

    /// What a node of that stake and these points gets for its stake.
    pub fn stake_of(&self, schedule: &Schedule, stake: u64, points: u64) -> Result<u64> {
        emission::stake_claim(
            self.stake_amount,
            schedule.terms().c,
            stake,
            self.stake,
            points,
            self.points,
        )
        .ok_or(EmissionsError::Overflow.into())
    }

    /// What the treasury is due now, beyond what it got.
    pub fn treasury_due(&self) -> Result<u64> {
        emission::treasury_due(self.treasury, self.work_claimed, self.work)
            .and_then(|due| due.checked_sub(self.treasury_claimed))
            .ok_or(EmissionsError::Overflow.into())
    }

    /// No bucket pays more than it holds.
    pub fn invariant(&self) -> Result<()> {
        require!(
            self.work_claimed <= self.work
                && self.stake_claimed <= self.stake_amount
                && self.treasury_claimed <= self.treasury,
            EmissionsError::Overflow
        );
        Ok(())
    }
}

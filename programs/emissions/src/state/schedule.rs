//! [`Schedule`]: what is ever minted, fixed when it starts.

use crate::constants::*;
use crate::error::EmissionsError;
use anchor_lang::prelude::*;
use lode_math::emission::{self, Terms, HISTORY};

/// The schedule. It has no governor: nothing here changes but the sums and the treasury's owner.
///
/// PDA `"schedule"`.
#[account]
pub struct Schedule {
    /// Layout version, 1.
    pub version: u8,
    /// Always 0.
    pub state: u8,
    /// Bump of the address.
    pub bump: u8,
    /// Reserved, 0.
    pub flags: u8,
    /// Bump of the mint authority's address.
    pub mint_authority_bump: u8,
    /// Padding, 0.
    pub padding: [u8; 3],
    /// The mint: of stake, of the burn fees that earn points, of what is minted here. Fixed.
    pub mint: Address,
    /// Whose associated account the treasury's share goes to.
    pub treasury_owner: Address,
    /// Who becomes the treasury's owner by accepting; zero for nobody.
    pub pending_treasury_owner: Address,
    /// Who paid this account's rent.
    pub payer: Address,
    /// Most that is finalised in all, base units. Fixed.
    pub cap: u64,
    /// When epoch 0 began, unix seconds. Fixed, copied from `jobs`.
    pub genesis: i64,
    /// Length of an epoch, seconds. Fixed, copied from `jobs`.
    pub epoch_seconds: i64,
    /// Most that an epoch of the first era mints, base units. Fixed.
    pub first_ceiling: u64,
    /// Epochs in an era. Fixed.
    pub era_epochs: u64,
    /// Most that is finalised within the breaker's window, base units. Fixed.
    pub breaker_limit: u64,
    /// The mint's supply when the schedule started, base units: supply = this + claimed - burned.
    pub genesis_supply: u64,
    /// Amounts of all final epochs, base units.
    pub finalised: u64,
    /// What was minted of them, base units.
    pub claimed: u64,
    /// Up to which epoch `breaker` reaches.
    pub breaker_last: u64,
    /// What was finalised during each of the last 32 epochs, base units, by the epoch's index modulo 32.
    pub breaker: [u64; HISTORY],
    /// Share of work, basis points, at least 7 000. Fixed; with the two below 10 000.
    pub work_bps: u16,
    /// Share of stake, basis points, at most 2 000. Fixed.
    pub stake_bps: u16,
    /// Share of the treasury, basis points, at most 1 000. Fixed.
    pub treasury_bps: u16,
    /// Most that an epoch mints of its points, basis points, at most 9 500. Fixed.
    pub theta_bps: u16,
    /// Multiple of its share of work up to which a node's stake counts, basis points, at most 20 000. Fixed.
    pub c_bps: u16,
    /// What the ceiling loses each era, basis points, at most 5 000. Fixed.
    pub decay_bps: u16,
    /// The breaker's window, epochs, at most 32. Fixed.
    pub breaker_epochs: u16,
    /// Padding, 0.
    pub padding_2: [u8; 2],
    /// Reserved, 0.
    pub reserved: [u8; 64],
}

/// What `initialize_schedule` fixes.
#[derive(Clone, Copy, AnchorSerialize, AnchorDeserialize, IdlType)]
pub struct ScheduleArgs {
    /// See [`Schedule::treasury_owner`].
    pub treasury_owner: Address,
    /// See [`Schedule::cap`].
    pub cap: u64,
    /// See [`Schedule::first_ceiling`].
    pub first_ceiling: u64,
    /// See [`Schedule::era_epochs`].
    pub era_epochs: u64,
    /// See [`Schedule::breaker_limit`].
    pub breaker_limit: u64,
    /// See [`Schedule::work_bps`].
    pub work_bps: u16,
    /// See [`Schedule::stake_bps`].
    pub stake_bps: u16,
    /// See [`Schedule::treasury_bps`].
    pub treasury_bps: u16,
    /// See [`Schedule::theta_bps`].
    pub theta_bps: u16,
    /// See [`Schedule::c_bps`].
    pub c_bps: u16,
    /// See [`Schedule::decay_bps`].
    pub decay_bps: u16,
    /// See [`Schedule::breaker_epochs`].
    pub breaker_epochs: u16,
}

impl Schedule {
    /// Sets everything that the arguments fix.
    pub fn set(&mut self, args: &ScheduleArgs) -> Result<()> {
        self.treasury_owner = args.treasury_owner;
        self.cap = args.cap;
        self.first_ceiling = args.first_ceiling;
        self.era_epochs = args.era_epochs;
        self.breaker_limit = args.breaker_limit;
        self.work_bps = args.work_bps;
        self.stake_bps = args.stake_bps;
        self.treasury_bps = args.treasury_bps;
        self.theta_bps = args.theta_bps;
        self.c_bps = args.c_bps;
        self.decay_bps = args.decay_bps;
        self.breaker_epochs = args.breaker_epochs;
        let whole =
            u32::from(self.work_bps) + u32::from(self.stake_bps) + u32::from(self.treasury_bps);
        require!(
            u64::from(whole) == lode_math::BPS
                && self.work_bps >= LEAST_WORK
                && self.stake_bps <= HIGHEST_STAKE
                && self.treasury_bps <= HIGHEST_TREASURY
                && THETA.contains(&self.theta_bps)
                && self.c_bps <= HIGHEST_C
                && self.decay_bps <= HIGHEST_DECAY
                && BREAKER_EPOCHS.contains(&self.breaker_epochs)
                && self.era_epochs > 0
                && self.first_ceiling > 0
                && self.first_ceiling <= self.cap
                && self.first_ceiling <= self.breaker_limit
                && self.treasury_owner != Address::default(),
            EmissionsError::OutOfBounds
        );
        Ok(())
    }

    /// The terms by which amounts and claims are computed.
    pub fn terms(&self) -> Terms {
        Terms {
            work: u64::from(self.work_bps),
            stake: u64::from(self.stake_bps),
            treasury: u64::from(self.treasury_bps),
            theta: u64::from(self.theta_bps),
            c: u64::from(self.c_bps),
        }
    }

    /// The epoch of a time, or `None` before genesis: the clock of `jobs`.
    pub fn epoch(&self, now: i64) -> Option<u64> {
        let since = now.checked_sub(self.genesis)?;
        u64::try_from(since.checked_div_euclid(self.epoch_seconds)?).ok()
    }

    /// How many epochs after `index` the one is that runs; `None` before `index` has begun.
    pub fn age(&self, index: u64, now: i64) -> Option<u64> {
        self.epoch(now)?.checked_sub(index)
    }

    /// Nodes of epoch `index` may be recorded now.
    pub fn require_recording(&self, index: u64, now: i64) -> Result<()> {
        require!(
            self.age(index, now) == Some(RECORD_AGE),
            EmissionsError::NotRecordTime
        );
        Ok(())
    }

    /// The claims of epoch `index` are over.
    pub fn is_over(&self, index: u64, now: i64) -> bool {
        self.age(index, now).is_some_and(|age| age > LAST_CLAIM_AGE)
    }

    /// Fixes and books the amount of epoch `index` with that many points: what theta, ceiling and cap allow, and refused
    /// while the breaker has less room than that, so that nobody can make an epoch final for less than it earned.
    pub fn finalise(&mut self, index: u64, points: u64, now: i64) -> Result<u64> {
        let overflow = EmissionsError::Overflow;
        let current = self.epoch(now).ok_or(EmissionsError::StillRecording)?;
        let ceiling = emission::ceiling(
            self.first_ceiling,
            u64::from(self.decay_bps),
            self.era_epochs,
            index,
        )
        .ok_or(overflow)?;
        let room = self.cap.checked_sub(self.finalised).ok_or(overflow)?;
        let amount = emission::amount(&self.terms(), points, ceiling, room).ok_or(overflow)?;
        let last = emission::breaker_advance(&mut self.breaker, self.breaker_last, current);
        self.breaker_last = last;
        let used = emission::breaker_used(&self.breaker, last, u64::from(self.breaker_epochs));
        require!(
            amount <= self.breaker_limit.saturating_sub(used),
            EmissionsError::BreakerTripped
        );
        emission::breaker_book(&mut self.breaker, last, amount).ok_or(overflow)?;
        self.finalised = self.finalised.checked_add(amount).ok_or(overflow)?;
        self.invariant()?;
        Ok(amount)
    }

    /// Books what is about to be minted.
    pub fn mint(&mut self, amount: u64) -> Result<()> {
        self.claimed = self
            .claimed
            .checked_add(amount)
            .ok_or(EmissionsError::Overflow)?;
        self.invariant()
    }

    /// `claimed <= finalised <= cap`.
    pub fn invariant(&self) -> Result<()> {
        require!(
            self.claimed <= self.finalised && self.finalised <= self.cap,
            EmissionsError::Overflow
        );
        Ok(())
    }
}

//! [`JobsConfig`]: the one configuration of the program.

use crate::constants::*;
use crate::error::JobsError;
use anchor_lang::prelude::*;

/// Keys, the emission mint and its clock. The first 128 bytes of the account are frozen: `emissions` reads them.
///
/// PDA `"config"`.
#[account]
pub struct JobsConfig {
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
    /// May change the treasury's owner, nothing else: markets are immutable.
    pub governor: Address,
    /// Mint whose burn fees earn points. Fixed.
    pub emission_mint: Address,
    /// When epoch 0 began, unix seconds. Fixed.
    pub epoch_genesis: i64,
    /// Length of an epoch, seconds. Fixed.
    pub epoch_seconds: i64,
    /// New exposure is paused before this unix second; 0 if it never was.
    pub paused_until: i64,
    /// Reserved inside the frozen part, 0.
    pub reserved_frozen: [u8; 24],
    /// Owns what burn fees in other mints than the emission mint go to.
    pub treasury_owner: Address,
    /// Who becomes governor by accepting; zero for nobody.
    pub pending_governor: Address,
    /// Who may pause.
    pub guardian: Address,
    /// Who paid this account's rent.
    pub payer: Address,
    /// Who becomes owner of the treasury by accepting; zero for nobody.
    pub pending_treasury_owner: Address,
    /// Reserved, 0.
    pub reserved: [u8; 32],
}

/// What `initialize_config` sets.
#[derive(Clone, Copy, AnchorSerialize, AnchorDeserialize, IdlType)]
pub struct ConfigArgs {
    /// See [`JobsConfig::governor`].
    pub governor: Address,
    /// See [`JobsConfig::guardian`].
    pub guardian: Address,
    /// See [`JobsConfig::treasury_owner`].
    pub treasury_owner: Address,
    /// See [`JobsConfig::epoch_genesis`].
    pub epoch_genesis: i64,
    /// See [`JobsConfig::epoch_seconds`].
    pub epoch_seconds: i64,
}

impl JobsConfig {
    /// Sets everything from the arguments.
    pub fn set(&mut self, args: &ConfigArgs) -> Result<()> {
        self.governor = args.governor;
        self.guardian = args.guardian;
        self.treasury_owner = args.treasury_owner;
        self.epoch_genesis = args.epoch_genesis;
        self.epoch_seconds = args.epoch_seconds;
        require!(
            EPOCH_SECONDS.contains(&self.epoch_seconds) && self.epoch_genesis >= 0,
            JobsError::OutOfBounds
        );
        Ok(())
    }

    /// New exposure is not paused.
    pub fn require_running(&self, now: i64) -> Result<()> {
        require!(now >= self.paused_until, JobsError::Paused);
        Ok(())
    }

    /// The epoch of a time, or `None` before genesis.
    pub fn epoch(&self, now: i64) -> Option<u64> {
        let since = u64::try_from(now.checked_sub(self.epoch_genesis)?).ok()?;
        since.checked_div(u64::try_from(self.epoch_seconds).ok()?)
    }
}

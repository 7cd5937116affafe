//! [`StakingConfig`]: the one configuration of the program.

use crate::constants::*;
use crate::error::StakingError;
use anchor_lang::prelude::*;

/// Parameters and keys. The first 128 bytes of the account are frozen: `emissions` reads them.
///
/// PDA `"config"`.
#[account]
pub struct StakingConfig {
    /// Layout version, 1.
    pub version: u8,
    /// Always 0: configurations have no states.
    pub state: u8,
    /// Bump of the address.
    pub bump: u8,
    /// Reserved, 0.
    pub flags: u8,
    /// Most delegated stake as a multiple of self-stake, at most 10.
    pub delegation_ratio: u16,
    /// Highest commission of any node, basis points, at most 5 000.
    pub commission_cap: u16,
    /// Who may change what the compiled bounds leave open: a multisig.
    pub governor: Address,
    /// Mint of all stake, fixed.
    pub stake_mint: Address,
    /// New exposure is paused before this unix second; 0 if it never was.
    pub paused_until: i64,
    /// How long rewards stream, seconds: one epoch, fixed.
    pub stream_seconds: i64,
    /// Unbonding of tickets made from now on, seconds.
    pub unbonding_seconds: i64,
    /// Self-stake that a node needs to accept jobs, base units.
    pub minimum_self_stake: u64,
    /// How long a slash jails, seconds.
    pub jail_seconds: i64,
    /// Largest single rise of a commission, basis points, at most 500.
    pub commission_step: u16,
    /// Padding, 0.
    pub padding: [u8; 6],
    /// Who becomes governor by accepting; zero for nobody.
    pub pending_governor: Address,
    /// Who may pause.
    pub guardian: Address,
    /// Who paid this account's rent.
    pub payer: Address,
    /// Reserved, 0.
    pub reserved: [u8; 64],
}

/// What `initialize_config` sets.
#[derive(Clone, Copy, AnchorSerialize, AnchorDeserialize, IdlType)]
pub struct ConfigArgs {
    /// See [`StakingConfig::governor`].
    pub governor: Address,
    /// See [`StakingConfig::guardian`].
    pub guardian: Address,
    /// See [`StakingConfig::stream_seconds`].
    pub stream_seconds: i64,
    /// See [`StakingConfig::unbonding_seconds`].
    pub unbonding_seconds: i64,
    /// See [`StakingConfig::minimum_self_stake`].
    pub minimum_self_stake: u64,
    /// See [`StakingConfig::jail_seconds`].
    pub jail_seconds: i64,
    /// See [`StakingConfig::delegation_ratio`].
    pub delegation_ratio: u16,
    /// See [`StakingConfig::commission_cap`].
    pub commission_cap: u16,
    /// See [`StakingConfig::commission_step`].
    pub commission_step: u16,
}

/// What `update_config` sets: all that is not fixed. For the future only; tickets and announced commissions keep
/// their times.
#[derive(Clone, Copy, AnchorSerialize, AnchorDeserialize, IdlType)]
pub struct ParameterArgs {
    /// See [`StakingConfig::unbonding_seconds`].
    pub unbonding_seconds: i64,
    /// See [`StakingConfig::minimum_self_stake`].
    pub minimum_self_stake: u64,
    /// See [`StakingConfig::jail_seconds`].
    pub jail_seconds: i64,
    /// See [`StakingConfig::delegation_ratio`].
    pub delegation_ratio: u16,
    /// See [`StakingConfig::commission_cap`].
    pub commission_cap: u16,
    /// See [`StakingConfig::commission_step`].
    pub commission_step: u16,
}

impl StakingConfig {
    /// Sets what is not fixed.
    pub fn update(&mut self, args: &ParameterArgs) -> Result<()> {
        self.unbonding_seconds = args.unbonding_seconds;
        self.minimum_self_stake = args.minimum_self_stake;
        self.jail_seconds = args.jail_seconds;
        self.delegation_ratio = args.delegation_ratio;
        self.commission_cap = args.commission_cap;
        self.commission_step = args.commission_step;
        self.invariant()
    }

    /// Sets everything from the arguments.
    pub fn set(&mut self, args: &ConfigArgs) -> Result<()> {
        self.governor = args.governor;
        self.guardian = args.guardian;
        self.stream_seconds = args.stream_seconds;
        self.unbonding_seconds = args.unbonding_seconds;
        self.minimum_self_stake = args.minimum_self_stake;
        self.jail_seconds = args.jail_seconds;
        self.delegation_ratio = args.delegation_ratio;
        self.commission_cap = args.commission_cap;
        self.commission_step = args.commission_step;
        self.invariant()
    }

    /// Every parameter lies inside its compiled bounds.
    pub fn invariant(&self) -> Result<()> {
        require!(
            UNBONDING_SECONDS.contains(&self.unbonding_seconds)
                && STREAM_SECONDS.contains(&self.stream_seconds)
                && JAIL_SECONDS.contains(&self.jail_seconds)
                && self.minimum_self_stake <= MINIMUM_SELF_STAKE_CEILING
                && self.delegation_ratio <= DELEGATION_RATIO_CEILING
                && self.commission_cap <= COMMISSION_CAP_CEILING
                && self.commission_step <= COMMISSION_STEP_CEILING,
            StakingError::OutOfBounds
        );
        Ok(())
    }

    /// New exposure is not paused.
    pub fn require_running(&self, now: i64) -> Result<()> {
        require!(now >= self.paused_until, StakingError::Paused);
        Ok(())
    }
}

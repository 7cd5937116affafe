//! `update_config`: the governor moves parameters inside their compiled bounds.

use crate::constants::*;
use crate::error::StakingError;
use crate::event::ConfigUpdated;
use crate::state::{ParameterArgs, StakingConfig};
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use lode_program::tell;

/// Accounts of `update_config`.
#[derive(Accounts)]
pub struct UpdateConfig {
    /// The governor.
    pub governor: Signer,
    /// The configuration.
    #[account(mut, seeds = [CONFIG_SEED], bump = config.bump)]
    pub config: Account<StakingConfig>,
}

impl UpdateConfig {
    /// Checks, then writes the parameters.
    pub fn handle(&mut self, args: &ParameterArgs) -> Result<()> {
        require!(
            address_eq(&self.config.governor, self.governor.address()),
            StakingError::NotGovernor
        );
        self.config.update(args)?;
        tell(ConfigUpdated {
            unbonding_seconds: args.unbonding_seconds,
            minimum_self_stake: args.minimum_self_stake,
            jail_seconds: args.jail_seconds,
            delegation_ratio: u64::from(args.delegation_ratio),
            commission_cap: u64::from(args.commission_cap),
            commission_step: u64::from(args.commission_step),
        });
        Ok(())
    }
}

//! `pause`: the guardian stops new exposure for a week.

use crate::constants::*;
use crate::error::StakingError;
use crate::event::Paused;
use crate::state::StakingConfig;
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use lode_program::tell;

/// Accounts of `pause`.
#[derive(Accounts)]
pub struct Pause {
    /// The guardian.
    pub guardian: Signer,
    /// The configuration.
    #[account(mut, seeds = [CONFIG_SEED], bump = config.bump)]
    pub config: Account<StakingConfig>,
}

impl Pause {
    /// Checks, then sets the end of the pause.
    pub fn handle(&mut self, now: i64) -> Result<()> {
        require!(
            address_eq(&self.config.guardian, self.guardian.address()),
            StakingError::NotGuardian
        );
        let until = lode_authority::pause(now, self.config.paused_until)
            .ok_or(StakingError::PauseTooSoon)?;
        self.config.paused_until = until;
        tell(Paused { until });
        Ok(())
    }
}

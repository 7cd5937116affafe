//! `initialize_config`: the first and only start of the program.

use crate::constants::*;
use crate::error::StakingError;
use crate::event::ConfigInitialized;
use crate::state::{ConfigArgs, StakingConfig};
use anchor_lang::prelude::*;
use anchor_spl::token_interface::Mint;
use lode_program::tell;

/// Accounts of `initialize_config`.
#[derive(Accounts)]
pub struct InitializeConfig {
    /// The program's upgrade authority; pays the rent.
    #[account(mut)]
    pub authority: Signer,
    /// The configuration; a PDA, so there is only one.
    #[account(init, payer = authority, space = 8 + core::mem::size_of::<StakingConfig>(), seeds = [CONFIG_SEED], bump)]
    pub config: Account<StakingConfig>,
    /// The program's own `ProgramData`: its address is derived and its content read in `validate`.
    pub program_data: UncheckedAccount,
    /// Mint of all stake, of either token program.
    pub stake_mint: InterfaceAccount<Mint>,
    /// The system program.
    pub system_program: Program<System>,
}

impl InitializeConfig {
    fn validate(&self) -> Result<()> {
        let data = self.program_data.account().try_borrow()?;
        require!(
            lode_authority::is_upgrade_authority(
                &crate::ID,
                self.program_data.address(),
                &data,
                self.authority.address()
            ),
            StakingError::NotUpgradeAuthority
        );
        let mint = self.stake_mint.account();
        // What `emissions` would refuse must not get here: this cannot be done again.
        require!(
            lode_token::has_only_metadata(mint.owner(), &mint.try_borrow()?),
            StakingError::MintNotPlain
        );
        require!(
            !lode_token::NATIVE_MINTS.contains(self.stake_mint.address()),
            StakingError::NativeMint
        );
        Ok(())
    }

    /// Checks, then writes the configuration.
    pub fn handle(&mut self, bump: u8, args: &ConfigArgs) -> Result<()> {
        self.validate()?;
        let (payer, stake_mint) = (*self.authority.address(), *self.stake_mint.address());
        let config = &mut *self.config;
        config.version = VERSION;
        config.bump = bump;
        config.payer = payer;
        config.stake_mint = stake_mint;
        config.set(args)?;
        tell(ConfigInitialized {
            config: *self.config.address(),
            governor: args.governor,
            stake_mint,
        });
        Ok(())
    }
}

//! `initialize_schedule`: the first and only start of the program. What is fixed here stays for ever.

use crate::constants::*;
use crate::error::EmissionsError;
use crate::event::ScheduleInitialized;
use crate::state::{Schedule, ScheduleArgs};
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use anchor_spl::token_interface::Mint;
use lode_jobs::state::JobsConfig;
use lode_program::{tell, ReadOnly};
use lode_staking::constants::UNBONDING_SECONDS;
use lode_staking::state::StakingConfig;

/// Accounts of `initialize_schedule`.
#[derive(Accounts)]
pub struct InitializeSchedule {
    /// The program's upgrade authority; pays the rent.
    #[account(mut)]
    pub authority: Signer,
    /// The schedule; a PDA, so there is only one.
    #[account(init, payer = authority, space = 8 + core::mem::size_of::<Schedule>(), seeds = [SCHEDULE_SEED], bump)]
    pub schedule: Account<Schedule>,
    /// The address that signs every mint; holds nothing.
    #[account(seeds = [MINT_AUTHORITY_SEED], bump)]
    pub mint_authority: UncheckedAccount,
    /// The program's own `ProgramData`: its address is derived and its content read in `validate`.
    pub program_data: UncheckedAccount,
    /// The staking program's configuration. Of that program and type there is only one.
    pub staking: ReadOnly<StakingConfig>,
    /// The jobs program's configuration. Of that program and type there is only one.
    pub jobs: ReadOnly<JobsConfig>,
    /// The mint of both, of either token program.
    pub mint: InterfaceAccount<Mint>,
    /// The system program.
    pub system_program: Program<System>,
}

impl InitializeSchedule {
    fn validate(&self, args: &ScheduleArgs) -> Result<()> {
        let data = self.program_data.account().try_borrow()?;
        require!(
            lode_authority::is_upgrade_authority(
                &crate::ID,
                self.program_data.address(),
                &data,
                self.authority.address()
            ),
            EmissionsError::NotUpgradeAuthority
        );
        let (staking, jobs) = (&*self.staking, &*self.jobs);
        require!(
            staking.version == SISTER_VERSION && jobs.version == SISTER_VERSION,
            EmissionsError::UnknownVersion
        );
        let mint = self.mint.address();
        require!(
            address_eq(&staking.stake_mint, mint) && address_eq(&jobs.emission_mint, mint),
            EmissionsError::MintsDiffer
        );
        require!(
            staking.stream_seconds == jobs.epoch_seconds,
            EmissionsError::ClocksDiffer
        );
        // The same coin can then not stand in two records of one epoch: it needs 14 days to move, a record ends sooner.
        require!(
            jobs.epoch_seconds
                .checked_mul(2)
                .is_some_and(|two| two <= *UNBONDING_SECONDS.start()),
            EmissionsError::EpochTooLong
        );
        self.validate_mint(args)
    }

    /// Only this program can ever mint, nobody can freeze, and a token is a token.
    fn validate_mint(&self, args: &ScheduleArgs) -> Result<()> {
        let view = self.mint.account();
        require!(
            lode_token::has_only_metadata(view.owner(), &view.try_borrow()?),
            EmissionsError::MintNotPlain
        );
        require!(
            self.mint
                .mint_authority()
                .is_some_and(|authority| address_eq(authority, self.mint_authority.address())),
            EmissionsError::WrongMintAuthority
        );
        require!(
            !self.mint.has_freeze_authority(),
            EmissionsError::MintCanBeFrozen
        );
        // from here on the supply grows by what the cap allows and otherwise only falls: no mint can ever overflow
        require!(
            self.mint.supply().checked_add(args.cap).is_some(),
            EmissionsError::CapTooHigh
        );
        Ok(())
    }

    /// Checks, then writes the schedule.
    pub fn handle(&mut self, bump: u8, mint_authority_bump: u8, args: &ScheduleArgs) -> Result<()> {
        self.validate(args)?;
        let (payer, mint, supply) = (
            *self.authority.address(),
            *self.mint.address(),
            self.mint.supply(),
        );
        let (genesis, epoch_seconds) = (self.jobs.epoch_genesis, self.jobs.epoch_seconds);
        let schedule = &mut *self.schedule;
        schedule.version = VERSION;
        schedule.bump = bump;
        schedule.mint_authority_bump = mint_authority_bump;
        schedule.payer = payer;
        schedule.mint = mint;
        schedule.genesis = genesis;
        schedule.epoch_seconds = epoch_seconds;
        schedule.genesis_supply = supply;
        schedule.set(args)?;
        tell(ScheduleInitialized {
            schedule: *self.schedule.address(),
            mint,
            treasury_owner: args.treasury_owner,
            cap: args.cap,
            genesis_supply: supply,
        });
        Ok(())
    }
}

//! Lode emissions: new tokens for burned fees, within a schedule that nobody can change.
//!
//! A point is a base unit of burn fee. An epoch mints at most theta of its points, below one: emission is a rebate, the
//! supply never grows by work, the cap is a ceiling and not a target. No instruction here has an authority but the first
//! one and the treasury's own.

// `#[derive(Accounts)]` binds instruction arguments that only some of its generated functions use.
#![allow(unused_variables)]

pub mod constants;
pub mod error;
pub mod event;
pub mod instructions;
pub mod state;

use anchor_lang::prelude::*;
pub use instructions::*;
use state::ScheduleArgs;

declare_id!("EaRoNzY9hSEkKtw1W9Z1nazdPsVVDpTEpAs52TUit9SH");
lode_program::security_txt!("Lode emissions");

/// The emissions program.
// As a library of another program on chain it is state only: Anchor exports one dispatcher a program under a fixed
// symbol, and two of them in one program do not link.
#[cfg(not(all(target_os = "solana", feature = "no-entrypoint")))]
#[program]
pub mod lode_emissions {
    use super::*;

    /// Fixes the schedule; copies mint and clock from the configurations of staking and jobs, which must agree.
    ///
    /// Who: the program's upgrade authority, once. Errors: `NotUpgradeAuthority`, `UnknownVersion`, `MintsDiffer`,
    /// `ClocksDiffer`, `EpochTooLong`, `MintNotPlain`, `WrongMintAuthority`, `MintCanBeFrozen`, `CapTooHigh`,
    /// `OutOfBounds`.
    pub fn initialize_schedule(
        ctx: &mut Context<InitializeSchedule>,
        args: ScheduleArgs,
    ) -> Result<()> {
        let (bump, mint_authority_bump) = (ctx.bumps.schedule, ctx.bumps.mint_authority);
        ctx.accounts.handle(bump, mint_authority_bump, &args)
    }

    /// Writes down a node's points and active stake of epoch `index`, while `index + 1` runs.
    ///
    /// Who: anyone, who lends the rents. Errors: `NotRecordTime`, `NothingToRecord`, `ForeignAccount`,
    /// `UnknownVersion`, `Overflow`; the system program's own where the node was recorded before.
    pub fn record(ctx: &mut Context<Record>, index: u64) -> Result<()> {
        let (epoch_bump, share_bump) = (ctx.bumps.epoch, ctx.bumps.share);
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(epoch_bump, share_bump, index, now)
    }

    /// Fixes what an epoch mints, from the second epoch after it on.
    ///
    /// Who: anyone. Errors: `AlreadyFinal`, `StillRecording`, `EpochLapsed`, `BreakerTripped`.
    pub fn finalize_epoch(ctx: &mut Context<FinalizeEpoch>) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(now)
    }

    /// Mints a node's reward for work to its payout account or its owner's associated account.
    ///
    /// Who: anyone. Errors: `NotFinal`, `EpochLapsed`, `ForeignAccount`, `WrongDestination`, `WrongMint`,
    /// `UnknownVersion`; a second claim mints nothing and is no error.
    pub fn claim_work(ctx: &mut Context<ClaimWork>) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(now)
    }

    /// Mints a node's reward for stake into its vault; `staking::sweep_rewards` books it.
    ///
    /// Who: anyone. Errors: `NotFinal`, `EpochLapsed`, `ForeignAccount`, `WrongDestination`, `WrongMint`,
    /// `UnknownVersion`; a second claim mints nothing and is no error.
    pub fn claim_stake(ctx: &mut Context<ClaimStake>) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(now)
    }

    /// Mints what the treasury is due, in proportion to the work claimed, to its owner's associated account.
    ///
    /// Who: anyone. Errors: `NotFinal`, `EpochLapsed`, `WrongDestination`, `WrongMint`; nothing due is no error.
    pub fn claim_treasury(ctx: &mut Context<ClaimTreasury>) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(now)
    }

    /// Names who may own the treasury by accepting; zero takes it back.
    ///
    /// Who: the treasury's owner. Errors: `NotTreasuryOwner`.
    pub fn propose_treasury(ctx: &mut Context<Treasury>, pending: Address) -> Result<()> {
        ctx.accounts.propose(pending)
    }

    /// Becomes the treasury's owner.
    ///
    /// Who: the pending owner. Errors: `NotPendingTreasuryOwner`.
    pub fn accept_treasury(ctx: &mut Context<Treasury>) -> Result<()> {
        ctx.accounts.accept()
    }

    /// Closes a share: claimed, or its epoch's claims over.
    ///
    /// Who: anyone. Errors: `StillClaimable`, `ForeignAccount`, `WrongPayer`.
    pub fn close_share(ctx: &mut Context<CloseShare>) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(now)
    }

    /// Closes an epoch whose claims are over and whose shares are closed.
    ///
    /// Who: anyone. Errors: `ClaimsRunning`, `SharesOpen`, `WrongPayer`.
    pub fn close_epoch(ctx: &mut Context<CloseEpoch>) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::{offset_of, size_of};
    use state::{Epoch, Schedule, Share};

    #[test]
    fn frozen_offsets_do_not_move() {
        // within the account, that is eight bytes of discriminator later than in the struct
        assert_eq!(8 + offset_of!(Schedule, mint), 16);
        assert_eq!(8 + offset_of!(Schedule, treasury_owner), 48);
        assert_eq!(8 + offset_of!(Schedule, cap), 144);
        assert_eq!(8 + offset_of!(Schedule, breaker), 224);
        assert_eq!(8 + offset_of!(Schedule, work_bps), 480);
        assert_eq!(8 + size_of::<Schedule>(), 560);
        assert_eq!(8 + offset_of!(Epoch, payer), 16);
        assert_eq!(8 + offset_of!(Epoch, index), 48);
        assert_eq!(8 + offset_of!(Epoch, amount), 104);
        assert_eq!(8 + size_of::<Epoch>(), 208);
        assert_eq!(8 + offset_of!(Share, node), 16);
        assert_eq!(8 + offset_of!(Share, payer), 48);
        assert_eq!(8 + offset_of!(Share, epoch), 80);
        assert_eq!(8 + size_of::<Share>(), 152);
    }

    #[test]
    fn the_breakers_longest_window_is_the_history_it_keeps() {
        assert_eq!(
            usize::from(*constants::BREAKER_EPOCHS.end()),
            lode_math::emission::HISTORY
        );
    }
}

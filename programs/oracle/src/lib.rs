//! Lode oracle: committees of bonded seats that check results.
//!
//! Seats never move: who may be drawn for a submission is fixed by the submission's time, whatever joins, leaves or
//! changes its key afterwards.

// `#[derive(Accounts)]` binds instruction arguments that only some of its generated functions use.
#![allow(unused_variables)]

pub mod constants;
pub mod error;
pub mod event;
pub mod instructions;
pub mod state;

use anchor_lang::prelude::*;
pub use instructions::*;

declare_id!("5Aiz8vYSMYLG3RMwgxyC9cunoGpytrRScoTd7QJJSbom");
lode_program::security_txt!("Lode oracle");

/// The oracle program.
// As a library of another program on chain it is state only: Anchor exports one dispatcher a program under a fixed
// symbol, and two of them in one program do not link.
#[cfg(not(all(target_os = "solana", feature = "no-entrypoint")))]
#[program]
pub mod lode_oracle {
    use super::*;

    /// Founds a committee with fixed terms and names its founders, who may join within a day.
    ///
    /// Who: anyone. Errors: `MintNotPlain`, `NativeMint`, `Founders`, `PanelSize`, `OutOfBounds`.
    pub fn create_committee(
        ctx: &mut Context<CreateCommittee>,
        args: state::CommitteeArgs,
        founders: Vec<Address>,
    ) -> Result<()> {
        let bump = ctx.bumps.committee;
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(bump, &args, &founders, now)
    }

    /// Names who may become governor by accepting; zero takes it back.
    ///
    /// Who: the governor. Errors: `NotGovernor`.
    pub fn propose_governor(ctx: &mut Context<Govern>, pending: Address) -> Result<()> {
        ctx.accounts.propose(pending)
    }

    /// Becomes governor.
    ///
    /// Who: the pending governor. Errors: `NotPendingGovernor`.
    pub fn accept_governor(ctx: &mut Context<Govern>) -> Result<()> {
        ctx.accounts.accept()
    }

    /// Lets a wallet join within 30 days.
    ///
    /// Who: the governor, who pays the rent. Errors: `NotGovernor`, `AlreadySeated`.
    pub fn admit_oracle(ctx: &mut Context<AdmitOracle>, owner: Address) -> Result<()> {
        let bump = ctx.bumps.oracle;
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(bump, owner, now)
    }

    /// Bonds and takes a seat: a founder's own, serving in a second, or a free one, serving in 14 days.
    ///
    /// Who: a founder within the founding day, or an admitted wallet. Errors: `WrongAttester`, `AlreadySeated`,
    /// `BondTooSmall`, `NotAFounder`, `AdmissionLapsed`, `TooManyWaiting`, `CommitteeFull`, `WrongMint`; the token
    /// program's own where `from` does not hold the bond or is not the owner's.
    pub fn join(ctx: &mut Context<Join>, attester: Address, bond: u64) -> Result<()> {
        let (bump, vault_bump) = (ctx.bumps.oracle, ctx.bumps.vault);
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(bump, vault_bump, attester, bond, now)
    }

    /// Ends one's own service in a day.
    ///
    /// Who: the oracle's owner. Errors: `NotSeated`, `ForeignAccount`.
    pub fn leave(ctx: &mut Context<Leave>) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(now)
    }

    /// Ends an oracle's service in 14 days.
    ///
    /// Who: the governor. Errors: `NotGovernor`, `NotSeated`, `ForeignAccount`.
    pub fn retire_oracle(ctx: &mut Context<RetireOracle>) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(now)
    }

    /// Changes the signing key.
    ///
    /// Who: the oracle's owner. Errors: `WrongAttester`, `NotSeated`, `ForeignAccount`.
    pub fn set_attester(ctx: &mut Context<SetAttester>, attester: Address) -> Result<()> {
        ctx.accounts.handle(attester)
    }

    /// Adds to the bond.
    ///
    /// Who: the oracle's owner. Errors: `NotSeated`, `ForeignAccount`, `WrongMint`, `Overflow`.
    pub fn add_bond(ctx: &mut Context<AddBond>, amount: u64) -> Result<()> {
        ctx.accounts.handle(amount)
    }

    /// Takes a part of a bond: some to `reward`, the rest burned. A bond that falls below the minimum ends the service
    /// in a day. Nothing happens where the seat did not serve the submission, as after it was freed.
    ///
    /// Who: the jobs program. `seat` served the job submitted at `submitted_at`; `fault` tells an overturned verdict
    /// from a silence; `bps` of the bond are lost, `reward_bps` of the loss go to `reward`. Errors: `NotSlasher`,
    /// `ForeignAccount`, `WrongMint`.
    pub fn slash_oracle(
        ctx: &mut Context<SlashOracle>,
        seat: u8,
        submitted_at: i64,
        fault: bool,
        bps: u16,
        reward_bps: u16,
    ) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts
            .handle(seat, submitted_at, fault, bps, reward_bps, now)
    }

    /// Closes a membership that has neither seat nor bond: an admission that lapsed, or what is left after the bond was withdrawn.
    ///
    /// Who: anyone; the rent goes to whoever paid it. Errors: `StillSeated`, `AdmissionRuns`, `WrongPayer`.
    pub fn close_oracle(ctx: &mut Context<CloseOracle>) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(now)
    }

    /// Takes the bond home, frees the seat, if it is not free, and closes the vault, 14 days after the service ended.
    ///
    /// Who: anyone; to another account than the owner's associated one only the owner. Errors: `NotSeated`,
    /// `BondStillAnswers`, `ForeignAccount`, `WrongDestination`, `WrongMint`.
    pub fn withdraw_bond(ctx: &mut Context<WithdrawBond>) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(now)
    }

    /// Frees a seat 14 days after its service ended; the bond waits for `withdraw_bond`, for as long as it takes.
    ///
    /// Who: anyone; meant for a bond that can go nowhere. Errors: `NotSeated`, `BondStillAnswers`, `ForeignAccount`.
    pub fn free_seat(ctx: &mut Context<FreeSeat>) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(now)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use constants::{NEVER, SEATS};
    use core::mem::{offset_of, size_of};
    use state::{Committee, Oracle, Seat};

    #[test]
    fn frozen_offsets_do_not_move() {
        // within the account, that is eight bytes of discriminator later than in the struct
        assert_eq!(8 + offset_of!(Committee, k), 14);
        assert_eq!(8 + offset_of!(Committee, creator), 16);
        assert_eq!(8 + offset_of!(Committee, governor), 48);
        assert_eq!(8 + offset_of!(Committee, minimum_bond), 144);
        assert_eq!(8 + offset_of!(Committee, seats), 200);
        assert_eq!(size_of::<Seat>(), 80);
        assert_eq!(8 + size_of::<Committee>(), 200 + 80 * SEATS + 64);
        assert_eq!(8 + offset_of!(Oracle, committee), 16);
        assert_eq!(8 + size_of::<Oracle>(), 208);
    }

    fn seat(active_from: i64, left_at: i64) -> Seat {
        Seat {
            owner: Address::new_from_array([1; 32]),
            attester: Address::new_from_array([2; 32]),
            active_from,
            left_at,
        }
    }

    #[test]
    fn a_seat_serves_from_its_first_second_to_before_its_last() {
        let place = seat(100, 200);
        assert!(!place.is_eligible(99) && place.is_eligible(100));
        assert!(place.is_eligible(199) && !place.is_eligible(200));
        // reserved for a founder, or free: never
        assert!(!seat(0, NEVER).is_eligible(0) && !seat(0, NEVER).is_eligible(i64::MAX - 1));
    }

    #[test]
    fn the_end_of_a_service_only_moves_earlier() {
        let mut place = seat(100, NEVER);
        place.leave(500);
        place.leave(600);
        assert_eq!(place.left_at, 500);
        place.leave(400);
        assert_eq!(place.left_at, 400);
    }
}

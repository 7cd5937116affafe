//! Lode staking: nodes, their stake, delegations, and the way out.
//!
//! One pool a node and one price: own, delegated and unbonding stake lose the same fraction in a slash. No class, size
//! or age earns more. No instruction here looks at the pause on the way out.

// `#[derive(Accounts)]` binds instruction arguments that only some of its generated functions use.
#![allow(unused_variables)]

pub mod constants;
pub mod error;
pub mod event;
pub mod instructions;
pub mod state;

use anchor_lang::prelude::*;
pub use instructions::*;

declare_id!("7cFVjMmfX3wbPP8JBniYGsdHNBwknZb73F7xD6hokXHX");
lode_program::security_txt!("Lode staking");

/// The staking program.
// As a library of another program on chain it is state only: Anchor exports one dispatcher a program under a fixed
// symbol, and two of them in one program do not link.
#[cfg(not(all(target_os = "solana", feature = "no-entrypoint")))]
#[program]
pub mod lode_staking {
    use super::*;

    /// Starts the program: keys, mint, parameters.
    ///
    /// Who: the program's upgrade authority, once. Errors: `NotUpgradeAuthority`, `MintNotPlain`, `NativeMint`,
    /// `OutOfBounds`.
    pub fn initialize_config(
        ctx: &mut Context<InitializeConfig>,
        args: state::ConfigArgs,
    ) -> Result<()> {
        let bump = ctx.bumps.config;
        ctx.accounts.handle(bump, &args)
    }

    /// Moves parameters inside their compiled bounds, for the future.
    ///
    /// Who: the governor. Errors: `NotGovernor`, `OutOfBounds`.
    pub fn update_config(
        ctx: &mut Context<UpdateConfig>,
        args: state::ParameterArgs,
    ) -> Result<()> {
        ctx.accounts.handle(&args)
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

    /// Names the guardian.
    ///
    /// Who: the governor. Errors: `NotGovernor`.
    pub fn set_guardian(ctx: &mut Context<Govern>, guardian: Address) -> Result<()> {
        ctx.accounts.guard(guardian)
    }

    /// Stops new nodes and new stake for 7 days; 7 free days follow.
    ///
    /// Who: the guardian. Errors: `NotGuardian`, `PauseTooSoon`.
    pub fn pause(ctx: &mut Context<Pause>) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(now)
    }

    /// Opens a node and its vault.
    ///
    /// Who: the owner-to-be, who pays the rents. Errors: `Paused`, `WrongWorker`, `WrongPayout`, `WrongMint`,
    /// `BadRegion`.
    pub fn register_node(ctx: &mut Context<RegisterNode>, args: NodeArgs) -> Result<()> {
        let (bump, vault_bump) = (ctx.bumps.node, ctx.bumps.vault);
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(bump, vault_bump, &args, now)
    }

    /// Changes the hot key on the machine.
    ///
    /// Who: the node's owner. Errors: `NotOwner`, `WrongWorker`, `UnknownVersion`.
    pub fn set_worker(ctx: &mut Context<SetWorker>, worker: Address) -> Result<()> {
        ctx.accounts.handle(worker)
    }

    /// Changes where everything earned goes.
    ///
    /// Who: the node's owner. Errors: `NotOwner`, `WrongPayout`, `UnknownVersion`.
    pub fn set_payout(ctx: &mut Context<SetPayout>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Says anew what the machine is: customers' filters, never a reward. Jobs that the node has accepted stay its own.
    ///
    /// Who: the node's owner. Errors: `NotOwner`, `BadRegion`, `UnknownVersion`.
    pub fn update_node(ctx: &mut Context<UpdateNode>, args: state::NodeDescription) -> Result<()> {
        ctx.accounts.handle(&args)
    }

    /// Lowers the commission at once, or announces a rise by one step.
    ///
    /// Who: the node's owner. Errors: `NotOwner`, `CommissionPending`, `CommissionTooHigh`, `UnknownVersion`.
    pub fn set_commission(ctx: &mut Context<SetCommission>, bps: u16) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(bps, now)
    }

    /// Puts stake on a node, own or delegated.
    ///
    /// Who: any wallet. Errors: `Paused`, `NodeExiting`, `NodeJailed`, `AmountTooSmall`, `PoolRuined`,
    /// `RatioExceeded` (delegated stake only), `WrongMint`, `Overflow`, `ForeignAccount`, `UnknownVersion`; the
    /// token program's own where `from` does not hold the amount or is not the wallet's.
    pub fn stake(ctx: &mut Context<Stake>, amount: u64) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(amount, now)
    }

    /// Moves shares to a ticket that may be withdrawn after the unbonding time. Never paused.
    ///
    /// Who: the delegation's wallet. Errors: `AmountTooSmall`, `NotEnoughShares`, `NotDelegator`, `ForeignAccount`,
    /// `UnknownVersion`.
    pub fn unstake(ctx: &mut Context<Unstake>, shares: u64) -> Result<()> {
        let bump = ctx.bumps.ticket;
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(bump, shares, now)
    }

    /// Makes a ticket's shares active again on the same node. Never paused.
    ///
    /// Who: the ticket's wallet. Errors: `NodeExiting`, `NodeJailed`, `PoolRuined`, `RatioExceeded` (delegated stake only),
    /// `NotDelegator`, `ForeignAccount`, `WrongPayer`, `UnknownVersion`.
    pub fn restake(ctx: &mut Context<Restake>) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(now)
    }

    /// Moves all shares of a delegation on a node that left four stream periods and eight days ago to a ticket. Never paused.
    ///
    /// Who: anyone. Errors: `NodeNotExiting`, `ExitTooFresh`, `AmountTooSmall` (no shares), `ForeignAccount`, `UnknownVersion`.
    pub fn force_unstake(ctx: &mut Context<ForceUnstake>) -> Result<()> {
        let bump = ctx.bumps.ticket;
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(bump, now)
    }

    /// Pays a ticket to its wallet's associated account and closes it. Never paused.
    ///
    /// Who: anyone; to another account only the wallet. Errors: `UnbondingNotOver`, `WrongDestination`, `NotDelegator`,
    /// `ForeignAccount`, `WrongPayer`, `WrongMint`, `UnknownVersion`.
    pub fn withdraw(ctx: &mut Context<Withdraw>) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(now)
    }

    /// Books what the vault holds above everything booked: commission to the operator, the rest streams.
    ///
    /// Who: anyone. Errors: `ForeignAccount`, `UnknownVersion`; nothing to book is no error.
    pub fn sweep_rewards(ctx: &mut Context<SweepRewards>) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(now)
    }

    /// Pays a delegation's rewards to its wallet's associated account, or the owner's own to the payout account.
    ///
    /// Who: anyone. Errors: `WrongDestination`, `ForeignAccount`, `UnknownVersion`; the token program's own where the
    /// mint is not the vault's; nothing to pay is no error.
    pub fn claim_rewards(ctx: &mut Context<ClaimRewards>) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(now)
    }

    /// Pays the operator's commission to the payout account or his associated account.
    ///
    /// Who: anyone. Errors: `WrongDestination`, `ForeignAccount`, `UnknownVersion`; the token program's own where the
    /// mint is not the vault's; nothing to pay is no error.
    pub fn claim_commission(ctx: &mut Context<ClaimCommission>) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(now)
    }

    /// Burns a part of a node's stake and jails it, for a job accepted at `accepted_at`. One incident, one slash; at most
    /// 1 000 bps in any 28 days. A node that is gone is no error.
    ///
    /// Who: the jobs program's slasher. Errors: `NotSlasher`, `ForeignAccount`, `WrongMint`, `UnknownVersion`.
    pub fn slash(ctx: &mut Context<Slash>, bps: u16, accepted_at: i64) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(bps, accepted_at, now)
    }

    /// Takes a jailed node back into service.
    ///
    /// Who: the node's owner. Errors: `NotOwner`, `NotJailed`, `JailNotOver`, `UnknownVersion`.
    pub fn unjail(ctx: &mut Context<Unjail>) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(now)
    }

    /// Takes a node out for good. Never paused.
    ///
    /// Who: the node's owner. Errors: `NotOwner`, `NodeExiting`, `UnknownVersion`.
    pub fn exit_node(ctx: &mut Context<ExitNode>) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(now)
    }

    /// Brings a node of an older layout to the present one; every other instruction refuses it until then
    /// (`UnknownVersion`). Never paused.
    ///
    /// Who: anyone. Errors: `NothingToMigrate`, `UnknownVersion` (of a newer program).
    pub fn migrate_node(ctx: &mut Context<MigrateNode>) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(now)
    }

    /// Closes an empty delegation. Never paused.
    ///
    /// Who: anyone. Errors: `StillStaked`, `RewardsUnclaimed`, `ForeignAccount`, `WrongPayer`, `UnknownVersion`.
    pub fn close_delegation(ctx: &mut Context<CloseDelegation>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Closes a node that everyone has left, and its vault. Never paused.
    ///
    /// Who: the node's owner. Errors: `NotOwner`, `NodeNotExiting`, `ChildrenOpen`, `WrongDestination`, `WrongPayer`,
    /// `WrongMint`, `ForeignAccount`, `UnknownVersion`.
    pub fn close_node(ctx: &mut Context<CloseNode>) -> Result<()> {
        ctx.accounts.handle()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anchor_lang::find_program_address;
    use core::mem::{offset_of, size_of};
    use state::{Delegation, Node, StakingConfig, Unbonding};

    #[test]
    fn the_slasher_is_an_address_of_a_program_and_not_a_key() {
        // that it is the jobs program's is proved where both are known: tests/staking
        assert_ne!(constants::SLASHER, Address::default());
        assert_ne!(
            find_program_address(&[b"slasher"], &ID).0,
            constants::SLASHER
        );
    }

    #[test]
    fn frozen_offsets_do_not_move() {
        // within the account, that is eight bytes of discriminator later than in the struct
        assert_eq!(8 + offset_of!(Node, owner), 16);
        assert_eq!(8 + offset_of!(Node, worker), 48);
        assert_eq!(8 + offset_of!(Node, payout), 80);
        assert_eq!(8 + offset_of!(Node, stake), 144);
        assert_eq!(8 + offset_of!(Node, jailed_until), 184);
        assert_eq!(8 + offset_of!(Node, memory_mib), 192);
        assert_eq!(8 + offset_of!(Node, slashed_total), 248);
        assert_eq!(8 + offset_of!(Node, stream_left), 256);
        assert_eq!(8 + offset_of!(Node, vault), 360);
        assert_eq!(8 + offset_of!(Node, region), 402);
        assert_eq!(8 + offset_of!(StakingConfig, stake_mint), 48);
        assert_eq!(8 + offset_of!(StakingConfig, jail_seconds), 112);
        assert_eq!(8 + offset_of!(Delegation, node), 16);
        assert_eq!(8 + offset_of!(Unbonding, node), 16);
        assert_eq!(8 + size_of::<Node>(), 424);
        assert_eq!(8 + size_of::<StakingConfig>(), 288);
        assert_eq!(8 + size_of::<Delegation>(), 184);
        assert_eq!(8 + size_of::<Unbonding>(), 192);
    }
}

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
use state::ConfigArgs;

declare_id!("7cFVjMmfX3wbPP8JBniYGsdHNBwknZb73F7xD6hokXHX");

/// The staking program.
// As a library of another program on chain it is state only: Anchor exports one dispatcher a program under a fixed
// symbol, and two of them in one program do not link.
#[cfg(not(all(target_os = "solana", feature = "no-entrypoint")))]
#[program]
pub mod lode_staking {
    use super::*;

    /// Starts the program: keys, mint, parameters.
    ///
    /// Who: the program's upgrade authority, once. Errors: `NotUpgradeAuthority`, `MintNotPlain`, `OutOfBounds`.
    pub fn initialize_config(ctx: &mut Context<InitializeConfig>, args: ConfigArgs) -> Result<()> {
        let bump = ctx.bumps.config;
        ctx.accounts.handle(bump, &args)
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
    /// Who: the owner-to-be, who pays the rents. Errors: `Paused`, `WrongWorker`, `WrongPayout`, `WrongMint`.
    pub fn register_node(ctx: &mut Context<RegisterNode>, args: NodeArgs) -> Result<()> {
        let (bump, vault_bump) = (ctx.bumps.node, ctx.bumps.vault);
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(bump, vault_bump, &args, now)
    }

    /// Changes the hot key on the machine.
    ///
    /// Who: the node's owner. Errors: `NotOwner`, `WrongWorker`.
    pub fn set_worker(ctx: &mut Context<SetWorker>, worker: Address) -> Result<()> {
        ctx.accounts.handle(worker)
    }

    /// Changes where everything earned goes.
    ///
    /// Who: the node's owner. Errors: `NotOwner`, `WrongPayout`.
    pub fn set_payout(ctx: &mut Context<SetPayout>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Puts stake on a node, own or delegated.
    ///
    /// Who: any wallet. Errors: `Paused`, `NodeExiting`, `NodeJailed`, `AmountTooSmall`, `PoolRuined`,
    /// `RatioExceeded` (delegated stake only), `WrongMint`, `Overflow`; the token program's own where `from` does not
    /// hold the amount or is not the wallet's.
    pub fn stake(ctx: &mut Context<Stake>, amount: u64) -> Result<()> {
        let bump = ctx.bumps.delegation;
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(bump, amount, now)
    }

    /// Moves shares to a ticket that may be withdrawn after the unbonding time. Never paused.
    ///
    /// Who: the delegation's wallet. Errors: `AmountTooSmall`, `NotEnoughShares`, `NotDelegator`, `ForeignAccount`.
    pub fn unstake(ctx: &mut Context<Unstake>, shares: u64) -> Result<()> {
        let bump = ctx.bumps.ticket;
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(bump, shares, now)
    }

    /// Pays a ticket to its wallet's associated account and closes it. Never paused.
    ///
    /// Who: anyone. Errors: `UnbondingNotOver`, `WrongDestination`, `ForeignAccount`, `WrongPayer`, `WrongMint`.
    pub fn withdraw(ctx: &mut Context<Withdraw>) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(now)
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

//! `unstake`: shares move to a ticket. Never paused: leaving is always free.

use crate::constants::*;
use crate::error::StakingError;
use crate::event::Unstaked;
use crate::state::{Delegation, Node, StakingConfig, Unbonding};
use anchor_lang::prelude::*;
use lode_program::{tell, ReadOnly};

/// Accounts of `unstake`.
#[derive(Accounts)]
pub struct Unstake {
    /// The wallet that owns the delegation; pays the ticket's rent and gets it back.
    #[account(mut)]
    pub wallet: Signer,
    /// The configuration: how long unbonding takes. Of this program and type there is only one.
    pub config: ReadOnly<StakingConfig>,
    /// The node of the delegation.
    #[account(mut, address = delegation.node @ StakingError::ForeignAccount)]
    pub node: Account<Node>,
    /// The delegation; bound to wallet and node by its stored keys.
    #[account(mut, constraint = anchor_lang::address_eq(&delegation.owner, wallet.address()) @ StakingError::NotDelegator)]
    pub delegation: Account<Delegation>,
    /// The new ticket.
    #[account(init, payer = wallet, space = 8 + core::mem::size_of::<Unbonding>(), seeds = [UNBONDING_SEED, delegation.address().as_ref(), &delegation.next_ticket.to_le_bytes()], bump)]
    pub ticket: Account<Unbonding>,
    /// The system program.
    pub system_program: Program<System>,
}

impl Unstake {
    /// Checks, then moves the shares.
    pub fn handle(&mut self, bump: u8, shares: u64, now: i64) -> Result<()> {
        self.node.require_current()?;
        let (delegation_at, wallet) = (*self.delegation.address(), *self.wallet.address());
        self.ticket.open(
            bump,
            &mut self.node,
            &mut self.delegation,
            &delegation_at,
            &wallet,
            shares,
            self.config.unbonding_seconds,
            now,
        )?;
        tell(Unstaked {
            node: self.ticket.node,
            owner: wallet,
            ticket: *self.ticket.address(),
            shares,
            release_at: self.ticket.release_at,
        });
        Ok(())
    }
}

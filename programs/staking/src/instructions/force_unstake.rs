//! `force_unstake`: of a node that is leaving, anyone may begin to pay a delegation out to its own wallet, so that no
//! lost key keeps a node open.

use crate::constants::*;
use crate::error::StakingError;
use crate::event::Unstaked;
use crate::state::{Delegation, Node, StakingConfig, Unbonding};
use anchor_lang::prelude::*;
use lode_program::{tell, ReadOnly};

/// Accounts of `force_unstake`.
#[derive(Accounts)]
pub struct ForceUnstake {
    /// Anyone; pays the ticket's rent and gets it back.
    #[account(mut)]
    pub payer: Signer,
    /// The configuration: how long unbonding takes. Of this program and type there is only one.
    pub config: ReadOnly<StakingConfig>,
    /// The node of the delegation, on its way out.
    #[account(mut, address = delegation.node @ StakingError::ForeignAccount)]
    pub node: Account<Node>,
    /// The delegation: any account of this program and type is one.
    #[account(mut)]
    pub delegation: Account<Delegation>,
    /// The new ticket, over all active shares.
    #[account(init, payer = payer, space = 8 + core::mem::size_of::<Unbonding>(), seeds = [UNBONDING_SEED, delegation.address().as_ref(), &delegation.next_ticket.to_le_bytes()], bump)]
    pub ticket: Account<Unbonding>,
    /// The system program.
    pub system_program: Program<System>,
}

impl ForceUnstake {
    /// Checks, then moves the shares.
    pub fn handle(&mut self, bump: u8, now: i64) -> Result<()> {
        self.node.require_current()?;
        self.node.require_pushed_out(&self.config, now)?;
        let (delegation_at, payer) = (*self.delegation.address(), *self.payer.address());
        let shares = self.delegation.active_shares;
        self.ticket.open(
            bump,
            &mut self.node,
            &mut self.delegation,
            &delegation_at,
            &payer,
            shares,
            self.config.unbonding_seconds,
            now,
        )?;
        tell(Unstaked {
            node: self.ticket.node,
            owner: self.ticket.owner,
            ticket: *self.ticket.address(),
            shares,
            release_at: self.ticket.release_at,
        });
        Ok(())
    }
}

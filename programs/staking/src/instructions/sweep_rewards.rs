//! `sweep_rewards`: what a vault holds above everything booked is a reward, wherever it came from. No argument, no
//! authority: there is nothing to choose.

use crate::error::StakingError;
use crate::event::RewardsSwept;
use crate::state::{Node, StakingConfig};
use anchor_lang::prelude::*;
use anchor_spl::token_interface::TokenAccount;
use lode_program::{tell, ReadOnly};

/// Accounts of `sweep_rewards`.
#[derive(Accounts)]
pub struct SweepRewards {
    /// The configuration: how long rewards stream. Of this program and type there is only one.
    pub config: ReadOnly<StakingConfig>,
    /// The node: any account of this program and type is one.
    #[account(mut)]
    pub node: Account<Node>,
    /// The node's vault.
    #[account(address = node.vault @ StakingError::ForeignAccount)]
    pub vault: InterfaceAccount<TokenAccount>,
}

impl SweepRewards {
    /// Books what is above the books; nothing where nothing is.
    pub fn handle(&mut self, now: i64) -> Result<()> {
        self.node.require_current()?;
        let reward = self.vault.amount().saturating_sub(self.node.booked()?);
        if reward == 0 {
            return Ok(());
        }
        let commission = self.node.receive(reward, self.config.stream_seconds, now)?;
        tell(RewardsSwept {
            node: *self.node.address(),
            reward,
            commission,
            stream_end: self.node.stream_end,
        });
        Ok(())
    }
}

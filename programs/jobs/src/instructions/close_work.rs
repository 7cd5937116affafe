//! `close_work`: the points of a node that is gone are recorded or lapsed; their account's rent goes back.

use crate::error::JobsError;
use crate::state::{JobsConfig, Work};
use anchor_lang::prelude::*;
use lode_program::ReadOnly;

/// Accounts of `close_work`.
#[derive(Accounts)]
pub struct CloseWork {
    /// The configuration: the epochs. Of this program and type there is only one.
    pub config: ReadOnly<JobsConfig>,
    /// Where the node was.
    #[account(address = work.node @ JobsError::ForeignAccount)]
    pub node: UncheckedAccount,
    /// Who paid the rent.
    #[account(mut, address = work.payer @ JobsError::WrongPayer)]
    pub payer: UncheckedAccount,
    /// The points: any account of this program and type are some.
    #[account(mut, close = payer)]
    pub work: Account<Work>,
}

impl CloseWork {
    /// Checks; the account closes when the instruction ends. Nobody signs: the rent has one way to go.
    pub fn handle(&mut self, now: i64) -> Result<()> {
        let gone = !self.node.account().owned_by(&lode_staking::ID);
        require!(
            gone && self.work.is_stale(self.config.epoch(now)),
            JobsError::WorkInUse
        );
        Ok(())
    }
}

//! `finalize_epoch`: what an epoch mints is fixed when nothing more can be recorded. Anyone may: there is nothing to
//! choose but the moment.

use crate::event::EpochFinalized;
use crate::state::{Epoch, Schedule};
use anchor_lang::prelude::*;
use lode_program::tell;

/// Accounts of `finalize_epoch`.
#[derive(Accounts)]
pub struct FinalizeEpoch {
    /// The schedule. Of this program and type there is only one.
    #[account(mut)]
    pub schedule: Account<Schedule>,
    /// The epoch: any account of this program and type is one.
    #[account(mut)]
    pub epoch: Account<Epoch>,
}

impl FinalizeEpoch {
    /// Checks, then fixes the amount.
    pub fn handle(&mut self, now: i64) -> Result<()> {
        self.epoch.finalise(&mut self.schedule, now)?;
        let epoch = &*self.epoch;
        tell(EpochFinalized {
            epoch: epoch.index,
            nodes: epoch.nodes,
            points: epoch.points,
            amount: epoch.amount,
            finalised: self.schedule.finalised,
            herfindahl: epoch.herfindahl,
        });
        Ok(())
    }
}

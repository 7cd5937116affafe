//! `record`: what a node earned in an epoch is written down while the next one runs. Anyone may: what is not recorded is
//! never minted, and nobody can be left out but by everybody.

use crate::constants::*;
use crate::error::EmissionsError;
use crate::event::Recorded;
use crate::state::{Epoch, Schedule, Share};
use anchor_lang::prelude::*;
use lode_jobs::state::Work;
use lode_program::{tell, ReadOnly};
use lode_staking::state::Node;

/// Accounts of `record`.
#[derive(Accounts)]
#[instruction(index: u64)]
pub struct Record {
    /// Pays the rent of the share and, for the first node, of the epoch; gets it back when they are closed.
    #[account(mut)]
    pub payer: Signer,
    /// The schedule: the clock. Of this program and type there is only one.
    pub schedule: ReadOnly<Schedule>,
    /// The epoch, opened by its first record.
    #[account(init_if_needed, payer = payer, space = 8 + core::mem::size_of::<Epoch>(), seeds = [EPOCH_SEED, &index.to_le_bytes()], bump)]
    pub epoch: Account<Epoch>,
    /// The node's share; a PDA that exists afterwards, so a node is recorded once.
    #[account(init, payer = payer, space = 8 + core::mem::size_of::<Share>(), seeds = [SHARE_SEED, node.address().as_ref(), &index.to_le_bytes()], bump)]
    pub share: Account<Share>,
    /// The node's points: any account of the jobs program and that type; bound to the node by its stored key.
    #[account(constraint = anchor_lang::address_eq(&work.node, node.address()) @ EmissionsError::ForeignAccount)]
    pub work: ReadOnly<Work>,
    /// The node: any account of the staking program and that type is one.
    pub node: ReadOnly<Node>,
    /// The system program.
    pub system_program: Program<System>,
}

impl Record {
    fn validate(&self, index: u64, now: i64) -> Result<()> {
        require!(
            self.work.version == SISTER_VERSION && self.node.version == SISTER_VERSION,
            EmissionsError::UnknownVersion
        );
        self.schedule.require_recording(index, now)
    }

    /// The node's points of an epoch. `Work` has two slots: a settlement in a new epoch moves the current points to the
    /// previous ones where the epochs are neighbours. While `index + 1` runs, points of `index` thus stand in the current
    /// slot until the first settlement of `index + 1`, and in the previous one from then on.
    fn points(&self, index: u64) -> u64 {
        let work = &*self.work;
        if work.epoch == index {
            work.points
        } else if index.checked_add(1) == Some(work.epoch) {
            work.previous
        } else {
            0
        }
    }

    /// Checks, then writes the share and adds it to the epoch.
    pub fn handle(&mut self, epoch_bump: u8, share_bump: u8, index: u64, now: i64) -> Result<()> {
        self.validate(index, now)?;
        let points = self.points(index);
        require!(points > 0, EmissionsError::NothingToRecord);
        let stake = self
            .node
            .active_stake()
            .map_err(|_| EmissionsError::Overflow)?;
        let (node, payer) = (*self.node.address(), *self.payer.address());
        if self.epoch.version == 0 {
            self.epoch.open(epoch_bump, index, payer);
        }
        self.epoch.record(points, stake)?;
        self.share
            .open(share_bump, node, payer, index, points, stake);
        tell(Recorded {
            node,
            epoch: index,
            points,
            stake,
        });
        Ok(())
    }
}

//! `slash_job`: the staking program burns a part of the stake of a node that lied.
//!
//! An instruction of its own, so that no job's end hangs on another program.

use crate::constants::*;
use crate::error::JobsError;
use crate::state::{flag, Job, JobState, Market};
use anchor_lang::cpi::InstructionAccount;
use anchor_lang::prelude::*;
use anchor_lang::unchecked_invoke_signed_fixed;
use lode_program::ReadOnly;
use lode_staking::constants::SLASHER;

/// `sha256("global:slash")`, the first eight bytes: how the staking program knows its instruction.
pub const SLASH: [u8; 8] = [204, 141, 18, 161, 8, 177, 92, 142];

/// Accounts of `slash_job`. What belongs to the staking program is checked there.
#[derive(Accounts)]
pub struct SlashJob {
    /// The job's market.
    #[account(address = job.market @ JobsError::ForeignAccount)]
    pub market: ReadOnly<Market>,
    /// The job: any account of this program and type is one.
    #[account(mut)]
    pub job: Account<Job>,
    /// This program's own address, with which it signs.
    #[account(address = SLASHER @ JobsError::ForeignAccount)]
    pub slasher: UncheckedAccount,
    /// The staking program.
    #[account(address = lode_staking::ID @ JobsError::ForeignAccount)]
    pub staking_program: UncheckedAccount,
    /// Its configuration.
    pub staking: UncheckedAccount,
    /// The node, or where it was.
    #[account(mut, address = job.node @ JobsError::ForeignAccount)]
    pub node: UncheckedAccount,
    /// The node's vault, or where it was.
    #[account(mut)]
    pub vault: UncheckedAccount,
    /// The stake mint.
    #[account(mut)]
    pub mint: UncheckedAccount,
    /// The mint's token program.
    pub token_program: UncheckedAccount,
}

impl SlashJob {
    /// Checks, clears the mark, then has the stake burned. A node that is gone has nothing left to burn.
    pub fn handle(&mut self, slot: u64) -> Result<()> {
        // The mark is set by the settlement of a mismatch alone, so the job stands at Failed.
        require!(
            self.job.has(flag::SLASH_DUE) && self.job.state == JobState::Failed as u8,
            JobsError::NothingToPunish
        );
        let accepted_at = self.job.accepted_at;
        self.job.flags &= !flag::SLASH_DUE;
        self.job.tell(self.job.address(), 0);
        if !self.node.account().owned_by(&lode_staking::ID) {
            return Ok(());
        }
        let mut data = [0; 18];
        data[..8].copy_from_slice(&SLASH);
        data[8..10].copy_from_slice(&self.market.fault_bps.to_le_bytes());
        data[10..].copy_from_slice(&accepted_at.to_le_bytes());
        let metas = [
            InstructionAccount::readonly_signer(self.slasher.address()),
            InstructionAccount::readonly(self.staking.address()),
            InstructionAccount::writable(self.node.address()),
            InstructionAccount::writable(self.vault.address()),
            InstructionAccount::writable(self.mint.address()),
            InstructionAccount::readonly(self.token_program.address()),
        ];
        let handles = [
            self.slasher.cpi_handle(),
            self.staking.cpi_handle(),
            self.node.cpi_handle(),
            self.vault.cpi_handle(),
            self.mint.cpi_handle(),
            self.token_program.cpi_handle(),
        ];
        unchecked_invoke_signed_fixed(
            self.staking_program.address(),
            &data,
            &metas,
            &handles,
            &[&[SLASHER_SEED, &[SLASHER_BUMP]]],
        );
        Ok(())
    }
}

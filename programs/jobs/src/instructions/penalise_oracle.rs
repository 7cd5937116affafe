//! `penalise_oracle`: the oracle program takes a part of the bond of a seat that was wrong, or silent.
//!
//! An instruction of its own, so that no job's end hangs on another program.

use crate::constants::*;
use crate::error::JobsError;
use crate::event::OraclePenalised;
use crate::state::{Job, JobState, Market, Offence};
use anchor_lang::address_eq;
use anchor_lang::cpi::InstructionAccount;
use anchor_lang::prelude::*;
use anchor_lang::unchecked_invoke_signed_fixed;
use lode_oracle::constants::SLASHER;
use lode_program::{tell, ReadOnly};

/// `sha256("global:slash_oracle")`, the first eight bytes: how the oracle program knows its instruction.
pub const SLASH_ORACLE: [u8; 8] = [69, 85, 18, 20, 205, 99, 149, 145];

/// Accounts of `penalise_oracle`. What belongs to the oracle program is checked there.
#[derive(Accounts)]
pub struct PenaliseOracle {
    /// The job's market.
    #[account(address = job.market @ JobsError::ForeignAccount)]
    pub market: ReadOnly<Market>,
    /// The job: any account of this program and type is one.
    #[account(mut)]
    pub job: Account<Job>,
    /// This program's own address, with which it signs.
    #[account(address = SLASHER @ JobsError::ForeignAccount)]
    pub slasher: UncheckedAccount,
    /// The oracle program.
    #[account(address = lode_oracle::ID @ JobsError::ForeignAccount)]
    pub oracle_program: UncheckedAccount,
    /// The market's committee.
    #[account(mut, address = market.committee @ JobsError::ForeignAccount)]
    pub committee: UncheckedAccount,
    /// The membership of the seat's owner; the oracle program does without it only where the seat was freed.
    #[account(mut)]
    pub oracle: Option<UncheckedAccount>,
    /// Its bond's vault, likewise.
    #[account(mut)]
    pub vault: Option<UncheckedAccount>,
    /// The wallet that appealed and won, iff a part of the penalty is its.
    pub appellant: Option<UncheckedAccount>,
    /// Its associated account of the bond mint, likewise; need not exist.
    #[account(mut)]
    pub reward: Option<UncheckedAccount>,
    /// The bond mint.
    #[account(mut)]
    pub mint: UncheckedAccount,
    /// The mint's token program.
    pub token_program: UncheckedAccount,
}

impl PenaliseOracle {
    /// Whose a part of the penalty is must be passed, so that nobody denies it by leaving it out. Derived from the wallet,
    /// as its ledger may be closed by now.
    fn require_reward(&self) -> Result<()> {
        let (Some(wallet), Some(reward)) = (&self.appellant, &self.reward) else {
            return Err(JobsError::WrongReward.into());
        };
        let (ledger, _) = find_program_address(
            &[
                LEDGER_SEED,
                self.job.market.as_ref(),
                wallet.address().as_ref(),
            ],
            &crate::ID,
        );
        // the canonical address, as the account need not exist
        let (associated, _) = find_program_address(
            &[
                wallet.address().as_ref(),
                self.token_program.address().as_ref(),
                self.mint.address().as_ref(),
            ],
            &lode_token::ASSOCIATED,
        );
        require!(
            address_eq(&ledger, &self.job.appellant) && address_eq(&associated, reward.address()),
            JobsError::WrongReward
        );
        Ok(())
    }

    /// The appellant's account, unless somebody else owns it now: token accounts can be given away. What is left out of
    /// the slash is burned.
    fn leave_out_what_is_not_his(&mut self) -> Result<()> {
        let (Some(wallet), Some(reward)) = (&self.appellant, &self.reward) else {
            return Ok(());
        };
        let owner = lode_token::owner(&reward.account().try_borrow()?);
        if owner.is_some_and(|owner| !address_eq(&owner, wallet.address())) {
            self.reward = None;
        }
        Ok(())
    }

    /// Checks, sets the seat's bit, then has the bond slashed by the larger of what the seat owes.
    pub fn handle(&mut self, number: u8) -> Result<()> {
        require!(
            [JobState::Settled, JobState::Failed, JobState::Voided]
                .iter()
                .any(|state| *state as u8 == self.job.state),
            JobsError::IllegalTransition
        );
        let bit = 1u32
            .checked_shl(u32::from(number))
            .ok_or(JobsError::NothingToPunish)?;
        let offence = self.job.offence(bit).ok_or(JobsError::NothingToPunish)?;
        let (bps, reward_bps) = match offence {
            Offence::Overturned if self.job.appellant_won() => {
                self.require_reward()?;
                (OVERTURNED_BPS, APPELLANT_BPS)
            }
            Offence::Overturned => (OVERTURNED_BPS, 0),
            Offence::Idle => (IDLE_BPS, 0),
        };
        if reward_bps == 0 {
            require!(
                self.appellant.is_none() && self.reward.is_none(),
                JobsError::WrongReward
            );
        }
        self.leave_out_what_is_not_his()?;
        self.job.penalised |= bit;
        let fault = offence == Offence::Overturned;
        self.slash(number, fault, bps, reward_bps);
        tell(OraclePenalised {
            job: *self.job.address(),
            committee: *self.committee.address(),
            bps: u64::from(bps),
            seat: u64::from(number),
        });
        Ok(())
    }

    fn slash<'a>(&'a self, seat: u8, fault: bool, bps: u16, reward_bps: u16) {
        let mut data = [0; 22];
        data[..8].copy_from_slice(&SLASH_ORACLE);
        data[8] = seat;
        data[9..17].copy_from_slice(&self.job.submitted_at.to_le_bytes());
        data[17] = u8::from(fault);
        data[18..20].copy_from_slice(&bps.to_le_bytes());
        data[20..].copy_from_slice(&reward_bps.to_le_bytes());
        // an optional account that is left out is the program itself
        let none = &self.oracle_program;
        let oracle = self.oracle.as_ref().unwrap_or(none);
        let vault = self.vault.as_ref().unwrap_or(none);
        let reward = self.reward.as_ref().unwrap_or(none);
        let handles = [
            self.slasher.cpi_handle(),
            self.committee.cpi_handle(),
            oracle.cpi_handle(),
            vault.cpi_handle(),
            reward.cpi_handle(),
            self.mint.cpi_handle(),
            self.token_program.cpi_handle(),
        ];
        let optional = |account: &'a UncheckedAccount| {
            if address_eq(account.address(), none.address()) {
                InstructionAccount::readonly(account.address())
            } else {
                InstructionAccount::writable(account.address())
            }
        };
        let metas = [
            InstructionAccount::readonly_signer(self.slasher.address()),
            InstructionAccount::writable(self.committee.address()),
            optional(oracle),
            optional(vault),
            optional(reward),
            InstructionAccount::writable(self.mint.address()),
            InstructionAccount::readonly(self.token_program.address()),
        ];
        unchecked_invoke_signed_fixed(
            self.oracle_program.address(),
            &data,
            &metas,
            &handles,
            &[&[SLASHER_SEED, &[SLASHER_BUMP]]],
        );
    }
}

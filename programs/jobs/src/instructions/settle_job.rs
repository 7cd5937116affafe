//! `settle_job`: money follows the verdict.

use crate::constants::*;
use crate::error::JobsError;
use crate::state::{add, flag, sub, Job, JobState, JobsConfig, Ledger, Market, Work};
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use lode_attestation::Verdict;
use lode_math::bills;
use lode_program::ReadOnly;

/// Accounts of `settle_job`.
#[derive(Accounts)]
pub struct SettleJob {
    /// The customer, or anyone; earns the crank slice.
    #[account(mut)]
    pub signer: Signer,
    /// The configuration: emission mint and epochs. Of this program and type there is only one.
    pub config: ReadOnly<JobsConfig>,
    /// The job's market.
    #[account(address = job.market @ JobsError::ForeignAccount)]
    pub market: ReadOnly<Market>,
    /// The job: any account of this program and type is one.
    #[account(mut)]
    pub job: Account<Job>,
    /// The customer's ledger. He may be challenger and appellant too.
    #[account(mut, unsafe(dup), address = job.customer @ JobsError::ForeignAccount)]
    pub customer: Account<Ledger>,
    /// The node's ledger of this market; bound by its stored keys.
    #[account(mut, constraint = anchor_lang::address_eq(&ledger.party, &job.node) && anchor_lang::address_eq(&ledger.market, &job.market) @ JobsError::ForeignAccount)]
    pub ledger: Account<Ledger>,
    /// The node's points, or its empty address where they were closed: see `earn`.
    #[account(mut)]
    pub work: UncheckedAccount,
    /// The challenger's ledger, iff the job names one: bound in `release`.
    #[account(mut, unsafe(dup))]
    pub challenger: Option<UncheckedAccount>,
    /// The appellant's ledger, iff the job names one: bound in `release`.
    #[account(mut, unsafe(dup))]
    pub appellant: Option<UncheckedAccount>,
}

impl SettleJob {
    fn validate(&self, slot: u64) -> Result<()> {
        require!(
            self.job.state == JobState::Attested as u8,
            JobsError::IllegalTransition
        );
        let is_match = self.job.verdict == Verdict::Match as u8;
        let customers = address_eq(&self.customer.authority, self.signer.address());
        // A customer may pay a match at once: it is his money. Not where a bond of somebody else's hangs on it, who may
        // still want to hear the whole committee.
        let alone = address_eq(&self.job.challenger, &Address::default());
        if self.job.has(flag::FINAL) || (is_match && customers && alone) {
            return Ok(());
        }
        self.job.require_over(&self.market, slot)
    }

    /// Pays the node: `work` less fees, the rest of the escrow back, the collateral back.
    fn pay(&mut self, now: i64) -> Result<u64> {
        let (market, job) = (&self.market, &self.job);
        let bill = bills::bill(
            job.price,
            job.units,
            job.surcharge(market),
            u64::from(market.burn_bps),
            u64::from(market.fee_bps),
        )
        .ok_or(JobsError::Overflow)?;
        let escrow = job.escrow(market)?;
        let spent = add(bill.work, bill.checks)?;
        // A result sealed late is checked by everyone: its node pays for what the customer's share does not cover.
        let extra = if job.has(flag::LATE) {
            job.panel_work(market, job.units)?
                .saturating_sub(bill.checks)
        } else {
            0
        };
        let (collateral, units) = (job.collateral, job.units);
        self.customer.pay_bill(escrow, spent, units)?;
        let emits = address_eq(&market.mint, &self.config.emission_mint);
        self.ledger
            .earn_bill(&bill, collateral, extra, units, emits)?;
        self.earn(if emits { bill.burn } else { 0 }, now)?;
        Ok(bill.node)
    }

    /// Writes points to the node's `Work`. Its address is always passed, so that nobody denies points by leaving it
    /// out; if it was closed there are no points and no failure.
    fn earn(&mut self, points: u64, now: i64) -> Result<()> {
        let view = *self.work.account();
        // SAFETY: no other account of this instruction has the type `Work`, whose discriminator is checked here, so
        // nothing else borrows its data.
        let mut work = match unsafe { Account::<Work>::load_mut(view) } {
            Ok(work) => work,
            Err(_) if !view.owned_by(&crate::ID) => return self.require_no_work(),
            Err(error) => return Err(error),
        };
        require!(address_eq(&work.node, &self.job.node), JobsError::WrongWork);
        match self.config.epoch(now) {
            Some(epoch) if points > 0 => work.earn(epoch, points),
            _ => Ok(()),
        }
    }

    /// The account passed is where the node's `Work` was.
    #[cold]
    fn require_no_work(&self) -> Result<()> {
        let seeds = [WORK_SEED, self.job.node.as_ref()];
        let (expected, _) = find_program_address(&seeds, &crate::ID);
        require!(
            address_eq(self.work.address(), &expected),
            JobsError::WrongWork
        );
        Ok(())
    }

    /// A lie: the escrow goes back; the collateral pays the checks, half of the rest rewards whoever found the lie out,
    /// what remains burns.
    /// Returns what the node lost and what of it is the reward.
    fn punish(&mut self) -> Result<(u64, u64)> {
        let (market, job) = (&self.market, &mut self.job);
        let (escrow, collateral) = (job.escrow(market)?, job.collateral);
        let checks = job.panel_work(market, job.units_limit)?.min(collateral);
        job.flags |= flag::SLASH_DUE;
        self.customer.unlock(escrow, escrow)?;
        let rest = sub(collateral, checks)?;
        let reward = if job.appellant_won() || job.challenger_won() {
            rest / 2
        } else {
            0
        };
        let ledger = &mut *self.ledger;
        ledger.unlock(collateral, 0)?;
        ledger.checks_owed = add(ledger.checks_owed, checks)?;
        ledger.burn_owed = add(ledger.burn_owed, sub(rest, reward)?)?;
        Ok((collateral, reward))
    }

    /// Nobody knows whose fault it was: customer and node each lose `late` to the checks.
    fn share_loss(&mut self) -> Result<u64> {
        let (market, job) = (&self.market, &self.job);
        let (escrow, collateral, late) = (job.escrow(market)?, job.collateral, job.late(market)?);
        self.customer.unlock(escrow, sub(escrow, late)?)?;
        let ledger = &mut *self.ledger;
        ledger.unlock(collateral, sub(collateral, late)?)?;
        ledger.checks_owed = add(ledger.checks_owed, add(late, late)?)?;
        Ok(late)
    }

    /// Bonds go to the checks from whoever was proved wrong, back to everyone else; `reward` goes to the appellant if he
    /// was right, else to the challenger.
    fn release(&mut self, reward: u64) -> Result<()> {
        let (job, market) = (&self.job, &self.market);
        let (mut lost, appellant_won) = (0, job.appellant_won());
        super::named_ledger(
            &mut self.customer,
            self.challenger.as_ref(),
            &job.challenger,
            |ledger| {
                let bond = job.challenge_bond(market)?;
                if job.challenger_lost() {
                    lost = bond;
                    return ledger.unlock(bond, 0);
                }
                let reward = if appellant_won { 0 } else { reward };
                ledger.unlock(bond, add(bond, reward)?)
            },
        )?;
        super::named_ledger(
            &mut self.customer,
            self.appellant.as_ref(),
            &job.appellant,
            |ledger| {
                let bond = job.appeal_bond()?;
                if job.appellant_lost() {
                    lost = add(lost, bond)?;
                    return ledger.unlock(bond, 0);
                }
                let reward = if appellant_won { reward } else { 0 };
                ledger.unlock(bond, add(bond, reward)?)
            },
        )?;
        self.ledger.checks_owed = add(self.ledger.checks_owed, lost)?;
        Ok(())
    }

    /// Checks, then moves the money as the verdict says.
    pub fn handle(&mut self, now: i64, slot: u64) -> Result<()> {
        self.validate(slot)?;
        let verdict = Verdict::try_from(self.job.verdict).map_err(|_| JobsError::BadVerdict)?;
        let (amount, reward, end) = match verdict {
            Verdict::Match => (self.pay(now)?, 0, JobState::Settled),
            Verdict::Mismatch => {
                let (lost, reward) = self.punish()?;
                (lost, reward, JobState::Failed)
            }
            Verdict::Unrunnable => (self.share_loss()?, 0, JobState::Failed),
        };
        self.release(reward)?;
        if end == JobState::Failed {
            self.customer.failed = add(self.customer.failed, 1)?;
            self.ledger.failed = add(self.ledger.failed, 1)?;
        }
        self.customer.close_job()?;
        self.ledger.close_job()?;
        let retention = self.market.retention();
        self.job.enter(end, slot, retention)?;
        self.job
            .tell_settled(self.job.address(), self.ledger.address(), amount);
        super::pay_crank(&mut self.job, &self.signer)
    }
}

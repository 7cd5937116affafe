//! [`Ledger`]: one party's account with one market. Money moves between ledgers as entries; tokens move only at
//! deposit, withdrawal, redemption and sweep.

use super::{add, sub};
use crate::error::JobsError;
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use lode_math::bills::Bill;
use lode_math::nonce::Window;

/// Whose ledger it is.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerKind {
    /// A wallet's: customer, oracle, challenger. Posts and challenges.
    Wallet = 0,
    /// A node's: opened by its owner, who thereby opts in to market, committee and gateway. Bids and accepts.
    Node = 1,
}

/// A party's account with a market. PDA `"ledger", market, party`.
#[account]
pub struct Ledger {
    /// Layout version, 1.
    pub version: u8,
    /// A [`LedgerKind`].
    pub kind: u8,
    /// Bump of the address.
    pub bump: u8,
    /// Reserved, 0.
    pub flags: u8,
    /// Padding, 0.
    pub padding: [u8; 4],
    /// The market.
    pub market: Address,
    /// The wallet or the node.
    pub party: Address,
    /// The wallet, or the node's owner: the only one who takes money out.
    pub authority: Address,
    /// Who paid this account's rent.
    pub payer: Address,
    /// Base units that may be locked or withdrawn.
    pub available: u64,
    /// Base units locked: escrow, collateral, bonds.
    pub locked: u64,
    /// Most that a node's jobs may lock, set by its owner: what the worker's key can lose.
    pub locked_cap: u64,
    /// Jobs that are not final.
    pub open_jobs: u64,
    /// Highest nonce taken.
    pub nonce_top: u64,
    /// Which of the 64 nonces up to it are taken.
    pub nonce_taken: u64,
    /// Base units owed onward: to be burned.
    pub burn_owed: u64,
    /// Base units owed onward: burn fees in another mint than the emission mint, the treasury's.
    pub fees_owed: u64,
    /// Base units owed onward: the market's fees.
    pub market_owed: u64,
    /// Base units owed onward: to the check pool.
    pub checks_owed: u64,
    /// Base units that this party earned by checking and has not redeemed.
    pub credits: u64,
    /// Jobs that ended well for this party.
    pub settled: u64,
    /// Jobs that failed.
    pub failed: u64,
    /// Units of settled jobs.
    pub units: u64,
    /// Base units earned (node) or spent (wallet) in settled jobs.
    pub turnover: u64,
    /// Reserved, 0.
    pub reserved: [u8; 64],
}

impl Ledger {
    /// Is a wallet's.
    pub fn require_wallet(&self) -> Result<()> {
        require!(
            self.kind == LedgerKind::Wallet as u8,
            JobsError::WrongLedgerKind
        );
        Ok(())
    }

    /// Is a node's.
    pub fn require_node(&self) -> Result<()> {
        require!(
            self.kind == LedgerKind::Node as u8,
            JobsError::WrongLedgerKind
        );
        Ok(())
    }

    /// Is this node's ledger of this market. Passed as an option, so no constraint of an account binds it.
    pub fn require_of_node(&self, node: &Address, market: &Address) -> Result<()> {
        require!(
            address_eq(&self.party, node) && address_eq(&self.market, market),
            JobsError::NamedLedger
        );
        self.require_node()
    }

    /// Moves money from available to locked.
    pub fn lock(&mut self, amount: u64) -> Result<()> {
        self.available = self
            .available
            .checked_sub(amount)
            .ok_or(JobsError::InsufficientFunds)?;
        self.locked = add(self.locked, amount)?;
        Ok(())
    }

    /// The same for a node, under its owner's cap.
    pub fn lock_capped(&mut self, amount: u64) -> Result<()> {
        self.lock(amount)?;
        require!(self.locked <= self.locked_cap, JobsError::CapExceeded);
        Ok(())
    }

    /// Unlocks `locked`, of which `kept` returns to available; the caller books the rest.
    pub fn unlock(&mut self, locked: u64, kept: u64) -> Result<()> {
        self.locked = sub(self.locked, locked)?;
        self.available = add(self.available, kept)?;
        Ok(())
    }

    /// Unlocks a node's collateral, of which `forfeit` is owed to the burn and `checks` to the pool.
    pub fn forfeit(&mut self, collateral: u64, forfeit: u64, checks: u64) -> Result<()> {
        self.unlock(collateral, sub(sub(collateral, forfeit)?, checks)?)?;
        self.burn_owed = add(self.burn_owed, forfeit)?;
        self.checks_owed = add(self.checks_owed, checks)?;
        Ok(())
    }

    /// A customer's part of a settled job: of the escrow, `spent` is gone, the rest returns.
    #[inline(never)]
    pub fn pay_bill(&mut self, escrow: u64, spent: u64, units: u64) -> Result<()> {
        self.unlock(escrow, sub(escrow, spent)?)?;
        self.settled = add(self.settled, 1)?;
        self.count(units, spent);
        Ok(())
    }

    /// A node's part of it: the collateral returns, less what it pays `extra` for checks; what the bill says is its own,
    /// the fees are owed onward. `emits`: the burn fee is burned, else it is the treasury's.
    #[inline(never)]
    pub fn earn_bill(
        &mut self,
        bill: &Bill,
        collateral: u64,
        extra: u64,
        units: u64,
        emits: bool,
    ) -> Result<()> {
        self.unlock(collateral, add(sub(collateral, extra)?, bill.node)?)?;
        self.checks_owed = add(self.checks_owed, add(bill.checks, extra)?)?;
        self.market_owed = add(self.market_owed, bill.fee)?;
        if emits {
            self.burn_owed = add(self.burn_owed, bill.burn)?;
        } else {
            self.fees_owed = add(self.fees_owed, bill.burn)?;
        }
        self.settled = add(self.settled, 1)?;
        self.count(units, bill.node);
        Ok(())
    }

    /// Adds to the lifetime sums, which are no reason to fail.
    fn count(&mut self, units: u64, amount: u64) {
        self.units = self.units.saturating_add(units);
        self.turnover = self.turnover.saturating_add(amount);
    }

    /// One more job that is not final.
    pub fn open_job(&mut self) -> Result<()> {
        self.open_jobs = add(self.open_jobs, 1)?;
        Ok(())
    }

    /// One less.
    pub fn close_job(&mut self) -> Result<()> {
        self.open_jobs = sub(self.open_jobs, 1)?;
        Ok(())
    }

    fn nonces(&self) -> Window {
        Window {
            top: self.nonce_top,
            taken: self.nonce_taken,
        }
    }

    /// Takes a nonce.
    pub fn take_nonce(&mut self, nonce: u64) -> Result<()> {
        let window = self.nonces().take(nonce).ok_or(JobsError::NonceTaken)?;
        (self.nonce_top, self.nonce_taken) = (window.top, window.taken);
        Ok(())
    }

    /// No job of a ledger that is opened here from `now` on has the address of one of this ledger's.
    pub fn require_nonces_behind(&self, now: i64) -> Result<()> {
        require!(self.nonces().may_close_at(now), JobsError::PostedJustNow);
        Ok(())
    }

    /// Nothing is left in it and nothing will come. Credits are its authority's to give up: the pool may never hold
    /// enough for them.
    pub fn require_empty(&self, gives_up_credits: bool) -> Result<()> {
        let owed = self.burn_owed | self.fees_owed | self.market_owed | self.checks_owed;
        require!(
            self.open_jobs | self.locked | self.available | owed == 0
                && (gives_up_credits || self.credits == 0),
            JobsError::LedgerNotEmpty
        );
        Ok(())
    }
}

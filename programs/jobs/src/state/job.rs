//! [`Job`]: from posting to close.

use super::{fits, Ledger, Market, NodeFilter};
use crate::constants::*;
use crate::error::JobsError;
use crate::event::{JobChanged, JobSettled};
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use lode_attestation::{majority, Verdict};
use lode_math::{bills, wide::mul, windows};
use lode_program::tell;

/// Where a job stands.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Waits for a node.
    Open = 1,
    /// A node runs it.
    Accepted = 2,
    /// A commitment is published.
    Submitted = 3,
    /// The seal says whether it is checked, and by whom.
    Sealed = 4,
    /// A verdict stands and may be challenged.
    Attested = 5,
    /// The whole committee decides.
    Challenged = 6,
    /// Paid.
    Settled = 7,
    /// The customer has his escrow back.
    Failed = 8,
    /// Nobody could decide: everything returned.
    Voided = 9,
    /// Withdrawn before a node ran it.
    Cancelled = 10,
}

use JobState::*;

/// Every legal step, and no other: the one table that every instruction asks.
pub const TRANSITIONS: [(JobState, JobState); 19] = [
    (Open, Open),
    (Open, Accepted),
    (Open, Cancelled),
    (Accepted, Open),
    (Accepted, Failed),
    (Accepted, Submitted),
    (Submitted, Sealed),
    (Submitted, Voided),
    (Sealed, Attested),
    (Sealed, Sealed),
    (Sealed, Open),
    (Sealed, Failed),
    (Sealed, Voided),
    (Attested, Sealed),
    (Attested, Challenged),
    (Attested, Settled),
    (Attested, Failed),
    (Challenged, Challenged),
    (Challenged, Attested),
];

/// [`TRANSITIONS`] by the state that a step starts from, a bit for each state that it may lead to: one look instead of
/// nineteen.
const LEGAL: [u16; 16] = {
    let mut legal = [0; 16];
    let mut i = 0;
    while i < TRANSITIONS.len() {
        let (from, to) = TRANSITIONS[i];
        legal[from as usize] |= 1 << to as u16;
        i += 1;
    }
    legal
};

impl TryFrom<u8> for JobState {
    type Error = u8;

    /// The state of a byte, or the byte where it is none.
    fn try_from(byte: u8) -> core::result::Result<Self, u8> {
        Ok(match byte {
            1 => Open,
            2 => Accepted,
            3 => Submitted,
            4 => Sealed,
            5 => Attested,
            6 => Challenged,
            7 => Settled,
            8 => Failed,
            9 => Voided,
            10 => Cancelled,
            other => return Err(other),
        })
    }
}

/// Bits of [`Job::flags`].
pub mod flag {
    /// Meant for one node.
    pub const TARGETED: u8 = 1;
    /// A bid stands.
    pub const BID: u8 = 1 << 1;
    /// Posted with a check for certain.
    pub const CHECKED: u8 = 1 << 2;
    /// The verdict cannot be challenged: a majority of all eligible seats signed it.
    pub const FINAL: u8 = 1 << 3;
    /// The node is to be slashed.
    pub const SLASH_DUE: u8 = 1 << 4;
    /// Sealed too late to draw: checked by the whole committee, at the node's expense.
    pub const LATE: u8 = 1 << 5;
    /// `result` is the result's hash, not the commitment.
    pub const REVEALED: u8 = 1 << 6;
}

/// What a seat of a panel can be punished for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offence {
    /// It signed a match against a mismatch signed by a majority of all eligible seats, or the reverse.
    Overturned,
    /// It stayed silent until a window ended without a majority, or found unrunnable what others ran.
    Idle,
}

/// A job. PDA `"job", customer's ledger, nonce`.
///
/// Escrow, bonds, the opening and the accepting slot are not stored: they follow from the terms and the deadline.
#[account]
pub struct Job {
    /// Layout version, 1.
    pub version: u8,
    /// A [`JobState`].
    pub state: u8,
    /// Bump of the address.
    pub bump: u8,
    /// Bits of [`flag`].
    pub flags: u8,
    /// How many nodes gave up or let it expire.
    pub attempt: u8,
    /// A [`Verdict`], 0 for none.
    pub verdict: u8,
    /// The verdict that was appealed against, 0 for none.
    pub first_verdict: u8,
    /// Crank slices that the job's lamports still hold above its rent.
    pub slices: u8,
    /// The market.
    pub market: Address,
    /// The customer's ledger.
    pub customer: Address,
    /// Target or best bidder while Open, later the assignee; zero for nobody.
    pub node: Address,
    /// SHA-256 of the spec.
    pub spec: [u8; 32],
    /// The commitment, after the reveal the result's hash.
    pub result: [u8; 32],
    /// The seal, zero before.
    pub seal: [u8; 32],
    /// Ledger of who challenged an unchecked result, zero for nobody.
    pub challenger: Address,
    /// Ledger of who appealed against a verdict, zero for nobody.
    pub appellant: Address,
    /// Who paid this account's rent and crank deposit.
    pub payer: Address,
    /// Base units per million units; after an award what was bid.
    pub price: u64,
    /// While Open the best bid, base units per million units; after an award the price that was posted; 0 for none.
    pub bid: u64,
    /// Most units that are paid.
    pub units_limit: u64,
    /// Units of the result.
    pub units: u64,
    /// Base units of the money that the node, or the best bidder, has locked for this job.
    pub collateral: u64,
    /// When a node accepted, unix seconds: what a slash is dated by.
    pub accepted_at: i64,
    /// When the result was submitted, unix seconds: what seats serve by.
    pub submitted_at: i64,
    /// The same, slot: what the seal is drawn by.
    pub submitted_slot: u64,
    /// End of the state's window, slot.
    pub deadline: u64,
    /// Seats that serve this submission, a bit each: fixed by its time, written by the seal.
    pub eligible: u32,
    /// Seats that the seal drew, whether or not the result is checked.
    pub drawn: u32,
    /// Seats that decide; none while unchecked.
    pub panel: u32,
    /// Seats that stayed silent until a window ended.
    pub silent: u32,
    /// Seats that signed a match.
    pub signed_match: u32,
    /// Seats that signed a mismatch.
    pub signed_mismatch: u32,
    /// Seats that signed unrunnable.
    pub signed_unrunnable: u32,
    /// Seats that collected their share.
    pub collected: u32,
    /// Seats that were punished.
    pub penalised: u32,
    /// Which nodes may run it, beside what the market asks of all.
    pub nodes: NodeFilter,
}

impl Job {
    /// Where the job stands.
    pub fn state(&self) -> Result<JobState> {
        JobState::try_from(self.state).map_err(|_| JobsError::IllegalTransition.into())
    }

    /// Whether a step is in the table.
    pub fn can_transition_to(&self, next: JobState) -> bool {
        LEGAL
            .get(usize::from(self.state))
            .is_some_and(|legal| legal >> next as u16 & 1 == 1)
    }

    /// The job stands at `from` and may go to `to`. The states that an instruction starts from are its own; the table
    /// says whether the step exists at all.
    pub fn require_step(&self, from: JobState, to: JobState) -> Result<()> {
        require!(
            self.state == from as u8 && self.can_transition_to(to),
            JobsError::IllegalTransition
        );
        Ok(())
    }

    /// Goes to a state whose window is `window` slots from `slot` on.
    pub fn enter(&mut self, next: JobState, slot: u64, window: u64) -> Result<()> {
        require!(self.can_transition_to(next), JobsError::IllegalTransition);
        self.state = next as u8;
        self.deadline = super::add(slot, window)?;
        Ok(())
    }

    /// A flag is set.
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Is paid, failed, voided or cancelled.
    pub fn is_final(&self) -> bool {
        [Settled, Failed, Voided, Cancelled]
            .iter()
            .any(|state| *state as u8 == self.state)
    }

    /// Share of results that are checked, for this job, basis points.
    pub fn check_bps(&self, market: &Market) -> u16 {
        if self.has(flag::CHECKED) {
            10_000
        } else {
            market.check_bps
        }
    }

    /// What is added for checks, for this job, basis points of the work.
    pub fn surcharge(&self, market: &Market) -> u64 {
        let usual = u64::from(market.surcharge_bps);
        if self.has(flag::CHECKED) {
            usual.max(u64::from(market.k) * 10_000)
        } else {
            usual
        }
    }

    /// The price that the customer posted, which is what everybody's money was locked for: an award makes the bid the
    /// price that is paid, and keeps the posted one in its place.
    pub fn posted_price(&self) -> u64 {
        self.price.max(self.bid)
    }

    /// What the job locks in its customer's ledger, until its end: at the posted price.
    pub fn escrow(&self, market: &Market) -> Result<u64> {
        self.escrow_at(self.posted_price(), market)
    }

    /// What the job would lock at this price.
    pub fn escrow_at(&self, price: u64, market: &Market) -> Result<u64> {
        fits(bills::escrow(
            price,
            self.units_limit,
            self.surcharge(market),
        ))
    }

    /// What a node forfeits that is late.
    pub fn late(&self, market: &Market) -> Result<u64> {
        fits(bills::late(
            self.escrow(market)?,
            u64::from(market.late_bps),
        ))
    }

    /// What a node forfeits that gives up at `slot`: a part of `late` that grows with the time it took; all of it where the
    /// job was awarded. A bid keeps all others out for as long as the bidding lasts, so it must cost as much to go back on
    /// it after the award as not to be fit for one.
    pub fn giving_up(&self, market: &Market, slot: u64) -> Result<u64> {
        let late = self.late(market)?;
        if self.bid != 0 {
            return Ok(late);
        }
        let elapsed = slot.saturating_sub(self.opened(market)?);
        fits(bills::give_up(late, elapsed, self.window(market)?))
    }

    /// What a node forfeits whose window ends: to the burn, and to the checks.
    ///
    /// A result that nobody was drawn to check, and that is not revealed, pays all that its customer would have paid for
    /// checks: the surcharge of the many results that are not checked is what pays for the few that are, so whoever
    /// revealed only what was drawn would empty the pool.
    pub fn forfeits(&self, market: &Market) -> Result<(u64, u64)> {
        let late = self.late(market)?;
        if self.state != Sealed as u8 {
            return Ok((late, 0));
        }
        let work = fits(bills::work(self.posted_price(), self.units_limit))?;
        let checks = super::sub(self.escrow(market)?, work)?;
        Ok((late, checks.min(super::sub(self.collateral, late)?)))
    }

    /// `seats x work(units)`: what so many checks of so many units are paid, at the price that is paid.
    pub fn checks_by(&self, seats: u32, units: u64) -> Result<u64> {
        Self::seats_work(self.price, seats, units)
    }

    fn seats_work(price: u64, seats: u32, units: u64) -> Result<u64> {
        fits(bills::work(price, units).and_then(|work| mul(work, u64::from(seats))))
    }

    /// `k x work(units)`.
    pub fn panel_work(&self, market: &Market, units: u64) -> Result<u64> {
        self.checks_by(u32::from(market.k), units)
    }

    /// What whoever challenges an unchecked result locks: `k x work(limit)`, at the posted price: a node in league with
    /// him may have bid next to nothing.
    pub fn challenge_bond(&self, market: &Market) -> Result<u64> {
        Self::seats_work(self.posted_price(), u32::from(market.k), self.units_limit)
    }

    /// What whoever appeals against a verdict locks: `eligible seats x work(limit)`, at the posted price.
    pub fn appeal_bond(&self) -> Result<u64> {
        let seats = self.eligible.count_ones();
        Self::seats_work(self.posted_price(), seats, self.units_limit)
    }

    /// What a node locks for this job: at the posted price, whatever it bid.
    pub fn collateral_due(&self, market: &Market) -> Result<u64> {
        fits(bills::collateral(
            self.escrow(market)?,
            u64::from(self.check_bps(market)),
        ))
    }

    /// Length of the window that runs.
    pub fn window(&self, market: &Market) -> Result<u64> {
        Ok(match self.state()? {
            Open => market.accept_window,
            Accepted => fits(market.run_window(self.units_limit))?,
            Submitted => SEALING,
            Sealed | Challenged => market.attest_window,
            Attested => self.challenge_window(market)?,
            Settled | Failed | Voided | Cancelled => market.retention(),
        })
    }

    /// Whether the state's window is over at `slot`. A restart of the cluster inside it lengthens it; the sysvar is
    /// read only where that could matter.
    #[inline(always)]
    pub fn is_over(&self, market: &Market, slot: u64) -> Result<bool> {
        if slot < self.deadline {
            return Ok(false);
        }
        self.is_over_despite_restarts(market, slot)
    }

    #[inline(never)]
    fn is_over_despite_restarts(&self, market: &Market, slot: u64) -> Result<bool> {
        let window = self.window(market)?;
        let restart = crate::sysvar::last_restart_slot()?;
        Ok(slot >= windows::effective_deadline(self.deadline, window, restart))
    }

    /// The party may still act.
    #[inline(always)]
    pub fn require_open_window(&self, market: &Market, slot: u64) -> Result<()> {
        require!(!self.is_over(market, slot)?, JobsError::WindowOver);
        Ok(())
    }

    /// The crank may act.
    pub fn require_over(&self, market: &Market, slot: u64) -> Result<()> {
        require!(self.is_over(market, slot)?, JobsError::WindowOpen);
        Ok(())
    }

    /// The slot before which an auction may be awarded, and from which on anyone may cancel what nobody awarded: one
    /// accept window after the end of the bidding.
    fn award_end(&self, market: &Market) -> Result<u64> {
        let restart = crate::sysvar::last_restart_slot()?;
        let window = market.accept_window;
        let bidding = windows::effective_deadline(self.deadline, window, restart);
        let end = bidding.checked_add(window).ok_or(JobsError::Overflow)?;
        Ok(windows::effective_deadline(end, window, restart))
    }

    /// The bidding is over and the award is not.
    pub fn require_award_window(&self, market: &Market, slot: u64) -> Result<()> {
        self.require_over(market, slot)?;
        require!(slot < self.award_end(market)?, JobsError::WindowOver);
        Ok(())
    }

    /// Nobody awarded the auction in time.
    pub fn require_award_over(&self, market: &Market, slot: u64) -> Result<()> {
        require!(slot >= self.award_end(market)?, JobsError::WindowOpen);
        Ok(())
    }

    /// Slot at which the running window opened.
    pub fn opened(&self, market: &Market) -> Result<u64> {
        Ok(self.deadline.saturating_sub(self.window(market)?))
    }

    /// The result is checked: somebody decides over it.
    pub fn is_checked(&self) -> bool {
        self.panel != 0
    }

    /// Slots in which a verdict may be challenged: none for a match on a small escrow, nor for what is final.
    pub fn challenge_window(&self, market: &Market) -> Result<u64> {
        if self.has(flag::FINAL) {
            return Ok(0);
        }
        let small =
            self.verdict == Verdict::Match as u8 && self.escrow(market)? < market.final_below;
        Ok(if small { 0 } else { market.challenge_window })
    }

    /// Ends an attempt that gave no result, taking `forfeit` of the collateral to be burned and `checks` for the pool: the
    /// job is open again at the price that was posted, or failed
    /// after three attempts or if it was meant for this node; then the escrow returns.
    pub fn end_attempt(
        &mut self,
        market: &Market,
        node: &mut Ledger,
        customer: &mut Ledger,
        forfeit: u64,
        checks: u64,
        slot: u64,
    ) -> Result<()> {
        node.forfeit(self.collateral, forfeit, checks)?;
        node.close_job()?;
        let attempts = self.attempt.saturating_add(1);
        if self.has(flag::TARGETED) || attempts >= ATTEMPTS {
            let escrow = self.escrow(market)?;
            self.enter(Failed, slot, market.retention())?;
            node.failed = super::add(node.failed, 1)?;
            customer.failed = super::add(customer.failed, 1)?;
            customer.unlock(escrow, escrow)?;
            return customer.close_job();
        }
        self.enter(Open, slot, market.accept_window)?;
        // all fields of the attempt cleared: nothing of it can be replayed in the next
        self.attempt = attempts;
        self.flags &= flag::CHECKED;
        self.node = Address::default();
        self.price = self.posted_price();
        self.bid = 0;
        self.result = [0; 32];
        self.seal = [0; 32];
        self.units = 0;
        self.collateral = 0;
        self.accepted_at = 0;
        self.submitted_at = 0;
        self.submitted_slot = 0;
        self.eligible = 0;
        self.drawn = 0;
        Ok(())
    }

    /// The verdict, if one stands.
    pub fn verdict(&self) -> Option<Verdict> {
        Verdict::try_from(self.verdict).ok()
    }

    /// Seats that signed a verdict.
    pub fn signers(&self, verdict: Verdict) -> u32 {
        match verdict {
            Verdict::Match => self.signed_match,
            Verdict::Mismatch => self.signed_mismatch,
            Verdict::Unrunnable => self.signed_unrunnable,
        }
    }

    /// Seats that signed any verdict.
    pub fn signed(&self) -> u32 {
        self.signed_match | self.signed_mismatch | self.signed_unrunnable
    }

    /// Marks the seats of the panel that let its window pass.
    pub fn mark_silent(&mut self) {
        self.silent |= self.panel & !self.signed();
    }

    /// A majority of all eligible seats signed the standing verdict: what alone is final by itself and overturns.
    pub fn is_by_all(&self) -> bool {
        self.verdict()
            .is_some_and(|verdict| self.signers(verdict).count_ones() >= majority(self.eligible))
    }

    /// Whoever challenged the unchecked result was wrong: it matches.
    pub fn challenger_lost(&self) -> bool {
        !address_eq(&self.challenger, &Address::default()) && self.verdict == Verdict::Match as u8
    }

    /// Whoever challenged the unchecked result was right.
    pub fn challenger_won(&self) -> bool {
        !address_eq(&self.challenger, &Address::default())
            && self.verdict == Verdict::Mismatch as u8
    }

    /// A majority of all said again what was appealed against.
    pub fn appellant_lost(&self) -> bool {
        self.first_verdict != 0 && self.verdict == self.first_verdict && self.is_by_all()
    }

    /// A majority of all said otherwise.
    pub fn appellant_won(&self) -> bool {
        self.first_verdict != 0 && self.verdict != self.first_verdict && self.is_by_all()
    }

    /// What a checked job owes its signers together, base units: paid in by customer, node and losers of challenges.
    pub fn checks_due(&self, market: &Market) -> Result<u64> {
        let Some(verdict) = self.verdict().filter(|_| self.is_checked()) else {
            return Ok(0);
        };
        let most = self.panel_work(market, self.units_limit)?;
        let due = match verdict {
            Verdict::Match if self.challenger_lost() => self.challenge_bond(market)?,
            Verdict::Match => self.panel_work(market, self.units)?,
            Verdict::Mismatch => most,
            Verdict::Unrunnable => {
                let late = self.late(market)?;
                super::add(late, late)?.min(most)
            }
        };
        if self.appellant_lost() {
            super::add(due, self.appeal_bond()?)
        } else {
            Ok(due)
        }
    }

    /// Seats that signed a match against a mismatch of a majority of all, or the reverse.
    fn overturned(&self) -> u32 {
        match self.verdict() {
            Some(Verdict::Match) if self.is_by_all() => self.signed_mismatch,
            Some(Verdict::Mismatch) if self.is_by_all() => self.signed_match,
            _ => 0,
        }
    }

    /// Seats that stayed silent, or found unrunnable what others ran.
    fn idle(&self) -> u32 {
        match self.verdict() {
            Some(Verdict::Match | Verdict::Mismatch) => self.silent | self.signed_unrunnable,
            _ => self.silent,
        }
    }

    /// What a seat (its bit) is still to be punished for: the larger of what it did.
    pub fn offence(&self, seat: u32) -> Option<Offence> {
        if seat & self.penalised != 0 {
            None
        } else if seat & self.overturned() != 0 {
            Some(Offence::Overturned)
        } else if seat & self.idle() != 0 {
            Some(Offence::Idle)
        } else {
            None
        }
    }

    /// Seats that are still to be punished.
    pub fn to_penalise(&self) -> u32 {
        (self.overturned() | self.idle()) & !self.penalised
    }

    /// Nothing is left that somebody could be punished for.
    pub fn is_clean(&self) -> bool {
        !self.has(flag::SLASH_DUE) && self.to_penalise() == 0
    }

    /// Tells what changed.
    #[inline(always)]
    pub fn tell(&self, job: &Address, amount: u64) {
        tell(JobChanged {
            job: *job,
            amount,
            state: self.state,
            attempt: self.attempt,
            verdict: self.verdict,
            flags: self.flags,
            padding: [0; 4],
        });
    }

    /// Tells that it was settled, and to which ledger of the node.
    #[inline(never)]
    pub fn tell_settled(&self, job: &Address, ledger: &Address, amount: u64) {
        tell(JobSettled {
            job: *job,
            units: self.units,
            ledger: *ledger,
            amount,
            state: self.state,
            attempt: self.attempt,
            verdict: self.verdict,
            flags: self.flags,
            padding: [0; 4],
        });
    }
}

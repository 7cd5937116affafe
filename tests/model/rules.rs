//! The reference model: what the protocol says of jobs, ledgers and seats, written from its text and with its own
//! arithmetic. It keeps its books in the programs' account types, as records only, so that every byte can be compared.
//!
//! Every rule returns what is broken, as the error that says so. Nothing broken: the books are changed and the program
//! must agree. Something broken: the program must refuse, for one of these reasons and no other.

use lode_attestation::{commitment, is_drawn, late_seal, lottery_number, panel, seal, Verdict};
use lode_jobs::error::JobsError;
use lode_jobs::state::{flag, Job, JobState, Ledger, MarketArgs};
use lode_jobs::PostArgs;
use lode_oracle::error::OracleError;
use lode_oracle::state::{Committee, Oracle, Seat};
use lode_tests::Failure;
use solana_address::Address;
use std::collections::{BTreeMap, BTreeSet};

const MATCH: u8 = Verdict::Match as u8;
const MISMATCH: u8 = Verdict::Mismatch as u8;
const UNRUNNABLE: u8 = Verdict::Unrunnable as u8;
/// A day, slots and seconds.
pub const SLOTS: u64 = 216_000;
pub const DAY: i64 = 86_400;
/// One crank slice and how many a job carries.
pub const SLICE: u64 = 15_000;
pub const SLICES: u8 = 12;

/// The clock as programs see it.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    pub time: i64,
    pub slot: u64,
    pub restart: u64,
}

/// Rules that a call breaks: their errors, or `None` where the framework or another program refuses.
#[derive(Clone, Debug, Default)]
pub struct Broken(Vec<Option<u32>>);

impl Broken {
    pub fn nothing(&self) -> bool {
        self.0.is_empty()
    }

    pub fn must(&mut self, holds: bool, error: impl Into<anchor_lang::Error>) {
        if holds {
            return;
        }
        match error.into() {
            anchor_lang::Error::Custom(code) => self.0.push(Some(code)),
            other => panic!("not an error of a program's own: {other:?}"),
        }
    }

    /// A rule that no error of the program's own speaks of.
    fn must_somehow(&mut self, holds: bool) {
        if !holds {
            self.0.push(None);
        }
    }

    fn somehow() -> Self {
        Self(vec![None])
    }

    /// The refusal names one of the broken rules.
    pub fn explains(&self, failure: &Failure) -> bool {
        self.0.contains(&None) || self.0.contains(&failure.code())
    }
}

/// Mistakes that the model can be told to make: a comparison that notices none of them would prove nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// None.
    None,
    /// The burn fee is rounded down.
    BurnRoundedDown,
    /// A party may still act at its deadline.
    DeadlineIncluded,
    /// A lost challenger keeps his bond.
    BondKept,
    /// Half of a panel is a majority.
    HalfIsMajority,
    /// A displaced bidder's collateral stays locked.
    BidderForgotten,
    /// A seat that left serves on.
    SeatsServeOn,
    /// The check pool pays out of nothing.
    PoolUnbounded,
}

/// A market: terms and what changes of it.
pub struct Market {
    pub at: Address,
    pub committee: Address,
    pub terms: MarketArgs,
    pub k: u8,
    /// Its mint is the emission mint.
    pub emits: bool,
    pub open: bool,
    pub pool: u64,
    /// Tokens that somebody sent to the vault without a ledger.
    pub given: u64,
}

/// A node as jobs see it: all stake is its owner's.
#[derive(Clone, Debug)]
pub struct Node {
    pub worker: Address,
    /// Class, cores, memory and region as declared.
    pub declared: (u8, u16, u32, [u8; 2]),
    pub stake: u64,
    pub jailed_at: i64,
    pub jailed_until: i64,
    /// What the last incident costs, basis points.
    pub incident: u64,
    /// When the running part of the slash window began.
    pub window_start: i64,
    /// Basis points taken, each with the beginning of its part.
    pub slashes: Vec<(i64, u64)>,
    pub exiting: bool,
    pub gone: bool,
}

/// A job and what of it is no account.
#[derive(Clone)]
pub struct Task {
    pub job: Job,
    /// What the node committed to.
    pub result: [u8; 32],
    pub units: u64,
}

/// A wallet's membership and what its vault holds.
#[derive(Clone)]
pub struct Member {
    pub oracle: Oracle,
}

/// Everything.
pub struct Model {
    pub mistake: Mistake,
    pub markets: Vec<Market>,
    pub ledgers: BTreeMap<Address, Ledger>,
    pub jobs: BTreeMap<Address, Task>,
    pub committees: BTreeMap<Address, Committee>,
    pub members: BTreeMap<Address, Member>,
    pub nodes: BTreeMap<Address, Node>,
    /// Hashes of slots, by slot: what SlotHashes holds.
    pub hashes: BTreeSet<u64>,
    pub paused_until: i64,
    pub minimum_stake: u64,
    pub unbonding: i64,
    pub jail: i64,
}

pub fn ceil_div(a: u128, b: u128) -> u64 {
    u64::try_from(a.div_ceil(b)).unwrap()
}

fn floor_bps(a: u64, bps: u64) -> u64 {
    u64::try_from(u128::from(a) * u128::from(bps) / 10_000).unwrap()
}

fn ceil_bps(a: u64, bps: u64) -> u64 {
    ceil_div(u128::from(a) * u128::from(bps), 10_000)
}

/// `ceil(price x units / 10^6)`.
pub fn work(price: u64, units: u64) -> u64 {
    ceil_div(u128::from(price) * u128::from(units), 1_000_000)
}

fn bits(mask: u32) -> u32 {
    mask.count_ones()
}

impl Market {
    fn check_bps(&self, job: &Job) -> u64 {
        if job.flags & flag::CHECKED != 0 {
            10_000
        } else {
            u64::from(self.terms.check_bps)
        }
    }

    fn checks(&self, job: &Job, units: u64) -> u64 {
        let mut surcharge = u64::from(self.terms.surcharge_bps);
        if job.flags & flag::CHECKED != 0 {
            surcharge = surcharge.max(u64::from(self.k) * 10_000);
        }
        ceil_bps(work(job.price, units), surcharge)
    }

    /// At the posted price, which an award keeps in the place of the bid.
    pub fn escrow(&self, job: &Job) -> u64 {
        let posted = Job {
            price: job.price.max(job.bid),
            ..*job
        };
        work(posted.price, job.units_limit) + self.checks(&posted, job.units_limit)
    }

    fn collateral(&self, job: &Job) -> u64 {
        ceil_div(
            u128::from(self.escrow(job)) * 10_000,
            self.check_bps(job).into(),
        )
    }

    fn late(&self, job: &Job) -> u64 {
        ceil_bps(self.escrow(job), self.terms.late_bps.into())
    }

    fn run_window(&self, job: &Job) -> u64 {
        self.terms.base_slots
            + ceil_div(
                u128::from(job.units_limit) * u128::from(self.terms.slots_per_million),
                1_000_000,
            )
    }

    fn retention(&self) -> u64 {
        u64::from(self.terms.retention_days) * SLOTS
    }

    /// The challenge window that a verdict gets.
    fn challenge_window(&self, job: &Job) -> u64 {
        let small = job.verdict == MATCH && self.escrow(job) < self.terms.final_below;
        if small || job.flags & flag::FINAL != 0 {
            0
        } else {
            self.terms.challenge_window
        }
    }

    fn window(&self, job: &Job) -> u64 {
        match JobState::try_from(job.state).unwrap() {
            JobState::Open => self.terms.accept_window,
            JobState::Accepted => self.run_window(job),
            JobState::Submitted => SLOTS,
            JobState::Sealed | JobState::Challenged => self.terms.attest_window,
            JobState::Attested => self.challenge_window(job),
            _ => self.retention(),
        }
    }

    /// `k x work(units)`.
    fn panels(&self, job: &Job, units: u64) -> u64 {
        u64::from(self.k) * work(job.price, units)
    }

    /// The deadline that holds at `now`, restarts counted.
    pub fn deadline(&self, job: &Job, now: &Now) -> u64 {
        extended(job.deadline, self.window(job), now.restart)
    }

    /// From which slot on an auction without award may be cancelled.
    fn award_end(&self, job: &Job, now: &Now) -> u64 {
        let window = self.terms.accept_window;
        let end = extended(job.deadline, window, now.restart) + window;
        extended(end, window, now.restart)
    }
}

/// A deadline is 9 000 slots later if a restart fell inside its window, or inside what it is longer by.
fn extended(deadline: u64, window: u64, restart: u64) -> u64 {
    if restart > deadline.saturating_sub(window) && restart < deadline + 9_000 {
        deadline + 9_000
    } else {
        deadline
    }
}

fn is(job: &Job, state: JobState) -> bool {
    job.state == state as u8
}

fn has(job: &Job, flag: u8) -> bool {
    job.flags & flag != 0
}

fn someone(address: &Address) -> bool {
    *address != Address::default()
}

pub fn is_final(job: &Job) -> bool {
    (JobState::Settled as u8..=JobState::Cancelled as u8).contains(&job.state)
}

fn signers(job: &Job, verdict: u8) -> u32 {
    match verdict {
        MATCH => job.signed_match,
        MISMATCH => job.signed_mismatch,
        UNRUNNABLE => job.signed_unrunnable,
        _ => 0,
    }
}

fn signed(job: &Job) -> u32 {
    job.signed_match | job.signed_mismatch | job.signed_unrunnable
}

fn eligible(seats: &[Seat; 32], at: i64, mistake: Mistake) -> u32 {
    let mut mask = 0;
    for (i, seat) in seats.iter().enumerate() {
        let left = seat.left_at <= at && mistake != Mistake::SeatsServeOn;
        if seat.active_from != 0 && seat.active_from <= at && !left {
            mask |= 1 << i;
        }
    }
    mask
}

impl Model {
    pub fn market_of(&self, job: &Job) -> usize {
        self.markets
            .iter()
            .position(|market| market.at == job.market)
            .unwrap()
    }

    fn majority(&self, seats: u32) -> u32 {
        if self.mistake == Mistake::HalfIsMajority {
            bits(seats).div_ceil(2)
        } else {
            bits(seats) / 2 + 1
        }
    }

    /// The party may still act.
    fn in_time(&self, job: &Job, now: &Now) -> bool {
        let end = self.markets[self.market_of(job)].deadline(job, now);
        now.slot < end || (self.mistake == Mistake::DeadlineIncluded && now.slot == end)
    }

    /// A majority of all eligible seats signed the standing verdict.
    pub fn by_all(&self, job: &Job) -> bool {
        bits(signers(job, job.verdict)) >= self.majority(job.eligible)
    }

    fn appellant_lost(&self, job: &Job) -> bool {
        someone(&job.appellant) && job.verdict == job.first_verdict && self.by_all(job)
    }

    fn appellant_won(&self, job: &Job) -> bool {
        someone(&job.appellant) && job.verdict != job.first_verdict && self.by_all(job)
    }

    /// Bonds are at the posted price, whatever is paid.
    fn challenge_bond(&self, job: &Job) -> u64 {
        let k = self.markets[self.market_of(job)].k;
        u64::from(k) * work(job.price.max(job.bid), job.units_limit)
    }

    fn appeal_bond(&self, job: &Job) -> u64 {
        u64::from(bits(job.eligible)) * work(job.price.max(job.bid), job.units_limit)
    }

    /// What a checked job owes its signers.
    fn due(&self, job: &Job) -> u64 {
        let market = &self.markets[self.market_of(job)];
        if job.panel == 0 {
            return 0;
        }
        let due = match job.verdict {
            MATCH if someone(&job.challenger) => self.challenge_bond(job),
            MATCH => market.panels(job, job.units),
            MISMATCH => market.panels(job, job.units_limit),
            UNRUNNABLE => (2 * market.late(job)).min(market.panels(job, job.units_limit)),
            _ => 0,
        };
        let lost = if self.appellant_lost(job) {
            self.appeal_bond(job)
        } else {
            0
        };
        due + lost
    }

    /// Seats that a final job leaves to punish: for an overturned verdict, and for silence or a wrong "unrunnable".
    fn guilty(&self, job: &Job) -> (u32, u32) {
        let overturned = match job.verdict {
            MATCH if self.by_all(job) => job.signed_mismatch,
            MISMATCH if self.by_all(job) => job.signed_match,
            _ => 0,
        };
        let wrong = match job.verdict {
            MATCH | MISMATCH => job.signed_unrunnable,
            _ => 0,
        };
        (
            overturned & !job.penalised,
            (job.silent | wrong) & !overturned & !job.penalised,
        )
    }

    pub fn clean(&self, job: &Job) -> bool {
        self.guilty(job) == (0, 0) && !has(job, flag::SLASH_DUE)
    }

    /// Ledger of a job's node.
    pub fn node_ledger(&self, job: &Job) -> Address {
        lode_tests::jobs::ledger(&job.market, &job.node)
    }

    fn ledger(&mut self, at: &Address) -> &mut Ledger {
        self.ledgers.get_mut(at).unwrap()
    }

    fn job(&mut self, at: &Address) -> &mut Job {
        &mut self.jobs.get_mut(at).unwrap().job
    }

    /// The job names a node with a ledger: without, the framework refuses before any rule is asked.
    fn has_node(&self, job: &Job) -> bool {
        someone(&job.node) && self.ledgers.contains_key(&self.node_ledger(job))
    }

    fn enter(&mut self, at: &Address, state: JobState, slot: u64) {
        let job = self.jobs[at].job;
        let mut next = job;
        next.state = state as u8;
        let window = match state {
            JobState::Cancelled => 0,
            _ => self.markets[self.market_of(&job)].window(&next),
        };
        next.deadline = slot + window;
        *self.job(at) = next;
    }

    fn slice(&mut self, at: &Address) {
        let job = self.job(at);
        job.slices = job.slices.saturating_sub(1);
    }

    // ---- ledgers

    #[allow(clippy::too_many_arguments)]
    pub fn open_ledger(
        &mut self,
        now: &Now,
        at: Address,
        market: usize,
        party: Address,
        payer: Address,
        node_cap: Option<u64>,
        bump: u8,
    ) -> Broken {
        let mut broken = Broken::default();
        // a wallet's ledger is what an appeal needs before a deadline: no pause stops it
        if node_cap.is_some() {
            broken.must(now.time >= self.paused_until, JobsError::Paused);
        }
        if let Some(ledger) = self.ledgers.get(&at) {
            match node_cap {
                None => broken.must_somehow(false),
                Some(_) => broken.must(ledger.kind == 0, JobsError::LedgerExists),
            }
        }
        if broken.nothing() {
            let old = self.ledgers.get(&at).copied();
            let mut ledger = old.unwrap_or_else(bytemuck::Zeroable::zeroed);
            ledger.version = 1;
            ledger.kind = u8::from(node_cap.is_some());
            ledger.bump = bump;
            ledger.market = self.markets[market].at;
            ledger.party = party;
            ledger.authority = if node_cap.is_some() { payer } else { party };
            ledger.payer = payer;
            ledger.locked_cap = node_cap.unwrap_or(u64::MAX);
            ledger.nonce_top = u64::try_from(now.time).unwrap() << 20;
            ledger.nonce_taken = u64::MAX;
            self.ledgers.insert(at, ledger);
        }
        broken
    }

    pub fn close_ledger(&mut self, at: &Address, signer: &Address, now: &Now) -> Broken {
        let mut broken = Broken::default();
        let Some(ledger) = self.ledgers.get(at) else {
            return Broken::somehow();
        };
        let own = ledger.authority == *signer;
        broken.must(
            own || ledger.payer == *signer,
            JobsError::NotLedgerAuthority,
        );
        let owed = ledger.burn_owed + ledger.fees_owed + ledger.market_owed + ledger.checks_owed;
        let empty = ledger.open_jobs == 0
            && ledger.available == 0
            && ledger.locked == 0
            && owed == 0
            && (own || ledger.credits == 0);
        broken.must(empty, JobsError::LedgerNotEmpty);
        broken.must(
            ledger.nonce_top <= u64::try_from(now.time).unwrap() << 20,
            JobsError::PostedJustNow,
        );
        if broken.nothing() {
            self.ledgers.remove(at);
        }
        broken
    }

    pub fn deposit(&mut self, at: &Address, amount: u64) -> Broken {
        let mut broken = Broken::default();
        broken.must_somehow(self.ledgers.contains_key(at));
        if broken.nothing() {
            self.ledger(at).available += amount;
        }
        broken
    }

    pub fn withdraw(&mut self, at: &Address, signer: &Address, amount: u64) -> Broken {
        let mut broken = Broken::default();
        let Some(ledger) = self.ledgers.get(at) else {
            return Broken::somehow();
        };
        broken.must(ledger.authority == *signer, JobsError::NotLedgerAuthority);
        broken.must(ledger.available >= amount, JobsError::InsufficientFunds);
        if broken.nothing() {
            self.ledger(at).available -= amount;
        }
        broken
    }

    pub fn set_locked_cap(&mut self, at: &Address, signer: &Address, cap: u64) -> Broken {
        let mut broken = Broken::default();
        let Some(ledger) = self.ledgers.get(at) else {
            return Broken::somehow();
        };
        broken.must(ledger.authority == *signer, JobsError::NotLedgerAuthority);
        broken.must(ledger.kind == 1, JobsError::WrongLedgerKind);
        if broken.nothing() {
            self.ledger(at).locked_cap = cap;
        }
        broken
    }

    /// Moves what is owed onward; returns what is burned and what goes to the treasury.
    pub fn sweep(
        &mut self,
        at: &Address,
        treasury: bool,
        to_market: Option<&Address>,
    ) -> (Broken, u64, u64) {
        let Some(ledger) = self.ledgers.get(at).copied() else {
            return (Broken::somehow(), 0, 0);
        };
        if to_market.is_some_and(|own| own == at || !self.ledgers.contains_key(own)) {
            return (Broken::somehow(), 0, 0);
        }
        let market = self
            .markets
            .iter_mut()
            .find(|market| market.at == ledger.market)
            .unwrap();
        market.pool += ledger.checks_owed;
        let from = self.ledger(at);
        (from.burn_owed, from.checks_owed) = (0, 0);
        let mut fees = 0;
        if treasury {
            fees = core::mem::take(&mut from.fees_owed);
        }
        if let Some(own) = to_market {
            self.ledger(at).market_owed = 0;
            self.ledger(own).available += ledger.market_owed;
        }
        (Broken::default(), ledger.burn_owed, fees)
    }

    pub fn redeem(&mut self, at: &Address) -> Broken {
        let Some(ledger) = self.ledgers.get(at).copied() else {
            return Broken::somehow();
        };
        let unbounded = self.mistake == Mistake::PoolUnbounded;
        let market = self
            .markets
            .iter_mut()
            .find(|market| market.at == ledger.market)
            .unwrap();
        let paid = if unbounded {
            ledger.credits
        } else {
            ledger.credits.min(market.pool)
        };
        if paid == 0 {
            let mut broken = Broken::default();
            broken.must(false, JobsError::NothingToCollect);
            return broken;
        }
        market.pool = market.pool.saturating_sub(paid);
        let ledger = self.ledger(at);
        ledger.credits -= paid;
        ledger.available += paid;
        Broken::default()
    }

    // ---- finding a node

    pub fn post(
        &mut self,
        now: &Now,
        at: Address,
        bump: u8,
        ledger_at: Address,
        signer: Address,
        args: &PostArgs,
    ) -> Broken {
        let mut broken = Broken::default();
        let Some(ledger) = self.ledgers.get(&ledger_at).copied() else {
            return Broken::somehow();
        };
        let index = self
            .markets
            .iter()
            .position(|market| market.at == ledger.market)
            .unwrap();
        let market = &self.markets[index];
        let mut job: Job = bytemuck::Zeroable::zeroed();
        job.version = 1;
        job.state = JobState::Open as u8;
        job.bump = bump;
        job.slices = SLICES;
        (job.market, job.customer, job.payer) = (market.at, ledger_at, signer);
        (job.spec, job.price, job.units_limit) = (args.spec, args.price, args.units_limit);
        job.nodes = args.nodes;
        if args.checked {
            job.flags |= flag::CHECKED;
        }
        let targeted = someone(&args.target);
        if targeted {
            job.flags |= flag::TARGETED;
            job.node = args.target;
        }
        job.deadline = now.slot + market.terms.accept_window;
        let escrow = market.escrow(&job);
        let ahead = args.nonce > ledger.nonce_top;
        let distance = args.nonce.abs_diff(ledger.nonce_top);
        let fresh = if ahead {
            distance <= 64
        } else {
            distance <= 63 && ledger.nonce_taken >> distance & 1 == 0
        };
        broken.must(now.time >= self.paused_until, JobsError::Paused);
        broken.must(market.open, JobsError::MarketClosed);
        broken.must(ledger.authority == signer, JobsError::NotLedgerAuthority);
        broken.must(ledger.kind == 0, JobsError::WrongLedgerKind);
        broken.must(
            (1..=market.terms.units_limit).contains(&args.units_limit),
            JobsError::UnitsOutOfRange,
        );
        broken.must(
            (market.terms.least_reserved..=market.terms.most_reserved).contains(&escrow),
            JobsError::EscrowOutOfRange,
        );
        broken.must(
            !targeted || market.terms.kind == 0,
            JobsError::WrongMarketKind,
        );
        // the only malformed one that is tried
        broken.must(args.nodes.denies < 2, JobsError::BadFilter);
        broken.must(fresh, JobsError::NonceTaken);
        broken.must(ledger.available >= escrow, JobsError::InsufficientFunds);
        // the address of a job that still stands
        broken.must_somehow(!self.jobs.contains_key(&at));
        if broken.nothing() {
            let ledger = self.ledger(&ledger_at);
            if ahead {
                ledger.nonce_taken = ledger
                    .nonce_taken
                    .checked_shl(u32::try_from(distance).unwrap())
                    .unwrap_or(0)
                    | 1;
                ledger.nonce_top = args.nonce;
            } else {
                ledger.nonce_taken |= 1 << distance;
            }
            ledger.available -= escrow;
            ledger.locked += escrow;
            ledger.open_jobs += 1;
            self.jobs.insert(
                at,
                Task {
                    job,
                    result: [0; 32],
                    units: 0,
                },
            );
        }
        broken
    }

    pub fn raise(&mut self, now: &Now, at: &Address, signer: &Address, limit: u64) -> Broken {
        let mut broken = Broken::default();
        let job = self.jobs[at].job;
        let Some(ledger) = self.ledgers.get(&job.customer).copied() else {
            return Broken::somehow();
        };
        let market = &self.markets[self.market_of(&job)];
        let mut raised = job;
        raised.units_limit = limit;
        broken.must(ledger.authority == *signer, JobsError::NotLedgerAuthority);
        broken.must(is(&job, JobState::Open), JobsError::IllegalTransition);
        broken.must(!has(&job, flag::BID), JobsError::BidStands);
        broken.must(self.in_time(&job, now), JobsError::WindowOver);
        broken.must(limit > job.units_limit, JobsError::LimitNotRaised);
        broken.must(
            limit <= market.terms.units_limit,
            JobsError::UnitsOutOfRange,
        );
        if !broken.nothing() {
            return broken;
        }
        let (before, after) = (market.escrow(&job), market.escrow(&raised));
        // an award may have left it below the least
        broken.must(
            (market.terms.least_reserved..=market.terms.most_reserved).contains(&after),
            JobsError::EscrowOutOfRange,
        );
        broken.must(
            ledger.available >= after - before,
            JobsError::InsufficientFunds,
        );
        if broken.nothing() {
            let ledger = self.ledger(&job.customer);
            ledger.available -= after - before;
            ledger.locked += after - before;
            self.job(at).units_limit = limit;
        }
        broken
    }

    pub fn cancel(&mut self, now: &Now, at: &Address, signer: &Address) -> Broken {
        let mut broken = Broken::default();
        let job = self.jobs[at].job;
        let market = &self.markets[self.market_of(&job)];
        broken.must(is(&job, JobState::Open), JobsError::IllegalTransition);
        if !broken.nothing() {
            return broken;
        }
        let customers = self.ledgers[&job.customer].authority == *signer;
        if has(&job, flag::BID) {
            broken.must(
                now.slot >= market.award_end(&job, now),
                JobsError::WindowOpen,
            );
        } else {
            broken.must(
                customers || now.slot >= market.deadline(&job, now),
                JobsError::WindowOpen,
            );
        }
        if broken.nothing() {
            let (escrow, late) = (market.escrow(&job), market.late(&job));
            if has(&job, flag::BID) {
                let bidder = self.node_ledger(&job);
                let ledger = self.ledger(&bidder);
                ledger.locked -= job.collateral;
                ledger.available += job.collateral - late;
                ledger.burn_owed += late;
                ledger.open_jobs -= 1;
            }
            let ledger = self.ledger(&job.customer);
            ledger.locked -= escrow;
            ledger.available += escrow;
            ledger.open_jobs -= 1;
            self.enter(at, JobState::Cancelled, now.slot);
        }
        broken
    }

    /// The node may take new work.
    fn fit(&self, broken: &mut Broken, node: &Node, market: &Market, job: &Job) {
        self.active(broken, node, market, job);
        broken.must(node.stake >= self.minimum_stake, JobsError::SkinNotIn);
    }

    /// All that an award asks again.
    fn active(&self, broken: &mut Broken, node: &Node, market: &Market, job: &Job) {
        let (class, cores, memory, region) = node.declared;
        for wanted in [&market.terms.nodes, &job.nodes] {
            broken.must(
                wanted.classes == 0 || (class < 8 && u16::from(wanted.classes) & 1 << class != 0),
                JobsError::ClassNotTaken,
            );
            broken.must(cores >= wanted.cores, JobsError::TooFewCores);
            broken.must(
                memory >= wanted.memory_mib.into(),
                JobsError::TooLittleMemory,
            );
            let named: Vec<&[u8]> = wanted.regions.chunks(2).filter(|c| c != b"\0\0").collect();
            let inside = named.contains(&&region[..]);
            let declared = region != [0; 2];
            broken.must(
                named.is_empty() || (declared && inside == (wanted.denies == 0)),
                JobsError::RegionNotTaken,
            );
        }
        broken.must(
            node.jailed_until == 0 && !node.exiting,
            JobsError::NodeNotActive,
        );
    }

    /// Locks collateral under the cap.
    fn lockable(broken: &mut Broken, ledger: &Ledger, amount: u64) {
        broken.must(ledger.available >= amount, JobsError::InsufficientFunds);
        broken.must(
            ledger
                .locked
                .checked_add(amount)
                .is_some_and(|locked| locked <= ledger.locked_cap),
            JobsError::CapExceeded,
        );
    }

    #[allow(clippy::too_many_arguments)]
    pub fn bid(
        &mut self,
        now: &Now,
        at: &Address,
        node_at: &Address,
        signer: &Address,
        spec: &[u8; 32],
        limit: u64,
        price: u64,
    ) -> Broken {
        let mut broken = Broken::default();
        let job = self.jobs[at].job;
        let market = &self.markets[self.market_of(&job)];
        let node = &self.nodes[node_at];
        if node.gone {
            return Broken::somehow();
        }
        let ledger_at = lode_tests::jobs::ledger(&job.market, node_at);
        let Some(ledger) = self.ledgers.get(&ledger_at).copied() else {
            return Broken::somehow();
        };
        broken.must(now.time >= self.paused_until, JobsError::Paused);
        broken.must(market.terms.kind == 1, JobsError::WrongMarketKind);
        broken.must(is(&job, JobState::Open), JobsError::IllegalTransition);
        broken.must(self.in_time(&job, now), JobsError::WindowOver);
        broken.must(node.worker == *signer, JobsError::NotWorker);
        broken.must(ledger.kind == 1, JobsError::WrongLedgerKind);
        broken.must(
            job.spec == *spec && job.units_limit == limit,
            JobsError::UnexpectedTerms,
        );
        self.fit(&mut broken, node, market, &job);
        let stands = has(&job, flag::BID);
        let own = stands && job.node == *node_at;
        broken.must(!own, JobsError::OwnBid);
        // the ledger that would be displaced is the bidder's own: the framework takes no account twice
        broken.must_somehow(!own);
        let most = if stands {
            floor_bps(job.bid, 9_900)
        } else {
            job.price
        };
        broken.must(price >= 1 && price <= most, JobsError::BidTooHigh);
        let paid = Job {
            price,
            bid: 0,
            ..job
        };
        broken.must(
            market.escrow(&paid) >= market.terms.least_reserved,
            JobsError::BidTooLow,
        );
        if !is(&job, JobState::Open) {
            return broken;
        }
        let collateral = market.collateral(&job);
        Self::lockable(&mut broken, &ledger, collateral);
        if broken.nothing() {
            if stands && self.mistake != Mistake::BidderForgotten {
                let displaced = self.node_ledger(&job);
                let old = self.ledger(&displaced);
                old.locked -= job.collateral;
                old.available += job.collateral;
                old.open_jobs -= 1;
            }
            let ledger = self.ledger(&ledger_at);
            ledger.available -= collateral;
            ledger.locked += collateral;
            ledger.open_jobs += 1;
            let job = self.job(at);
            job.flags |= flag::BID;
            (job.node, job.bid, job.collateral) = (*node_at, price, collateral);
        }
        broken
    }

    pub fn award(&mut self, now: &Now, at: &Address) -> Broken {
        let mut broken = Broken::default();
        let job = self.jobs[at].job;
        if !self.has_node(&job) {
            return Broken::somehow();
        }
        let market = &self.markets[self.market_of(&job)];
        broken.must(is(&job, JobState::Open), JobsError::IllegalTransition);
        broken.must(has(&job, flag::BID), JobsError::NoBid);
        if !broken.nothing() {
            return broken;
        }
        broken.must(
            now.slot >= market.deadline(&job, now),
            JobsError::WindowOpen,
        );
        broken.must(
            now.slot < market.award_end(&job, now),
            JobsError::WindowOver,
        );
        let node = &self.nodes[&job.node];
        if node.gone {
            return Broken::somehow();
        }
        self.active(&mut broken, node, market, &job);
        if broken.nothing() {
            let mut awarded = job;
            (awarded.price, awarded.bid) = (job.bid, job.price);
            awarded.flags &= !flag::BID;
            awarded.accepted_at = now.time;
            *self.job(at) = awarded;
            self.enter(at, JobState::Accepted, now.slot);
        }
        broken
    }

    #[allow(clippy::too_many_arguments)]
    pub fn accept(
        &mut self,
        now: &Now,
        at: &Address,
        node_at: &Address,
        signer: &Address,
        spec: &[u8; 32],
        limit: u64,
        price: u64,
    ) -> Broken {
        let mut broken = Broken::default();
        let job = self.jobs[at].job;
        let market = &self.markets[self.market_of(&job)];
        let node = &self.nodes[node_at];
        if node.gone {
            return Broken::somehow();
        }
        let ledger_at = lode_tests::jobs::ledger(&job.market, node_at);
        let Some(ledger) = self.ledgers.get(&ledger_at).copied() else {
            return Broken::somehow();
        };
        broken.must(now.time >= self.paused_until, JobsError::Paused);
        broken.must(market.terms.kind == 0, JobsError::WrongMarketKind);
        broken.must(is(&job, JobState::Open), JobsError::IllegalTransition);
        broken.must(self.in_time(&job, now), JobsError::WindowOver);
        broken.must(node.worker == *signer, JobsError::NotWorker);
        broken.must(ledger.kind == 1, JobsError::WrongLedgerKind);
        broken.must(
            job.spec == *spec && job.units_limit == limit && job.price == price,
            JobsError::UnexpectedTerms,
        );
        self.fit(&mut broken, node, market, &job);
        if has(&job, flag::TARGETED) {
            broken.must(job.node == *node_at, JobsError::AnotherNodesJob);
        } else if let Some(share) = u64::MAX.checked_div(market.terms.ramp) {
            let opened = job.deadline - market.terms.accept_window;
            let draw = lottery_number(opened, at, job.attempt, node_at);
            let waited = u128::from(now.slot.saturating_sub(opened)) + 1;
            let bound = u128::from(share) * waited;
            let all = waited >= u128::from(market.terms.ramp);
            broken.must(all || u128::from(draw) <= bound, JobsError::NotDrawnYet);
        }
        if !is(&job, JobState::Open) {
            return broken;
        }
        let collateral = market.collateral(&job);
        Self::lockable(&mut broken, &ledger, collateral);
        if broken.nothing() {
            let ledger = self.ledger(&ledger_at);
            ledger.available -= collateral;
            ledger.locked += collateral;
            ledger.open_jobs += 1;
            let job = self.job(at);
            (job.node, job.collateral, job.accepted_at) = (*node_at, collateral, now.time);
            self.enter(at, JobState::Accepted, now.slot);
        }
        broken
    }

    // ---- running

    /// Ends an attempt; the node forfeits to the burn and to the checks.
    fn end_attempt(&mut self, now: &Now, at: &Address, forfeit: u64, checks: u64) {
        let job = self.jobs[at].job;
        let escrow = self.markets[self.market_of(&job)].escrow(&job);
        let node = self.node_ledger(&job);
        let ledger = self.ledger(&node);
        ledger.locked -= job.collateral;
        ledger.available += job.collateral - forfeit - checks;
        ledger.burn_owed += forfeit;
        ledger.checks_owed += checks;
        ledger.open_jobs -= 1;
        if has(&job, flag::TARGETED) || job.attempt + 1 >= 3 {
            ledger.failed += 1;
            let customer = self.ledger(&job.customer);
            customer.failed += 1;
            customer.locked -= escrow;
            customer.available += escrow;
            customer.open_jobs -= 1;
            self.enter(at, JobState::Failed, now.slot);
            return;
        }
        let mut next: Job = bytemuck::Zeroable::zeroed();
        next.version = 1;
        next.bump = job.bump;
        next.slices = job.slices;
        next.flags = job.flags & flag::CHECKED;
        next.attempt = job.attempt + 1;
        (next.market, next.customer, next.payer) = (job.market, job.customer, job.payer);
        (next.spec, next.units_limit, next.nodes) = (job.spec, job.units_limit, job.nodes);
        next.price = job.price.max(job.bid);
        *self.job(at) = next;
        self.enter(at, JobState::Open, now.slot);
    }

    pub fn give_up(&mut self, now: &Now, at: &Address, node: &Address, signer: &Address) -> Broken {
        let mut broken = Broken::default();
        let job = self.jobs[at].job;
        if !self.has_node(&job) {
            return Broken::somehow();
        }
        let market = &self.markets[self.market_of(&job)];
        broken.must(self.nodes[node].worker == *signer, JobsError::NotWorker);
        broken.must(job.node == *node, JobsError::ForeignAccount);
        broken.must(is(&job, JobState::Accepted), JobsError::IllegalTransition);
        if !broken.nothing() {
            return broken;
        }
        if self.nodes[node].gone {
            return Broken::somehow();
        }
        broken.must(self.in_time(&job, now), JobsError::WindowOver);
        if broken.nothing() {
            let window = market.run_window(&job);
            let elapsed = (now.slot - (job.deadline - window)).min(window);
            let bps = 500 + 9_500 * elapsed / window;
            // who was given the job for his bid pays as if he were late
            let bps = if job.bid == 0 { bps } else { 10_000 };
            let forfeit = ceil_bps(market.late(&job), bps);
            self.end_attempt(now, at, forfeit, 0);
        }
        broken
    }

    pub fn expire(&mut self, now: &Now, at: &Address) -> Broken {
        let mut broken = Broken::default();
        let job = self.jobs[at].job;
        if !self.has_node(&job) {
            return Broken::somehow();
        }
        let market = &self.markets[self.market_of(&job)];
        let unrevealed = is(&job, JobState::Sealed) && job.panel == 0;
        broken.must(
            is(&job, JobState::Accepted) || unrevealed,
            JobsError::IllegalTransition,
        );
        if broken.nothing() {
            broken.must(
                now.slot >= market.deadline(&job, now),
                JobsError::WindowOpen,
            );
        }
        if broken.nothing() {
            let late = market.late(&job);
            // what is not revealed pays as much for checks as what is paid
            let checks = match unrevealed {
                true => (market.escrow(&job) - work(job.price.max(job.bid), job.units_limit))
                    .min(job.collateral - late),
                false => 0,
            };
            self.end_attempt(now, at, late, checks);
            self.slice(at);
        }
        broken
    }

    pub fn submit(
        &mut self,
        now: &Now,
        at: &Address,
        node: &Address,
        signer: &Address,
        result: [u8; 32],
        units: u64,
    ) -> Broken {
        let mut broken = Broken::default();
        let job = self.jobs[at].job;
        if !self.nodes.contains_key(node) {
            return Broken::somehow();
        }
        broken.must(self.nodes[node].worker == *signer, JobsError::NotWorker);
        broken.must(job.node == *node, JobsError::ForeignAccount);
        broken.must(is(&job, JobState::Accepted), JobsError::IllegalTransition);
        broken.must(
            (1..=job.units_limit).contains(&units),
            JobsError::UnitsOutOfRange,
        );
        if is(&job, JobState::Accepted) {
            broken.must(self.in_time(&job, now), JobsError::WindowOver);
        }
        if self.nodes[node].gone {
            return Broken::somehow();
        }
        if broken.nothing() {
            let task = self.jobs.get_mut(at).unwrap();
            (task.result, task.units) = (result, units);
            let job = self.job(at);
            job.result = commitment(&result, units, at, job.attempt, node);
            job.units = units;
            (job.submitted_at, job.submitted_slot) = (now.time, now.slot);
            self.enter(at, JobState::Submitted, now.slot);
        }
        broken
    }

    // ---- checking

    pub fn seal(&mut self, now: &Now, at: &Address) -> Broken {
        let mut broken = Broken::default();
        let job = self.jobs[at].job;
        let market = &self.markets[self.market_of(&job)];
        broken.must(is(&job, JobState::Submitted), JobsError::IllegalTransition);
        if !broken.nothing() {
            return broken;
        }
        broken.must(self.in_time(&job, now), JobsError::WindowOver);
        let first = self.hashes.range(job.submitted_slot + 1..).next().copied();
        let oldest = self.hashes.first().copied();
        broken.must(
            now.slot >= job.submitted_slot + 2 && first.is_some(),
            JobsError::SealTooEarly,
        );
        if !broken.nothing() {
            return broken;
        }
        let seats = &self.committees[&market.committee].seats;
        let mut sealed = job;
        sealed.eligible = eligible(seats, job.submitted_at, self.mistake);
        let provable = oldest.is_some_and(|oldest| oldest <= job.submitted_slot);
        let checked = if provable {
            let hash = lode_tests::World::slot_hash(first.unwrap());
            sealed.seal = seal(&hash, at, job.attempt);
            sealed.drawn = panel(&sealed.seal, sealed.eligible, market.k);
            is_drawn(&sealed.seal, u16::try_from(market.check_bps(&job)).unwrap())
        } else {
            sealed.seal = late_seal(job.submitted_slot, at, job.attempt);
            sealed.drawn = sealed.eligible;
            sealed.flags |= flag::LATE;
            true
        };
        broken.must(sealed.drawn != 0, JobsError::NobodyEligible);
        if checked {
            sealed.panel = sealed.drawn;
        }
        if broken.nothing() {
            *self.job(at) = sealed;
            self.enter(at, JobState::Sealed, now.slot);
            self.slice(at);
        }
        broken
    }

    pub fn reveal(&mut self, now: &Now, at: &Address, result: &[u8; 32]) -> Broken {
        let mut broken = Broken::default();
        let task = &self.jobs[at];
        let job = task.job;
        broken.must(is(&job, JobState::Sealed), JobsError::IllegalTransition);
        if !broken.nothing() {
            return broken;
        }
        broken.must(job.panel == 0, JobsError::MustBeAttested);
        broken.must(self.in_time(&job, now), JobsError::WindowOver);
        broken.must(task.result == *result, JobsError::WrongResult);
        if broken.nothing() {
            let job = self.job(at);
            job.result = *result;
            job.flags |= flag::REVEALED;
            job.verdict = MATCH;
            self.enter(at, JobState::Attested, now.slot);
        }
        broken
    }

    /// `keys`: seats in ascending order and the keys that signed for them.
    pub fn attest(
        &mut self,
        now: &Now,
        at: &Address,
        verdict: u8,
        result: &[u8; 32],
        units: u64,
        keys: &[(u8, Address)],
    ) -> Broken {
        let mut broken = Broken::default();
        let task = &self.jobs[at];
        let job = task.job;
        let market = &self.markets[self.market_of(&job)];
        let names = keys.iter().fold(0u32, |mask, (seat, _)| mask | 1 << seat);
        broken.must(
            is(&job, JobState::Sealed) || is(&job, JobState::Challenged),
            JobsError::IllegalTransition,
        );
        if !broken.nothing() {
            return broken;
        }
        broken.must(job.panel != 0, JobsError::NotDrawn);
        broken.must(self.in_time(&job, now), JobsError::WindowOver);
        if verdict == MATCH {
            broken.must(
                *result == task.result && units == task.units,
                JobsError::WrongResult,
            );
        } else {
            broken.must(*result == [0; 32] && units == 0, JobsError::BadVerdict);
        }
        broken.must(names != 0 && names & !job.panel == 0, JobsError::NotInPanel);
        let decided = job.signed_match | job.signed_mismatch;
        let taken = if verdict == UNRUNNABLE {
            decided | job.signed_unrunnable
        } else {
            decided
        };
        broken.must(names & taken == 0, JobsError::AlreadySigned);
        let seats = &self.committees[&market.committee].seats;
        for (number, key) in keys {
            let seat = &seats[usize::from(*number)];
            let serves = seat.active_from != 0
                && seat.active_from <= job.submitted_at
                && job.submitted_at < seat.left_at;
            broken.must(serves, JobsError::NotInPanel);
            if serves {
                broken.must(seat.attester == *key, JobsError::WrongSigner);
            }
        }
        let mut next = job;
        match verdict {
            MATCH => next.signed_match |= names,
            MISMATCH => next.signed_mismatch |= names,
            _ => next.signed_unrunnable |= names,
        }
        if verdict != UNRUNNABLE {
            next.signed_unrunnable &= !names;
        }
        let stands = bits(signers(&next, verdict));
        let all = stands >= self.majority(job.eligible);
        let complete = stands >= self.majority(job.panel);
        if !complete {
            let last_quarter = now.slot >= job.deadline - market.terms.attest_window / 4;
            broken.must(
                job.panel == job.eligible || last_quarter,
                JobsError::MajorityIncomplete,
            );
        }
        if broken.nothing() {
            if complete {
                next.verdict = verdict;
                if verdict == MATCH {
                    next.result = *result;
                    next.flags |= flag::REVEALED;
                }
                if all {
                    next.flags |= flag::FINAL;
                }
            }
            *self.job(at) = next;
            if complete {
                self.enter(at, JobState::Attested, now.slot);
            }
        }
        broken
    }

    pub fn escalate(&mut self, now: &Now, at: &Address) -> Broken {
        let mut broken = Broken::default();
        let job = self.jobs[at].job;
        let market = &self.markets[self.market_of(&job)];
        let widens = is(&job, JobState::Sealed);
        let stands = is(&job, JobState::Challenged);
        broken.must(widens || stands, JobsError::IllegalTransition);
        broken.must(!widens || job.panel != 0, JobsError::NotDrawn);
        broken.must(
            !widens || job.panel != job.eligible,
            JobsError::WholeCommitteeDecides,
        );
        if broken.nothing() {
            broken.must(
                now.slot >= market.deadline(&job, now),
                JobsError::WindowOpen,
            );
        }
        if broken.nothing() {
            let job = self.job(at);
            job.silent |= job.panel & !signed(job);
            if widens {
                job.panel = job.eligible;
                self.enter(at, JobState::Sealed, now.slot);
            } else {
                job.flags |= flag::FINAL;
                self.enter(at, JobState::Attested, now.slot);
            }
            self.slice(at);
        }
        broken
    }

    pub fn void(&mut self, now: &Now, at: &Address) -> Broken {
        let mut broken = Broken::default();
        let job = self.jobs[at].job;
        if !self.has_node(&job) {
            return Broken::somehow();
        }
        let market = &self.markets[self.market_of(&job)];
        let undecided = is(&job, JobState::Sealed);
        broken.must(
            is(&job, JobState::Submitted) || undecided,
            JobsError::IllegalTransition,
        );
        broken.must(!undecided || job.panel != 0, JobsError::NotDrawn);
        broken.must(
            !undecided || job.panel == job.eligible,
            JobsError::EscalateFirst,
        );
        if broken.nothing() {
            broken.must(
                now.slot >= market.deadline(&job, now),
                JobsError::WindowOpen,
            );
        }
        if broken.nothing() {
            let escrow = market.escrow(&job);
            let bond = self.challenge_bond(&job);
            if undecided {
                let job = self.job(at);
                job.silent |= job.panel & !signed(job);
            }
            let customer = self.ledger(&job.customer);
            customer.locked -= escrow;
            customer.available += escrow;
            customer.open_jobs -= 1;
            let node_at = self.node_ledger(&job);
            let node = self.ledger(&node_at);
            node.locked -= job.collateral;
            node.available += job.collateral;
            node.open_jobs -= 1;
            if someone(&job.challenger) {
                let challenger = self.ledger(&job.challenger);
                challenger.locked -= bond;
                challenger.available += bond;
            }
            self.enter(at, JobState::Voided, now.slot);
            self.slice(at);
        }
        broken
    }

    pub fn challenge(
        &mut self,
        now: &Now,
        at: &Address,
        ledger_at: &Address,
        signer: &Address,
    ) -> Broken {
        let mut broken = Broken::default();
        let job = self.jobs[at].job;
        let Some(ledger) = self.ledgers.get(ledger_at).copied() else {
            return Broken::somehow();
        };
        broken.must(ledger.authority == *signer, JobsError::NotLedgerAuthority);
        broken.must(ledger.market == job.market, JobsError::ForeignAccount);
        broken.must(ledger.kind == 0, JobsError::WrongLedgerKind);
        broken.must(is(&job, JobState::Attested), JobsError::IllegalTransition);
        if !broken.nothing() {
            return broken;
        }
        let checked = job.panel != 0;
        broken.must(!has(&job, flag::FINAL), JobsError::NotChallengeable);
        broken.must(self.in_time(&job, now), JobsError::WindowOver);
        let bond = if checked {
            self.appeal_bond(&job)
        } else {
            self.challenge_bond(&job)
        };
        broken.must(ledger.available >= bond, JobsError::InsufficientFunds);
        if broken.nothing() {
            let ledger = self.ledger(ledger_at);
            ledger.available -= bond;
            ledger.locked += bond;
            let job = self.job(at);
            if checked {
                job.appellant = *ledger_at;
                job.first_verdict = job.verdict;
                job.panel = job.eligible;
                self.enter(at, JobState::Challenged, now.slot);
            } else {
                job.challenger = *ledger_at;
                job.verdict = 0;
                job.panel = job.drawn;
                self.enter(at, JobState::Sealed, now.slot);
            }
        }
        broken
    }

    // ---- money

    pub fn settle(&mut self, now: &Now, at: &Address, signer: &Address) -> Broken {
        let mut broken = Broken::default();
        let job = self.jobs[at].job;
        if !self.has_node(&job) {
            return Broken::somehow();
        }
        let index = self.market_of(&job);
        let market = &self.markets[index];
        broken.must(is(&job, JobState::Attested), JobsError::IllegalTransition);
        if !broken.nothing() {
            return broken;
        }
        let hurried = job.verdict == MATCH
            && !someone(&job.challenger)
            && self.ledgers[&job.customer].authority == *signer;
        let over = now.slot >= market.deadline(&job, now);
        broken.must(
            has(&job, flag::FINAL) || hurried || over,
            JobsError::WindowOpen,
        );
        if !broken.nothing() {
            return broken;
        }
        let escrow = market.escrow(&job);
        let (late, emits) = (market.late(&job), market.emits);
        let bill = work(job.price, job.units);
        let checks = market.checks(&job, job.units);
        let burn = if self.mistake == Mistake::BurnRoundedDown {
            floor_bps(bill, market.terms.burn_bps.into())
        } else {
            ceil_bps(bill, market.terms.burn_bps.into())
        };
        let fee = floor_bps(bill, market.terms.fee_bps.into());
        let extra = if has(&job, flag::LATE) {
            market.panels(&job, job.units).saturating_sub(checks)
        } else {
            0
        };
        let panels = market.panels(&job, job.units_limit);
        let node_at = self.node_ledger(&job);
        let (bond, appeal) = (self.challenge_bond(&job), self.appeal_bond(&job));
        let (won, lost) = (self.appellant_won(&job), self.appellant_lost(&job));
        let customer = self.ledger(&job.customer);
        customer.locked -= escrow;
        customer.open_jobs -= 1;
        let mut reward = 0;
        match job.verdict {
            MATCH => {
                customer.available += escrow - bill - checks;
                customer.settled += 1;
                customer.units += job.units;
                customer.turnover += bill + checks;
                let node = self.ledger(&node_at);
                node.locked -= job.collateral;
                node.available += job.collateral - extra + bill - burn - fee;
                node.settled += 1;
                node.units += job.units;
                node.turnover += bill - burn - fee;
                node.checks_owed += checks + extra;
                node.market_owed += fee;
                if emits {
                    node.burn_owed += burn;
                } else {
                    node.fees_owed += burn;
                }
            }
            MISMATCH => {
                customer.available += escrow;
                customer.failed += 1;
                let rest = job.collateral - panels;
                let winner = won || someone(&job.challenger);
                reward = if winner { rest / 2 } else { 0 };
                let node = self.ledger(&node_at);
                node.locked -= job.collateral;
                node.failed += 1;
                node.checks_owed += panels;
                node.burn_owed += rest - reward;
                self.job(at).flags |= flag::SLASH_DUE;
            }
            _ => {
                customer.available += escrow - late;
                customer.failed += 1;
                let node = self.ledger(&node_at);
                node.locked -= job.collateral;
                node.available += job.collateral - late;
                node.failed += 1;
                node.checks_owed += 2 * late;
            }
        }
        self.ledger(&node_at).open_jobs -= 1;
        if someone(&job.challenger) {
            let kept = job.verdict == MATCH && self.mistake != Mistake::BondKept;
            let challenger = self.ledger(&job.challenger);
            challenger.locked -= bond;
            if !kept {
                challenger.available += bond;
            }
            if kept {
                self.ledger(&node_at).checks_owed += bond;
            }
        }
        if someone(&job.appellant) {
            let appellant = self.ledger(&job.appellant);
            appellant.locked -= appeal;
            if !lost {
                appellant.available += appeal;
            }
            if lost {
                self.ledger(&node_at).checks_owed += appeal;
            }
        }
        if reward > 0 {
            let winner = if won { job.appellant } else { job.challenger };
            self.ledger(&winner).available += reward;
        }
        let end = if job.verdict == MATCH {
            JobState::Settled
        } else {
            JobState::Failed
        };
        self.enter(at, end, now.slot);
        self.slice(at);
        broken
    }

    /// `ledger_at`: the ledger of the wallet that sits there.
    pub fn collect(&mut self, at: &Address, number: u8, ledger_at: &Address) -> Broken {
        let mut broken = Broken::default();
        let job = self.jobs[at].job;
        let market = &self.markets[self.market_of(&job)];
        let seat = self.committees[&market.committee].seats[usize::from(number)];
        let Some(ledger) = self.ledgers.get(ledger_at) else {
            return Broken::somehow();
        };
        broken.must(
            is(&job, JobState::Settled) || is(&job, JobState::Failed),
            JobsError::IllegalTransition,
        );
        if !broken.nothing() {
            return broken;
        }
        let all = if job.panel == 0 {
            0
        } else {
            signers(&job, job.verdict)
        };
        let bit = 1u32 << number;
        broken.must(all & bit != 0, JobsError::NothingToCollect);
        broken.must(job.collected & bit == 0, JobsError::NothingToCollect);
        let serves = seat.active_from != 0
            && seat.active_from <= job.submitted_at
            && job.submitted_at < seat.left_at;
        broken.must(serves, JobsError::NothingToCollect);
        broken.must(
            ledger.party == seat.owner && ledger.market == job.market,
            JobsError::ForeignAccount,
        );
        if broken.nothing() {
            let share = self.due(&job) / u64::from(bits(all));
            self.ledger(ledger_at).credits += share;
            self.job(at).collected |= bit;
        }
        broken
    }

    /// Returns what the node's stake loses.
    pub fn slash(&mut self, now: &Now, at: &Address) -> (Broken, u64) {
        let mut broken = Broken::default();
        let job = self.jobs[at].job;
        // the system program stands where nobody's node would, and is not written to
        broken.must_somehow(someone(&job.node));
        broken.must(
            is(&job, JobState::Failed) && has(&job, flag::SLASH_DUE),
            JobsError::NothingToPunish,
        );
        if !broken.nothing() {
            return (broken, 0);
        }
        let bps = u64::from(self.markets[self.market_of(&job)].terms.fault_bps);
        self.job(at).flags &= !flag::SLASH_DUE;
        let (unbonding, jail) = (self.unbonding, self.jail);
        let node = self.nodes.get_mut(&job.node).unwrap();
        if node.gone {
            return (broken, 0);
        }
        // An incident costs what the dearest of its jobs does.
        let is_new = job.accepted_at > node.jailed_at;
        let paid = if is_new { 0 } else { node.incident };
        let due = bps.saturating_sub(paid);
        if due == 0 && !is_new {
            return (broken, 0);
        }
        node.incident = paid.max(bps);
        // Parts of half an unbonding period, counted from the first slash: the last three take a tenth together.
        let part = (unbonding + 1) / 2;
        let idle = node.slashes.iter().all(|(_, bps)| *bps == 0);
        if idle || now.time - node.window_start >= 3 * part {
            node.window_start = now.time;
            node.slashes.clear();
        }
        while now.time - node.window_start >= part {
            node.window_start += part;
        }
        let oldest = node.window_start - 2 * part;
        node.slashes.retain(|(begun, _)| *begun >= oldest);
        let used: u64 = node.slashes.iter().map(|(_, bps)| bps).sum();
        let taken = due.min(1_000 - used);
        node.slashes.push((node.window_start, taken));
        let lost = ceil_bps(node.stake, taken);
        node.stake -= lost;
        if is_new {
            node.jailed_at = now.time;
            node.jailed_until = now.time + jail;
        }
        (broken, lost)
    }

    /// Returns what the bond loses and what of it a winning appellant gets.
    pub fn penalise(&mut self, now: &Now, at: &Address, number: u8) -> (Broken, u64, u64) {
        let mut broken = Broken::default();
        let job = self.jobs[at].job;
        let committee = self.markets[self.market_of(&job)].committee;
        let (overturned, idle) = self.guilty(&job);
        let bit = 1u32 << number;
        broken.must(
            is_final(&job) && !is(&job, JobState::Cancelled),
            JobsError::IllegalTransition,
        );
        broken.must(bit & (overturned | idle) != 0, JobsError::NothingToPunish);
        if !broken.nothing() {
            return (broken, 0, 0);
        }
        self.job(at).penalised |= bit;
        let seats = self.committees.get_mut(&committee).unwrap();
        let (minimum, seat) = (seats.minimum_bond, &mut seats.seats[usize::from(number)]);
        let serves = seat.active_from != 0
            && seat.active_from <= job.submitted_at
            && job.submitted_at < seat.left_at;
        if !serves {
            return (broken, 0, 0);
        }
        let oracle_at = lode_tests::oracle::oracle(&committee, &seat.owner);
        let oracle = &mut self.members.get_mut(&oracle_at).unwrap().oracle;
        let fault = bit & overturned != 0;
        let lost = ceil_bps(oracle.bond, if fault { 3_000 } else { 20 });
        oracle.bond -= lost;
        if fault {
            oracle.faults += 1;
        } else {
            oracle.misses += 1;
        }
        if oracle.bond < minimum {
            seat.left_at = seat.left_at.min(now.time + DAY);
        }
        oracle.left_at = seat.left_at;
        let won = someone(&job.appellant) && job.verdict != job.first_verdict;
        let reward = if fault && won { lost / 2 } else { 0 };
        (broken, lost, reward)
    }

    /// Returns lamports above the rent that go to whoever turns the crank and to the payer.
    pub fn close(&mut self, now: &Now, at: &Address) -> (Broken, u64, u64) {
        let mut broken = Broken::default();
        let task = &self.jobs[at];
        let job = task.job;
        let patience = if self.clean(&job) { 0 } else { 14 * SLOTS };
        broken.must(
            is_final(&job) && now.slot >= job.deadline + patience,
            JobsError::NotClosable,
        );
        if !broken.nothing() {
            return (broken, 0, 0);
        }
        let left = u64::from(job.slices) * SLICE;
        self.jobs.remove(at);
        (broken, SLICE.min(left), left - SLICE.min(left))
    }

    // ---- seats

    pub fn admit(
        &mut self,
        now: &Now,
        committee: &Address,
        governor: &Address,
        at: Address,
        owner: Address,
        bump: u8,
    ) -> Broken {
        let mut broken = Broken::default();
        broken.must(
            self.committees[committee].governor == *governor,
            OracleError::NotGovernor,
        );
        let old = self.members.get(&at);
        broken.must(
            old.is_none_or(|member| member.oracle.state == 0),
            OracleError::AlreadySeated,
        );
        if broken.nothing() {
            let member = self.members.entry(at).or_insert_with(|| {
                let mut oracle: Oracle = bytemuck::Zeroable::zeroed();
                oracle.version = 1;
                oracle.bump = bump;
                oracle.committee = *committee;
                oracle.owner = owner;
                oracle.payer = *governor;
                Member { oracle }
            });
            member.oracle.admitted_until = now.time + 30 * DAY;
        }
        broken
    }

    #[allow(clippy::too_many_arguments)]
    pub fn join(
        &mut self,
        now: &Now,
        committee: &Address,
        at: Address,
        owner: Address,
        attester: Address,
        bond: u64,
        bumps: (u8, u8),
    ) -> Broken {
        let mut broken = Broken::default();
        let seats = &self.committees[committee];
        let member = self.members.get(&at);
        broken.must(bond >= seats.minimum_bond, OracleError::BondTooSmall);
        broken.must(
            member.is_none_or(|member| member.oracle.state == 0),
            OracleError::AlreadySeated,
        );
        let founder = (now.time < seats.founding_until)
            .then(|| {
                seats
                    .seats
                    .iter()
                    .position(|seat| seat.owner == owner && seat.active_from == 0)
            })
            .flatten();
        let place = match founder {
            Some(place) => Some((place, 1)),
            None => {
                broken.must(member.is_some(), OracleError::NotAFounder);
                broken.must(
                    member.is_some_and(|member| now.time < member.oracle.admitted_until),
                    OracleError::AdmissionLapsed,
                );
                let waiting = seats
                    .seats
                    .iter()
                    .filter(|seat| seat.active_from > now.time)
                    .count();
                broken.must(waiting < 8, OracleError::TooManyWaiting);
                let free = seats.seats.iter().position(|seat| {
                    !someone(&seat.owner)
                        || (seat.active_from == 0 && now.time >= seats.founding_until)
                });
                broken.must(free.is_some(), OracleError::CommitteeFull);
                free.map(|place| (place, 14 * DAY))
            }
        };
        if let (true, Some((place, notice))) = (broken.nothing(), place) {
            let seat = &mut self.committees.get_mut(committee).unwrap().seats[place];
            *seat = Seat {
                owner,
                attester,
                active_from: now.time + notice,
                left_at: i64::MAX,
            };
            let member = self.members.entry(at).or_insert_with(|| {
                let mut oracle: Oracle = bytemuck::Zeroable::zeroed();
                oracle.version = 1;
                oracle.bump = bumps.0;
                oracle.committee = *committee;
                oracle.owner = owner;
                oracle.payer = owner;
                Member { oracle }
            });
            let oracle = &mut member.oracle;
            oracle.state = 1;
            oracle.seat = u8::try_from(place).unwrap();
            oracle.vault_bump = bumps.1;
            oracle.bond = bond;
            oracle.left_at = i64::MAX;
            oracle.admitted_until = 0;
        }
        broken
    }

    /// `leave` (a day's notice) and `retire_oracle` (14 days).
    pub fn leave(&mut self, now: &Now, at: &Address, notice: i64) -> Broken {
        let mut broken = Broken::default();
        let Some(member) = self.members.get_mut(at) else {
            return Broken::somehow();
        };
        broken.must(member.oracle.state == 1, OracleError::NotSeated);
        if broken.nothing() {
            let committee = self.committees.get_mut(&member.oracle.committee).unwrap();
            let seat = &mut committee.seats[usize::from(member.oracle.seat)];
            seat.left_at = seat.left_at.min(now.time + notice);
            member.oracle.left_at = seat.left_at;
        }
        broken
    }

    pub fn set_attester(&mut self, at: &Address, attester: Address) -> Broken {
        let mut broken = Broken::default();
        let Some(member) = self.members.get(at) else {
            return Broken::somehow();
        };
        broken.must(member.oracle.state == 1, OracleError::NotSeated);
        broken.must(
            someone(&attester) && attester != member.oracle.owner,
            OracleError::WrongAttester,
        );
        if broken.nothing() {
            let (committee, seat) = (member.oracle.committee, member.oracle.seat);
            let committee = self.committees.get_mut(&committee).unwrap();
            committee.seats[usize::from(seat)].attester = attester;
        }
        broken
    }

    pub fn add_bond(&mut self, at: &Address, amount: u64) -> Broken {
        let mut broken = Broken::default();
        let Some(member) = self.members.get_mut(at) else {
            return Broken::somehow();
        };
        broken.must(member.oracle.state == 1, OracleError::NotSeated);
        if broken.nothing() {
            member.oracle.bond += amount;
        }
        broken
    }

    pub fn free_seat(&mut self, now: &Now, at: &Address) -> Broken {
        let mut broken = Broken::default();
        let Some(member) = self.members.get_mut(at) else {
            return Broken::somehow();
        };
        let oracle = &mut member.oracle;
        broken.must(oracle.state == 1, OracleError::NotSeated);
        broken.must(
            oracle.state != 1
                || oracle
                    .left_at
                    .checked_add(14 * DAY)
                    .is_some_and(|free| now.time >= free),
            OracleError::BondStillAnswers,
        );
        if broken.nothing() {
            let committee = self.committees.get_mut(&oracle.committee).unwrap();
            committee.seats[usize::from(oracle.seat)] = bytemuck::Zeroable::zeroed();
            oracle.state = 2;
        }
        broken
    }

    /// Returns what goes home.
    pub fn withdraw_bond(&mut self, now: &Now, at: &Address) -> (Broken, u64) {
        let mut broken = Broken::default();
        let Some(member) = self.members.get_mut(at) else {
            return (Broken::somehow(), 0);
        };
        broken.must(member.oracle.state != 0, OracleError::NotSeated);
        if !broken.nothing() {
            return (broken, 0);
        }
        broken.must(
            member
                .oracle
                .left_at
                .checked_add(14 * DAY)
                .is_some_and(|free| now.time >= free),
            OracleError::BondStillAnswers,
        );
        if !broken.nothing() {
            return (broken, 0);
        }
        let oracle = &mut member.oracle;
        // a seat that was freed may be another's
        if oracle.state == 1 {
            let committee = self.committees.get_mut(&oracle.committee).unwrap();
            committee.seats[usize::from(oracle.seat)] = bytemuck::Zeroable::zeroed();
        }
        let bond = oracle.bond;
        (oracle.state, oracle.seat, oracle.bond) = (0, 0, 0);
        (broken, bond)
    }

    pub fn close_oracle(&mut self, now: &Now, at: &Address) -> Broken {
        let mut broken = Broken::default();
        let Some(member) = self.members.get(at) else {
            return Broken::somehow();
        };
        broken.must(member.oracle.state == 0, OracleError::StillSeated);
        broken.must(
            now.time >= member.oracle.admitted_until,
            OracleError::AdmissionRuns,
        );
        if broken.nothing() {
            self.members.remove(at);
        }
        broken
    }
}

//! What an instruction of the jobs program did to jobs and accounts, reckoned again from the instruction itself.
//!
//! The rules are the program's own: its types, its bills, its ways of locking and paying. Nothing here asks a log; what
//! only the chain can know of the past (what a seal drew) is handed in as a [`Facts`]. That the transaction succeeded is
//! known, so what the program checked is not checked again.
use crate::{Error, Result};
use anchor_lang::Discriminator;
use bytemuck::Zeroable as _;
use lode_attestation::{is_drawn, majority, panel, Verdict};
use lode_client::record::Carried;
use lode_jobs::constants::{CRANK_SLICES, SEALING};
use lode_jobs::instruction as ix;
use lode_jobs::state::{flag, Job, JobState, Ledger, LedgerKind, Market, NodeFilter};
use lode_math::bills;
use solana_address::Address;
use std::collections::BTreeMap;

/// Where accounts stand before an instruction.
pub trait Shelf {
    /// A party's account, `None` where none is open.
    fn ledger(&mut self, at: &Address) -> Result<Option<Ledger>>;
    /// A job, `None` where none is.
    fn job(&mut self, at: &Address) -> Result<Option<Job>>;
    /// Base units in a market's check pool; `None` if nobody has counted them.
    fn pool(&mut self, market: &Address) -> Result<Option<u64>>;
    /// Whether an account is followed: what is done to others is left out instead of being an error.
    fn follows(&self, at: &Address) -> bool;
}

/// What a seal drew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The seal, if it is known.
    pub seal: Option<[u8; 32]>,
    /// The seats that serve the submission.
    pub eligible: u32,
    /// It was too late to prove a draw: all of them check.
    pub late: bool,
}

/// What stands beside an instruction.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// Slot of the transaction.
    pub slot: u64,
    /// Its time, unix seconds.
    pub time: i64,
    /// The market that the instruction names; its terms never change.
    pub market: Option<&'a Market>,
    /// Mint whose burn fees are burned; in markets of other mints they are the treasury's.
    pub emission_mint: Address,
    /// What the seal drew, for `seal_job`.
    pub sealed: Option<Sealed>,
    /// Base units that a redemption moved, where the log tells it; needed only while the pool is not counted.
    pub redeemed: Option<u64>,
    /// Base units of market fees that a sweep moved, where the log tells it; needed only where the swept account is not
    /// followed.
    pub swept: Option<u64>,
    /// Base units that giving up cost, where the log tells it: the slot of a clock and of a transaction may differ by one
    /// where a network is embedded.
    pub given_up: Option<u64>,
}

/// One movement of one account.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The account.
    pub ledger: Address,
    /// What happened.
    pub what: &'static str,
    /// The job it was about.
    pub job: Option<Address>,
    /// Base units that it is about.
    pub amount: u64,
    /// The account before.
    pub before: Ledger,
    /// The account after; all zero once it is closed.
    pub after: Ledger,
}

/// What an instruction changed.
#[derive(Clone, Default)]
pub struct Effect {
    /// Movements of accounts, in order.
    pub entries: Vec<Entry>,
    /// The job and how it stands after; `None` once it is closed.
    pub job: Option<(Address, Option<Job>)>,
    /// The market whose check pool changed, and what it holds after.
    pub pool: Option<(Address, u64)>,
}

/// What an account of a stranger is taken to hold where only some are followed: enough for whatever is done to it.
const STRANGERS: u64 = 1 << 62;

struct Work<'a> {
    shelf: &'a mut (dyn Shelf + Send),
    touched: BTreeMap<Address, Option<Ledger>>,
    effect: Effect,
}

impl Work<'_> {
    /// The account as it stands; `None` for one that nobody follows.
    fn stands(&mut self, at: &Address) -> Result<Option<Ledger>> {
        if let Some(known) = self.touched.get(at) {
            return Ok(*known);
        }
        if !self.shelf.follows(at) {
            return Ok(None);
        }
        let found = self.shelf.ledger(at)?;
        if found.is_none() {
            return Err(Error::Books(format!("the account {at} was never opened")));
        }
        self.touched.insert(*at, found);
        Ok(found)
    }

    fn put(
        &mut self,
        at: &Address,
        what: &'static str,
        job: Option<Address>,
        amount: u64,
        after: Ledger,
    ) {
        if !self.shelf.follows(at) {
            return;
        }
        let before = self.touched.insert(*at, Some(after)).flatten();
        let before = before.unwrap_or_else(Ledger::zeroed);
        self.effect.entries.push(Entry {
            ledger: *at,
            what,
            job,
            amount,
            before,
            after,
        });
    }

    /// Changes an account by the program's own rule.
    fn ledger(
        &mut self,
        at: &Address,
        what: &'static str,
        job: Option<Address>,
        amount: u64,
        change: impl FnOnce(&mut Ledger) -> anchor_lang::Result<()>,
    ) -> Result<()> {
        let Some(mut ledger) = self.stands(at)? else {
            return Ok(());
        };
        change(&mut ledger).map_err(|error| {
            Error::Books(format!(
                "the account {at} does not allow `{what}`: {error:?}"
            ))
        })?;
        self.put(at, what, job, amount, ledger);
        Ok(())
    }

    fn job(&mut self, at: &Address) -> Result<Job> {
        let found = self.shelf.job(at)?;
        found.ok_or_else(|| Error::Books(format!("the job {at} was never posted")))
    }
}

/// Reads arguments, all of fixed width.
struct Args<'a>(&'a [u8]);

impl Args<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (found, rest) = self
            .0
            .split_first_chunk::<N>()
            .ok_or_else(|| Error::Books("an instruction has too few bytes".into()))?;
        self.0 = rest;
        Ok(*found)
    }

    fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.take()?))
    }

    fn address(&mut self) -> Result<Address> {
        Ok(Address::new_from_array(self.take()?))
    }
}

fn rule<T>(result: anchor_lang::Result<T>) -> Result<T> {
    result.map_err(|error| Error::Books(format!("the programs' rule does not hold: {error:?}")))
}

fn fits(value: Option<u64>) -> Result<u64> {
    value.ok_or_else(|| Error::Books("an amount is more than 64 bits hold".into()))
}

/// Where an instruction of the jobs program names its market, if it needs the terms.
pub fn market_of(instruction: &Carried) -> Option<Address> {
    let place = match tag(instruction)? {
        tag if tag == ix::PostJob::DISCRIMINATOR => 2,
        tag if tag == ix::PlaceBid::DISCRIMINATOR || tag == ix::AcceptJob::DISCRIMINATOR => 3,
        tag if tag == ix::SettleJob::DISCRIMINATOR => 2,
        tag if [
            ix::RaiseLimit::DISCRIMINATOR,
            ix::CancelJob::DISCRIMINATOR,
            ix::GiveUpJob::DISCRIMINATOR,
            ix::ExpireJob::DISCRIMINATOR,
            ix::SubmitResult::DISCRIMINATOR,
            ix::SealJob::DISCRIMINATOR,
            ix::EscalateJob::DISCRIMINATOR,
            ix::VoidJob::DISCRIMINATOR,
            ix::ChallengeJob::DISCRIMINATOR,
        ]
        .contains(&tag) =>
        {
            1
        }
        tag if [
            ix::AwardJob::DISCRIMINATOR,
            ix::RevealResult::DISCRIMINATOR,
            ix::AttestJob::DISCRIMINATOR,
            ix::CollectCheck::DISCRIMINATOR,
        ]
        .contains(&tag) =>
        {
            0
        }
        _ => return None,
    };
    instruction.accounts.get(place).copied()
}

/// The job that an instruction of the jobs program is about.
pub fn job_of(instruction: &Carried) -> Option<Address> {
    let tag = tag(instruction)?;
    let places: [(usize, &[&[u8]]); 4] = [
        (
            1,
            &[
                ix::AwardJob::DISCRIMINATOR,
                ix::RevealResult::DISCRIMINATOR,
                ix::SlashJob::DISCRIMINATOR,
                ix::PenaliseOracle::DISCRIMINATOR,
            ],
        ),
        (
            2,
            &[
                ix::CancelJob::DISCRIMINATOR,
                ix::GiveUpJob::DISCRIMINATOR,
                ix::ExpireJob::DISCRIMINATOR,
                ix::SubmitResult::DISCRIMINATOR,
                ix::AttestJob::DISCRIMINATOR,
                ix::EscalateJob::DISCRIMINATOR,
                ix::VoidJob::DISCRIMINATOR,
                ix::ChallengeJob::DISCRIMINATOR,
                ix::CollectCheck::DISCRIMINATOR,
            ],
        ),
        (
            3,
            &[
                ix::RaiseLimit::DISCRIMINATOR,
                ix::SealJob::DISCRIMINATOR,
                ix::SettleJob::DISCRIMINATOR,
                ix::CloseJob::DISCRIMINATOR,
            ],
        ),
        (
            4,
            &[
                ix::PostJob::DISCRIMINATOR,
                ix::PlaceBid::DISCRIMINATOR,
                ix::AcceptJob::DISCRIMINATOR,
            ],
        ),
    ];
    let found = places.iter().find(|(_, tags)| tags.contains(&tag));
    found.and_then(|(place, _)| instruction.accounts.get(*place).copied())
}

/// Which instruction it is.
pub fn is<T: Discriminator>(instruction: &Carried) -> bool {
    tag(instruction) == Some(T::DISCRIMINATOR)
}

/// An instruction about a job of which the log tells no state.
pub fn is_silent(instruction: &Carried) -> bool {
    let silent: [&[u8]; 4] = [
        ix::CollectCheck::DISCRIMINATOR,
        ix::PenaliseOracle::DISCRIMINATOR,
        ix::CloseJob::DISCRIMINATOR,
        ix::SetLockedCap::DISCRIMINATOR,
    ];
    tag(instruction).is_none_or(|tag| silent.contains(&tag))
}

fn tag(instruction: &Carried) -> Option<&[u8]> {
    instruction.data.get(..8)
}

/// What one instruction of the jobs program did; nothing for those that move neither jobs nor accounts.
pub fn apply(
    shelf: &mut (dyn Shelf + Send),
    instruction: &Carried,
    facts: &Facts<'_>,
) -> Result<Effect> {
    let mut work = Work {
        shelf,
        touched: BTreeMap::new(),
        effect: Effect::default(),
    };
    let Some((tag, body)) = instruction.data.split_at_checked(8) else {
        return Ok(work.effect);
    };
    let args = Args(body);
    let done = accounts(&mut work, instruction, tag, args, facts)?
        || bidding(&mut work, instruction, tag, Args(body), facts)?
        || running(&mut work, instruction, tag, Args(body), facts)?
        || judging(&mut work, instruction, tag, Args(body), facts)?
        || ending(&mut work, instruction, tag, Args(body), facts)?;
    tracing::trace!(done, "replayed");
    Ok(work.effect)
}

fn account(instruction: &Carried, place: usize) -> Result<Address> {
    let found = instruction.accounts.get(place).copied();
    found.ok_or_else(|| Error::Books("an instruction names too few accounts".into()))
}

/// An account that may be left out: then the program stands in its place.
fn optional(instruction: &Carried, place: usize) -> Option<Address> {
    let found = instruction.accounts.get(place).copied();
    found.filter(|at| *at != lode_jobs::ID)
}

fn terms<'a>(facts: &Facts<'a>) -> Result<&'a Market> {
    facts
        .market
        .ok_or_else(|| Error::Books("the market of an instruction is not known".into()))
}

/// Accounts of parties: opened, closed, money in and out, credits, sweeps.
fn accounts(
    work: &mut Work<'_>,
    instruction: &Carried,
    tag: &[u8],
    mut args: Args<'_>,
    facts: &Facts<'_>,
) -> Result<bool> {
    let at = |place| account(instruction, place);
    match tag {
        tag if tag == ix::OpenLedger::DISCRIMINATOR => {
            let party = args.address()?;
            let mut ledger = Ledger::zeroed();
            ledger.version = 1;
            ledger.market = at(1)?;
            (ledger.party, ledger.authority, ledger.payer) = (party, party, at(0)?);
            ledger.locked_cap = u64::MAX;
            work.put(&at(2)?, "opened", None, 0, ledger);
        }
        tag if tag == ix::OpenNodeLedger::DISCRIMINATOR => {
            // Somebody may have opened it as a wallet's before: what it holds stays in it.
            let (ledger_at, owner) = (at(4)?, at(0)?);
            let held = work.shelf.ledger(&ledger_at)?;
            let cap = args.u64()?;
            // Only the node's points were opened, and the cap set: its ledger stands.
            if held.is_some_and(|ledger| ledger.kind == LedgerKind::Node as u8) {
                work.ledger(&ledger_at, "cap set", None, cap, |ledger| {
                    ledger.locked_cap = cap;
                    Ok(())
                })?;
                return Ok(true);
            }
            work.touched.insert(ledger_at, held);
            let mut ledger = held.unwrap_or_else(Ledger::zeroed);
            ledger.version = 1;
            ledger.kind = LedgerKind::Node as u8;
            (ledger.market, ledger.party) = (at(2)?, at(3)?);
            (ledger.authority, ledger.payer) = (owner, owner);
            ledger.locked_cap = cap;
            work.put(&ledger_at, "opened", None, 0, ledger);
        }
        tag if tag == ix::CloseLedger::DISCRIMINATOR => {
            let ledger_at = at(2)?;
            if let Some(ledger) = work.stands(&ledger_at)? {
                // Credits that its authority gives up are gone with it.
                work.put(&ledger_at, "closed", None, ledger.credits, Ledger::zeroed());
            }
        }
        tag if tag == ix::SetLockedCap::DISCRIMINATOR => {
            let cap = args.u64()?;
            work.ledger(&at(1)?, "cap set", None, cap, |ledger| {
                ledger.locked_cap = cap;
                Ok(())
            })?;
        }
        tag if tag == ix::Deposit::DISCRIMINATOR => {
            let amount = args.u64()?;
            work.ledger(&at(2)?, "deposit", None, amount, |ledger| {
                ledger.unlock(0, amount)
            })?;
        }
        tag if tag == ix::Withdraw::DISCRIMINATOR => {
            let amount = args.u64()?;
            work.ledger(&at(2)?, "withdrawal", None, amount, |ledger| {
                ledger.lock(amount)?;
                ledger.unlock(amount, 0)
            })?;
        }
        tag if tag == ix::RedeemCredits::DISCRIMINATOR => redeem(work, at(0)?, at(1)?, facts)?,
        tag if tag == ix::SweepFees::DISCRIMINATOR => sweep(work, instruction, facts)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn redeem(work: &mut Work<'_>, market: Address, at: Address, facts: &Facts<'_>) -> Result<()> {
    let Some(ledger) = work.stands(&at)? else {
        return Ok(());
    };
    let amount = match (work.shelf.pool(&market)?, facts.redeemed) {
        (Some(pool), _) => {
            let amount = ledger.credits.min(pool);
            work.effect.pool = Some((market, pool.saturating_sub(amount)));
            amount
        }
        (None, Some(told)) => told,
        (None, None) => {
            return Err(Error::Books(format!(
                "nobody counted the check pool of market {market}"
            )))
        }
    };
    work.ledger(&at, "checks redeemed", None, amount, |ledger| {
        ledger.credits = ledger.credits.saturating_sub(amount);
        ledger.unlock(0, amount)
    })
}

fn sweep(work: &mut Work<'_>, instruction: &Carried, facts: &Facts<'_>) -> Result<()> {
    let (market, at) = (account(instruction, 1)?, account(instruction, 2)?);
    let (treasury, own) = (optional(instruction, 5), optional(instruction, 6));
    let mut fees = facts.swept.unwrap_or_default();
    if let Some(ledger) = work.stands(&at)? {
        let (burned, checks) = (ledger.burn_owed, ledger.checks_owed);
        let to_treasury = treasury.map_or(0, |_| ledger.fees_owed);
        fees = own.map_or(0, |_| ledger.market_owed);
        let mut pay = |what, amount: u64, of: fn(&mut Ledger) -> &mut u64| {
            if amount == 0 {
                return Ok(());
            }
            work.ledger(&at, what, None, amount, |ledger| {
                let owed = of(ledger);
                *owed = owed.saturating_sub(amount);
                Ok(())
            })
        };
        pay("burned", burned, |ledger| &mut ledger.burn_owed)?;
        pay("fee to the treasury", to_treasury, |ledger| {
            &mut ledger.fees_owed
        })?;
        pay("fee to the market", fees, |ledger| &mut ledger.market_owed)?;
        pay("fee for checks", checks, |ledger| &mut ledger.checks_owed)?;
        if let Some(pool) = work.shelf.pool(&market)? {
            work.effect.pool = Some((market, fits(pool.checked_add(checks))?));
        }
    }
    match own {
        Some(own) if fees > 0 => work.ledger(&own, "market fees", None, fees, |ledger| {
            ledger.unlock(0, fees)
        }),
        _ => Ok(()),
    }
}

/// From posting to accepting.
fn bidding(
    work: &mut Work<'_>,
    instruction: &Carried,
    tag: &[u8],
    mut args: Args<'_>,
    facts: &Facts<'_>,
) -> Result<bool> {
    let at = |place| account(instruction, place);
    match tag {
        tag if tag == ix::PostJob::DISCRIMINATOR => {
            let (market, terms, job_at, ledger) = (at(2)?, terms(facts)?, at(4)?, at(3)?);
            let _nonce = args.u64()?;
            let mut job = Job::zeroed();
            job.version = 1;
            job.state = JobState::Open as u8;
            job.slices = CRANK_SLICES;
            (job.market, job.customer, job.payer) = (market, ledger, at(0)?);
            job.spec = args.take()?;
            (job.price, job.units_limit) = (args.u64()?, args.u64()?);
            let target = args.address()?;
            if args.take::<1>()? != [0] {
                job.flags |= flag::CHECKED;
            }
            // its bytes are the same in an instruction and in an account
            job.nodes = bytemuck::pod_read_unaligned(&args.take::<{ size_of::<NodeFilter>() }>()?);
            if target != Address::default() {
                job.flags |= flag::TARGETED;
                job.node = target;
            }
            job.deadline = facts.slot.saturating_add(terms.accept_window);
            let escrow = rule(job.escrow(terms))?;
            work.ledger(&ledger, "escrow locked", Some(job_at), escrow, |ledger| {
                ledger.lock(escrow)?;
                ledger.open_job()
            })?;
            work.effect.job = Some((job_at, Some(job)));
        }
        tag if tag == ix::RaiseLimit::DISCRIMINATOR => {
            let (terms, job_at) = (terms(facts)?, at(3)?);
            let mut job = work.job(&job_at)?;
            let before = rule(job.escrow(terms))?;
            job.units_limit = args.u64()?;
            let more = rule(job.escrow(terms))?.saturating_sub(before);
            work.ledger(&at(2)?, "escrow raised", Some(job_at), more, |l| {
                l.lock(more)
            })?;
            work.effect.job = Some((job_at, Some(job)));
        }
        tag if tag == ix::CancelJob::DISCRIMINATOR => {
            let (terms, job_at) = (terms(facts)?, at(2)?);
            let mut job = work.job(&job_at)?;
            let escrow = rule(job.escrow(terms))?;
            if let Some(bidder) = optional(instruction, 4) {
                let late = rule(job.late(terms))?;
                work.ledger(&bidder, "bid forfeited", Some(job_at), late, |ledger| {
                    ledger.forfeit(job.collateral, late, 0)?;
                    ledger.close_job()
                })?;
            }
            rule(job.enter(JobState::Cancelled, facts.slot, 0))?;
            work.ledger(&at(3)?, "escrow returned", Some(job_at), escrow, |ledger| {
                ledger.unlock(escrow, escrow)?;
                ledger.close_job()
            })?;
            work.effect.job = Some((job_at, Some(job)));
        }
        tag if tag == ix::PlaceBid::DISCRIMINATOR => {
            let (terms, job_at, node, ledger) = (terms(facts)?, at(4)?, at(5)?, at(6)?);
            let (_spec, _limit, bid) = (args.take::<32>()?, args.u64()?, args.u64()?);
            let mut job = work.job(&job_at)?;
            let collateral = rule(job.collateral_due(terms))?;
            if let Some(displaced) = optional(instruction, 7) {
                let freed = job.collateral;
                work.ledger(&displaced, "bid displaced", Some(job_at), freed, |ledger| {
                    ledger.unlock(freed, freed)?;
                    ledger.close_job()
                })?;
            }
            work.ledger(
                &ledger,
                "collateral locked",
                Some(job_at),
                collateral,
                |ledger| {
                    ledger.lock(collateral)?;
                    ledger.open_job()
                },
            )?;
            job.flags |= flag::BID;
            (job.node, job.bid, job.collateral) = (node, bid, collateral);
            work.effect.job = Some((job_at, Some(job)));
        }
        tag if tag == ix::AwardJob::DISCRIMINATOR => {
            let (terms, job_at) = (terms(facts)?, at(1)?);
            let mut job = work.job(&job_at)?;
            (job.price, job.bid) = (job.bid, job.price);
            job.flags &= !flag::BID;
            job.accepted_at = facts.time;
            let run = fits(terms.run_window(job.units_limit))?;
            rule(job.enter(JobState::Accepted, facts.slot, run))?;
            work.effect.job = Some((job_at, Some(job)));
        }
        tag if tag == ix::AcceptJob::DISCRIMINATOR => {
            let (terms, job_at) = (terms(facts)?, at(4)?);
            let mut job = work.job(&job_at)?;
            let collateral = rule(job.collateral_due(terms))?;
            work.ledger(
                &at(6)?,
                "collateral locked",
                Some(job_at),
                collateral,
                |ledger| {
                    ledger.lock(collateral)?;
                    ledger.open_job()
                },
            )?;
            (job.node, job.collateral, job.accepted_at) = (at(5)?, collateral, facts.time);
            let run = fits(terms.run_window(job.units_limit))?;
            rule(job.enter(JobState::Accepted, facts.slot, run))?;
            work.effect.job = Some((job_at, Some(job)));
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// From accepting to the reveal.
fn running(
    work: &mut Work<'_>,
    instruction: &Carried,
    tag: &[u8],
    mut args: Args<'_>,
    facts: &Facts<'_>,
) -> Result<bool> {
    let at = |place| account(instruction, place);
    match tag {
        tag if tag == ix::GiveUpJob::DISCRIMINATOR => {
            let (terms, job_at) = (terms(facts)?, at(2)?);
            let job = work.job(&job_at)?;
            let forfeit = match facts.given_up {
                Some(told) => told,
                None => rule(job.giving_up(terms, facts.slot))?,
            };
            end_attempt(work, job_at, job, [at(4)?, at(5)?], (forfeit, 0), facts)?;
        }
        tag if tag == ix::ExpireJob::DISCRIMINATOR => {
            let job_at = at(2)?;
            let mut job = work.job(&job_at)?;
            pay_crank(&mut job);
            let forfeits = rule(job.forfeits(terms(facts)?))?;
            end_attempt(work, job_at, job, [at(3)?, at(4)?], forfeits, facts)?;
        }
        tag if tag == ix::SubmitResult::DISCRIMINATOR => {
            let job_at = at(2)?;
            let mut job = work.job(&job_at)?;
            (job.result, job.units) = (args.take()?, args.u64()?);
            (job.submitted_at, job.submitted_slot) = (facts.time, facts.slot);
            rule(job.enter(JobState::Submitted, facts.slot, SEALING))?;
            work.effect.job = Some((job_at, Some(job)));
        }
        tag if tag == ix::SealJob::DISCRIMINATOR => {
            let (terms, job_at) = (terms(facts)?, at(3)?);
            let mut job = work.job(&job_at)?;
            let sealed = facts.sealed.ok_or_else(|| {
                Error::Books(format!("nobody knows what the seal of job {job_at} drew"))
            })?;
            seal(&mut job, terms, &sealed);
            pay_crank(&mut job);
            rule(job.enter(JobState::Sealed, facts.slot, terms.attest_window))?;
            work.effect.job = Some((job_at, Some(job)));
        }
        tag if tag == ix::RevealResult::DISCRIMINATOR => {
            let (terms, job_at) = (terms(facts)?, at(1)?);
            let mut job = work.job(&job_at)?;
            job.result = args.take()?;
            job.flags |= flag::REVEALED;
            job.verdict = Verdict::Match as u8;
            let window = rule(job.challenge_window(terms))?;
            rule(job.enter(JobState::Attested, facts.slot, window))?;
            work.effect.job = Some((job_at, Some(job)));
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// A slice leaves the job, if it has one.
fn pay_crank(job: &mut Job) {
    job.slices = job.slices.saturating_sub(1);
}

fn end_attempt(
    work: &mut Work<'_>,
    job_at: Address,
    mut job: Job,
    [node, customer]: [Address; 2],
    (forfeit, checks): (u64, u64),
    facts: &Facts<'_>,
) -> Result<()> {
    let stranger = || {
        let mut ledger = Ledger::zeroed();
        (ledger.available, ledger.locked, ledger.open_jobs) = (STRANGERS, STRANGERS, STRANGERS);
        ledger
    };
    let (node_before, customer_before) = (work.stands(&node)?, work.stands(&customer)?);
    let mut of_node = node_before.unwrap_or_else(stranger);
    let mut of_customer = customer_before.unwrap_or_else(stranger);
    let locked = of_customer.locked;
    let terms = terms(facts)?;
    let (to, from) = (&mut of_node, &mut of_customer);
    rule(job.end_attempt(terms, to, from, forfeit, checks, facts.slot))?;
    if node_before.is_some() {
        let lost = forfeit.saturating_add(checks);
        work.put(&node, "late forfeit", Some(job_at), lost, of_node);
    }
    let returned = locked.saturating_sub(of_customer.locked);
    if customer_before.is_some() && job.state == JobState::Failed as u8 {
        work.put(
            &customer,
            "escrow returned",
            Some(job_at),
            returned,
            of_customer,
        );
    }
    work.effect.job = Some((job_at, Some(job)));
    Ok(())
}

/// Writes what a seal drew, as far as it is known. Where the seal itself is not, the next instructions say whether there
/// was a draw.
fn seal(job: &mut Job, terms: &Market, sealed: &Sealed) {
    job.eligible = sealed.eligible;
    job.seal = sealed.seal.unwrap_or_default();
    if sealed.late {
        job.flags |= flag::LATE;
        (job.drawn, job.panel) = (job.eligible, job.eligible);
    } else if let Some(seal) = sealed.seal {
        job.drawn = panel(&seal, job.eligible, terms.k);
        if is_drawn(&seal, job.check_bps(terms)) {
            job.panel = job.drawn;
        }
    }
}

/// That a job is decided over proves that seats were drawn. Where nobody knows which, as many as there were, the signers
/// among them.
fn assume_panel(job: &mut Job, terms: &Market) {
    if job.is_checked() {
        return;
    }
    let wanted = u32::from(terms.k).min(job.eligible.count_ones());
    let mut drawn = job.signed();
    for bit in 0..u32::BITS {
        let seat = 1u32 << bit;
        if drawn.count_ones() < wanted && job.eligible & seat != 0 {
            drawn |= seat;
        }
    }
    (job.drawn, job.panel) = (drawn, drawn);
}

/// Verdicts and contests.
fn judging(
    work: &mut Work<'_>,
    instruction: &Carried,
    tag: &[u8],
    mut args: Args<'_>,
    facts: &Facts<'_>,
) -> Result<bool> {
    let at = |place| account(instruction, place);
    match tag {
        tag if tag == ix::AttestJob::DISCRIMINATOR => {
            let (terms, job_at) = (terms(facts)?, at(2)?);
            let [verdict] = args.take::<1>()?;
            let (result, _units) = (args.take::<32>()?, args.u64()?);
            let signers = u32::from_le_bytes(args.take()?);
            let mut job = work.job(&job_at)?;
            attest(&mut job, terms, verdict, result, signers, facts.slot)?;
            work.effect.job = Some((job_at, Some(job)));
        }
        tag if tag == ix::EscalateJob::DISCRIMINATOR => {
            let (terms, job_at) = (terms(facts)?, at(2)?);
            let mut job = work.job(&job_at)?;
            assume_panel(&mut job, terms);
            pay_crank(&mut job);
            job.mark_silent();
            if job.state == JobState::Challenged as u8 {
                job.flags |= flag::FINAL;
                rule(job.enter(JobState::Attested, facts.slot, 0))?;
            } else {
                job.panel = job.eligible;
                rule(job.enter(JobState::Sealed, facts.slot, terms.attest_window))?;
            }
            work.effect.job = Some((job_at, Some(job)));
        }
        tag if tag == ix::ChallengeJob::DISCRIMINATOR => {
            let (terms, job_at, ledger) = (terms(facts)?, at(2)?, at(3)?);
            let mut job = work.job(&job_at)?;
            let window = terms.attest_window;
            let bond = if job.is_checked() {
                job.appellant = ledger;
                job.first_verdict = job.verdict;
                job.panel = job.eligible;
                rule(job.enter(JobState::Challenged, facts.slot, window))?;
                rule(job.appeal_bond())?
            } else {
                job.challenger = ledger;
                job.verdict = 0;
                job.panel = job.drawn;
                assume_panel(&mut job, terms);
                rule(job.enter(JobState::Sealed, facts.slot, window))?;
                rule(job.challenge_bond(terms))?
            };
            work.ledger(&ledger, "bond locked", Some(job_at), bond, |ledger| {
                ledger.lock(bond)
            })?;
            work.effect.job = Some((job_at, Some(job)));
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn attest(
    job: &mut Job,
    terms: &Market,
    verdict: u8,
    result: [u8; 32],
    signers: u32,
    slot: u64,
) -> Result<()> {
    let said =
        Verdict::try_from(verdict).map_err(|_| Error::Books(format!("{verdict} is no verdict")))?;
    let tally = match said {
        Verdict::Match => &mut job.signed_match,
        Verdict::Mismatch => &mut job.signed_mismatch,
        Verdict::Unrunnable => &mut job.signed_unrunnable,
    };
    *tally |= signers;
    let stands = tally.count_ones();
    assume_panel(job, terms);
    if said != Verdict::Unrunnable {
        job.signed_unrunnable &= !signers;
    }
    if stands < majority(job.panel) {
        return Ok(());
    }
    job.verdict = verdict;
    if said == Verdict::Match {
        job.result = result;
        job.flags |= flag::REVEALED;
    }
    if job.panel == job.eligible || stands >= majority(job.eligible) {
        job.flags |= flag::FINAL;
    }
    let window = rule(job.challenge_window(terms))?;
    rule(job.enter(JobState::Attested, slot, window))
}

/// Endings, and what follows them.
fn ending(
    work: &mut Work<'_>,
    instruction: &Carried,
    tag: &[u8],
    mut args: Args<'_>,
    facts: &Facts<'_>,
) -> Result<bool> {
    let at = |place| account(instruction, place);
    match tag {
        tag if tag == ix::VoidJob::DISCRIMINATOR => {
            let (terms, job_at) = (terms(facts)?, at(2)?);
            let mut job = work.job(&job_at)?;
            let (escrow, collateral) = (rule(job.escrow(terms))?, job.collateral);
            work.ledger(&at(3)?, "escrow returned", Some(job_at), escrow, |ledger| {
                ledger.unlock(escrow, escrow)?;
                ledger.close_job()
            })?;
            work.ledger(
                &at(4)?,
                "collateral returned",
                Some(job_at),
                collateral,
                |ledger| {
                    ledger.unlock(collateral, collateral)?;
                    ledger.close_job()
                },
            )?;
            if job.challenger != Address::default() {
                let bond = rule(job.challenge_bond(terms))?;
                work.ledger(
                    &job.challenger,
                    "bond returned",
                    Some(job_at),
                    bond,
                    |ledger| ledger.unlock(bond, bond),
                )?;
            }
            if job.state == JobState::Sealed as u8 {
                assume_panel(&mut job, terms);
            }
            job.mark_silent();
            pay_crank(&mut job);
            rule(job.enter(JobState::Voided, facts.slot, terms.retention()))?;
            work.effect.job = Some((job_at, Some(job)));
        }
        tag if tag == ix::SettleJob::DISCRIMINATOR => {
            settle(work, at(3)?, at(4)?, at(5)?, facts)?;
        }
        tag if tag == ix::CollectCheck::DISCRIMINATOR => {
            let (terms, job_at) = (terms(facts)?, at(2)?);
            let [seat] = args.take::<1>()?;
            let mut job = work.job(&job_at)?;
            let signers = job.verdict().map_or(0, |verdict| job.signers(verdict));
            let due = rule(job.checks_due(terms))?;
            let share = fits(due.checked_div(u64::from(signers.count_ones())))?;
            job.collected |= 1u32.checked_shl(u32::from(seat)).unwrap_or_default();
            work.ledger(&at(3)?, "check", Some(job_at), share, |ledger| {
                ledger.credits = ledger.credits.saturating_add(share);
                Ok(())
            })?;
            work.effect.job = Some((job_at, Some(job)));
        }
        tag if tag == ix::SlashJob::DISCRIMINATOR => {
            let job_at = at(1)?;
            let mut job = work.job(&job_at)?;
            job.flags &= !flag::SLASH_DUE;
            work.effect.job = Some((job_at, Some(job)));
        }
        tag if tag == ix::PenaliseOracle::DISCRIMINATOR => {
            let job_at = at(1)?;
            let [seat] = args.take::<1>()?;
            let mut job = work.job(&job_at)?;
            job.penalised |= 1u32.checked_shl(u32::from(seat)).unwrap_or_default();
            work.effect.job = Some((job_at, Some(job)));
        }
        tag if tag == ix::CloseJob::DISCRIMINATOR => {
            work.effect.job = Some((at(3)?, None));
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Money follows the verdict, role by role as the program does it.
fn settle(
    work: &mut Work<'_>,
    job_at: Address,
    customer: Address,
    node: Address,
    facts: &Facts<'_>,
) -> Result<()> {
    let terms = terms(facts)?;
    let mut job = work.job(&job_at)?;
    let escrow = rule(job.escrow(terms))?;
    let (collateral, units, about) = (job.collateral, job.units, Some(job_at));
    let mut reward = 0;
    let verdict = job
        .verdict()
        .ok_or_else(|| Error::Books(format!("job {job_at} was settled without a verdict")))?;
    let end = match verdict {
        Verdict::Match => {
            let (burn_bps, fee_bps) = (u64::from(terms.burn_bps), u64::from(terms.fee_bps));
            let bill = bills::bill(job.price, units, job.surcharge(terms), burn_bps, fee_bps)
                .ok_or_else(|| Error::Books("a bill is more than 64 bits hold".into()))?;
            let spent = fits(bill.work.checked_add(bill.checks))?;
            let extra = match job.has(flag::LATE) {
                true => rule(job.panel_work(terms, units))?.saturating_sub(bill.checks),
                false => 0,
            };
            let emits = terms.mint == facts.emission_mint;
            work.ledger(&customer, "job paid", about, spent, |ledger| {
                ledger.pay_bill(escrow, spent, units)?;
                ledger.close_job()
            })?;
            work.ledger(&node, "job earned", about, bill.node, |ledger| {
                ledger.earn_bill(&bill, collateral, extra, units, emits)?;
                ledger.close_job()
            })?;
            JobState::Settled
        }
        Verdict::Mismatch => {
            let checks = rule(job.panel_work(terms, job.units_limit))?.min(collateral);
            job.flags |= flag::SLASH_DUE;
            let rest = collateral.saturating_sub(checks);
            if job.appellant_won() || job.challenger_won() {
                reward = rest / 2;
            }
            work.ledger(&customer, "escrow returned", about, escrow, |ledger| {
                ledger.unlock(escrow, escrow)?;
                failed(ledger)
            })?;
            work.ledger(&node, "lie forfeit", about, collateral, |ledger| {
                ledger.unlock(collateral, 0)?;
                ledger.checks_owed = ledger.checks_owed.saturating_add(checks);
                ledger.burn_owed = ledger.burn_owed.saturating_add(rest.saturating_sub(reward));
                failed(ledger)
            })?;
            JobState::Failed
        }
        Verdict::Unrunnable => {
            let late = rule(job.late(terms))?;
            work.ledger(&customer, "unrunnable loss", about, late, |ledger| {
                ledger.unlock(escrow, escrow.saturating_sub(late))?;
                failed(ledger)
            })?;
            work.ledger(&node, "unrunnable loss", about, late, |ledger| {
                ledger.unlock(collateral, collateral.saturating_sub(late))?;
                ledger.checks_owed = ledger.checks_owed.saturating_add(late).saturating_add(late);
                failed(ledger)
            })?;
            JobState::Failed
        }
    };
    bonds(work, job_at, &job, node, terms, reward)?;
    pay_crank(&mut job);
    rule(job.enter(end, facts.slot, terms.retention()))?;
    work.effect.job = Some((job_at, Some(job)));
    Ok(())
}

fn failed(ledger: &mut Ledger) -> anchor_lang::Result<()> {
    ledger.failed = ledger.failed.saturating_add(1);
    ledger.close_job()
}

/// Bonds of challenger and appellant: returned, with the reward of whoever was right, or lost to the checks.
fn bonds(
    work: &mut Work<'_>,
    job_at: Address,
    job: &Job,
    node: Address,
    terms: &Market,
    reward: u64,
) -> Result<()> {
    let about = Some(job_at);
    let mut lost = 0u64;
    let mut release = |who: Address, bond: u64, loses: bool, reward: u64| {
        if who == Address::default() {
            return Ok(());
        }
        if loses {
            lost = lost.saturating_add(bond);
            return work.ledger(&who, "bond lost", about, bond, |ledger| {
                ledger.unlock(bond, 0)
            });
        }
        work.ledger(&who, "bond returned", about, bond, |ledger| {
            ledger.unlock(bond, bond)
        })?;
        if reward == 0 {
            return Ok(());
        }
        work.ledger(&who, "reward", about, reward, |ledger| {
            ledger.unlock(0, reward)
        })
    };
    let appellant_won = job.appellant_won();
    let of_challenger = if appellant_won { 0 } else { reward };
    let bond = rule(job.challenge_bond(terms))?;
    release(job.challenger, bond, job.challenger_lost(), of_challenger)?;
    let of_appellant = if appellant_won { reward } else { 0 };
    let bond = rule(job.appeal_bond())?;
    release(job.appellant, bond, job.appellant_lost(), of_appellant)?;
    if lost == 0 {
        return Ok(());
    }
    work.ledger(&node, "bonds passed on", about, lost, |ledger| {
        ledger.checks_owed = ledger.checks_owed.saturating_add(lost);
        Ok(())
    })
}

//! The loop that looks for what is due, and turns it.

use crate::due::{batches, due, Action, Now};
use crate::policy::{Duty, Policy};
use crate::report::Report;
use crate::send::{Money, Outcome, Sender, Task};
use crate::signatures::{attest, find, Receipt};
use crate::step::Step;
use crate::{Error, Result};
use futures_util::{stream, StreamExt};
use lode_client::instructions::jobs;
use lode_client::token::MintInfo;
use lode_client::{addresses, filter, Client};
use lode_jobs::state::{Job, JobState, Ledger, Market};
use lode_oracle::state::Committee;
use lode_staking::state::StakingConfig;
use lode_store::{gateway_urls, Gateways};
use lode_telemetry::Telemetry;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// First and longest pause after a failure.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long a look that is under way may still take when it is told to stop.
const LAST_LOOK: Duration = Duration::from_secs(5);
/// Receipts that are kept before those of jobs that went on are forgotten.
const MOST_KNOWN: usize = 10_000;
/// How long a slot is planned to last.
const SLOT: Duration = Duration::from_millis(400);
/// After so many failures a step is left alone for a while, and what waits for it goes on.
const PATIENT_FAILURES: u32 = 5;
/// How long.
const LEFT_ALONE: Duration = Duration::from_secs(600);
/// Rent of a ledger, generously, lamports.
const LEDGER_RENT: u64 = 4_000_000;
/// Rounds of `once` at most: each takes what the one before made possible.
const MOST_ROUNDS: usize = 32;

/// What the store of one market may take of a look: whoever makes a market chooses its store.
const STORE_TIME: Duration = Duration::from_secs(5);
/// Stores that are asked at the same time.
const STORES: usize = 16;

/// A step of a job that is due.
type Due = (Address, Job, Market, Action);
/// The same, and what is to be sent.
type Prepared = (Address, Job, Action, Result<Option<Task>>);

/// Where a job stands: what a failure refers to. When it changes, the step may be tried again.
type Stamp = (u8, u8, u64);

/// A step that was tried.
struct Rest {
    until: Instant,
    failures: u32,
    stamp: Stamp,
}

/// Turns what is due, for one wallet.
pub struct Crank {
    pub(crate) sender: Sender,
    pub(crate) policy: Policy,
    /// Only markets of this committee are served.
    serves: Option<Address>,
    /// Terms hold for ever: read once.
    markets: HashMap<Address, Market>,
    /// Seats change: read again by every look.
    committees: HashMap<Address, Committee>,
    mints: Mutex<HashMap<Address, MintInfo>>,
    gateways: Gateways,
    known: HashMap<(Address, u8), Receipt>,
    rests: HashMap<(Address, Step), Rest>,
    report: Report,
    swept: Option<Instant>,
}

fn stamp(job: &Job) -> Stamp {
    (job.state, job.attempt, job.deadline)
}

fn pause_after(failures: u32) -> Duration {
    if failures >= PATIENT_FAILURES {
        return LEFT_ALONE;
    }
    FIRST_PAUSE
        .saturating_mul(1 << failures.saturating_sub(1).min(16))
        .min(LONGEST_PAUSE)
}

/// Time between two looks for a panel's signatures, `left` slots before its window ends: the longer it has, the less
/// often it is asked.
fn signatures_pause(left: u64) -> Duration {
    let left = u32::try_from(left).unwrap_or(u32::MAX);
    let (least, most) = (Duration::from_secs(2), Duration::from_secs(10));
    (SLOT.saturating_mul(left) / 100).clamp(least, most)
}

impl Crank {
    /// A crank whose transactions `wallet` signs and pays for.
    pub fn new(client: Client, wallet: Arc<Keypair>, policy: Policy, telemetry: Telemetry) -> Self {
        Self {
            sender: Sender {
                client,
                wallet,
                parallel: policy.parallel,
                purse: AtomicU64::new(0),
                telemetry,
            },
            policy,
            serves: None,
            markets: HashMap::new(),
            committees: HashMap::new(),
            mints: Mutex::default(),
            gateways: Gateways::default(),
            known: HashMap::new(),
            rests: HashMap::new(),
            report: Report::default(),
            swept: None,
        }
    }

    /// Reads signatures with these connections, and from these mirrors.
    pub fn with_gateways(mut self, gateways: Gateways) -> Self {
        self.gateways = gateways;
        self
    }

    /// Looks at no jobs but those of this committee's markets, also of those that are made later.
    pub fn of_committee(mut self, committee: Address) -> Self {
        self.serves = Some(committee);
        self
    }

    /// What it did since it was made.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Tells it the receipt of an attempt, so that it can bring signatures under a match that nobody has revealed.
    pub fn know(&mut self, job: Address, attempt: u8, result: [u8; 32], units: u64) {
        self.known.insert((job, attempt), (result, units));
    }

    /// Turns until `stop` is cancelled. A chain or a store that is away for a while stops nothing for good.
    ///
    /// # Errors
    /// None of its own: what fails is told in the log and by the health of the telemetry, and tried again.
    pub async fn run(&mut self, stop: CancellationToken) -> Result<()> {
        let mut failures = 0;
        loop {
            // What is under way when it is stopped is on the chain a moment later: it is counted too.
            let looked = {
                let look = self.look();
                tokio::pin!(look);
                tokio::select! {
                    looked = &mut look => Some(looked),
                    () = stop.cancelled() => tokio::time::timeout(LAST_LOOK, look).await.ok(),
                }
            };
            let pause = match looked {
                Some(Ok(_)) => {
                    failures = 0;
                    self.tell_health();
                    self.policy.poll
                }
                Some(Err(error)) => {
                    failures += 1;
                    tracing::warn!(%error, "the chain cannot be read; trying again");
                    let health = &self.sender.telemetry.health;
                    health.ill("crank", error.to_string());
                    pause_after(failures).min(LONGEST_PAUSE)
                }
                None => break,
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
        tracing::info!(
            steps = self.report.taken(),
            earned = self.report.earned,
            fees = self.report.fees,
            "stopped"
        );
        Ok(())
    }

    /// Takes everything that is due now, and what becomes possible by it.
    ///
    /// # Errors
    /// [`Error::Chain`]; [`Error::Floor`] where something is due and the wallet holds too little for it.
    pub async fn once(&mut self) -> Result<()> {
        for _ in 0..MOST_ROUNDS {
            self.swept = None;
            let unaffordable = self.report.unaffordable;
            let taken = self.look().await?;
            if self.report.unaffordable > unaffordable {
                return Err(Error::Floor {
                    wallet: self.sender.wallet.pubkey(),
                    balance: self.report.balance,
                    floor: self.policy.floor,
                });
            }
            if taken == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Looks at the chain once and takes what is due; says how many steps it took.
    ///
    /// # Errors
    /// [`Error::Chain`].
    pub async fn look(&mut self) -> Result<u64> {
        let before = self.report.taken();
        let sweeps = self
            .swept
            .is_none_or(|at| at.elapsed() >= self.policy.sweep_every);
        let found = self.jobs(&self.policy.duty.looks_at(sweeps)).await?;
        self.turn(&found).await?;
        if sweeps {
            self.run_errands().await?;
            self.swept = Some(Instant::now());
        }
        Ok(self.report.taken() - before)
    }

    /// Jobs in these states, of the markets that are served.
    async fn jobs(&self, states: &[JobState]) -> Result<Vec<(Address, Job)>> {
        let client = &self.sender.client;
        let mut found = Vec::new();
        if states.is_empty() {
            return Ok(found);
        }
        let served = self.served().await?;
        for state in states {
            let in_state = filter!(Job, state, *state as u8);
            let Some(markets) = &served else {
                found.extend(client.get_program_accounts(&[in_state]).await?);
                continue;
            };
            for market in markets {
                let in_market = filter!(Job, market, *market);
                let filters = [in_state.clone(), in_market];
                found.extend(client.get_program_accounts(&filters).await?);
            }
        }
        Ok(found)
    }

    /// The markets that are served; nothing for all there are.
    async fn served(&self) -> Result<Option<Vec<Address>>> {
        let Some(committee) = self.serves else {
            let named = &self.policy.markets;
            return Ok((!named.is_empty()).then(|| named.clone()));
        };
        let client = &self.sender.client;
        let filters = [filter!(Market, committee, committee)];
        let markets = client.get_program_accounts::<Market>(&filters).await?;
        Ok(Some(markets.into_iter().map(|(at, _)| at).collect()))
    }

    /// Takes what is due of these jobs, as they were read.
    ///
    /// # Errors
    /// [`Error::Chain`].
    pub async fn turn(&mut self, jobs: &[(Address, Job)]) -> Result<()> {
        let now = Now::read(&self.sender.client).await?;
        self.look_into_the_purse().await?;
        self.committees.clear();
        self.learn_markets(jobs).await?;
        let mut chosen = Vec::new();
        for (at, job) in jobs {
            let Some(market) = self.markets.get(&job.market).copied() else {
                continue;
            };
            let actions = due(job, &market, &now, self.policy.patience);
            if actions.is_empty() {
                continue;
            }
            let committee = self.committee(&market.committee).await?;
            let wanted = actions
                .into_iter()
                .filter(|action| self.policy.duty.wants(*action, committee.as_ref()));
            // Its closing ends everything else: it waits until that is done, or was tried often enough.
            let mut closable = true;
            for action in wanted {
                let patient = self.tried(at, job, action) >= PATIENT_FAILURES;
                if action == Action::Close && !closable {
                    continue;
                }
                closable &= patient;
                if !self.rests(at, job, action) {
                    chosen.push((*at, *job, market, action));
                }
            }
        }
        // What needs nobody's store goes first.
        let (of_stores, others): (Vec<Due>, Vec<Due>) = chosen
            .into_iter()
            .partition(|(.., action)| *action == Action::Attest);
        let prepared = self.prepare_all(others, &now).await;
        self.send_prepared(prepared, &now).await;
        let prepared = self.prepare_by_store(of_stores, &now).await;
        self.send_prepared(prepared, &now).await;
        self.forget(jobs);
        Ok(())
    }

    async fn prepare_all(&self, due: Vec<Due>, now: &Now) -> Vec<Prepared> {
        stream::iter(due)
            .map(|(at, job, market, action)| async move {
                let task = self.prepare(&at, &job, &market, action, now).await;
                (at, job, action, task)
            })
            .buffer_unordered(self.policy.parallel.max(1))
            .collect()
            .await
    }

    /// Each market's store has its time, and takes none from the others. What it leaves undone comes with the next look.
    async fn prepare_by_store(&self, due: Vec<Due>, now: &Now) -> Vec<Prepared> {
        let mut markets: HashMap<Address, Vec<Due>> = HashMap::new();
        for step in due {
            markets.entry(step.1.market).or_default().push(step);
        }
        let prepared: Vec<Vec<Prepared>> = stream::iter(markets.into_values())
            .map(|due| self.prepare_in_time(due, now))
            .buffer_unordered(STORES)
            .collect()
            .await;
        prepared.into_iter().flatten().collect()
    }

    async fn prepare_in_time(&self, due: Vec<Due>, now: &Now) -> Vec<Prepared> {
        let until = tokio::time::Instant::now() + STORE_TIME;
        stream::iter(due)
            .take_until(Box::pin(tokio::time::sleep_until(until)))
            .map(|(at, job, market, action)| async move {
                let task = self.prepare(&at, &job, &market, action, now);
                let slow = |_| lode_store::Error::Unreachable {
                    url: gateway_urls(&market.store_url).join(" "),
                    reason: "it took too long".into(),
                };
                let task = tokio::time::timeout_at(until, task).await;
                let task = task.unwrap_or_else(|late| Err(slow(late).into()));
                (at, job, action, task)
            })
            .buffer_unordered(self.policy.parallel.max(1))
            .collect()
            .await
    }

    /// Sends what there is to send, and notes when to look again for what there is not.
    async fn send_prepared(&mut self, prepared: Vec<Prepared>, now: &Now) {
        let (mut tasks, mut stamps) = (Vec::new(), Vec::new());
        let mut opened = HashSet::new();
        for (at, job, action, task) in prepared {
            let soon = signatures_pause(job.deadline.saturating_sub(now.slot));
            match task {
                // A ledger is opened once: what also waits for it comes with the next look.
                Ok(Some(task)) if task.opens.is_some_and(|ledger| !opened.insert(ledger)) => {}
                Ok(Some(task)) => {
                    tasks.push(task);
                    stamps.push(stamp(&job));
                }
                // Others have to act first: a panel that signs soon, or somebody who may never come, whom nothing else
                // waits for.
                Ok(None) if action == Action::Attest => {
                    self.rest(at, Step::Job(action), stamp(&job), 0, soon);
                }
                Ok(None) => {
                    let step = Step::Job(action);
                    self.rest(at, step, stamp(&job), PATIENT_FAILURES, LEFT_ALONE);
                }
                Err(error) => {
                    tracing::warn!(job = %at, step = action.name(), %error, "not prepared; trying again");
                    // Of what its panel signed a job has this window only: its store is never left alone for longer.
                    if action == Action::Attest {
                        self.rest(at, Step::Job(action), stamp(&job), 0, soon);
                    } else {
                        self.fail(at, Step::Job(action), stamp(&job));
                    }
                }
            }
        }
        self.send(&tasks, &stamps).await;
    }

    /// Sends, and notes what became of it.
    async fn send(&mut self, tasks: &[Task], stamps: &[Stamp]) {
        let (outcomes, money) = self.sender.send_all(tasks).await;
        for ((task, outcome), stamp) in tasks.iter().zip(outcomes).zip(stamps) {
            let (at, step) = (task.subject, task.step);
            match outcome {
                Outcome::Did => {
                    self.rests.remove(&(at, step));
                    self.report.count(step.name());
                    tracing::info!(account = %at, step = step.name(), "turned");
                    let metrics = &self.sender.telemetry.metrics;
                    let labels = [("step", step.name())];
                    metrics
                        .counter_with("lode_crank_steps_total", "Steps taken", &labels)
                        .inc();
                }
                Outcome::Raced => {
                    self.report.raced += 1;
                    tracing::debug!(account = %at, step = step.name(), "another was first");
                }
                Outcome::Unaffordable => self.report.unaffordable += 1,
                Outcome::Failed(reason) => {
                    self.report.failed += 1;
                    tracing::warn!(account = %at, step = step.name(), %reason, "refused; trying again later");
                    self.fail(at, step, *stamp);
                }
            }
        }
        self.book(money);
    }

    fn book(&mut self, money: Money) {
        let report = &mut self.report;
        report.transactions += money.transactions;
        report.fees = report.fees.saturating_add(money.fees);
        report.earned = report.earned.saturating_add(money.earned);
        let metrics = &self.sender.telemetry.metrics;
        let sums = [
            (
                "lode_crank_fees_lamports_total",
                "Lamports paid as fees",
                money.fees,
            ),
            (
                "lode_crank_earned_lamports_total",
                "Lamports received as slices",
                money.earned,
            ),
            (
                "lode_crank_transactions_total",
                "Transactions sent",
                money.transactions,
            ),
        ];
        for (name, help, more) in sums {
            metrics.counter(name, help).add(more as f64);
        }
        let states = [
            (
                "lode_crank_raced",
                "Steps that another took first",
                report.raced,
            ),
            (
                "lode_crank_failed",
                "Steps that were refused",
                report.failed,
            ),
            (
                "lode_crank_unaffordable",
                "Steps not taken for want of lamports",
                report.unaffordable,
            ),
            (
                "lode_crank_balance_lamports",
                "Lamports in the wallet",
                report.balance,
            ),
        ];
        for (name, help, value) in states {
            metrics.gauge(name, help).set(value as f64);
        }
    }

    async fn look_into_the_purse(&mut self) -> Result<()> {
        let wallet = self.sender.wallet.pubkey();
        let balance = self.sender.client.balance(&wallet).await?;
        let free = balance.saturating_sub(self.policy.floor);
        self.sender.purse.store(free, Ordering::Relaxed);
        self.report.balance = balance;
        Ok(())
    }

    /// Tells that it turns, and whether it can pay for it. Only the loop does: whoever turns chosen jobs is watched by his
    /// own measure.
    fn tell_health(&self) {
        let (balance, floor) = (self.report.balance, self.policy.floor);
        let health = &self.sender.telemetry.health;
        let next = (self.policy.poll + self.policy.sweep_every) * 3 + LONGEST_PAUSE;
        health.well("crank", next);
        if balance > floor {
            health.well("wallet", next);
            return;
        }
        let wallet = self.sender.wallet.pubkey();
        let reason = Error::Floor {
            wallet,
            balance,
            floor,
        }
        .to_string();
        tracing::warn!("{reason}");
        health.ill("wallet", reason);
    }

    async fn learn_markets(&mut self, jobs: &[(Address, Job)]) -> Result<()> {
        let mut new: Vec<Address> = jobs.iter().map(|(_, job)| job.market).collect();
        new.sort_unstable();
        new.dedup();
        new.retain(|market| !self.markets.contains_key(market));
        let found = self.sender.client.get_accounts::<Market>(&new).await?;
        for (at, market) in new.into_iter().zip(found) {
            if let Some(market) = market {
                self.markets.insert(at, market);
            }
        }
        Ok(())
    }

    async fn committee(&mut self, at: &Address) -> Result<Option<Committee>> {
        if let Some(committee) = self.committees.get(at) {
            return Ok(Some(*committee));
        }
        let committee = self.sender.client.try_account::<Committee>(at).await?;
        if let Some(committee) = committee {
            self.committees.insert(*at, committee);
        }
        Ok(committee)
    }

    /// What is due beside jobs.
    async fn run_errands(&mut self) -> Result<()> {
        let due = match self.policy.duty {
            Duty::All => self.errands().await?,
            Duty::Collect(owner) => self.redemptions(&owner).await?,
            Duty::Emission(node) => self.emission_of(&node).await?,
            Duty::Paid => return Ok(()),
        };
        let awake = |task: &Task| {
            let rest = self.rests.get(&(task.subject, task.step));
            rest.is_none_or(|rest| Instant::now() >= rest.until)
        };
        let due: Vec<Task> = due.into_iter().filter(awake).collect();
        let stamps = vec![Stamp::default(); due.len()];
        self.send(&due, &stamps).await;
        Ok(())
    }

    fn tried(&self, at: &Address, job: &Job, action: Action) -> u32 {
        let rest = self.rests.get(&(*at, Step::Job(action)));
        rest.filter(|rest| rest.stamp == stamp(job))
            .map_or(0, |rest| rest.failures)
    }

    fn rests(&self, at: &Address, job: &Job, action: Action) -> bool {
        let rest = self.rests.get(&(*at, Step::Job(action)));
        rest.is_some_and(|rest| rest.stamp == stamp(job) && Instant::now() < rest.until)
    }

    fn rest(&mut self, at: Address, step: Step, stamp: Stamp, failures: u32, pause: Duration) {
        let rest = Rest {
            until: Instant::now() + pause,
            failures,
            stamp,
        };
        self.rests.insert((at, step), rest);
    }

    fn fail(&mut self, at: Address, step: Step, stamp: Stamp) {
        let before = self.rests.get(&(at, step));
        let failures = before
            .filter(|rest| rest.stamp == stamp)
            .map_or(0, |rest| rest.failures);
        let failures = failures.saturating_add(1);
        self.rest(at, step, stamp, failures, pause_after(failures));
    }

    /// Forgets rests that ended long ago: their accounts are gone, or went on. Of receipts only as many are kept as anybody
    /// may still need.
    fn forget(&mut self, jobs: &[(Address, Job)]) {
        let now = Instant::now();
        self.rests.retain(|_, rest| now < rest.until + LEFT_ALONE);
        if self.known.len() > MOST_KNOWN {
            let alive: HashSet<_> = jobs.iter().map(|(at, job)| (*at, job.attempt)).collect();
            self.known.retain(|key, _| alive.contains(key));
        }
    }

    /// The instructions of a job's step; nothing where others have to act first.
    async fn prepare(
        &self,
        at: &Address,
        job: &Job,
        market: &Market,
        action: Action,
        now: &Now,
    ) -> Result<Option<Task>> {
        let me = self.sender.wallet.pubkey();
        let committee_at = &market.committee;
        let seen = bytemuck::bytes_of(job);
        let task = |instructions: Vec<Instruction>| {
            Ok(Some(Task::new(Step::Job(action), *at, seen, instructions)))
        };
        match action {
            Action::Seal => task(vec![jobs::seal_job(&me, at, job, committee_at)]),
            Action::Expire => task(vec![jobs::expire_job(&me, at, job)]),
            Action::Settle => task(vec![jobs::settle_job(&me, at, job)]),
            Action::Close => task(vec![jobs::close_job(&me, at, job)]),
            // nothing keeps a cancelled job: closing it at once is what pays for the transaction
            Action::Cancel => task(vec![
                jobs::cancel_job(&me, at, job),
                jobs::close_job(&me, at, job),
            ]),
            Action::Attest => self.attest(at, job, market, now).await,
            Action::Award => task(vec![jobs::award_job(at, job)]),
            Action::Escalate => task(vec![jobs::escalate_job(&me, at, job)]),
            Action::Void => task(vec![jobs::void_job(&me, at, job)]),
            Action::Slash => {
                let config = addresses::staking::config();
                let config: StakingConfig = self.sender.client.get_account(&config).await?;
                let mint = self.mint(&config.stake_mint).await?;
                task(vec![jobs::slash_job(at, job, &mint)])
            }
            Action::Penalise(seat) => {
                let penalise = self.penalise(at, job, market, seat).await?;
                task(penalise.into_iter().collect())
            }
            Action::Collect(seat) => self.collect(at, job, market, seat).await,
        }
    }

    async fn penalise(
        &self,
        at: &Address,
        job: &Job,
        market: &Market,
        seat: u8,
    ) -> Result<Option<Instruction>> {
        let Some(committee) = self.committees.get(&market.committee) else {
            return Ok(None);
        };
        let mint = self.mint(&committee.bond_mint).await?;
        // Who took a freed seat answers for nothing that was submitted before him.
        let serves = committee.seat_is_eligible(seat, job.submitted_at);
        let sitting = committee.seats.get(usize::from(seat));
        let owner = sitting.filter(|_| serves).map(|sitting| sitting.owner);
        // Who won may have taken his money and closed his ledger before the seats pay.
        let appellant = if job.appellant_won() {
            let client = &self.sender.client;
            let party = client.party_of(&job.market, &job.appellant).await?;
            Some(party.ok_or(Error::Forgotten(job.appellant))?)
        } else {
            None
        };
        Ok(Some(jobs::penalise_oracle(
            at,
            job,
            &market.committee,
            seat,
            owner.as_ref(),
            appellant.as_ref(),
            &mint,
        )))
    }

    /// Books a seat's share. Whoever collects for himself opens his ledger where he has none; for others that is not
    /// our money to spend.
    async fn collect(
        &self,
        at: &Address,
        job: &Job,
        market: &Market,
        seat: u8,
    ) -> Result<Option<Task>> {
        let committee = self.committees.get(&market.committee);
        let sitting = committee.and_then(|c| c.seats.get(usize::from(seat)));
        let Some(owner) = sitting
            .filter(|sitting| sitting.is_eligible(job.submitted_at))
            .map(|sitting| sitting.owner)
        else {
            return Ok(None);
        };
        let client = &self.sender.client;
        let ledger = addresses::jobs::ledger(&job.market, &owner);
        let open = client.try_account::<Ledger>(&ledger).await?.is_some();
        let ours = matches!(self.policy.duty, Duty::Collect(_));
        if !open && !ours {
            return Ok(None);
        }
        let mut instructions = Vec::new();
        if !open {
            let me = self.sender.wallet.pubkey();
            instructions.push(jobs::open_ledger(&me, &job.market, &owner));
        }
        instructions.push(jobs::collect_check(
            at,
            job,
            &market.committee,
            seat,
            &owner,
        ));
        let step = Step::Job(Action::Collect(seat));
        let mut task = Task::new(step, *at, bytemuck::bytes_of(job), instructions);
        if !open {
            task.lends = LEDGER_RENT;
            task.opens = Some(ledger);
        }
        Ok(Some(task))
    }

    /// A mint; what is kept of it never changes.
    pub(crate) async fn mint(&self, at: &Address) -> Result<MintInfo> {
        let known = || self.mints.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mint) = known().get(at) {
            return Ok(*mint);
        }
        let mint = self.sender.client.mint(at).await?;
        known().insert(*at, mint);
        Ok(mint)
    }

    /// The signatures that should go to the chain now.
    async fn attest(
        &self,
        at: &Address,
        job: &Job,
        market: &Market,
        now: &Now,
    ) -> Result<Option<Task>> {
        let Some(committee) = self.committees.get(&market.committee) else {
            return Ok(None);
        };
        let known = self.known.get(&(*at, job.attempt)).copied();
        let store = self.gateways.of(&market.store_url)?;
        let found = find(&store, at, job, market, committee, known).await?;
        let verdicts: Vec<_> = found
            .iter()
            .map(|f| (f.signature.seat, f.verdict))
            .collect();
        let transactions: Vec<_> = batches(job, market, now.slot, &verdicts)
            .iter()
            .map(|batch| attest(at, job, market, batch, &found, known))
            .collect();
        Ok((!transactions.is_empty()).then(|| Task {
            step: Step::Job(Action::Attest),
            subject: *at,
            seen: bytemuck::bytes_of(job).to_vec(),
            transactions,
            lends: 0,
            opens: None,
        }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bytemuck::Zeroable;
    use std::sync::atomic::AtomicUsize;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// A store that answers every request so, or holds it and never answers; its URL.
    async fn store(answer: Option<&'static str>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let mut held = Vec::new();
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let Some(answer) = answer else {
                    held.push(socket);
                    continue;
                };
                tokio::spawn(async move {
                    let mut asked = [0; 4_096];
                    assert!(socket.read(&mut asked).await.unwrap() > 0);
                    socket.write_all(answer.as_bytes()).await.unwrap();
                });
            }
        });
        url
    }

    const NONE: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    const NOW: Now = Now {
        slot: 0,
        last_restart: 0,
    };

    /// A crank without a chain.
    fn crank() -> Crank {
        let mut crank = Crank::new(
            Client::new("http://127.0.0.1:1"),
            Arc::new(Keypair::new()),
            Policy::default(),
            Telemetry::new("crank"),
        );
        crank
            .committees
            .insert(Address::default(), Committee::zeroed());
        crank
    }

    /// A chain without accounts, and how often it was asked.
    async fn empty_chain() -> (Client, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<AtomicUsize>::default();
        let count = asked.clone();
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                let mut request = [0; 4_096];
                assert!(socket.read(&mut request).await.unwrap() > 0);
                let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
                let answer = format!(r#"{head}{{"jsonrpc":"2.0","id":0,"result":[]}}"#);
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        (Client::new(url), asked)
    }

    /// Twenty jobs whose panels sign in the store of market `n`.
    fn signing(n: u8, url: &str) -> Vec<Due> {
        let mut market = Market::zeroed();
        market.store_url[..url.len()].copy_from_slice(url.as_bytes());
        let job = |i: u8| {
            let mut job = Job::zeroed();
            job.market = Address::new_from_array([n; 32]);
            job.panel = 0b111;
            let at = Address::new_from_array([n.wrapping_mul(20).wrapping_add(i); 32]);
            (at, job, market, Action::Attest)
        };
        (0..20).map(job).collect()
    }

    #[tokio::test]
    async fn a_store_that_never_answers_costs_a_look_its_time_and_other_markets_nothing() {
        let (good, bad) = (store(Some(NONE)).await, store(None).await);
        let crank = crank();
        let due = [signing(0, &bad), signing(1, &good), signing(2, &bad)].concat();
        let begun = Instant::now();
        let prepared = crank.prepare_by_store(due, &NOW).await;
        assert!(begun.elapsed() < STORE_TIME * 2, "{:?}", begun.elapsed());
        let of = |n: u8| {
            let of = Address::new_from_array([n; 32]);
            prepared.iter().filter(move |(_, job, ..)| job.market == of)
        };
        assert_eq!(of(1).count(), 20);
        assert!(of(1).all(|(.., task)| matches!(task, Ok(None))));
        // what was not begun is no failure: it is asked for the next time
        for bad in [0, 2] {
            assert_eq!(of(bad).count(), crank.policy.parallel);
            assert!(of(bad).all(|(.., task)| task.is_err()));
        }
    }

    #[tokio::test]
    async fn a_gateway_that_never_answers_hides_no_signature_that_another_one_has() {
        let (good, bad) = (store(Some(NONE)).await, store(None).await);
        let due = signing(0, &format!("{bad} {good}"));
        let prepared = crank().prepare_by_store(due, &NOW).await;
        assert_eq!(prepared.len(), 20);
        assert!(prepared.iter().all(|(.., task)| matches!(task, Ok(None))));
    }

    #[tokio::test]
    async fn a_store_that_fails_again_and_again_is_asked_again_while_the_window_lasts() {
        let mut crank = crank();
        let (at, mut job, ..) = signing(0, "")[0];
        job.deadline = 1_000;
        for _ in 0..=PATIENT_FAILURES {
            let failed = Err(Error::Forgotten(at));
            let prepared = vec![(at, job, Action::Attest, failed)];
            crank.send_prepared(prepared, &NOW).await;
        }
        let rest = &crank.rests[&(at, Step::Job(Action::Attest))];
        assert!(rest.until <= Instant::now() + signatures_pause(1_000));
        // others are left alone
        for _ in 0..=PATIENT_FAILURES {
            let failed = Err(Error::Forgotten(at));
            let prepared = vec![(at, job, Action::Settle, failed)];
            crank.send_prepared(prepared, &NOW).await;
        }
        assert!(crank.tried(&at, &job, Action::Settle) > PATIENT_FAILURES);
    }

    #[tokio::test]
    async fn who_collects_for_a_committee_asks_for_no_job_of_other_markets() {
        let (client, asked) = empty_chain().await;
        let mut crank = crank();
        crank.sender.client = client;
        let owing = Duty::Collect(Address::default()).looks_at(true);
        crank.jobs(&owing).await.unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), owing.len());
        // this one has no market: that is all there is to ask
        let crank = crank.of_committee(Address::default());
        crank.jobs(&owing).await.unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), owing.len() + 1);
    }

    #[test]
    fn a_step_that_fails_rests_longer_each_time_and_is_left_alone_in_the_end() {
        let pauses: Vec<u64> = (1..=6).map(|n| pause_after(n).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 600, 600]);
    }

    #[test]
    fn signatures_are_looked_for_more_often_as_their_window_ends() {
        let pauses = [60_000, 2_500, 1_000, 0].map(|left| signatures_pause(left).as_secs());
        assert_eq!(pauses, [10, 10, 4, 2]);
        assert_eq!(signatures_pause(u64::MAX).as_secs(), 10);
    }
}

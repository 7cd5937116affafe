//! The work itself: post, store, look, fetch, until every job is over.
use crate::folder::{write_whole, Folder};
use crate::journal::{Entry, Line, Range, State, Then};
use crate::work::{self, Work};
use crate::{plan, Error, Plan, Result, Task};
use lode_attestation::Verdict;
use lode_client::instructions::jobs;
use lode_client::{accounts, addresses, nonce, Client};
use lode_jobs::state::{flag, Job, JobState, Ledger, Market};
use lode_jobs::PostArgs;
use lode_math::bills;
use lode_runtime::{Blob, End, Receipt};
use lode_store::{BlobHash, GatewayClient, Writer, MOST_RECEIPT_BYTES};
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Jobs of one round of posting: about half of a ledger's window of nonces can be used at a time.
const ROUND: usize = 24;
/// Jobs whose files go to or come from the store at the same time.
const TRANSFERS: usize = 8;
/// So many failures of network or store, without anything that worked between, stop a map: it can be gone on with later.
const MOST_FAILURES: u32 = 100;
/// How often the chain's clock is asked for, to take back jobs that nobody accepts.
const CLOCK: Duration = Duration::from_secs(20);
/// How often in a row a job must be missing before its nonce counts as lost: a server may be behind.
const MISSES: u32 = 3;

/// Where the jobs go, and who pays.
#[derive(Clone)]
pub struct Network {
    /// The chain.
    pub client: Client,
    /// The market's store.
    pub store: GatewayClient,
    /// The market's address.
    pub market_at: Address,
    /// Its terms.
    pub market: Market,
    /// The customer.
    pub wallet: Arc<Keypair>,
    /// Who pays transaction fees.
    pub payer: Arc<Keypair>,
}

/// How a map is done.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Most jobs that are posted and not over.
    pub at_once: usize,
    /// How often a job that ended without a result is posted again.
    pub retries: u32,
    /// How often the chain is looked at.
    pub poll: Duration,
    /// What a job costs in network fees, in the market's base units; 0 where nobody knows.
    pub fees: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            at_once: 64,
            retries: 3,
            poll: Duration::from_millis(700),
            fees: 0,
        }
    }
}

/// How far a map is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Inputs whose jobs are over.
    pub done: usize,
    /// All inputs.
    pub inputs: usize,
    /// Jobs that are posted and not over.
    pub running: usize,
    /// Jobs that are over, those posted again counted.
    pub ended: u64,
    /// Base units paid so far.
    pub paid: u64,
}

/// What a map came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Inputs.
    pub inputs: usize,
    /// Jobs that ended, from the beginning of the map on.
    pub jobs: u64,
    /// Jobs that ended since this call.
    pub jobs_now: u64,
    /// Inputs whose jobs failed for good, and why.
    pub failed: Vec<(Range, String)>,
    /// Units that were billed.
    pub units: u64,
    /// What the work cost, base units.
    pub work: u64,
    /// What checks cost, and what was forfeited, base units.
    pub checks: u64,
    /// Transactions that posted jobs.
    pub transactions: u64,
    /// Files that more than one job wrote: they lie with their jobs.
    pub apart: Vec<String>,
}

/// Does a task in its folder, or goes on with it. `tell` hears how far it is.
///
/// # Errors
/// What stops a map; the same call goes on later. Inputs whose jobs fail are no error: the report names them.
pub async fn run(
    task: Task,
    at: &Path,
    network: Network,
    options: Options,
    tell: &(dyn Fn(&Progress) + Send + Sync),
) -> Result<Report> {
    let (mut folder, kept) = Folder::open(at, &task)?;
    let plan = match kept {
        Some(plan) => plan,
        None => {
            let (market, fees) = (network.market, options.fees);
            let made = blocking(move || Plan::make(task, &market, fees)).await?;
            folder.keep(&made)?;
            made
        }
    };
    let state = folder.replay(&plan)?;
    let before = state.sums.jobs;
    let me = network.wallet.pubkey();
    let mut engine = Engine {
        ledger_at: addresses::jobs::ledger(&network.market_at, &me),
        network,
        options,
        plan,
        folder,
        state,
        last: None,
        stored: BTreeSet::new(),
        busy: BTreeSet::new(),
        misses: BTreeMap::new(),
        tasks: JoinSet::new(),
        room: Arc::new(Semaphore::new(TRANSFERS)),
        clock: None,
        failures: 0,
    };
    // The last job is posted when all others are over: who goes on with it has nothing else to do.
    if !engine.ranges(|entry| !entry.is_over()).is_empty() {
        engine.work_off(tell).await?;
    }
    let done = engine.ranges(|entry| entry.done);
    let apart = engine.folder.gather(&done)?;
    if engine.plan.task.reduce.is_some() && engine.failed().is_empty() {
        engine.begin_last().await?;
        engine.work_off(tell).await?;
        engine.end_last()?;
    }
    let sums = engine.state.sums;
    Ok(Report {
        inputs: engine.plan.task.inputs.len(),
        jobs: sums.jobs,
        jobs_now: sums.jobs.saturating_sub(before),
        failed: engine.failed(),
        units: sums.units,
        work: sums.work,
        checks: sums.checks,
        transactions: sums.transactions,
        apart,
    })
}

async fn blocking<T: Send + 'static>(
    what: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(what).await {
        Ok(done) => done,
        Err(error) => Err(Error::asked(format!("It was interrupted: {error}"))),
    }
}

/// What a transfer came to.
enum Moved {
    /// A job's files are in the store.
    Stored(Range, u64),
    /// A job's results are here; what follows.
    Fetched(Line),
    /// It did not work.
    Failed(Range, Error),
}

struct Engine {
    network: Network,
    options: Options,
    plan: Plan,
    folder: Folder,
    state: State,
    ledger_at: Address,
    /// The last job, once everything it reads is there.
    last: Option<Work>,
    /// Jobs whose files this process has put into the store.
    stored: BTreeSet<(Range, u64)>,
    /// Jobs with a transfer under way.
    busy: BTreeSet<Range>,
    /// How often a posted job was not there.
    misses: BTreeMap<Range, u32>,
    tasks: JoinSet<Moved>,
    room: Arc<Semaphore>,
    /// When the chain's slot was last asked for.
    clock: Option<Instant>,
    /// Failures since something worked.
    failures: u32,
}

impl Engine {
    /// Goes on until every job is over.
    async fn work_off(&mut self, tell: &(dyn Fn(&Progress) + Send + Sync)) -> Result<()> {
        self.failures = 0;
        loop {
            tell(&self.progress());
            if self.state.entries.values().all(Entry::is_over) && self.tasks.is_empty() {
                return Ok(());
            }
            if let Err(error) = self.round().await {
                self.failures = self.failures.saturating_add(1);
                if !is_transient(&error) || self.failures >= MOST_FAILURES {
                    self.tasks.shutdown().await;
                    return Err(error);
                }
                tracing::debug!(%error, "trying again");
            }
            tokio::time::sleep(self.options.poll).await;
        }
    }

    async fn round(&mut self) -> Result<()> {
        while let Some(moved) = self.tasks.try_join_next() {
            self.moved(moved)?;
        }
        let found = self.look().await?;
        self.post(&found).await
    }

    fn moved(&mut self, moved: std::result::Result<Moved, tokio::task::JoinError>) -> Result<()> {
        match moved {
            Ok(Moved::Stored(range, nonce)) => {
                self.busy.remove(&range);
                self.failures = 0;
                self.stored.insert((range, nonce));
                Ok(())
            }
            Ok(Moved::Fetched(line)) => {
                if let Line::Ended { range, .. } = &line {
                    self.busy.remove(range);
                }
                self.failures = 0;
                self.note(line)
            }
            Ok(Moved::Failed(range, error)) => {
                self.busy.remove(&range);
                Err(error)
            }
            Err(error) => Err(Error::asked(format!("A transfer broke off: {error}"))),
        }
    }

    fn note(&mut self, line: Line) -> Result<()> {
        self.folder.add(std::slice::from_ref(&line))?;
        self.state.apply(&line);
        Ok(())
    }

    fn ranges(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<Range> {
        let entries = self.state.entries.iter();
        entries
            .filter(|(range, entry)| range.count() > 0 && wanted(entry))
            .map(|(range, _)| *range)
            .collect()
    }

    fn failed(&self) -> Vec<(Range, String)> {
        let entries = self.state.entries.iter();
        entries
            .filter_map(|(range, entry)| Some((*range, entry.failed.clone()?)))
            .collect()
    }

    fn progress(&self) -> Progress {
        let posted = self.state.entries.values();
        Progress {
            done: self.state.inputs_over(),
            inputs: self.plan.task.inputs.len(),
            running: posted.filter(|entry| entry.posted.is_some()).count(),
            ended: self.state.sums.jobs,
            paid: self.state.sums.work.saturating_add(self.state.sums.checks),
        }
    }

    fn work(&self, range: Range) -> Result<Work> {
        match &self.last {
            Some(work) if range == self.plan.last() => Ok(work.clone()),
            _ => work::over(&self.plan.task, self.plan.inputs(range)),
        }
    }

    /// Looks at the ledger and every posted job, and begins the transfers that they need.
    async fn look(&mut self) -> Result<Found> {
        let posted: Vec<(Range, u64, u64)> = self
            .state
            .entries
            .iter()
            .filter_map(|(range, entry)| {
                let (nonce, limit) = entry.posted?;
                Some((*range, nonce, limit))
            })
            .collect();
        // The ledger first: a nonce that it has taken belongs to a job that was there when the jobs were read.
        let mut asked = vec![self.ledger_at];
        asked.extend(
            posted
                .iter()
                .map(|(_, nonce, _)| addresses::jobs::job(&self.ledger_at, *nonce).0),
        );
        let raw = self.network.client.raw_accounts(&asked).await?;
        let mut read = asked.iter().zip(&raw);
        let ledger: Option<Ledger> = match read.next() {
            Some((at, Some(account))) => Some(accounts::decode(at, account)?),
            _ => None,
        };
        let slot = self.slot().await?;
        let mut missing = Vec::new();
        for ((range, nonce, limit), (at, account)) in posted.into_iter().zip(read) {
            let Some(account) = account else {
                missing.push((range, nonce, limit));
                continue;
            };
            self.misses.remove(&range);
            let job: Job = accounts::decode(at, account)?;
            if self.busy.contains(&range) {
                continue;
            }
            if job.is_final() {
                self.fetch(range, nonce, *at, job);
            } else if job.state == JobState::Open as u8 {
                if !self.stored.contains(&(range, nonce)) {
                    self.store(range, nonce, *at, job.attempt)?;
                } else if slot.is_some_and(|slot| slot >= job.deadline) && !job.has(flag::BID) {
                    // Nobody accepted it in time. What comes of it is seen in the next look.
                    let me = self.network.wallet.pubkey();
                    self.send(&[vec![jobs::cancel_job(&me, at, &job)]]).await?;
                }
            }
        }
        Ok(Found { ledger, missing })
    }

    async fn slot(&mut self) -> Result<Option<u64>> {
        if self.clock.is_some_and(|asked| asked.elapsed() < CLOCK) {
            return Ok(None);
        }
        let clock = self.network.client.clock().await?;
        self.clock = Some(Instant::now());
        Ok(Some(clock.slot))
    }

    /// Posts what is not on the chain, as far as room, money and nonces go.
    async fn post(&mut self, found: &Found) -> Result<()> {
        let window = match &found.ledger {
            Some(ledger) => nonce::window(ledger),
            None => return self.no_ledger(),
        };
        let mut available = found.ledger.as_ref().map_or(0, |ledger| ledger.available);
        let mut lines = Vec::new();
        let mut chosen: Vec<(Range, PostArgs)> = Vec::new();
        for (range, nonce, limit) in &found.missing {
            if window.take(*nonce).is_some() {
                // It was never taken, and whatever was sent with it can be taken once: the same again is safe.
                let args = self.args(*range, *nonce, *limit)?;
                chosen.push((*range, args));
                available = available.saturating_sub(self.escrow(&args)?);
                continue;
            }
            let misses = self.misses.entry(*range).or_default();
            *misses = misses.saturating_add(1);
            if *misses >= MISSES {
                tracing::debug!(?range, nonce, "its nonce is gone and no job has it");
                self.misses.remove(range);
                if let Some(entry) = self.state.entries.get_mut(range) {
                    entry.posted = None;
                }
            }
        }
        let kept: BTreeSet<u64> = self
            .state
            .entries
            .values()
            .filter_map(|entry| Some(entry.posted?.0))
            .collect();
        let waiting: Vec<Range> = self
            .state
            .entries
            .iter()
            .filter(|(_, entry)| entry.posted.is_none() && !entry.is_over())
            .map(|(range, _)| *range)
            .collect();
        let room = self.options.at_once.saturating_sub(kept.len());
        let room = room.min(ROUND.saturating_sub(chosen.len()));
        let mut nonces = (0..)
            .map_while(|skip| nonce::next_nonce(&self.ledger_at, window, skip))
            .filter(|nonce| !kept.contains(nonce));
        let mut short = None;
        for range in waiting.into_iter().take(room) {
            let work = self.work(range)?;
            let entry = self.state.entries.get(&range);
            let known = entry.and_then(|entry| entry.units_limit);
            let base = work.spec.base_units();
            let limit = known.unwrap_or_else(|| self.plan.limit(range, base, &self.network.market));
            let Some(nonce) = nonces.next() else { break };
            let args = self.args(range, nonce, limit)?;
            let escrow = self.escrow(&args)?;
            let Some(left) = available.checked_sub(escrow) else {
                short = Some((escrow, available));
                break;
            };
            available = left;
            lines.push(Line::Posting {
                range,
                nonce,
                units_limit: limit,
            });
            chosen.push((range, args));
        }
        if let (Some((needed, available)), true) = (short, kept.is_empty() && chosen.is_empty()) {
            return Err(Error::Funds { needed, available });
        }
        if chosen.is_empty() {
            return Ok(());
        }
        self.folder.add(&lines)?;
        for line in &lines {
            self.state.apply(line);
        }
        let me = self.network.wallet.pubkey();
        let groups: Vec<_> = chosen
            .iter()
            .map(|(_, args)| vec![jobs::post_job(&me, &self.network.market_at, *args)])
            .collect();
        self.send(&groups).await
    }

    fn no_ledger(&self) -> Result<()> {
        let smallest = self.plan.jobs.first().copied();
        let range = smallest.unwrap_or_else(|| self.plan.last());
        let base = self.work(range)?.spec.base_units();
        let limit = self.plan.limit(range, base, &self.network.market);
        Err(Error::Funds {
            needed: self.escrow(&self.args(range, 0, limit)?)?,
            available: 0,
        })
    }

    fn args(&self, range: Range, nonce: u64, units_limit: u64) -> Result<PostArgs> {
        Ok(PostArgs {
            nonce,
            spec: self.work(range)?.spec.hash,
            price: self.plan.task.price,
            units_limit,
            target: Address::default(),
            checked: self.plan.task.checked,
            nodes: self.plan.task.nodes.filter()?,
        })
    }

    fn escrow(&self, args: &PostArgs) -> Result<u64> {
        let surcharge = surcharge(&self.network.market, args.checked);
        bills::escrow(args.price, args.units_limit, surcharge).ok_or_else(too_dear)
    }

    /// Sends groups. One that is refused is looked at again in the next round; all refused is an error.
    async fn send(&mut self, groups: &[Vec<solana_instruction::Instruction>]) -> Result<()> {
        let network = self.network.clone();
        let (payer, wallet) = (&*network.payer, &*network.wallet);
        let packed = network
            .client
            .send_packed(groups, payer, &[wallet], &|_| {})
            .await?;
        if !packed.sent.is_empty() {
            let count = packed.sent.len() as u64;
            self.failures = 0;
            self.note(Line::Sent { count })?;
        }
        if let Some(error) = packed.broke_off {
            return Err(error.into());
        }
        for (_, error) in packed.refused {
            // Somebody else, or an earlier call of this, was faster: the next look tells.
            if error.name_of(&lode_jobs::ID) == Some("NonceTaken") {
                continue;
            }
            return Err(error.into());
        }
        Ok(())
    }

    /// Puts what a job is made of into the store.
    fn store(&mut self, range: Range, nonce: u64, at: Address, attempt: u8) -> Result<()> {
        let work = self.work(range)?;
        let (network, room) = (self.network.clone(), self.room.clone());
        self.busy.insert(range);
        self.tasks.spawn(async move {
            let _turn = room.acquire().await;
            match put(&network, &work, at, attempt).await {
                Ok(()) => Moved::Stored(range, nonce),
                Err(error) => Moved::Failed(range, error),
            }
        });
        Ok(())
    }

    /// Fetches what a job wrote, or sees that it has no result.
    fn fetch(&mut self, range: Range, nonce: u64, at: Address, job: Job) {
        let (network, room) = (self.network.clone(), self.room.clone());
        let end = Fetch {
            range,
            nonce,
            at,
            job,
            coming: self.folder.coming(nonce),
            to: self.folder.results(range),
            retries: self.options.retries,
            most_units: self
                .plan
                .task
                .units_limit
                .unwrap_or(self.network.market.units_limit),
            failures: self.state.entries.get(&range).map_or(0, |e| e.failures),
        };
        self.busy.insert(range);
        self.tasks.spawn(async move {
            let _turn = room.acquire().await;
            match end.run(&network).await {
                Ok(line) => Moved::Fetched(line),
                Err(error) => Moved::Failed(range, error),
            }
        });
    }

    /// The last job becomes one like the others: its limit is what a run here takes.
    async fn begin_last(&mut self) -> Result<()> {
        let Some(reduce) = self.plan.task.reduce.clone() else {
            return Ok(());
        };
        let (stdin, files) = self.folder.gathered()?;
        let work = work::last(&self.plan.task, &reduce, stdin, files).map_err(|error| {
            Error::asked(format!("The last job cannot be: {error}. Where the jobs write very many files, let them print instead: the last job reads that on stdin"))
        })?;
        plan::require_fit(&work, &self.network.market)?;
        let range = self.plan.last();
        let entry = self.state.entries.entry(range).or_default();
        if !entry.is_over() && entry.posted.is_none() && entry.units_limit.is_none() {
            let (tried, market) = (work.clone(), self.network.market);
            let (end, fuel, said) =
                blocking(move || plan::trial(&tried, market.units_limit)).await?;
            if end != End::Exit(0) {
                return Err(Error::asked(format!(
                    "The last job fails when it is run here ({end}), and was not posted: {said}"
                )));
            }
            let units = fuel.div_ceil(lode_runtime::FUEL_PER_UNIT).saturating_add(1);
            let limit = work.spec.base_units().saturating_add(units);
            if limit > market.units_limit {
                return Err(Error::asked(format!(
                    "The last job takes {limit} units, the market gives {}: let the jobs before it do more, or take another market",
                    market.units_limit
                )));
            }
            self.state.entries.entry(range).or_default().units_limit = Some(limit);
        }
        self.last = Some(work);
        Ok(())
    }

    /// Where people look for what the last job wrote.
    fn end_last(&self) -> Result<()> {
        let (from, to) = (self.folder.results(self.plan.last()), self.folder.reduced());
        if from.exists() {
            replace(&from, &to)?;
        }
        Ok(())
    }
}

/// What a look came to.
struct Found {
    ledger: Option<Ledger>,
    /// Jobs that are not on the chain: range, nonce, limit.
    missing: Vec<(Range, u64, u64)>,
}

/// A job that is over.
struct Fetch {
    range: Range,
    nonce: u64,
    at: Address,
    job: Job,
    coming: std::path::PathBuf,
    to: std::path::PathBuf,
    retries: u32,
    most_units: u64,
    failures: u32,
}

impl Fetch {
    async fn run(self, network: &Network) -> Result<Line> {
        let (job, market) = (&self.job, &network.market);
        let matches = job.verdict == Verdict::Match as u8 && job.has(flag::REVEALED);
        if job.state != JobState::Settled as u8 || !matches {
            // Where nobody could run it, nobody knows whose fault that was, and the customer forfeits too.
            let unrunnable =
                job.state == JobState::Failed as u8 && job.verdict == Verdict::Unrunnable as u8;
            let forfeited = match unrunnable {
                true => job.late(market).map_err(|_| too_dear())?,
                false => 0,
            };
            let state = JobState::try_from(job.state).map_or_else(
                |number| format!("state {number}"),
                |state| format!("{state:?}").to_lowercase(),
            );
            let then = match self.failures < self.retries {
                true => Then::Again { units_limit: None },
                false => Then::Failed {
                    why: format!(
                        "it ended as {state} {} times",
                        self.failures.saturating_add(1)
                    ),
                },
            };
            return Ok(self.line(0, 0, forfeited, then));
        }
        let work = bills::work(job.price, job.units).ok_or_else(too_dear)?;
        let checks = bills::checks(work, job.surcharge(market)).ok_or_else(too_dear)?;
        let receipt = self.save(network).await?;
        let then = match receipt.end {
            End::Exit(0) => Then::Done,
            End::Fuel if job.units_limit < self.most_units => Then::Again {
                units_limit: Some(job.units_limit.saturating_mul(2).min(self.most_units)),
            },
            _ if self.range.count() > 1 => Then::Split,
            end => Then::Failed {
                why: end.to_string(),
            },
        };
        Ok(self.line(job.units, work, checks, then))
    }

    fn line(&self, units: u64, work: u64, checks: u64, then: Then) -> Line {
        Line::Ended {
            range: self.range,
            nonce: self.nonce,
            job: self.at.to_string(),
            units,
            work,
            checks,
            then,
        }
    }

    /// Fetches everything that the receipt names, and puts it in its place when all of it is there.
    async fn save(&self, network: &Network) -> Result<Receipt> {
        let (store, limit) = (&network.store, network.market.blob_limit);
        let line = store
            .get(BlobHash(self.job.result), MOST_RECEIPT_BYTES)
            .await?;
        let receipt = Receipt::parse(&line)?;
        if receipt.units != self.job.units {
            return Err(Error::asked(format!(
                "The receipt of {} bills {} units and the chain says {}: do not trust this result",
                self.at, receipt.units, self.job.units
            )));
        }
        let coming = &self.coming;
        let parts = [("stdout", receipt.stdout), ("stderr", receipt.stderr)];
        let files = receipt
            .files
            .iter()
            .map(|file| (format!("out/{}", file.path), file.blob));
        let parts = parts.map(|(name, blob)| (name.to_string(), blob));
        for (name, blob) in parts.into_iter().chain(files) {
            one(store, coming, &name, blob, limit).await?;
        }
        write_whole(&coming.join("receipt.json"), &line)?;
        replace(coming, &self.to)?;
        Ok(receipt)
    }
}

async fn one(
    store: &GatewayClient,
    folder: &Path,
    name: &str,
    blob: Blob,
    limit: u64,
) -> Result<()> {
    let inside = Path::new(name);
    let only_names = inside
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if !only_names {
        return Err(Error::asked(format!(
            "A result names a file `{name}` that would leave the folder; it is not fetched"
        )));
    }
    let to = folder.join(inside);
    let parent = to.parent().unwrap_or(folder);
    std::fs::create_dir_all(parent).map_err(Error::writing(parent))?;
    if blob.size == 0 {
        return std::fs::write(&to, []).map_err(Error::writing(&to));
    }
    store.fetch(BlobHash(blob.sha256), limit, &to).await?;
    Ok(())
}

/// Moves a folder to a place where another one may be.
fn replace(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        std::fs::remove_dir_all(to).map_err(Error::writing(to))?;
    }
    std::fs::rename(from, to).map_err(Error::writing(to))
}

async fn put(network: &Network, work: &Work, at: Address, attempt: u8) -> Result<()> {
    let writer = Writer {
        signer: &*network.wallet,
        job: at,
        attempt,
    };
    network.store.put(&writer, work.stored.clone()).await?;
    for (blob, path) in &work.files {
        let put = network.store.put(&writer, path.as_path()).await?;
        if put.0 != blob.sha256 {
            return Err(Error::asked(format!(
                "{} is not what it was when the map began: put the old one back, or begin anew in another folder",
                path.display()
            )));
        }
    }
    Ok(())
}

fn surcharge(market: &Market, checked: bool) -> u64 {
    let mut job: Job = lode_client::bytemuck::Zeroable::zeroed();
    if checked {
        job.flags |= flag::CHECKED;
    }
    job.surcharge(market)
}

fn too_dear() -> Error {
    Error::asked("The price times the units is more than any account can hold: lower --price or --units-limit")
}

fn is_transient(error: &Error) -> bool {
    match error {
        Error::Client(error) => {
            error.is_transient() || matches!(error, lode_client::Error::Unconfirmed { .. })
        }
        Error::Store(error) => error.is_transient(),
        _ => false,
    }
}

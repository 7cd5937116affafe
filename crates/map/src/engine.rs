//! The work itself: post, store, look, fetch, until every job is over.
use crate::folder::{write_whole, Folder};
use crate::journal::{Entry, Line, Range, State, Then};
use crate::work::{self, Work};
use crate::{plan, Error, Plan, Result, Task};
use lode_attestation::Verdict;
use lode_client::instructions::jobs;
use lode_client::{accounts, addresses, nonce, Client};
use lode_jobs::event::LedgerChanged;
use lode_jobs::state::{flag, Job, JobState, Ledger, Market};
use lode_jobs::PostArgs;
use lode_math::bills;
use lode_runtime::{Blob, End, Receipt};
use lode_store::{BlobHash, Error as StoreError, GatewayClient, Writer, MOST_RECEIPT_BYTES};
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
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
/// How often a transfer of one job is tried that fails for a reason of the job's own.
const TRIES: u32 = 5;

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
        own: BTreeSet::new(),
        tries: BTreeMap::new(),
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
        engine.begin_last(&apart).await?;
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
    Failed(Range, u64, Error),
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
    /// Jobs that were seen on the chain as this map posted them.
    own: BTreeSet<(Range, u64)>,
    /// How often a transfer of a job failed for a reason of the job's own.
    tries: BTreeMap<(Range, u64), u32>,
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
            Ok(Moved::Failed(range, nonce, error)) => {
                self.busy.remove(&range);
                if !is_of_the_job(&error) {
                    return Err(error);
                }
                // It went on meanwhile, or what is missing comes: the next look tells.
                let tries = self.tries.entry((range, nonce)).or_default();
                *tries = tries.saturating_add(1);
                tracing::debug!(?range, tries, %error, "trying again");
                match *tries < TRIES {
                    true => Ok(()),
                    false => Err(error),
                }
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
            if !self.is_own(range, nonce, &job)? {
                self.forget(range);
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
                    let cancel = vec![jobs::cancel_job(&me, at, &job)];
                    for error in self.send(&[cancel]).await? {
                        // A node took it, or a crank took it back, in the same moment.
                        if !matches!(error, lode_client::Error::Refused(_)) {
                            return Err(error.into());
                        }
                        tracing::debug!(%error, "not taken back");
                    }
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
            if self.busy.contains(range) {
                continue;
            }
            let misses = self.misses.entry(*range).or_default();
            *misses = misses.saturating_add(1);
            if *misses >= MISSES {
                self.misses.remove(range);
                self.closed(*range, *nonce).await?;
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
        for error in self.send(&groups).await? {
            // Somebody else, or an earlier call of this, was faster: the next look tells.
            if error.name_of(&lode_jobs::ID) != Some("NonceTaken") {
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// The job at this nonce is this map's: the wallet may have posted another one under it meanwhile.
    fn is_own(&mut self, range: Range, nonce: u64, job: &Job) -> Result<bool> {
        if self.own.contains(&(range, nonce)) {
            return Ok(true);
        }
        let own = self.work(range)?.spec.hash == job.spec;
        if own {
            self.own.insert((range, nonce));
        }
        Ok(own)
    }

    /// It is posted anew, under another nonce.
    fn forget(&mut self, range: Range) {
        tracing::debug!(?range, "its nonce is gone, and no job of this map has it");
        if let Some(entry) = self.state.entries.get_mut(&range) {
            entry.posted = None;
        }
    }

    /// A nonce is taken, and no job is there: it ended and was closed while nobody looked, or the nonce was never used and
    /// others left it behind. The first was paid perhaps, so only history tells whether the job may be posted again.
    async fn closed(&mut self, range: Range, nonce: u64) -> Result<()> {
        let at = addresses::jobs::job(&self.ledger_at, nonce).0;
        let client = self.network.client.clone();
        // Many jobs are looked at by several requests, of which one may have met a server that is behind. This is one answer,
        // of one moment: what it does not say, the next looks tell.
        let raw = client.raw_accounts(&[self.ledger_at, at]).await?;
        let [Some(ledger), job] = raw.as_slice() else {
            return Ok(());
        };
        let ledger: Ledger = accounts::decode(&self.ledger_at, ledger)?;
        if !is_closed(nonce::window(&ledger), job.is_some(), nonce) {
            return Ok(());
        }
        let job = match lode_index::last_of_job(&client, &at).await {
            Ok(job) => job,
            Err(lode_index::Error::Chain(error)) => return Err(error.into()),
            Err(error) => return Err(self.untold(range, &at, &error.to_string())),
        };
        match job {
            Some(job) if !self.is_own(range, nonce, &job)? => self.forget(range),
            Some(job) if job.is_final() => self.fetch(range, nonce, at, job),
            // its history is behind the accounts: the next looks tell
            Some(_) => {}
            None if self.has_whole_history().await? => self.forget(range),
            None => return Err(self.untold(range, &at, "it keeps no transaction of it")),
        }
        Ok(())
    }

    fn untold(&self, range: Range, at: &Address, why: &str) -> Error {
        Error::asked(format!(
            "The job {at} over the inputs from number {} on was posted and is closed, and {} does not tell how it ended ({why}): go on with a server that keeps the whole history (--url). To post it again could be to pay it twice",
            range.from,
            self.network.client.url()
        ))
    }

    /// The server knows how the ledger was opened, and so everything that came after.
    async fn has_whole_history(&self) -> Result<bool> {
        let (client, ledger) = (&self.network.client, self.ledger_at);
        for signature in client.signatures_of(&ledger, 0, i64::MAX).await? {
            let past = client.past(&signature).await?;
            if past.failed {
                continue;
            }
            let mut changes = past
                .told
                .iter()
                .filter_map(|told| told.read::<LedgerChanged>());
            return Ok(changes.any(|change| change.ledger == ledger && change.open == 1));
        }
        Ok(false)
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

    /// Sends groups; says why some were refused.
    async fn send(
        &mut self,
        groups: &[Vec<solana_instruction::Instruction>],
    ) -> Result<Vec<lode_client::Error>> {
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
        let refused = packed.refused.into_iter();
        Ok(refused.map(|(_, error)| error).collect())
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
                Err(error) => Moved::Failed(range, nonce, error),
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
            tries: self.tries.get(&(range, nonce)).copied().unwrap_or(0),
        };
        self.busy.insert(range);
        self.tasks.spawn(async move {
            let _turn = room.acquire().await;
            match end.run(&network).await {
                Ok(line) => Moved::Fetched(line),
                Err(error) => Moved::Failed(range, nonce, error),
            }
        });
    }

    /// The last job becomes one like the others: its limit is what a run here takes. `apart` are the files that it would miss.
    async fn begin_last(&mut self, apart: &[String]) -> Result<()> {
        let Some(reduce) = self.plan.task.reduce.clone() else {
            return Ok(());
        };
        let range = self.plan.last();
        let entry = self.state.entries.entry(range).or_default();
        let is_new = !entry.is_over() && entry.posted.is_none();
        let is_untried = is_new && entry.units_limit.is_none();
        if let (Some(name), true) = (apart.first(), is_new) {
            return Err(self.no_last(&format!(
                "Several jobs wrote files of one name (`{name}`), which the last job would not get"
            )));
        }
        let (stdin, files) = self.folder.gathered()?;
        let work = work::last(&self.plan.task, &reduce, stdin, files)
            .map_err(|error| self.no_last(&format!("The last job cannot be ({error})")))?;
        plan::require_fit(&work, &self.network.market)?;
        if is_untried {
            let (job, market) = (work.clone(), self.network.market);
            let tried = blocking(move || plan::trial(&job, market.units_limit)).await?;
            if tried.end != End::Exit(0) {
                return Err(Error::asked(format!(
                    "The last job fails when it is run here ({}), and was not posted: {}",
                    tried.end, tried.said
                )));
            }
            let units = tried
                .fuel
                .div_ceil(lode_runtime::FUEL_PER_UNIT)
                .saturating_add(1);
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

    /// The last job is not posted. Nothing that was paid is lost: whoever wants it can still run it by himself.
    fn no_last(&self, why: &str) -> Error {
        let at = self.folder.at().display();
        Error::asked(format!(
            "{why}, so it was not posted: all that the jobs before it wrote is in {at}, and `lode job run MODULE --stdin {at}/stdout --input NAME=FILE` runs it over what it needs of that"
        ))
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
    tries: u32,
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
            let times = self.failures.saturating_add(1);
            let then = self.again(format!("it ended as {state} {times} times"));
            return Ok(self.line(0, 0, forfeited, then));
        }
        let work = bills::work(job.price, job.units).ok_or_else(too_dear)?;
        let checks = bills::checks(work, job.surcharge(market)).ok_or_else(too_dear)?;
        let receipt = match self.save(network).await {
            // It is paid, and there is nothing to have for it: whoever runs it next may do better.
            Err(error) if is_of_the_job(&error) && self.tries.saturating_add(1) >= TRIES => {
                let then = self.again(format!("its result cannot be had: {error}"));
                return Ok(self.line(job.units, work, checks, then));
            }
            saved => saved?,
        };
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

    /// It is posted again, as often as that may be.
    fn again(&self, why: String) -> Then {
        match self.failures < self.retries {
            true => Then::Again { units_limit: None },
            false => Then::Failed { why },
        }
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
        require_receipt(&receipt, &self.job, &self.job.spec).map_err(Error::Result)?;
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
        return Err(Error::Result(format!(
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

/// No job is there under this nonce, and none can be posted under it any more.
fn is_closed(window: nonce::Window, is_there: bool, nonce: u64) -> bool {
    // what lies far ahead of what a server knows cannot be taken yet either
    !is_there && nonce <= window.top && window.take(nonce).is_none()
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

/// A receipt is that of this job and no other one's, and bills what the chain says. `spec` is the hash of what the node ran:
/// the job's, or where that is sealed what is in it.
///
/// # Errors
/// What differs, in a sentence.
pub fn require_receipt(
    receipt: &Receipt,
    job: &Job,
    spec: &[u8; 32],
) -> std::result::Result<(), String> {
    let differs = if receipt.spec != *spec {
        "is of another spec".to_string()
    } else if receipt.limit != job.units_limit {
        let (said, limit) = (receipt.limit, job.units_limit);
        format!("is of a run with at most {said} units and not {limit}")
    } else if receipt.units != job.units {
        let (said, units) = (receipt.units, job.units);
        format!("bills {said} units and the chain says {units}")
    } else {
        return Ok(());
    };
    Err(format!(
        "The receipt {differs}: do not trust this result; while the job is not settled, `lode job challenge` has it checked"
    ))
}

/// Whether a failed transfer says something of this job, and nothing of the network or this machine.
fn is_of_the_job(error: &Error) -> bool {
    match error {
        Error::Result(_) | Error::Runtime(_) => true,
        Error::File { source, .. } | Error::Store(StoreError::File { source, .. }) => {
            is_of_the_name(source.kind())
        }
        Error::Store(error) => {
            let told = matches!(
                error,
                StoreError::NotFound { .. }
                    | StoreError::WrongHash { .. }
                    | StoreError::TooLarge { .. }
                    | StoreError::Refused { .. }
            );
            told && !error.is_transient()
        }
        _ => false,
    }
}

/// A result may name its files as no disk can: as a file and a folder, or too long.
fn is_of_the_name(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::AlreadyExists
            | ErrorKind::InvalidFilename
            | ErrorKind::InvalidInput
    )
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use lode_client::bytemuck::Zeroable;
    use lode_runtime::ReceiptFile;
    use std::collections::HashMap;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    fn receipt(files: &[&str]) -> Receipt {
        let file = |path: &&str| ReceiptFile {
            path: path.to_string(),
            blob: Blob::of(b"file"),
        };
        Receipt {
            spec: [1; 32],
            limit: 20,
            end: End::Exit(0),
            fuel: 1,
            units: 7,
            memory: None,
            stdout: Blob::of(b"out"),
            stderr: Blob::of(b""),
            files: files.iter().map(file).collect(),
        }
    }

    /// A settled job whose result is in these bytes.
    fn job(result: &[u8]) -> Job {
        let mut job = Job::zeroed();
        job.state = JobState::Settled as u8;
        job.verdict = Verdict::Match as u8;
        job.flags |= flag::REVEALED;
        job.result = BlobHash::of(result).0;
        (job.spec, job.units_limit, job.units) = ([1; 32], 20, 7);
        job
    }

    /// A store that has these blobs and no others.
    async fn store(blobs: &[&[u8]]) -> GatewayClient {
        let blobs: HashMap<String, Vec<u8>> = blobs
            .iter()
            .map(|bytes| {
                (
                    format!("GET /blobs/{} ", BlobHash::of(bytes)),
                    bytes.to_vec(),
                )
            })
            .collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut asked = vec![0; 4_096];
                let length = socket.read(&mut asked).await.unwrap();
                let asked = String::from_utf8_lossy(&asked[..length]);
                let found = blobs.iter().find(|(head, _)| asked.starts_with(*head));
                let (status, body) = match found {
                    Some((_, bytes)) => ("200 OK", bytes.as_slice()),
                    None => ("404 Not Found", &[][..]),
                };
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
                );
                socket.write_all(head.as_bytes()).await.unwrap();
                socket.write_all(body).await.unwrap();
            }
        });
        GatewayClient::new(&url).unwrap()
    }

    async fn network(store: GatewayClient) -> Network {
        let mut market = Market::zeroed();
        market.blob_limit = 1_000;
        Network {
            client: Client::new("http://127.0.0.1:1"),
            store,
            market_at: Address::default(),
            market,
            wallet: Arc::new(Keypair::new()),
            payer: Arc::new(Keypair::new()),
        }
    }

    #[tokio::test]
    async fn a_result_that_cannot_be_had_is_tried_again_then_posted_again_then_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let whole = receipt(&["a", "b"]).line();
        let other = Receipt {
            spec: [2; 32],
            ..receipt(&[])
        };
        let odd = receipt(&["a", "a/b"]).line();
        let name = "a".repeat(300);
        let long = receipt(&[&name]).line();
        let (out, file): (&[u8], &[u8]) = (b"out", b"file");
        /// What is said, the result, and what the store has.
        type Bad<'a> = (&'a str, Vec<u8>, Vec<&'a [u8]>);
        let bad: [Bad; 6] = [
            ("not in the store", b"gone".to_vec(), vec![]),
            (
                "not in the store",
                whole.clone(),
                vec![whole.as_slice(), out],
            ),
            ("another spec", other.line(), vec![]),
            ("receipt", b"nothing".to_vec(), vec![]),
            ("", odd.clone(), vec![odd.as_slice(), out, file]),
            ("", long.clone(), vec![long.as_slice(), out, file]),
        ];
        let fetch = |result: &[u8], tries, failures| Fetch {
            range: Range { from: 0, to: 2 },
            nonce: 1,
            at: Address::default(),
            job: job(result),
            coming: folder.path().join("coming"),
            to: folder.path().join("results"),
            retries: 1,
            most_units: 20,
            failures,
            tries,
        };
        for (said, result, mut blobs) in bad {
            if result != b"gone" {
                blobs.push(&result);
            }
            let network = network(store(&blobs).await).await;
            let error = fetch(&result, 0, 0).run(&network).await.unwrap_err();
            assert!(error.to_string().contains(said), "{said}: {error}");
            assert!(is_of_the_job(&error) && !is_transient(&error), "{error:?}");
            let then = |line: Line| match line {
                Line::Ended { then, units: 7, .. } => then,
                other => unreachable!("{other:?}"),
            };
            let line = fetch(&result, TRIES - 1, 0).run(&network).await.unwrap();
            assert_eq!(then(line), Then::Again { units_limit: None });
            let line = fetch(&result, TRIES - 1, 1).run(&network).await.unwrap();
            let Then::Failed { why } = then(line) else {
                unreachable!("{said}")
            };
            assert!(why.contains("cannot be had") && why.contains(said), "{why}");
        }
        // the control
        let network = network(store(&[&whole, out, file]).await).await;
        let line = fetch(&whole, 0, 0).run(&network).await.unwrap();
        assert!(matches!(
            line,
            Line::Ended {
                then: Then::Done,
                ..
            }
        ));
        // this machine's disk is nobody's result
        let full = Error::writing(folder.path())(ErrorKind::StorageFull.into());
        assert!(!is_of_the_job(&full));
    }

    #[test]
    fn a_job_is_closed_only_where_one_answer_has_its_nonce_taken_and_no_account() {
        let window = nonce::Window { top: 100, taken: 5 };
        for (number, closed) in [
            (20, true),
            (98, true),
            (99, false),
            (100, true),
            (101, false),
            (164, false),
            (165, false),
            (u64::MAX, false),
        ] {
            assert_eq!(is_closed(window, false, number), closed, "{number}");
            assert!(!is_closed(window, true, number), "{number}");
        }
    }

    #[test]
    fn a_receipt_is_of_one_job_one_limit_and_one_bill() {
        let (receipt, job) = (receipt(&[]), job(b""));
        require_receipt(&receipt, &job, &[1; 32]).unwrap();
        let said = |receipt: &Receipt| require_receipt(receipt, &job, &[1; 32]).unwrap_err();
        let mut other = receipt.clone();
        other.spec = [2; 32];
        assert!(said(&other).contains("another spec"));
        let mut other = receipt.clone();
        other.limit = 21;
        assert!(said(&other).contains("at most 21 units and not 20"));
        let mut other = receipt.clone();
        other.units = 8;
        let said = said(&other);
        assert!(
            said.contains("bills 8 units") && said.contains("lode job challenge"),
            "{said}"
        );
    }
}

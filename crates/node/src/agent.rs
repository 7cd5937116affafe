//! The loop that finds work.

use crate::cache::Cache;
use crate::capacity::Capacity;
use crate::conditions::{Conditions, Eyes, Machine, Reason};
use crate::decision::{fits, needs_agent, next_step, Step, Terms};
use crate::emission::Emission;
use crate::local::{self, Drain, Status};
use crate::meters::Meters;
use crate::mine::Mine;
use crate::news::News;
use crate::pace::Pace;
use crate::purse::{affords, Withdrawals};
use crate::task::{blocking, Done, Shared, Task, Work};
use crate::{Error, Result};
use lode_client::accounts::{decode, required};
use lode_client::token::Threshold;
use lode_client::{addresses, filter, ChainClock, Client};
use lode_crank::{Now, LAST_RESTART};
use lode_jobs::state::{Job, JobState, JobsConfig, Ledger, Market};
use lode_notify::Notices;
use lode_sealed::Identities;
use lode_staking::state::{Node, StakingConfig};
use lode_store::{BlobCache, Gateways};
use lode_telemetry::Telemetry;
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

/// First and longest pause after a failure.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Slots before its turn in the lottery at which the agent begins to fetch a job.
const PREFETCH: u64 = 50;
/// A fetch is broken off after so long; what came stays for the next one.
const LONGEST_FETCH: Duration = Duration::from_secs(60);
/// Jobs that are fetched before their turn at the same time.
const MOST_PREFETCHES: usize = 4;
/// Time between two trims of the cache while jobs run.
const TRIM_EVERY: Duration = Duration::from_secs(60);
/// Time after which it forgets again what no job can need any more.
const FORGET_EVERY: Duration = Duration::from_secs(86_400);
/// Time between two looks into the purse.
const PURSE_EVERY: Duration = Duration::from_secs(20);
/// The room of an accepted job whose run could not begin is kept for it through so many failures.
const HOPEFUL: u32 = 5;
/// A look at the chain may fail for so long before the agent counts as ill.
const PATIENCE: Duration = Duration::from_secs(60);
/// So many looks in a row, and over so long, must say that the agent serves no node any more before it ends.
const DOUBTS: u32 = 3;
const LONGEST_DOUBT: Duration = Duration::from_secs(60);
/// With less than this a worker soon cannot pay fees.
const FEW_LAMPORTS: u64 = 5_000_000;

/// What an agent is told.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// The node.
    pub node: Address,
    /// Its worker: signs, and pays fees unless another key does.
    pub worker: Arc<Keypair>,
    /// Pays the fees of all that the worker signs, which then needs no SOL.
    pub fee_payer: Option<Arc<Keypair>>,
    /// Folder of its own for results and blobs.
    pub state_dir: PathBuf,
    /// Time between two looks at the chain.
    pub poll: Duration,
    /// Cores for jobs; each takes one, so this many run at the same time.
    pub cores: usize,
    /// Memory for all jobs together, MiB.
    pub memory_mib: u64,
    /// Least price that it takes, tokens of the market for a million units.
    pub min_price: Threshold,
    /// Most bytes of blobs that stay on disk.
    pub cache_bytes: u64,
    /// Takes private jobs also where a seat that may check them cannot open them: who is drawn then finds them unrunnable,
    /// and that costs the node.
    pub blind_checks: bool,
    /// Takes earned money out of the node's ledgers; without it, the owner does.
    pub withdrawals: Option<Withdrawals>,
    /// Records, makes final, claims and sweeps the node's emission; without it, whoever cranks does.
    pub emission: bool,
    /// When it takes jobs.
    pub conditions: Conditions,
    /// Where the machine shows whether they hold.
    pub machine: Machine,
    /// Connections to the markets' stores, and mirrors of them.
    pub gateways: Gateways,
    /// Where it counts what it does.
    pub telemetry: Telemetry,
    /// What happens is told here.
    pub notices: Notices,
    /// Below so many lamports of the worker's it tells that they become scarce.
    pub low_lamports: u64,
    /// Below so many tokens available in one of the node's ledgers, as people write them, it tells the same.
    pub low_ledger: Option<String>,
}

impl AgentConfig {
    /// One job at a time with a GiB of memory, at any price, looking every second; change what should differ.
    pub fn new(node: Address, worker: Arc<Keypair>, state_dir: impl Into<PathBuf>) -> Self {
        Self {
            node,
            worker,
            state_dir: state_dir.into(),
            poll: Duration::from_secs(1),
            cores: 1,
            memory_mib: 1_024,
            min_price: Threshold::default(),
            cache_bytes: 4 << 30,
            blind_checks: false,
            withdrawals: None,
            emission: true,
            fee_payer: None,
            conditions: Conditions::default(),
            machine: Machine::default(),
            gateways: Gateways::default(),
            telemetry: Telemetry::new("node"),
            notices: Notices::default(),
            low_lamports: FEW_LAMPORTS,
            low_ledger: None,
        }
    }
}

/// Serves until `shutdown` says true, or its sender is gone. Loses nothing when the chain or a store is away for a
/// while, or when it is killed: it goes on from what the chain says. Ends with an error only for what a person must
/// mend. A job that runs when it stops is run again at the next start.
///
/// An order to drain ([`crate::local::drain`]) keeps it from taking jobs; if the order says so, it ends by itself when
/// nothing needs it any more.
///
/// Jobs run in processes of the calling program: its `main` must begin with `lode_runtime::child::maybe_run_child()`.
pub async fn run(
    config: AgentConfig,
    client: Client,
    mut shutdown: watch::Receiver<bool>,
) -> Result<()> {
    let cache = Arc::new(Cache::open(&config.state_dir.join("results"))?);
    let blobs = BlobCache::open(config.state_dir.join("blobs"))?;
    let keys = Identities::open(&config.state_dir)?;
    tokio::select! {
        measured = calibrate(cache.clone()) => measured?,
        () = stopped(&mut shutdown) => return Ok(()),
    }
    let news = News::new(
        config.notices,
        &config.state_dir,
        config.low_lamports,
        config.low_ledger,
    );
    let payer = config.fee_payer.unwrap_or_else(|| config.worker.clone());
    let telemetry = &config.telemetry;
    let emission = || Emission::new(&client, config.node, &payer, FEW_LAMPORTS, telemetry);
    let emission = config.emission.then(emission);
    let mut agent = Agent {
        shared: Arc::new(Shared {
            client,
            node: config.node,
            payer,
            worker: config.worker,
            keys,
            blind_checks: config.blind_checks,
            memory_mib: config.memory_mib,
            rating: Mutex::new(cache.rating()),
            cache,
            blobs,
            gateways: config.gateways,
            longest_fetch: LONGEST_FETCH,
            capacity: Capacity::new(config.cores.max(1), config.memory_mib),
            pace: Pace::new(),
            meters: Meters::new(config.telemetry),
            takes_none: AtomicBool::new(false),
            seen: Mutex::default(),
            shunned: Mutex::default(),
            unsent: Mutex::default(),
            news,
        }),
        eyes: Eyes::of(config.conditions, config.machine).map(|eyes| Arc::new(Mutex::new(eyes))),
        held: Vec::new(),
        folder: config.state_dir,
        min_price: config.min_price,
        least_prices: HashMap::new(),
        parallel: config.cores.max(1),
        cache_bytes: config.cache_bytes,
        trimmed: Instant::now(),
        forgot: Instant::now(),
        withdrawals: config.withdrawals.map(Arc::new),
        purse: JoinSet::new(),
        purse_at: None,
        emission,
        poor: false,
        markets: HashMap::new(),
        mine: Mine::new(config.node),
        running: HashMap::new(),
        resting: HashMap::new(),
        tasks: JoinSet::new(),
        endings: JoinSet::new(),
        seen: false,
        order: None,
        idle_looks: 0,
    };
    agent.shared.meters.telemetry.health.well("chain", PATIENCE);
    let mut failures = 0;
    let mut doubt = Doubt::default();
    loop {
        let looked = tokio::select! {
            looked = agent.look() => looked,
            () = stopped(&mut shutdown) => return agent.stop().await,
        };
        let health = &agent.shared.meters.telemetry.health;
        let pause = match looked {
            Ok(true) => {
                tracing::info!("drained: nothing needs this agent any more");
                agent.stop().await?;
                local::resume(&agent.folder)?;
                return Ok(());
            }
            Ok(false) => {
                failures = 0;
                doubt = Doubt::default();
                health.well("chain", PATIENCE.saturating_add(config.poll * 3));
                config.poll
            }
            Err(error @ (Error::NotWorker { .. } | Error::NoNode(_)))
                if !agent.seen || doubt.is_over(Instant::now()) =>
            {
                agent.stop().await?;
                return Err(error);
            }
            Err(error) => {
                tracing::warn!(%error, "the chain cannot be read; trying again");
                agent.shared.news.failed(&error);
                failures += 1;
                if failures > 3 {
                    health.ill("chain", error.to_string());
                }
                pause_after(failures)
            }
        };
        let wake = tokio::time::sleep(pause);
        tokio::pin!(wake);
        loop {
            tokio::select! {
                () = stopped(&mut shutdown) => return agent.stop().await,
                () = &mut wake => break,
                Some(ended) = agent.tasks.join_next() => agent.note(ended).await,
            }
        }
    }
}

/// Measures the machine if nothing is known of it yet. That it cannot be measured is no reason not to serve.
async fn calibrate(cache: Arc<Cache>) -> Result<()> {
    if !cache.rating().is_empty() {
        return Ok(());
    }
    let measured = tokio::task::spawn_blocking(move || {
        let mut rating = cache.rating();
        rating.calibrate()?;
        cache.keep_rating(&rating)?;
        Ok::<_, Error>(rating.seconds_per_million())
    });
    match measured.await {
        Ok(Ok(seconds)) => {
            tracing::info!(seconds, "this machine's time for a million units, measured");
        }
        Ok(Err(error)) => tracing::warn!(%error, "this machine could not be measured"),
        Err(error) => tracing::warn!(%error, "this machine could not be measured"),
    }
    Ok(())
}

async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // an error means that nobody is left who could say it
    let _ = shutdown.wait_for(|stop| *stop).await;
}

/// What servers say that start anew, are behind or speak for another cluster: that a node which was there is gone, or has
/// another worker. To end by it would throw away all that runs.
#[derive(Default)]
struct Doubt {
    since: Option<Instant>,
    looks: u32,
}

impl Doubt {
    /// Another look says so. Whether it has been said often enough, and for long enough, to be believed.
    fn is_over(&mut self, now: Instant) -> bool {
        self.looks = self.looks.saturating_add(1);
        let since = *self.since.get_or_insert(now);
        self.looks >= DOUBTS && now.duration_since(since) >= LONGEST_DOUBT
    }
}

fn pause_after(failures: u32) -> Duration {
    FIRST_PAUSE
        .saturating_mul(1 << failures.saturating_sub(1).min(16))
        .min(LONGEST_PAUSE)
}

/// An attempt of a job.
type Key = (Address, u8);
type Ended = std::result::Result<(Key, Work, Result<Done>), tokio::task::JoinError>;

struct Running {
    handle: AbortHandle,
    work: Work,
    market: Address,
    /// What accepting will lock.
    reserved: u64,
    /// The job may be this node's already.
    taken: Arc<AtomicBool>,
    /// Its run has room, or needs none.
    placed: Arc<AtomicBool>,
}

/// An attempt whose last step failed: that step is tried again then, or never.
struct Rest {
    work: Work,
    until: Option<Instant>,
    failures: u32,
}

impl Rest {
    /// Whether this keeps `work` from being tried: what was refused for a bid is refused for the next one too.
    fn holds(&self, work: Work) -> bool {
        match (self.work, work) {
            (Work::Bid(_), Work::Bid(_)) | (Work::Accept, Work::Prefetch) => true,
            (kept, tried) => kept == tried,
        }
    }
}

struct Agent {
    shared: Arc<Shared>,
    /// Watches the machine, if there is anything to watch for.
    eyes: Option<Arc<Mutex<Eyes>>>,
    /// Why the machine takes no job now.
    held: Vec<Reason>,
    folder: PathBuf,
    min_price: Threshold,
    /// The same in base units, by market.
    least_prices: HashMap<Address, u64>,
    parallel: usize,
    cache_bytes: u64,
    trimmed: Instant,
    forgot: Instant,
    withdrawals: Option<Arc<Withdrawals>>,
    purse: JoinSet<()>,
    purse_at: Option<Instant>,
    emission: Option<Emission>,
    /// What is left for fees pays for no job more.
    poor: bool,
    /// Terms of a market hold for ever: read once.
    markets: HashMap<Address, Market>,
    mine: Mine,
    running: HashMap<Key, Running>,
    resting: HashMap<Key, Rest>,
    tasks: JoinSet<(Key, Work, Result<Done>)>,
    /// Look up how attempts ended.
    endings: JoinSet<()>,
    seen: bool,
    /// The order to drain that is obeyed.
    order: Option<u64>,
    /// Looks in a row that found nothing left to do.
    idle_looks: u32,
}

/// What every look needs, of one moment, by one request.
#[derive(Clone)]
pub(crate) struct Sight {
    pub node: Node,
    clock: ChainClock,
    now: Now,
    /// Lamports of whoever pays the fees.
    pub lamports: u64,
    pub staking: StakingConfig,
    jobs: JobsConfig,
}

impl Sight {
    async fn take(shared: &Shared) -> Result<Self> {
        let (staking, jobs) = (addresses::staking::config(), addresses::jobs::config());
        let payer = shared.payer.pubkey();
        let clock = addresses::CLOCK;
        let at = [shared.node, clock, LAST_RESTART, payer, staking, jobs];
        let found = shared.client.raw_accounts(&at).await?;
        let [node, clock, restart, payer, staking_config, jobs_config] = found.as_slice() else {
            return Err(Error::Runtime("the server left accounts out".into()));
        };
        let node = node.as_ref().ok_or(Error::NoNode(shared.node))?;
        let clock = shared.client.clock_of(clock.as_ref())?;
        let restart = restart.as_ref().map(|account| account.data.as_slice());
        Ok(Self {
            node: decode(&shared.node, node)?,
            now: Now::of(clock.slot, restart),
            clock,
            lamports: payer.as_ref().map_or(0, |account| account.lamports),
            staking: required(&staking, staking_config.as_ref())?,
            jobs: required(&jobs, jobs_config.as_ref())?,
        })
    }

    /// The chain takes this node's accepts at all.
    fn may_accept(&self) -> bool {
        let stands = !self.node.is_jailed() && !self.node.is_exiting();
        let skin = self.node.skin_is_in(&self.staking).unwrap_or(false);
        stands && skin && self.clock.unix_timestamp >= self.jobs.paused_until
    }
}

/// Whether this work takes a job that is not the node's yet.
fn takes(work: Work) -> bool {
    matches!(work, Work::Accept | Work::Bid(_))
}

/// How many jobs may still be taken.
#[derive(Clone, Copy)]
struct Free {
    /// Jobs that are this node's to run already, or may be at any time.
    committed: usize,
    /// Jobs whose fees can still be paid, beside those of all that this node has to bring to their end.
    payable: usize,
    /// A job of this node whose window runs waits for its room: nobody who comes later may take it.
    crowded: bool,
}

impl Free {
    /// Whether one more may be taken where so many are being taken, on a machine that runs so many side by side.
    fn lets(self, taking: usize, bids: bool, parallel: usize) -> bool {
        let most = match bids {
            // whatever is bid for may be awarded at once, and then its window runs
            true => parallel,
            // besides what runs, as many wait for their turn with all that they need on the disk
            false => parallel.saturating_mul(2),
        };
        !self.crowded && taking < self.payable && self.committed.saturating_add(taking) < most
    }
}

impl Agent {
    async fn stop(&mut self) -> Result<()> {
        self.tasks.shutdown().await;
        // a withdrawal that was sent lands or does not; the next start sees which
        self.purse.shutdown().await;
        if let Some(emission) = &mut self.emission {
            emission.stop().await;
        }
        self.endings.shutdown().await;
        tracing::info!("stopped");
        Ok(())
    }

    /// Looks at the chain once and starts what is due. True when the agent is drained and was told to end by it.
    async fn look(&mut self) -> Result<bool> {
        let shared = self.shared.clone();
        let client = &shared.client;
        // before anything is read: what is taken later is taken in spite of no order
        let order = local::order(&self.folder)?;
        let gives_up = self.examine().await?;
        self.obey(order);
        let worker = shared.worker.pubkey();
        let sight = Sight::take(&shared).await?;
        let clock = sight.clock;
        if sight.node.worker != worker {
            return Err(Error::NotWorker {
                node: shared.node,
                expected: sight.node.worker,
                worker,
            });
        }
        let (now, wall) = (std::time::Instant::now(), std::time::SystemTime::now());
        shared.pace.see(clock.slot, now, wall);
        shared.saw(sight.now);
        let ledgers = client
            .get_program_accounts::<Ledger>(&[filter!(Ledger, party, shared.node)])
            .await?;
        self.learn_markets(&ledgers).await?;
        let mine = self.my_jobs(clock.slot).await?;
        if !self.seen {
            self.seen = true;
            tracing::info!(node = %shared.node, %worker, markets = ledgers.len(), jobs = mine.len(), "serving");
            if ledgers.is_empty() {
                tracing::warn!("the node has no ledger: its owner opens one in each market that it is to serve");
            }
        }
        let mut alive = HashSet::new();
        let (mut committed, mut unfinished, mut waiting) = (0, 0, 0);
        let mut unplaced = 0;
        for (at, job) in &mine {
            let open = job.state == JobState::Open as u8;
            alive.insert((*at, job.attempt));
            committed += usize::from(open || job.state == JobState::Accepted as u8);
            unfinished += u64::from(needs_agent(job));
            waiting += u64::from(job.state == JobState::Attested as u8);
            // what is over needs no look at the disk
            let known = needs_agent(job) && shared.cache.computed(at, job.attempt)?.is_some();
            // in a market without its ledger the node has no step to take
            let market = self.markets.get(&job.market);
            let step = market.map_or(Step::Wait, |m| next_step(job, m, known, &sight.now));
            let runs = step == Step::Run && job.state == JobState::Accepted as u8;
            if gives_up && runs {
                self.give_up(*at, *job);
            } else if step != Step::Wait {
                self.start(*at, *job, Work::Next(step), 0);
                unplaced += usize::from(runs && !self.is_placed(&(*at, job.attempt)));
            }
        }
        let payable = affords(sight.lamports).saturating_sub(unfinished);
        self.count_fees(sight.lamports, payable);
        if order.is_none() && self.held.is_empty() && sight.may_accept() {
            let free = Free {
                committed,
                payable: usize::try_from(payable).unwrap_or(usize::MAX),
                crowded: unplaced > 0,
            };
            self.offers(&sight.node, &ledgers, free, clock.slot, &mut alive)
                .await?;
        }
        self.resting.retain(|key, _| alive.contains(key));
        shared.unsent().retain(|key, _| alive.contains(key));
        self.look_into_purse(&ledgers);
        if let Some(emission) = &mut self.emission {
            emission.look_after(&sight.jobs, clock.unix_timestamp);
        }
        self.forget_old().await;
        self.spread_news(&sight, &ledgers, &mine).await;
        self.measure(&ledgers, clock.slot, sight.lamports, unfinished, waiting);
        let idle = order.is_some() && self.running.is_empty() && unfinished == 0;
        // twice: what a server tells may be older than what was sent to another
        self.idle_looks = if idle { self.idle_looks + 1 } else { 0 };
        let drained = self.idle_looks > 1;
        if let Err(error) = self.tell(unfinished, waiting, drained) {
            // a full disk must not keep it from looking: what it finished is to be handed in
            tracing::debug!(%error, "what this agent does is not written down");
        }
        Ok(drained && order.is_some_and(|order| order.stop))
    }

    /// The jobs of this node that are under way.
    async fn my_jobs(&mut self, slot: u64) -> Result<Vec<(Address, Job)>> {
        let (client, node) = (&self.shared.client, self.shared.node);
        let in_hand = self.running.keys().map(|(at, _)| *at);
        let now = Instant::now();
        if let Some(read) = self.mine.wanted(in_hand, slot, now) {
            let found = client.raw_accounts(&read).await?;
            for (at, account) in read.into_iter().zip(found) {
                // what this version cannot read a listing leaves out too
                let job = account.and_then(|account| decode::<Job>(&at, &account).ok());
                self.mine.read(at, job);
            }
        } else {
            let named = [filter!(Job, node, node)];
            let all = client.get_program_accounts::<Job>(&named).await?;
            self.mine.list(all, now);
        }
        Ok(self.mine.all())
    }

    /// Takes note of an order to drain, or of its end.
    fn obey(&mut self, order: Option<Drain>) {
        let id = order.map(|order| order.id);
        let none = id.is_some() || !self.held.is_empty();
        self.shared.takes_none.store(none, Ordering::Release);
        if id == self.order {
            return;
        }
        match id {
            Some(_) => tracing::info!("draining: no job is taken any more"),
            None => tracing::info!("jobs are taken again"),
        }
        self.order = id;
        self.idle_looks = 0;
        if id.is_some() {
            // what has not been taken yet is not waited for
            self.break_off(|_| true);
        }
    }

    /// Looks whether the machine may take jobs now, and says it when that changes. True if what runs is to be given up.
    async fn examine(&mut self) -> Result<bool> {
        let Some(eyes) = self.eyes.clone() else {
            return Ok(false);
        };
        // files of `/sys` may take their time, and so may NetworkManager
        let looked = tokio::task::spawn_blocking(move || {
            let mut eyes = eyes.lock().unwrap_or_else(PoisonError::into_inner);
            let now = std::time::Instant::now();
            (eyes.look(now).to_vec(), eyes.gives_up(now))
        });
        let (held, gives_up) = looked
            .await
            .map_err(|error| Error::Runtime(error.to_string()))?;
        let kinds = |reasons: &[Reason]| -> Vec<_> { reasons.iter().map(|r| r.kind).collect() };
        if kinds(&held) != kinds(&self.held) {
            if held.is_empty() {
                tracing::info!("the machine's conditions hold again: jobs are taken");
            } else {
                let reasons: Vec<_> = held.iter().map(|reason| reason.text.as_str()).collect();
                tracing::info!(reasons = reasons.join("; "), "no job is taken");
                self.break_off(|_| true);
            }
        }
        self.held = held;
        Ok(gives_up)
    }

    /// Breaks off what runs of an accepted job, and then ends its attempt.
    fn give_up(&mut self, at: Address, job: Job) {
        match self.running.get(&(at, job.attempt)) {
            Some(running) if running.work != Work::GiveUp => {
                tracing::info!(job = %at, attempt = job.attempt, "broken off: the machine's conditions do not hold");
                running.handle.abort();
            }
            Some(_) => {}
            None => self.start(at, job, Work::GiveUp, 0),
        }
    }

    /// Says it once where a job that is taken could not be handed in any more.
    fn count_fees(&mut self, lamports: u64, payable: u64) {
        let poor = payable == 0;
        if poor && !self.poor {
            let payer = self.shared.payer.pubkey();
            tracing::warn!(%payer, lamports, "no job is taken: what is left for fees may not do for one more; send the payer SOL");
        }
        self.poor = poor;
    }

    /// An attempt has the room that its run takes, or needs none any more. What cannot be begun however often it is tried,
    /// because its store is away, keeps no others from it either.
    fn is_placed(&self, key: &Key) -> bool {
        let rest = self.resting.get(key);
        let is_hopeless = rest.is_some_and(|rest| rest.failures > HOPEFUL);
        if let Some(running) = self.running.get(key) {
            return is_hopeless || running.placed.load(Ordering::Acquire);
        }
        let waits = rest.is_some_and(|rest| rest.until.is_some());
        !waits || is_hopeless || self.shared.unsent().contains_key(key)
    }

    /// Ends tasks that wait to take a job, and have not begun to.
    fn break_off(&mut self, which: impl Fn(&Key) -> bool) {
        for (key, running) in &self.running {
            let waits = takes(running.work) || running.work == Work::Prefetch;
            if waits && !running.taken.load(Ordering::Acquire) && which(key) {
                running.handle.abort();
            }
        }
    }

    fn tell(&self, unfinished: u64, waiting: u64, drained: bool) -> Result<()> {
        let status = Status {
            version: env!("CARGO_PKG_VERSION").into(),
            node: self.shared.node.to_string(),
            at: local::now(),
            drain: self.order,
            held: self.held.iter().map(|reason| reason.text.clone()).collect(),
            drained,
            running: self.running.len() as u64,
            unfinished,
            waiting,
        };
        local::tell(&self.folder, &status)
    }

    fn measure(
        &self,
        ledgers: &[(Address, Ledger)],
        slot: u64,
        lamports: u64,
        unfinished: u64,
        waiting: u64,
    ) {
        let (shared, meters) = (&self.shared, &self.shared.meters);
        meters.looks.inc();
        meters.slot.set(slot as f64);
        meters.slot_seconds.set(shared.pace.slot().as_secs_f64());
        meters.worker_lamports.set(lamports as f64);
        if lamports < FEW_LAMPORTS || self.poor {
            let payer = shared.payer.pubkey();
            let mut reason = format!("{payer} has {lamports} lamports left for fees");
            if self.poor {
                reason.push_str(", too few for another job");
            }
            meters.telemetry.health.ill("fees", reason);
        } else {
            meters.telemetry.health.well("fees", PATIENCE * 10);
        }
        let (cores, memory) = shared.capacity.used();
        meters.cores.set(f64::from(cores));
        meters.memory.set(f64::from(memory));
        meters.running.set(self.running.len() as f64);
        meters.unfinished.set(unfinished as f64);
        meters.waiting.set(waiting as f64);
        meters
            .draining
            .set(f64::from(u8::from(self.order.is_some())));
        meters.held.set(self.held.len() as f64);
        let speed = shared.rating().seconds_per_million();
        meters.speed.set(speed.unwrap_or_default());
        for (_, ledger) in ledgers {
            meters.ledger(&ledger.market.to_string(), ledger.available, ledger.locked);
        }
    }

    /// Once a day: an agent may run for a year, and the folder keeps something of each job.
    async fn forget_old(&mut self) {
        if self.forgot.elapsed() < FORGET_EVERY {
            return;
        }
        self.forgot = Instant::now();
        let cache = self.shared.cache.clone();
        let forget = move || cache.forget_old(std::time::SystemTime::now());
        if let Err(error) = blocking(forget).await {
            tracing::warn!(%error, "old results stay in the folder");
        }
    }

    /// Begins to withdraw what is due, one ledger after the other, beside the other work.
    fn look_into_purse(&mut self, ledgers: &[(Address, Ledger)]) {
        while self.purse.try_join_next().is_some() {}
        let Some(withdrawals) = self.withdrawals.clone() else {
            return;
        };
        let lately = |at: Instant| at.elapsed() < PURSE_EVERY;
        if !self.purse.is_empty() || self.purse_at.is_some_and(lately) {
            return;
        }
        self.purse_at = Some(Instant::now());
        let due: Vec<(Market, Ledger)> = ledgers
            .iter()
            .filter_map(|(_, ledger)| Some((*self.markets.get(&ledger.market)?, *ledger)))
            .collect();
        let shared = self.shared.clone();
        self.purse.spawn(async move {
            for (market, ledger) in due {
                let applied =
                    withdrawals.apply(&shared.client, &shared.payer, &market, &ledger);
                match applied.await {
                    Ok(Some(amount)) => {
                        tracing::info!(market = %ledger.market, amount, "withdrawn");
                    }
                    Ok(None) => {}
                    Err(error) => {
                        tracing::warn!(market = %ledger.market, %error, "nothing was withdrawn; trying again");
                    }
                }
            }
        });
    }

    /// Tells the owner's hook what this look has seen; what takes requests beside the other work.
    async fn spread_news(
        &mut self,
        sight: &Sight,
        ledgers: &[(Address, Ledger)],
        mine: &[(Address, Job)],
    ) {
        while self.endings.try_join_next().is_some() {}
        if !self.shared.news.is_heard() {
            return;
        }
        let shared = self.shared.clone();
        for (at, job) in mine {
            if let Some(market) = self.markets.get(&job.market) {
                shared.news.goes_on(&shared, market, at, job).await;
            }
        }
        if self.endings.is_empty() {
            let markets = self.markets.clone();
            let (sight, ledgers, mine) = (sight.clone(), ledgers.to_vec(), mine.to_vec());
            self.endings.spawn(async move {
                let news = &shared.news;
                news.balances(&shared, &sight, &ledgers, &markets).await;
                news.ends(&shared, &mine, &markets).await;
            });
        }
    }

    async fn learn_markets(&mut self, ledgers: &[(Address, Ledger)]) -> Result<()> {
        let new: Vec<Address> = ledgers
            .iter()
            .map(|(_, ledger)| ledger.market)
            .filter(|market| !self.markets.contains_key(market))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let found = self.shared.client.get_accounts::<Market>(&new).await?;
        for (at, market) in new.into_iter().zip(found) {
            if let Some(market) = market {
                let mint = self.shared.client.mint(&market.mint).await?;
                let least = self.min_price.of(mint.decimals).max(1);
                self.least_prices.insert(at, least);
                self.shared.news.runtime(&at, &market);
                let rating = self.shared.rating();
                let slots = rating.slots_per_million(self.shared.pace.slot());
                tracing::info!(market = %at, takes = slots, allowed = market.slots_per_million, "slots for a million units");
                self.markets.insert(at, market);
            }
        }
        Ok(())
    }

    /// Starts to take what fits, the best price first, as long as something is `free`. All jobs of this node are `alive`.
    async fn offers(
        &mut self,
        node: &Node,
        ledgers: &[(Address, Ledger)],
        free: Free,
        slot: u64,
        alive: &mut HashSet<Key>,
    ) -> Result<()> {
        let shared = self.shared.clone();
        let mine = alive.clone();
        let mut terms = Terms {
            node: shared.node,
            account: *node,
            min_price: 1,
            rating: shared.rating(),
            slot: shared.pace.slot(),
        };
        for (_, ledger) in ledgers {
            let Some(market) = self.markets.get(&ledger.market).copied() else {
                continue;
            };
            if shared.shuns(&ledger.market) {
                continue;
            }
            terms.min_price = self.least_prices.get(&ledger.market).copied().unwrap_or(1);
            let mut open = shared
                .client
                .get_program_accounts::<Job>(&[
                    filter!(Job, state, JobState::Open as u8),
                    filter!(Job, market, ledger.market),
                ])
                .await?;
            open.sort_unstable_by_key(|(at, job)| (std::cmp::Reverse(job.price), *at));
            for (at, job) in open {
                if shared.avoids(&at, &job) {
                    continue;
                }
                let key = (at, job.attempt);
                alive.insert(key);
                let is_running = |key| self.running.get(key).map(|r| r.work);
                if is_running(&key).is_some_and(|work| work != Work::Prefetch) {
                    continue;
                }
                let reserved = self
                    .running
                    .values()
                    .filter(|r| r.market == ledger.market)
                    .fold(0u64, |sum, r| sum.saturating_add(r.reserved));
                let offer = fits(&terms, &at, &job, &market, ledger, reserved, slot);
                let Some(offer) = offer else {
                    continue;
                };
                if slot < offer.from {
                    let fetching = self.running.values().filter(|r| r.work == Work::Prefetch);
                    let few = fetching.count() < MOST_PREFETCHES;
                    if few && offer.from.saturating_sub(slot) <= PREFETCH {
                        self.start(at, job, Work::Prefetch, 0);
                    }
                    continue;
                }
                let taking = self
                    .running
                    .iter()
                    .filter(|(key, r)| takes(r.work) && !mine.contains(key))
                    .count();
                if free.lets(taking, offer.bid.is_some(), self.parallel) {
                    let work = offer.bid.map_or(Work::Accept, Work::Bid);
                    self.start(at, job, work, offer.collateral);
                }
            }
        }
        // somebody else was first
        let alive = &*alive;
        self.break_off(|key| !alive.contains(key));
        Ok(())
    }

    /// Starts a step, unless the attempt has one already or rests.
    fn start(&mut self, at: Address, job: Job, work: Work, reserved: u64) {
        let key = (at, job.attempt);
        let rests = self.resting.get(&key).is_some_and(|rest| {
            rest.holds(work) && rest.until.is_none_or(|then| Instant::now() < then)
        });
        if rests {
            return;
        }
        if let Some(running) = self.running.get(&key) {
            // what it waits for is moot: the attempt is over, or its turn has come
            let moot = work == Work::Next(Step::Expire) && running.work != work;
            if moot {
                running.handle.abort();
            }
            return;
        }
        let Some(market) = self.markets.get(&job.market).copied() else {
            tracing::debug!(job = %at, market = %job.market, "the node has no ledger in this market");
            return;
        };
        let taken = Arc::new(AtomicBool::new(!takes(work)));
        let placed = Arc::<AtomicBool>::default();
        let task = Task {
            shared: self.shared.clone(),
            at,
            job,
            market,
            work,
            taken: taken.clone(),
            placed: placed.clone(),
        };
        let handle = self
            .tasks
            .spawn(async move { (key, work, task.act().await) });
        let running = Running {
            handle,
            work,
            market: job.market,
            reserved,
            taken,
            placed,
        };
        self.running.insert(key, running);
    }

    /// Notes how a task ended.
    async fn note(&mut self, ended: Ended) {
        let (key, work, result) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                // whose task it was is not told: all that no longer run are started anew by the next look
                if !error.is_cancelled() {
                    tracing::error!(%error, "a task broke");
                }
                self.running.retain(|_, r| !r.handle.is_finished());
                return;
            }
        };
        self.running.remove(&key);
        let failures = self.resting.remove(&key).map_or(0, |rest| rest.failures) + 1;
        let (job, attempt) = key;
        if takes(work) {
            self.mine.touch(job, Instant::now());
        }
        let result_was_unfit = matches!(result, Err(Error::Unfit(_)));
        let rest = match result {
            // fetched once, until its turn comes
            Ok(Done::Did) if work == Work::Prefetch => Some(None),
            Ok(Done::Did | Done::NotYet) => None,
            Err(Error::Unfit(reason)) => {
                tracing::info!(%job, attempt, %reason, "left alone");
                Some(None)
            }
            Err(error) => {
                tracing::warn!(%job, attempt, ?work, %error, "trying again");
                self.shared.meters.failures.inc();
                Some(Some(Instant::now() + pause_after(failures)))
            }
        };
        if let Some(until) = rest {
            let rest = Rest {
                // what cannot be run is neither fetched nor taken
                work: match result_was_unfit {
                    true if work == Work::Prefetch => Work::Accept,
                    _ => work,
                },
                until,
                failures,
            };
            self.resting.insert(key, rest);
        }
        if self.running.is_empty() || self.trimmed.elapsed() >= TRIM_EVERY {
            self.trimmed = Instant::now();
            if let Err(error) = self.shared.blobs.trim(self.cache_bytes).await {
                tracing::warn!(%error, "the cache stays as large as it is");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_beside_what_runs_is_bounded_by_cores_and_by_fees() {
        let lets = |committed, payable, taking, bids| {
            let free = Free {
                committed,
                payable,
                crowded: false,
            };
            free.lets(taking, bids, 2)
        };
        assert!(lets(1, 9, 2, false) && !lets(1, 9, 3, false));
        assert!(lets(1, 9, 0, true) && !lets(1, 9, 1, true));
        assert!(lets(0, 1, 0, false) && !lets(0, 1, 1, false));
        assert!(!lets(0, 0, 0, false) && !lets(0, 0, 0, true));
        let crowded = Free {
            committed: 1,
            payable: 9,
            crowded: true,
        };
        assert!(!crowded.lets(0, false, 2) && !crowded.lets(0, true, 2));
    }

    #[test]
    fn a_node_that_was_seen_is_not_believed_to_be_gone_before_several_looks_over_a_minute_say_so() {
        let (mut doubt, start) = (Doubt::default(), Instant::now());
        let mut says = |seconds| doubt.is_over(start + Duration::from_secs(seconds));
        assert!(!says(0));
        // one that took long
        assert!(!says(61));
        assert!(says(62));
        let mut often = Doubt::default();
        for seconds in 0..60 {
            assert!(!often.is_over(start + Duration::from_secs(seconds)));
        }
        assert!(often.is_over(start + LONGEST_DOUBT));
    }
}

//! The watcher: re-executes what others were paid for, and challenges lies with money of its own.
//!
//! A result that no panel checked stands unless somebody contests it in time, and a panel's verdict stands unless
//! somebody asks the whole committee. Whoever watches needs no seat and no permission: a wallet's ledger with enough
//! in it for the bond, and a machine. It lives beside the oracle's agent because both ask the same question of the same
//! machine: what comes out if this job is run again?

use crate::decision::{decide, Decision, Finding};
use crate::execution::Fetched;
use crate::gate::{Fetches, Gate};
use crate::journal::{Entry, Journal};
use crate::left_out::jobs_at;
use crate::pause::{pause_after, LONGEST_PAUSE, WAITING_PAUSE};
use crate::{execution, Error, Result};
use lode_attestation::Verdict;
use lode_client::instructions::jobs;
use lode_client::{addresses, filter, Client};
use lode_crank::{deadline, Crank, Now, Policy as CrankPolicy, Turner};
use lode_jobs::state::{flag, Job, JobState, Ledger, Market};
use lode_math::windows::RESTART_EXTENSION;
use lode_store::{BlobCache, BlobHash, GatewayClient, Gateways};
use lode_telemetry::Telemetry;
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Nothing needs to be said again for so long: a year.
const LONG: Duration = Duration::from_secs(365 * 86_400);

/// Which results are looked at, and how much is put at stake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchPolicy {
    /// Share of results that are re-executed, basis points. Which ones they are nobody else can know.
    pub fraction_bps: u16,
    /// Results of a smaller escrow are left alone, base units.
    pub least_escrow: u64,
    /// Most that bonds lock at the same time, in each market, base units.
    pub budget: u64,
    /// Also appeal to the whole committee against a panel's wrong verdict: the bond is larger.
    pub appeals: bool,
    /// Also challenge a match whose spec, module or input cannot be had from the store. Nobody can prove such a result
    /// right or wrong, so this is for who knows that it was never there: if the panel finds it, the bond is lost.
    pub missing: bool,
}

impl Default for WatchPolicy {
    fn default() -> Self {
        Self {
            fraction_bps: 10_000,
            least_escrow: 0,
            budget: 0,
            appeals: true,
            missing: false,
        }
    }
}

/// What a watcher is told.
pub struct WatchConfig {
    /// The chain.
    pub client: Client,
    /// Signs challenges and pays for transactions; its ledgers hold the bonds.
    pub wallet: Arc<Keypair>,
    /// Markets that are watched; none for all in which the wallet has a ledger.
    pub markets: Vec<Address>,
    /// What these are paid in: the policy's amounts are of it, and markets of another mint are left alone.
    pub mint: Address,
    /// Folder of its own for blobs, and for what it found: who is started again runs nothing twice, and still knows the
    /// receipts of what it challenged.
    pub folder: PathBuf,
    /// Which results, and how much.
    pub policy: WatchPolicy,
    /// Time between two looks at the chain.
    pub poll: Duration,
    /// Jobs that run at the same time.
    pub parallel: usize,
    /// Memory that they take together, MiB.
    pub memory_mib: u64,
    /// Most bytes of blobs that stay on disk.
    pub cache_bytes: u64,
    /// Lamports that the wallet keeps: steps of its own challenges are not sent below.
    pub floor: u64,
    /// Connections to the markets' stores, and mirrors of them.
    pub gateways: Gateways,
    /// Where it tells how it is, and what it counts.
    pub telemetry: Telemetry,
}

/// What follows from what this machine found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// The verdict is right, or this machine cannot say.
    Leave,
    /// It is wrong.
    Contest,
    /// Something is missing that may still come.
    Again,
}

/// Whether a standing verdict may still be contested, a restart of the cluster counted.
pub fn is_open(job: &Job, market: &Market, now: &Now) -> bool {
    job.state == JobState::Attested as u8
        && !job.has(flag::FINAL)
        && job.eligible != 0
        && deadline(job, market, now).is_some_and(|end| now.slot < end)
        && job.challenge_window(market).is_ok_and(|window| window > 0)
}

/// Whether a policy looks at a standing verdict. A verdict *unrunnable* is no lie: nobody is paid by it.
pub fn is_watched(job: &Job, market: &Market, policy: &WatchPolicy, draw: u16) -> bool {
    let verdict = job.verdict();
    let worth = job.escrow(market).is_ok_and(|e| e >= policy.least_escrow);
    let kind = if job.is_checked() {
        policy.appeals && matches!(verdict, Some(Verdict::Match | Verdict::Mismatch))
    } else {
        verdict == Some(Verdict::Match)
    };
    worth && kind && draw < policy.fraction_bps
}

/// What follows from a finding for the verdict that stands. An end of this machine says nothing about anybody.
pub fn stand(
    at: &Address,
    job: &Job,
    market: &Market,
    finding: &Finding,
    policy: &WatchPolicy,
) -> Stand {
    let Some(standing) = job.verdict() else {
        return Stand::Leave;
    };
    match finding {
        Finding::HostEnd(_) => Stand::Leave,
        Finding::Missing(_) | Finding::TooDeep if policy.missing && standing == Verdict::Match => {
            Stand::Contest
        }
        // A verdict *unrunnable* brings a challenger his bond back, and nothing else.
        Finding::TooDeep => Stand::Leave,
        Finding::Missing(_) => Stand::Again,
        // the slot matters only for what is missing
        found => match decide(at, job, market, found, 0) {
            Decision::Sign(ours) if ours != standing && standing != Verdict::Unrunnable => {
                Stand::Contest
            }
            _ => Stand::Leave,
        },
    }
}

/// What contesting this verdict locks.
pub fn bond(job: &Job, market: &Market) -> Option<u64> {
    if job.is_checked() {
        job.appeal_bond().ok()
    } else {
        job.challenge_bond(market).ok()
    }
}

/// What a job that is not over locks of this ledger's money.
pub fn locked(job: &Job, market: &Market, ledger: &Address) -> u64 {
    if job.is_final() {
        return 0;
    }
    let challenged = (job.challenger == *ledger).then(|| job.challenge_bond(market).ok());
    let appealed = (job.appellant == *ledger).then(|| job.appeal_bond().ok());
    [challenged, appealed]
        .into_iter()
        .flatten()
        .fold(0, |sum, bond| sum.saturating_add(bond.unwrap_or(u64::MAX)))
}

/// Whether a bond may be locked: within the budget, and of money that is there.
fn room(bond: u64, locked: u64, budget: u64, available: u64) -> std::result::Result<(), String> {
    if locked.saturating_add(bond) > budget {
        return Err(format!(
            "its bond of {bond} base units and the {locked} that are locked pass the budget of {budget}: raise --budget"
        ));
    }
    if available < bond {
        return Err(format!(
            "its bond is {bond} base units, the wallet's account in the market has {available} available: deposit more with `lode account deposit`"
        ));
    }
    Ok(())
}

/// How a challenge ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was right: the bond is back, with a part of what the liar lost.
    Won,
    /// It was wrong: the bond pays the checks.
    Lost,
    /// Nobody could say: the bond is back.
    Returned,
}

impl Ending {
    fn name(self) -> &'static str {
        match self {
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Returned => "returned",
        }
    }
}

/// How this ledger's challenge of a job ended, if it is over; of two, the later one: the appeal.
pub fn ending(job: &Job, ledger: &Address) -> Option<Ending> {
    if !job.is_final() {
        return None;
    }
    let voided = job.state == JobState::Voided as u8;
    let told = |won, lost| match (won, lost) {
        _ if voided => Ending::Returned,
        (true, _) => Ending::Won,
        (_, true) => Ending::Lost,
        _ => Ending::Returned,
    };
    if job.appellant == *ledger {
        Some(told(job.appellant_won(), job.appellant_lost()))
    } else if job.challenger == *ledger {
        Some(told(job.challenger_won(), job.challenger_lost()))
    } else {
        None
    }
}

/// The watcher.
pub struct Watcher;

impl Watcher {
    /// Watches until `shutdown` is cancelled. Loses nothing when the chain or a store is away for a while; what it
    /// challenged before it stopped it finds again on the chain.
    ///
    /// Jobs run in processes of the calling program: its `main` must begin with `lode_runtime::child::maybe_run_child()`.
    ///
    /// # Errors
    /// Only for what a person must mend: its folder.
    pub async fn run(config: WatchConfig, shutdown: CancellationToken) -> Result<()> {
        let cache = BlobCache::open(config.folder.join("blobs"))?;
        let journal = Journal::open(&config.folder.join("journal"))?;
        let salt = salt(&config.folder.join("salt"))?;
        let policy = CrankPolicy {
            floor: config.floor,
            ..CrankPolicy::default()
        };
        let (client, wallet) = (config.client, config.wallet);
        let crank = Crank::new(
            client.clone(),
            wallet.clone(),
            policy,
            config.telemetry.clone(),
        )
        .with_gateways(config.gateways.clone());
        let mut watch = Watch {
            shared: Arc::new(Shared {
                client,
                wallet,
                cache,
                journal: Arc::new(journal),
                gateways: config.gateways,
                fetches: Fetches::default(),
                gate: Gate::new(config.parallel, config.memory_mib),
                policy: config.policy,
                telemetry: config.telemetry,
                bonds: Mutex::default(),
            }),
            only: config.markets,
            mint: config.mint,
            left_out: HashSet::new(),
            salt,
            turner: Turner::start(crank),
            cache_bytes: config.cache_bytes,
            floor: config.floor,
            running: HashMap::new(),
            resting: HashMap::new(),
            tasks: JoinSet::new(),
        };
        tracing::info!(wallet = %watch.shared.wallet.pubkey(), "watching");
        let mut failures = 0u32;
        loop {
            let looked = tokio::select! {
                looked = watch.look() => looked,
                () = shutdown.cancelled() => return watch.stop().await,
            };
            let pause = match looked {
                Ok(()) => {
                    failures = 0;
                    let health = &watch.shared.telemetry.health;
                    health.well("watch", config.poll * 3 + LONGEST_PAUSE * 6);
                    config.poll
                }
                Err(error) => {
                    tracing::warn!(%error, "the chain cannot be read; trying again");
                    let health = &watch.shared.telemetry.health;
                    health.ill("watch", error.to_string());
                    failures += 1;
                    pause_after(failures)
                }
            };
            let wake = tokio::time::sleep(pause);
            tokio::pin!(wake);
            loop {
                tokio::select! {
                    () = shutdown.cancelled() => return watch.stop().await,
                    () = &mut wake => break,
                    Some(ended) = watch.tasks.join_next() => watch.note(ended).await,
                }
            }
        }
    }
}

/// A secret of this watcher: whoever knew which results it looks at would lie in the others. One that others could read
/// is none, and is replaced.
fn salt(path: &Path) -> Result<[u8; 32]> {
    let file = |source| Error::File {
        path: path.into(),
        source,
    };
    match std::fs::read(path) {
        Ok(bytes) => {
            if let (Ok(salt), true) = (bytes.try_into(), is_private(path).map_err(file)?) {
                return Ok(salt);
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(file(error)),
    }
    let salt = *Keypair::new().secret_bytes();
    let folder = path.parent().unwrap_or(Path::new("."));
    // a temporary file is its owner's alone from the start
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&salt)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(file)?;
    Ok(salt)
}

/// Whether nobody but its owner can read a file.
fn is_private(path: &Path) -> std::io::Result<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        Ok(std::fs::metadata(path)?.permissions().mode() & 0o077 == 0)
    }
    #[cfg(not(unix))]
    std::fs::metadata(path).map(|_| true)
}

/// A number below 10 000 that only this watcher knows.
fn draw(salt: &[u8; 32], at: &Address, attempt: u8) -> u16 {
    let hash = BlobHash::of(&[&salt[..], at.as_ref(), &[attempt]].concat());
    let [a, b, c, d, ..] = hash.0;
    // below 10 000, so it fits
    (u32::from_le_bytes([a, b, c, d]) % 10_000) as u16
}

/// A verdict of an attempt: the result nobody checked, or what a panel said.
type Key = (Address, u8, bool);

/// Whether a verdict still stands at `slot`, and may be contested as far as the job itself tells. A deadline that a restart
/// may have moved counts as not over.
fn still_stands(job: &Job, (_, attempt, checked): &Key, slot: u64) -> bool {
    (job.attempt, job.is_checked()) == (*attempt, *checked)
        && job.state == JobState::Attested as u8
        && !job.has(flag::FINAL)
        && slot < job.deadline.saturating_add(RESTART_EXTENSION)
}

/// How a task ended.
#[derive(Debug)]
enum Done {
    /// The verdict is right, or this machine cannot say.
    Left(&'static str),
    /// It was contested.
    Contested,
    /// It is wrong, but the bond would be more than may be locked.
    Beyond(String),
    /// Something is missing that may still come.
    Waiting,
    /// When its turn came, its time was over.
    Late,
}

type Ended = std::result::Result<(Key, Result<Done>), tokio::task::JoinError>;
/// Hash and units of what this machine got.
type Receipt = ([u8; 32], u64);

struct Shared {
    client: Client,
    wallet: Arc<Keypair>,
    cache: BlobCache,
    /// The receipts that this machine got, and which challenges' ends were told. What was challenged the chain says.
    journal: Arc<Journal>,
    gateways: Gateways,
    fetches: Fetches,
    gate: Gate,
    policy: WatchPolicy,
    telemetry: Telemetry,
    /// Base units locked by bonds, by market. Held while a challenge is sent: two may not spend the same budget.
    bonds: Mutex<HashMap<Address, u64>>,
}

impl Shared {
    /// The jobs of a market that this ledger contested, and what its bonds lock.
    async fn contested(
        &self,
        market_at: &Address,
        market: &Market,
        ledger: &Address,
    ) -> Result<(Vec<(Address, Job)>, u64)> {
        // before the jobs are read: a challenge that is sent meanwhile would be left out of the sum
        let mut bonds = self.bonds.lock().await;
        let client = &self.client;
        let mut mine: Vec<(Address, Job)> = client
            .get_program_accounts(&[filter!(Job, challenger, *ledger)])
            .await?;
        let appealed = client
            .get_program_accounts::<Job>(&[filter!(Job, appellant, *ledger)])
            .await?;
        for (at, job) in appealed {
            if mine.iter().all(|(known, _)| *known != at) {
                mine.push((at, job));
            }
        }
        let sum = mine.iter().fold(0u64, |sum, (_, job)| {
            sum.saturating_add(locked(job, market, ledger))
        });
        bonds.insert(*market_at, sum);
        Ok((mine, sum))
    }
}

struct Watch {
    shared: Arc<Shared>,
    only: Vec<Address>,
    mint: Address,
    /// Markets of which it was told that results in them are not run, and why is not told again.
    left_out: HashSet<Address>,
    salt: [u8; 32],
    /// Turns the wallet's own challenges.
    turner: Turner,
    cache_bytes: u64,
    floor: u64,
    running: HashMap<Key, AbortHandle>,
    /// Tried again then; never where there is no time.
    resting: HashMap<Key, (Option<Instant>, u32)>,
    tasks: JoinSet<(Key, Result<Done>)>,
}

impl Watch {
    async fn stop(mut self) -> Result<()> {
        self.tasks.shutdown().await;
        tracing::info!("stopped");
        Ok(())
    }

    /// Looks at the chain once: starts to run what stands, goes on with what it challenged.
    async fn look(&mut self) -> Result<()> {
        let shared = self.shared.clone();
        let client = &shared.client;
        let markets = self.markets().await?;
        let now = Now::read(client).await?;
        let mut standing = HashSet::new();
        for (market_at, market, ledger) in &markets {
            let locked = self.follow(market_at, market).await?;
            let mut short = None;
            let found = client
                .get_program_accounts::<Job>(&[
                    filter!(Job, state, JobState::Attested as u8),
                    filter!(Job, market, *market_at),
                ])
                .await?;
            for (at, job) in found {
                let number = draw(&self.salt, &at, job.attempt);
                if !is_open(&job, market, &now) || !is_watched(&job, market, &shared.policy, number)
                {
                    continue;
                }
                let key = (at, job.attempt, job.is_checked());
                standing.insert(key);
                let rests = self
                    .resting
                    .get(&key)
                    .is_some_and(|(until, _)| until.is_none_or(|then| Instant::now() < then));
                if rests || self.running.contains_key(&key) {
                    continue;
                }
                // who could not challenge it has no use for what it comes to
                let bond = bond(&job, market).unwrap_or(u64::MAX);
                if let Err(why) = room(bond, locked, shared.policy.budget, ledger.available) {
                    short = Some(why);
                    continue;
                }
                let task = Task {
                    shared: shared.clone(),
                    at,
                    job,
                    market: *market,
                };
                let handle = self.tasks.spawn(async move { (key, task.watch().await) });
                self.running.insert(key, handle);
            }
            self.leave_out(market_at, short);
        }
        let known = self.running.keys().chain(self.resting.keys());
        let left_out: Vec<Key> = known
            .filter(|key| !standing.contains(*key))
            .copied()
            .collect();
        let found = jobs_at(client, left_out.iter().map(|key| key.0).collect()).await?;
        let stays = |key: &Key| {
            let Some(job) = found.get(&key.0) else {
                return false;
            };
            let known = markets.iter().find(|(at, _, _)| *at == job.market);
            still_stands(job, key, now.slot)
                && known.is_none_or(|(_, market, _)| is_open(job, market, &now))
        };
        standing.extend(left_out.into_iter().filter(stays));
        self.running.retain(|key, handle| {
            let stays = standing.contains(key);
            if !stays {
                handle.abort();
            }
            stays
        });
        self.resting.retain(|key, _| standing.contains(key));
        Ok(())
    }

    /// The markets that are watched, with the wallet's ledger in each: without one, nothing can be challenged there, and
    /// whoever opens a market could keep this machine busy.
    async fn markets(&mut self) -> Result<Vec<(Address, Market, Ledger)>> {
        let shared = self.shared.clone();
        let wallet = shared.wallet.pubkey();
        let ledgers = shared
            .client
            .get_program_accounts::<Ledger>(&[filter!(Ledger, party, wallet)])
            .await?;
        let mut ledgers: HashMap<Address, Ledger> = ledgers
            .into_iter()
            .map(|(_, ledger)| (ledger.market, ledger))
            .collect();
        let named = match self.only.as_slice() {
            [] => ledgers.keys().copied().collect(),
            only => only.to_vec(),
        };
        let found = shared.client.get_accounts::<Market>(&named).await?;
        let mut watched = Vec::new();
        for (at, market) in named.into_iter().zip(found) {
            let Some(market) = market else { continue };
            if market.mint != self.mint {
                let why = "it is paid in another token than the budget: start a watcher for each";
                self.leave_out(&at, Some(why.into()));
            } else if let Some(ledger) = ledgers.remove(&at) {
                watched.push((at, market, ledger));
            } else {
                let why = "the wallet has no account there: open one with `lode account open`";
                self.leave_out(&at, Some(why.into()));
            }
        }
        Ok(watched)
    }

    /// Says once that results of a market are not run, and why.
    fn leave_out(&mut self, market: &Address, why: Option<String>) {
        match why {
            Some(reason) if self.left_out.insert(*market) => {
                tracing::warn!(%market, %reason, "results that could not be challenged are not run");
            }
            Some(_) => {}
            None => {
                self.left_out.remove(market);
            }
        }
    }

    /// Turns what is due of this wallet's challenges in a market, and tells how they ended. What their bonds lock.
    async fn follow(&mut self, market_at: &Address, market: &Market) -> Result<u64> {
        let shared = self.shared.clone();
        let wallet = shared.wallet.pubkey();
        let ledger = addresses::jobs::ledger(market_at, &wallet);
        let (mine, sum) = shared.contested(market_at, market, &ledger).await?;
        let metrics = &shared.telemetry.metrics;
        metrics
            .gauge_with(
                "lode_watch_bonds",
                "Base units locked by bonds",
                &[("market", &market_at.to_string())],
            )
            .set(sum as f64);
        for (at, job) in &mine {
            let Some(end) = ending(job, &ledger) else {
                continue;
            };
            if shared.journal.tell(at, job.attempt)? {
                tracing::info!(job = %at, attempt = job.attempt, outcome = end.name(), "a challenge ended");
                metrics
                    .counter_with(
                        "lode_watch_ended_total",
                        "How challenges ended",
                        &[("outcome", end.name())],
                    )
                    .inc();
            }
        }
        if !mine.is_empty() {
            // What signatures under a match cannot be brought without.
            let receipt = |(at, job): &(Address, Job)| {
                let found = shared.journal.entry(at, job.attempt).ok().flatten()?;
                Some((*at, job.attempt, found.result, found.units))
            };
            let running = mine.iter().filter(|(_, job)| !job.is_final());
            let known = running.filter_map(receipt).collect();
            if !self.turner.turn(mine, known) {
                tracing::debug!("the wallet's challenges are still being turned");
            }
            let balance = self.turner.balance();
            let health = &shared.telemetry.health;
            if balance > self.floor {
                health.well("wallet", LONG);
            } else {
                let wallet = wallet.to_string();
                health.ill("wallet", format!("{wallet} holds {balance} lamports, no more than its floor: its challenges cannot go on"));
            }
        }
        Ok(sum)
    }

    /// Notes how a task ended.
    async fn note(&mut self, ended: Ended) {
        let (key, result) = match ended {
            Ok(ended) => ended,
            Err(error) if error.is_cancelled() => return,
            Err(error) => {
                tracing::error!(%error, "a task broke");
                self.running.retain(|_, handle| !handle.is_finished());
                return;
            }
        };
        self.running.remove(&key);
        let (job, attempt, checked) = key;
        let failures = self.resting.get(&key).map_or(0, |(_, failures)| *failures);
        let (what, rest) = match result {
            Ok(Done::Left(what)) => (what, Some((None, 0))),
            Ok(Done::Contested) => {
                tracing::warn!(%job, attempt, checked, "challenged");
                self.shared.telemetry.health.well("bonds", LONG);
                ("contested", Some((None, 0)))
            }
            Ok(Done::Beyond(reason)) => {
                tracing::warn!(%job, attempt, checked, %reason, "wrong, but not challenged");
                self.shared.telemetry.health.ill("bonds", reason);
                let then = Instant::now() + WAITING_PAUSE;
                ("beyond_budget", Some((Some(then), 0)))
            }
            Ok(Done::Waiting) => {
                let then = Instant::now() + WAITING_PAUSE;
                ("waiting", Some((Some(then), 0)))
            }
            Ok(Done::Late) => ("late", None),
            Err(error) => {
                tracing::warn!(%job, attempt, %error, "trying again");
                let failures = failures.saturating_add(1);
                let then = Instant::now() + pause_after(failures);
                ("failed", Some((Some(then), failures)))
            }
        };
        self.shared
            .telemetry
            .metrics
            .counter_with(
                "lode_watch_checked_total",
                "What became of results that were looked at",
                &[("outcome", what)],
            )
            .inc();
        if let Some(rest) = rest {
            self.resting.insert(key, rest);
        }
        if let Err(error) = self.shared.cache.trim(self.cache_bytes).await {
            tracing::warn!(%error, "the cache stays as large as it is");
        }
    }
}

/// What looking at a standing verdict came to.
enum Examined {
    /// What this machine found, and the job as it stood before.
    Found(Box<Job>, Finding),
    /// Its blobs still come.
    Coming,
    /// When its turn came, its time was over.
    Late,
}

/// One standing verdict.
struct Task {
    shared: Arc<Shared>,
    at: Address,
    job: Job,
    market: Market,
}

impl Task {
    async fn watch(&self) -> Result<Done> {
        let shared = &self.shared;
        let store = shared.gateways.of(&self.market.store_url)?;
        // What was found before this agent was started counts as a run.
        let mut before = None;
        if let Some(entry) = shared.journal.entry(&self.at, self.job.attempt)? {
            let (hash, units) = (entry.result, entry.units);
            let found = Finding::Receipt { hash, units };
            if self.stand(&self.job, &found) != Stand::Contest {
                return Ok(Done::Left("right"));
            }
            before = Some(Some((hash, units)));
        }
        // Twice before money is put on it: a machine that errs once seldom errs the same way again.
        loop {
            let (job, finding) = match self.examine(&store).await? {
                Examined::Found(job, finding) => (job, finding),
                Examined::Coming => return Ok(Done::Waiting),
                Examined::Late => return Ok(Done::Late),
            };
            let stand = self.stand(&job, &finding);
            tracing::info!(job = %self.at, attempt = job.attempt, ?finding, ?stand, "looked at");
            let found = match &finding {
                Finding::Receipt { hash, units } => Some((*hash, *units)),
                _ => None,
            };
            if before.is_some_and(|before| before != found) {
                return Ok(Done::Left("unreliable"));
            }
            match (stand, &finding) {
                (Stand::Again, _) => return Ok(Done::Waiting),
                (Stand::Leave, Finding::HostEnd(_) | Finding::TooDeep) => {
                    return Ok(Done::Left("no_result"))
                }
                (Stand::Leave, _) => {
                    self.write_down(found).await?;
                    return Ok(Done::Left("right"));
                }
                (Stand::Contest, _) if before.is_some() => {
                    self.write_down(found).await?;
                    return self.contest().await;
                }
                (Stand::Contest, _) => before = Some(found),
            }
        }
    }

    fn stand(&self, job: &Job, finding: &Finding) -> Stand {
        stand(&self.at, job, &self.market, finding, &self.shared.policy)
    }

    /// Keeps the receipt for whoever is started after this agent.
    async fn write_down(&self, found: Option<Receipt>) -> Result<()> {
        let Some((result, units)) = found else {
            return Ok(());
        };
        let entry = Entry {
            job: self.at,
            attempt: self.job.attempt,
            verdict: Verdict::Match,
            result,
            units,
        };
        let journal = self.shared.journal.clone();
        tokio::task::spawn_blocking(move || journal.decide(&entry))
            .await
            .map_err(|error| Error::Runtime(error.to_string()))?
    }

    /// What running it comes to, and the job as it stood before.
    async fn examine(&self, store: &GatewayClient) -> Result<Examined> {
        let (shared, market) = (&self.shared, &self.market);
        let (fetches, deadline) = (&shared.fetches, self.job.deadline);
        let turn = fetches.enter(self.job.market, deadline).await;
        let fetched = execution::fetch(&self.job, market, store, &shared.cache, None);
        let prepared = match fetched.await? {
            Fetched::Ready(prepared) => prepared,
            Fetched::Found(finding) => return Ok(Examined::Found(Box::new(self.job), finding)),
            // slow is not missing: no money is put on it
            Fetched::Coming => return Ok(Examined::Coming),
        };
        let permit = shared.gate.enter(deadline, prepared.memory_mib()).await;
        drop(turn);
        let Some(job) = self.still().await? else {
            return Ok(Examined::Late);
        };
        let limit = job.units_limit;
        let (finding, _) = execution::run(*prepared, limit, market, &shared.cache, permit).await?;
        Ok(Examined::Found(Box::new(job), finding))
    }

    /// The job, if its verdict may still be contested.
    async fn still(&self) -> Result<Option<Job>> {
        let client = &self.shared.client;
        let job = client.try_account::<Job>(&self.at).await?;
        let now = Now::read(client).await?;
        Ok(job.filter(|job| {
            job.attempt == self.job.attempt
                && job.is_checked() == self.job.is_checked()
                && is_open(job, &self.market, &now)
        }))
    }

    /// Locks the bond, if policy and ledger have room for it.
    async fn contest(&self) -> Result<Done> {
        let shared = &self.shared;
        let client = &shared.client;
        let mut bonds = shared.bonds.lock().await;
        let Some(job) = self.still().await? else {
            return Ok(Done::Late);
        };
        let bond = bond(&job, &self.market).unwrap_or(u64::MAX);
        let locked = bonds.get(&job.market).copied().unwrap_or_default();
        let wallet = shared.wallet.pubkey();
        let ledger_at = addresses::jobs::ledger(&job.market, &wallet);
        let available = client
            .try_account::<Ledger>(&ledger_at)
            .await?
            .map_or(0, |ledger| ledger.available);
        if let Err(reason) = room(bond, locked, shared.policy.budget, available) {
            return Ok(Done::Beyond(reason));
        }
        let challenge = jobs::challenge_job(&wallet, &self.at, &job);
        // also where no answer comes: it may land all the same, and the next look at the chain tells
        bonds.insert(job.market, locked.saturating_add(bond));
        client.send(&[challenge], &*shared.wallet, &[]).await?;
        Ok(Done::Contested)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use axum::routing::post;
    use axum::{Json, Router};
    use bytemuck::Zeroable;
    use lode_attestation::commitment;
    use serde_json::{json, Value};
    use std::sync::atomic::{AtomicU16, Ordering};

    const AT: Address = Address::new_from_array([1; 32]);
    const NODE: Address = Address::new_from_array([2; 32]);
    const LEDGER: Address = Address::new_from_array([3; 32]);
    const TRUE: [u8; 32] = [7; 32];
    const FALSE: [u8; 32] = [8; 32];

    fn market() -> Market {
        let mut market = Market::zeroed();
        market.k = 3;
        market.surcharge_bps = 10_000;
        market.challenge_window = 100;
        market.final_below = 10;
        market
    }

    /// An unchecked match that was revealed, and whose escrow is 2 x 1 000 base units.
    fn job() -> Job {
        let mut job = Job::zeroed();
        job.state = JobState::Attested as u8;
        job.verdict = Verdict::Match as u8;
        job.flags = flag::REVEALED;
        job.node = NODE;
        job.result = TRUE;
        job.units = 5;
        job.units_limit = 1_000_000;
        job.price = 1_000;
        job.eligible = 0b1_1111;
        job.drawn = 0b111;
        job.deadline = 1_000;
        job
    }

    /// A mismatch that a panel of three said, and whose commitment is to `TRUE`.
    fn checked() -> Job {
        let mut job = job();
        job.flags = 0;
        job.verdict = Verdict::Mismatch as u8;
        job.panel = job.drawn;
        job.result = commitment(&TRUE, 5, &AT, 0, &NODE);
        job
    }

    fn receipt(hash: [u8; 32]) -> Finding {
        Finding::Receipt { hash, units: 5 }
    }

    fn stands(job: &Job, finding: &Finding) -> Stand {
        stand(&AT, job, &market(), finding, &WatchPolicy::default())
    }

    #[test]
    fn a_lie_is_contested_and_nothing_else() {
        assert_eq!(stands(&job(), &receipt(TRUE)), Stand::Leave);
        assert_eq!(stands(&job(), &receipt(FALSE)), Stand::Contest);
        let none = Finding::NoReceipt("no spec".into());
        assert_eq!(stands(&job(), &none), Stand::Contest);
        let mut more = job();
        more.units = 6;
        assert_eq!(stands(&more, &receipt(TRUE)), Stand::Contest);
        // a panel that condemned an honest node
        assert_eq!(stands(&checked(), &receipt(TRUE)), Stand::Contest);
        assert_eq!(stands(&checked(), &receipt(FALSE)), Stand::Leave);
        let mut unrunnable = checked();
        unrunnable.verdict = Verdict::Unrunnable as u8;
        assert_eq!(stands(&unrunnable, &receipt(TRUE)), Stand::Leave);
    }

    #[test]
    fn a_machines_own_end_contests_nothing_and_a_missing_blob_only_where_it_was_told_to() {
        let (end, missing) = (
            Finding::HostEnd("memory".into()),
            Finding::Missing("module".into()),
        );
        let told = WatchPolicy {
            missing: true,
            ..WatchPolicy::default()
        };
        let says = |job: &Job, finding: &Finding, policy: &WatchPolicy| {
            stand(&AT, job, &market(), finding, policy)
        };
        for policy in [WatchPolicy::default(), told] {
            assert_eq!(says(&job(), &end, &policy), Stand::Leave);
        }
        assert_eq!(stands(&job(), &missing), Stand::Again);
        assert_eq!(says(&job(), &missing, &told), Stand::Contest);
        assert_eq!(says(&checked(), &missing, &told), Stand::Again);
    }

    #[test]
    fn only_what_may_still_be_contested_is_open() {
        let at = |job: &Job, slot, last_restart| {
            let now = Now { slot, last_restart };
            is_open(job, &market(), &now)
        };
        let open = |job: &Job, slot| at(job, slot, 0);
        assert!(open(&job(), 999));
        assert!(!open(&job(), 1_000));
        // a restart within its window gives as much time as it gives whoever is to answer
        let begun = 1_000 - job().challenge_window(&market()).unwrap();
        assert!(at(&job(), 1_000, 999) && at(&job(), 1_000, begun + 1));
        assert!(!at(&job(), 1_000, begun));
        let not = |change: fn(&mut Job)| {
            let mut job = job();
            change(&mut job);
            !open(&job, 0)
        };
        assert!(not(|job| job.flags |= flag::FINAL));
        assert!(not(|job| job.state = JobState::Sealed as u8));
        assert!(not(|job| job.eligible = 0));
        // a match on a small escrow has no challenge window
        assert!(not(|job| job.price = 1));
    }

    #[test]
    fn a_policy_chooses_by_escrow_share_and_kind() {
        let all = WatchPolicy::default();
        let watched =
            |job: &Job, policy: &WatchPolicy, draw| is_watched(job, &market(), policy, draw);
        assert!(watched(&job(), &all, 9_999));
        assert!(watched(&checked(), &all, 0));
        let some = WatchPolicy {
            fraction_bps: 2_500,
            least_escrow: 2_000,
            appeals: false,
            ..all
        };
        assert!(watched(&job(), &some, 2_499));
        assert!(!watched(&job(), &some, 2_500));
        assert!(!watched(&checked(), &some, 0));
        let dearer = WatchPolicy {
            least_escrow: 2_001,
            ..all
        };
        assert!(!watched(&job(), &dearer, 0));
        let mut unrunnable = checked();
        unrunnable.verdict = Verdict::Unrunnable as u8;
        assert!(!watched(&unrunnable, &all, 0));
    }

    #[test]
    fn bonds_are_what_the_chain_locks_and_count_until_the_job_is_over() {
        assert_eq!(bond(&job(), &market()), Some(3_000));
        assert_eq!(bond(&checked(), &market()), Some(5_000));
        let mut mine = checked();
        assert_eq!(locked(&mine, &market(), &LEDGER), 0);
        mine.challenger = LEDGER;
        assert_eq!(locked(&mine, &market(), &LEDGER), 3_000);
        mine.appellant = LEDGER;
        assert_eq!(locked(&mine, &market(), &LEDGER), 8_000);
        mine.state = JobState::Failed as u8;
        assert_eq!(locked(&mine, &market(), &LEDGER), 0);
    }

    #[test]
    fn a_bond_is_locked_only_within_the_budget_and_of_money_that_is_there() {
        assert_eq!(room(3, 7, 10, 3), Ok(()));
        assert!(room(3, 8, 10, 3).unwrap_err().contains("--budget"));
        assert!(room(u64::MAX, 1, 10, 3).unwrap_err().contains("--budget"));
        assert!(room(3, 7, 10, 2).unwrap_err().contains("deposit"));
    }

    #[tokio::test]
    async fn what_bonds_lock_is_read_after_a_challenge_that_is_being_sent() {
        let asked = Arc::new(AtomicU16::new(0));
        let count = asked.clone();
        let answer = move |Json(request): Json<Value>| {
            count.fetch_add(1, Ordering::Relaxed);
            let answer = json!({"jsonrpc": "2.0", "id": request["id"], "result": []});
            async move { Json(answer) }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/", post(answer));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let folder = tempfile::tempdir().unwrap();
        let shared = Arc::new(Shared {
            client: Client::new(url),
            wallet: Arc::new(Keypair::new()),
            cache: BlobCache::open(folder.path().join("blobs")).unwrap(),
            journal: Arc::new(Journal::open(&folder.path().join("journal")).unwrap()),
            gateways: Gateways::default(),
            fetches: Fetches::default(),
            gate: Gate::new(1, 1),
            policy: WatchPolicy::default(),
            telemetry: Telemetry::default(),
            bonds: Mutex::default(),
        });
        let sending = shared.bonds.lock().await;
        let looking = shared.clone();
        let looking =
            tokio::spawn(async move { looking.contested(&NODE, &market(), &LEDGER).await });
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(asked.load(Ordering::Relaxed), 0);
        drop(sending);
        let (mine, sum) = looking.await.unwrap().unwrap();
        assert!(mine.is_empty() && sum == 0);
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_challenge_ends_as_the_final_verdict_says() {
        let mut mine = checked();
        mine.challenger = LEDGER;
        assert_eq!(ending(&mine, &LEDGER), None);
        mine.state = JobState::Failed as u8;
        assert_eq!(ending(&mine, &LEDGER), Some(Ending::Won));
        assert_eq!(ending(&mine, &NODE), None);
        mine.verdict = Verdict::Match as u8;
        mine.state = JobState::Settled as u8;
        assert_eq!(ending(&mine, &LEDGER), Some(Ending::Lost));
        mine.state = JobState::Voided as u8;
        assert_eq!(ending(&mine, &LEDGER), Some(Ending::Returned));
        // an appeal comes after: a majority of all said otherwise
        mine.state = JobState::Settled as u8;
        mine.appellant = LEDGER;
        mine.first_verdict = Verdict::Mismatch as u8;
        mine.signed_match = 0b111;
        assert_eq!(ending(&mine, &LEDGER), Some(Ending::Won));
        mine.first_verdict = Verdict::Match as u8;
        assert_eq!(ending(&mine, &LEDGER), Some(Ending::Lost));
        mine.signed_match = 0b11;
        assert_eq!(ending(&mine, &LEDGER), Some(Ending::Returned));
    }

    #[test]
    fn which_results_are_looked_at_is_a_secret_that_outlives_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("salt");
        let first = salt(&path).unwrap();
        assert_eq!(salt(&path).unwrap(), first);
        let numbers: Vec<u16> = (0..200).map(|i| draw(&first, &AT, i)).collect();
        let below = numbers.iter().filter(|n| **n < 5_000).count();
        assert!((50..150).contains(&below), "{below}");
        assert!(numbers.iter().all(|n| *n < 10_000));
        let other: Vec<u16> = (0..200).map(|i| draw(&[9; 32], &AT, i)).collect();
        assert_ne!(numbers, other);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_the_secret_and_one_that_could_be_read_is_replaced() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("salt");
        let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let first = salt(&path).unwrap();
        assert_eq!(mode(), 0o600);
        let open = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(&path, open).unwrap();
        assert_ne!(salt(&path).unwrap(), first);
        assert_eq!(mode(), 0o600);
    }
}

//! The loop that finds work.

use crate::cache::Cache;
use crate::decision::{fits, next_step, Step, Terms};
use crate::task::{Done, Shared, Task, Work};
use crate::{Error, Result};
use lode_client::{addresses, filter, Client};
use lode_jobs::state::{Job, JobState, JobsConfig, Ledger, Market};
use lode_staking::state::{Node, StakingConfig};
use lode_store::BlobCache;
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{watch, Semaphore};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

/// First and longest pause after a failure.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What an agent is told.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// The node.
    pub node: Address,
    /// Its worker: signs, and pays fees.
    pub worker: Arc<Keypair>,
    /// Folder of its own for results and blobs.
    pub state_dir: PathBuf,
    /// Time between two looks at the chain.
    pub poll: Duration,
    /// Jobs that run at the same time.
    pub parallel: usize,
    /// Most memory of one job, MiB.
    pub memory_mib: u64,
    /// Least price that it takes, base units per million units.
    pub min_price: u64,
    /// Most bytes of blobs that stay on disk.
    pub cache_bytes: u64,
}

/// Serves until `shutdown` says true, or its sender is gone. Loses nothing when the chain or a store is away for a
/// while, or when it is killed: it goes on from what the chain says. Ends with an error only for what a person must
/// mend. A job that runs when it stops is run again at the next start.
///
/// Jobs run in processes of the calling program: its `main` must begin with `lode_runtime::child::maybe_run_child()`.
pub async fn run(
    config: AgentConfig,
    client: Client,
    mut shutdown: watch::Receiver<bool>,
) -> Result<()> {
    let cache = Cache::open(&config.state_dir.join("results"))?;
    let blobs = BlobCache::open(config.state_dir.join("blobs"))?;
    let parallel = config.parallel.max(1);
    let mut agent = Agent {
        shared: Arc::new(Shared {
            client,
            node: config.node,
            worker: config.worker,
            memory_mib: config.memory_mib,
            cache: Arc::new(cache),
            blobs,
            runs: Arc::new(Semaphore::new(parallel)),
        }),
        terms: Terms {
            node: config.node,
            min_price: config.min_price,
        },
        parallel,
        cache_bytes: config.cache_bytes,
        markets: HashMap::new(),
        running: HashMap::new(),
        resting: HashMap::new(),
        tasks: JoinSet::new(),
        seen: false,
    };
    let mut failures = 0;
    loop {
        let looked = tokio::select! {
            looked = agent.look() => looked,
            () = stopped(&mut shutdown) => return agent.stop().await,
        };
        let pause = match looked {
            Ok(()) => {
                failures = 0;
                config.poll
            }
            Err(error @ (Error::NotWorker { .. } | Error::NoNode(_))) => {
                agent.stop().await?;
                return Err(error);
            }
            Err(error) => {
                tracing::warn!(%error, "the chain cannot be read; trying again");
                failures += 1;
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

async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // an error means that nobody is left who could say it
    let _ = shutdown.wait_for(|stop| *stop).await;
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
}

/// An attempt whose last step failed: that step is tried again then, or never.
struct Rest {
    work: Work,
    until: Option<Instant>,
    failures: u32,
}

struct Agent {
    shared: Arc<Shared>,
    terms: Terms,
    parallel: usize,
    cache_bytes: u64,
    /// Terms of a market hold for ever: read once.
    markets: HashMap<Address, Market>,
    running: HashMap<Key, Running>,
    resting: HashMap<Key, Rest>,
    tasks: JoinSet<(Key, Work, Result<Done>)>,
    seen: bool,
}

impl Agent {
    async fn stop(&mut self) -> Result<()> {
        self.tasks.shutdown().await;
        tracing::info!("stopped");
        Ok(())
    }

    /// Looks at the chain once and starts what is due.
    async fn look(&mut self) -> Result<()> {
        let shared = self.shared.clone();
        let client = &shared.client;
        let node: Option<Node> = client.try_account(&shared.node).await?;
        let node = node.ok_or(Error::NoNode(shared.node))?;
        let worker = shared.worker.pubkey();
        if node.worker != worker {
            return Err(Error::NotWorker {
                node: shared.node,
                expected: node.worker,
                worker,
            });
        }
        let clock = client.clock().await?;
        let ledgers = client
            .get_program_accounts::<Ledger>(&[filter!(Ledger, party, shared.node)])
            .await?;
        self.learn_markets(&ledgers).await?;
        let mine = client
            .get_program_accounts::<Job>(&[filter!(Job, node, shared.node)])
            .await?;
        if !self.seen {
            self.seen = true;
            tracing::info!(node = %shared.node, %worker, markets = ledgers.len(), jobs = mine.len(), "serving");
            if ledgers.is_empty() {
                tracing::warn!("the node has no ledger: its owner opens one in each market that it is to serve");
            }
        }
        let mut alive = HashSet::new();
        let mut accepted = 0;
        for (at, job) in &mine {
            if job.state == JobState::Open as u8 {
                continue;
            }
            alive.insert((*at, job.attempt));
            accepted += usize::from(job.state == JobState::Accepted as u8);
            let known = shared.cache.computed(at, job.attempt)?.is_some();
            let step = next_step(job, known, clock.slot);
            if step != Step::Wait {
                self.start(*at, *job, Work::Next(step), 0);
            }
        }
        if self.may_accept(&node, clock.unix_timestamp).await? {
            self.offers(&ledgers, accepted, clock.slot, &mut alive)
                .await?;
        }
        self.resting.retain(|key, _| alive.contains(key));
        Ok(())
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
                self.markets.insert(at, market);
            }
        }
        Ok(())
    }

    /// The chain takes this node's accepts at all.
    async fn may_accept(&self, node: &Node, now: i64) -> Result<bool> {
        if node.is_jailed() || node.is_exiting() {
            return Ok(false);
        }
        let client = &self.shared.client;
        let staking: StakingConfig = client.get_account(&addresses::staking::config()).await?;
        let jobs: JobsConfig = client.get_account(&addresses::jobs::config()).await?;
        Ok(node.skin_is_in(&staking).unwrap_or(false) && now >= jobs.paused_until)
    }

    /// Starts to accept what fits, the best price first.
    async fn offers(
        &mut self,
        ledgers: &[(Address, Ledger)],
        accepted: usize,
        slot: u64,
        alive: &mut HashSet<Key>,
    ) -> Result<()> {
        let shared = self.shared.clone();
        for (_, ledger) in ledgers {
            let Some(market) = self.markets.get(&ledger.market).copied() else {
                continue;
            };
            let mut open = shared
                .client
                .get_program_accounts::<Job>(&[
                    filter!(Job, state, JobState::Open as u8),
                    filter!(Job, market, ledger.market),
                ])
                .await?;
            open.sort_unstable_by_key(|(at, job)| (std::cmp::Reverse(job.price), *at));
            for (at, job) in open {
                let key = (at, job.attempt);
                alive.insert(key);
                if self.running.contains_key(&key) || shared.cache.refuses(&job.spec) {
                    continue;
                }
                let taking = self.running.values().filter(|r| r.work == Work::Accept);
                if accepted + taking.count() >= self.parallel {
                    continue;
                }
                let reserved = self
                    .running
                    .values()
                    .filter(|r| r.market == ledger.market)
                    .fold(0u64, |sum, r| sum.saturating_add(r.reserved));
                let offer = fits(&self.terms, &at, &job, &market, ledger, reserved, slot);
                if let Some(offer) = offer {
                    self.start(at, job, Work::Accept, offer.collateral);
                }
            }
        }
        Ok(())
    }

    /// Starts a step, unless the attempt has one already or rests.
    fn start(&mut self, at: Address, job: Job, work: Work, reserved: u64) {
        let key = (at, job.attempt);
        let rests = self.resting.get(&key).is_some_and(|rest| {
            rest.work == work && rest.until.is_none_or(|then| Instant::now() < then)
        });
        if rests || self.running.contains_key(&key) {
            return;
        }
        let Some(market) = self.markets.get(&job.market).copied() else {
            tracing::debug!(job = %at, market = %job.market, "the node has no ledger in this market");
            return;
        };
        let task = Task {
            shared: self.shared.clone(),
            at,
            job,
            market,
            work,
        };
        let handle = self
            .tasks
            .spawn(async move { (key, work, task.act().await) });
        let running = Running {
            handle,
            work,
            market: job.market,
            reserved,
        };
        self.running.insert(key, running);
    }

    /// Notes how a task ended.
    async fn note(&mut self, ended: Ended) {
        let (key, work, result) = match ended {
            Ok(ended) => ended,
            Err(error) if error.is_cancelled() => return,
            Err(error) => {
                // whose task it was is not told: all that no longer run are started anew by the next look
                tracing::error!(%error, "a task broke");
                self.running.retain(|_, r| !r.handle.is_finished());
                return;
            }
        };
        self.running.remove(&key);
        let failures = self.resting.remove(&key).map_or(0, |rest| rest.failures) + 1;
        let (job, attempt) = key;
        let rest = match result {
            Ok(Done::Did | Done::NotYet) => None,
            Err(Error::Unfit(reason)) => {
                tracing::info!(%job, attempt, %reason, "left alone");
                Some(None)
            }
            Err(error) => {
                tracing::warn!(%job, attempt, ?work, %error, "trying again");
                Some(Some(Instant::now() + pause_after(failures)))
            }
        };
        if let Some(until) = rest {
            let rest = Rest {
                work,
                until,
                failures,
            };
            self.resting.insert(key, rest);
        }
        if self.running.is_empty() {
            if let Err(error) = self.shared.blobs.trim(self.cache_bytes).await {
                tracing::warn!(%error, "the cache stays as large as it is");
            }
        }
    }
}

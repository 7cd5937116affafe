//! The loop that finds work.

use crate::decision::{is_due, my_seat};
use crate::journal::Journal;
use crate::task::{Done, Shared, Task};
use crate::{Error, Result};
use lode_attestation::Verdict;
use lode_client::{filter, Client};
use lode_jobs::state::{Job, JobState, Market};
use lode_oracle::state::Committee;
use lode_store::BlobCache;
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often new markets of the committee are looked for.
const MARKETS_EVERY: Duration = Duration::from_secs(10);
/// First and longest pause after a failure.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Time between two looks for what is missing in a store.
const WAITING_PAUSE: Duration = Duration::from_secs(3);

/// What an agent is told.
pub struct Config {
    /// The chain.
    pub client: Client,
    /// The seat's hot key.
    pub attester: Keypair,
    /// The committee.
    pub committee: Address,
    /// Folder of its own for journal and blobs.
    pub folder: PathBuf,
    /// Time between two looks at the chain.
    pub poll: Duration,
    /// Jobs that run at the same time; each may take as much memory as its spec says.
    pub parallel: usize,
    /// Most bytes of blobs that stay on disk.
    pub cache_bytes: u64,
}

/// The agent.
pub struct OracleAgent;

/// An attempt of a job.
type Key = (Address, u8);

/// What is known of an attempt that does not run now.
enum Rest {
    /// Try again then, after so many failures.
    Until(Instant, u32),
    /// There is nothing to do.
    Over,
}

impl OracleAgent {
    /// Serves until `shutdown` is cancelled. Loses nothing when the chain or a store is away for a while: it goes on
    /// when they are back. Ends with an error only for what a person must mend.
    pub async fn run(config: Config, shutdown: CancellationToken) -> Result<()> {
        let journal = Journal::open(&config.folder.join("journal"))?;
        let cache = BlobCache::open(config.folder.join("blobs"))?;
        let mut watch = Watch {
            shared: Arc::new(Shared {
                client: config.client,
                attester: config.attester,
                committee: config.committee,
                journal: Arc::new(journal),
                cache,
                runs: Arc::new(Semaphore::new(config.parallel.max(1))),
            }),
            cache_bytes: config.cache_bytes,
            markets: Vec::new(),
            markets_at: None,
            running: HashMap::new(),
            resting: HashMap::new(),
            tasks: JoinSet::new(),
            has_seat: false,
        };
        let mut failures = 0;
        loop {
            let looked = tokio::select! {
                looked = watch.look() => looked,
                () = shutdown.cancelled() => return watch.stop().await,
            };
            let pause = match looked {
                Ok(()) => {
                    failures = 0;
                    config.poll
                }
                Err(error) if error.is_misplaced() && !watch.has_seat => return Err(error),
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
                    () = shutdown.cancelled() => return watch.stop().await,
                    () = &mut wake => break,
                    Some(ended) = watch.tasks.join_next() => watch.note(ended).await,
                }
            }
        }
    }
}

fn pause_after(failures: u32) -> Duration {
    FIRST_PAUSE
        .saturating_mul(1 << failures.saturating_sub(1).min(16))
        .min(LONGEST_PAUSE)
}

type Ended = std::result::Result<(Key, Result<Done>), tokio::task::JoinError>;

struct Watch {
    shared: Arc<Shared>,
    cache_bytes: u64,
    markets: Vec<(Address, Market)>,
    markets_at: Option<Instant>,
    running: HashMap<Key, AbortHandle>,
    resting: HashMap<Key, Rest>,
    tasks: JoinSet<(Key, Result<Done>)>,
    has_seat: bool,
}

impl Watch {
    /// Looks at the chain once: starts what is due, ends what is not.
    async fn look(&mut self) -> Result<()> {
        let shared = self.shared.clone();
        let client = &shared.client;
        let committee: Committee = client.get_account(&shared.committee).await?;
        let attester = shared.attester.pubkey();
        let sits = committee.seats.iter().any(|s| s.attester == attester);
        if !sits && !self.has_seat {
            return Err(Error::NoSeat {
                committee: shared.committee,
                attester,
            });
        }
        if self.has_seat && !sits {
            tracing::warn!(%attester, "no seat has this key any more");
        }
        if sits && !self.has_seat {
            tracing::info!(committee = %shared.committee, %attester, "serving");
        }
        self.has_seat = sits || self.has_seat;

        if self
            .markets_at
            .is_none_or(|at| at.elapsed() >= MARKETS_EVERY)
        {
            self.markets = client
                .get_program_accounts(&[filter!(Market, committee, shared.committee)])
                .await?;
            self.markets_at = Some(Instant::now());
        }
        let slot = client.slot().await?;
        let mut due = HashSet::new();
        for (market_at, market) in &self.markets {
            for state in [JobState::Sealed, JobState::Challenged] {
                let found = client
                    .get_program_accounts::<Job>(&[
                        filter!(Job, state, state as u8),
                        filter!(Job, market, *market_at),
                    ])
                    .await?;
                for (at, job) in found {
                    let Some(seat) = my_seat(&committee, &job, &attester) else {
                        continue;
                    };
                    if !is_due(&job, seat.seat, slot) {
                        continue;
                    }
                    let key = (at, job.attempt);
                    due.insert(key);
                    let rests = match self.resting.get(&key) {
                        Some(Rest::Until(then, _)) => Instant::now() < *then,
                        Some(Rest::Over) => true,
                        None => false,
                    };
                    if rests || self.running.contains_key(&key) {
                        continue;
                    }
                    let task = Task {
                        shared: shared.clone(),
                        at,
                        job,
                        market: *market,
                        seat,
                    };
                    let handle = self.tasks.spawn(async move { (key, task.serve().await) });
                    self.running.insert(key, handle);
                }
            }
        }
        self.running.retain(|key, handle| {
            let stays = due.contains(key);
            if !stays {
                tracing::debug!(job = %key.0, attempt = key.1, "decided without this seat");
                handle.abort();
            }
            stays
        });
        self.resting.retain(|key, _| due.contains(key));
        Ok(())
    }

    /// Ends all tasks. What they decided is in the journal, what they did not they will find again.
    async fn stop(mut self) -> Result<()> {
        self.tasks.shutdown().await;
        tracing::info!("stopped");
        Ok(())
    }

    /// Notes how a task ended.
    async fn note(&mut self, ended: Ended) {
        let (key, result) = match ended {
            Ok(ended) => ended,
            Err(error) if error.is_cancelled() => return,
            Err(error) => {
                // whose task it was is not told: all that no longer run are started anew by the next look
                tracing::error!(%error, "a task broke");
                self.running.retain(|_, handle| !handle.is_finished());
                return;
            }
        };
        self.running.remove(&key);
        let failures = match self.resting.get(&key) {
            Some(Rest::Until(_, failures)) => *failures,
            _ => 0,
        };
        let (job, attempt) = key;
        let rest = match result {
            // what was missing may still come, and then another verdict may follow
            Ok(Done::Attested(Verdict::Unrunnable) | Done::Waiting) => {
                Rest::Until(Instant::now() + WAITING_PAUSE, 0)
            }
            Ok(Done::Attested(_)) => Rest::Over,
            Ok(Done::Abstained) => {
                tracing::warn!(%job, attempt, "this machine cannot run the job: no verdict");
                Rest::Over
            }
            Err(error) if error.is_final() => {
                tracing::error!(%job, attempt, %error, "no verdict");
                Rest::Over
            }
            Err(error) => {
                tracing::warn!(%job, attempt, %error, "trying again");
                Rest::Until(Instant::now() + pause_after(failures + 1), failures + 1)
            }
        };
        self.resting.insert(key, rest);
        if self.running.is_empty() {
            if let Err(error) = self.shared.cache.trim(self.cache_bytes).await {
                tracing::warn!(%error, "the cache stays as large as it is");
            }
        }
    }
}

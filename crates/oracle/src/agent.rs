//! The loop that finds work.

use crate::decision::{brings, is_due, my_seats};
use crate::gate::{Fetches, Gate};
use crate::journal::Journal;
use crate::left_out::jobs_at;
use crate::news::{News, Seen};
use crate::pause::{pause_after, LONGEST_PAUSE, WAITING_PAUSE};
use crate::task::{Done, Shared, Task};
use crate::{Error, Result};
use lode_attestation::Verdict;
use lode_client::token::Threshold;
use lode_client::{filter, Client};
use lode_crank::{Crank, Duty, Policy, Turner};
use lode_jobs::state::{Job, JobState, Market};
use lode_notify::Notices;
use lode_oracle::state::Committee;
use lode_store::{BlobCache, Gateways};
use lode_telemetry::Telemetry;
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often new markets of the committee are looked for.
const MARKETS_EVERY: Duration = Duration::from_secs(10);
/// How often it is found out what the owner's hook is told of earnings and losses.
const NEWS_EVERY: Duration = Duration::from_secs(10);
/// Time between two trims of the cache while jobs run.
const TRIM_EVERY: Duration = Duration::from_secs(60);

/// How the agent sends transactions: to bring signatures that nobody else brings, and home what its seat earned.
#[derive(Clone, Debug)]
pub struct Paying {
    /// Pays the fees, and the rent of the seat's ledger where it has none yet. Gains nothing: credits are the owner's.
    pub payer: Arc<Keypair>,
    /// Credits are redeemed from so many tokens of their market on.
    pub least: Threshold,
    /// Lamports that the payer keeps.
    pub floor: u64,
    /// Time between two looks at what is over.
    pub collect_every: Duration,
}

/// What an agent is told.
pub struct Config {
    /// The chain.
    pub client: Client,
    /// Connections to the markets' stores, and mirrors of them.
    pub gateways: Gateways,
    /// The seat's hot key.
    pub attester: Keypair,
    /// The committee.
    pub committee: Address,
    /// Folder of its own for journal and blobs.
    pub folder: PathBuf,
    /// Time between two looks at the chain.
    pub poll: Duration,
    /// Jobs that run at the same time.
    pub parallel: usize,
    /// Memory that they take together, MiB. A job that needs more than all of it runs alone.
    pub memory_mib: u64,
    /// Most bytes of blobs that stay on disk.
    pub cache_bytes: u64,
    /// How it sends transactions; without it, it sends none: it counts as silent where it found a match that the node
    /// does not bring to the chain, and leaves collecting to its owner and to others.
    pub paying: Option<Paying>,
    /// Where it tells how it is, and what it counts.
    pub telemetry: Telemetry,
    /// What happens is told here.
    pub notices: Notices,
    /// Below so many lamports of the payer's it tells that they become scarce.
    pub low_lamports: u64,
}

impl Config {
    /// An agent that runs one job at a time in 2 GiB, keeps 4 GiB of blobs, looks every two seconds and sends no
    /// transaction.
    pub fn new(
        client: Client,
        gateways: Gateways,
        attester: Keypair,
        committee: Address,
        folder: PathBuf,
    ) -> Self {
        Self {
            client,
            gateways,
            attester,
            committee,
            folder,
            poll: Duration::from_secs(2),
            parallel: 1,
            memory_mib: 2_048,
            cache_bytes: 4 << 30,
            paying: None,
            telemetry: Telemetry::default(),
            notices: Notices::default(),
            low_lamports: 0,
        }
    }
}

impl Paying {
    /// What turns the jobs whose windows are about to end.
    fn bringer(&self, client: &Client, gateways: &Gateways, telemetry: &Telemetry) -> Turner {
        let policy = Policy {
            floor: self.floor,
            ..Policy::default()
        };
        let payer = self.payer.clone();
        let crank = Crank::new(client.clone(), payer, policy, telemetry.clone());
        Turner::start(crank.with_gateways(gateways.clone()))
    }
}

/// The agent.
pub struct OracleAgent;

/// An attempt of a job, and a seat that is asked.
pub(crate) type Key = (Address, u8, u8);

/// What is known of an attempt that does not run now.
#[derive(Clone, Copy)]
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
        let paying = config.paying.as_ref();
        let bringer = paying
            .map(|paying| paying.bringer(&config.client, &config.gateways, &config.telemetry));
        let news = News::new(config.notices, &config.folder, config.low_lamports);
        let mut watch = Watch {
            shared: Arc::new(Shared {
                news,
                client: config.client,
                attester: config.attester,
                committee: config.committee,
                journal: Arc::new(journal),
                cache,
                gateways: config.gateways,
                fetches: Fetches::default(),
                gate: Gate::new(config.parallel, config.memory_mib),
                telemetry: config.telemetry.clone(),
            }),
            memory_mib: config.memory_mib,
            bringer,
            paying: config.paying,
            collectors: HashSet::new(),
            telemetry: config.telemetry,
            stop: shutdown.clone(),
            trimmed: Instant::now(),
            cache_bytes: config.cache_bytes,
            markets: Vec::new(),
            markets_at: None,
            running: HashMap::new(),
            resting: HashMap::new(),
            tasks: JoinSet::new(),
            spread: JoinSet::new(),
            spread_at: None,
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
                    watch.tell(config.poll);
                    config.poll
                }
                Err(error) if error.is_misplaced() && !watch.has_seat => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "the chain cannot be read; trying again");
                    watch.shared.news.failed(&error);
                    watch.telemetry.health.ill("chain", error.to_string());
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

/// Whether a job still asks a seat about an attempt, whoever is said to sit there.
fn asks(job: &Job, (_, attempt, seat): &Key, slot: u64) -> bool {
    job.attempt == *attempt && job.panel >> seat & 1 == 1 && is_due(job, *seat, slot)
}

type Ended = std::result::Result<(Key, Result<Done>), tokio::task::JoinError>;

struct Watch {
    shared: Arc<Shared>,
    cache_bytes: u64,
    markets: Vec<(Address, Market)>,
    markets_at: Option<Instant>,
    running: HashMap<Key, Running>,
    /// With the deadline that it refers to: a window that was opened anew is a new question.
    resting: HashMap<Key, (u64, Rest)>,
    tasks: JoinSet<(Key, Result<Done>)>,
    /// Finds out what the owner's hook is told.
    spread: JoinSet<()>,
    spread_at: Option<Instant>,
    has_seat: bool,
    memory_mib: u64,
    paying: Option<Paying>,
    /// Brings signatures to the chain.
    bringer: Option<Turner>,
    /// Owners for whom somebody collects.
    collectors: HashSet<Address>,
    telemetry: Telemetry,
    stop: CancellationToken,
    trimmed: Instant,
}

struct Running {
    handle: AbortHandle,
    deadline: u64,
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
            let promised = u64::from(committee.most_memory_mib);
            if self.memory_mib < promised {
                tracing::warn!(declared = self.memory_mib, promised, "the committee promises more memory than this machine has declared: larger jobs run alone");
            }
        }
        self.collect_for(&committee);
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
        let mut last = Vec::new();
        for (market_at, market) in &self.markets {
            for state in [JobState::Sealed, JobState::Challenged] {
                let found = client
                    .get_program_accounts::<Job>(&[
                        filter!(Job, state, state as u8),
                        filter!(Job, market, *market_at),
                    ])
                    .await?;
                for (at, job) in found {
                    for seat in my_seats(&committee, &job, &attester) {
                        if !is_due(&job, seat.seat, slot) {
                            continue;
                        }
                        let key = (at, job.attempt, seat.seat);
                        due.insert(key);
                        shared.news.drawn(&shared.committee, key, &job);
                        if brings(&job, market, seat.seat, slot) {
                            last.push((at, job));
                        }
                        if self.rests(&key, job.deadline) || self.running.contains_key(&key) {
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
                        let deadline = job.deadline;
                        self.running.insert(key, Running { handle, deadline });
                    }
                }
            }
        }
        let known = self.running.keys().chain(self.resting.keys());
        let left_out: Vec<Key> = known.filter(|key| !due.contains(*key)).copied().collect();
        let now = jobs_at(client, left_out.iter().map(|key| key.0).collect()).await?;
        let asked = |key: &Key| now.get(&key.0).is_some_and(|job| asks(job, key, slot));
        due.extend(left_out.into_iter().filter(asked));
        self.running.retain(|key, running| {
            let stays = due.contains(key);
            if !stays {
                tracing::debug!(job = %key.0, attempt = key.1, "decided without this seat");
                running.handle.abort();
            }
            stays
        });
        self.resting.retain(|key, _| due.contains(key));
        shared.news.asked_no_more(&due);
        self.bring(&last);
        self.spread_news(&committee);
        Ok(())
    }

    /// Finds out now and then what else the owner's hook is told, beside the other work.
    fn spread_news(&mut self, committee: &Committee) {
        while self.spread.try_join_next().is_some() {}
        let lately = |at: Instant| at.elapsed() < NEWS_EVERY;
        let busy = !self.spread.is_empty() || self.spread_at.is_some_and(lately);
        if busy || !self.shared.news.is_heard() {
            return;
        }
        self.spread_at = Some(Instant::now());
        let attester = self.shared.attester.pubkey();
        let ours = committee.seats.iter().filter(|s| s.attester == attester);
        let seen = Seen {
            committee: self.shared.committee,
            bond_mint: committee.bond_mint,
            owners: ours.map(|seat| seat.owner).collect(),
            markets: self.markets.clone(),
            payer: self.paying.as_ref().map(|paying| paying.payer.pubkey()),
        };
        let shared = self.shared.clone();
        self.spread.spawn(async move {
            if let Err(error) = shared.news.spread(&shared.client, &seen).await {
                tracing::warn!(%error, "what an oracle earned or lost is not told yet");
            }
        });
    }

    /// Brings what was signed to the chain where nobody did until now: a seat whose signature lies in the store alone
    /// counts as silent. A match says what its receipt is only to who knows it, and that is this agent.
    fn bring(&self, jobs: &[(Address, Job)]) {
        let Some(bringer) = &self.bringer else {
            return;
        };
        let (mut signed, mut known) = (Vec::new(), Vec::new());
        for (at, job) in jobs {
            // What the journal cannot tell, no verdict was signed for.
            let Ok(Some(entry)) = self.shared.journal.entry(at, job.attempt) else {
                continue;
            };
            if entry.verdict == Verdict::Match {
                known.push((*at, job.attempt, entry.result, entry.units));
            }
            signed.push((*at, *job));
        }
        if !signed.is_empty() && !bringer.turn(signed, known) {
            tracing::debug!("signatures are still on their way to the chain");
        }
    }

    fn rests(&self, key: &Key, deadline: u64) -> bool {
        match self.resting.get(key) {
            Some((of, rest)) if *of == deadline => match rest {
                Rest::Until(then, _) => Instant::now() < *then,
                Rest::Over => true,
            },
            _ => false,
        }
    }

    /// Starts to collect for the owners of our seats, once for each.
    fn collect_for(&mut self, committee: &Committee) {
        let Some(paying) = self.paying.clone() else {
            return;
        };
        let attester = self.shared.attester.pubkey();
        let ours = committee.seats.iter().filter(|s| s.attester == attester);
        for owner in ours.map(|seat| seat.owner) {
            if !self.collectors.insert(owner) {
                continue;
            }
            let policy = Policy {
                duty: Duty::Collect(owner),
                least_sweep: paying.least.clone(),
                floor: paying.floor,
                poll: paying.collect_every,
                sweep_every: paying.collect_every,
                ..Policy::default()
            };
            let client = self.shared.client.clone();
            let payer = paying.payer.clone();
            let crank = Crank::new(client, payer, policy, self.telemetry.clone());
            let mut crank = crank.of_committee(self.shared.committee);
            let stop = self.stop.clone();
            tracing::info!(%owner, "collecting what the seat earns");
            tokio::spawn(async move { crank.run(stop).await });
        }
    }

    /// Tells that all is well, and how much there is to do.
    fn tell(&self, poll: Duration) {
        self.telemetry
            .health
            .well("chain", poll * 3 + LONGEST_PAUSE * 3);
        let (waiting, running) = self.shared.gate.load();
        let metrics = &self.telemetry.metrics;
        let gauges = [
            (
                "lode_oracle_jobs_due",
                "Jobs that ask this seat",
                self.running.len(),
            ),
            (
                "lode_oracle_runs_waiting",
                "Runs that wait for room",
                waiting,
            ),
            ("lode_oracle_runs", "Runs under way", running),
        ];
        for (name, help, value) in gauges {
            metrics.gauge(name, help).set(value as f64);
        }
    }

    fn count(&self, verdict: &str) {
        self.telemetry
            .metrics
            .counter_with(
                "lode_oracle_verdicts_total",
                "How checks ended",
                &[("verdict", verdict)],
            )
            .inc();
    }

    /// Ends all tasks. What they decided is in the journal, what they did not they will find again.
    async fn stop(mut self) -> Result<()> {
        self.tasks.shutdown().await;
        self.spread.shutdown().await;
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
                self.running
                    .retain(|_, running| !running.handle.is_finished());
                return;
            }
        };
        let deadline = self.running.remove(&key).map_or(0, |r| r.deadline);
        let failures = match self.resting.get(&key) {
            Some((of, Rest::Until(_, failures))) if *of == deadline => *failures,
            _ => 0,
        };
        let (job, attempt, _) = key;
        match &result {
            Ok(Done::Attested(Verdict::Match)) => self.count("match"),
            Ok(Done::Attested(Verdict::Mismatch)) => self.count("mismatch"),
            Ok(Done::Attested(Verdict::Unrunnable) | Done::TooDeep) => self.count("unrunnable"),
            Ok(Done::Abstained) => self.count("none"),
            _ => {}
        }
        let rest = match result {
            // the next look says what is asked instead
            Ok(Done::Unasked) => Rest::Until(Instant::now(), 0),
            // what was missing may still come, and then another verdict may follow
            Ok(Done::Attested(Verdict::Unrunnable) | Done::Waiting) => {
                Rest::Until(Instant::now() + WAITING_PAUSE, 0)
            }
            Ok(Done::Attested(_) | Done::TooDeep) => Rest::Over,
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
        self.resting.insert(key, (deadline, rest));
        if self.running.is_empty() || self.trimmed.elapsed() >= TRIM_EVERY {
            self.trimmed = Instant::now();
            if let Err(error) = self.shared.cache.trim(self.cache_bytes).await {
                tracing::warn!(%error, "the cache stays as large as it is");
            }
        }
    }
}

//! The network of a soak, from its first block to its last sum.
use crate::actors::{self, Node, Store};
use crate::audit;
use crate::customers::{module, Customer, Progress};
use crate::liar::{Liar, Lie};
use crate::proxy::{Proxy, Rates};
use crate::Arguments;
use anyhow::{bail, ensure, Context as _, Result};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use lode_client::instructions::{jobs, oracle, staking};
use lode_client::{addresses, filter, Client, PriorityFee};
use lode_crank::{Crank, Policy};
use lode_jobs::state::Job;
use lode_localnet::{apply, free_port, fund, Localnet, Options, Plan, Report};
use lode_oracle::state::Committee;
use lode_staking::state::NodeDescription;
use lode_staking::NodeArgs;
use lode_store::GatewayClient;
use lode_telemetry::Telemetry;
use rand::Rng;
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Base units of a token.
const LODE: u64 = 1_000_000_000;
/// What every job pays, base units per million units.
pub const NODE_PRICE: u64 = LODE;
/// Most units of every job.
pub const UNITS_LIMIT: u64 = 500;
/// What a node stakes; what it and a customer pay in.
const STAKE: u64 = 2_000 * LODE;
const MONEY: u64 = 1_000 * LODE;
const LAMPORTS: u64 = 20_000_000_000;
const SLOT_MILLIS: u64 = 200;
const ATTEST_WINDOW: u64 = 4_000;
/// One of how many requests fails.
const RPC_RATES: Rates = Rates {
    dropped: 100,
    lost: 100,
    delayed: 50,
    stale: 10,
};
const STORE_RATES: Rates = Rates {
    dropped: 50,
    lost: 50,
    delayed: 50,
    stale: 0,
};
/// How long the RPC server is away, each time, and how often that happens.
const AWAY: Duration = Duration::from_secs(3);
const AWAY_EVERY: Duration = Duration::from_secs(45);
/// How often the jobs are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// Set-up transactions under way at the same time.
const TOGETHER: usize = 8;

struct Operator {
    owner: Keypair,
    worker: Arc<Keypair>,
    node: Address,
}

struct Seat {
    owner: Keypair,
    attester: Keypair,
}

/// Everything but the agents.
pub struct Stage {
    arguments: Arguments,
    folder: TempDir,
    network: Localnet,
    /// Straight to the server.
    client: Client,
    /// Through the proxy.
    shaken: Client,
    report: Report,
    authority: Keypair,
    rpc: Arc<Proxy>,
    store: Arc<Proxy>,
    store_url: String,
    store_at: SocketAddr,
    operators: Vec<Operator>,
    seats: Vec<Seat>,
    customers: Vec<Keypair>,
}

fn say(begun: Instant, what: &str) {
    println!("{:7.1} s  {what}", begun.elapsed().as_secs_f64());
}

impl Stage {
    /// Starts the network, makes its plan true, lets everybody in.
    pub async fn new(arguments: Arguments) -> Result<Self> {
        let begun = Instant::now();
        let folder = tempfile::tempdir().context("no room for temporary files")?;
        let authority = Keypair::new();
        let operators: Vec<Operator> = (0..arguments.nodes)
            .map(|_| {
                let owner = Keypair::new();
                Operator {
                    node: addresses::staking::node(&owner.pubkey(), 0),
                    owner,
                    worker: Arc::new(Keypair::new()),
                }
            })
            .collect();
        let seats: Vec<Seat> = (0..arguments.oracles)
            .map(|_| Seat {
                owner: Keypair::new(),
                attester: Keypair::new(),
            })
            .collect();
        let customers: Vec<Keypair> = (0..arguments.customers).map(|_| Keypair::new()).collect();
        let mut options = Options::new(arguments.programs.clone(), authority.pubkey());
        options.rpc_port = free_port()?;
        options.ws_port = free_port()?;
        options.slot_millis = SLOT_MILLIS;
        let workers = operators.iter().map(|o| o.worker.pubkey());
        let owners = operators.iter().map(|o| o.owner.pubkey());
        let seated = seats.iter().map(|seat| seat.owner.pubkey());
        let posting = customers.iter().map(Signer::pubkey);
        let rich = workers.chain(owners).chain(seated).chain(posting);
        options.airdrop.extend(rich.map(|at| (at, LAMPORTS)));
        let network = Localnet::start(options).await?;
        let client = network.client().with_priority_fee(PriorityFee::Fixed(0));
        let (rpc_rates, store_rates) = if arguments.without_faults {
            (Rates::default(), Rates::default())
        } else {
            (RPC_RATES, STORE_RATES)
        };
        let (rpc, rpc_url, _) = Proxy::start(network.rpc_url().to_string(), rpc_rates).await?;
        let store_at = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let (store, store_url, _) = Proxy::start(format!("http://{store_at}"), store_rates).await?;
        let report = apply(&plan(&seats, &store_url)?, &client, &authority).await?;
        let stage = Self {
            shaken: Client::new(rpc_url).with_priority_fee(PriorityFee::Fixed(0)),
            arguments,
            folder,
            network,
            client,
            report,
            authority,
            rpc,
            store,
            store_url,
            store_at,
            operators,
            seats,
            customers,
        };
        stage.enter().await?;
        say(begun, "the network stands, everybody is in");
        Ok(stage)
    }

    /// Seats, nodes and customers; several at a time, each from its own wallet.
    async fn enter(&self) -> Result<()> {
        let mint = &self.report.payment_mint;
        let market = self.report.market;
        let bond = 1_000 * LODE;
        let mut wallets: Vec<(Address, u64)> = Vec::new();
        wallets.extend(self.seats.iter().map(|seat| (seat.owner.pubkey(), bond)));
        let node_money = STAKE + MONEY;
        let owners = self.operators.iter();
        wallets.extend(owners.map(|o| (o.owner.pubkey(), node_money)));
        wallets.extend(self.customers.iter().map(|c| (c.pubkey(), MONEY)));
        // The authority's own money goes out one by one: its transactions must differ, and be in order.
        stream::iter(wallets)
            .map(|(wallet, tokens)| async move {
                fund(&self.client, &self.authority, &wallet, 0, mint, tokens)
                    .await
                    .context("a wallet cannot be funded")
            })
            .buffer_unordered(TOGETHER)
            .try_collect::<Vec<_>>()
            .await?;
        stream::iter(&self.seats)
            .map(|seat| async move {
                let me = seat.owner.pubkey();
                let committee = &self.report.committee;
                let join = oracle::join(&me, committee, mint, &seat.attester.pubkey(), bond);
                self.client.send(&[join], &seat.owner, &[]).await
            })
            .buffer_unordered(TOGETHER)
            .try_collect::<Vec<_>>()
            .await
            .context("an oracle cannot join")?;
        stream::iter(&self.operators)
            .map(|operator| async move {
                let me = operator.owner.pubkey();
                let node = &operator.node;
                let args = NodeArgs {
                    index: 0,
                    worker: operator.worker.pubkey(),
                    description: NodeDescription {
                        cores: 1,
                        memory_mib: 256,
                        ..NodeDescription::default()
                    },
                };
                let payout = mint.account_of(&me);
                let steps = [
                    staking::register_node(&me, mint, &payout, args),
                    staking::stake(&me, node, mint, STAKE),
                    jobs::open_node_ledger(&me, &market, node, MONEY),
                    jobs::deposit(&me, &market, node, mint, MONEY),
                ];
                for two in steps.chunks(2) {
                    self.client.send(two, &operator.owner, &[]).await?;
                }
                Ok::<_, lode_client::Error>(())
            })
            .buffer_unordered(TOGETHER)
            .try_collect::<Vec<_>>()
            .await
            .context("a node cannot enter")?;
        stream::iter(&self.customers)
            .map(|customer| async move {
                let me = customer.pubkey();
                let steps = [
                    jobs::open_ledger(&me, &market, &me),
                    jobs::deposit(&me, &market, &me, mint, MONEY),
                ];
                self.client.send(&steps, customer, &[]).await
            })
            .buffer_unordered(TOGETHER)
            .try_collect::<Vec<_>>()
            .await
            .context("a customer cannot enter")?;
        // Founders serve from the second after they joined.
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok(())
    }

    /// Starts all agents, posts all jobs, lets things fail, waits for the last job, and adds up.
    pub async fn play(&self) -> Result<()> {
        let begun = Instant::now();
        let (stop, mut background) = (CancellationToken::new(), JoinSet::new());
        let folder = self.folder.path();
        let mut store = Store::new(
            self.shaken.clone(),
            self.store_url.clone(),
            self.store_at,
            folder.join("gateway"),
        )
        .await?;
        let poll = Duration::from_millis(self.arguments.poll_millis);
        // The last seat is taken, bonded, and silent.
        let serving = self.seats.len() - 1;
        // One for all of them: what they count adds up.
        let oracles = Telemetry::new("oracle");
        for (i, seat) in self.seats.iter().take(serving).enumerate() {
            let agent = actors::oracle(
                self.shaken.clone(),
                seat.attester.insecure_clone(),
                self.report.committee,
                folder.join(format!("oracle-{i}")),
                poll,
                oracles.clone(),
                stop.clone(),
            );
            background.spawn(async move {
                agent.await.context("an oracle broke off")??;
                Ok::<_, anyhow::Error>(())
            });
        }
        let told: Arc<Mutex<BTreeSet<Lie>>> = Arc::default();
        let mut nodes = Vec::new();
        for (i, operator) in self.operators.iter().enumerate() {
            if i < self.arguments.liars {
                let liar = Liar {
                    client: self.shaken.clone(),
                    market: self.report.market,
                    node: operator.node,
                    worker: operator.worker.clone(),
                    told: told.clone(),
                };
                let stop = stop.clone();
                background.spawn(async move {
                    liar.run(stop).await;
                    Ok(())
                });
            } else {
                nodes.push(Node::new(
                    self.shaken.clone(),
                    operator.node,
                    operator.worker.clone(),
                    folder.join(format!("node-{i}")),
                    poll,
                ));
            }
        }
        let mut crank = self.crank(self.shaken.clone());
        let cranking = stop.clone();
        background.spawn(async move { Ok(crank.run(cranking).await?) });
        let progress = Arc::new(Progress {
            posted: AtomicUsize::new(0),
            room: Semaphore::new(self.arguments.outstanding),
        });
        let next = Arc::new(AtomicUsize::new(0));
        let minutes = self.arguments.minutes.map(|m| Duration::from_secs(m * 60));
        let mut customers = Vec::new();
        for customer in &self.customers {
            customers.push(Customer {
                client: self.shaken.clone(),
                store: GatewayClient::new(&self.store_url)?,
                wallet: customer.insecure_clone(),
                market: self.report.market,
                module: module()?,
                next: next.clone(),
                until: minutes.map(|minutes| begun + minutes),
                jobs: self.arguments.jobs,
                progress: progress.clone(),
            });
        }
        // One lie is told and looked at for certain, before another could put its node in jail.
        let liar = self.operators.first().filter(|_| self.arguments.liars > 0);
        if let (Some(liar), Some(customer)) = (liar, customers.first()) {
            customer.try_out(liar.node).await?;
        }
        let mut posting = JoinSet::new();
        for customer in customers {
            posting.spawn(customer.run());
        }
        say(begun, "all agents run, jobs are posted");

        let kills = self
            .watch(
                begun,
                &mut nodes,
                &mut store,
                &mut background,
                &mut posting,
                &progress,
            )
            .await?;
        let seconds = begun.elapsed().as_secs_f64();
        say(begun, "every job is final");
        stop.cancel();
        for node in nodes {
            node.stop().await?;
        }
        while let Some(ended) = background.join_next().await {
            ended.context("an agent broke off")??;
        }
        store.end().await?;
        // What nobody is paid for is left to whoever cares: punish, collect, sweep.
        self.crank(self.client.clone()).once().await?;

        let count = progress.posted.load(Ordering::Relaxed);
        let told = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let all: Vec<Address> = self.operators.iter().map(|o| o.node).collect();
        let liars: Vec<Address> = all.iter().take(self.arguments.liars).copied().collect();
        let found = audit::audit(
            &self.client,
            &self.report.market,
            &told,
            &liars,
            &all,
            count,
            self.silent_seat().await?,
        )
        .await?;
        let slot = |slots: u64| slots as f64 * SLOT_MILLIS as f64 / 1_000.0;
        let (rpc, gateway) = (self.rpc.faults(), self.store.faults());
        println!(
            "\njobs final                 {} of {}: {} settled, {} failed, {} voided, {} cancelled",
            found.settled + found.failed + found.voided + found.cancelled,
            count,
            found.settled,
            found.failed,
            found.voided,
            found.cancelled
        );
        println!(
            "checked                    {}, further attempts {}",
            found.checked, found.further_attempts
        );
        println!(
            "lies                       {} told, {} stood at the end, {} checked, {} punished",
            told.len(),
            found.lies,
            found.lies_checked,
            found.lies_punished
        );
        println!(
            "base units unaccounted     0: {} in the vault, {} booked",
            found.vault, found.booked
        );
        println!(
            "jobs a second, end to end  {:.2} ({} in {seconds:.0} s)",
            count as f64 / seconds,
            count
        );
        println!(
            "submitted to settled       median {:.1} s, 99th percentile {:.1} s ({} and {} slots of {SLOT_MILLIS} ms)",
            slot(found.quantile(50)),
            slot(found.quantile(99)),
            found.quantile(50),
            found.quantile(99)
        );
        let counted = |labels: &[(&str, &str)]| {
            let name = "lode_oracle_attested_total";
            oracles.metrics.counter_with(name, "", labels).get()
        };
        let quarters = ["first", "second", "third", "last"].map(|q| counted(&[("quarter", q)]));
        let attested: f64 = quarters.iter().sum();
        let waited = oracles
            .metrics
            .counter("lode_oracle_attested_slots_total", "")
            .get();
        println!(
            "attestations               {attested}, on average {:.1} s after their window of {:.0} s opened; by its quarters {quarters:?}",
            slot((waited / attested.max(1.0)) as u64),
            slot(ATTEST_WINDOW),
        );
        println!(
            "seats marked silent        {} times, and the one that is {} times",
            found.silent_others, found.silent
        );
        for (name, faults) in [("RPC server", rpc), ("gateway", gateway)] {
            println!(
                "{name:<27}{} requests: {} dropped, {} answers lost, {} delayed, {} stale blockhashes",
                faults.requests, faults.dropped, faults.lost, faults.delayed, faults.stale
            );
        }
        println!(
            "killed                     {} nodes, the gateway {} times",
            kills.0, kills.1
        );
        ensure!(
            liars.is_empty() || found.lies_punished > 0,
            "no lie was found out: this was no soak"
        );
        ensure!(
            self.arguments.without_faults
                || (rpc.dropped > 0 && rpc.lost > 0 && gateway.dropped > 0),
            "nothing failed: this was no soak"
        );
        Ok(())
    }

    /// The number of the seat that nobody serves.
    async fn silent_seat(&self) -> Result<u32> {
        let committee: Committee = self.client.get_account(&self.report.committee).await?;
        let silent = self.seats.last().map(|seat| seat.owner.pubkey());
        let mut owners = committee.seats.iter().map(|seat| Some(seat.owner));
        let at = owners.position(|owner| owner == silent);
        Ok(u32::try_from(at.context("the silent oracle has no seat")?)?)
    }

    fn crank(&self, client: Client) -> Crank {
        let policy = Policy {
            poll: Duration::from_secs(2),
            sweep_every: Duration::from_secs(15),
            ..Policy::default()
        };
        let wallet = Arc::new(self.authority.insecure_clone());
        Crank::new(client, wallet, policy, Telemetry::new("crank"))
    }

    /// Until the last job is final: gives room for new jobs as old ones end, and lets servers and nodes fail.
    async fn watch(
        &self,
        begun: Instant,
        nodes: &mut [Node],
        store: &mut Store,
        background: &mut JoinSet<Result<()>>,
        posting: &mut JoinSet<Result<()>>,
        progress: &Progress,
    ) -> Result<(usize, usize)> {
        let jobs = self.arguments.jobs;
        let all_over = |over: usize, posting: &JoinSet<_>| {
            posting.is_empty() && over >= progress.posted.load(Ordering::Relaxed)
        };
        let kill_every = Duration::from_secs(self.arguments.kill_seconds);
        let (mut over, mut told, mut moved) = (0, 0, Instant::now());
        let (mut away, mut killed) = (Instant::now(), Instant::now());
        let mut kills = (0, 0);
        while !all_over(over, posting) {
            tokio::time::sleep(LOOK).await;
            while let Some(ended) = posting.try_join_next() {
                ended.context("a customer broke off")??;
            }
            if let Some(ended) = background.try_join_next() {
                ended.context("an agent broke off")??;
                bail!("an agent ended by itself");
            }
            ensure!(!nodes.iter().any(Node::is_gone), "a node ended by itself");
            let found = self
                .client
                .get_program_accounts::<Job>(&[filter!(Job, market, self.report.market)])
                .await?;
            let now = found.iter().filter(|(_, job)| job.is_final()).count();
            if now > over {
                progress.room.add_permits(now - over);
                (over, moved) = (now, Instant::now());
            }
            if moved.elapsed() > Duration::from_secs(self.arguments.patience) {
                let stuck: Vec<String> = found
                    .iter()
                    .filter(|(_, job)| !job.is_final())
                    .map(|(at, job)| format!("{at} in state {} of {}", job.state, job.node))
                    .take(10)
                    .collect();
                bail!("no job ended for {} s: {stuck:?}", self.arguments.patience);
            }
            if over * 10 / jobs > told {
                told = over * 10 / jobs;
                say(
                    begun,
                    &format!("{over} of {jobs} jobs are final, {} posted", found.len()),
                );
            }
            if self.arguments.without_faults {
                continue;
            }
            if away.elapsed() >= AWAY_EVERY {
                away = Instant::now();
                let rpc = self.rpc.clone();
                rpc.set_away(true);
                tokio::spawn(async move {
                    tokio::time::sleep(AWAY).await;
                    rpc.set_away(false);
                });
            }
            if killed.elapsed() >= kill_every && !nodes.is_empty() {
                killed = Instant::now();
                let unlucky = rand::thread_rng().gen_range(0..nodes.len());
                if let Some(node) = nodes.get_mut(unlucky) {
                    node.kill().await;
                    kills.0 += 1;
                }
                if kills.0 % 4 == 0 {
                    store.restart().await?;
                    kills.1 += 1;
                }
            }
        }
        Ok(kills)
    }

    /// Stops the network.
    pub async fn stop(self) -> Result<()> {
        self.network.stop().await?;
        Ok(())
    }
}

/// The local network's plan with a market for many small jobs: half of the results are checked, the rest may be
/// challenged for some seconds. Windows of nodes and committee are long enough for a machine that has much else to do.
fn plan(seats: &[Seat], store_url: &str) -> Result<Plan> {
    let mut plan = Plan::parse(include_str!("../../../migrations/localnet.toml"))?;
    plan.committee.founders = seats.iter().map(|seat| seat.owner.pubkey()).collect();
    let market = &mut plan.market;
    market.store_url = store_url.to_string();
    market.units_limit = 1_000;
    market.memory_mib = 64;
    market.blob_limit = 1 << 20;
    market.most_reserved = 1_000 * LODE;
    market.base_slots = 1_500;
    market.accept_window = 100_000;
    market.attest_window = ATTEST_WINDOW;
    market.challenge_window = 25;
    market.check_bps = 5_000;
    market.surcharge_bps = 15_000;
    market.final_below = 0;
    // The lottery lets nodes in one after the other, so they do not all race for the same job.
    market.ramp = 20;
    Ok(plan)
}

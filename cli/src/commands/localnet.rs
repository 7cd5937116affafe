//! `lode localnet`: a whole network on this machine.
use crate::commands::gateway;
use crate::context::Context;
use crate::output::{sol, Token};
use crate::progress::Progress;
use crate::shutdown;
use anyhow::{Context as _, Result};
use lode_client::cli_config::read_keypair;
use lode_client::instructions::{jobs, oracle, staking};
use lode_client::token::Threshold;
use lode_client::{addresses, Client};
use lode_crank::{Crank, Policy};
use lode_gateway::{Gateway, RpcChain};
use lode_localnet::{Localnet, Options, Plan, Report, RPC_PORT, WS_PORT};
use lode_node::AgentConfig;
use lode_oracle::state::Oracle;
use lode_oracle_agent::{OracleAgent, Paying};
use lode_sealed::Identities;
use lode_staking::state::{Node, NodeDescription};
use lode_staking::NodeArgs;
use lode_telemetry::Telemetry;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The plan of the local network.
const PLAN: &str = include_str!("../../../migrations/localnet.toml");
/// What the local wallet gets, lamports.
const WALLET_LAMPORTS: u64 = 20_000_000_000;
/// What each of the network's own wallets gets, lamports.
const OWN_LAMPORTS: u64 = 10_000_000_000;
/// What the local wallet gets, whole tokens.
const WALLET_TOKENS: &str = "100000";
/// How often an agent looks at the chain.
const POLL: Duration = Duration::from_millis(500);
/// What an oracle's owner keeps of it, lamports.
const OWN_FLOOR: u64 = 1_000_000_000;
/// How often an oracle looks whether it earned something, and the crank whether a job waits for it.
const COLLECT_EVERY: Duration = Duration::from_secs(10);
const CRANK_POLL: Duration = Duration::from_secs(1);
/// What a node stakes, whole tokens: many times the least there is.
const NODE_STAKE: &str = "10000";
/// What a node pays into its account, and lets its jobs lock, whole tokens.
const NODE_MONEY: &str = "100000";
/// Memory that a node offers to a job.
const NODE_MEMORY_MIB: u32 = 1_024;
/// Most bytes of blobs that an agent keeps.
const CACHE_BYTES: u64 = 1 << 30;
/// Seconds between two sweeps of the gateway.
const SWEEP_SECONDS: u64 = 60;

/// Arguments of `localnet`.
#[derive(clap::Args)]
pub struct LocalnetArgs {
    /// Only the chain with its programs and the plan: no gateway, no node, no oracles, no crank
    #[arg(long)]
    bare: bool,
    /// No crank, and oracles that send no transactions: what anybody may do is left to you
    #[arg(long)]
    no_crank: bool,
    /// The plan to make true, as migrations/localnet.toml, which it is without this; founders and the store's URL are filled in
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Folder for keys and data
    #[arg(long, default_value = ".localnet", value_name = "FOLDER")]
    folder: PathBuf,
    /// Keep the chain in the folder and go on with it at the next start; without it every start begins anew
    #[arg(long)]
    keep: bool,
    /// Folder with the built programs; without it, the one beside this command or target/deploy
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,
    /// Port of the RPC server
    #[arg(long, default_value_t = RPC_PORT)]
    rpc_port: u16,
    /// Port of the websocket server
    #[arg(long, default_value_t = WS_PORT)]
    ws_port: u16,
    /// Port of the gateway
    #[arg(long, default_value_t = 8800)]
    gateway_port: u16,
    /// Milliseconds a slot takes
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u64).range(10..=10_000))]
    slot_millis: u64,
    /// Nodes
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=32))]
    nodes: u8,
    /// Oracles in the committee
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(3..=32))]
    oracles: u8,
    /// Who may join the committee beside or in place of these oracles; once for each
    #[arg(long = "founder", value_name = "ADDRESS")]
    founders: Vec<solana_address::Address>,
    /// Also fund this wallet; once for each
    #[arg(long = "fund", value_name = "ADDRESS")]
    fund: Vec<solana_address::Address>,
}

/// A network that is being set up.
struct Setup<'a> {
    args: &'a LocalnetArgs,
    client: &'a Client,
    authority: &'a Keypair,
    report: &'a Report,
    context: &'a Context,
}

pub async fn run(args: LocalnetArgs, context: &Context) -> Result<()> {
    let stop = shutdown::token()?;
    let keys = args.folder.join("keys");
    let authority = key(&keys, "authority")?;
    if !args.keep {
        // What agents and gateway remember belongs to a chain that is gone.
        for name in ["chain", "gateway", "nodes", "oracles"] {
            forget(&args.folder.join(name))?;
        }
    }
    let mut plan = match &args.plan {
        Some(path) => Plan::read(path)?,
        None => Plan::parse(PLAN)?,
    };
    plan.market.store_url = format!("http://127.0.0.1:{}", args.gateway_port);
    let mut oracles = Vec::new();
    if !args.bare {
        for i in 0..args.oracles {
            let owner = key(&keys, &format!("oracle-{i}"))?;
            let attester = key(&keys, &format!("oracle-{i}-attester"))?;
            oracles.push((owner, attester));
        }
    }
    plan.committee.founders = oracles.iter().map(|(owner, _)| owner.pubkey()).collect();
    plan.committee.founders.extend(&args.founders);
    if plan.committee.founders.is_empty() {
        plan.committee.founders.push(authority.pubkey());
    }

    let progress = Progress::start("starting the network");
    let network = Localnet::start(options(&args, &authority)?).await?;
    let client = network.client();
    progress.say("applying the plan");
    let report = lode_localnet::apply(&plan, &client, &authority).await?;
    let here = context.at(client.clone());
    let setup = Setup {
        args: &args,
        client: &client,
        authority: &authority,
        report: &report,
        context: &here,
    };
    let (wallet_path, wallet) = local_wallet(context, &keys)?;
    let payment = Token::new(report.payment_mint);
    let tokens = payment.mint.parse(WALLET_TOKENS)?;
    let mut funded = vec![wallet.pubkey()];
    funded.extend(&args.fund);
    for wallet in &funded {
        setup.fund(wallet, WALLET_LAMPORTS, tokens).await?;
    }

    let mut tasks: JoinSet<Result<()>> = JoinSet::new();
    if !args.bare {
        progress.say("starting the gateway");
        setup.gateway(&plan, &stop, &mut tasks).await?;
        for (i, (owner, attester)) in oracles.iter().enumerate() {
            progress.say(format!("seating oracle {i}"));
            setup.oracle(i, owner, attester, &stop, &mut tasks).await?;
        }
        for i in 0..args.nodes {
            progress.say(format!("registering node {i}"));
            let owner = key(&keys, &format!("node-{i}"))?;
            let worker = key(&keys, &format!("node-{i}-worker"))?;
            setup.node(i, &owner, worker, &stop, &mut tasks).await?;
        }
        if !args.no_crank {
            progress.say("starting the crank");
            let wallet = key(&keys, "crank")?;
            setup.crank(wallet, &stop, &mut tasks).await?;
        }
    }
    drop(progress);
    tell(&here, &network, &setup, &wallet_path, &wallet, &payment);

    // Nothing but the signal ends an agent, so whichever ends first says why the network cannot go on.
    let ended = tokio::select! {
        () = stop.cancelled() => Ok(()),
        Some(ended) = tasks.join_next() => flat(ended),
    };
    stop.cancel();
    while let Some(end) = tasks.join_next().await {
        if let Err(error) = flat(end) {
            tracing::warn!("{error:#}");
        }
    }
    network.stop().await?;
    ended
}

fn flat(ended: Result<Result<()>, tokio::task::JoinError>) -> Result<()> {
    ended.context("A part of the network broke off")?
}

fn options(args: &LocalnetArgs, authority: &Keypair) -> Result<Options> {
    let programs = match &args.programs {
        Some(folder) => folder.clone(),
        None => built_programs(),
    };
    let mut options = Options::new(programs, authority.pubkey());
    options.rpc_port = args.rpc_port;
    options.ws_port = args.ws_port;
    options.slot_millis = args.slot_millis;
    if args.keep {
        let chain = args.folder.join("chain");
        make(&chain)?;
        options.database = Some(chain.join("chain.sqlite"));
    }
    Ok(options)
}

/// Where `cargo xtask build` leaves the programs: beside the folder this command was built into.
fn built_programs() -> PathBuf {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.parent()?.join("deploy")));
    match beside {
        Some(folder) if folder.is_dir() => folder,
        _ => PathBuf::from("target/deploy"),
    }
}

fn make(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| {
        format!(
            "The folder {} cannot be made: name another with --folder",
            folder.display()
        )
    })
}

fn forget(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| {
                format!(
                    "The old data in {} cannot be removed: remove it yourself",
                    folder.display()
                )
            })
        }
        _ => Ok(()),
    }
}

/// A key of the local network, made at its first start.
fn key(folder: &Path, name: &str) -> Result<Keypair> {
    let path = folder.join(format!("{name}.json"));
    if path.exists() {
        return Ok(read_keypair(&path)?);
    }
    make(folder)?;
    let key = Keypair::new();
    write_key(&path, &key)?;
    Ok(key)
}

fn write_key(path: &Path, key: &Keypair) -> Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let text = serde_json::to_string(&key.to_bytes().to_vec())?;
    // Never over a key that is there, and for nobody else to read.
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("The key {} cannot be written", path.display()))
}

/// The wallet of the Solana CLI, else one of the network's own.
fn local_wallet(context: &Context, keys: &Path) -> Result<(PathBuf, Keypair)> {
    let usual = &context.settings.keypair_path;
    if usual.exists() {
        return Ok((usual.clone(), read_keypair(usual)?));
    }
    Ok((keys.join("wallet.json"), key(keys, "wallet")?))
}

impl Setup<'_> {
    async fn fund(
        &self,
        wallet: &solana_address::Address,
        lamports: u64,
        tokens: u64,
    ) -> Result<()> {
        // A kept chain has funded it before.
        let held = self.client.balance(wallet).await?;
        let missing = lamports.saturating_sub(held);
        if missing < lamports / 2 {
            return Ok(());
        }
        let mint = &self.report.payment_mint;
        lode_localnet::fund(self.client, self.authority, wallet, missing, mint, tokens).await?;
        Ok(())
    }

    /// Turns what anybody may turn, so that nothing ever gets stuck.
    async fn crank(
        &self,
        wallet: Keypair,
        stop: &CancellationToken,
        tasks: &mut JoinSet<Result<()>>,
    ) -> Result<()> {
        self.fund(&wallet.pubkey(), OWN_LAMPORTS, 0).await?;
        let policy = Policy {
            poll: CRANK_POLL,
            ..Policy::default()
        };
        let telemetry = Telemetry::new("crank");
        let mut crank = Crank::new(self.client.clone(), Arc::new(wallet), policy, telemetry);
        let stop = stop.clone();
        tasks.spawn(async move { crank.run(stop).await.context("The crank stopped") });
        Ok(())
    }

    async fn gateway(
        &self,
        plan: &Plan,
        stop: &CancellationToken,
        tasks: &mut JoinSet<Result<()>>,
    ) -> Result<()> {
        let url = plan.market.store_url.clone();
        let mut config = gateway::in_folder(url, &self.args.folder.join("gateway"))?;
        config.sweep_every = Duration::from_secs(SWEEP_SECONDS);
        let chain = RpcChain(self.context.client.clone());
        let server = Gateway::open(config, chain).await?;
        let at = ([127, 0, 0, 1], self.args.gateway_port).into();
        let listener = gateway::listen(at).await?;
        let stop = stop.clone();
        tasks.spawn(async move {
            server
                .serve(listener, stop)
                .await
                .context("The gateway stopped")
        });
        Ok(())
    }

    async fn oracle(
        &self,
        number: usize,
        owner: &Keypair,
        attester: &Keypair,
        stop: &CancellationToken,
        tasks: &mut JoinSet<Result<()>>,
    ) -> Result<()> {
        let committee = self.report.committee;
        let me = owner.pubkey();
        let at = addresses::oracle::oracle(&committee, &me);
        let mint = &self.report.stake_mint;
        if !self
            .client
            .try_account::<Oracle>(&at)
            .await?
            .is_some_and(|oracle| oracle.is_seated())
        {
            let terms: lode_oracle::state::Committee = self.client.get_account(&committee).await?;
            let bond = terms.minimum_bond;
            self.fund(&me, OWN_LAMPORTS, bond).await?;
            let join = oracle::join(&me, &committee, mint, &attester.pubkey(), bond);
            self.client
                .send(&[join], owner, &[])
                .await
                .with_context(|| format!("Oracle {number} has no seat in the committee, which a kept chain has from its first start: start with as many --oracles as then, or anew without --keep"))?;
        }
        let mut config = lode_oracle_agent::Config::new(
            self.client.clone(),
            attester.insecure_clone(),
            committee,
            self.args.folder.join("oracles").join(number.to_string()),
        );
        config.poll = POLL;
        config.cache_bytes = CACHE_BYTES;
        config.paying = (!self.args.no_crank).then(|| Paying {
            payer: Arc::new(owner.insecure_clone()),
            least: Threshold::default(),
            floor: OWN_FLOOR,
            collect_every: COLLECT_EVERY,
        });
        let stop = stop.clone();
        tasks.spawn(async move {
            OracleAgent::run(config, stop)
                .await
                .with_context(|| format!("Oracle {number} stopped"))
        });
        Ok(())
    }
}

impl Setup<'_> {
    async fn node(
        &self,
        number: u8,
        owner: &Keypair,
        worker: Keypair,
        stop: &CancellationToken,
        tasks: &mut JoinSet<Result<()>>,
    ) -> Result<()> {
        let me = owner.pubkey();
        let at = addresses::staking::node(&me, 0);
        let market = self.report.market;
        let folder = self.args.folder.join("nodes").join(number.to_string());
        if self.client.try_account::<Node>(&at).await?.is_none() {
            let (stake_mint, payment_mint) = (&self.report.stake_mint, &self.report.payment_mint);
            let stake = stake_mint.parse(NODE_STAKE)?;
            let money = payment_mint.parse(NODE_MONEY)?;
            // One mint is both in the plan of the local network.
            self.fund(&me, OWN_LAMPORTS, stake.saturating_add(money))
                .await?;
            self.fund(&worker.pubkey(), OWN_LAMPORTS, 0).await?;
            let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
            let keys = Identities::open(&folder)?;
            let node = NodeArgs {
                index: 0,
                worker: worker.pubkey(),
                description: NodeDescription {
                    cores: u16::try_from(cores).unwrap_or(u16::MAX),
                    memory_mib: NODE_MEMORY_MIB,
                    encryption_key: keys.current().0,
                    ..NodeDescription::default()
                },
            };
            let payout = stake_mint.account_of(&me);
            let enter = [
                staking::register_node(&me, stake_mint, &payout, node),
                staking::stake(&me, &at, stake_mint, stake),
                jobs::open_node_ledger(&me, &market, &at, money),
                jobs::deposit(&me, &market, &at, payment_mint, money),
            ];
            // Two by two: together they would not fit a transaction.
            for part in enter.chunks(2) {
                self.client.send(part, owner, &[]).await?;
            }
        }
        let config = AgentConfig {
            poll: POLL,
            memory_mib: u64::from(NODE_MEMORY_MIB),
            cache_bytes: CACHE_BYTES,
            emission: !self.args.no_crank,
            ..AgentConfig::new(at, Arc::new(worker), folder)
        };
        let (client, stop) = (self.client.clone(), shutdown::channel(stop));
        tasks.spawn(async move {
            lode_node::run(config, client, stop)
                .await
                .with_context(|| format!("Node {number} stopped"))
        });
        Ok(())
    }
}

/// Where everything is, and what to type next.
fn tell(
    context: &Context,
    network: &Localnet,
    setup: &Setup<'_>,
    wallet_path: &Path,
    wallet: &Keypair,
    payment: &Token,
) {
    let report = setup.report;
    context.out.sheet(vec![
        ("rpc", network.rpc_url().into()),
        ("websocket", network.ws_url().into()),
        ("mint", report.payment_mint.address.into()),
        ("committee", report.committee.into()),
        ("market", report.market.into()),
        ("wallet", wallet.pubkey().into()),
        ("wallet_file", wallet_path.display().to_string().into()),
        ("wallet_sol", sol(WALLET_LAMPORTS)),
        (
            "wallet_tokens",
            payment
                .mint
                .parse(WALLET_TOKENS)
                .map_or_else(|_| "-".into(), |t| payment.cell(t)),
        ),
        (
            "keys",
            setup.args.folder.join("keys").display().to_string().into(),
        ),
    ]);
    let url = match setup.args.rpc_port {
        RPC_PORT => "localhost".to_string(),
        _ => network.rpc_url().to_string(),
    };
    let mut lode = format!("lode -u {url}");
    if wallet_path != context.settings.keypair_path {
        lode = format!("{lode} -k {}", wallet_path.display());
    }
    let next = if setup.args.bare {
        // There is nobody who would store or run a job.
        format!(
            "  {lode} network show\n  {lode} account deposit 1000\nand what runs jobs, started by you:\n  {lode} gateway run --store {0} --listen 127.0.0.1:{1}\n  {lode} node register --help",
            setup.args.folder.join("gateway").display(),
            setup.args.gateway_port,
        )
    } else {
        format!("  {lode} account deposit 1000\n  {lode} job run examples/workloads/word-stats.wasm --price 1000 \\\n      --input examples/workloads/word-stats/keepers-book.txt -- /in/keepers-book.txt\n  {lode} account show")
    };
    context.out.note(&format!(
        "\nNext, in another terminal:\n{next}\nctrl-c stops the network."
    ));
}

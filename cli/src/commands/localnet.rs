//! `lode localnet`: a whole network on this machine.
mod folder;

use crate::commands::gateway;
use crate::context::Context;
use crate::output::{sol, Token};
use crate::progress::Progress;
use crate::shutdown;
use crate::signers::key_file;
use anyhow::{bail, Context as _, Result};
use folder::Folder;
use lode_client::instructions::{jobs, oracle, staking};
use lode_client::token::{MintInfo, Threshold};
use lode_client::{addresses, Client};
use lode_crank::{Crank, Policy};
use lode_gateway::{Gateway, RpcChain};
use lode_jobs::state::Ledger;
use lode_localnet::{Localnet, Options, Plan, Report, RPC_PORT, WS_PORT};
use lode_node::AgentConfig;
use lode_oracle::constants::MOST_FOUNDERS;
use lode_oracle::state::Oracle;
use lode_oracle_agent::{OracleAgent, Paying};
use lode_sealed::Identities;
use lode_staking::state::{Node, NodeDescription};
use lode_staking::NodeArgs;
use lode_telemetry::Telemetry;
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
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
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(3..))]
    oracles: u8,
    /// Who may join the committee beside or in place of these oracles; once for each
    #[arg(long = "founder", value_name = "ADDRESS")]
    founders: Vec<Address>,
    /// Also fund this wallet; once for each
    #[arg(long = "fund", value_name = "ADDRESS")]
    fund: Vec<Address>,
}

/// What a network is made of, once it may begin.
struct Parts {
    args: LocalnetArgs,
    folder: Folder,
    plan: Plan,
    authority: Keypair,
    /// Owner and attester of each.
    oracles: Vec<(Keypair, Keypair)>,
    /// Whoever uses the network.
    wallet: Keypair,
    wallet_path: PathBuf,
    /// Commands take it without being told.
    wallet_is_usual: bool,
}

/// A network that is being set up. On a kept chain everything may be there already, or a part of it: each step looks first.
struct Setup<'a> {
    parts: &'a Parts,
    client: &'a Client,
    report: &'a Report,
    context: &'a Context,
}

/// Runs until a signal comes. `is_named` says that the wallet was named on the command line.
pub async fn run(args: LocalnetArgs, is_named: bool, context: &Context) -> Result<()> {
    // What can be wrong is found before anything is made, and above all before anything is forgotten.
    let mut plan = match &args.plan {
        Some(path) => Plan::read(path)?,
        None => Plan::parse(PLAN)?,
    };
    plan.market.store_url = format!("http://127.0.0.1:{}", args.gateway_port);
    let oracles = if args.bare { 0 } else { args.oracles };
    let founders = usize::from(oracles).saturating_add(args.founders.len());
    if founders > MOST_FOUNDERS {
        bail!("A committee has at most {MOST_FOUNDERS} founders, and --oracles and --founder make {founders}: name fewer; whoever comes later is admitted with `lode oracle admit`");
    }
    let usual = usual_wallet(&args.folder, is_named, context)?;
    // Held until the network itself listens there.
    let rpc = listen(args.rpc_port, "--rpc-port").await?;
    let ws = listen(args.ws_port, "--ws-port").await?;
    let gateway = if args.bare {
        None
    } else {
        Some(listen(args.gateway_port, "--gateway-port").await?)
    };
    let programs = args.programs.clone().unwrap_or_else(built_programs);
    lode_localnet::read_programs(&programs)?;
    let folder = Folder::take(&args.folder)?;
    if !(args.keep && folder.has_chain()) {
        if folder.has_chain() {
            context.confirm(&format!(
                "The chain that is kept in {} would be forgotten, and all that is on it; --keep goes on with it",
                args.folder.display()
            ))?;
        }
        folder.forget()?;
    }

    let stop = shutdown::token()?;
    let authority = folder.key("authority")?;
    let mut oracles = Vec::new();
    if !args.bare {
        for i in 0..args.oracles {
            let owner = folder.key(&format!("oracle-{i}"))?;
            let attester = folder.key(&format!("oracle-{i}-attester"))?;
            oracles.push((owner, attester));
        }
    }
    plan.committee.founders = oracles.iter().map(|(owner, _)| owner.pubkey()).collect();
    plan.committee.founders.extend(&args.founders);
    if plan.committee.founders.is_empty() {
        plan.committee.founders.push(authority.pubkey());
    }
    let mut options = Options::new(programs, authority.pubkey());
    options.rpc_port = args.rpc_port;
    options.ws_port = args.ws_port;
    options.slot_millis = args.slot_millis;
    options.database = args.keep.then(|| folder.chain()).transpose()?;
    let wallet_is_usual = usual.is_some() && !is_named;
    let (wallet_path, wallet) = match usual {
        Some(wallet) => (context.settings.keypair_path.clone(), wallet),
        None => (folder.key_file("wallet"), folder.key("wallet")?),
    };
    let parts = Parts {
        args,
        folder,
        plan,
        authority,
        oracles,
        wallet,
        wallet_path,
        wallet_is_usual,
    };

    let progress = Progress::start("starting the network");
    drop([rpc, ws]);
    let network = Localnet::start(options).await?;
    drop(progress);
    let mut tasks = JoinSet::new();
    // A signal breaks it off between two steps or while one is waited for: each is whole or not there at all.
    let up = tokio::select! {
        biased;
        () = stop.cancelled() => Ok(false),
        done = set_up(&parts, &network, gateway, context, &stop, &mut tasks) => done.map(|()| true),
    };
    let ended = match up {
        // Nothing but the signal ends an agent, so whichever ends first says why the network cannot go on.
        Ok(true) => tokio::select! {
            () = stop.cancelled() => Ok(()),
            Some(ended) = tasks.join_next() => flat(ended),
        },
        Ok(false) => {
            let rest = if parts.args.keep {
                "the next start with --keep does the rest"
            } else {
                "the next start begins anew"
            };
            let note = format!("Stopped before the network was set up; {rest}.");
            context.out.note(&note);
            Ok(())
        }
        Err(error) => Err(error),
    };
    stop.cancel();
    while let Some(end) = tasks.join_next().await {
        if let Err(error) = flat(end) {
            tracing::warn!("{error:#}");
        }
    }
    let stopped = network.stop().await;
    ended?;
    Ok(stopped?)
}

/// Makes the plan true and starts who lives on it, as far as that is not so yet; then says where everything is.
async fn set_up(
    parts: &Parts,
    network: &Localnet,
    gateway: Option<TcpListener>,
    context: &Context,
    stop: &CancellationToken,
    tasks: &mut JoinSet<Result<()>>,
) -> Result<()> {
    let progress = Progress::start("applying the plan");
    let client = network.client();
    let report = lode_localnet::apply(&parts.plan, &client, &parts.authority).await?;
    let here = context.at(client.clone());
    let setup = Setup {
        parts,
        client: &client,
        report: &report,
        context: &here,
    };
    let payment = Token::new(report.payment_mint);
    let wallet = parts.wallet.pubkey();
    for wallet in [&wallet].into_iter().chain(&parts.args.fund) {
        setup.fund_user(wallet, &payment).await?;
    }
    // Without a gateway it is bare.
    if let Some(listener) = gateway {
        progress.say("starting the gateway");
        setup.gateway(listener, stop, tasks).await?;
        for (i, (owner, attester)) in parts.oracles.iter().enumerate() {
            progress.say(format!("seating oracle {i}"));
            setup.oracle(i, owner, attester, stop, tasks).await?;
        }
        for i in 0..parts.args.nodes {
            progress.say(format!("registering node {i}"));
            let owner = parts.folder.key(&format!("node-{i}"))?;
            let worker = parts.folder.key(&format!("node-{i}-worker"))?;
            setup.node(i, &owner, worker, stop, tasks).await?;
        }
        if !parts.args.no_crank {
            progress.say("starting the crank");
            let wallet = parts.folder.key("crank")?;
            setup.crank(wallet, stop, tasks).await?;
        }
    }
    drop(progress);
    setup.tell(network, &payment).await
}

fn flat(ended: Result<Result<()>, tokio::task::JoinError>) -> Result<()> {
    ended.context("A part of the network broke off")?
}

/// A port of this machine alone, named by an option.
async fn listen(port: u16, option: &str) -> Result<TcpListener> {
    let at = ([127, 0, 0, 1], port).into();
    gateway::listen(at, &format!("another port with {option}")).await
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

/// The wallet that was named, else the Solana CLI's; none where the network is to have its own.
fn usual_wallet(folder: &Path, is_named: bool, context: &Context) -> Result<Option<Keypair>> {
    let path = &context.settings.keypair_path;
    let whole = |path: &Path| std::path::absolute(path).ok();
    // The network's own may be named before it is made.
    let is_own = whole(path) == whole(&folder::key_file(folder, "wallet"));
    let is_meant = path.exists() || (is_named && !is_own);
    is_meant.then(|| key_file(path, "--keypair")).transpose()
}

impl Setup<'_> {
    /// Sees to it that a wallet has what it needs for fees, and at least so many tokens.
    async fn fund(
        &self,
        wallet: &Address,
        lamports: u64,
        mint: &MintInfo,
        tokens: u64,
    ) -> Result<()> {
        let held = self.client.balance(wallet).await?;
        // Half of it is enough to go on with.
        let missing = lamports.saturating_sub(held);
        let missing = if missing < lamports / 2 { 0 } else { missing };
        let lacking = match tokens {
            0 => 0,
            tokens => {
                let held = self.client.token_balance(&mint.account_of(wallet)).await?;
                tokens.saturating_sub(held)
            }
        };
        if missing > 0 || lacking > 0 {
            let authority = &self.parts.authority;
            lode_localnet::fund(self.client, authority, wallet, missing, mint, lacking).await?;
        }
        Ok(())
    }

    /// The same for whoever uses the network, who gets tokens once: what is spent on a kept chain stays spent.
    async fn fund_user(&self, wallet: &Address, payment: &Token) -> Result<()> {
        let account = payment.mint.account_of(wallet);
        let tokens = match self.client.raw_account(&account).await? {
            Some(_) => 0,
            None => payment.mint.parse(WALLET_TOKENS)?,
        };
        self.fund(wallet, WALLET_LAMPORTS, &payment.mint, tokens)
            .await
    }

    /// Turns what anybody may turn, so that nothing ever gets stuck.
    async fn crank(
        &self,
        wallet: Keypair,
        stop: &CancellationToken,
        tasks: &mut JoinSet<Result<()>>,
    ) -> Result<()> {
        let mint = &self.report.payment_mint;
        self.fund(&wallet.pubkey(), OWN_LAMPORTS, mint, 0).await?;
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
        listener: TcpListener,
        stop: &CancellationToken,
        tasks: &mut JoinSet<Result<()>>,
    ) -> Result<()> {
        let url = self.parts.plan.market.store_url.clone();
        let folder = self.parts.folder.join("gateway");
        let mut config = gateway::in_folder(url, &folder, "--folder")?;
        config.sweep_every = Duration::from_secs(SWEEP_SECONDS);
        let chain = RpcChain(self.context.client.clone());
        let server = Gateway::open(config, chain).await?;
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
            self.fund(&me, OWN_LAMPORTS, mint, bond).await?;
            let join = oracle::join(&me, &committee, mint, &attester.pubkey(), bond);
            self.client
                .send(&[join], owner, &[])
                .await
                .with_context(|| format!("Oracle {number} has no seat in the committee, which a kept chain has from its first start: start with as many --oracles as then, or anew without --keep"))?;
        }
        let mut config = lode_oracle_agent::Config::new(
            self.client.clone(),
            self.context.gateways.clone(),
            attester.insecure_clone(),
            committee,
            self.parts.folder.join("oracles").join(number.to_string()),
        );
        config.poll = POLL;
        config.cache_bytes = CACHE_BYTES;
        config.paying = (!self.parts.args.no_crank).then(|| Paying {
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
        let folder = self.parts.folder.join("nodes").join(number.to_string());
        self.enter(&at, owner, &worker, &folder).await?;
        let config = AgentConfig {
            poll: POLL,
            memory_mib: u64::from(NODE_MEMORY_MIB),
            cache_bytes: CACHE_BYTES,
            emission: !self.parts.args.no_crank,
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

    /// Does what of a node is not done yet: a start that was broken off may have registered it and no more, and another plan
    /// has another market.
    async fn enter(
        &self,
        at: &Address,
        owner: &Keypair,
        worker: &Keypair,
        folder: &Path,
    ) -> Result<()> {
        let me = owner.pubkey();
        let market = self.report.market;
        let (stake_mint, payment_mint) = (&self.report.stake_mint, &self.report.payment_mint);
        let client = self.client;
        let node: Option<Node> = client.try_account(at).await?;
        let delegation = addresses::staking::delegation(at, &me);
        let has_staked = client.raw_account(&delegation).await?.is_some();
        let ledger = addresses::jobs::ledger(&market, at);
        let ledger: Option<Ledger> = client.try_account(&ledger).await?;
        let work = addresses::jobs::work(at);
        let has_work = client.raw_account(&work).await?.is_some();

        let (mut stake, mut money) = (0, 0);
        let (mut staking_part, mut market_part) = (Vec::new(), Vec::new());
        if node.is_none() {
            let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
            let keys = Identities::open(folder)?;
            let args = NodeArgs {
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
            staking_part.push(staking::register_node(&me, stake_mint, &payout, args));
        }
        // One that is jailed or leaves takes no stake.
        if !has_staked && node.is_none_or(|node| node.require_open().is_ok()) {
            stake = stake_mint.parse(NODE_STAKE)?;
            staking_part.push(staking::stake(&me, at, stake_mint, stake));
        }
        let is_in = |ledger: &Ledger| ledger.require_node().is_ok() && has_work;
        if !ledger.as_ref().is_some_and(is_in) {
            let cap = payment_mint.parse(NODE_MONEY)?;
            market_part.push(jobs::open_node_ledger(&me, &market, at, cap));
        }
        // Without money it could take no job.
        if ledger.is_none_or(|ledger| ledger.available == 0 && ledger.locked == 0) {
            money = payment_mint.parse(NODE_MONEY)?;
            market_part.push(jobs::deposit(&me, &market, at, payment_mint, money));
        }

        // One mint is both in the plan of the local network.
        if stake_mint.address == payment_mint.address {
            let tokens = stake.saturating_add(money);
            self.fund(&me, OWN_LAMPORTS, stake_mint, tokens).await?;
        } else {
            self.fund(&me, OWN_LAMPORTS, stake_mint, stake).await?;
            self.fund(&me, OWN_LAMPORTS, payment_mint, money).await?;
        }
        let worker = worker.pubkey();
        self.fund(&worker, OWN_LAMPORTS, payment_mint, 0).await?;
        // All together would not fit a transaction.
        for part in [staking_part, market_part] {
            if !part.is_empty() {
                client.send(&part, owner, &[]).await?;
            }
        }
        Ok(())
    }

    /// Where everything is, and what to type next.
    async fn tell(&self, network: &Localnet, payment: &Token) -> Result<()> {
        let (parts, report) = (self.parts, self.report);
        let wallet = parts.wallet.pubkey();
        let lamports = self.client.balance(&wallet).await?;
        let account = payment.mint.account_of(&wallet);
        let tokens = self.client.token_balance(&account).await?;
        let path = parts.wallet_path.display();
        self.context.out.sheet(vec![
            ("rpc", network.rpc_url().into()),
            ("websocket", network.ws_url().into()),
            ("mint", report.payment_mint.address.into()),
            ("committee", report.committee.into()),
            ("market", report.market.into()),
            ("wallet", wallet.into()),
            ("wallet_file", path.to_string().into()),
            ("wallet_sol", sol(lamports)),
            ("wallet_tokens", payment.cell(tokens)),
            (
                "keys",
                parts.folder.join("keys").display().to_string().into(),
            ),
        ]);
        let url = match parts.args.rpc_port {
            RPC_PORT => "localhost".to_string(),
            _ => network.rpc_url().to_string(),
        };
        let mut lode = format!("lode -u {url}");
        if !parts.wallet_is_usual {
            lode = format!("{lode} -k {path}");
        }
        let next = if parts.args.bare {
            // There is nobody who would store or run a job.
            format!(
                "  {lode} network show\n  {lode} account deposit 1000\nand what runs jobs, started by you:\n  {lode} gateway run --store {0} --listen 127.0.0.1:{1}\n  {lode} node register --help",
                parts.folder.join("gateway").display(),
                parts.args.gateway_port,
            )
        } else {
            format!("  {lode} account deposit 1000\n  {lode} job run examples/workloads/word-stats.wasm --price 1000 \\\n      --input examples/workloads/word-stats/keepers-book.txt -- /in/keepers-book.txt\n  {lode} account show")
        };
        self.context.out.note(&format!(
            "\nNext, in another terminal:\n{next}\nctrl-c stops the network."
        ));
        Ok(())
    }
}

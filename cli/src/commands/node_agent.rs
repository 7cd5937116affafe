//! The part of `lode node` that is the agent's: run it, drain it, say whether it can work.
use crate::context::{address_of, encryption_keys, Context};
use crate::exit::not_yet;
use crate::hooks::Hooks;
use crate::output::{parse_sol, Cell};
use crate::progress::Progress;
use crate::signers::key_file;
use crate::{shutdown, telemetry};
use anyhow::{bail, Result};
use lode_client::filter;
use lode_client::token::{MintInfo, Threshold};
use lode_jobs::state::Ledger;
use lode_node::doctor::{self, Level, Patient};
use lode_node::{local, AgentConfig, Conditions, Hours, Machine, When, Withdrawals};
use lode_staking::state::Node;
use serde_json::Value;
use solana_address::Address;
use solana_signer::Signer;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Commands of the agent.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Take jobs, run them, bring them to settlement
    Run(Box<Run>),
    /// Have the agent of this machine take no more jobs, and wait until nothing needs it
    Drain(Drain),
    /// Say whether this machine and its node can work, and how to mend what is wrong
    Doctor(Doctor),
    /// Show what the agent of this machine last said of itself; asks no server
    Status(Status),
    /// Print the key that private jobs are sealed for, which the agent of this folder opens; made if there is none
    Key(Key),
}

/// Where the agent keeps what it may not lose.
#[derive(clap::Args)]
struct Folder {
    /// Folder for results that are not settled yet and the cache
    #[arg(long, default_value = "lode-node", value_name = "FOLDER")]
    folder: PathBuf,
}

/// When the machine may take jobs.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("conditions").args(["when", "hours", "most_temperature"]).multiple(true))]
struct MachineConditions {
    /// Take jobs only while all of these hold: idle, charging, unmetered
    #[arg(long, value_delimiter = ',', value_name = "CONDITIONS")]
    when: Vec<When>,
    /// Take jobs only in these hours of this machine's time zone, such as 22-6
    #[arg(long, value_name = "FROM-TO")]
    hours: Option<Hours>,
    /// Take jobs only while no sensor shows so many degrees Celsius, and then again when it is five degrees cooler
    #[arg(long, value_name = "DEGREES", value_parser = clap::value_parser!(u8).range(30..=120))]
    most_temperature: Option<u8>,
    /// Give up what runs, too, so long after one of these ceased to hold; that costs a part of the job's escrow
    #[arg(long, value_name = "SECONDS", requires = "conditions")]
    give_up_after: Option<u64>,
}

impl From<MachineConditions> for Conditions {
    fn from(args: MachineConditions) -> Self {
        Self {
            when: args.when,
            hours: args.hours,
            most_temperature: args.most_temperature,
            give_up_after: args.give_up_after.map(Duration::from_secs),
        }
    }
}

/// Arguments of `node run`.
#[derive(clap::Args)]
pub struct Run {
    /// Keypair file of the node's worker
    #[arg(long, value_name = "FILE")]
    worker: PathBuf,
    /// The node, if the worker is not that of exactly one
    #[arg(long, value_name = "ADDRESS")]
    node: Option<Address>,
    #[command(flatten)]
    folder: Folder,
    /// Milliseconds between two looks at the chain
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(50..=600_000))]
    poll_millis: u64,
    /// Cores for jobs: as many run at the same time; without it, what the node offers and this machine has
    #[arg(long, visible_alias = "parallel", value_parser = clap::value_parser!(u16).range(1..=1024))]
    cores: Option<u16>,
    /// Memory for all jobs together, with what they read and write; without it, what the node offers
    #[arg(long, value_name = "MIB")]
    memory_mib: Option<u64>,
    /// Least price that it takes or bids, in tokens for a million units; without it, any
    #[arg(long, value_name = "TOKENS")]
    min_price: Option<Threshold>,
    /// Most MiB of fetched blobs that are kept
    #[arg(long, default_value_t = 4096, value_name = "MIB")]
    cache_mib: u64,
    /// Take private jobs also where a seat that may check them cannot open them: if one is asked, it costs the node
    #[arg(long)]
    blind_checks: bool,
    #[command(flatten)]
    conditions: MachineConditions,
    #[command(flatten)]
    metrics: telemetry::Metrics,
    #[command(flatten)]
    hooks: Hooks,
    /// An event is told when the worker has less than this for fees
    #[arg(long, default_value = "0.005", value_name = "SOL")]
    low_sol: String,
    /// An event is told when less than this is available in one of the node's accounts; without it, none is
    #[arg(long, value_name = "TOKENS")]
    low_account: Option<String>,
    /// Keypair file of the node's owner, to withdraw what is earned to his wallet; without it, he does so himself
    #[arg(long, value_name = "FILE", requires_all = ["keep", "withdraw_above"])]
    owner: Option<PathBuf>,
    /// With --owner: tokens that stay in each account of the node as collateral
    #[arg(long, value_name = "TOKENS", requires = "owner")]
    keep: Option<String>,
    /// With --owner: nothing is withdrawn until more tokens than this are available
    #[arg(long, value_name = "TOKENS", requires = "owner")]
    withdraw_above: Option<String>,
}

/// Arguments of `node drain`.
#[derive(clap::Args)]
pub struct Drain {
    #[command(flatten)]
    folder: Folder,
    /// Have the agent end when it is drained
    #[arg(long)]
    stop: bool,
    /// Take the order back: the agent takes jobs again
    #[arg(long, conflicts_with_all = ["stop", "no_wait", "timeout"])]
    resume: bool,
    /// Do not wait
    #[arg(long)]
    no_wait: bool,
    /// Seconds to wait at most; the order holds also after that
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
}

/// Arguments of `node status`.
#[derive(clap::Args)]
pub struct Status {
    #[command(flatten)]
    folder: Folder,
}

/// Arguments of `node key`.
#[derive(clap::Args)]
pub struct Key {
    #[command(flatten)]
    folder: Folder,
    /// Make a new one; those before stay in the folder, for jobs that were sealed for them
    #[arg(long)]
    rotate: bool,
}

/// Arguments of `node doctor`.
#[derive(clap::Args)]
pub struct Doctor {
    /// The node, if it is not the worker's or the wallet's only one
    #[arg(long, value_name = "ADDRESS")]
    node: Option<Address>,
    /// The node's worker: its keypair file or address
    #[arg(long, value_name = "FILE OR ADDRESS")]
    worker: Option<String>,
    #[command(flatten)]
    folder: Folder,
    /// Where the agent is to tell its metrics
    #[arg(long, value_name = "ADDRESS", value_parser = lode_telemetry::loopback)]
    metrics: Option<SocketAddr>,
    /// Most MiB of fetched blobs that the agent keeps
    #[arg(long, default_value_t = 4096, value_name = "MIB")]
    cache_mib: u64,
    /// Leave out the test of the runtime, which takes a minute
    #[arg(long)]
    quick: bool,
}

pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Run(args) => serve(*args, context).await,
        Command::Drain(args) => drain(args, context).await,
        Command::Status(args) => status(&args, context),
        Command::Doctor(args) => examine(args, context).await,
        Command::Key(args) => key(&args, context),
    }
}

/// The node of this address, or the only one whose worker has this key.
async fn node_of(
    named: Option<Address>,
    worker: &Address,
    context: &Context,
) -> Result<(Address, Node)> {
    if let Some(at) = named {
        return Ok((at, context.client.get_account(&at).await?));
    }
    let mut found = context
        .client
        .get_program_accounts::<Node>(&[filter!(Node, worker, *worker)])
        .await?;
    match (found.pop(), found.len()) {
        (Some(only), 0) => Ok(only),
        (Some(_), others) => bail!(
            "The key {worker} is the worker of {} nodes: name one with --node",
            others + 1
        ),
        (None, _) => bail!("The key {worker} is no node's worker: register a node with `lode node register --worker {worker}`"),
    }
}

/// When money leaves the node's accounts, if the owner's key is at hand.
async fn withdrawals(
    args: &Run,
    node: &Node,
    ledgers: &[(Address, Ledger)],
    context: &Context,
) -> Result<Option<Withdrawals>> {
    let (Some(owner), Some(keep), Some(above)) = (&args.owner, &args.keep, &args.withdraw_above)
    else {
        return Ok(None);
    };
    let owner = key_file(owner, "--owner")?;
    if owner.pubkey() != node.owner {
        bail!(
            "The owner of this node is {}, the key given with --owner is {}: give the owner's",
            node.owner,
            owner.pubkey()
        );
    }
    for mint in mints(ledgers, context).await? {
        if mint.parse(above)? < mint.parse(keep)? {
            bail!("--withdraw-above {above} is less than --keep {keep}: nothing could stay");
        }
    }
    Ok(Some(Withdrawals {
        owner: Arc::new(owner),
        keep: keep.clone(),
        above: above.clone(),
    }))
}

fn key(args: &Key, context: &Context) -> Result<()> {
    let mut keys = encryption_keys(&args.folder.folder)?;
    if args.rotate {
        keys = keys.rotate()?;
    }
    let key = keys.current().to_string();
    context.out.sheet(vec![
        ("encryption_key", key.clone().into()),
        ("keys_in_the_folder", keys.all().len().into()),
    ]);
    context.out.note(&format!(
        "Next: the owner publishes it with `lode node update --encryption-key {key}`; an agent that runs reads it at its next start."
    ));
    Ok(())
}

/// The tokens of the markets in which the node has an account.
async fn mints(ledgers: &[(Address, Ledger)], context: &Context) -> Result<Vec<MintInfo>> {
    let mut mints = Vec::new();
    for (_, ledger) in ledgers {
        let (_, market) = context.market(Some(ledger.market)).await?;
        mints.push(context.client.mint(&market.mint).await?);
    }
    Ok(mints)
}

async fn serve(args: Run, context: &Context) -> Result<()> {
    let worker = key_file(&args.worker, "--worker")?;
    let (at, node) = node_of(args.node, &worker.pubkey(), context).await?;
    let ledgers = context
        .client
        .get_program_accounts::<Ledger>(&[filter!(Ledger, party, at)])
        .await?;
    if ledgers.is_empty() {
        bail!("The node {at} has no account in any market: open one with `lode account open --node {at} --locked-cap AMOUNT`");
    }
    let withdrawals = withdrawals(&args, &node, &ledgers, context).await?;
    let here = std::thread::available_parallelism().map_or(1, |n| n.get());
    let cores = args
        .cores
        .map_or(usize::from(node.cores).min(here), usize::from);
    let mut config = AgentConfig::new(at, Arc::new(worker), args.folder.folder);
    config.poll = Duration::from_millis(args.poll_millis);
    config.blind_checks = args.blind_checks;
    config.cores = cores.max(1);
    config.memory_mib = args.memory_mib.unwrap_or(u64::from(node.memory_mib));
    config.min_price = args.min_price.unwrap_or_default();
    config.cache_bytes = args.cache_mib.saturating_mul(1 << 20);
    config.withdrawals = withdrawals;
    config.fee_payer = context.fee_payer()?.map(Arc::new);
    config.conditions = args.conditions.into();
    config.gateways = context.gateways.clone();
    config.low_lamports = parse_sol("--low-sol", &args.low_sol)?;
    if let Some(low) = &args.low_account {
        for mint in mints(&ledgers, context).await? {
            mint.parse(low)?;
        }
    }
    config.low_ledger = args.low_account;
    let stop = shutdown::token()?;
    let (notices, delivery) = args.hooks.start("node")?;
    config.notices = notices;
    config.telemetry = args.metrics.start("node", &stop).await?;
    context.out.note(&format!(
        "The node {at} takes jobs in {} market(s), {} at a time in {} MiB together; ctrl-c stops it.",
        ledgers.len(),
        config.cores,
        config.memory_mib
    ));
    let hear = shutdown::channel(&stop);
    let ended = lode_node::run(config, context.client.clone(), hear).await;
    delivery.finish().await;
    Ok(ended?)
}

fn require_agent(folder: &Path) -> Result<()> {
    if !local::is_running(folder)? {
        bail!(
            "No agent uses the folder {}: name the one that it was started with, with --folder",
            folder.display()
        );
    }
    Ok(())
}

async fn drain(args: Drain, context: &Context) -> Result<()> {
    let folder = args.folder.folder;
    if args.resume {
        let was = local::resume(&folder)?;
        context.out.sheet(vec![("resumed", was.into())]);
        if !was {
            context
                .out
                .note("There was no order to drain in this folder.");
        }
        return Ok(());
    }
    require_agent(&folder)?;
    let order = local::drain(&folder, args.stop)?;
    if args.no_wait {
        context.out.sheet(vec![("drained", false.into())]);
        return Ok(());
    }
    let progress = Progress::start("waiting for the agent to hear it");
    let begun = Instant::now();
    loop {
        let running = local::is_running(&folder)?;
        let status = local::status(&folder)?.filter(|status| status.drain == Some(order.id));
        if let Some(status) = &status {
            if status.drained && (!args.stop || !running) {
                drop(progress);
                context.out.sheet(vec![
                    ("drained", true.into()),
                    ("node", status.node.clone().into()),
                    ("wait_for_their_window", status.waiting.into()),
                    ("agent_runs", running.into()),
                ]);
                return Ok(());
            }
            progress.say(format!(
                "{} jobs run, {} to bring to their end",
                status.running, status.unfinished
            ));
        }
        if !running {
            bail!("The agent ended before it was drained: start it again, it goes on where it was and takes no new jobs");
        }
        if args
            .timeout
            .is_some_and(|most| begun.elapsed() >= Duration::from_secs(most))
        {
            let left = status.map_or(0, |status| status.running.max(status.unfinished));
            not_yet!("{left} jobs are not at their end yet: the order holds, wait with the same command again or take it back with --resume");
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Prints what the agent of this machine last said of itself.
fn status(args: &Status, context: &Context) -> Result<()> {
    let folder = &args.folder.folder;
    let Some(status) = local::status(folder)? else {
        bail!(
            "No agent has used the folder {}: name the one that it was started with, with --folder",
            folder.display()
        );
    };
    let held = Cell::new(status.held.join("; "), status.held.clone().into());
    context.out.sheet(vec![
        ("node", status.node.clone().into()),
        ("agent_runs", local::is_running(folder)?.into()),
        ("version", status.version.clone().into()),
        ("seconds_ago", status.age().as_secs().into()),
        ("takes_no_jobs_because", held),
        ("draining", status.drain.is_some().into()),
        ("running", status.running.into()),
        ("unfinished", status.unfinished.into()),
        ("wait_for_their_window", status.waiting.into()),
    ]);
    Ok(())
}

async fn examine(args: Doctor, context: &Context) -> Result<()> {
    let worker = args.worker.as_deref().map(address_of).transpose()?;
    let node = match (&worker, args.node) {
        (Some(worker), named) => node_of(named, worker, context).await,
        (None, named) => context.node(named).await,
    };
    let mut servers = vec![context.settings.rpc_url.clone()];
    servers.extend(context.settings.fallback_urls.iter().cloned());
    let patient = Patient {
        servers,
        node: node.map(|(at, _)| at).map_err(|error| error.to_string()),
        worker,
        fee_payer: context.fee_payer()?.map(|payer| payer.pubkey()),
        machine: Machine::default(),
        gateways: context.gateways.clone(),
        folder: args.folder.folder,
        metrics: args.metrics,
        cache_bytes: args.cache_mib.saturating_mul(1 << 20),
        runtime: !args.quick,
    };
    let progress = Progress::start("looking");
    let found = doctor::examine(&patient, &context.client, |what| {
        progress.say(format!("looking at {what}"));
    })
    .await;
    drop(progress);
    let failed = found.iter().filter(|f| f.level == Level::Fail).count();
    let all = found.len();
    let rows = found.into_iter().map(|finding| {
        vec![
            Cell::from(finding.level.name()),
            finding.check.into(),
            finding.found.into(),
            finding
                .mend
                .map_or_else(|| Cell::new("", Value::Null), Cell::from),
        ]
    });
    let columns = ["level", "check", "found", "mend"];
    context.out.table(&columns, rows.collect(), "");
    if failed > 0 {
        bail!("{failed} of {all} checks fail: mend them as the last column says");
    }
    Ok(())
}

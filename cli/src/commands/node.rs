//! `lode node`.
use crate::context::{address_of, encryption_keys, known, Context};
use crate::nodes::NodesArgs;
use crate::output::{bps, time, Cell};
use anyhow::{bail, Result};
use lode_client::instructions::staking;
use lode_client::nodes::{class_name, parse_class, parse_region, region_name};
use lode_client::{addresses, filter, token};
use lode_jobs::state::Ledger;
use lode_sealed::Recipient;
use lode_staking::state::{Delegation, Node, NodeDescription, StakingConfig};
use lode_staking::NodeArgs;
use serde_json::json;
use solana_address::Address;
use solana_signer::Signer;
use std::path::PathBuf;

/// Commands of nodes.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Open a node
    Register(Register),
    /// Stake on a node
    Stake {
        /// Tokens, such as 1000
        amount: String,
        /// The node, if it is not the wallet's only one
        #[arg(long, value_name = "ADDRESS")]
        node: Option<Address>,
    },
    /// Show a node
    Show {
        /// The node, if it is not the wallet's only one
        node: Option<Address>,
    },
    /// List nodes
    List {
        /// Only those of this owner
        #[arg(long, value_name = "ADDRESS")]
        owner: Option<Address>,
        #[command(flatten)]
        nodes: NodesArgs,
    },
    /// Declare anew what a machine is; what is not named stays
    Update(Update),
    #[command(flatten)]
    Agent(super::node_agent::Command),
    #[command(flatten)]
    Owner(super::node_keys::Command),
}

/// Arguments of `node register`.
#[derive(clap::Args)]
pub struct Register {
    /// Hot key of the machine: its keypair file or address. It needs a little SOL for fees
    #[arg(long, value_name = "FILE OR ADDRESS")]
    worker: String,
    /// Which of the wallet's nodes
    #[arg(long, default_value_t = 0)]
    index: u32,
    /// Class of the machine, for customers to filter by: phone, desktop, server, unknown, or a number
    #[arg(long, default_value = "unknown")]
    class: String,
    /// Processor cores offered; without it, all of this machine
    #[arg(long)]
    cores: Option<u16>,
    /// Memory offered to jobs
    #[arg(long, default_value_t = 1024, value_name = "MIB")]
    memory_mib: u32,
    /// Country of the machine, for customers to filter by: an ISO 3166 code such as DE
    #[arg(long, value_name = "CODE")]
    region: Option<String>,
    /// Folder of the agent on this machine: its encryption key, made there if it has none, is published for private jobs
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Do not check this machine first, as `lode runtime verify` does; where the worker is given by its address, the
    /// machine is another, and is not checked here
    #[arg(long)]
    no_verify: bool,
}

/// Arguments of `node update`.
#[derive(clap::Args)]
pub struct Update {
    /// The node, if it is not the wallet's only one
    #[arg(long, value_name = "ADDRESS")]
    node: Option<Address>,
    /// Class of the machine: phone, desktop, server, unknown, or a number
    #[arg(long)]
    class: Option<String>,
    /// Processor cores offered
    #[arg(long)]
    cores: Option<u16>,
    /// Memory offered to jobs
    #[arg(long, value_name = "MIB")]
    memory_mib: Option<u32>,
    /// Country of the machine, an ISO 3166 code such as DE; `none` takes it back
    #[arg(long, value_name = "CODE")]
    region: Option<String>,
    /// Key that private jobs are sealed for, as `lode node key` prints it; `none` takes it back
    #[arg(long, value_name = "KEY")]
    encryption_key: Option<String>,
}

pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Register(args) => register(args, context).await,
        Command::Stake { amount, node } => {
            let (at, _) = context.node(node).await?;
            super::stake::delegate(&amount, &at, context).await
        }
        Command::Show { node } => show(node, context).await,
        Command::List { owner, nodes } => list(owner, &nodes, context).await,
        Command::Update(args) => update(args, context).await,
        Command::Agent(command) => super::node_agent::run(command, context).await,
        Command::Owner(command) => super::node_keys::run(command, context).await,
    }
}

async fn register(args: Register, context: &Context) -> Result<()> {
    let worker = address_of(&args.worker)?;
    let class = parse_class(&args.class)?;
    let region = parse_region_or_none(args.region.as_deref())?;
    let key = match &args.folder {
        Some(folder) => encryption_keys(folder)?.current().0,
        None => [0; 32],
    };
    let wallet = context.wallet()?;
    let me = wallet.pubkey();
    let config: StakingConfig = context
        .client
        .get_account(&addresses::staking::config())
        .await?;
    let stake = context.token(&config.stake_mint).await?;
    let at = addresses::staking::node(&me, args.index);
    if context.client.try_account::<Node>(&at).await?.is_some() {
        bail!(
            "The wallet's node {} is registered already, at {at}: take another with --index",
            args.index
        );
    }
    // Whose key lies here works here.
    let verify = !args.no_verify && known(&args.worker)?.is_none();
    if verify {
        super::runtime::require_machine(context).await?;
    }
    let cores = args.cores.unwrap_or_else(|| {
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
        u16::try_from(cores).unwrap_or(u16::MAX)
    });
    let payout = stake.mint.account_of(&me);
    let node = NodeArgs {
        index: args.index,
        worker,
        description: NodeDescription {
            class,
            cores,
            memory_mib: args.memory_mib,
            region,
            encryption_key: key,
            ..NodeDescription::default()
        },
    };
    let instructions = [
        token::open_associated(&me, &me, &stake.mint),
        staking::register_node(&me, &stake.mint, &payout, node),
    ];
    let sent = context
        .send("registering the node", &instructions, &wallet, &[])
        .await?;
    context.out.sheet(vec![
        ("node", at.into()),
        ("worker", worker.into()),
        ("payout", payout.into()),
        ("machine_verified", verify.into()),
        ("signature", sent.signature.to_string().into()),
    ]);
    context.out.note(&format!(
        "Next: `lode node stake {}`, then `lode account open --node {at} --locked-cap AMOUNT`.",
        stake.mint.show(config.minimum_self_stake)
    ));
    Ok(())
}

/// A region as an option: nothing, or the word, for none.
fn parse_region_or_none(text: Option<&str>) -> Result<[u8; 2]> {
    match text {
        None | Some("none") => Ok([0; 2]),
        Some(code) => Ok(parse_region(code)?),
    }
}

/// The class in words, or as the chain has it.
fn class(node: &Node) -> Cell {
    Cell::new(class_name(node.class), json!(node.class))
}

fn encryption_key(node: &Node) -> Cell {
    match Recipient(node.encryption_key) {
        Recipient([0, rest @ ..]) if rest == [0; 31] => Cell::none(),
        key => key.to_string().into(),
    }
}

fn region(node: &Node) -> Cell {
    region_name(node.region).map_or_else(Cell::none, Cell::from)
}

async fn update(args: Update, context: &Context) -> Result<()> {
    let (wallet, at, node) = super::node_keys::own(args.node, context).await?;
    let class = args.class.as_deref().map(parse_class).transpose()?;
    let region = match args.region.as_deref() {
        None => node.region,
        given => parse_region_or_none(given)?,
    };
    let description = NodeDescription {
        class: class.unwrap_or(node.class),
        cores: args.cores.unwrap_or(node.cores),
        memory_mib: args.memory_mib.unwrap_or(node.memory_mib),
        region,
        metadata: node.metadata,
        encryption_key: match args.encryption_key.as_deref() {
            None => node.encryption_key,
            Some("none") => [0; 32],
            Some(text) => text.parse::<Recipient>()?.0,
        },
    };
    let instruction = staking::update_node(&wallet.pubkey(), &at, description);
    let sent = context
        .send(
            "declaring what the machine is",
            &[instruction],
            &wallet,
            &[],
        )
        .await?;
    let look = format!("`lode node show {at}`");
    let node: Node = context.read_back(&at, &sent, &look).await?;
    context.out.sheet(vec![
        ("node", at.into()),
        ("class", self::class(&node)),
        ("cores", node.cores.into()),
        ("memory_mib", node.memory_mib.into()),
        ("region", self::region(&node)),
        ("encryption_key", encryption_key(&node)),
        ("signature", sent.signature.to_string().into()),
    ]);
    Ok(())
}

/// The state in a word.
pub fn state(node: &Node) -> &'static str {
    if node.is_exiting() {
        "exiting"
    } else if node.is_jailed() {
        "jailed"
    } else {
        "active"
    }
}

async fn show(named: Option<Address>, context: &Context) -> Result<()> {
    let (at, node) = context.node(named).await?;
    let config: StakingConfig = context
        .client
        .get_account(&addresses::staking::config())
        .await?;
    let token = context.token(&config.stake_mint).await?;
    let delegations = context
        .client
        .get_program_accounts::<Delegation>(&[filter!(Delegation, node, at)])
        .await?;
    let ledgers = context
        .client
        .get_program_accounts::<Ledger>(&[filter!(Ledger, party, at)])
        .await?;
    context.out.sheet(vec![
        ("node", at.into()),
        ("state", state(&node).into()),
        ("owner", node.owner.into()),
        ("index", node.index.into()),
        ("worker", node.worker.into()),
        ("payout", node.payout.into()),
        ("stake", token.cell(node.stake)),
        (
            "own_active_stake",
            token.cell(node.self_stake().unwrap_or_default()),
        ),
        (
            "active_stake",
            token.cell(node.active_stake().unwrap_or_default()),
        ),
        (
            "may_accept_jobs",
            (node.require_open().is_ok() && node.skin_is_in(&config).unwrap_or(false)).into(),
        ),
        ("commission", bps(node.commission)),
        ("rewards_owed", token.cell(node.rewards_owed)),
        ("commission_owed", token.cell(node.commission_owed)),
        ("slashed", token.cell(node.slashed_total)),
        ("jailed_until", time(node.jailed_until)),
        ("class", class(&node)),
        ("cores", node.cores.into()),
        ("memory_mib", node.memory_mib.into()),
        ("region", region(&node)),
        ("encryption_key", encryption_key(&node)),
        ("delegations", delegations.len().into()),
        ("markets", ledgers.len().into()),
    ]);
    Ok(())
}

async fn list(owner: Option<Address>, wanted: &NodesArgs, context: &Context) -> Result<()> {
    let wanted = wanted.wanted().filter()?;
    let filters: Vec<_> = owner
        .map(|owner| filter!(Node, owner, owner))
        .into_iter()
        .collect();
    let mut nodes = context
        .client
        .get_program_accounts::<Node>(&filters)
        .await?;
    nodes.retain(|(_, node)| wanted.require(node).is_ok());
    nodes.sort_by_key(|(at, _)| *at);
    let config: StakingConfig = context
        .client
        .get_account(&addresses::staking::config())
        .await?;
    let token = context.token(&config.stake_mint).await?;
    let rows = nodes.iter().map(|(at, node)| {
        vec![
            Cell::from(*at),
            state(node).into(),
            node.owner.into(),
            token.cell(node.stake),
            class(node),
            node.cores.into(),
            node.memory_mib.into(),
            region(node),
            bps(node.commission),
        ]
    });
    context.out.table(
        &[
            "node",
            "state",
            "owner",
            "stake",
            "class",
            "cores",
            "memory_mib",
            "region",
            "commission",
        ],
        rows.collect(),
        "No node: register one with `lode node register`.",
    );
    Ok(())
}

//! `lode oracle`.
use crate::context::{address_of, Context};
use crate::hooks::Hooks;
use crate::output::{parse_sol, sol, time, Cell};
use crate::signers::key_file;
use crate::{shutdown, telemetry};
use anyhow::{bail, Context as _, Result};
use lode_client::accounts::DISCRIMINATOR_BYTES;
use lode_client::instructions::oracle;
use lode_client::token::Threshold;
use lode_client::{addresses, token};
use lode_localnet::{from_toml, CommitteePlan};
use lode_oracle::state::{Committee, Oracle, Seat};
use lode_oracle_agent::{Config, OracleAgent, Paying};
use solana_address::Address;
use solana_signer::Signer;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How often an oracle looks whether it earned something.
const COLLECT_EVERY: Duration = Duration::from_secs(30);

/// Commands of committees and oracles.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Found a committee; its terms hold for ever
    CreateCommittee(Create),
    /// Bond and take a seat
    Join(Join),
    /// Re-execute the jobs that your seat is drawn for, and sign
    Run(Run),
    /// Show a committee and its seats
    Show {
        /// The committee, if there are several
        #[arg(long, value_name = "ADDRESS")]
        committee: Option<Address>,
        /// List all committees
        #[arg(long, conflicts_with = "committee")]
        all: bool,
    },
    #[command(flatten)]
    Seat(super::oracle_seat::Command),
    #[command(flatten)]
    Members(super::oracle_members::Command),
}

/// Arguments of `oracle create-committee`.
#[derive(clap::Args)]
pub struct Create {
    /// The terms in TOML, as the section [committee] of migrations/localnet.toml without its head; `mint` is an address
    terms: PathBuf,
    /// A wallet that may join in the first day; once for each
    #[arg(long = "founder", value_name = "ADDRESS")]
    founders: Vec<Address>,
}

/// Arguments of `oracle join`.
#[derive(clap::Args)]
pub struct Join {
    /// The committee, if there are several
    #[arg(long, value_name = "ADDRESS")]
    committee: Option<Address>,
    /// Hot key that will sign verdicts: its keypair file or address
    #[arg(long, value_name = "FILE OR ADDRESS")]
    attester: String,
    /// Bond in tokens; without it, the least the committee takes
    #[arg(long, value_name = "AMOUNT")]
    bond: Option<String>,
}

/// Arguments of `oracle run`.
#[derive(clap::Args)]
pub struct Run {
    /// The committee, if there are several
    #[arg(long, value_name = "ADDRESS")]
    committee: Option<Address>,
    /// Keypair file of the hot key that signs verdicts
    #[arg(long, value_name = "FILE")]
    attester: PathBuf,
    /// Folder for the journal and the cache; keep it, it is what stops you from signing twice
    #[arg(long, default_value = "lode-oracle", value_name = "FOLDER")]
    folder: PathBuf,
    /// Seconds between two looks at the chain
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    poll_seconds: u64,
    /// Jobs that run at the same time
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    parallel: u16,
    /// Memory that they take together, MiB, with what they read and write; what needs more than all of it runs alone
    #[arg(long, default_value_t = 2048, value_name = "MIB")]
    memory_mib: u64,
    /// Most MiB of fetched blobs that are kept
    #[arg(long, default_value_t = 4096)]
    cache_mib: u64,
    /// Keypair file that pays for transactions: brings signatures that nobody else brings in time, collects and redeems
    /// what the seat earns. Without it the seat counts as silent where it found a match that the node does not bring
    #[arg(long, value_name = "FILE")]
    pay_with: Option<PathBuf>,
    /// Least that is worth a redemption, in tokens of the market; without it, anything
    #[arg(long, value_name = "TOKENS", requires = "pay_with")]
    collect_least: Option<Threshold>,
    /// SOL that the payer keeps
    #[arg(
        long,
        default_value = "0.01",
        value_name = "SOL",
        requires = "pay_with"
    )]
    floor: String,
    #[command(flatten)]
    metrics: telemetry::Metrics,
    #[command(flatten)]
    hooks: Hooks,
    /// An event is told when the payer has less than this for fees
    #[arg(
        long,
        default_value = "0.02",
        value_name = "SOL",
        requires = "pay_with"
    )]
    low_sol: String,
}

pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::CreateCommittee(args) => create(args, context).await,
        Command::Join(args) => join(args, context).await,
        Command::Run(args) => serve(args, context).await,
        Command::Show { all: true, .. } => list(context).await,
        Command::Show { committee, .. } => show(committee, context).await,
        Command::Members(command) => super::oracle_members::run(command, context).await,
        Command::Seat(command) => super::oracle_seat::run(command, context).await,
    }
}

async fn create(args: Create, context: &Context) -> Result<()> {
    let name = args.terms.display();
    let text = std::fs::read_to_string(&args.terms)
        .with_context(|| format!("The terms {name} cannot be read: name another file"))?;
    let plan: CommitteePlan = from_toml(&text)
        .with_context(|| format!("The terms {name} are not right: compare them with the section [committee] of migrations/localnet.toml"))?;
    let mint: Address = plan.mint.parse().with_context(|| {
        format!(
            "`{}` is no mint: in a file of terms `mint` is an address",
            plan.mint
        )
    })?;
    let founders = [&plan.founders[..], &args.founders].concat();
    if founders.is_empty() {
        bail!("A committee needs founders: name the wallets that may join in its first day with --founder");
    }
    let wallet = context.wallet()?;
    let me = wallet.pubkey();
    let terms = plan.args(&me);
    let instruction = oracle::create_committee(&me, &mint, terms, founders);
    let at = addresses::oracle::committee(&me, plan.id);
    let bytes = DISCRIMINATOR_BYTES + size_of::<Committee>();
    let made = format!("the committee {at}");
    let rent = context.confirm_for_ever(&made, &[bytes]).await?;
    let sent = context
        .send("founding the committee", &[instruction], &wallet, &[])
        .await?;
    context.out.sheet(vec![
        ("committee", at.into()),
        ("rent_locked", sol(rent)),
        ("signature", sent.signature.to_string().into()),
    ]);
    Ok(())
}

async fn join(args: Join, context: &Context) -> Result<()> {
    let attester = address_of(&args.attester)?;
    let wallet = context.wallet()?;
    let me = wallet.pubkey();
    let (at, committee) = context.committee(args.committee).await?;
    let token = context.token(&committee.bond_mint).await?;
    let bond = match &args.bond {
        Some(text) => token.parse("--bond", text)?,
        None => committee.minimum_bond,
    };
    context.require_tokens(&me, &token, bond).await?;
    let instructions = [
        token::open_associated(&me, &me, &token.mint),
        oracle::join(&me, &at, &token.mint, &attester, bond),
    ];
    let sent = context
        .send("joining the committee", &instructions, &wallet, &[])
        .await?;
    let oracle_at = addresses::oracle::oracle(&at, &me);
    let look = format!("`lode oracle show --committee {at}`");
    let joined: Oracle = context.read_back(&oracle_at, &sent, &look).await?;
    context.out.sheet(vec![
        ("oracle", oracle_at.into()),
        ("committee", at.into()),
        ("seat", joined.seat.into()),
        ("attester", attester.into()),
        ("bond", token.cell(joined.bond)),
        ("signature", sent.signature.to_string().into()),
    ]);
    Ok(())
}

async fn serve(args: Run, context: &Context) -> Result<()> {
    let attester = key_file(&args.attester, "--attester")?;
    let (committee, _) = context.committee(args.committee).await?;
    context.out.note(&format!(
        "Serving committee {committee} as {}; ctrl-c stops it.",
        attester.pubkey()
    ));
    let mut config = Config::new(
        context.client.clone(),
        context.gateways.clone(),
        attester,
        committee,
        args.folder,
    );
    config.poll = Duration::from_secs(args.poll_seconds);
    config.parallel = usize::from(args.parallel);
    config.memory_mib = args.memory_mib;
    config.cache_bytes = args.cache_mib.saturating_mul(1 << 20);
    if let Some(path) = &args.pay_with {
        config.paying = Some(Paying {
            payer: Arc::new(key_file(path, "--pay-with")?),
            least: args.collect_least.unwrap_or_default(),
            floor: parse_sol("--floor", &args.floor)?,
            collect_every: COLLECT_EVERY,
        });
    } else {
        tracing::warn!("without --pay-with this seat counts as silent where it found a match that the node does not bring to the chain");
    }
    let stop = shutdown::token()?;
    config.low_lamports = parse_sol("--low-sol", &args.low_sol)?;
    let (notices, delivery) = args.hooks.start("oracle")?;
    config.notices = notices;
    config.telemetry = args.metrics.start("oracle", &stop).await?;
    let ended = OracleAgent::run(config, stop).await;
    delivery.finish().await;
    Ok(ended?)
}

/// The state of a taken seat in a word.
pub fn seat_state(seat: &Seat, now: i64) -> &'static str {
    if seat.is_reserved() {
        "reserved"
    } else if seat.is_eligible(now) {
        "serves"
    } else if now < seat.active_from {
        "not yet"
    } else {
        "left"
    }
}

async fn show(named: Option<Address>, context: &Context) -> Result<()> {
    let (at, committee) = context.committee(named).await?;
    let token = context.token(&committee.bond_mint).await?;
    let now = context.client.clock().await?.unix_timestamp;
    let taken: Vec<_> = (0u8..)
        .zip(&committee.seats)
        .filter(|(_, seat)| !seat.is_free())
        .collect();
    let oracles_at: Vec<Address> = taken
        .iter()
        .map(|(_, seat)| addresses::oracle::oracle(&at, &seat.owner))
        .collect();
    let oracles = context.client.get_accounts::<Oracle>(&oracles_at).await?;
    context.out.note(&format!(
        "Committee {at}, governor {}, panel {}, bond at least {}, jobs of at most {} units, {} MiB of memory, blobs of {} bytes",
        committee.governor,
        committee.k,
        token.show(committee.minimum_bond),
        committee.most_units,
        committee.most_memory_mib,
        committee.most_blob,
    ));
    let rows = taken.iter().zip(&oracles).map(|((number, seat), oracle)| {
        let of = |get: fn(&Oracle) -> Cell| oracle.as_ref().map_or_else(Cell::none, get);
        vec![
            Cell::from(*number),
            seat_state(seat, now).into(),
            seat.owner.into(),
            seat.attester.into(),
            time(seat.active_from),
            time(seat.left_at),
            oracle
                .as_ref()
                .map_or_else(Cell::none, |o| token.cell(o.bond)),
            of(|o| o.misses.into()),
            of(|o| o.faults.into()),
        ]
    });
    context.out.table(
        &[
            "seat", "state", "owner", "attester", "from", "until", "bond", "misses", "faults",
        ],
        rows.collect(),
        "Nobody sits here yet.",
    );
    Ok(())
}

async fn list(context: &Context) -> Result<()> {
    let mut all = context
        .client
        .get_program_accounts::<Committee>(&[])
        .await?;
    all.sort_by_key(|(at, _)| *at);
    let now = context.client.clock().await?.unix_timestamp;
    let rows = all.iter().map(|(at, committee)| {
        vec![
            Cell::from(*at),
            committee.governor.into(),
            committee.pending_governor.into(),
            committee.k.into(),
            committee.eligible(now).count_ones().into(),
            committee.most_units.into(),
            committee.bond_mint.into(),
        ]
    });
    context.out.table(
        &[
            "committee",
            "governor",
            "pending_governor",
            "panel",
            "serving",
            "most_units",
            "bond_mint",
        ],
        rows.collect(),
        "No committee: found one with `lode oracle create-committee`.",
    );
    Ok(())
}

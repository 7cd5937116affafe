//! `lode watch`.
use crate::context::Context;
use crate::output::{parse_sol, Token};
use crate::{shutdown, telemetry};
use anyhow::{bail, Result};
use lode_client::filter;
use lode_jobs::state::Ledger;
use lode_oracle_agent::{WatchConfig, WatchPolicy, Watcher};
use solana_address::Address;
use solana_signer::Signer;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Commands of watchers.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Run results of others again, and challenge lies from your wallet's account
    Run(Run),
}

/// Arguments of `watch run`.
#[derive(clap::Args)]
pub struct Run {
    /// Only this market; once for each. Without it all in which your wallet has an account
    #[arg(long = "market", value_name = "ADDRESS")]
    markets: Vec<Address>,
    /// Most that bonds may lock at the same time, in each market, in tokens
    #[arg(long, value_name = "AMOUNT")]
    budget: String,
    /// Share of results that are looked at, in per cent
    #[arg(long, default_value = "100", value_name = "PERCENT")]
    fraction: String,
    /// Leave results of a smaller escrow alone, in tokens
    #[arg(long, default_value = "0", value_name = "AMOUNT")]
    least_escrow: String,
    /// Do not appeal against a panel's wrong verdict, whose bond is larger
    #[arg(long)]
    no_appeals: bool,
    /// Also challenge results whose spec, module or input the store does not have; loses the bond if a panel finds it
    #[arg(long)]
    challenge_missing: bool,
    /// Folder for the cache and the secret that says which results are looked at
    #[arg(long, default_value = "lode-watch", value_name = "FOLDER")]
    folder: PathBuf,
    /// Jobs that run at the same time
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    parallel: u16,
    /// Memory that they take together, MiB
    #[arg(long, default_value_t = 2048, value_name = "MIB")]
    memory_mib: u64,
    /// Most MiB of fetched blobs that are kept
    #[arg(long, default_value_t = 4096)]
    cache_mib: u64,
    /// Seconds between two looks at the chain
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    poll_seconds: u64,
    /// SOL that the wallet keeps: steps of its challenges are not sent below
    #[arg(long, default_value = "0.01", value_name = "SOL")]
    floor: String,
    #[command(flatten)]
    metrics: telemetry::Metrics,
}

pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Run(args) => watch(args, context).await,
    }
}

/// The one token in which the watched markets are paid: amounts are written in it.
async fn token(named: &[Address], wallet: Address, context: &Context) -> Result<Token> {
    let mut markets = named.to_vec();
    if markets.is_empty() {
        let ledgers = context
            .client
            .get_program_accounts::<Ledger>(&[filter!(Ledger, party, wallet)])
            .await?;
        markets.extend(ledgers.iter().map(|(_, ledger)| ledger.market));
    }
    let mut mints = Vec::new();
    for market in markets {
        mints.push(context.market(Some(market)).await?.1.mint);
    }
    mints.sort_unstable();
    mints.dedup();
    match mints.as_slice() {
        [mint] => context.token(mint).await,
        [] => bail!("Your wallet has no account in any market, and bonds come from there: `lode account deposit AMOUNT` opens one"),
        _ => bail!("These markets are paid in {} different tokens: name those of one with --market, and start a watcher for each token", mints.len()),
    }
}

async fn watch(args: Run, context: &Context) -> Result<()> {
    let wallet = Arc::new(context.keypair()?);
    let token = token(&args.markets, wallet.pubkey(), context).await?;
    let fraction = lode_client::token::parse(&args.fraction, 2)?;
    let Some(fraction_bps) = u16::try_from(fraction).ok().filter(|bps| *bps <= 10_000) else {
        bail!(
            "`{}` is no share: --fraction takes 0 to 100 per cent",
            args.fraction
        );
    };
    let policy = WatchPolicy {
        fraction_bps,
        least_escrow: token.parse("--least-escrow", &args.least_escrow)?,
        budget: token.parse("--budget", &args.budget)?,
        appeals: !args.no_appeals,
        missing: args.challenge_missing,
    };
    let stop = shutdown::token()?;
    let telemetry = args.metrics.start("watch", &stop).await?;
    context.out.note(&format!(
        "Watching for {}, bonds of at most {} in each market; ctrl-c stops it.",
        wallet.pubkey(),
        token.show(policy.budget)
    ));
    let config = WatchConfig {
        client: context.client.clone(),
        wallet,
        markets: args.markets,
        mint: token.mint.address,
        folder: args.folder,
        policy,
        poll: Duration::from_secs(args.poll_seconds),
        parallel: usize::from(args.parallel),
        memory_mib: args.memory_mib,
        cache_bytes: args.cache_mib.saturating_mul(1 << 20),
        floor: parse_sol("--floor", &args.floor)?,
        gateways: context.gateways.clone(),
        telemetry,
    };
    Watcher::run(config, stop).await?;
    Ok(())
}

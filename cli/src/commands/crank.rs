//! `lode crank`.
use crate::context::Context;
use crate::output::{parse_sol, sol, Cell, Rows};
use crate::progress::Progress;
use crate::{shutdown, telemetry};
use anyhow::{anyhow, Result};
use lode_client::token::Threshold;
use lode_crank::{Crank, Duty, Policy, Report};
use solana_address::Address;
use solana_signer::Signer;
use std::sync::Arc;
use std::time::Duration;

/// Commands of cranks.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Turn what anybody may turn: deadlines, verdicts, settlements, punishments, sweeps, emissions
    Run(Run),
}

/// Arguments of `crank run`.
#[derive(clap::Args)]
pub struct Run {
    /// Only this market's jobs and accounts; once for each. Without it all markets, and what belongs to none
    #[arg(long = "market", value_name = "ADDRESS")]
    markets: Vec<Address>,
    /// Take what is due now, and end
    #[arg(long)]
    once: bool,
    /// Only steps that a job pays for
    #[arg(long)]
    only_paid: bool,
    /// SOL that the wallet keeps: nothing is sent that could leave it with less
    #[arg(long, default_value = "0.01", value_name = "SOL")]
    floor: String,
    /// Slots that a node's own agent has for its steps before this crank takes them
    #[arg(long, default_value_t = 10, value_name = "SLOTS")]
    patience: u64,
    /// Least that is worth a sweep or a redemption, in tokens of the market; without it, anything
    #[arg(long, value_name = "TOKENS")]
    least_sweep: Option<Threshold>,
    /// Transactions under way at the same time
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    parallel: u16,
    /// Seconds between two looks at jobs that run
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    poll_seconds: u64,
    /// Seconds between two looks at jobs that are over, at ledgers, nodes and emissions
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    sweep_seconds: u64,
    #[command(flatten)]
    metrics: telemetry::Metrics,
}

pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Run(args) => turn(args, context).await,
    }
}

async fn turn(args: Run, context: &Context) -> Result<()> {
    let wallet = Arc::new(context.keypair()?);
    let duty = if args.only_paid {
        Duty::Paid
    } else {
        Duty::All
    };
    for market in &args.markets {
        // A wrong address is told now, not by an idle crank.
        context.market(Some(*market)).await?;
    }
    let policy = Policy {
        markets: args.markets,
        duty,
        patience: args.patience,
        least_sweep: args.least_sweep.unwrap_or_default(),
        floor: parse_sol("--floor", &args.floor)?,
        parallel: usize::from(args.parallel),
        poll: Duration::from_secs(args.poll_seconds),
        sweep_every: Duration::from_secs(args.sweep_seconds),
    };
    let stop = shutdown::token()?;
    let telemetry = args.metrics.start("crank", &stop).await?;
    let mut crank = Crank::new(context.client.clone(), wallet.clone(), policy, telemetry)
        .with_gateways(context.gateways.clone());
    if args.once {
        let progress = Progress::start("turning what is due");
        let ended = tokio::select! {
            ended = crank.once() => ended.map_err(anyhow::Error::from),
            () = stop.cancelled() => Err(anyhow!("Broken off before all that was due was taken: the same command takes the rest")),
        };
        drop(progress);
        show(crank.report(), context);
        return ended;
    }
    context.out.note(&format!(
        "Turning for {}; ctrl-c stops it and shows what it earned.",
        wallet.pubkey()
    ));
    crank.run(stop).await?;
    show(crank.report(), context);
    Ok(())
}

/// What a crank did, and what it got for it.
pub(super) fn show(report: &Report, context: &Context) {
    let steps: Vec<Vec<Cell>> = report
        .steps
        .iter()
        .map(|(name, count)| vec![Cell::from(*name), (*count).into()])
        .collect();
    let text: Vec<String> = report
        .steps
        .iter()
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    let text = if text.is_empty() {
        "none".to_string()
    } else {
        text.join(", ")
    };
    let json = context.out.objects(&["step", "count"], &steps);
    let rows: Rows = vec![
        ("steps", Cell::new(text, json)),
        ("raced", report.raced.into()),
        ("failed", report.failed.into()),
        ("transactions", report.transactions.into()),
        ("fees", sol(report.fees)),
        ("earned", sol(report.earned)),
        ("balance", sol(report.balance)),
    ];
    context.out.sheet(rows);
}

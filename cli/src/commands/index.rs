//! `lode index`: the history of a network in SQL.
use crate::context::Context;
use crate::output::Cell;
use crate::progress::Progress;
use crate::{shutdown, telemetry};
use anyhow::{bail, Result};
use lode_index::{Follower, Index, Report};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The index where none is named.
const FILE: &str = "lode-index.db";

/// Commands of the index.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Follow the four programs into SQLite or Postgres, from where it was left
    Run(Run),
    /// Say how far an index is, and whether anything in it is doubtful
    Status {
        /// The index: a file of SQLite, or postgres://USER@HOST/DATABASE
        #[arg(long, default_value = FILE, value_name = "FILE OR URL")]
        index: String,
    },
}

/// Arguments of `index run`.
#[derive(clap::Args)]
pub struct Run {
    /// The index: a file of SQLite, or postgres://USER@HOST/DATABASE
    #[arg(long, default_value = FILE, value_name = "FILE OR URL")]
    index: String,
    /// Catch up, and end
    #[arg(long)]
    once: bool,
    /// Forget what the index holds and read the chain from its beginning
    #[arg(long)]
    rebuild: bool,
    /// Do not look at logs: instructions and accounts alone say what happened, and no events are written
    #[arg(long)]
    without_logs: bool,
    /// Seconds between two looks at the chain
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    poll_seconds: u64,
    #[command(flatten)]
    metrics: telemetry::Metrics,
}

pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Run(args) => follow(args, context).await,
        Command::Status { index } => {
            let mut index = open(&index, context).await?;
            status(&mut index, context)
        }
    }
}

/// An index that exists, of this chain.
pub(super) async fn open(target: &str, context: &Context) -> Result<Index> {
    let mut index = Index::open_existing(target)?;
    index.require_chain(&context.client.genesis().await?)?;
    Ok(index)
}

/// Empties an index that is to be built anew, once there is a server of its chain to build it from.
async fn empty(index: &mut Index, context: &Context) -> Result<()> {
    let genesis = context.client.genesis().await?;
    index.require_chain(&genesis)?;
    let held = index.status()?.transactions;
    if held > 0 {
        context.confirm(&format!(
            "This would forget the {held} transactions that the index holds, and read again only what {} still has",
            context.client.url()
        ))?;
    }
    index.clear()?;
    // It stays this chain's also where nothing comes to be read.
    index.require_chain(&genesis)?;
    Ok(())
}

async fn follow(args: Run, context: &Context) -> Result<()> {
    let mut index = Index::open(&args.index)?;
    // Who watches does so until the process ends, which ctrl-c does at once while a question is asked.
    let always = CancellationToken::new();
    let telemetry = args.metrics.start("index", &always).await?;
    if args.rebuild {
        empty(&mut index, context).await?;
    }
    let stop = shutdown::token()?;
    let written = telemetry
        .metrics
        .counter("lode_index_transactions_written", "Transactions written");
    let dropped = telemetry.metrics.counter(
        "lode_index_transactions_dropped",
        "Transactions taken back because the chain has them no more",
    );
    let head = telemetry
        .metrics
        .gauge("lode_index_final_slot", "Last final slot that was read");
    let client = context.client.clone();
    let mut follower = Follower::new(client, index, !args.without_logs).await?;
    let poll = Duration::from_secs(args.poll_seconds);
    // Catching up may take long: as long as transactions come in, it is well.
    let patience = Duration::from_secs(120).max(poll * 3);
    let mut sum = Report::default();
    let mut broken_off = false;
    if !args.once {
        context.out.note(&format!(
            "Keeping {} up with {}; ctrl-c stops it.",
            args.index,
            context.client.url()
        ));
    }
    loop {
        let pass = {
            let progress = Progress::start("reading the chain");
            let tell = |at: lode_index::Progress| {
                telemetry.health.well("index", patience);
                progress.say(format!(
                    "{}: {} of {} transactions",
                    at.program, at.done, at.of
                ));
            };
            tokio::select! {
                pass = follower.pass(&tell) => pass,
                () = stop.cancelled() => {
                    broken_off = args.once;
                    break;
                }
            }
        };
        match pass {
            Ok(report) => {
                telemetry.health.well("index", patience);
                #[allow(clippy::cast_precision_loss)]
                {
                    written.add(report.written as f64);
                    dropped.add(report.dropped as f64);
                    head.set(report.final_slot as f64);
                }
                if report.written > 0 || report.dropped > 0 {
                    tracing::info!(target: "lode_index", written = report.written, dropped = report.dropped, final_slot = report.final_slot, "caught up");
                }
                sum.written = sum.written.saturating_add(report.written);
                sum.dropped = sum.dropped.saturating_add(report.dropped);
                sum.final_slot = report.final_slot;
                if args.once {
                    break;
                }
            }
            Err(error) if args.once => return Err(error.into()),
            Err(error) => {
                // What is written stays; the next look goes on from there.
                telemetry.health.ill("index", error.to_string());
                tracing::warn!(target: "lode_index", %error, "this look at the chain failed");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(poll) => {}
            () = stop.cancelled() => break,
        }
    }
    let about = follower.index().status()?;
    context.out.sheet(vec![
        ("index", args.index.into()),
        ("written", sum.written.into()),
        ("taken_back", sum.dropped.into()),
        ("final_slot", sum.final_slot.into()),
        ("transactions", about.transactions.into()),
        ("jobs", about.jobs.into()),
        ("doubts", about.doubts.len().into()),
    ]);
    // What comes after it would read half of a history for all of it.
    if broken_off {
        let again = if args.rebuild {
            " without --rebuild"
        } else {
            ""
        };
        bail!("Broken off before it caught up: the same command{again} goes on from here");
    }
    Ok(())
}

fn status(index: &mut Index, context: &Context) -> Result<()> {
    let chain = index.meta("chain")?.unwrap_or_default();
    let about = index.status()?;
    let columns = ["program", "transactions", "final", "last_slot"];
    let programs: Vec<Vec<Cell>> = about
        .programs
        .iter()
        .map(|(name, all, settled, slot)| {
            vec![
                (*name).into(),
                (*all).into(),
                (*settled).into(),
                (*slot).into(),
            ]
        })
        .collect();
    let words: Vec<String> = about
        .programs
        .iter()
        .map(|(name, all, settled, slot)| format!("{name} {all} ({settled} final, slot {slot})"))
        .collect();
    let doubts: Vec<String> = about
        .doubts
        .iter()
        .map(|(signature, what)| format!("{signature}: {what}"))
        .collect();
    context.out.sheet(vec![
        ("chain", chain.into()),
        (
            "programs",
            Cell::new(words.join(", "), context.out.objects(&columns, &programs)),
        ),
        ("transactions", about.transactions.into()),
        ("without_whole_log", about.without_whole_log.into()),
        ("instructions", about.instructions.into()),
        ("events", about.events.into()),
        ("movements", about.entries.into()),
        ("jobs", about.jobs.into()),
        ("healthy", doubts.is_empty().into()),
        (
            "doubts",
            if doubts.is_empty() {
                Cell::none()
            } else {
                Cell::list(doubts)
            },
        ),
    ]);
    Ok(())
}

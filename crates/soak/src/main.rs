//! `cargo xtask soak`: a whole network under fire.
//!
//! A real embedded network and the real gateway, nodes, oracles and a crank as people run them, some nodes that lie, an
//! oracle that is silent; and between them and their servers a proxy that drops, loses, delays and answers with stale
//! blockhashes. Nodes are killed and started again, the gateway too. At the end every job must be final, every ledger
//! must add up to the unit, and every lie that was checked must be punished.
mod actors;
mod audit;
mod customers;
mod liar;
mod proxy;
mod stage;

use anyhow::{ensure, Result};
use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;

/// What a soak is.
#[derive(Parser, Clone, Debug)]
#[command(name = "cargo xtask soak", about)]
pub struct Arguments {
    /// Jobs that are posted
    #[arg(long, default_value_t = 1_000)]
    jobs: usize,
    /// Nodes, liars counted
    #[arg(long, default_value_t = 20)]
    nodes: usize,
    /// Nodes that lie
    #[arg(long, default_value_t = 2)]
    liars: usize,
    /// Oracles, the silent one counted
    #[arg(long, default_value_t = 9)]
    oracles: usize,
    /// Customers who post
    #[arg(long, default_value_t = 5)]
    customers: usize,
    /// Jobs that are not final at the same time, at most
    #[arg(long, default_value_t = 60)]
    outstanding: usize,
    /// Post no more after so many minutes; what was posted by then must end all the same
    #[arg(long)]
    minutes: Option<u64>,
    /// Nothing fails but liars and the silent
    #[arg(long)]
    without_faults: bool,
    /// Milliseconds between two looks of an agent at the chain: on a machine that has much else to do, looking is most of
    /// what agents cost
    #[arg(long, default_value_t = 1_500)]
    poll_millis: u64,
    /// Seconds between two kills of a node, and four times that between two of the gateway
    #[arg(long, default_value_t = 15)]
    kill_seconds: u64,
    /// Seconds without any job that ends after which something counts as stuck
    #[arg(long, default_value_t = 1_500)]
    patience: u64,
    /// Folder with the built programs
    #[arg(long, default_value = "target/deploy")]
    programs: PathBuf,
}

fn main() -> ExitCode {
    // Jobs run in processes of this same program: nothing may happen before this line.
    lode_runtime::child::maybe_run_child();
    let arguments = Arguments::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let ended = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(soak(arguments)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn soak(arguments: Arguments) -> Result<()> {
    ensure!(
        arguments.liars < arguments.nodes && arguments.oracles > 3 && arguments.customers > 0,
        "a soak needs an honest node, more than three oracles and a customer"
    );
    let stage = stage::Stage::new(arguments).await?;
    let ended = stage.play().await;
    stage.stop().await?;
    ended
}

//! One file for each group of commands.
mod account;
mod address;
mod crank;
mod epoch;
mod gateway;
mod index;
mod job;
#[cfg(feature = "localnet")]
mod localnet;
mod market;
mod network;
mod network_clock;
mod network_keys;
mod node;
mod node_agent;
mod node_keys;
mod oracle;
mod oracle_members;
mod oracle_seat;
mod pages;
mod report;
mod rewards;
mod runtime;
mod schema;
mod stake;
mod statement;
mod stats;
mod top;
mod watch;

use crate::context::{Context, GlobalArgs};
use crate::output::Output;
use anyhow::Result;
use std::path::PathBuf;

/// The groups of commands.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Set up a network, look at it
    #[command(subcommand)]
    Network(network::Command),
    /// Run a node that earns by computing
    #[command(subcommand)]
    Node(Box<node::Command>),
    /// Stake on nodes, yours or others'
    #[command(subcommand)]
    Stake(stake::Command),
    /// What stake and work have earned
    #[command(subcommand)]
    Rewards(rewards::Command),
    /// What the network emits, epoch by epoch
    #[command(subcommand)]
    Epoch(epoch::Command),
    /// Figures about the network
    #[command(subcommand)]
    Stats(stats::Command),
    /// Markets: terms under which jobs are posted
    #[command(subcommand)]
    Market(market::Command),
    /// Money in a market: yours or your node's
    #[command(subcommand)]
    Account(account::Command),
    /// Committees of oracles that check results
    #[command(subcommand)]
    Oracle(oracle::Command),
    /// Jobs: estimate, post, watch, fetch
    #[command(subcommand)]
    Job(Box<job::Command>),
    /// The blob server of a market
    #[command(subcommand)]
    Gateway(gateway::Command),
    /// The runtime that jobs run in: is this machine fit to work?
    #[command(subcommand)]
    Runtime(runtime::Command),
    /// Turn what anybody may turn, for its slices
    #[command(subcommand)]
    Crank(crank::Command),
    /// Watch results of others, challenge lies
    #[command(subcommand)]
    Watch(watch::Command),
    /// Keep the history of a network: every job, account, event and instruction, in SQL
    #[command(subcommand)]
    Index(index::Command),
    /// Watch your nodes, jobs, accounts and seats as they change
    Top(top::Top),
    /// Start a whole network on this machine
    #[cfg(feature = "localnet")]
    Localnet(localnet::LocalnetArgs),
    /// Says where there is one
    #[cfg(not(feature = "localnet"))]
    #[command(hide = true, disable_help_flag = true)]
    Localnet {
        /// Whatever a build with a network takes
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// Names for addresses, which every command takes in their place
    #[command(subcommand)]
    Address(address::Command),
    /// Print the JSON schema of what commands answer under --output json
    Schema {
        /// Only of this command
        command: Vec<String>,
    },
    /// Print the script by which a shell completes commands
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write a manual page for each command
    Man {
        /// The folder for them
        folder: PathBuf,
    },
}

/// Runs a command.
pub async fn run(command: Command, global: &GlobalArgs) -> Result<()> {
    let out = Output::new(global.output);
    let context = Context::new(global);
    match command {
        Command::Network(command) => network::run(command, &context?).await,
        Command::Node(command) => node::run(*command, &context?).await,
        Command::Stake(command) => stake::run(command, &context?).await,
        Command::Rewards(command) => rewards::run(command, &context?).await,
        Command::Epoch(command) => epoch::run(command, &context?).await,
        Command::Stats(command) => stats::run(command, &context?).await,
        Command::Market(command) => market::run(command, &context?).await,
        Command::Account(command) => account::run(command, &context?).await,
        Command::Oracle(command) => oracle::run(command, &context?).await,
        Command::Job(command) => job::run(*command, &context?).await,
        Command::Gateway(command) => gateway::run(command, &context?).await,
        Command::Runtime(command) => runtime::run(command, &context?).await,
        Command::Crank(command) => crank::run(command, &context?).await,
        Command::Watch(command) => watch::run(command, &context?).await,
        Command::Index(command) => index::run(command, &context?).await,
        Command::Top(args) => top::run(args, &context?).await,
        #[cfg(feature = "localnet")]
        Command::Localnet(args) => localnet::run(args, global.keypair.is_some(), &context?).await,
        #[cfg(not(feature = "localnet"))]
        Command::Localnet { .. } => anyhow::bail!(
            "This file has no network in it: build `lode` from the project's source with cargo, or name a cluster with --url"
        ),
        // These ask nobody, so settings that are wrong are no matter.
        Command::Address(command) => address::run(command, &out),
        Command::Schema { command } => schema::show(&command.join(" "), &out),
        Command::Completions { shell } => pages::completions(shell, &out),
        Command::Man { folder } => pages::man(&folder, &out),
    }
}

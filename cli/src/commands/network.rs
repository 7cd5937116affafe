//! `lode network`.
use crate::context::Context;
use crate::output::{bps, time, Cell};
use crate::progress::Progress;
use anyhow::Result;
use lode_client::addresses;
use lode_jobs::state::{JobsConfig, Market};
use lode_localnet::{Outcome, Plan, Report};
use lode_oracle::state::Committee;
use lode_staking::state::{Node, StakingConfig};
use solana_address::Address;
use std::path::PathBuf;

/// Commands of a network.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Make a plan true; what is true already is left alone
    Apply(Apply),
    /// Show the network's configuration
    Show,
    /// Move a local network's clock on, to see what time brings
    Forward {
        /// 90s, 30m, 2h, 14d, or `epoch` for the beginning of the next one
        how_far: String,
    },
    #[command(flatten)]
    Keys(super::network_keys::Command),
}

/// Arguments of `network apply`.
#[derive(clap::Args)]
pub struct Apply {
    /// The plan, as those in migrations/
    plan: PathBuf,
    /// A wallet that may join the new committee in its first day; once for each
    #[arg(long = "founder", value_name = "ADDRESS")]
    founders: Vec<Address>,
}

pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Apply(args) => apply(args, context).await,
        Command::Show => show(context).await,
        Command::Forward { how_far } => super::network_clock::forward(&how_far, context).await,
        Command::Keys(command) => super::network_keys::run(command, context).await,
    }
}

async fn apply(args: Apply, context: &Context) -> Result<()> {
    let mut plan = Plan::read(&args.plan)?;
    plan.committee.founders.extend(args.founders);
    let wallet = context.wallet()?;
    let report = {
        let _progress = Progress::start(format!("applying {}", args.plan.display()));
        lode_localnet::apply(&plan, &context.client, &wallet).await?
    };
    show_report(context, &report);
    Ok(())
}

/// The steps of a plan and what became of them.
pub fn show_report(context: &Context, report: &Report) {
    let rows = report.steps.iter().map(|step| {
        let (outcome, signature) = match step.outcome {
            Outcome::Made(sent) => ("made", sent.signature.to_string().into()),
            Outcome::Skipped => ("there already", Cell::none()),
        };
        vec![
            step.what.clone().into(),
            step.address.into(),
            outcome.into(),
            signature,
        ]
    });
    context.out.table(
        &["step", "address", "outcome", "signature"],
        rows.collect(),
        "The plan has no steps.",
    );
}

async fn show(context: &Context) -> Result<()> {
    let client = &context.client;
    let clock = client.clock().await?;
    let staking: StakingConfig = client.get_account(&addresses::staking::config()).await?;
    let jobs: JobsConfig = client.get_account(&addresses::jobs::config()).await?;
    let nodes = client.get_program_accounts::<Node>(&[]).await?;
    let committees = client.get_program_accounts::<Committee>(&[]).await?;
    let markets = client.get_program_accounts::<Market>(&[]).await?;
    let token = context.token(&staking.stake_mint).await?;
    let stake: u128 = nodes.iter().map(|(_, node)| u128::from(node.stake)).sum();
    context.out.sheet(vec![
        ("rpc", client.url().into()),
        ("slot", clock.slot.into()),
        ("time", time(clock.unix_timestamp)),
        ("stake_mint", staking.stake_mint.into()),
        ("emission_mint", jobs.emission_mint.into()),
        ("supply", token.cell(token.mint.supply)),
        (
            "staked",
            token.cell(u64::try_from(stake).unwrap_or(u64::MAX)),
        ),
        ("minimum_self_stake", token.cell(staking.minimum_self_stake)),
        ("unbonding_seconds", staking.unbonding_seconds.into()),
        ("delegation_ratio", staking.delegation_ratio.into()),
        ("commission_cap", bps(staking.commission_cap)),
        ("epoch_seconds", jobs.epoch_seconds.into()),
        ("staking_governor", staking.governor.into()),
        ("jobs_governor", jobs.governor.into()),
        ("nodes", nodes.len().into()),
        ("committees", committees.len().into()),
        ("markets", markets.len().into()),
        ("staking_program", lode_staking::ID.into()),
        ("oracle_program", lode_oracle::ID.into()),
        ("jobs_program", lode_jobs::ID.into()),
    ]);
    Ok(())
}

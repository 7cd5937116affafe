//! `lode network`.
use crate::context::{hex32, Context};
use crate::output::{bps, time, Cell};
use crate::progress::Progress;
use anyhow::{bail, Context as _, Result};
use base64::prelude::{Engine as _, BASE64_STANDARD};
use lode_client::addresses;
use lode_client::programs::executable_hash;
use lode_jobs::state::{JobsConfig, Market};
use lode_localnet::{Difference, Outcome, Plan, Report, Standing};
use lode_oracle::state::Committee;
use lode_staking::state::Node;
use serde_json::json;
use solana_address::Address;
use solana_signer::Signer;
use std::path::{Path, PathBuf};

/// Commands of a network.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Show what `network apply` would do; nothing is sent
    Plan(Terms),
    /// Make a plan true; what is true already is left alone
    ///
    /// Everything is looked at before anything is sent, so an interrupted run is simply run again.
    Apply {
        #[command(flatten)]
        args: Terms,
        /// Write transactions for a multisig to sign into this folder, in their order, and send nothing
        #[arg(long, value_name = "FOLDER", requires = "authority")]
        unsigned: Option<PathBuf>,
    },
    /// Show the network's configuration
    Show {
        /// Compare the deployed programs with those built in this folder instead, such as target/deploy
        #[arg(long, value_name = "FOLDER")]
        verify: Option<PathBuf>,
    },
    /// Move a local network's clock on, to see what time brings
    Forward {
        /// 90s, 30m, 2h, 14d, or `epoch` for the beginning of the next one
        how_far: String,
    },
    #[command(flatten)]
    Keys(super::network_keys::Command),
}

/// Which plan, and in whose name.
#[derive(clap::Args)]
pub struct Terms {
    /// The plan, as those in migrations/
    plan: PathBuf,
    /// A wallet that may join the new committee in its first day; once for each
    #[arg(long = "founder", value_name = "ADDRESS")]
    founders: Vec<Address>,
    /// Who makes what is missing: the vault of a multisig that holds the programs' upgrade authority; without it, the
    /// wallet
    #[arg(long, value_name = "ADDRESS")]
    authority: Option<Address>,
}

impl Terms {
    /// The plan with its founders, and who makes it true.
    fn read(&self, context: &Context) -> Result<(Plan, Address)> {
        let mut plan = Plan::read(&self.plan)?;
        plan.committee.founders.extend(&self.founders);
        let authority = match self.authority {
            Some(authority) => authority,
            None => context.wallet()?.pubkey(),
        };
        Ok((plan, authority))
    }
}

pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Plan(args) => plan(args, context).await,
        Command::Apply {
            args,
            unsigned: None,
        } => apply(args, context).await,
        Command::Apply {
            args,
            unsigned: Some(folder),
        } => write_unsigned(args, &folder, context).await,
        Command::Show { verify: None } => show(context).await,
        Command::Show {
            verify: Some(folder),
        } => verify(&folder, context).await,
        Command::Forward { how_far } => super::network_clock::forward(&how_far, context).await,
        Command::Keys(command) => super::network_keys::run(command, context).await,
    }
}

async fn plan(args: Terms, context: &Context) -> Result<()> {
    let (plan, authority) = args.read(context)?;
    let findings = {
        let _progress =
            Progress::start(format!("comparing {} with the chain", args.plan.display()));
        lode_localnet::survey(&plan, &context.client, &authority).await?
    };
    let mut rows = Vec::new();
    for finding in findings {
        let (standing, differences) = match finding.standing {
            Standing::There => ("there already", vec![]),
            Standing::Missing(_) => ("to make", vec![]),
            Standing::Incomplete(_) => ("to make, with --founder", vec![]),
            Standing::Changes(differences, _) => ("to change", differences),
            Standing::Contradicts(differences) => ("contradicts, and is fixed", differences),
        };
        let row = |difference: Option<Difference>| {
            let [field, found, wanted] = match difference {
                Some(difference) => [
                    difference.field.into(),
                    difference.found.into(),
                    difference.wanted.into(),
                ],
                None => [Cell::none(), Cell::none(), Cell::none()],
            };
            vec![
                finding.what.clone().into(),
                finding.address.into(),
                standing.into(),
                field,
                found,
                wanted,
            ]
        };
        if differences.is_empty() {
            rows.push(row(None));
        }
        rows.extend(differences.into_iter().map(|d| row(Some(d))));
    }
    context.out.table(
        &[
            "step", "address", "standing", "field", "on_chain", "planned",
        ],
        rows,
        "The plan has no steps.",
    );
    Ok(())
}

async fn apply(args: Terms, context: &Context) -> Result<()> {
    let (plan, authority) = args.read(context)?;
    let wallet = context.wallet()?;
    if authority != wallet.pubkey() {
        bail!(
            "the wallet is {}, not the authority {authority}: give its keypair, or write transactions for it to sign with --unsigned FOLDER",
            wallet.pubkey()
        );
    }
    let due = {
        let _progress =
            Progress::start(format!("comparing {} with the chain", args.plan.display()));
        lode_localnet::due(&plan, &context.client, &authority).await?
    };
    if !due.is_empty() {
        let names: Vec<&str> = due.iter().map(|step| step.what.as_str()).collect();
        context.confirm(&format!(
            "{} step(s) of {} would be sent to {} ({}): committee, market, schedule and who may mint are fixed for ever once they are made",
            due.len(),
            args.plan.display(),
            context.client.url(),
            names.join(", ")
        ))?;
    }
    let report = {
        let _progress = Progress::start(format!("applying {}", args.plan.display()));
        lode_localnet::apply(&plan, &context.client, &wallet).await?
    };
    show_report(context, &report);
    Ok(())
}

/// One file for each transaction: what a multisig's members look at, import and sign.
async fn write_unsigned(args: Terms, folder: &Path, context: &Context) -> Result<()> {
    let (plan, authority) = args.read(context)?;
    let steps = {
        let _progress =
            Progress::start(format!("comparing {} with the chain", args.plan.display()));
        lode_localnet::unsigned(&plan, &context.client, &authority).await?
    };
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{} cannot be made", folder.display()))?;
    let mut rows = Vec::new();
    for (number, step) in (1..).zip(steps) {
        let name = format!(
            "{number:02}-{}.json",
            step.what.to_lowercase().replace(' ', "-")
        );
        let path = folder.join(name);
        let text = serde_json::to_string_pretty(&json!({
            "what": step.what,
            "address": step.address.to_string(),
            "signer": step.signer.to_string(),
            "transaction_base64": BASE64_STANDARD.encode(&step.transaction),
            "message_base58": bs58::encode(&step.message).into_string(),
        }))?;
        std::fs::write(&path, text + "\n")
            .with_context(|| format!("{} cannot be written", path.display()))?;
        rows.push(vec![
            step.what.into(),
            step.address.into(),
            step.signer.into(),
            path.display().to_string().into(),
        ]);
    }
    context.out.table(
        &["step", "address", "signer", "file"],
        rows,
        "Everything is there as the plan says: there is nothing to sign.",
    );
    Ok(())
}

/// The steps of a plan and what became of them.
pub fn show_report(context: &Context, report: &Report) {
    let rows = report.steps.iter().map(|step| {
        let (outcome, signature) = match step.outcome {
            Outcome::Made(sent) => ("made", sent.signature.to_string().into()),
            Outcome::Changed(sent) => ("changed", sent.signature.to_string().into()),
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

/// Whether the deployed programs are those that were built here.
async fn verify(folder: &Path, context: &Context) -> Result<()> {
    let mut rows = Vec::new();
    let mut others = Vec::new();
    for program in lode_localnet::PROGRAMS {
        let path = folder.join(program.file);
        let built = std::fs::read(&path).with_context(|| {
            format!(
                "{} cannot be read: build the programs with `cargo xtask build`, or name their folder",
                path.display()
            )
        })?;
        let built = executable_hash(&built);
        let name = program.file.trim_end_matches(".so");
        let deployed = context.client.deployed(&program.id).await?;
        let same = deployed.is_some_and(|deployed| deployed.hash == built);
        if !same {
            others.push(name);
        }
        rows.push(vec![
            Cell::from(name),
            program.id.into(),
            same.into(),
            hex32(&built),
            deployed.map_or_else(Cell::none, |deployed| hex32(&deployed.hash)),
            deployed.map_or_else(Cell::none, |deployed| deployed.slot.into()),
            deployed
                .and_then(|deployed| deployed.authority)
                .map_or_else(Cell::none, Cell::from),
        ]);
    }
    context.out.table(
        &[
            "program",
            "address",
            "same",
            "built",
            "deployed",
            "since_slot",
            "upgrade_authority",
        ],
        rows,
        "",
    );
    if !others.is_empty() {
        bail!(
            "What is deployed is not what was built here: {}; compare the sources, and the toolchain that built them (docs/governor.md)",
            others.join(", ")
        );
    }
    Ok(())
}

async fn show(context: &Context) -> Result<()> {
    let client = &context.client;
    let clock = client.clock().await?;
    let (staking, token) = context.staking().await?;
    let jobs: JobsConfig = client.get_account(&addresses::jobs::config()).await?;
    let nodes = client.get_program_accounts::<Node>(&[]).await?;
    let committees = client.get_program_accounts::<Committee>(&[]).await?;
    let markets = client.get_program_accounts::<Market>(&[]).await?;
    let schedule = client.schedule().await?;
    let (treasury, pending_treasury) = schedule.map_or_else(Default::default, |schedule| {
        (schedule.treasury_owner, schedule.pending_treasury_owner)
    });
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
        ("jail_seconds", staking.jail_seconds.into()),
        ("delegation_ratio", staking.delegation_ratio.into()),
        ("commission_cap", bps(staking.commission_cap)),
        ("commission_step", bps(staking.commission_step)),
        ("epoch_seconds", jobs.epoch_seconds.into()),
        ("staking_governor", staking.governor.into()),
        ("staking_pending_governor", staking.pending_governor.into()),
        ("staking_guardian", staking.guardian.into()),
        ("staking_paused_until", time(staking.paused_until)),
        ("jobs_governor", jobs.governor.into()),
        ("jobs_pending_governor", jobs.pending_governor.into()),
        ("jobs_guardian", jobs.guardian.into()),
        ("jobs_paused_until", time(jobs.paused_until)),
        ("jobs_treasury", jobs.treasury_owner.into()),
        ("jobs_pending_treasury", jobs.pending_treasury_owner.into()),
        ("treasury", treasury.into()),
        ("pending_treasury", pending_treasury.into()),
        ("nodes", nodes.len().into()),
        ("committees", committees.len().into()),
        ("markets", markets.len().into()),
        ("staking_program", lode_staking::ID.into()),
        ("oracle_program", lode_oracle::ID.into()),
        ("jobs_program", lode_jobs::ID.into()),
        ("emissions_program", lode_emissions::ID.into()),
    ]);
    Ok(())
}

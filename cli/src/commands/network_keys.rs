//! Commands of `lode network` that only its governor or guardian may give.
use crate::commands::node_keys::parse_percent;
use crate::context::{address_of, Context};
use crate::landed::unread;
use crate::output::{bps, time, Rows};
use anyhow::{bail, Result};
use lode_client::instructions::{emissions, jobs, oracle, staking};
use lode_client::{addresses, Sent};
use lode_jobs::state::JobsConfig;
use lode_oracle::state::Committee;
use lode_staking::state::{ParameterArgs, StakingConfig};
use solana_address::Address;
use solana_instruction::Instruction;
use solana_signer::Signer;

/// The command that shows what these commands change, but for the office of a committee.
const SHOWS: &str = "`lode network show`";

/// Commands of those who govern.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Change what the governor may change, inside the programs' bounds and for the future only
    Set(Set),
    /// Offer the governor's office to another key, who must accept it
    Handover {
        /// Which office
        #[arg(value_enum)]
        office: Office,
        /// Who may accept it: an address or a keypair file; `nobody` takes an offer back
        #[arg(value_name = "ADDRESS OR FILE")]
        to: String,
        /// The committee, if there are several
        #[arg(long, value_name = "ADDRESS")]
        committee: Option<Address>,
    },
    /// Accept an office that was offered to the wallet
    Accept {
        /// Which office
        #[arg(value_enum)]
        office: Office,
        /// The committee, if there are several
        #[arg(long, value_name = "ADDRESS")]
        committee: Option<Address>,
    },
    /// Stop new exposure for seven days; leaving, claiming and every ending go on. Only the guardian may
    Pause {
        /// Which program
        #[arg(value_enum)]
        program: Program,
    },
}

/// What can be handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Office {
    /// Governor of staking
    Staking,
    /// Governor of jobs
    Jobs,
    /// Governor of a committee
    Committee,
    /// Owner of the treasury's share of emissions
    Treasury,
    /// Owner of the burn fees of other mints; the governor of jobs offers it
    JobsTreasury,
}

/// What can be paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Program {
    /// No new node and no new stake
    Staking,
    /// No new market, account of a node, job, bid and accept; a wallet's account is opened all the same
    Jobs,
}

/// Arguments of `network set`: only what is named is changed.
#[derive(clap::Args)]
pub struct Set {
    /// Staking: unbonding of tickets from now on, 14 to 28 days
    #[arg(long, value_name = "DAYS")]
    unbonding_days: Option<u32>,
    /// Staking: self-stake that a node needs to accept jobs, tokens
    #[arg(long, value_name = "AMOUNT")]
    minimum_self_stake: Option<String>,
    /// Staking: how long a slash jails
    #[arg(long, value_name = "HOURS")]
    jail_hours: Option<u32>,
    /// Staking: most delegated stake as a multiple of self-stake, at most 10
    #[arg(long, value_name = "TIMES")]
    delegation_ratio: Option<u16>,
    /// Staking: highest commission, per cent
    #[arg(long, value_name = "PERCENT")]
    commission_cap: Option<String>,
    /// Staking: largest single rise of a commission, per cent
    #[arg(long, value_name = "PERCENT")]
    commission_step: Option<String>,
    /// Staking: who may pause it; an address, a keypair file, or `nobody`
    #[arg(long, value_name = "ADDRESS OR FILE")]
    staking_guardian: Option<String>,
    /// Jobs: who may pause it; an address, a keypair file, or `nobody`
    #[arg(long, value_name = "ADDRESS OR FILE")]
    jobs_guardian: Option<String>,
}

pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Set(args) => set(args, context).await,
        Command::Handover {
            office,
            to,
            committee,
        } => handover(office, &to, committee, context).await,
        Command::Accept { office, committee } => accept(office, committee, context).await,
        Command::Pause { program } => pause(program, context).await,
    }
}

/// A key that may also be nobody's.
fn key_or_nobody(text: &str) -> Result<Address> {
    match text {
        "nobody" => Ok(Address::default()),
        text => address_of(text),
    }
}

/// Refuses what the chain would refuse, with the key that could.
fn require(what: &str, office: &Address, me: &Address) -> Result<()> {
    if office != me {
        bail!("The {what} is {office}, not the wallet {me}: name its key with --keypair");
    }
    Ok(())
}

async fn staking_config(context: &Context) -> Result<StakingConfig> {
    let at = addresses::staking::config();
    Ok(context.client.get_account(&at).await?)
}

async fn jobs_config(context: &Context) -> Result<JobsConfig> {
    let at = addresses::jobs::config();
    Ok(context.client.get_account(&at).await?)
}

async fn set(args: Set, context: &Context) -> Result<()> {
    let wallet = context.wallet()?;
    let me = wallet.pubkey();
    let (config, token) = context.staking().await?;
    let jobs_now = jobs_config(context).await?;
    let percent = |text: &Option<String>, now: u16| match text {
        Some(text) => parse_percent(text),
        None => Ok(now),
    };
    let wanted = ParameterArgs {
        unbonding_seconds: args
            .unbonding_days
            .map_or(config.unbonding_seconds, |days| i64::from(days) * 86_400),
        minimum_self_stake: match &args.minimum_self_stake {
            Some(text) => token.parse("--minimum-self-stake", text)?,
            None => config.minimum_self_stake,
        },
        jail_seconds: args
            .jail_hours
            .map_or(config.jail_seconds, |hours| i64::from(hours) * 3_600),
        delegation_ratio: args.delegation_ratio.unwrap_or(config.delegation_ratio),
        commission_cap: percent(&args.commission_cap, config.commission_cap)?,
        commission_step: percent(&args.commission_step, config.commission_step)?,
    };
    let changes_parameters = args.unbonding_days.is_some()
        || args.minimum_self_stake.is_some()
        || args.jail_hours.is_some()
        || args.delegation_ratio.is_some()
        || args.commission_cap.is_some()
        || args.commission_step.is_some();
    let mut instructions: Vec<Instruction> = Vec::new();
    if changes_parameters {
        instructions.push(staking::update_config(&me, wanted));
    }
    if let Some(text) = &args.staking_guardian {
        instructions.push(staking::set_guardian(&me, &key_or_nobody(text)?));
    }
    if !instructions.is_empty() {
        require("governor of staking", &config.governor, &me)?;
    }
    let of_staking = instructions.len();
    if let Some(text) = &args.jobs_guardian {
        instructions.push(jobs::set_guardian(&me, &key_or_nobody(text)?));
    }
    if instructions.len() > of_staking {
        require("governor of jobs", &jobs_now.governor, &me)?;
    }
    if instructions.is_empty() {
        bail!("Nothing to set: name what is to change, `lode network set --help` lists it");
    }
    let sent = context
        .send("setting parameters", &instructions, &wallet, &[])
        .await?;
    let read = parameters(context).await;
    let mut rows = read.map_err(|error| unread(&error, "the parameters", &sent, SHOWS))?;
    rows.push(("signature", sent.signature.to_string().into()));
    context.out.sheet(rows);
    Ok(())
}

/// Everything that a governor may change.
async fn parameters(context: &Context) -> Result<Rows> {
    let (config, token) = context.staking().await?;
    let jobs = jobs_config(context).await?;
    Ok(vec![
        ("unbonding_seconds", config.unbonding_seconds.into()),
        ("minimum_self_stake", token.cell(config.minimum_self_stake)),
        ("jail_seconds", config.jail_seconds.into()),
        ("delegation_ratio", config.delegation_ratio.into()),
        ("commission_cap", bps(config.commission_cap)),
        ("commission_step", bps(config.commission_step)),
        ("staking_guardian", config.guardian.into()),
        ("jobs_guardian", jobs.guardian.into()),
        ("jobs_treasury", jobs.treasury_owner.into()),
    ])
}

/// Whose office it is, and to whom it is offered.
async fn office_now(
    office: Office,
    committee: Option<Address>,
    context: &Context,
) -> Result<(Option<Address>, Address, Address)> {
    Ok(match office {
        Office::Staking => {
            let config = staking_config(context).await?;
            (None, config.governor, config.pending_governor)
        }
        Office::Jobs => {
            let config = jobs_config(context).await?;
            (None, config.governor, config.pending_governor)
        }
        Office::Committee => {
            let (at, committee): (Address, Committee) = context.committee(committee).await?;
            (Some(at), committee.governor, committee.pending_governor)
        }
        Office::Treasury => {
            let (schedule, _) = super::epoch::schedule(context).await?;
            let (owner, pending) = (schedule.treasury_owner, schedule.pending_treasury_owner);
            (None, owner, pending)
        }
        Office::JobsTreasury => {
            let config = jobs_config(context).await?;
            (None, config.treasury_owner, config.pending_treasury_owner)
        }
    })
}

/// The key that may offer an office: of the burn fees of other mints it is the governor, of all others the holder.
async fn offered_by(
    office: Office,
    holder: Address,
    context: &Context,
) -> Result<(&'static str, Address)> {
    Ok(match office {
        Office::JobsTreasury => (name(Office::Jobs), jobs_config(context).await?.governor),
        office => (name(office), holder),
    })
}

fn name(office: Office) -> &'static str {
    match office {
        Office::Staking => "governor of staking",
        Office::Jobs => "governor of jobs",
        Office::Committee => "governor of the committee",
        Office::Treasury => "owner of the treasury",
        Office::JobsTreasury => "owner of the burn fees of other mints",
    }
}

async fn tell_office(
    office: Office,
    committee: Option<Address>,
    sent: &Sent,
    context: &Context,
) -> Result<()> {
    let read = office_now(office, committee, context).await;
    let shows = match office {
        Office::Committee => "`lode oracle show --all`",
        _ => SHOWS,
    };
    let (_, governor, pending) =
        read.map_err(|error| unread(&error, "who holds the office", sent, shows))?;
    context.out.sheet(vec![
        ("office", name(office).into()),
        ("held_by", governor.into()),
        ("offered_to", pending.into()),
        ("signature", sent.signature.to_string().into()),
    ]);
    Ok(())
}

async fn handover(
    office: Office,
    to: &str,
    named: Option<Address>,
    context: &Context,
) -> Result<()> {
    let to = key_or_nobody(to)?;
    let wallet = context.wallet()?;
    let me = wallet.pubkey();
    let (committee, holder, _) = office_now(office, named, context).await?;
    let (offering, key) = offered_by(office, holder, context).await?;
    require(offering, &key, &me)?;
    if ![me, Address::default()].contains(&to) {
        let then = match office {
            Office::JobsTreasury => "to whom they go once he accepts",
            _ => "who alone could give it back once he accepts",
        };
        context.confirm(&format!(
            "The office of {} would be offered to {to}, {then}",
            name(office)
        ))?;
    }
    let instruction = match (office, committee) {
        (Office::Committee, Some(at)) => oracle::propose_governor(&me, &at, &to),
        (Office::Jobs, _) => jobs::propose_governor(&me, &to),
        (Office::Treasury, _) => emissions::propose_treasury(&me, &to),
        (Office::JobsTreasury, _) => jobs::propose_treasury(&me, &to),
        _ => staking::propose_governor(&me, &to),
    };
    let sent = context
        .send("offering the office", &[instruction], &wallet, &[])
        .await?;
    tell_office(office, committee, &sent, context).await?;
    if to != Address::default() {
        context.out.note(
            "Nothing has changed hands yet: the other key accepts with `lode network accept`.",
        );
    }
    Ok(())
}

async fn accept(office: Office, named: Option<Address>, context: &Context) -> Result<()> {
    let wallet = context.wallet()?;
    let me = wallet.pubkey();
    let (committee, _, pending) = office_now(office, named, context).await?;
    if pending != me {
        bail!(
            "The office of {} is not offered to the wallet {me}: its holder offers it with `lode network handover`",
            name(office)
        );
    }
    let instruction = match (office, committee) {
        (Office::Committee, Some(at)) => oracle::accept_governor(&me, &at),
        (Office::Jobs, _) => jobs::accept_governor(&me),
        (Office::Treasury, _) => emissions::accept_treasury(&me),
        (Office::JobsTreasury, _) => jobs::accept_treasury(&me),
        _ => staking::accept_governor(&me),
    };
    let sent = context
        .send("accepting the office", &[instruction], &wallet, &[])
        .await?;
    tell_office(office, committee, &sent, context).await
}

async fn pause(program: Program, context: &Context) -> Result<()> {
    let wallet = context.wallet()?;
    let me = wallet.pubkey();
    let (instruction, what) = match program {
        Program::Staking => {
            require(
                "guardian of staking",
                &staking_config(context).await?.guardian,
                &me,
            )?;
            (staking::pause(&me), "node and no new stake")
        }
        Program::Jobs => {
            require(
                "guardian of jobs",
                &jobs_config(context).await?.guardian,
                &me,
            )?;
            (
                jobs::pause(&me),
                "market, account of a node, job, bid and accept",
            )
        }
    };
    context.confirm(&format!(
        "There would be no new {what} for seven days, and nobody can end that sooner"
    ))?;
    let sent = context
        .send("pausing", &[instruction], &wallet, &[])
        .await?;
    let read = match program {
        Program::Staking => staking_config(context).await.map(|c| c.paused_until),
        Program::Jobs => jobs_config(context).await.map(|c| c.paused_until),
    };
    let until = read.map_err(|error| unread(&error, "until when it holds", &sent, SHOWS))?;
    context.out.sheet(vec![
        (
            "paused",
            match program {
                Program::Staking => "staking".into(),
                Program::Jobs => "jobs".into(),
            },
        ),
        ("until", time(until)),
        ("signature", sent.signature.to_string().into()),
    ]);
    Ok(())
}

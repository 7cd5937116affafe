//! `lode job`.
mod auction;
mod ending;
mod estimate;
mod forget;
mod history;
mod map;
mod post;
mod private;
mod result;
mod show;
mod verdict;

use crate::context::Context;
use crate::exit::{with_advice, Code, Ended};
use crate::hooks::Hooks;
use crate::output::Cell;
use crate::spec::SpecArgs;
use anyhow::{anyhow, bail, Result};
use lode_attestation::Verdict;
use lode_client::bytemuck::Zeroable;
use lode_jobs::state::{flag, Job, JobState, Market};
use lode_notify::Notices;
use lode_store::GatewayClient;
use show::Known;
use solana_address::Address;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Commands of jobs.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Estimate, post, wait and fetch, in one
    Run {
        #[command(flatten)]
        post: post::Post,
        /// Folder for everything the job wrote
        #[arg(long, visible_alias = "output-dir", value_name = "FOLDER")]
        save_to: Option<PathBuf>,
    },
    /// Run a job here and say what it takes: exact, because jobs are deterministic
    Estimate(estimate::Estimate),
    /// Spread many inputs over many jobs and gather the results in order; the same command goes on after a crash
    Map(map::MapArgs),
    /// Post a job and put its files into the market's store
    Post {
        #[command(flatten)]
        post: post::Post,
        /// Wait until the job is over
        #[arg(long)]
        wait: bool,
        /// Folder for everything the job wrote, fetched when it is over
        #[arg(
            long,
            visible_alias = "save-to",
            requires = "wait",
            value_name = "FOLDER"
        )]
        output_dir: Option<PathBuf>,
        #[command(flatten)]
        hooks: Hooks,
    },
    /// Put the files of a job that is posted already into the market's store again
    Upload {
        /// The job
        job: Address,
        #[command(flatten)]
        spec: SpecArgs,
    },
    /// List jobs: the wallet's, unless told otherwise; those whose windows end last come first
    List(show::List),
    /// Show a job
    Show {
        /// The job
        job: Address,
    },
    /// Print every step of a job, or of all jobs of a customer or a node
    History(history::History),
    /// Follow a job to its end
    Watch {
        /// The job
        job: Address,
        /// Seconds after which to stop watching; the job goes on
        #[arg(long, value_name = "SECONDS")]
        timeout: Option<u64>,
        #[command(flatten)]
        hooks: Hooks,
    },
    /// Fetch what a job wrote
    Result {
        /// The job
        job: Address,
        /// Folder for everything the job wrote
        #[arg(long, visible_alias = "output-dir", value_name = "FOLDER")]
        save_to: Option<PathBuf>,
    },
    /// Show a result's receipt and check it: hash, units, signatures of the seats
    Receipt {
        /// The job
        job: Address,
        /// File for the receipt's bytes
        #[arg(long, value_name = "FILE")]
        save_to: Option<PathBuf>,
    },
    /// Have the market's gateways forget what they keep of a job whose account is closed, now and not after a week
    Forget {
        /// The job
        job: Address,
        /// Its market, if there is not only one
        #[arg(long, value_name = "ADDRESS")]
        market: Option<Address>,
    },
    /// Take an open job back; the escrow returns
    Cancel {
        /// The job
        job: Address,
    },
    /// Pay for more units of an open job
    Raise {
        /// The job
        job: Address,
        /// Most units that are paid from now on
        #[arg(long)]
        units_limit: u64,
    },
    /// Pay a job whose result matches at once, without waiting for the challenge window
    Approve {
        /// The job
        job: Address,
    },
    /// Contest a result or a verdict with a bond: says first what it costs, what it may bring, and what a run here says
    Challenge {
        /// The job
        job: Address,
        /// Do not run the job here first
        #[arg(long)]
        without_running: bool,
    },
    /// Show what is bid for a job of an auction, or for all that are open
    Bids {
        /// The job; without it, all open jobs of auctions
        job: Option<Address>,
        /// Only in this market
        #[arg(long, value_name = "ADDRESS", conflicts_with = "job")]
        market: Option<Address>,
    },
    /// Give a job of an auction to the best bidder, once the bidding is over
    Award {
        /// The job
        job: Address,
    },
}

pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Run {
            post: args,
            save_to,
        } => {
            let (at, _) = post::post(&args, context).await?;
            let job = show::follow(&at, Known::Posted, &Notices::default(), context).await?;
            finish(&at, &job, save_to.as_deref(), context).await
        }
        Command::Estimate(args) => estimate::estimate(&args, context).await,
        Command::Map(args) => map::map(args, context).await,
        Command::Post {
            post: args,
            wait,
            output_dir,
            hooks,
        } => {
            if !wait && hooks != Hooks::default() {
                bail!("Without --wait nothing happens that could be told: add --wait, or follow the job with `lode job watch`");
            }
            let (notices, delivery) = hooks.start("job")?;
            let (at, sent) = post::post(&args, context).await?;
            if !wait {
                let look = format!("`lode job show {at}`");
                let job = context.read_back(&at, &sent, &look).await?;
                let shown = show::one(&at, &job, context).await;
                return shown.map_err(|error| after_posting(error, &at));
            }
            let end = show::follow(&at, Known::Posted, &notices, context).await;
            drop(notices);
            delivery.finish().await;
            finish(&at, &end?, output_dir.as_deref(), context).await
        }
        Command::Upload { job, spec } => post::upload_again(&job, &spec, context).await,
        Command::List(args) => show::list(args, context).await,
        Command::Show { job } => {
            let found = context.client.get_account(&job).await?;
            show::one(&job, &found, context).await
        }
        Command::History(args) => history::history(args, context).await,
        Command::Watch {
            job,
            timeout,
            hooks,
        } => {
            let (notices, delivery) = hooks.start("job")?;
            let timeout = timeout.map(Duration::from_secs);
            let end = show::follow(&job, Known::Named { timeout }, &notices, context).await;
            drop(notices);
            delivery.finish().await;
            show::one(&job, &end?, context).await
        }
        Command::Result { job, save_to } => {
            let found = context.client.get_account(&job).await?;
            result::fetch(&job, &found, save_to.as_deref(), context).await
        }
        Command::Receipt { job, save_to } => {
            result::receipt(&job, save_to.as_deref(), context).await
        }
        Command::Forget { job, market } => forget::forget(&job, market, context).await,
        Command::Cancel { job } => post::cancel(&job, context).await,
        Command::Raise { job, units_limit } => post::raise(&job, units_limit, context).await,
        Command::Approve { job } => verdict::approve(&job, context).await,
        Command::Challenge {
            job,
            without_running,
        } => verdict::challenge(&job, without_running, context).await,
        Command::Bids { job, market } => auction::bids(job, market, context).await,
        Command::Award { job } => auction::award(&job, context).await,
    }
}

/// What fails once a job is posted. Its price is locked: whoever begins anew pays for a second one.
fn after_posting(error: anyhow::Error, at: &Address) -> anyhow::Error {
    let advice = format!("the job {at} is posted, so post no second one: follow it with `lode job watch {at}`, and fetch what it wrote with `lode job result {at}`");
    let code = Code::of(&error);
    let told = with_advice(error, &advice);
    match code {
        // a script that takes this for a server that is away would say the same again
        Code::Unreachable => Ended::sent(told.to_string()).into(),
        _ => told,
    }
}

/// Fetches what a job wrote that is over.
async fn finish(at: &Address, job: &Job, save_to: Option<&Path>, context: &Context) -> Result<()> {
    if job.state == JobState::Settled as u8 {
        let fetched = result::fetch(at, job, save_to, context).await;
        return fetched.map_err(|error| after_posting(error, at));
    }
    let told = async {
        show::one(at, job, context).await?;
        let (_, market) = context.market(Some(job.market)).await?;
        let token = context.token(&market.mint).await?;
        ending::without_result(at, job, &market, &token)
    };
    let told = told.await.map_err(|error| after_posting(error, at))?;
    bail!(told)
}

fn too_dear() -> anyhow::Error {
    anyhow!("The price times the units is more than any account can hold: lower --price or --units-limit")
}

/// A job as it would be posted, to ask it what it costs.
fn draft(price: u64, units_limit: u64, checked: bool) -> Job {
    let mut job = Job::zeroed();
    job.price = price;
    job.units_limit = units_limit;
    if checked {
        job.flags |= flag::CHECKED;
    }
    job
}

fn gateway_of(market: &Market, context: &Context) -> Result<GatewayClient> {
    Ok(context.gateways.of(&market.store_url)?)
}

pub(super) fn state_name(job: &Job) -> String {
    match JobState::try_from(job.state) {
        Ok(state) => format!("{state:?}").to_lowercase(),
        Err(number) => format!("state {number}"),
    }
}

pub(super) fn verdict_name(byte: u8) -> Cell {
    match Verdict::try_from(byte) {
        Ok(verdict) => format!("{verdict:?}").to_lowercase().into(),
        Err(_) => Cell::none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::sentence;

    #[test]
    fn whoever_posted_is_told_not_to_post_again_whatever_fails_then() {
        let at = Address::new_from_array([5; 32]);
        let silent = lode_store::Error::Unreachable {
            url: "http://127.0.0.1:1".into(),
            reason: "connection refused".into(),
        };
        let full = anyhow!("The folder out cannot be made: name another with --save-to");
        for (error, code, said) in [
            (silent.into(), Code::Unknown, "connection refused"),
            (full, Code::Failed, "--save-to"),
        ] {
            let told = after_posting(error, &at);
            let text = sentence(&told);
            assert!(text.contains(said), "{text}");
            assert!(text.contains("post no second one"), "{text}");
            assert!(!text.contains("try again"), "{text}");
            let commands = [
                format!("`lode job watch {at}`"),
                format!("`lode job result {at}`"),
            ];
            for command in &commands {
                assert!(text.contains(command), "{text}");
            }
            assert_eq!(Code::of(&told), code, "{text}");
        }
    }
}

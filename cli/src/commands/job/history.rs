//! What became of jobs, step by step.
use crate::commands::index;
use crate::context::Context;
use crate::output::Cell;
use crate::progress::Progress;
use crate::sheet::{self, Sheet};
use anyhow::{bail, Result};
use lode_index::{JobStep, Who};
use solana_address::Address;

/// Arguments of `job history`.
#[derive(clap::Args)]
pub struct History {
    /// The job
    #[arg(required_unless_present_any = ["customer", "node"])]
    job: Option<Address>,
    /// All jobs that this wallet posted; needs an index
    #[arg(
        long,
        value_name = "ADDRESS",
        conflicts_with = "job",
        requires = "index"
    )]
    customer: Option<Address>,
    /// All jobs that this node took, bid for or was asked to run; needs an index
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["job", "customer"], requires = "index")]
    node: Option<Address>,
    /// csv or json; without it, a table, or json under --output json
    #[arg(long, value_enum)]
    format: Option<Sheet>,
    /// Read it from this index, which `lode index run` keeps; without it, from the chain
    #[arg(long, value_name = "FILE OR URL")]
    index: Option<String>,
}

const COLUMNS: [&str; 15] = [
    "time",
    "slot",
    "job",
    "instruction",
    "state",
    "verdict",
    "attempt",
    "node",
    "price",
    "units_limit",
    "units",
    "market",
    "compute_units",
    "bytes",
    "signature",
];

pub(super) async fn history(args: History, context: &Context) -> Result<()> {
    let who = match (args.job, args.customer, args.node) {
        (_, Some(wallet), _) => Who::Customer(wallet),
        (_, _, Some(node)) => Who::Node(node),
        (Some(job), ..) => Who::Job(job),
        // clap asks for one of the three.
        (None, None, None) => bail!("Name a job, or a --customer or a --node"),
    };
    let steps = match (&args.index, who) {
        (Some(target), _) => index::open(target, context).await?.job_history(who)?,
        (None, Who::Job(job)) => {
            let progress = Progress::start("reading the chain");
            let tell = |done: usize, of: usize| progress.say(format!("reading {done} of {of}"));
            lode_index::job_history(&context.client, &job, &tell).await?
        }
        (None, _) => bail!("That needs an index: make one with `lode index run --once --index FILE`, and name it with --index FILE"),
    };
    if let (Who::Job(job), true) = (who, steps.is_empty()) {
        bail!("Nothing is known of a job {job}: check the address, and with an index how far it is (`lode index status`)");
    }
    let rows: Vec<Vec<Cell>> = steps.iter().map(cells).collect();
    match args.format {
        None if context.out.is_for_people() => {
            context.out.table(&COLUMNS, rows, "No job in the index.")
        }
        form => sheet::print(&COLUMNS, rows, form, context),
    }
    Ok(())
}

fn cells(step: &JobStep) -> Vec<Cell> {
    vec![
        sheet::time(step.time),
        step.slot.into(),
        step.job.into(),
        step.instruction.as_str().into(),
        step.state.as_str().into(),
        super::verdict_name(step.verdict),
        step.attempt.into(),
        sheet::address(Some(step.node)),
        step.price.into(),
        step.units_limit.into(),
        step.units.into(),
        step.market.into(),
        step.compute_units.into(),
        step.bytes.into(),
        step.signature.to_string().into(),
    ]
}

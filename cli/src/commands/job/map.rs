//! `lode job map`: many inputs, many jobs, one result.
use super::estimate::{fees_in, parse_rate, SIGNATURE, STEPS};
use super::gateway_of;
use crate::context::Context;
use crate::nodes::{self, NodesArgs};
use crate::output::{sol, Cell, Token};
use crate::progress::Bar;
use crate::spec::Surroundings;
use anyhow::{anyhow, bail, Result};
use lode_jobs::constants::CRANK_SLICE;
use lode_map::{input, Error, Input, Network, Options, Program, Progress, Range, Report, Task};
use serde_json::json;
use solana_address::Address;
use solana_signer::Signer;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// What is mapped.
#[derive(clap::Args)]
// the command that carries these arguments is a group of the same name
#[group(skip)]
pub struct MapArgs {
    /// The WebAssembly module that every job runs
    module: PathBuf,
    /// Files, and folders of files, one input each
    #[arg(value_name = "FILE OR FOLDER")]
    inputs: Vec<PathBuf>,
    /// A text with the path of an input on each line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["inputs", "lines"])]
    list: Option<PathBuf>,
    /// A text each line of which is an input: an argument for the program
    #[arg(long, value_name = "FILE", conflicts_with = "inputs")]
    lines: Option<PathBuf>,
    /// The map's own folder: results, and what it needs to go on after a crash
    #[arg(long, visible_alias = "output-dir", value_name = "FOLDER")]
    save_to: PathBuf,
    /// Tokens per million units
    #[arg(long, value_name = "AMOUNT")]
    price: String,
    /// Inputs a job; without it, as many as make a job's own costs small beside its work
    #[arg(long, value_name = "NUMBER")]
    batch: Option<usize>,
    /// Most units of a job; without it, twice what a few inputs let expect, and more for a job that needs more
    #[arg(long)]
    units_limit: Option<u64>,
    /// What a SOL is worth in the market's tokens: network fees then count when inputs are put together
    #[arg(long, value_name = "TOKENS", value_parser = parse_rate)]
    tokens_per_sol: Option<f64>,
    /// Most jobs that are under way
    #[arg(long, default_value_t = 64, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    at_once: u16,
    /// How often a job that ended without a result is posted again
    #[arg(long, default_value_t = 3, value_name = "NUMBER")]
    retries: u32,
    #[command(flatten)]
    around: Surroundings,
    /// A module that is run once at the end: its stdin is what all jobs printed, in order; their files are its inputs
    #[arg(long, value_name = "MODULE")]
    reduce: Option<PathBuf>,
    /// An argument of that module. Once for each
    #[arg(
        long = "reduce-arg",
        value_name = "ARG",
        requires = "reduce",
        allow_hyphen_values = true
    )]
    reduce_args: Vec<String>,
    /// The market, if there are several
    #[arg(long, value_name = "ADDRESS")]
    market: Option<Address>,
    /// Have every result checked for certain, at your expense
    #[arg(long)]
    checked: bool,
    #[command(flatten)]
    nodes: NodesArgs,
    /// Arguments of the program; `{}` stands for the inputs of a job, which come last without it
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<String>,
}

impl MapArgs {
    fn found(&self) -> Result<Vec<Input>> {
        Ok(match (&self.list, &self.lines) {
            (Some(list), _) => input::listed(list)?,
            (None, Some(list)) => input::lines(list)?,
            (None, None) => input::files(&self.inputs)?,
        })
    }

    fn task(&self, market: &Address, customer: &Address, price: u64) -> Result<Task> {
        Ok(Task {
            market: market.to_string(),
            customer: customer.to_string(),
            price,
            checked: self.checked,
            nodes: self.nodes.wanted(),
            program: Program::read(&self.module)?,
            args: self.args.clone(),
            env: self.around.env.clone(),
            memory_mib: self.around.memory_mib,
            output_limit: self.around.output_limit(),
            clock: self.around.clock,
            seed: self.around.seed,
            inputs: self.found()?,
            batch: self.batch,
            units_limit: self.units_limit,
            reduce: self.reduce.as_deref().map(Program::read).transpose()?,
            reduce_args: self.reduce_args.clone(),
        })
    }
}

pub(super) async fn map(args: MapArgs, context: &Context) -> Result<()> {
    let wallet = context.keypair()?;
    let (market_at, market) = context.market(args.market).await?;
    let token = context.token(&market.mint).await?;
    let price = token.parse("--price", &args.price)?;
    let task = args.task(&market_at, &wallet.pubkey(), price)?;
    nodes::tell_choice(&market_at, &market, &task.nodes.filter()?, context).await?;
    let fees = args.tokens_per_sol.and_then(|rate| fees_in(rate, &token));
    let network = Network {
        client: context.client.clone(),
        store: gateway_of(&market, context)?,
        market_at,
        market,
        payer: Arc::new(context.payer_keypair()?),
        wallet: Arc::new(wallet),
    };
    let options = Options {
        at_once: usize::from(args.at_once),
        retries: args.retries,
        fees: fees.unwrap_or_default(),
        ..Options::default()
    };
    let bar = Bar::start("running a few inputs here to see what they take");
    let tell = |now: &Progress| {
        let said = format!(
            "inputs, {} jobs under way, {} paid",
            now.running,
            token.show(now.paid)
        );
        bar.at(now.done, now.inputs, said);
    };
    let begun = Instant::now();
    let ended = lode_map::run(task, &args.save_to, network, options, &tell).await;
    let seconds = begun.elapsed().as_secs_f64();
    drop(bar);
    let report = match ended {
        Ok(report) => report,
        Err(Error::Funds { needed, available }) => bail!(
            "A job of the map locks {}, and your account in the market has {}: pay in with `lode account deposit {}`, more for more jobs at a time, and say the same again",
            token.show(needed),
            token.show(available),
            token.mint.show(needed.saturating_sub(available))
        ),
        Err(error) => return Err(error.into()),
    };
    tell_end(&report, seconds, &args, &token, context);
    match report.failed.first() {
        None => Ok(()),
        Some((range, why)) if range.count() == 0 => bail!(
            "The last job failed ({why}); what the jobs before it wrote is in {}",
            args.save_to.display()
        ),
        Some((range, why)) => {
            let inputs: usize = report.failed.iter().map(|(range, _)| range.count()).sum();
            Err(anyhow!(
                "{inputs} of {} inputs have no result, the first is number {} ({why}): what their programs said is in {}/jobs, and the results of the others are here",
                report.inputs,
                range.from,
                args.save_to.display()
            ))
        }
    }
}

fn tell_end(report: &Report, seconds: f64, args: &MapArgs, token: &Token, context: &Context) {
    let failed = report
        .failed
        .iter()
        .map(|(Range { from, to }, why)| json!({ "from": from, "to": to, "why": why }));
    let failed = serde_json::Value::Array(failed.collect());
    let lamports = report
        .transactions
        .saturating_mul(SIGNATURE)
        .saturating_add(report.jobs.saturating_mul(STEPS * CRANK_SLICE));
    let pace = match report.jobs_now {
        0 => Cell::none(),
        jobs => {
            let pace = jobs as f64 / seconds;
            Cell::new(format!("{pace:.2}"), json!(pace))
        }
    };
    let mut rows = vec![
        ("inputs", report.inputs.into()),
        ("jobs", report.jobs.into()),
        ("failed", Cell::new(report.failed.len().to_string(), failed)),
        ("units", report.units.into()),
        ("work", token.cell(report.work)),
        ("checks", token.cell(report.checks)),
        (
            "total",
            token.cell(report.work.saturating_add(report.checks)),
        ),
        ("network_fees", sol(lamports)),
        ("jobs_now", report.jobs_now.into()),
        (
            "seconds",
            Cell::new(format!("{seconds:.1}"), json!(seconds)),
        ),
        ("jobs_a_second", pace),
        ("saved_to", args.save_to.display().to_string().into()),
    ];
    if !report.apart.is_empty() {
        // Several jobs wrote files of these names: they lie with their jobs.
        rows.push(("not_put_together", Cell::list(report.apart.iter().cloned())));
    }
    context.out.sheet(rows);
}

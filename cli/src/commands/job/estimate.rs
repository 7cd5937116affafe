//! `lode job estimate`: what a job takes and what it costs, in each market, on each class of node, fees included.
use super::{draft, post, too_dear};
use crate::context::Context;
use crate::local;
use crate::output::{sol, Cell, Format, Token};
use crate::spec::SpecArgs;
use anyhow::Result;
use lode_client::filter;
pub(super) use lode_client::preview::SIGNATURE_FEE as SIGNATURE;
use lode_jobs::constants::CRANK_SLICE;
use lode_jobs::state::{Job, JobState, Market};
use lode_math::bills;
use lode_staking::state::Node;
use serde_json::{json, Value};
use solana_address::Address;
use std::collections::btree_map::{BTreeMap, Entry};

/// Steps of a job that nobody contests, which are paid from its deposit: seal, settle, close.
pub(super) const STEPS: u64 = 3;
/// Lamports a SOL has.
const SOL: f64 = 1e9;
/// A slot, in seconds, as long as the network keeps its pace.
const SLOT: f64 = 0.4;

/// What is estimated.
#[derive(clap::Args)]
// the command that carries these arguments is a group of the same name
#[group(skip)]
pub struct Estimate {
    #[command(flatten)]
    spec: SpecArgs,
    /// Most units the run may take
    #[arg(long)]
    units_limit: Option<u64>,
    /// Also say what it would cost in each market at this price, in tokens per million units
    #[arg(long, value_name = "AMOUNT")]
    price: Option<String>,
    /// Also say what it would cost in each market at the price that is paid there lately
    #[arg(long)]
    markets: bool,
    /// What a SOL is worth in the markets' tokens, to compare network fees with the work
    #[arg(long, value_name = "TOKENS", value_parser = parse_rate)]
    tokens_per_sol: Option<f64>,
}

/// Runs the job here, and asks the markets if that is wanted.
pub(super) async fn estimate(args: &Estimate, context: &Context) -> Result<()> {
    let prepared = args.spec.prepare()?;
    let trial = local::run(&prepared, args.units_limit).await?;
    let asks = args.price.is_some() || args.markets || args.tokens_per_sol.is_some();
    if !asks || context.out.format == Format::Table {
        context.out.sheet(trial.rows());
    }
    if !asks {
        return Ok(());
    }
    let mut markets = context.client.get_program_accounts::<Market>(&[]).await?;
    markets.sort_by_key(|(at, _)| *at);
    let mut rows = Vec::new();
    let mut advice = Vec::new();
    for (at, market) in &markets {
        let token = context.token(&market.mint).await?;
        let past = Past::of(at, context).await?;
        let price = match &args.price {
            Some(text) => Some(token.parse("--price", text)?),
            None => past.price(),
        };
        let fits = trial.limit <= market.units_limit
            && post::require_fit(&prepared, market).is_ok()
            && market.is_open();
        let mut row = vec![Cell::from(*at), fits.into()];
        match price {
            Some(price) => {
                let cost = Cost::of(&draft(price, trial.limit, false), trial.units, market)?;
                let fees = args.tokens_per_sol.and_then(|rate| fees_in(rate, &token));
                row.extend([price, cost.work, cost.checks, cost.escrow].map(|n| token.cell(n)));
                row.push(fees.map_or_else(Cell::none, |fees| share(fees, cost.work)));
                let many = batch(fees, cost.work);
                row.push(many.map_or_else(Cell::none, Cell::from));
                advice.extend(many.map(|many| advised(at, many)));
            }
            // Nobody was paid there lately.
            None => row.extend((0..6).map(|_| Cell::none())),
        }
        row.extend([
            trial.limit.into(),
            window(market, trial.limit),
            past.times(trial.units),
        ]);
        rows.push(row);
    }
    context.out.table(
        &[
            "market",
            "fits",
            "price",
            "work",
            "checks",
            "escrow",
            "fees_to_work",
            "tasks_a_job",
            "units_limit",
            "at_the_latest",
            "time_by_class",
        ],
        rows,
        "There is no market yet.",
    );
    tell_fees(args.tokens_per_sol.is_some(), context);
    for line in advice {
        context.out.note(&line);
    }
    Ok(())
}

/// Says what the network takes for a job, and how to have that compared with the work.
fn tell_fees(are_compared: bool, context: &Context) {
    context.out.note(&format!(
        "Network fees: about {} a job, however small it is; its account's rent and the rest of its deposit return when it closes.",
        sol(FEES).text()
    ));
    if !are_compared {
        context.out.note(
            "With --tokens-per-sol, the fees are compared with the work, and small jobs are told how many to put into one.",
        );
    }
}

/// The same of a job that is about to be posted, with how its fees compare with its work where `fees` are known in the
/// market's tokens.
pub(super) fn compare_fees(market: &Address, fees: Option<u64>, work: u64, context: &Context) {
    tell_fees(fees.is_some(), context);
    let Some(fees) = fees else { return };
    context.out.note(&format!(
        "The fees are {} of the work.",
        share(fees, work).text()
    ));
    if let Some(many) = batch(Some(fees), work) {
        context.out.note(&advised(market, many));
    }
}

fn advised(market: &Address, many: u64) -> String {
    format!("In {market} the network's fees outweigh the work: give {many} such tasks to one job, as inputs or arguments, and they do not.")
}

/// Lamports that posting and the steps of a job cost its customer.
const FEES: u64 = SIGNATURE + STEPS * CRANK_SLICE;

/// What a job costs in a market.
pub(super) struct Cost {
    /// What the run's units cost.
    pub work: u64,
    /// What is added for checks.
    pub checks: u64,
    /// What is locked.
    pub escrow: u64,
}

impl Cost {
    /// Of a draft whose run bills so many units.
    pub(super) fn of(job: &Job, units: u64, market: &Market) -> Result<Cost> {
        let work = bills::work(job.price, units).ok_or_else(too_dear)?;
        Ok(Cost {
            work,
            checks: bills::checks(work, job.surcharge(market)).ok_or_else(too_dear)?,
            escrow: job.escrow(market).map_err(|_| too_dear())?,
        })
    }
}

/// What a SOL is worth, as people write it.
pub(super) fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err(
            "it is no number above 0: write how many tokens a SOL is worth, such as 150.5".into(),
        ),
    }
}

/// The fees of a job in base units of a token, at so many tokens a SOL.
pub(super) fn fees_in(tokens_per_sol: f64, token: &Token) -> Option<u64> {
    let tokens = FEES as f64 / SOL * tokens_per_sol;
    let units = tokens * 10f64.powi(i32::from(token.mint.decimals));
    (units.is_finite() && units >= 0.0).then_some(units.ceil() as u64)
}

/// How many such tasks one job should take so that its fees are a tenth of its work; nothing where they are below it.
fn batch(fees: Option<u64>, work: u64) -> Option<u64> {
    let fees = fees?;
    (fees > work).then(|| fees.saturating_mul(10).div_ceil(work.max(1)))
}

fn share(fees: u64, work: u64) -> Cell {
    if work == 0 {
        return Cell::none();
    }
    let share = fees as f64 / work as f64;
    Cell::new(format!("{:.1} %", share * 100.0), json!(share))
}

/// How long a node may take at most.
fn window(market: &Market, units: u64) -> Cell {
    match market.run_window(units) {
        Some(slots) => seconds(slots as f64 * SLOT),
        None => Cell::none(),
    }
}

fn seconds(seconds: f64) -> Cell {
    let text = match seconds {
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3_600.0),
    };
    Cell::new(text, json!(seconds))
}

/// Jobs of a market that were paid, as long as their accounts are kept.
#[derive(Default)]
struct Past {
    prices: Vec<u64>,
    /// Seconds a unit took, from accepting to submitting, by the class of the node.
    pace: BTreeMap<u8, Vec<f64>>,
}

impl Past {
    async fn of(market: &Address, context: &Context) -> Result<Past> {
        let settled = JobState::Settled as u8;
        let filters = [filter!(Job, market, *market), filter!(Job, state, settled)];
        let jobs = context.client.get_program_accounts::<Job>(&filters).await?;
        let mut classes: BTreeMap<Address, Option<u8>> = BTreeMap::new();
        let mut past = Past::default();
        for (_, job) in &jobs {
            past.prices.push(job.price);
            let class = match classes.entry(job.node) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(place) => {
                    let node: Option<Node> = context.client.try_account(&job.node).await?;
                    *place.insert(node.map(|node| node.class))
                }
            };
            let took = job.submitted_at.saturating_sub(job.accepted_at);
            if let (Some(class), true) = (class, job.units > 0) {
                // Chain time counts whole seconds: half of one is as good a guess for less.
                let took = (took as f64).max(0.5);
                let pace = past.pace.entry(class).or_default();
                pace.push(took / job.units as f64);
            }
        }
        Ok(past)
    }

    /// The price in the middle.
    fn price(&self) -> Option<u64> {
        let mut prices = self.prices.clone();
        prices.sort_unstable();
        prices.get(prices.len() / 2).copied()
    }

    /// How long this many units would take on each class of node, at the pace in the middle.
    fn times(&self, units: u64) -> Cell {
        let times: Vec<(u8, f64)> = self
            .pace
            .iter()
            .filter_map(|(class, pace)| {
                let mut pace = pace.clone();
                pace.sort_by(f64::total_cmp);
                Some((*class, pace.get(pace.len() / 2)? * units as f64))
            })
            .collect();
        if times.is_empty() {
            return Cell::none();
        }
        let texts: Vec<String> = times
            .iter()
            .map(|(class, time)| format!("class {class}: {}", seconds(*time).text()))
            .collect();
        let listed = times
            .iter()
            .map(|(class, time)| json!({ "class": class, "seconds": time }));
        Cell::new(texts.join(", "), Value::Array(listed.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sol_is_worth_is_a_number_above_0() {
        assert_eq!(parse_rate("150.5"), Ok(150.5));
        for wrong in ["abc", "", "0", "-1", "NaN", "inf"] {
            assert!(parse_rate(wrong).is_err_and(|said| said.contains("150.5")));
        }
    }

    #[test]
    fn small_jobs_are_told_how_many_make_a_batch() {
        assert_eq!(batch(Some(1_000), 100), Some(100));
        assert_eq!(batch(Some(1_000), 0), Some(10_000));
        assert_eq!(batch(Some(1_000), 1_000), None);
        assert_eq!(batch(None, 1), None);
    }

    #[test]
    fn the_price_and_the_pace_are_those_in_the_middle() {
        let past = Past {
            prices: vec![9, 1, 5],
            pace: BTreeMap::from([(2, vec![0.5, 0.001, 0.01])]),
        };
        assert_eq!(past.price(), Some(5));
        assert_eq!(past.times(100).text(), "class 2: 1.0 s");
        assert_eq!(Past::default().price(), None);
        assert_eq!(Past::default().times(100).text(), "-");
    }

    #[test]
    fn times_are_told_in_the_unit_that_people_use() {
        assert_eq!(seconds(0.04).text(), "0.0 s");
        assert_eq!(seconds(119.0).text(), "119.0 s");
        assert_eq!(seconds(600.0).text(), "10 min");
        assert_eq!(seconds(9_000.0).text(), "2.5 h");
    }
}

//! Looking at jobs.
use super::{state_name, too_dear, verdict_name};
use crate::context::{hex32, Context};
use crate::output::{time, Cell, Token};
use crate::progress::Progress;
use anyhow::{bail, Result};
use lode_client::{addresses, filter};
use lode_jobs::state::{flag, Job, JobState, Market};
use solana_address::Address;
use solana_signer::Signer;
use std::time::{Duration, Instant};

/// How often a job is looked at while it is watched.
const LOOK: Duration = Duration::from_millis(400);

pub(super) async fn list(
    all: bool,
    market: Option<Address>,
    state: Option<String>,
    context: &Context,
) -> Result<()> {
    // A missing wallet is said before the chain is asked.
    let mine = if all {
        None
    } else {
        Some(context.wallet()?.pubkey())
    };
    let mut filters = Vec::new();
    if let Some(market) = market {
        filters.push(filter!(Job, market, market));
    }
    if let Some(name) = &state {
        let number = (1..=u8::MAX)
            .map_while(|n| JobState::try_from(n).ok())
            .find(|state| format!("{state:?}").eq_ignore_ascii_case(name));
        let Some(found) = number else {
            bail!("`{name}` is no state: use open, accepted, submitted, sealed, attested, challenged, settled, failed, voided or cancelled");
        };
        filters.push(filter!(Job, state, found as u8));
    }
    let mut found = context.client.get_program_accounts::<Job>(&filters).await?;
    if let Some(me) = mine {
        found.retain(|(_, job)| job.customer == addresses::jobs::ledger(&job.market, &me));
    }
    found.sort_by_key(|(at, job)| (job.deadline, *at));
    let mut tokens: Vec<(Address, Market, Token)> = Vec::new();
    let mut rows = Vec::new();
    for (at, job) in &found {
        if !tokens.iter().any(|(market, ..)| *market == job.market) {
            let (_, market) = context.market(Some(job.market)).await?;
            let token = context.token(&market.mint).await?;
            tokens.push((job.market, market, token));
        }
        let Some((_, _, token)) = tokens.iter().find(|(market, ..)| *market == job.market) else {
            continue;
        };
        rows.push(vec![
            Cell::from(*at),
            state_name(job).into(),
            verdict_name(job.verdict),
            token.cell(job.price),
            job.units_limit.into(),
            job.units.into(),
            job.node.into(),
        ]);
    }
    context.out.table(
        &[
            "job",
            "state",
            "verdict",
            "price",
            "units_limit",
            "units",
            "node",
        ],
        rows,
        "No job: run one with `lode job run MODULE --price AMOUNT`.",
    );
    Ok(())
}

pub(super) async fn one(at: &Address, job: &Job, context: &Context) -> Result<()> {
    let (_, market) = context.market(Some(job.market)).await?;
    let token = context.token(&market.mint).await?;
    let escrow = job.escrow(&market).map_err(|_| too_dear())?;
    let revealed = job.has(flag::REVEALED);
    context.out.sheet(vec![
        ("job", (*at).into()),
        ("state", state_name(job).into()),
        ("verdict", verdict_name(job.verdict)),
        ("final", job.has(flag::FINAL).into()),
        ("checked", job.is_checked().into()),
        ("attempt", job.attempt.into()),
        ("market", job.market.into()),
        ("customer_account", job.customer.into()),
        ("node", job.node.into()),
        ("spec", hex32(&job.spec)),
        (
            if revealed { "result" } else { "commitment" },
            hex32(&job.result),
        ),
        ("price", token.cell(job.price)),
        ("escrow", token.cell(escrow)),
        ("collateral", token.cell(job.collateral)),
        ("units_limit", job.units_limit.into()),
        ("units", job.units.into()),
        ("accepted_at", time(job.accepted_at)),
        ("submitted_at", time(job.submitted_at)),
        ("deadline_slot", job.deadline.into()),
        ("panel_seats", job.panel.count_ones().into()),
        ("signed_match", job.signed_match.count_ones().into()),
        ("signed_mismatch", job.signed_mismatch.count_ones().into()),
        (
            "signed_unrunnable",
            job.signed_unrunnable.count_ones().into(),
        ),
    ]);
    Ok(())
}

/// Watches until the job is final. What changes is said on the way.
pub(super) async fn follow(
    at: &Address,
    timeout: Option<Duration>,
    context: &Context,
) -> Result<Job> {
    let begun = Instant::now();
    let progress = Progress::start("waiting for a node");
    let mut last = (0, 0);
    loop {
        let job: Job = match context.client.get_account(at).await {
            Ok(job) => job,
            // A server that is away for a moment takes nothing from the job.
            Err(error) if error.is_transient() && last.0 != 0 => {
                progress.say(error.to_string());
                tokio::time::sleep(LOOK * 5).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        if last != (job.state, job.attempt) {
            last = (job.state, job.attempt);
            let by = if job.node == Address::default() {
                String::new()
            } else {
                format!(", node {}", job.node)
            };
            let text = format!(
                "{:>5.1} s  {}{by}",
                begun.elapsed().as_secs_f32(),
                state_name(&job)
            );
            context.out.note(&text);
            progress.say(format!("the job is {}", state_name(&job)));
        }
        if job.is_final() {
            return Ok(job);
        }
        if timeout.is_some_and(|timeout| begun.elapsed() >= timeout) {
            bail!(
                "The job {at} is still {}: watch on with `lode job watch {at}`",
                state_name(&job)
            );
        }
        tokio::time::sleep(LOOK).await;
    }
}

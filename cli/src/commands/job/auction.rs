//! Jobs of auction markets: what is bid, and giving a job to who bid least.
use super::state_name;
use crate::context::Context;
use crate::exit::not_yet;
use crate::output::{Cell, Token};
use anyhow::{bail, Result};
use lode_client::filter;
use lode_client::instructions::jobs;
use lode_crank::{award_end, deadline, Now};
use lode_jobs::constants::BID_STEP_BPS;
use lode_jobs::state::{flag, Job, JobState, Market};
use solana_address::Address;

/// The most that the next bid may be.
fn next_bid(job: &Job) -> Option<u64> {
    if job.has(flag::BID) {
        lode_math::bps_floor(job.bid, BID_STEP_BPS)
    } else {
        Some(job.price)
    }
}

/// Where an auction stands.
fn phase(job: &Job, market: &Market, now: &Now) -> &'static str {
    let before = |end: Option<u64>| end.is_some_and(|end| now.slot < end);
    if job.state != JobState::Open as u8 {
        "over"
    } else if before(deadline(job, market, now)) {
        "bidding"
    } else if !job.has(flag::BID) {
        "nobody bid"
    } else if before(award_end(job, market, now)) {
        "to be awarded"
    } else {
        "not awarded in time"
    }
}

fn require_auction(at: &Address, market: &Market) -> Result<()> {
    if !market.is_auction() {
        bail!("The job {at} is of a first-come market: its price is fixed, and the first node that accepts runs it");
    }
    Ok(())
}

/// The standing bid of a job, or of all open jobs of auctions.
pub(super) async fn bids(
    at: Option<Address>,
    market: Option<Address>,
    context: &Context,
) -> Result<()> {
    let now = Now::read(&context.client).await?;
    let Some(at) = at else {
        return all(market, &now, context).await;
    };
    let job: Job = context.client.get_account(&at).await?;
    let (_, market) = context.market(Some(job.market)).await?;
    require_auction(&at, &market)?;
    let token = context.token(&market.mint).await?;
    let open = job.state == JobState::Open as u8;
    context.out.sheet(vec![
        ("job", at.into()),
        ("state", state_name(&job).into()),
        ("auction", phase(&job, &market, &now).into()),
        ("price", token.cell(job.price)),
        ("best_bid", best(&job, &token)),
        ("node", job.node.into()),
        ("collateral", token.cell(job.collateral)),
        (
            "next_bid_at_most",
            match next_bid(&job) {
                Some(most) if phase(&job, &market, &now) == "bidding" => token.cell(most),
                _ => Cell::none(),
            },
        ),
        ("slot", now.slot.into()),
        (
            "bids_until_slot",
            if open {
                deadline(&job, &market, &now).unwrap_or_default().into()
            } else {
                Cell::none()
            },
        ),
        (
            "award_until_slot",
            if open {
                award_end(&job, &market, &now).unwrap_or_default().into()
            } else {
                Cell::none()
            },
        ),
    ]);
    Ok(())
}

fn best(job: &Job, token: &Token) -> Cell {
    if job.has(flag::BID) {
        token.cell(job.bid)
    } else {
        Cell::none()
    }
}

async fn all(named: Option<Address>, now: &Now, context: &Context) -> Result<()> {
    let mut markets = context.client.get_program_accounts::<Market>(&[]).await?;
    markets.retain(|(at, market)| market.is_auction() && named.is_none_or(|named| named == *at));
    markets.sort_by_key(|(at, _)| *at);
    let mut rows = Vec::new();
    for (at, market) in &markets {
        let token = context.token(&market.mint).await?;
        let filters = [
            filter!(Job, market, *at),
            filter!(Job, state, JobState::Open as u8),
        ];
        let mut found = context.client.get_program_accounts::<Job>(&filters).await?;
        found.sort_by_key(|(at, job)| (job.deadline, *at));
        for (at, job) in &found {
            rows.push(vec![
                Cell::from(*at),
                phase(job, market, now).into(),
                token.cell(job.price),
                best(job, &token),
                job.node.into(),
                job.units_limit.into(),
                deadline(job, market, now).unwrap_or_default().into(),
            ]);
        }
    }
    context.out.table(
        &[
            "job",
            "auction",
            "price",
            "best_bid",
            "node",
            "units_limit",
            "bids_until_slot",
        ],
        rows,
        "No job of an auction is open; `lode market list` shows which markets are auctions.",
    );
    Ok(())
}

/// Gives a job to the best bidder.
pub(super) async fn award(at: &Address, context: &Context) -> Result<()> {
    let wallet = context.wallet()?;
    let job: Job = context.client.get_account(at).await?;
    let (_, market) = context.market(Some(job.market)).await?;
    require_auction(at, &market)?;
    let now = Now::read(&context.client).await?;
    match phase(&job, &market, &now) {
        "to be awarded" => {}
        "bidding" => not_yet!(
            "Bids for {at} are taken for {} slots more: award it after that",
            deadline(&job, &market, &now).unwrap_or_default().saturating_sub(now.slot)
        ),
        "nobody bid" => bail!("Nobody bid for {at}: take the escrow back with `lode job cancel {at}`, and post it anew for more"),
        "not awarded in time" => bail!("The time to award {at} is over, and its bidder forfeits for being late: take the escrow back with `lode job cancel {at}`"),
        _ => bail!("The job {at} is {}: only an open one can be awarded", state_name(&job)),
    }
    let token = context.token(&market.mint).await?;
    let instruction = jobs::award_job(at, &job);
    let sent = context
        .send("awarding the job", &[instruction], &wallet, &[])
        .await?;
    let look = format!("`lode job show {at}`");
    let after: Job = context.read_back(at, &sent, &look).await?;
    context.out.sheet(vec![
        ("job", (*at).into()),
        ("state", state_name(&after).into()),
        ("node", after.node.into()),
        ("price", token.cell(after.price)),
        (
            "escrow",
            token.cell(after.escrow(&market).map_err(|_| super::too_dear())?),
        ),
        ("deadline_slot", after.deadline.into()),
        ("signature", sent.signature.to_string().into()),
    ]);
    Ok(())
}

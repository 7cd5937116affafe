//! Looking at jobs.
use super::{after_posting, state_name, too_dear, verdict_name};
use crate::context::{hex32, Context};
use crate::exit::not_yet;
use crate::landed;
use crate::nodes;
use crate::output::{time, Cell, Token};
use crate::progress::Progress;
use anyhow::{bail, Result};
use lode_client::{filter, Filter};
use lode_crank::{award_end, deadline, Now};
use lode_jobs::state::{flag, Job, JobState, Market, NodeFilter};
use lode_notify::{Event, Notices};
use lode_staking::state::Node;
use solana_address::Address;
use solana_signer::Signer;
use std::cmp::Reverse;
use std::time::{Duration, Instant};

/// How often a job is looked at while it is watched.
const LOOK: Duration = Duration::from_millis(400);
/// Of an open job, the slot is asked for at one of so many looks.
const SLOT_EVERY: u32 = 5;
/// Slots that a job lies open before it is said that nobody took it: ten seconds as slots are planned.
const UNTAKEN: u64 = 25;
/// Slots after its window in which a crank takes a job back that nobody took; who watches it does not wait for ever.
const CRANKS: u64 = 75;

/// Arguments of `job list`.
#[derive(clap::Args)]
pub struct List {
    /// Everybody's
    #[arg(long)]
    all: bool,
    /// Only in this market
    #[arg(long, value_name = "ADDRESS")]
    market: Option<Address>,
    /// Only in this state
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// This wallet's, if not one's own
    #[arg(long, value_name = "ADDRESS", conflicts_with = "all")]
    customer: Option<Address>,
    /// Everybody's that this node took, bid for or was asked to run
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["all", "customer"])]
    node: Option<Address>,
    /// Everybody's open ones that take this node, by what it declares
    #[arg(long = "for", value_name = "NODE", conflicts_with_all = ["all", "customer", "node", "state"])]
    for_node: Option<Address>,
    /// Most jobs that are shown
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// Go on after this job, the last one shown before
    #[arg(long, value_name = "JOB")]
    after: Option<Address>,
}

/// The jobs that fit, those whose windows end last first. The server filters, and of what fits it sends only what the
/// order needs; whole jobs are fetched for one page.
pub(super) async fn list(args: List, context: &Context) -> Result<()> {
    // A missing wallet is said before the chain is asked.
    let everybody = args.all || args.node.is_some() || args.for_node.is_some();
    let customer = match (everybody, args.customer) {
        (true, _) => None,
        (false, Some(customer)) => Some(customer),
        (false, None) => Some(context.wallet()?.pubkey()),
    };
    let mut filters = Vec::new();
    if let Some(node) = args.node {
        filters.push(filter!(Job, node, node));
    }
    if let Some(name) = &args.state {
        let number = (1..=u8::MAX)
            .map_while(|n| JobState::try_from(n).ok())
            .find(|state| format!("{state:?}").eq_ignore_ascii_case(name));
        let Some(found) = number else {
            bail!("`{name}` is no state: use open, accepted, submitted, sealed, attested, challenged, settled, failed, voided or cancelled");
        };
        filters.push(filter!(Job, state, found as u8));
    }
    if let Some(market) = args.market {
        filters.push(filter!(Job, market, market));
    }
    if let Some(customer) = customer {
        // A job's customer is the account that pays for it, one in each market; its rent is always its wallet's.
        filters.push(filter!(Job, payer, customer));
    }
    let mut order = match &args.for_node {
        Some(node) => takers(node, &mut filters, context).await?,
        None => {
            let deadline = filter!(Job, deadline, 0);
            let fields = context
                .client
                .get_program_fields::<Job>(&filters, &deadline);
            let number = |bytes: Vec<u8>| bytes.try_into().map_or(0, u64::from_le_bytes);
            let found = fields.await?.into_iter();
            found
                .map(|(at, bytes)| (Reverse(number(bytes)), at))
                .collect()
        }
    };
    order.sort_unstable();
    let from = match args.after {
        None => 0,
        Some(last) => match order.iter().position(|(_, at)| *at == last) {
            Some(place) => place.saturating_add(1),
            None => bail!("The job {last} is not in this list: name the last one of the page before, with the same options"),
        },
    };
    let limit = usize::try_from(args.limit)?;
    let page: Vec<Address> = order
        .iter()
        .skip(from)
        .take(limit)
        .map(|(_, at)| *at)
        .collect();
    let rest = order.len().saturating_sub(from.saturating_add(page.len()));
    let jobs = context.client.get_accounts::<Job>(&page).await?;
    let mut tokens: Vec<(Address, Token)> = Vec::new();
    let mut rows = Vec::new();
    for (at, job) in page.iter().zip(jobs) {
        // closed since the list was made
        let Some(job) = job else { continue };
        if !tokens.iter().any(|(market, _)| *market == job.market) {
            let (_, market) = context.market(Some(job.market)).await?;
            tokens.push((job.market, context.token(&market.mint).await?));
        }
        let Some((_, token)) = tokens.iter().find(|(market, _)| *market == job.market) else {
            continue;
        };
        rows.push(vec![
            Cell::from(*at),
            state_name(&job).into(),
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
    if let (Some(last), true) = (page.last(), rest > 0) {
        context.out.note(&format!(
            "{rest} more: go on with --after {last}, or show more with --limit."
        ));
    }
    Ok(())
}

/// Open jobs that take a node, by what it declares and whom they are meant for; whether its account in their market has
/// the collateral is another question.
async fn takers(
    node_at: &Address,
    filters: &mut Vec<Filter>,
    context: &Context,
) -> Result<Vec<(Reverse<u64>, Address)>> {
    let client = &context.client;
    let node: Node = client.get_account(node_at).await?;
    let now = Now::read(client).await?;
    filters.push(filter!(Job, state, JobState::Open as u8));
    let markets = client.get_program_accounts::<Market>(&[]).await?;
    let takes = |job: &Job| {
        let market = markets.iter().find(|(at, _)| *at == job.market);
        let meant = !job.has(flag::TARGETED) || job.node == *node_at;
        let pass = |filter: &NodeFilter| filter.require(&node).is_ok();
        let open = |market: &Market| deadline(job, market, &now).is_some_and(|end| now.slot < end);
        meant && pass(&job.nodes) && market.is_some_and(|(_, m)| pass(&m.nodes) && open(m))
    };
    let mut open = client.get_program_accounts::<Job>(filters).await?;
    open.retain(|(_, job)| takes(job));
    Ok(open
        .iter()
        .map(|(at, job)| (Reverse(job.deadline), *at))
        .collect())
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
        ("nodes_wanted", nodes::cell(&job.nodes)),
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

/// What is known of a job that is followed.
#[derive(Clone, Copy)]
pub(super) enum Known {
    /// This command posted it: it is there, whatever the server says at first.
    Posted,
    /// Somebody named it, and watches it for so long.
    Named {
        /// Without it, to the end.
        timeout: Option<Duration>,
    },
}

/// Watches until the job is final. What changes is said on the way, and told.
pub(super) async fn follow(
    at: &Address,
    known: Known,
    notices: &Notices,
    context: &Context,
) -> Result<Job> {
    let begun = Instant::now();
    let posted = matches!(known, Known::Posted);
    let timeout = match known {
        Known::Posted => None,
        Known::Named { timeout } => timeout,
    };
    let is_over = || timeout.is_some_and(|timeout| begun.elapsed() >= timeout);
    let progress = Progress::start("waiting for a node");
    let mut last = (0, 0);
    let mut silent = false;
    let mut open = Open::default();
    loop {
        let seen = last.0 != 0;
        let job: Job = match context.client.get_account(at).await {
            Ok(job) => job,
            // A server that is away for a moment takes nothing from the job.
            Err(error) if error.is_transient() && (seen || posted) && !is_over() => {
                if !std::mem::replace(&mut silent, true) {
                    tracing::warn!(job = %at, %error, "the job goes on, and is asked for until the server answers");
                }
                progress.say(error.to_string());
                tokio::time::sleep(LOOK * 5).await;
                continue;
            }
            // Nor does one that is behind: it does not know yet what was just posted.
            Err(error)
                if posted && landed::may_come(&error) && begun.elapsed() < landed::PATIENCE =>
            {
                tokio::time::sleep(LOOK).await;
                continue;
            }
            Err(error) if posted => return Err(after_posting(error.into(), at)),
            Err(error) => return Err(error.into()),
        };
        silent = false;
        if last != (job.state, job.attempt) {
            last = (job.state, job.attempt);
            open = Open::default();
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
            notices.tell(Event::JobChanged {
                job: *at,
                attempt: job.attempt,
                market: job.market,
                state: state_name(&job),
                verdict: job.verdict().map(Into::into),
                node: (job.node != Address::default()).then_some(job.node),
            });
        }
        if job.is_final() {
            if notices.are_heard() {
                tell_end(at, &job, notices, context).await;
            }
            return Ok(job);
        }
        if job.state == JobState::Open as u8 {
            open.look(at, &job, context).await?;
        }
        if is_over() {
            not_yet!(
                "The job {at} is still {}: watch on with `lode job watch {at}`",
                state_name(&job)
            );
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Where an open job stands, so that nobody waits for what will not come without being told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It was opened a moment ago.
    New,
    /// Nobody took it yet, for so many slots more.
    Untaken(u64),
    /// Nodes bid for it, for so many slots more.
    Bidding(u64),
    /// The bidding is over, and the best bidder waits.
    ToAward,
    /// Its time is over, and a crank may be about to take it back.
    Over,
    /// Its time is over, and nobody takes it back.
    Left,
}

impl Standing {
    fn of(job: &Job, market: &Market, now: &Now) -> Self {
        let (slot, bid) = (now.slot, job.has(flag::BID));
        // what makes no sense is over
        let taken_until = deadline(job, market, now).unwrap_or_default();
        let left = taken_until.saturating_sub(slot);
        let end = if bid {
            award_end(job, market, now).unwrap_or_default()
        } else {
            taken_until
        };
        if slot >= end.saturating_add(CRANKS) {
            Self::Left
        } else if slot >= end {
            Self::Over
        } else if left == 0 {
            Self::ToAward
        } else if bid {
            Self::Bidding(left)
        } else if market.accept_window.saturating_sub(left) >= UNTAKEN {
            Self::Untaken(left)
        } else {
            Self::New
        }
    }

    /// What is said of it.
    fn text(self, at: &Address) -> Option<String> {
        Some(match self {
            Self::New => return None,
            Self::Untaken(left) => format!("Nobody took it yet: its accept window ends in {left} slots, and until then `lode job cancel {at}` takes the escrow back."),
            Self::Bidding(left) => format!("A node bid for it, and others may bid less for {left} slots more."),
            Self::ToAward => format!("The bidding is over: give it to the best bidder with `lode job award {at}`."),
            Self::Over => format!("No node got it, and its time is over: a crank takes it back now, or `lode job cancel {at}` does."),
            Self::Left => format!("No node got the job {at}, and its time is over: take the escrow back with `lode job cancel {at}`, and post it anew for more, or in another market"),
        })
    }
}

/// What was said of an open job that is followed.
#[derive(Default)]
struct Open {
    looks: u32,
    market: Option<Market>,
    said: Option<std::mem::Discriminant<Standing>>,
}

impl Open {
    /// Says where it stands, each thing once, and ends the waiting where nothing can come any more.
    async fn look(&mut self, at: &Address, job: &Job, context: &Context) -> Result<()> {
        let looks = self.looks;
        self.looks = looks.wrapping_add(1);
        if !looks.is_multiple_of(SLOT_EVERY) {
            return Ok(());
        }
        // What the server does not say now it says at another look.
        let market = match self.market {
            Some(market) => market,
            None => match context.market(Some(job.market)).await {
                Ok((_, market)) => *self.market.insert(market),
                Err(_) => return Ok(()),
            },
        };
        let Ok(now) = Now::read(&context.client).await else {
            return Ok(());
        };
        let standing = Standing::of(job, &market, &now);
        let kind = std::mem::discriminant(&standing);
        let Some(text) = standing.text(at).filter(|_| self.said != Some(kind)) else {
            return Ok(());
        };
        if standing == Standing::Left {
            bail!(text);
        }
        self.said = Some(kind);
        context.out.note(&text);
        Ok(())
    }
}

/// Tells what the job's node was really paid or lost. That it cannot be told takes nothing from the job.
async fn tell_end(at: &Address, job: &Job, notices: &Notices, context: &Context) {
    // nobody had it: nobody was paid
    if job.node == Address::default() {
        return;
    }
    let found = async {
        let (_, market) = context.market(Some(job.market)).await?;
        let mint = context.client.mint(&market.mint).await?;
        let end = context.client.job_end(at, job.attempt).await?;
        let event = end.map(|end| Event::ended(&end, job.market, job.node, &mint));
        anyhow::Ok(event)
    };
    match found.await {
        Ok(Some(event)) => notices.tell(event),
        Ok(None) => tracing::warn!(job = %at, "the server keeps nothing of how this job ended"),
        Err(error) => tracing::warn!(job = %at, %error, "how this job ended is not told"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lode_client::bytemuck::Zeroable as _;

    #[test]
    fn an_open_job_that_nobody_takes_is_said_to_be_one_and_waited_for_no_longer_than_it_can_be_taken(
    ) {
        let at = Address::new_from_array([5; 32]);
        let mut job = Job::zeroed();
        (job.state, job.deadline) = (JobState::Open as u8, 10_000);
        let mut market = Market::zeroed();
        market.accept_window = 9_000;
        let at_restart =
            |job: &Job, slot, last_restart| Standing::of(job, &market, &Now { slot, last_restart });
        let of = |job: &Job, slot| at_restart(job, slot, 0);
        for (slot, standing) in [
            (1_000, Standing::New),
            (1_024, Standing::New),
            (1_025, Standing::Untaken(8_975)),
            (9_999, Standing::Untaken(1)),
            (10_000, Standing::Over),
            (10_074, Standing::Over),
            (10_075, Standing::Left),
        ] {
            assert_eq!(of(&job, slot), standing, "{slot}");
        }
        job.flags = flag::BID;
        for (slot, standing) in [
            (1_000, Standing::Bidding(9_000)),
            (10_000, Standing::ToAward),
            (18_999, Standing::ToAward),
            (19_000, Standing::Over),
            (19_075, Standing::Left),
        ] {
            assert_eq!(of(&job, slot), standing, "{slot}");
        }
        // after a restart within it the window is longer
        assert_eq!(at_restart(&job, 10_000, 9_000), Standing::Bidding(9_000));
        let said = |standing: Standing| standing.text(&at).unwrap_or_default();
        assert_eq!(said(Standing::New), "");
        assert!(said(Standing::Untaken(25)).contains("ends in 25 slots"));
        assert!(said(Standing::ToAward).contains(&format!("`lode job award {at}`")));
        for standing in [Standing::Untaken(1), Standing::Over, Standing::Left] {
            assert!(said(standing).contains(&format!("`lode job cancel {at}`")));
        }
    }
}

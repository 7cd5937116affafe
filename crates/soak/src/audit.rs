//! Whether everything adds up.
use crate::liar::Lie;
use anyhow::{ensure, Context as _, Result};
use lode_attestation::Verdict;
use lode_client::{addresses, filter, Client};
use lode_jobs::state::{flag, Job, JobState, Ledger, Market};
use lode_staking::state::Node;
use solana_address::Address;
use std::collections::{BTreeMap, BTreeSet};

/// What became of all jobs.
pub struct Audit {
    /// Paid.
    pub settled: usize,
    /// Without a result that is paid.
    pub failed: usize,
    /// Nobody could decide.
    pub voided: usize,
    /// Taken back.
    pub cancelled: usize,
    /// Results that somebody checked.
    pub checked: usize,
    /// Attempts beyond the first.
    pub further_attempts: u64,
    /// How often the silent seat let a window pass.
    pub silent: u32,
    /// How often another did.
    pub silent_others: u32,
    /// Lies that stood when their job ended.
    pub lies: usize,
    /// How many of them were checked.
    pub lies_checked: usize,
    /// How many of those were punished.
    pub lies_punished: usize,
    /// What the vault holds, base units.
    pub vault: u64,
    /// What is booked in all accounts and the check pool, base units.
    pub booked: u128,
    /// Slots from submission to settlement of each settled job, sorted.
    pub slots: Vec<u64>,
}

/// Reads all of it. What is wrong is an error.
pub async fn audit(
    client: &Client,
    market_at: &Address,
    lies: &BTreeSet<Lie>,
    liars: &[Address],
    nodes: &[Address],
    posted: usize,
    silent_seat: u32,
) -> Result<Audit> {
    let market: Market = client.get_account(market_at).await?;
    let jobs: BTreeMap<Address, Job> = client
        .get_program_accounts::<Job>(&[filter!(Job, market, *market_at)])
        .await?
        .into_iter()
        .collect();
    ensure!(
        jobs.len() == posted,
        "{} jobs are on the chain, {posted} were posted",
        jobs.len()
    );
    let in_state = |state: JobState| jobs.values().filter(|j| j.state == state as u8).count();
    let mut audit = Audit {
        settled: in_state(JobState::Settled),
        failed: in_state(JobState::Failed),
        voided: in_state(JobState::Voided),
        cancelled: in_state(JobState::Cancelled),
        checked: jobs.values().filter(|job| job.is_checked()).count(),
        further_attempts: jobs.values().map(|job| u64::from(job.attempt)).sum(),
        silent: 0,
        silent_others: 0,
        lies: 0,
        lies_checked: 0,
        lies_punished: 0,
        vault: 0,
        booked: 0,
        slots: Vec::new(),
    };
    let over = audit.settled + audit.failed + audit.voided + audit.cancelled;
    ensure!(over == posted, "{over} of {posted} jobs are final");

    let silent_seat = 1u32.checked_shl(silent_seat).unwrap_or(0);
    for (at, job) in &jobs {
        audit.silent += (job.silent & silent_seat).count_ones();
        audit.silent_others += (job.silent & !silent_seat).count_ones();
        let lied = lies.contains(&(*at, job.attempt, job.node));
        let mismatch = job.verdict == Verdict::Mismatch as u8;
        if lied {
            audit.lies += 1;
            if job.is_checked() {
                audit.lies_checked += 1;
                // Whether what a panel says is a lie or nobody could say it: a lie never pays once it is checked.
                ensure!(
                    job.state != JobState::Settled as u8,
                    "the lie {at} was checked and paid"
                );
                let node: Node = client.get_account(&job.node).await?;
                if mismatch && !job.has(flag::SLASH_DUE) && node.slashed_total > 0 {
                    audit.lies_punished += 1;
                }
            }
        } else {
            ensure!(!mismatch, "the honest result of {at} was found to be a lie");
        }
        if job.state == JobState::Settled as u8 {
            let end = job
                .deadline
                .checked_sub(job.window(&market).ok().context("a window overflows")?)
                .context("a job was settled before the chain began")?;
            audit.slots.push(end.saturating_sub(job.submitted_slot));
        }
    }
    audit.slots.sort_unstable();
    ensure!(
        audit.lies_punished == audit.lies_checked,
        "{} lies were checked and {} punished",
        audit.lies_checked,
        audit.lies_punished
    );
    for at in nodes.iter().filter(|at| !liars.contains(at)) {
        let node: Node = client.get_account(at).await?;
        ensure!(node.slashed_total == 0, "the honest node {at} was slashed");
    }

    let ledgers = client
        .get_program_accounts::<Ledger>(&[filter!(Ledger, market, *market_at)])
        .await?;
    for (at, l) in &ledgers {
        ensure!(
            l.locked == 0 && l.open_jobs == 0,
            "the account {at} still has {} locked in {} jobs",
            l.locked,
            l.open_jobs
        );
        let owed = [
            l.available,
            l.burn_owed,
            l.fees_owed,
            l.market_owed,
            l.checks_owed,
        ];
        audit.booked += owed.iter().map(|amount| u128::from(*amount)).sum::<u128>();
    }
    audit.booked += u128::from(market.check_pool);
    audit.vault = client
        .token_balance(&addresses::jobs::vault(market_at))
        .await?;
    ensure!(
        u128::from(audit.vault) == audit.booked,
        "the vault holds {} and {} are booked: {} base units are unaccounted for",
        audit.vault,
        audit.booked,
        u128::from(audit.vault).abs_diff(audit.booked)
    );
    Ok(audit)
}

impl Audit {
    /// A share of all times from submission to settlement, slots.
    pub fn quantile(&self, percent: usize) -> u64 {
        let last = self.slots.len().saturating_sub(1);
        let at = (last * percent).div_ceil(100);
        self.slots.get(at).copied().unwrap_or_default()
    }
}

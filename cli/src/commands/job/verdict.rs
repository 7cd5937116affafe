//! What can be done about a verdict: pay at once, or contest it with money.
use super::private;
use super::{gateway_of, state_name, too_dear, verdict_name};
use crate::context::Context;
use crate::local;
use crate::output::{Format, Rows, Token};
use crate::progress::Progress;
use anyhow::{anyhow, bail, Context as _, Result};
use lode_attestation::{commitment, majority, Verdict};
use lode_client::addresses;
use lode_client::instructions::jobs;
use lode_crank::Now;
use lode_jobs::state::{flag, Job, JobState, Ledger, Market};
use lode_oracle::state::Committee;
use lode_runtime::JobSpec;
use lode_sealed::{Private, Recipient, Results};
use lode_store::{BlobHash, MOST_SPEC_BYTES};
use solana_address::Address;
use solana_signer::Signer;
use std::collections::BTreeMap;

/// Pays a match at once: the customer need not wait for the challenge window, it is his money.
pub(super) async fn approve(at: &Address, context: &Context) -> Result<()> {
    let wallet = context.wallet()?;
    let job: Job = context.client.get_account(at).await?;
    let (_, market) = context.market(Some(job.market)).await?;
    let token = context.token(&market.mint).await?;
    require_verdict(at, &job)?;
    let customer: Ledger = context.client.get_account(&job.customer).await?;
    if customer.authority != wallet.pubkey() {
        bail!(
            "The job {at} was posted by {}, and only he can pay it before its window is over: use his wallet with --keypair",
            customer.authority
        );
    }
    if job.verdict != Verdict::Match as u8 {
        bail!("The verdict of {at} is no match, so there is nothing to pay for: the escrow comes back when the window is over");
    }
    if job.challenger != Address::default() && !job.has(flag::FINAL) {
        bail!("The result of {at} was challenged, and a bond hangs on its verdict: it is settled when the window is over");
    }
    let work = lode_math::bills::work(job.price, job.units).ok_or_else(too_dear)?;
    let instruction = jobs::settle_job(&wallet.pubkey(), at, &job);
    let sent = context.send("paying", &[instruction], &wallet, &[]).await?;
    let look = format!("`lode job show {at}`");
    let after: Ledger = context.read_back(&job.customer, &sent, &look).await?;
    context.out.sheet(vec![
        ("job", (*at).into()),
        ("state", "settled".into()),
        ("units", job.units.into()),
        ("work", token.cell(work)),
        ("available", token.cell(after.available)),
        ("signature", sent.signature.to_string().into()),
    ]);
    Ok(())
}

fn require_verdict(at: &Address, job: &Job) -> Result<()> {
    if job.state == JobState::Attested as u8 {
        return Ok(());
    }
    let hint = if job.is_final() {
        "it is over already".to_string()
    } else {
        format!("follow it with `lode job watch {at}`")
    };
    bail!(
        "The job {at} is {} and has no verdict to act on: {hint}",
        state_name(job)
    )
}

/// What this machine makes of a job, compared with what stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Odds {
    /// Whoever contests is right, says this machine.
    Good,
    /// Whoever contests loses his bond, says this machine.
    Bad,
    /// The job cannot be run from the store: nobody wins.
    Nobody,
    /// It is private, and most of the seats that would decide cannot open it: nobody wins, and who posted it pays for that.
    Sealed,
    /// It was not tried.
    Unknown,
}

/// Contests a result that nobody checked, or the verdict of a panel.
pub(super) async fn challenge(
    at: &Address,
    without_running: bool,
    context: &Context,
) -> Result<()> {
    let wallet = context.wallet()?;
    let job: Job = context.client.get_account(at).await?;
    let (_, market) = context.market(Some(job.market)).await?;
    let token = context.token(&market.mint).await?;
    require_verdict(at, &job)?;
    if job.has(flag::FINAL) {
        bail!("A majority of the whole committee signed the verdict of {at}: it is final");
    }
    if job.eligible == 0 {
        bail!("No seat of the committee served when {at} was submitted: there is nobody who could decide");
    }
    let now = Now::read(&context.client).await?;
    let end = lode_crank::deadline(&job, &market, &now).unwrap_or(job.deadline);
    let Some(left) = end.checked_sub(now.slot).filter(|left| *left > 0) else {
        bail!("The challenge window of {at} is over: the verdict stands");
    };
    let bond = bond(&job, &market)?;
    let ledger_at = addresses::jobs::ledger(&job.market, &wallet.pubkey());
    let ledger: Option<Ledger> = context.client.try_account(&ledger_at).await?;
    let available = ledger.map_or(0, |ledger| ledger.available);
    if available < bond {
        bail!(
            "Challenging {at} locks a bond of {}, and your account in the market has {}: pay in with `lode account deposit {}`",
            token.show(bond),
            token.show(available),
            token.mint.show(bond.saturating_sub(available))
        );
    }
    let odds = if without_running {
        Odds::Unknown
    } else {
        odds(at, &job, &market, context).await?
    };
    let terms = terms(at, &job, &market, &token, bond, left, odds)?;
    if context.out.format == Format::Table {
        context.out.sheet(terms);
    }
    match odds {
        Odds::Bad => bail!("This machine says that the {} is right: nothing was signed; --without-running challenges it all the same", subject(&job)),
        Odds::Nobody => bail!("The job cannot be run from the market's store, so nobody could be proved wrong and the bond would only come back: nothing was signed; --without-running challenges it all the same"),
        Odds::Sealed => bail!("Most of the seats that would decide cannot open this job: they would find it unrunnable, nobody would be proved wrong, and customer and node would lose the market's late forfeit each. Nothing was signed; --without-running challenges it all the same"),
        Odds::Good | Odds::Unknown => {}
    }
    context.confirm(&format!(
        "This would lock {} and challenge the {} of {at}",
        token.show(bond),
        subject(&job)
    ))?;
    let instruction = jobs::challenge_job(&wallet.pubkey(), at, &job);
    let sent = context
        .send("challenging", &[instruction], &wallet, &[])
        .await?;
    let look = format!("`lode job show {at}`");
    let after: Job = context.read_back(at, &sent, &look).await?;
    context.out.sheet(vec![
        ("job", (*at).into()),
        ("state", state_name(&after).into()),
        ("bond", token.cell(bond)),
        ("deciding_seats", after.panel.count_ones().into()),
        ("deadline_slot", after.deadline.into()),
        ("signature", sent.signature.to_string().into()),
    ]);
    Ok(())
}

fn bond(job: &Job, market: &Market) -> Result<u64> {
    let bond = if job.is_checked() {
        job.appeal_bond()
    } else {
        job.challenge_bond(market)
    };
    bond.map_err(|_| too_dear())
}

/// What is contested.
fn subject(job: &Job) -> &'static str {
    if job.is_checked() {
        "verdict"
    } else {
        "result"
    }
}

/// The seats that decide.
fn deciding(job: &Job) -> u32 {
    if job.is_checked() {
        job.eligible
    } else {
        job.drawn
    }
}

/// Whether a majority of the seats that decide can open a private job.
fn opens(private: &Private, job: &Job, committee: &Committee) -> bool {
    let seats = deciding(job);
    let mut able = 0;
    for (at, seat) in committee.seats.iter().enumerate() {
        let recipient = Recipient::of_key(&seat.attester);
        let opens = recipient.is_some_and(|to| private.is_for(&to));
        able += u32::from(opens && seats >> at & 1 == 1);
    }
    able >= majority(seats)
}

/// What is asked, what it costs and what it may bring, in words.
fn terms(
    at: &Address,
    job: &Job,
    market: &Market,
    token: &Token,
    bond: u64,
    left: u64,
    odds: Odds,
) -> Result<Rows> {
    let checks = job
        .panel_work(market, job.units_limit)
        .map_err(|_| too_dear())?;
    let reward = job.collateral.saturating_sub(checks) / 2;
    let who = if job.is_checked() {
        "the whole committee"
    } else {
        "the panel that its seal drew"
    };
    let seats = deciding(job);
    let needed = majority(seats);
    let seats = seats.count_ones();
    let won = if job.is_checked() && job.verdict != Verdict::Match as u8 {
        "the bond comes back".to_string()
    } else {
        format!(
            "the bond comes back with {} of the node's collateral",
            token.show(reward)
        )
    };
    let odds = match odds {
        Odds::Good => "this machine says that you are right",
        Odds::Bad => "this machine says that you are wrong",
        Odds::Nobody => "the job cannot be run from the store: nobody would be proved wrong",
        Odds::Sealed => {
            "most of the seats that would decide cannot open the job: nobody would be proved wrong"
        }
        Odds::Unknown => "unknown: the job was not run here",
    };
    Ok(vec![
        ("job", (*at).into()),
        ("contested", subject(job).into()),
        ("verdict", verdict_name(job.verdict)),
        (
            "decided_by",
            format!("{who}: {needed} of {seats} seats").into(),
        ),
        ("bond", token.cell(bond)),
        ("if_you_are_right", won.into()),
        (
            "if_you_are_wrong",
            "the bond goes to the seats that checked".into(),
        ),
        (
            "if_nobody_decides",
            "the bond comes back without a reward".into(),
        ),
        ("slots_left", left.into()),
        ("odds", odds.into()),
    ])
}

/// Runs the job here, from the market's store as the committee would. On the disk it lies as it does in the store: a private
/// job is opened in memory only.
async fn odds(at: &Address, job: &Job, market: &Market, context: &Context) -> Result<Odds> {
    let gateway = gateway_of(market, context)?;
    let folder = tempfile::tempdir().context("There is no room for temporary files")?;
    let progress = Progress::start("fetching the job");
    let get = async |hash: [u8; 32], limit: u64| match gateway.get(BlobHash(hash), limit).await {
        Ok(bytes) => Ok(Some(bytes.to_vec())),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    };
    let Some(mut stored) = get(job.spec, MOST_SPEC_BYTES).await? else {
        return Ok(Odds::Nobody);
    };
    let private = private::unlocked(&stored, context)?;
    if let Some(private) = &private {
        let committee: Committee = context.client.get_account(&market.committee).await?;
        if !opens(private, job, &committee) {
            return Ok(Odds::Sealed);
        }
        let sealed = private.envelope().spec();
        let Some(sealed) = get(sealed.sha256, sealed.size).await? else {
            return Ok(Odds::Nobody);
        };
        stored = private.open_spec(&sealed)?.0.to_vec();
    }
    let Ok(spec) = JobSpec::parse(&stored) else {
        // Neither node nor committee can run that.
        return Ok(Odds::Nobody);
    };
    let mut kept = BTreeMap::new();
    for blob in spec.blobs() {
        progress.say(format!("fetching a file of {} bytes", blob.size));
        let in_store = private
            .as_ref()
            .and_then(|private| private.sealed(&spec, &blob.sha256))
            .unwrap_or(blob);
        let path = folder.path().join(hex::encode(in_store.sha256));
        let (name, size) = (BlobHash(in_store.sha256), in_store.size);
        match gateway.fetch(name, size, &path).await {
            Ok(_) => kept.insert(blob.sha256, (blob, path)),
            Err(error) if error.is_not_found() => return Ok(Odds::Nobody),
            Err(error) => return Err(error.into()),
        };
    }
    drop(progress);
    let read = |hash: &[u8; 32]| -> Result<Vec<u8>> {
        let found = kept.get(hash);
        let (blob, path) =
            found.with_context(|| format!("The blob {} is missing", hex::encode(hash)))?;
        let bytes = std::fs::read(path);
        let bytes = bytes.with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(match &private {
            Some(private) => std::mem::take(&mut *private.open(blob, &bytes)?),
            None => bytes,
        })
    };
    let trial = local::run_stored(stored, spec, Some(job.units_limit), read).await?;
    let finished = trial
        .under_its_limit()
        .ok_or_else(|| anyhow!("This machine could not run the job to its end"))?;
    let units = finished.receipt.units;
    let result = Results::of(finished.clone(), private.as_ref())?.hash;
    let same = if job.has(flag::REVEALED) {
        (result, units) == (job.result, job.units)
    } else {
        commitment(&result, units, at, job.attempt, &job.node) == job.result
    };
    // It ran here, so *unrunnable* is wrong whatever came out.
    let stands = match job.verdict() {
        Some(Verdict::Mismatch) => !same,
        Some(Verdict::Unrunnable) => false,
        _ => same,
    };
    Ok(if stands { Odds::Bad } else { Odds::Good })
}

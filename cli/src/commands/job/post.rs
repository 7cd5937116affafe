//! Posting, and what can be done about a job while nobody runs it: store its files again, take it back.
use super::estimate::{compare_fees, fees_in, parse_rate, Cost};
use super::private::Sealed;
use super::{draft, gateway_of, show, state_name, too_dear};
use crate::context::Context;
use crate::exit::{sentence, with_advice};
use crate::local::{self, Trial};
use crate::nodes::{self, NodesArgs};
use crate::output::Token;
use crate::progress::Progress;
use crate::signers::Key;
use crate::spec::{Prepared, SpecArgs};
use anyhow::{anyhow, bail, Context as _, Result};
use lode_client::addresses;
use lode_client::instructions::jobs;
use lode_client::nonce::next_nonce;
use lode_client::Sent;
use lode_crank::{award_end, Now};
use lode_jobs::state::{flag, Job, JobState, Ledger, Market};
use lode_jobs::PostArgs;
use lode_math::nonce::Window;
use lode_store::{BlobHash, GatewayClient, PutRequest, Writer};
use solana_address::Address;
use solana_signer::Signer;

/// How often a nonce is taken anew that somebody else took at the same moment.
const NONCES: usize = 4;
/// The attempt of a job that was just posted.
const FIRST_ATTEMPT: u8 = 0;

/// What is posted, and at which price.
#[derive(clap::Args)]
// the command that carries these arguments is a group of the same name
#[group(skip)]
pub struct Post {
    #[command(flatten)]
    spec: SpecArgs,
    /// Tokens per million units
    #[arg(long, value_name = "AMOUNT")]
    price: String,
    /// Most units that are paid; without it, what a run here takes
    #[arg(long)]
    units_limit: Option<u64>,
    /// The market, if there are several
    #[arg(long, value_name = "ADDRESS")]
    market: Option<Address>,
    /// The only node that may run it
    #[arg(long, value_name = "ADDRESS")]
    target: Option<Address>,
    /// Seal it: only this node may run it, and only it, the seats of the committee and this wallet can read it
    #[arg(long, value_name = "NODE", conflicts_with = "target")]
    private: Option<Address>,
    /// With --private: the seats cannot read it either, so nobody can check it; a node takes that only if it says so
    #[arg(long, requires = "private")]
    no_committee: bool,
    /// Have the result checked for certain, at your expense
    #[arg(long)]
    checked: bool,
    /// What a SOL is worth in the market's tokens, to compare network fees with the work
    #[arg(long, value_name = "TOKENS", value_parser = parse_rate)]
    tokens_per_sol: Option<f64>,
    #[command(flatten)]
    nodes: NodesArgs,
}

/// Posts a job and stores its files. Its address, and the transaction that posted it.
pub(super) async fn post(args: &Post, context: &Context) -> Result<(Address, Sent)> {
    let prepared = args.spec.prepare()?;
    let filter = args.nodes.wanted().filter()?;
    let wallet = context.wallet()?;
    // a dry run signs nothing
    if !context.dry_run {
        require_signs_files(&wallet)?;
    }
    let me = wallet.pubkey();
    let (market_at, market) = context.market(args.market).await?;
    let token = context.token(&market.mint).await?;
    let price = token.parse("--price", &args.price)?;
    require_fit(&prepared, &market)?;
    require_valid(&prepared)?;
    let target = args.private.or(args.target);
    if let Some(target) = &target {
        nodes::require_target(target, &market_at, &market, &filter, context).await?;
    }
    let (units_limit, trial) = match args.units_limit {
        Some(limit) => (limit, None),
        None => {
            let _progress = Progress::start("running the job here to see what it takes");
            let trial = local::run(&prepared, Some(market.units_limit)).await?;
            (trial.limit, Some(trial))
        }
    };
    if units_limit > market.units_limit {
        bail!("The market takes jobs of at most {} units, and this one asks for {units_limit}: take another market, or split the job", market.units_limit);
    }
    // Without a run here its units are not known, only that no more than the limit is paid.
    let units = trial.as_ref().map_or(units_limit, |trial| trial.units);
    let draft = draft(price, units_limit, args.checked);
    let cost = Cost::of(&draft, units, &market)?;
    if let Some(failure) = trial.as_ref().and_then(Trial::failure) {
        confirm_failure(&failure, &cost, &token, context)?;
    }
    let escrow = cost.escrow;
    let (_, ledger_at) = context.ledger(&market_at, None)?;
    let ledger: Option<Ledger> = context.client.try_account(&ledger_at).await?;
    let available = ledger.as_ref().map_or(0, |ledger| ledger.available);
    let Some(ledger) = ledger.filter(|ledger| ledger.available >= escrow) else {
        bail!(
            "The job locks {}, and your account in the market has {}: pay in with `lode account deposit {}`",
            token.show(escrow),
            token.show(available),
            token.mint.show(escrow.saturating_sub(available))
        );
    };
    let sealed = match &args.private {
        Some(node) => {
            Some(Sealed::new(&prepared, node, &market, args.no_committee, context).await?)
        }
        None => None,
    };
    let spec = sealed.as_ref().map_or(prepared.spec.hash, Sealed::hash);
    // What cannot be stored cannot be run: ask before money is locked.
    let gateway = gateway_of(&market, context)?;
    gateway
        .require_answer(BlobHash(spec))
        .await
        .context("Nothing was posted")?;

    // a job for one node is asked of it alone, which is looked at above
    if target.is_none() {
        nodes::tell_choice(&market_at, &market, &filter, context).await?;
    }
    let fees = args.tokens_per_sol.and_then(|rate| fees_in(rate, &token));
    compare_fees(&market_at, fees, cost.work, context);

    let window = Window {
        top: ledger.nonce_top,
        taken: ledger.nonce_taken,
    };
    let mut skip = 0;
    let (job_at, sent) = loop {
        let nonce = next_nonce(&ledger_at, window, skip).context(
            "Too many jobs were posted from this account at once: try again in a moment",
        )?;
        let what = PostArgs {
            nonce,
            spec,
            price,
            units_limit,
            target: target.unwrap_or_default(),
            checked: args.checked,
            nodes: filter,
        };
        let instruction = jobs::post_job(&me, &market_at, what);
        let job_at = addresses::jobs::job(&ledger_at, nonce).0;
        match context
            .send("posting the job", &[instruction], &wallet, &[])
            .await
        {
            Ok(sent) => break (job_at, sent),
            Err(error) if skip + 1 < NONCES && nonce_taken(&error) => skip += 1,
            Err(error) => return Err(perhaps_posted(error, &job_at)),
        }
    };
    // Whoever ends this before it answers must not take it for one that posted nothing.
    context.out.at_once(
        &format!(
            "Posted {job_at}: {} locked for at most {units_limit} units.",
            token.show(escrow)
        ),
        vec![
            ("event", "job_posted".into()),
            ("job", job_at.into()),
            ("market", market_at.into()),
            ("escrow", token.cell(escrow)),
            ("units_limit", units_limit.into()),
            ("signature", sent.signature.to_string().into()),
        ],
    );
    // Nothing is read from the chain before its files are stored: a server that is away then must not keep them back.
    upload(&gateway, &job_at, FIRST_ATTEMPT, &prepared, sealed, &wallet)
        .await
        .map_err(|error| anyhow!("{}; the job {job_at} stands, but no node runs it without its files: put them again with `lode job upload {job_at}` and the same arguments, or take the escrow back with `lode job cancel {job_at}`", sentence(&error)))?;
    Ok((job_at, sent))
}

/// A device signs transactions only: the job would stand and its escrow be locked before that is seen. What is signed here
/// opens no store: it names none, and has expired.
fn require_signs_files(wallet: &dyn Signer) -> Result<()> {
    let trial = PutRequest {
        url: "",
        job: Address::default(),
        attempt: FIRST_ATTEMPT,
        blob: BlobHash([0; 32]),
        expires: 0,
    };
    if trial.sign(wallet).is_err() {
        bail!(
            "The wallet {} does not sign for a job's files, only transactions, so nothing was posted: name a key that signs both with --keypair, such as a keypair file",
            wallet.pubkey()
        );
    }
    Ok(())
}

/// A transaction whose outcome is not known may have posted the job, whose address is known all the same.
fn perhaps_posted(error: anyhow::Error, at: &Address) -> anyhow::Error {
    if !matches!(
        error.downcast_ref(),
        Some(lode_client::Error::Unconfirmed { .. })
    ) {
        return error;
    }
    let advice = format!("if it went through it posted the job {at}, whose files are not stored yet: `lode job show {at}` says whether it is there; put them with `lode job upload {at}` and the same arguments, or take the escrow back with `lode job cancel {at}`");
    with_advice(error, &advice)
}

fn nonce_taken(error: &anyhow::Error) -> bool {
    let refusal = error.downcast_ref::<lode_client::Error>();
    refusal.and_then(|e| e.name_of(&lode_jobs::ID)) == Some("NonceTaken")
}

/// Asks before a job is posted that is known to fail. First of all: what it locks follows from how it fails, and who is told
/// to pay that in would not know why.
fn confirm_failure(failure: &str, cost: &Cost, token: &Token, context: &Context) -> Result<()> {
    let told = format!(
        "The program fails when it is run here ({failure}) and would be paid all the same, {} for the work and {} for its checks",
        token.show(cost.work),
        token.show(cost.checks)
    );
    if context.dry_run {
        context.out.note(&format!("{told}."));
    }
    context.confirm(&told)
}

/// What no node takes is not posted, however its limit was found: it would lie there until its accept window ends.
fn require_valid(prepared: &Prepared) -> Result<()> {
    let path = prepared.path(&prepared.spec.module.sha256)?;
    let module =
        std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    if let Err(reason) = lode_runtime::scan(&module, prepared.spec.memory_mib) {
        bail!(
            "No node runs {}, so nothing was posted: {reason}. Compile the program with `--target wasm32-wasip1`, and give it the memory that it starts with (--memory-mib)",
            path.display()
        );
    }
    Ok(())
}

/// The market's limits, before money is locked for a job that nobody may run.
pub(super) fn require_fit(prepared: &Prepared, market: &Market) -> Result<()> {
    if prepared.spec.memory_mib > u64::from(market.memory_mib) {
        bail!(
            "The job asks for {} MiB of memory, the market gives {}: lower --memory-mib, or take another market",
            prepared.spec.memory_mib,
            market.memory_mib
        );
    }
    let largest = prepared.spec.blobs().iter().map(|blob| blob.size).max();
    let largest = largest.unwrap_or_default().max(prepared.spec.output_limit);
    if largest > market.blob_limit {
        bail!(
            "The job has or may write {largest} bytes in one file, the market's store takes {}: make the files or --output-mib smaller, or take another market",
            market.blob_limit
        );
    }
    Ok(())
}

async fn upload(
    gateway: &GatewayClient,
    job_at: &Address,
    attempt: u8,
    prepared: &Prepared,
    sealed: Option<Sealed>,
    wallet: &Key,
) -> Result<()> {
    let writer = Writer {
        signer: wallet,
        job: *job_at,
        attempt,
    };
    if let Some(sealed) = sealed {
        return sealed.put(gateway, &writer, prepared).await;
    }
    let progress = Progress::start("storing the spec");
    gateway.put(&writer, prepared.stored.clone()).await?;
    for (blob, path) in &prepared.files {
        progress.say(format!("storing {} ({} bytes)", path.display(), blob.size));
        let put = gateway.put(&writer, path.as_path()).await?;
        if put.0 != blob.sha256 {
            bail!("{} changed while it was being sent", path.display());
        }
    }
    Ok(())
}

pub(super) async fn upload_again(at: &Address, args: &SpecArgs, context: &Context) -> Result<()> {
    let prepared = args.prepare()?;
    let job: Job = context.client.get_account(at).await?;
    let (_, market) = context.market(Some(job.market)).await?;
    let gateway = gateway_of(&market, context)?;
    let sealed = Sealed::again(&job, &gateway, context).await?;
    if sealed.is_none() && job.spec != prepared.spec.hash {
        bail!(
            "These arguments make the spec {}, the job {at} has {}: give the arguments it was posted with, or, if it is private and the store has lost even its key, take it back with `lode job cancel {at}`",
            hex::encode(prepared.spec.hash),
            hex::encode(job.spec)
        );
    }
    let wallet = context.wallet()?;
    upload(&gateway, at, job.attempt, &prepared, sealed, &wallet).await?;
    show::one(at, &job, context).await
}

pub(super) async fn cancel(at: &Address, context: &Context) -> Result<()> {
    let wallet = context.wallet()?;
    let job: Job = context.client.get_account(at).await?;
    if job.state != JobState::Open as u8 {
        bail!(
            "The job {at} is {}: only an open job can be taken back",
            state_name(&job)
        );
    }
    let (_, market) = context.market(Some(job.market)).await?;
    let token = context.token(&market.mint).await?;
    if job.has(flag::BID) {
        let now = Now::read(&context.client).await?;
        let left = award_end(&job, &market, &now).and_then(|end| end.checked_sub(now.slot));
        if let Some(left) = left.filter(|left| *left > 0) {
            bail!("A node bid for the job {at}: award it with `lode job award {at}`, or take it back in {left} slots, when the time to award it is over");
        }
    }
    let escrow = job.escrow(&market).map_err(|_| too_dear())?;
    let instruction = jobs::cancel_job(&wallet.pubkey(), at, &job);
    let sent = context
        .send("cancelling the job", &[instruction], &wallet, &[])
        .await?;
    context.out.sheet(vec![
        ("job", (*at).into()),
        ("returned", token.cell(escrow)),
        ("signature", sent.signature.to_string().into()),
    ]);
    Ok(())
}

/// Pays for more units of an open job.
pub(super) async fn raise(at: &Address, units_limit: u64, context: &Context) -> Result<()> {
    let wallet = context.wallet()?;
    let job: Job = context.client.get_account(at).await?;
    let (_, market) = context.market(Some(job.market)).await?;
    let token = context.token(&market.mint).await?;
    if job.state != JobState::Open as u8 || job.has(flag::BID) {
        bail!(
            "The job {at} is {}: its limit can be raised only while it is open and nobody bid",
            state_name(&job)
        );
    }
    if units_limit <= job.units_limit || units_limit > market.units_limit {
        bail!(
            "The limit of {at} is {} units: raise it to more than that, and to at most the market's {}",
            job.units_limit,
            market.units_limit
        );
    }
    let mut raised = job;
    raised.units_limit = units_limit;
    let escrow = |job: &Job| job.escrow(&market).map_err(|_| too_dear());
    let (before, after) = (escrow(&job)?, escrow(&raised)?);
    let more = after.saturating_sub(before);
    let ledger: Ledger = context.client.get_account(&job.customer).await?;
    if ledger.available < more {
        bail!(
            "The raise locks {} more, and the account has {}: pay in with `lode account deposit {}`",
            token.show(more),
            token.show(ledger.available),
            token.mint.show(more.saturating_sub(ledger.available))
        );
    }
    let instruction = jobs::raise_limit(&wallet.pubkey(), at, &job, units_limit);
    let sent = context
        .send("raising the limit", &[instruction], &wallet, &[])
        .await?;
    context.out.sheet(vec![
        ("job", (*at).into()),
        ("units_limit", units_limit.into()),
        ("locked_more", token.cell(more)),
        ("escrow", token.cell(after)),
        ("signature", sent.signature.to_string().into()),
    ]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Code;
    use solana_keypair::Keypair;
    use solana_presigner::Presigner;
    use solana_signature::Signature;

    #[test]
    fn a_wallet_that_signs_no_files_posts_nothing() {
        // as a device, it signs one transaction and nothing else
        let at = Address::new_from_array([5; 32]);
        let device = Presigner::new(&at, &Signature::from([7; 64]));
        let refused = require_signs_files(&device).map_err(|error| sentence(&error));
        let said = refused.err().unwrap_or_default();
        assert!(said.contains("nothing was posted"), "{said}");
        assert!(said.contains("--keypair"), "{said}");
        assert!(require_signs_files(&Keypair::new()).is_ok());
    }

    #[test]
    fn a_posting_whose_outcome_is_not_known_names_the_job_and_what_to_do_with_it() {
        let at = Address::new_from_array([5; 32]);
        let lost = lode_client::Error::Unconfirmed {
            signature: Signature::from([7; 64]),
            reason: "it took too long".into(),
        };
        let told = perhaps_posted(lost.into(), &at);
        let text = sentence(&told);
        assert!(text.starts_with("Transaction "), "{text}");
        for command in [
            format!("`lode job show {at}`"),
            format!("`lode job upload {at}`"),
            format!("`lode job cancel {at}`"),
        ] {
            assert!(text.contains(&command), "{text}");
        }
        assert_eq!(Code::of(&told), Code::Unknown);
        let refused = lode_client::Error::Invalid("too long".into());
        let told = perhaps_posted(refused.into(), &at);
        assert!(!sentence(&told).contains(&at.to_string()));
    }
}

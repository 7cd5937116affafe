//! `lode job`.
use crate::commands::market::store_url;
use crate::context::{hex32, Context};
use crate::local;
use crate::output::{time, Cell, Format, Token};
use crate::progress::Progress;
use crate::spec::{Prepared, SpecArgs};
use anyhow::{anyhow, bail, Context as _, Result};
use lode_attestation::Verdict;
use lode_client::bytemuck::Zeroable;
use lode_client::instructions::jobs;
use lode_client::nonce::next_nonce;
use lode_client::{addresses, filter};
use lode_jobs::state::{flag, Job, JobState, Ledger, Market};
use lode_jobs::PostArgs;
use lode_math::nonce::Window;
use lode_runtime::{Blob, Receipt};
use lode_store::{BlobHash, GatewayClient, Writer, MOST_RECEIPT_BYTES};
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

/// How often a job is looked at while it is watched.
const LOOK: Duration = Duration::from_millis(400);
/// A program's stdout up to this size is shown with its result.
const SHOWN_BYTES: u64 = 64 << 10;
/// How often a nonce is taken anew that somebody else took at the same moment.
const NONCES: usize = 4;

/// Commands of jobs.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Estimate, post, wait and fetch, in one
    Run {
        #[command(flatten)]
        post: Post,
        /// Folder for everything the job wrote
        #[arg(long, value_name = "FOLDER")]
        save_to: Option<PathBuf>,
    },
    /// Run a job here and say what it takes: exact, because jobs are deterministic
    Estimate {
        #[command(flatten)]
        spec: SpecArgs,
        /// Most units the run may take
        #[arg(long)]
        units_limit: Option<u64>,
        /// Also say what it would cost in each market at this price, in tokens per million units
        #[arg(long, value_name = "AMOUNT")]
        price: Option<String>,
    },
    /// Post a job and put its files into the market's store
    Post(Post),
    /// Put the files of a job that is posted already into the market's store again
    Upload {
        /// The job
        job: Address,
        #[command(flatten)]
        spec: SpecArgs,
    },
    /// List jobs: the wallet's, unless told otherwise
    List {
        /// Everybody's
        #[arg(long)]
        all: bool,
        /// Only in this market
        #[arg(long, value_name = "ADDRESS")]
        market: Option<Address>,
        /// Only in this state
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
    },
    /// Show a job
    Show {
        /// The job
        job: Address,
    },
    /// Follow a job to its end
    Watch {
        /// The job
        job: Address,
        /// Seconds after which to stop watching; the job goes on
        #[arg(long, value_name = "SECONDS")]
        timeout: Option<u64>,
    },
    /// Fetch what a job wrote
    Result {
        /// The job
        job: Address,
        /// Folder for everything the job wrote
        #[arg(long, value_name = "FOLDER")]
        save_to: Option<PathBuf>,
    },
    /// Take an open job back; the escrow returns
    Cancel {
        /// The job
        job: Address,
    },
}

/// What is posted, and at which price.
#[derive(clap::Args)]
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
    /// Have the result checked for certain, at your expense
    #[arg(long)]
    checked: bool,
}

pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Run {
            post: args,
            save_to,
        } => {
            let (at, _) = post(&args, context).await?;
            let job = follow(&at, None, context).await?;
            if job.verdict != Verdict::Match as u8 || job.state != JobState::Settled as u8 {
                show_job(&at, &job, context).await?;
                bail!(
                    "The job ended as {} and has no result: the escrow is back in your account",
                    state_name(&job)
                );
            }
            result(&at, &job, save_to.as_deref(), context).await
        }
        Command::Estimate {
            spec,
            units_limit,
            price,
        } => estimate(&spec, units_limit, price.as_deref(), context).await,
        Command::Post(args) => {
            let (at, job) = post(&args, context).await?;
            show_job(&at, &job, context).await
        }
        Command::Upload { job, spec } => upload_again(&job, &spec, context).await,
        Command::List { all, market, state } => list(all, market, state, context).await,
        Command::Show { job } => {
            let found = context.client.get_account(&job).await?;
            show_job(&job, &found, context).await
        }
        Command::Watch { job, timeout } => {
            let end = follow(&job, timeout.map(Duration::from_secs), context).await?;
            show_job(&job, &end, context).await
        }
        Command::Result { job, save_to } => {
            let found = context.client.get_account(&job).await?;
            result(&job, &found, save_to.as_deref(), context).await
        }
        Command::Cancel { job } => cancel(&job, context).await,
    }
}

async fn estimate(
    args: &SpecArgs,
    units_limit: Option<u64>,
    price: Option<&str>,
    context: &Context,
) -> Result<()> {
    let prepared = args.prepare()?;
    let estimate = local::run(&prepared, units_limit).await?;
    if price.is_none() || context.out.format == Format::Table {
        context.out.sheet(estimate.rows());
    }
    let Some(price) = price else { return Ok(()) };
    let mut markets = context.client.get_program_accounts::<Market>(&[]).await?;
    markets.sort_by_key(|(at, _)| *at);
    let mut rows = Vec::new();
    for (at, market) in &markets {
        let token = context.token(&market.mint).await?;
        let fits = estimate.limit <= market.units_limit
            && require_fit(&prepared, market).is_ok()
            && market.is_open();
        let job = draft(token.mint.parse(price)?, estimate.limit, false);
        rows.push(vec![
            Cell::from(*at),
            fits.into(),
            token.cell(job.escrow(market).map_err(|_| too_dear())?),
            estimate.limit.into(),
        ]);
    }
    context.out.table(
        &["market", "fits", "escrow", "units_limit"],
        rows,
        "There is no market yet.",
    );
    Ok(())
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

async fn post(args: &Post, context: &Context) -> Result<(Address, Job)> {
    let prepared = args.spec.prepare()?;
    let wallet = context.wallet()?;
    let me = wallet.pubkey();
    let (market_at, market) = context.market(args.market).await?;
    let token = context.token(&market.mint).await?;
    let price = token.mint.parse(&args.price)?;
    require_fit(&prepared, &market)?;
    let units_limit = match args.units_limit {
        Some(limit) => limit,
        None => {
            let _progress = Progress::start("running the job here to see what it takes");
            local::run(&prepared, Some(market.units_limit)).await?.limit
        }
    };
    if units_limit > market.units_limit {
        bail!("The market takes jobs of at most {} units, and this one asks for {units_limit}: take another market, or split the job", market.units_limit);
    }
    let escrow = draft(price, units_limit, args.checked)
        .escrow(&market)
        .map_err(|_| too_dear())?;
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
    // What cannot be stored cannot be run: ask before money is locked.
    let gateway = gateway_of(&market)?;
    gateway
        .size(BlobHash(prepared.spec.hash))
        .await
        .map_err(|error| anyhow!("{error} (nothing was posted)"))?;

    let window = Window {
        top: ledger.nonce_top,
        taken: ledger.nonce_taken,
    };
    let mut skip = 0;
    let job_at = loop {
        let nonce = next_nonce(&ledger_at, window, skip).context(
            "Too many jobs were posted from this account at once: try again in a moment",
        )?;
        let what = PostArgs {
            nonce,
            spec: prepared.spec.hash,
            price,
            units_limit,
            target: args.target.unwrap_or_default(),
            checked: args.checked,
        };
        let instruction = jobs::post_job(&me, &market_at, what);
        match context
            .send("posting the job", &[instruction], &wallet, &[])
            .await
        {
            Ok(_) => break addresses::jobs::job(&ledger_at, nonce).0,
            Err(error) if skip + 1 < NONCES && nonce_taken(&error) => skip += 1,
            Err(error) => return Err(error),
        }
    };
    context.out.note(&format!(
        "Posted {job_at}: {} locked for at most {units_limit} units.",
        token.show(escrow)
    ));
    let job: Job = context.client.get_account(&job_at).await?;
    upload(&gateway, &job_at, &job, &prepared, &wallet)
        .await
        .map_err(|error| anyhow!("{error}; the job {job_at} stands, but no node runs it without its files: put them again with `lode job upload {job_at}` and the same arguments, or take the escrow back with `lode job cancel {job_at}`"))?;
    Ok((job_at, job))
}

fn nonce_taken(error: &anyhow::Error) -> bool {
    let refusal = error.downcast_ref::<lode_client::Error>();
    refusal.and_then(|e| e.name_of(&lode_jobs::ID)) == Some("NonceTaken")
}

/// The market's limits, before money is locked for a job that nobody may run.
fn require_fit(prepared: &Prepared, market: &Market) -> Result<()> {
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

fn gateway_of(market: &Market) -> Result<GatewayClient> {
    Ok(GatewayClient::new(&store_url(market))?)
}

async fn upload(
    gateway: &GatewayClient,
    job_at: &Address,
    job: &Job,
    prepared: &Prepared,
    wallet: &Keypair,
) -> Result<()> {
    let writer = Writer {
        signer: wallet,
        job: *job_at,
        attempt: job.attempt,
    };
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

async fn upload_again(at: &Address, args: &SpecArgs, context: &Context) -> Result<()> {
    let prepared = args.prepare()?;
    let job: Job = context.client.get_account(at).await?;
    if job.spec != prepared.spec.hash {
        bail!(
            "These arguments make the spec {}, the job {at} has {}: give the arguments it was posted with",
            hex::encode(prepared.spec.hash),
            hex::encode(job.spec)
        );
    }
    let (_, market) = context.market(Some(job.market)).await?;
    let wallet = context.wallet()?;
    upload(&gateway_of(&market)?, at, &job, &prepared, &wallet).await?;
    show_job(at, &job, context).await
}

fn state_name(job: &Job) -> String {
    match JobState::try_from(job.state) {
        Ok(state) => format!("{state:?}").to_lowercase(),
        Err(number) => format!("state {number}"),
    }
}

fn verdict_name(byte: u8) -> Cell {
    match Verdict::try_from(byte) {
        Ok(verdict) => format!("{verdict:?}").to_lowercase().into(),
        Err(_) => Cell::none(),
    }
}

async fn list(
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

async fn show_job(at: &Address, job: &Job, context: &Context) -> Result<()> {
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
async fn follow(at: &Address, timeout: Option<Duration>, context: &Context) -> Result<Job> {
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

async fn result(at: &Address, job: &Job, save_to: Option<&Path>, context: &Context) -> Result<()> {
    if !job.has(flag::REVEALED) {
        bail!(
            "The job {at} is {} and has no result yet: follow it with `lode job watch {at}`",
            state_name(job)
        );
    }
    let (_, market) = context.market(Some(job.market)).await?;
    let token = context.token(&market.mint).await?;
    let gateway = gateway_of(&market)?;
    let progress = Progress::start("fetching the receipt");
    let line = gateway
        .get(BlobHash(job.result), MOST_RECEIPT_BYTES)
        .await?;
    let receipt = Receipt::parse(&line).context("The result is no receipt")?;
    let mut written = vec![
        ("stdout".to_string(), receipt.stdout),
        ("stderr".to_string(), receipt.stderr),
    ];
    for file in &receipt.files {
        // Apart from stdout and stderr, which a program's files may be called too.
        written.push((format!("out/{}", file.path), file.blob));
    }
    if let Some(folder) = save_to {
        for (name, blob) in &written {
            progress.say(format!("fetching {name} ({} bytes)", blob.size));
            save(&gateway, folder, name, blob, market.blob_limit).await?;
        }
    }
    let stdout = if receipt.stdout.size > 0 && receipt.stdout.size <= SHOWN_BYTES {
        let bytes = gateway
            .get(BlobHash(receipt.stdout.sha256), SHOWN_BYTES)
            .await?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    } else {
        None
    };
    drop(progress);
    let paid = lode_math::bills::work(job.price, job.units).ok_or_else(too_dear)?;
    let files: Vec<_> = written
        .iter()
        .map(|(name, blob)| serde_json::json!({ "name": name, "sha256": hex::encode(blob.sha256), "size": blob.size }))
        .collect();
    let names: Vec<String> = written
        .iter()
        .filter(|(_, blob)| blob.size > 0)
        .map(|(name, blob)| format!("{name} ({} bytes)", blob.size))
        .collect();
    let mut rows = vec![
        ("job", (*at).into()),
        ("result", hex32(&job.result)),
        ("end", format!("{:?}", receipt.end).to_lowercase().into()),
        ("fuel", receipt.fuel.into()),
        ("units", job.units.into()),
        ("work", token.cell(paid)),
        (
            "files",
            Cell::new(names.join(", "), serde_json::Value::Array(files)),
        ),
    ];
    if let Some(folder) = save_to {
        rows.push(("saved_to", folder.display().to_string().into()));
    }
    if context.out.format == Format::Json {
        if let Some(text) = stdout {
            rows.push(("stdout", text.into()));
        }
        context.out.sheet(rows);
        return Ok(());
    }
    context.out.sheet(rows);
    if let Some(text) = stdout {
        context.out.note(&format!("\n{}", text.trim_end()));
    }
    Ok(())
}

/// Fetches a file of the result below a folder, never beside it.
async fn save(
    gateway: &GatewayClient,
    folder: &Path,
    name: &str,
    blob: &Blob,
    limit: u64,
) -> Result<()> {
    let inside = Path::new(name.trim_start_matches('/'));
    let only_names = inside
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if !only_names {
        bail!("The result names a file `{name}` that would leave the folder; it is not fetched");
    }
    let to = folder.join(inside);
    let parent = to.parent().unwrap_or(folder);
    std::fs::create_dir_all(parent).with_context(|| {
        format!(
            "The folder {} cannot be made: name another with --save-to",
            parent.display()
        )
    })?;
    gateway.fetch(BlobHash(blob.sha256), limit, &to).await?;
    Ok(())
}

async fn cancel(at: &Address, context: &Context) -> Result<()> {
    let wallet = context.wallet()?;
    let job: Job = context.client.get_account(at).await?;
    if job.state != JobState::Open as u8 {
        bail!(
            "The job {at} is {}: only an open job can be taken back",
            state_name(&job)
        );
    }
    let instruction = jobs::cancel_job(&wallet.pubkey(), at, &job);
    let sent = context
        .send("cancelling the job", &[instruction], &wallet, &[])
        .await?;
    let (_, market) = context.market(Some(job.market)).await?;
    let token = context.token(&market.mint).await?;
    context.out.sheet(vec![
        ("job", (*at).into()),
        (
            "returned",
            token.cell(job.escrow(&market).map_err(|_| too_dear())?),
        ),
        ("signature", sent.signature.to_string().into()),
    ]);
    Ok(())
}

//! The HTTP server.

use crate::case::{Case, Role};
use crate::chain::Chain;
use crate::index::{Entry, Index, Kind, Record};
use crate::limits::{network, Limits, Rates};
use crate::meters::Meters;
use crate::refusal::Refusal;
use crate::uploads::{Taken, Turn, UploadId, Uploads};
use crate::{spec, Error, Result};
use axum::body::{Body, BodyDataStream};
use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, Request, State};
use axum::http::header::{
    ACCEPT_RANGES, AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{from_fn_with_state, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::Router;
use futures_util::{StreamExt, TryStreamExt};
use lode_store::{
    unix_now, Attestation, Authorization, BlobHash, BlobStore, ForgetAuthorization, GatewayClient,
    Retry, ATTESTATION_BYTES, MOST_RECEIPT_BYTES, MOST_SPEC_BYTES,
};
use lode_telemetry::{Counter, Telemetry};
use object_store::GetRange;
use solana_address::Address;
use std::fs::{File, TryLockError};
use std::future::{Future, IntoFuture};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

/// An upload on which nothing arrives for this long counts as broken.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// So many bytes a second come of an upload on average, that time granted: less would only hold its place.
const LEAST_PACE: u64 = 1_000;
/// How long the 65 bytes of an attestation may take.
const ATTESTATION_TIME: Duration = Duration::from_secs(5);
/// Uploads that are received at the same time.
const UPLOADS: usize = 256;
/// Of these, those that are read again, hashed and stored at the same time.
const STORES: usize = 16;
/// Writers of blobs whose right is asked of the chain at the same time.
const QUESTIONS: usize = 64;
/// Attestations that are checked and stored at the same time.
const ATTESTATIONS: usize = 16;
/// What is still read of the body of a refused write, so that its sender hears the refusal.
const DRAIN_BYTES: usize = 1 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(2);
/// What a shutdown leaves running requests.
const SHUTDOWN_TIME: Duration = Duration::from_secs(10);

/// What a chore may take before it counts as hanging.
const CHORE_TIME: Duration = Duration::from_secs(3_600);
/// Other gateways are asked so often for one blob; the next look asks again.
const PEER_TRIES: u32 = 2;

/// What a gateway is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its URL exactly as markets name it; a slash at the end does not matter.
    pub url: String,
    /// Where blobs are kept. One gateway process writes to a store.
    pub store: BlobStore,
    /// Folder of its own for uploads in progress; emptied at the start.
    pub uploads: PathBuf,
    /// Time between two sweeps.
    pub sweep_every: Duration,
    /// Time between two readings of everything that is stored; `None` for never.
    pub scrub_every: Option<Duration>,
    /// What it gives to each.
    pub limits: Limits,
    /// It stands behind a proxy of its operator: requests come from the last address in `X-Forwarded-For`.
    pub behind_proxy: bool,
    /// Other gateways: what was lost is fetched from them, and what a mirror copies.
    pub peers: Vec<String>,
    /// A market that it copies from its peers.
    pub mirror: Option<Mirror>,
    /// Where it counts what it does.
    pub telemetry: Telemetry,
    /// Of the folder, held against any other process until the gateway has served.
    lock: Option<Arc<File>>,
}

/// What a mirror is told.
#[derive(Clone, Copy, Debug)]
pub struct Mirror {
    /// The market.
    pub market: Address,
    /// Time between two looks at its jobs.
    pub every: Duration,
}

impl Config {
    /// A gateway of this URL that sweeps every ten minutes, without limits, peers and scrubs; change what should differ.
    pub fn new(url: impl Into<String>, store: BlobStore, uploads: impl Into<PathBuf>) -> Self {
        Self {
            url: url.into(),
            store,
            uploads: uploads.into(),
            sweep_every: Duration::from_secs(600),
            scrub_every: None,
            limits: Limits::default(),
            behind_proxy: false,
            peers: Vec::new(),
            mirror: None,
            telemetry: Telemetry::new("gateway"),
            lock: None,
        }
    }

    /// The same with blobs and uploads in a folder, which is made. What a crash left half written there goes.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Io`]; [`Error::FolderInUse`] while another gateway has it.
    pub fn in_folder(url: impl Into<String>, folder: &std::path::Path) -> Result<Self> {
        let store = BlobStore::in_folder(&folder.join("blobs"))?;
        let at = folder.join("lock");
        let broken = |source| Error::Io {
            what: at.display().to_string(),
            source,
        };
        let lock = File::create(&at).map_err(broken)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::FolderInUse(folder.into())),
            Err(TryLockError::Error(source)) => return Err(broken(source)),
        }
        store.remove_staged()?;
        Ok(Self {
            lock: Some(Arc::new(lock)),
            ..Self::new(url, store, folder.join("uploads"))
        })
    }
}

/// A gateway. Shared by all its requests.
pub struct Gateway<C> {
    url: String,
    pub(crate) store: BlobStore,
    sweep_every: Duration,
    scrub_every: Option<Duration>,
    mirror: Option<Mirror>,
    behind_proxy: bool,
    pub(crate) limits: Limits,
    addresses: Rates<IpAddr>,
    keys: Rates<Address>,
    pub(crate) chain: C,
    pub(crate) uploads: Uploads,
    pub(crate) index: Mutex<Index>,
    pub(crate) peers: Option<GatewayClient>,
    /// One blob is fetched from peers at a time.
    pub(crate) fetching: Mutex<()>,
    pub(crate) meters: Meters,
    places: Places,
    lock: Option<Arc<File>>,
}

/// How much is done at the same time. Places are for what the gateway itself takes its time for, never for waiting for a
/// request's bytes; but for those of uploads, whose senders have a right to them, a least pace and a share.
struct Places {
    uploads: Semaphore,
    stores: Semaphore,
    questions: Semaphore,
    attestations: Semaphore,
}

impl Places {
    fn new() -> Self {
        Self {
            uploads: Semaphore::new(UPLOADS),
            stores: Semaphore::new(STORES),
            questions: Semaphore::new(QUESTIONS),
            attestations: Semaphore::new(ATTESTATIONS),
        }
    }
}

/// A place, if there is one.
fn place(places: &Semaphore) -> std::result::Result<SemaphorePermit<'_>, Refusal> {
    places.try_acquire().map_err(|_| busy())
}

impl<C: Chain> Gateway<C> {
    /// Opens the store and reads its index.
    pub async fn open(config: Config, chain: C) -> Result<Arc<Self>> {
        // the same rules as for whoever reads the market
        let url = GatewayClient::new(&config.url)?.url().to_owned();
        let mut others = config.peers;
        others.retain(|peer| peer.trim_end_matches('/') != url);
        let peers = if others.is_empty() {
            None
        } else {
            let peers = GatewayClient::new(&others.join(" "))?;
            Some(peers.with_retry(Retry {
                tries: PEER_TRIES,
                ..Retry::default()
            }))
        };
        let index = Index::load(config.store.clone()).await?;
        let meters = Meters::new(config.telemetry);
        meters.keeps(index.totals());
        Ok(Arc::new(Self {
            url,
            index: Mutex::new(index),
            uploads: Uploads::open(config.uploads)?,
            store: config.store,
            sweep_every: config.sweep_every,
            scrub_every: config.scrub_every,
            mirror: config.mirror,
            behind_proxy: config.behind_proxy,
            addresses: Rates::new(config.limits.requests_per_second),
            keys: Rates::new(config.limits.writes_per_second),
            limits: config.limits,
            peers,
            fetching: Mutex::new(()),
            meters,
            chain,
            places: Places::new(),
            lock: config.lock,
        }))
    }

    /// Serves, sweeps, scrubs and copies until `shutdown` is cancelled; requests that run then have ten seconds to end.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        shutdown: CancellationToken,
    ) -> Result<()> {
        let chores = tokio::spawn(self.clone().do_chores(shutdown.clone()));
        let stop = shutdown.clone();
        let service = self
            .clone()
            .router()
            .into_make_service_with_connect_info::<SocketAddr>();
        let server = axum::serve(listener, service)
            .with_graceful_shutdown(async move { stop.cancelled().await })
            .into_future();
        let patience = async {
            shutdown.cancelled().await;
            tokio::time::sleep(SHUTDOWN_TIME).await;
        };
        let served = tokio::select! {
            served = server => served,
            () = patience => Ok(()),
        };
        shutdown.cancel();
        // they only ever end by the shutdown
        let _ = chores.await;
        if let Some(lock) = &self.lock {
            // a connection that is not gone yet keeps nobody from the folder; where this fails, it does until it is
            let _ = lock.unlock();
        }
        served.map_err(|source| Error::Io {
            what: "the gateway's socket".into(),
            source,
        })
    }

    /// All that it does besides serving. Each may be broken off: what it was at is taken up by the next time.
    async fn do_chores(self: Arc<Self>, shutdown: CancellationToken) {
        let sweeps = self.every("sweep", Some(self.sweep_every), || async {
            let swept = self.sweep(unix_now()).await?;
            if swept.jobs > 0 {
                tracing::info!(jobs = swept.jobs, blobs = swept.blobs, "swept");
            }
            Ok(())
        });
        let scrubs = self.every("scrub", self.scrub_every, || async {
            let found = self.scrub().await?;
            tracing::info!(
                checked = found.checked,
                corrupt = found.corrupt,
                unreadable = found.unreadable,
                missing = found.missing,
                mended = found.mended,
                "scrubbed"
            );
            Ok(())
        });
        let copies = self.every("mirror", self.mirror.map(|m| m.every), || async {
            if let Some(mirror) = self.mirror {
                self.copy_market(&mirror.market).await?;
            }
            Ok(())
        });
        tokio::select! {
            () = shutdown.cancelled() => {}
            _ = async { tokio::join!(sweeps, scrubs, copies) } => {}
        }
    }

    /// Does something again and again, or never.
    async fn every<F: Future<Output = Result<()>>>(
        &self,
        what: &'static str,
        pause: Option<Duration>,
        chore: impl Fn() -> F,
    ) {
        let Some(pause) = pause else {
            return std::future::pending().await;
        };
        let health = &self.meters.telemetry.health;
        // a chore takes its time too
        let next = pause.saturating_mul(2).saturating_add(CHORE_TIME);
        health.well(what, next);
        loop {
            tokio::time::sleep(pause).await;
            match chore().await {
                Ok(()) => health.well(what, next),
                Err(error) => {
                    tracing::warn!(%error, "{what}: it stopped; the next one goes on");
                    health.ill(what, error.to_string());
                }
            }
        }
    }

    /// The routes. There is none that lists.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route(
                "/blobs/{blob}",
                get(get_blob::<C>).head(head_blob::<C>).put(put_blob::<C>),
            )
            .route(
                "/attest/{job}/{attempt}/{seat}",
                get(get_attestation::<C>).put(put_attestation::<C>),
            )
            .route("/jobs/{job}", delete(forget_job::<C>))
            .fallback(|| async { Refusal::not_found() })
            .layer(DefaultBodyLimit::disable())
            .layer(from_fn_with_state(self.clone(), watch::<C>))
            .with_state(self)
    }

    /// Checks a write of a blob, and does it.
    async fn put(
        &self,
        name: &str,
        headers: &HeaderMap,
        body: &mut BodyDataStream,
    ) -> std::result::Result<Response, Refusal> {
        let blob: BlobHash = name.parse()?;
        let header = headers
            .get(AUTHORIZATION)
            .and_then(|v| v.to_str().ok())
            .ok_or_else(|| {
                Refusal::new(
                    StatusCode::UNAUTHORIZED,
                    "a blob is put under a signature: `Authorization: Lode ..`",
                )
            })?;
        let signed = Authorization::parse(header)?;
        signed.verify(&self.url, blob, unix_now())?;
        if !self.keys.lets(signed.key, Instant::now()) {
            self.meters.too_often.inc();
            return Err(Refusal::too_often());
        }
        let part = Part::of(headers)?;

        let question = place(&self.places.questions)?;
        let case = Case::load(&self.chain, &self.url, signed.job, signed.attempt).await?;
        let customer = case.customer(&self.chain).await?;
        let roles = case.roles(&self.chain, &signed.key, customer).await?;
        drop(question);
        let _place = place(&self.places.uploads)?;
        let id = UploadId {
            job: signed.job,
            key: signed.key,
            blob,
        };
        let kind = self.allow(&case, &roles, &id, part.total()).await?;
        self.require_room(&id, part.total()).await?;
        let entry = Entry {
            kind,
            attempt: signed.attempt,
            key: match (kind, customer) {
                // his, whoever brings it
                (Kind::Spec, Some(customer)) => customer,
                _ => signed.key,
            },
            size: part.total(),
        };

        if self.is_here(&id, entry).await? {
            return Ok(StatusCode::OK.into_response());
        }
        let taken = self.uploads.take(&id, kind, signed.attempt, part.total());
        let turn = match taken.map_err(disk)? {
            Taken::Turn(turn) => turn,
            Taken::Busy => {
                return Err(Refusal::new(
                    StatusCode::LOCKED,
                    "another request is writing this upload; try again",
                ))
            }
            Taken::TooMany => {
                return Err(Refusal::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "this key has too many uploads under way; try again",
                ))
            }
        };
        let there = receive(&turn, &part, body, &self.meters.received).await?;
        // Whole, also where this request only asked: the answer to the one that brought the last byte was lost.
        if there < part.total() {
            return Ok(incomplete(there));
        }
        self.keep(turn, &id, entry).await?;
        self.meters.stored.inc();
        tracing::info!(%blob, job = %signed.job, bytes = part.total(), ?kind, "stored");
        Ok(StatusCode::CREATED.into_response())
    }

    /// What is here already, perhaps by another job, need not be sent.
    async fn is_here(&self, id: &UploadId, entry: Entry) -> std::result::Result<bool, Refusal> {
        // to the entry, so that no sweep takes it away before this job has one
        let mut index = self.index.lock().await;
        let Some(size) = self.store.size(id.blob).await? else {
            return Ok(false);
        };
        if size == entry.size {
            index.add(&id.job, id.blob, entry).await?;
            return Ok(true);
        }
        // Reading all of it costs: not where only this request says that the size is wrong.
        let said = index.agrees(&id.blob, size);
        drop(index);
        if said || self.store.is_whole(id.blob).await? == Some(true) {
            return Err(Refusal::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "the blob of this name has another size",
            ));
        }
        tracing::error!(blob = %id.blob, "a stored blob is damaged: what is put takes its place");
        Ok(false)
    }

    /// What the blob is to the job, if a key with these roles may put it with this size.
    async fn allow(
        &self,
        case: &Case,
        roles: &[Role],
        id: &UploadId,
        size: u64,
    ) -> std::result::Result<Kind, Refusal> {
        let customer = roles.contains(&Role::Customer);
        let runner = roles.contains(&Role::Worker) || roles.contains(&Role::Seat);
        if id.blob.0 == case.job.spec {
            // anyone who may write for the job: its hash says that it is the customer's
            if size > MOST_SPEC_BYTES {
                return Err(Refusal::too_large("a spec has at most 64 KiB"));
            }
            return Ok(Kind::Spec);
        }
        let spec = self
            .store
            .get(BlobHash(case.job.spec), MOST_SPEC_BYTES)
            .await?
            .ok_or_else(|| {
                Refusal::new(
                    StatusCode::FAILED_DEPENDENCY,
                    "the job's spec is not stored here yet: put it first",
                )
            })?;
        let named = spec::named(&spec).map_err(|error| {
            Refusal::conflict(format!("nothing else can be stored for this job: {error}"))
        })?;
        if let Some(said) = named.blobs.get(&id.blob) {
            if customer {
                if *said != size {
                    return Err(Refusal::new(
                        StatusCode::UNPROCESSABLE_ENTITY,
                        "the spec names this blob with another size",
                    ));
                }
                if size > case.market.blob_limit {
                    return Err(Refusal::too_large(format!(
                        "a blob in this market has at most {} bytes",
                        case.market.blob_limit
                    )));
                }
                return Ok(Kind::Input);
            }
            return Err(Refusal::forbidden(
                "only the customer puts what the spec names",
            ));
        }
        if !runner {
            return Err(Refusal::forbidden(
                "the spec does not name this blob, and outputs are put by the worker or a seat of the panel",
            ));
        }
        let most = named.output_limit.saturating_add(MOST_RECEIPT_BYTES);
        let index = self.index.lock().await;
        let counted = index
            .record(&id.job)
            .filter(|r| !r.blobs.contains_key(&id.blob))
            .map_or(0, |r| r.output_bytes(case.job.attempt, &id.key));
        let coming = self.uploads.coming(id, |other, kind, attempt| {
            (other.job, other.key) == (id.job, id.key)
                && kind == Kind::Output
                && attempt == case.job.attempt
        });
        if counted.saturating_add(coming).saturating_add(size) > most {
            return Err(Refusal::too_large(format!(
                "outputs and receipt of this job have at most {most} bytes"
            )));
        }
        Ok(Kind::Output)
    }

    /// What this gateway keeps of one job, and for one key, has room for a blob.
    async fn require_room(&self, id: &UploadId, size: u64) -> std::result::Result<(), Refusal> {
        let Limits {
            job_bytes,
            key_bytes,
            ..
        } = self.limits;
        if job_bytes.is_none() && key_bytes.is_none() {
            return Ok(());
        }
        let (of_job, of_key) = {
            let index = self.index.lock().await;
            let record = index.record(&id.job);
            if record.is_some_and(|record| record.blobs.contains_key(&id.blob)) {
                return Ok(());
            }
            (record.map_or(0, Record::bytes), index.key_bytes(&id.key))
        };
        let for_job = self.uploads.coming(id, |other, _, _| other.job == id.job);
        let for_key = self.uploads.coming(id, |other, _, _| other.key == id.key);
        // What a key has is of other jobs too: a writer must not take it for a word about this one.
        let (large, full) = (
            StatusCode::PAYLOAD_TOO_LARGE,
            StatusCode::INSUFFICIENT_STORAGE,
        );
        for (has, coming, most, whose, status) in [
            (of_job, for_job, job_bytes, "one job", large),
            (of_key, for_key, key_bytes, "one key", full),
        ] {
            let all = has.saturating_add(coming).saturating_add(size);
            if let Some(most) = most.filter(|most| all > *most) {
                self.meters.over_quota.inc();
                return Err(Refusal::new(
                    status,
                    format!("this gateway keeps at most {most} bytes of {whose}, and has {has}"),
                ));
            }
        }
        Ok(())
    }

    /// A whole upload becomes a blob.
    async fn keep(
        &self,
        turn: Turn,
        id: &UploadId,
        entry: Entry,
    ) -> std::result::Result<(), Refusal> {
        let place = self.places.stores.acquire().await;
        let _place = place.map_err(|_| busy())?;
        let path = turn.path.clone();
        let hashed = tokio::task::spawn_blocking(move || BlobHash::of_file(&path));
        let (found, _) = hashed.await.map_err(|e| disk(std::io::Error::other(e)))??;
        if found != id.blob {
            turn.end().await;
            return Err(Refusal::from(lode_store::Error::WrongHash {
                expected: id.blob,
                found,
            }));
        }
        self.index.lock().await.add(&id.job, id.blob, entry).await?;
        self.store.put_file(id.blob, &turn.path).await?;
        // A sweep in between may have forgotten the job: the next one shall find the blob.
        self.index.lock().await.add(&id.job, id.blob, entry).await?;
        turn.end().await;
        Ok(())
    }

    /// Checks an attestation, and keeps it.
    async fn attest(
        &self,
        at: &(String, String, String),
        body: Body,
    ) -> std::result::Result<StatusCode, Refusal> {
        let (job, attempt, seat) = read_name(at)?;
        let bytes = axum::body::to_bytes(body, ATTESTATION_BYTES);
        let bytes = tokio::time::timeout(ATTESTATION_TIME, bytes)
            .await
            .map_err(|_| too_slow())?
            .map_err(|_| Refusal::from(lode_store::Error::NotAnAttestation))?;
        let attestation = Attestation::from_bytes(&bytes)?;
        let _place = place(&self.places.attestations)?;
        let case = Case::load(&self.chain, &self.url, job, attempt).await?;
        case.require_attested_now()?;
        let committee = case.committee(&self.chain).await?;
        // Held to the end: two attestations of one seat are decided one after the other.
        let mut index = self.index.lock().await;
        let outputs: Vec<BlobHash> = index
            .record(&job)
            .map(|r| r.outputs().collect())
            .unwrap_or_default();
        case.check_attestation(&committee, seat, &attestation, &outputs)?;
        if let Some(earlier) = self.store.attestation(&job, attempt, seat).await? {
            if earlier == attestation {
                return Ok(StatusCode::OK);
            }
            let stands = case
                .check_attestation(&committee, seat, &earlier, &outputs)
                .is_ok();
            if stands && earlier.verdict != lode_attestation::Verdict::Unrunnable as u8 {
                return Err(Refusal::conflict(
                    "this seat has signed already; only `unrunnable` may be changed",
                ));
            }
        }
        index.touch(&job);
        self.store
            .put_attestation(&job, attempt, seat, &attestation)
            .await?;
        self.meters.attestations.inc();
        tracing::info!(%job, attempt, seat, verdict = attestation.verdict, "attested");
        Ok(StatusCode::CREATED)
    }
}

/// Which part of a blob a PUT brings.
enum Part {
    /// All of it.
    Whole { total: u64 },
    /// From `from` on, `length` bytes.
    Rest { from: u64, length: u64, total: u64 },
    /// None: it asks what is there.
    Ask { total: u64 },
}

impl Part {
    fn of(headers: &HeaderMap) -> std::result::Result<Self, Refusal> {
        let text = |name| {
            headers
                .get(name)
                .and_then(|v: &HeaderValue| v.to_str().ok())
        };
        let length: u64 = text(CONTENT_LENGTH)
            .and_then(|v| v.parse().ok())
            .ok_or_else(|| {
                Refusal::new(StatusCode::LENGTH_REQUIRED, "a PUT says its Content-Length")
            })?;
        let Some(range) = headers.get(CONTENT_RANGE) else {
            return Ok(Self::Whole { total: length });
        };
        let read = || {
            let (part, total) = range
                .to_str()
                .ok()?
                .strip_prefix("bytes ")?
                .split_once('/')?;
            let total: u64 = total.parse().ok()?;
            if part == "*" {
                return (length == 0).then_some(Self::Ask { total });
            }
            let (from, last) = part.split_once('-')?;
            let (from, last): (u64, u64) = (from.parse().ok()?, last.parse().ok()?);
            let fits = from <= last && last < total && last - from == length.checked_sub(1)?;
            fits.then_some(Self::Rest {
                from,
                length,
                total,
            })
        };
        read().ok_or_else(|| {
            Refusal::bad("Content-Range is `bytes <from>-<last>/<total>`, or `bytes */<total>` without a body")
        })
    }

    fn total(&self) -> u64 {
        match self {
            Self::Whole { total } | Self::Rest { total, .. } | Self::Ask { total } => *total,
        }
    }
}

/// Writes a request's part into its upload and returns how many bytes are there now. What arrived before the
/// connection broke stays.
async fn receive(
    turn: &Turn,
    part: &Part,
    body: &mut BodyDataStream,
    received_bytes: &Counter,
) -> std::result::Result<u64, Refusal> {
    let mut file = tokio::fs::OpenOptions::new()
        .append(true)
        .open(&turn.path)
        .await
        .map_err(disk)?;
    let mut there = file.metadata().await.map_err(disk)?.len();
    let mut left = match part {
        Part::Ask { .. } => return Ok(there),
        Part::Rest { from, length, .. } if *from == there => *length,
        Part::Rest { .. } => return Ok(there),
        Part::Whole { total } => {
            file.set_len(0).await.map_err(disk)?;
            there = 0;
            *total
        }
    };
    let (begun, mut came) = (Instant::now(), 0);
    let received = loop {
        let bytes = match tokio::time::timeout(patience(begun.elapsed(), came), body.next()).await {
            Ok(Some(Ok(bytes))) => bytes,
            Ok(None) if left == 0 => break Ok(()),
            Ok(None | Some(Err(_))) => break Err(Refusal::bad("the body ended before its end")),
            Err(_) => break Err(too_slow()),
        };
        let length = bytes.len() as u64;
        if length > left {
            break Err(Refusal::too_large("the body is longer than it said"));
        }
        if let Err(error) = file.write_all(&bytes).await {
            break Err(disk(error));
        }
        received_bytes.add(length as f64);
        left -= length;
        came += length;
        there = there.saturating_add(length);
    };
    file.flush().await.map_err(disk)?;
    received.map(|()| there)
}

/// How long an upload is waited for, when so many bytes came of it in this time.
fn patience(since: Duration, came: u64) -> Duration {
    let granted = BODY_TIMEOUT.saturating_add(Duration::from_secs(came / LEAST_PACE));
    granted.saturating_sub(since).min(BODY_TIMEOUT)
}

fn too_slow() -> Refusal {
    Refusal::new(
        StatusCode::REQUEST_TIMEOUT,
        "nothing arrived for too long, or too little",
    )
}

/// The answer that says how many bytes of an upload are there.
fn incomplete(there: u64) -> Response {
    let mut response = StatusCode::PERMANENT_REDIRECT.into_response();
    if let Some(last) = there.checked_sub(1) {
        if let Ok(value) = HeaderValue::from_str(&format!("bytes=0-{last}")) {
            response.headers_mut().insert(RANGE, value);
        }
    }
    response
}

fn disk(error: std::io::Error) -> Refusal {
    tracing::error!(%error, "the folder of uploads fails");
    Refusal::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "this gateway's disk fails; try again later",
    )
}

/// Reads the rest of a refused body, so that whoever still sends hears the answer instead of a broken connection.
async fn drain(body: &mut BodyDataStream) {
    let read = async {
        let mut left = DRAIN_BYTES;
        while let Some(Ok(bytes)) = body.next().await {
            left = left.saturating_sub(bytes.len());
            if left == 0 {
                break;
            }
        }
    };
    // its end, its limit or its time: all the same
    let _ = tokio::time::timeout(DRAIN_TIME, read).await;
}

/// Lets an address send so many requests a second, and counts how they end.
async fn watch<C: Chain>(
    State(gateway): State<Arc<Gateway<C>>>,
    request: Request,
    next: Next,
) -> Response {
    let method = request.method().clone();
    let lets = sender(&request, gateway.behind_proxy)
        .is_none_or(|address| gateway.addresses.lets(network(address), Instant::now()));
    let response = if lets {
        next.run(request).await
    } else {
        gateway.meters.too_often.inc();
        drain(&mut request.into_body().into_data_stream()).await;
        Refusal::too_often().into_response()
    };
    gateway.meters.request(&method, response.status());
    response
}

/// Whose request it is. Behind a proxy only the last address is what that proxy saw; those before it are the sender's own
/// words.
fn sender(request: &Request, behind_proxy: bool) -> Option<IpAddr> {
    if behind_proxy {
        let forwarded = request
            .headers()
            .get_all("x-forwarded-for")
            .iter()
            .next_back()?;
        return forwarded
            .to_str()
            .ok()?
            .rsplit(',')
            .next()?
            .trim()
            .parse()
            .ok();
    }
    let connection = request.extensions().get::<ConnectInfo<SocketAddr>>();
    connection.map(|ConnectInfo(from)| from.ip())
}

async fn forget_job<C: Chain>(
    State(gateway): State<Arc<Gateway<C>>>,
    Path(job): Path<String>,
    headers: HeaderMap,
) -> std::result::Result<StatusCode, Refusal> {
    let header = headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok());
    let header = header.ok_or_else(|| {
        Refusal::new(
            StatusCode::UNAUTHORIZED,
            "a job is forgotten under a signature: `Authorization: Lode ..`",
        )
    })?;
    let signed = ForgetAuthorization::parse(header)?;
    if signed.job.to_string() != job {
        return Err(Refusal::bad("the signature is about another job"));
    }
    signed.verify(&gateway.url, unix_now())?;
    if !gateway.keys.lets(signed.key, Instant::now()) {
        gateway.meters.too_often.inc();
        return Err(Refusal::too_often());
    }
    gateway.forget(&signed, unix_now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn put_blob<C: Chain>(
    State(gateway): State<Arc<Gateway<C>>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let mut body = body.into_data_stream();
    let answer = gateway.put(&name, &headers, &mut body).await;
    drain(&mut body).await;
    answer.into_response()
}

fn busy() -> Refusal {
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "this gateway serves too many writes now; try again",
    )
}

/// The part that a `Range` header asks for. A header that is none of ours is ignored, as HTTP has it.
fn range(headers: &HeaderMap) -> Option<GetRange> {
    let text = headers.get(RANGE)?.to_str().ok()?.strip_prefix("bytes=")?;
    let (from, last) = text.split_once('-')?;
    match (from.parse::<u64>(), last.parse::<u64>()) {
        (Ok(from), Ok(last)) if from <= last => Some(GetRange::Bounded(from..last.checked_add(1)?)),
        (Ok(from), Err(_)) if last.is_empty() => Some(GetRange::Offset(from)),
        (Err(_), Ok(last)) if from.is_empty() => Some(GetRange::Suffix(last)),
        _ => None,
    }
}

/// The headers of every blob: bytes for a program, never a page for a browser, and never another's.
fn blob_headers(response: &mut Response, size: u64) {
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, "application/octet-stream"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
        (ACCEPT_RANGES, "bytes"),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
}

async fn head_blob<C: Chain>(
    State(gateway): State<Arc<Gateway<C>>>,
    Path(name): Path<String>,
) -> std::result::Result<Response, Refusal> {
    let size = gateway
        .store
        .size(name.parse()?)
        .await?
        .ok_or_else(Refusal::not_found)?;
    let mut response = StatusCode::OK.into_response();
    blob_headers(&mut response, size);
    Ok(response)
}

async fn get_blob<C: Chain>(
    State(gateway): State<Arc<Gateway<C>>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> std::result::Result<Response, Refusal> {
    let blob: BlobHash = name.parse()?;
    let size = gateway
        .store
        .size(blob)
        .await?
        .ok_or_else(Refusal::not_found)?;
    let asked = range(&headers);
    let satisfiable = match &asked {
        Some(GetRange::Bounded(range)) => range.start < size,
        Some(GetRange::Offset(from)) => *from < size,
        Some(GetRange::Suffix(last)) => *last > 0 && size > 0,
        None => true,
    };
    if !satisfiable {
        let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
        if let Ok(value) = HeaderValue::from_str(&format!("bytes */{size}")) {
            response.headers_mut().insert(CONTENT_RANGE, value);
        }
        return Ok(response);
    }
    let partial = asked.is_some();
    let part = gateway
        .store
        .read(blob, asked)
        .await?
        .ok_or_else(Refusal::not_found)?;
    let range = part.range.clone();
    let served = gateway.meters.served.clone();
    let bytes = part
        .bytes
        .inspect_ok(move |bytes| served.add(bytes.len() as f64));
    let mut response = Body::from_stream(bytes).into_response();
    blob_headers(&mut response, range.end.saturating_sub(range.start));
    if partial {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let last = range.end.saturating_sub(1);
        let value = format!("bytes {}-{last}/{}", range.start, part.size);
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(CONTENT_RANGE, value);
        }
    }
    Ok(response)
}

/// Job, attempt and seat of a path, each written in the one way there is.
fn read_name(
    (job, attempt, seat): &(String, String, String),
) -> std::result::Result<(Address, u8, u8), Refusal> {
    fn read<T: std::str::FromStr + ToString>(text: &str) -> Option<T> {
        text.parse::<T>()
            .ok()
            .filter(|value| value.to_string() == text)
    }
    let name = || Some((read(job)?, read(attempt)?, read(seat)?));
    name().ok_or_else(|| Refusal::bad("an attestation is at attest/<job>/<attempt>/<seat>"))
}

async fn get_attestation<C: Chain>(
    State(gateway): State<Arc<Gateway<C>>>,
    Path(at): Path<(String, String, String)>,
) -> std::result::Result<Response, Refusal> {
    let (job, attempt, seat) = read_name(&at)?;
    let attestation = gateway
        .store
        .attestation(&job, attempt, seat)
        .await?
        .ok_or_else(Refusal::not_found)?;
    let mut response = attestation.to_bytes().to_vec().into_response();
    blob_headers(&mut response, ATTESTATION_BYTES as u64);
    // a seat may move from unrunnable to another verdict
    let fresh = HeaderValue::from_static("no-cache");
    response.headers_mut().insert(CACHE_CONTROL, fresh);
    Ok(response)
}

async fn put_attestation<C: Chain>(
    State(gateway): State<Arc<Gateway<C>>>,
    Path(at): Path<(String, String, String)>,
    body: Body,
) -> std::result::Result<StatusCode, Refusal> {
    gateway.attest(&at, body).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sends_too_slowly_is_not_waited_for() {
        let of = |seconds, came| patience(Duration::from_secs(seconds), came).as_secs();
        assert_eq!(of(0, 0), 30);
        assert_eq!(of(29, 1), 1);
        assert_eq!(of(30, 999), 0);
        // at the pace it goes on, and a pause is no more than one
        assert_eq!(of(60, 60_000), 30);
        assert_eq!(of(60, 60_000_000), 30);
        assert_eq!(of(3_600, 3_580_000), 10);
    }
}

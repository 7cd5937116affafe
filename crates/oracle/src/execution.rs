//! Fetches what a job names, from the market's store only, and runs it.

use crate::decision::Finding;
use crate::gate::Permit;
use crate::{Error, Result};
use lode_jobs::state::{Job, Market};
use lode_runtime::child::{self, Limits};
use lode_runtime::{Blob, HostEnd, JobSpec, Outcome, Receipt, RunRequest, WASM_STACK_BYTES};
use lode_sealed::{sealed_result, sealed_size, Envelope, Identity, Private, Results};
use lode_store::{BlobCache, BlobHash, GatewayClient, Hold, MOST_SPEC_BYTES};
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a slot is planned to last.
const SLOT: Duration = Duration::from_millis(400);
/// No run may take longer, however long its window.
const LONGEST_RUN: Duration = Duration::from_secs(86_400);
/// A fetch is broken off after so long, at the latest.
const LONGEST_FETCH: Duration = Duration::from_secs(60);

/// A spec that can be run.
pub(crate) struct Prepared {
    /// As it is stored, or sealed.
    stored: Vec<u8>,
    spec: JobSpec,
    /// How to open what it names, and to seal what it comes to.
    private: Option<Private>,
    /// Keeps what it names in the cache.
    hold: Hold,
}

impl Prepared {
    /// Memory of its run, MiB: its program's, and that of what it reads and writes.
    pub(crate) fn memory_mib(&self) -> u64 {
        self.spec.memory_mib.saturating_add(self.spec.held_mib())
    }

    /// What a blob that the spec names is in the store.
    fn in_store(&self, named: Blob) -> Blob {
        in_store(&self.spec, self.private.as_ref(), named)
    }
}

fn in_store(spec: &JobSpec, private: Option<&Private>, named: Blob) -> Blob {
    let sealed = private.and_then(|p| p.sealed(spec, &named.sha256));
    sealed.unwrap_or(named)
}

/// What a run came to: names of what it wrote, and last that of its receipt. It stays in the cache while this lives.
#[derive(Debug)]
pub(crate) struct Outputs {
    pub names: Vec<BlobHash>,
    _hold: Hold,
}

impl Outputs {
    fn of(names: Vec<BlobHash>, cache: &BlobCache) -> Self {
        let hold = cache.hold(names.iter().copied());
        Self { names, _hold: hold }
    }

    pub(crate) fn none(cache: &BlobCache) -> Self {
        Self::of(Vec::new(), cache)
    }

    /// Those of a run that is over, by the hash of its receipt; nothing unless all of it is still there.
    pub(crate) async fn kept(result: BlobHash, cache: &BlobCache) -> Result<Option<Self>> {
        let _hold = cache.hold([result]);
        let Some(path) = cache.find(result).await? else {
            return Ok(None);
        };
        let stored = tokio::fs::read(&path).await;
        let Some(mut names) = named(&stored.map_err(|source| Error::File { path, source })?) else {
            return Ok(None);
        };
        names.push(result);
        let outputs = Self::of(names, cache);
        for name in &outputs.names {
            if cache.find(*name).await?.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(outputs))
    }
}

/// What the bytes of a result name, sealed or not, in the order in which it is put.
fn named(stored: &[u8]) -> Option<Vec<BlobHash>> {
    let blobs = match sealed_result(stored).ok()? {
        Some((receipt, mut outputs)) => {
            outputs.push(receipt);
            outputs
        }
        None => {
            let receipt = Receipt::parse(stored).ok()?;
            let files = receipt.files.iter().map(|file| file.blob);
            [receipt.stdout, receipt.stderr]
                .into_iter()
                .chain(files)
                .collect()
        }
    };
    let mut seen = HashSet::new();
    let names = blobs.into_iter().map(|blob| BlobHash(blob.sha256));
    Some(names.filter(|name| seen.insert(*name)).collect())
}

/// What fetching all that a job names came to.
pub(crate) enum Fetched {
    /// It is here and can be run.
    Ready(Box<Prepared>),
    /// It cannot be run, and that is a finding already.
    Found(Finding),
    /// It still comes, too slowly to be waited for. What came stays: the next fetch goes on there.
    Coming,
}

/// Fetches a job's spec and all that it names into the cache; that takes no place from those that run. However slowly a
/// store sends, in a while the caller may look what time it is, and others may fetch the same from another store.
/// A private job is opened by `by`; nobody's identity is a watcher's, who cannot say anything of it.
pub(crate) async fn fetch(
    job: &Job,
    market: &Market,
    store: &GatewayClient,
    cache: &BlobCache,
    by: Option<&Identity>,
) -> Result<Fetched> {
    let _spec = cache.hold([BlobHash(job.spec)]);
    let all = async {
        let prepared = match prepare(job, market, store, cache, by).await? {
            Ok(prepared) => prepared,
            Err(finding) => return Ok(Fetched::Found(finding)),
        };
        for named in prepared.spec.blobs() {
            let Blob { sha256, size } = prepared.in_store(named);
            let hash = BlobHash(sha256);
            match get(cache, store, "a blob", hash, size).await? {
                Got::Here(_, found) if found == size => {}
                Got::Here(_, found) => {
                    let what = format!("blob {hash} has {found} bytes, not the {size} named");
                    return Ok(Fetched::Found(Finding::Missing(what)));
                }
                Got::Missing(what) => return Ok(Fetched::Found(Finding::Missing(what))),
            }
        }
        Ok(Fetched::Ready(Box::new(prepared)))
    };
    let fetched = tokio::time::timeout(patience(market), all).await;
    fetched.unwrap_or(Ok(Fetched::Coming))
}

/// How long a fetch goes on before the clock is looked at: so that a seat says in time that it has nothing to run.
fn patience(market: &Market) -> Duration {
    let slots = u32::try_from(market.attest_window / 8).unwrap_or(u32::MAX);
    SLOT.saturating_mul(slots)
        .clamp(Duration::from_secs(1), LONGEST_FETCH)
}

/// Fetches the spec. What cannot be prepared is a finding already.
async fn prepare(
    job: &Job,
    market: &Market,
    store: &GatewayClient,
    cache: &BlobCache,
    by: Option<&Identity>,
) -> Result<std::result::Result<Prepared, Finding>> {
    let spec_hash = BlobHash(job.spec);
    let mut stored = match read(cache, store, "the spec", spec_hash, MOST_SPEC_BYTES).await? {
        Ok(stored) => stored,
        Err(missing) => return Ok(Err(missing)),
    };
    let mut private = None;
    match Envelope::of(&stored) {
        Ok(None) => {}
        Ok(Some(envelope)) => match opened(envelope, store, cache, by).await? {
            Ok((plain, key)) => (stored, private) = (plain, Some(key)),
            Err(finding) => return Ok(Err(finding)),
        },
        Err(error) => return Ok(Err(Finding::NoReceipt(error.to_string()))),
    }
    Ok(match checked(&stored, job.units_limit, market) {
        Ok(spec) => {
            let names = spec.blobs().into_iter();
            let stored_names = names.map(|named| in_store(&spec, private.as_ref(), named));
            let hold = cache.hold(stored_names.map(|blob| BlobHash(blob.sha256)));
            Ok(Prepared {
                stored,
                spec,
                private,
                hold,
            })
        }
        Err(reason) => Err(Finding::NoReceipt(reason)),
    })
}

/// The spec of a private job, in memory only. What every recipient finds wrong with it has no receipt; where this one is
/// no recipient, others may be.
async fn opened(
    envelope: Envelope,
    store: &GatewayClient,
    cache: &BlobCache,
    by: Option<&Identity>,
) -> Result<std::result::Result<(Vec<u8>, Private), Finding>> {
    let Some(by) = by else {
        let end = "the job is private, and this machine has no key to it";
        return Ok(Err(Finding::HostEnd(end.into())));
    };
    let spec = envelope.spec();
    let private = match envelope.unlock(std::slice::from_ref(by)) {
        Ok(private) => private,
        Err(error) => return Ok(Err(Finding::Missing(error.to_string()))),
    };
    let most = sealed_size(MOST_SPEC_BYTES);
    if spec.size > most {
        let reason = format!("its sealed spec has more than {most} bytes");
        return Ok(Err(Finding::NoReceipt(reason)));
    }
    let name = BlobHash(spec.sha256);
    let sealed = match read(cache, store, "the sealed spec", name, spec.size).await? {
        Ok(sealed) => sealed,
        Err(missing) => return Ok(Err(missing)),
    };
    Ok(match private.open_spec(&sealed) {
        Ok((mut stored, _)) => Ok((std::mem::take(&mut *stored), private)),
        Err(error) => Err(Finding::NoReceipt(error.to_string())),
    })
}

/// A blob's bytes, or that it is missing.
async fn read(
    cache: &BlobCache,
    store: &GatewayClient,
    what: &str,
    blob: BlobHash,
    limit: u64,
) -> Result<std::result::Result<Vec<u8>, Finding>> {
    Ok(match get(cache, store, what, blob, limit).await? {
        Got::Here(path, _) => Ok(tokio::fs::read(&path)
            .await
            .map_err(|source| Error::File { path, source })?),
        Got::Missing(what) => Err(Finding::Missing(what)),
    })
}

/// What this machine finds, and what it came to, where that could be kept: not every verdict needs it. A blob that left the
/// cache since it was fetched is an error: it is fetched again. The run ends with whoever waits for it.
pub(crate) async fn run(
    prepared: Prepared,
    limit: u64,
    market: &Market,
    cache: &BlobCache,
    permit: Permit,
) -> Result<(Finding, Result<Outputs>)> {
    let only = |finding| Ok((finding, Ok(Outputs::none(cache))));
    let names = prepared.spec.blobs().into_iter();
    let in_store = names.map(|named| (named, BlobHash(prepared.in_store(named).sha256)));
    let in_store: Vec<_> = in_store.collect();
    let Prepared {
        stored,
        spec,
        private,
        hold,
    } = prepared;
    // what is opened stays in memory
    let mut plain = HashMap::new();
    if let Some(private) = &private {
        for (named, hash) in in_store {
            let path = cache.path(hash);
            let bytes = tokio::fs::read(&path).await;
            let bytes = bytes.map_err(|source| Error::File { path, source })?;
            match private.open(&named, &bytes) {
                Ok(opened) => plain.insert(named.sha256, opened),
                Err(error) => return only(Finding::NoReceipt(error.to_string())),
            };
        }
    }
    let paths = cache.clone();
    let read = move |hash: &[u8; 32]| {
        if let Some(opened) = plain.get(hash) {
            return Ok(opened.to_vec());
        }
        let path = paths.path(BlobHash(*hash));
        std::fs::read(&path).map_err(|source| Error::File { path, source })
    };
    let limits = limits(market);
    let (tell, told) = oneshot::channel();
    // A thread of its own: unlike tokio's, it holds up neither a shutdown nor anything else. It keeps its permit until the
    // run is over.
    std::thread::Builder::new()
        .name("run".into())
        .spawn(move || {
            let ended = || {
                let blobs = RunRequest::collect(spec, limit, read)?;
                let (module, stdin, inputs) = (&blobs.module, &blobs.stdin, &blobs.inputs);
                let wanted = || !tell.is_closed();
                child::run_while(&stored, module, stdin, inputs, limit, limits, wanted)
                    .map_err(|error| Error::Runtime(error.to_string()))
            };
            let ended = ended();
            drop(permit);
            // nobody listens any more where the run was ended
            let _ = tell.send(ended);
        })
        .map_err(|error| Error::Runtime(error.to_string()))?;
    let ended = told
        .await
        .map_err(|_| Error::Runtime("its thread broke".into()))??;
    drop(hold);
    match ended {
        Outcome::Host(HostEnd::Stack) => only(Finding::TooDeep),
        // the engine's words may tell what ran
        Outcome::Host(_) if private.is_some() => {
            only(Finding::HostEnd("the private job has no end here".into()))
        }
        Outcome::Host(end) => only(Finding::HostEnd(end.to_string())),
        Outcome::Receipt(finished) => {
            let units = finished.receipt.units;
            let results = Results::of(*finished, private.as_ref())?;
            let finding = Finding::Receipt {
                hash: results.hash,
                units,
            };
            Ok((finding, keep(results.blobs, cache).await))
        }
    }
}

/// Keeps what a run came to.
async fn keep(blobs: Vec<Vec<u8>>, cache: &BlobCache) -> Result<Outputs> {
    let names = blobs.iter().map(|bytes| BlobHash::of(bytes));
    let outputs = Outputs::of(names.collect(), cache);
    for bytes in blobs.into_iter().map(Arc::new) {
        with_room(cache, || cache.insert_shared(bytes.clone())).await?;
    }
    Ok(outputs)
}

/// Does what needs room on the disk. Where there is none, the cache is emptied for it and it is done once more: to fetch
/// again takes less than to run again.
async fn with_room<T, F>(cache: &BlobCache, work: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = lode_store::Result<T>>,
{
    match work().await {
        Err(error) if error.is_of_a_full_disk() => {
            tracing::warn!(%error, "no room for what a run came to: the cache is emptied");
            cache.trim(0).await?;
            Ok(work().await?)
        }
        done => Ok(done?),
    }
}

/// A spec that has a receipt: it parses, asks for no more than the market allows, and its limit pays for its base.
/// The same on every machine, so nodes refuse the others before they accept.
fn checked(stored: &[u8], limit: u64, market: &Market) -> std::result::Result<JobSpec, String> {
    let spec = JobSpec::parse(stored).map_err(|error| error.to_string())?;
    spec.fuel(limit).map_err(|error| error.to_string())?;
    if spec.memory_mib > u64::from(market.memory_mib) {
        return Err(format!(
            "it asks for {} MiB, this market has at most {}",
            spec.memory_mib, market.memory_mib
        ));
    }
    if let Some(blob) = spec.blobs().iter().find(|b| b.size > market.blob_limit) {
        return Err(format!(
            "it names a blob of {} bytes, this market has at most {}",
            blob.size, market.blob_limit
        ));
    }
    Ok(spec)
}

/// A run that outlives the attest window helps nobody.
fn limits(market: &Market) -> Limits {
    let slots = u32::try_from(market.attest_window).unwrap_or(u32::MAX);
    let wall = SLOT.saturating_mul(slots).min(LONGEST_RUN);
    Limits::of(wall, WASM_STACK_BYTES)
}

#[derive(Debug)]
enum Got {
    /// In the cache, with so many bytes.
    Here(PathBuf, u64),
    /// Cannot be had.
    Missing(String),
}

/// A blob from the cache or the store. Whatever the store does wrong makes it missing; only this machine's own
/// failures are errors.
async fn get(
    cache: &BlobCache,
    store: &GatewayClient,
    what: &str,
    blob: BlobHash,
    limit: u64,
) -> Result<Got> {
    match cache.get(blob, limit, store).await {
        Ok(path) => match tokio::fs::metadata(&path).await {
            Ok(about) => Ok(Got::Here(path, about.len())),
            Err(source) => Err(Error::File { path, source }),
        },
        Err(error @ lode_store::Error::File { .. }) => Err(error.into()),
        Err(error) => Ok(Got::Missing(format!("{what}: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bytemuck::Zeroable;

    fn market() -> Market {
        let mut market = Market::zeroed();
        market.memory_mib = 64;
        market.blob_limit = 1_000;
        market.attest_window = 100;
        market
    }

    fn spec(memory: u64, module: u64) -> String {
        let hash = BlobHash::of(b"module");
        format!(
            r#"{{"v":1,"runtime":1,"module":{{"sha256":"{hash}","size":{module}}},"memory_mib":{memory},"output_limit":0}}"#
        )
    }

    #[test]
    fn a_spec_has_a_receipt_only_inside_the_markets_limits_and_its_own() {
        let check = |text: &str, limit| checked(text.as_bytes(), limit, &market());
        let fits = spec(64, 1_000);
        let base = check(&fits, 1_000).unwrap().base_units();
        assert!(check(&fits, base).is_ok());
        assert!(check(&fits, base - 1)
            .unwrap_err()
            .contains("below the base"));
        assert!(check(&spec(65, 1_000), 1_000)
            .unwrap_err()
            .contains("65 MiB"));
        assert!(check(&spec(64, 1_001), 1_000)
            .unwrap_err()
            .contains("1001 bytes"));
        assert!(check("{}", 1_000).unwrap_err().contains("spec is refused"));
    }

    #[test]
    fn a_run_may_take_as_long_as_the_attest_window() {
        assert_eq!(limits(&market()).wall, Duration::from_secs(40));
        let mut long = market();
        long.attest_window = u64::MAX;
        assert_eq!(limits(&long).wall, LONGEST_RUN);
    }

    #[test]
    fn the_clock_is_looked_at_eight_times_in_a_window_or_every_minute() {
        assert_eq!(patience(&market()), 12 * SLOT);
        let mut other = market();
        other.attest_window = 1;
        assert_eq!(patience(&other), Duration::from_secs(1));
        other.attest_window = u64::MAX;
        assert_eq!(patience(&other), LONGEST_FETCH);
    }

    #[tokio::test]
    async fn what_a_store_does_wrong_makes_a_blob_missing() {
        let folder = tempfile::tempdir().unwrap();
        let cache = BlobCache::open(folder.path()).unwrap();
        // a port on which nobody listens
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        drop(socket);
        let retry = lode_store::Retry {
            tries: 1,
            ..Default::default()
        };
        let store = GatewayClient::new(&url).unwrap().with_retry(retry);
        let blob = BlobHash::of(b"lode");
        let fetched = get(&cache, &store, "the spec", blob, 9).await.unwrap();
        assert!(matches!(fetched, Got::Missing(what) if what.starts_with("the spec: ")));
        // from the cache it needs no store
        cache.insert(b"lode".to_vec()).await.unwrap();
        let fetched = get(&cache, &store, "the spec", blob, 9).await.unwrap();
        assert!(matches!(fetched, Got::Here(_, 4)));
    }

    #[tokio::test]
    async fn what_was_fetched_stays_until_it_is_run_or_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let cache = BlobCache::open(folder.path()).unwrap();
        let spec = spec(1, 6);
        let (name, _) = cache.insert(spec.into_bytes()).await.unwrap();
        let (_, module) = cache.insert(b"module".to_vec()).await.unwrap();
        let mut job = Job::zeroed();
        (job.spec, job.units_limit) = (name.0, 1_000);
        let store = GatewayClient::new("http://127.0.0.1:1").unwrap();
        let fetched = fetch(&job, &market(), &store, &cache, None).await.unwrap();
        assert!(matches!(fetched, Fetched::Ready(_)));
        cache.trim(0).await.unwrap();
        assert!(module.exists());
        drop(fetched);
        cache.trim(0).await.unwrap();
        assert!(!module.exists());
    }

    #[tokio::test]
    async fn where_there_is_no_room_for_what_a_run_came_to_the_cache_makes_some() {
        let folder = tempfile::tempdir().unwrap();
        let cache = BlobCache::open(folder.path()).unwrap();
        let (held, used) = cache.insert(b"module".to_vec()).await.unwrap();
        let (_, other) = cache.insert(b"other".to_vec()).await.unwrap();
        let _hold = cache.hold([held]);
        let insert = || async {
            if other.exists() {
                let full = std::io::ErrorKind::StorageFull.into();
                let path = other.clone();
                return Err(lode_store::Error::File { path, source: full });
            }
            cache.insert(b"out".to_vec()).await
        };
        let (_, out) = with_room(&cache, insert).await.unwrap();
        assert!(out.exists() && used.exists() && !other.exists());
        // and where that makes none either, it is told
        std::fs::create_dir(cache.path(BlobHash::of(b"more"))).unwrap();
        assert!(keep(vec![b"more".to_vec()], &cache).await.is_err());
    }

    #[tokio::test]
    async fn outputs_are_kept_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let cache = BlobCache::open(folder.path()).unwrap();
        let (out, err) = (Blob::of(b"out"), Blob::of(b""));
        let receipt = Receipt {
            spec: [1; 32],
            limit: 9,
            end: lode_runtime::End::Exit(0),
            fuel: 1,
            units: 7,
            memory: None,
            stdout: out,
            stderr: err,
            files: Vec::new(),
        };
        let result = BlobHash(receipt.result_hash());
        let kept = async || Outputs::kept(result, &cache).await.unwrap();
        assert!(kept().await.is_none());
        cache.insert(receipt.line()).await.unwrap();
        cache.insert(b"out".to_vec()).await.unwrap();
        assert!(kept().await.is_none(), "its stderr is not there");
        cache.insert(Vec::new()).await.unwrap();
        let outputs = kept().await.unwrap();
        // the receipt last: it says that all of it is there
        let names = [BlobHash(out.sha256), BlobHash(err.sha256), result];
        assert_eq!(outputs.names, names);
        cache.trim(0).await.unwrap();
        assert!(kept().await.is_some());
        drop(outputs);
        cache.trim(0).await.unwrap();
        assert!(kept().await.is_none());
        // what is no receipt names nothing
        let (other, _) = cache.insert(b"receipt".to_vec()).await.unwrap();
        assert!(Outputs::kept(other, &cache).await.unwrap().is_none());
    }
}

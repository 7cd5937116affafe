//! Fetches what a job names, from the market's store only, and runs it.

use crate::cache::Cache;
use crate::capacity::Room;
use crate::{disk, Error, Result};
use lode_jobs::state::{Job, Market};
use lode_runtime::{child, scan, Blob, JobSpec, Outcome, WORKER_STACK_BYTES};
use lode_sealed::{sealed_size, Envelope, Identity, Private};
use lode_store::{BlobCache, BlobHash, GatewayClient, Hold, MOST_RECEIPT_BYTES, MOST_SPEC_BYTES};
use std::path::PathBuf;
use std::time::Duration;

/// Slots that are kept for putting the outputs and submitting, at most; never more than a quarter of what is left.
const SUBMITTING: u64 = 16;
/// No run may take longer, however long its window.
const LONGEST_RUN: Duration = Duration::from_secs(86_400);

/// A job whose spec fits and whose blobs all are on this machine.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The spec, in plain text.
    stored: Vec<u8>,
    /// Memory that the run may take, MiB: its program's, and that of what it reads and writes.
    pub memory_mib: u64,
    /// Hash of the module.
    pub module_hash: [u8; 32],
    /// What the customer puts into the store: spec and all that it names, sealed where it is.
    pub named: Vec<[u8; 32]>,
    /// How to open what lies on the disk, and to seal what the run comes to.
    pub private: Option<Private>,
    module: Kept,
    stdin: Option<Kept>,
    inputs: Vec<Kept>,
    /// Keeps them there.
    _hold: Hold,
}

/// A blob that the spec names, on this machine's disk: of a private job, sealed.
#[derive(Clone, Debug)]
struct Kept {
    plain: Blob,
    path: PathBuf,
}

impl Kept {
    /// Its bytes in plain text, in memory only.
    fn read(&self, private: Option<&Private>) -> Result<Vec<u8>> {
        let bytes = read(&self.path)?;
        let Some(private) = private else {
            return Ok(bytes);
        };
        let mut opened = private.open(&self.plain, &bytes)?;
        Ok(std::mem::take(&mut *opened))
    }
}

/// Fetches a job's spec and all that it names from the market's `store`, and checks that this node can run it. `known` is what it remembers of
/// modules, if that is to count, and whether there is room on the disk; `keys` are what private jobs are opened by.
pub(crate) async fn prepare(
    job: &Job,
    market: &Market,
    memory_mib: u64,
    store: &GatewayClient,
    blobs: &BlobCache,
    known: Option<&Cache>,
    keys: &[Identity],
) -> Result<Prepared> {
    let path = blobs
        .get(BlobHash(job.spec), MOST_SPEC_BYTES, store)
        .await?;
    let mut stored = read(&path)?;
    let mut private = None;
    let mut named = vec![job.spec];
    if let Some(envelope) = Envelope::of(&stored)? {
        named.extend(envelope.named().map(|blob| blob.sha256));
        let sealed = envelope.spec();
        let key = envelope.unlock(keys)?;
        if sealed.size > sealed_size(MOST_SPEC_BYTES) {
            return Err(Error::Unfit("its sealed spec is too large".into()));
        }
        let path = blobs.get(BlobHash(sealed.sha256), sealed.size, store);
        let (mut opened, _) = key.open_spec(&read(&path.await?)?)?;
        (stored, private) = (std::mem::take(&mut *opened), Some(key));
    }
    let spec = checked(&stored, job.units_limit, market, memory_mib).map_err(Error::Unfit)?;
    if let Some(why) = known.and_then(|cache| cache.leaves_alone(&spec.module.sha256)) {
        return Err(Error::Unfit(format!(
            "its module made this machine give up before: {why}"
        )));
    }
    let as_stored = |plain: Blob| {
        let sealed = private.as_ref();
        let sealed = sealed.and_then(|p| p.sealed(&spec, &plain.sha256));
        sealed.unwrap_or(plain)
    };
    let stored_names = spec.blobs().into_iter();
    let hold = blobs.hold(stored_names.map(|blob| BlobHash(as_stored(blob).sha256)));
    if known.is_some() {
        let all = spec.blobs().into_iter().map(&as_stored);
        let missing = all.filter(|blob| !blobs.path(BlobHash(blob.sha256)).is_file());
        let reads = missing.fold(0u64, |sum, blob| sum.saturating_add(blob.size));
        let writes = spec.output_limit.saturating_add(MOST_RECEIPT_BYTES);
        disk::require(reads.saturating_add(writes), blobs).await?;
    }
    let get = async |sha256: [u8; 32], size: u64| -> Result<Kept> {
        let plain = Blob { sha256, size };
        let Blob { sha256, size } = as_stored(plain);
        let path = blobs.get(BlobHash(sha256), size, store).await?;
        let found = std::fs::metadata(&path).map_err(|source| Error::File {
            path: path.clone(),
            source,
        })?;
        if found.len() != size {
            return Err(Error::Unfit(format!(
                "the spec names a blob with {size} bytes that has {}",
                found.len()
            )));
        }
        let kept = Kept { plain, path };
        if private.is_some() {
            // whatever does not open, or is not what the spec says, is not accepted
            kept.read(private.as_ref())?;
        }
        Ok(kept)
    };
    let module = get(spec.module.sha256, spec.module.size).await?;
    scan(&module.read(private.as_ref())?, spec.memory_mib).map_err(|error| {
        Error::Unfit(match private {
            // what the runtime says of a module tells what is in it
            Some(_) => "the runtime refuses its module".into(),
            None => error.to_string(),
        })
    })?;
    let stdin = match spec.stdin {
        Some(stdin) => Some(get(stdin.sha256, stdin.size).await?),
        None => None,
    };
    let mut inputs = Vec::with_capacity(spec.inputs.len());
    for input in &spec.inputs {
        inputs.push(get(input.sha256, input.size).await?);
    }
    if private.is_none() {
        named.extend(spec.blobs().iter().map(|blob| blob.sha256));
    }
    Ok(Prepared {
        named,
        private,
        stored,
        memory_mib: spec.memory_mib.saturating_add(spec.held_mib()),
        module_hash: spec.module.sha256,
        module,
        stdin,
        inputs,
        _hold: hold,
    })
}

fn read(path: &PathBuf) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| Error::File {
        path: path.clone(),
        source,
    })
}

/// A spec that parses, asks for no more than market and node allow, and whose limit pays for its base.
fn checked(
    stored: &[u8],
    limit: u64,
    market: &Market,
    memory_mib: u64,
) -> std::result::Result<JobSpec, String> {
    let spec = JobSpec::parse(stored).map_err(|error| error.to_string())?;
    spec.fuel(limit).map_err(|error| error.to_string())?;
    let most = u64::from(market.memory_mib).min(memory_mib);
    if spec.memory_mib > most {
        return Err(format!(
            "it asks for {} MiB, this node gives a job of this market at most {most}",
            spec.memory_mib
        ));
    }
    let held = spec.held_mib();
    if held > memory_mib {
        return Err(format!(
            "what it reads and writes takes up to {held} MiB of memory, all jobs of this node together have {memory_mib}"
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

/// How long a run may take that begins at `slot`, with slots that last so long.
pub(crate) fn time_left(deadline: u64, slot: u64, lasting: Duration) -> Duration {
    let left = deadline.saturating_sub(slot);
    let slots = left.saturating_sub(SUBMITTING.min(left / 4));
    lasting
        .saturating_mul(u32::try_from(slots).unwrap_or(u32::MAX))
        .min(LONGEST_RUN)
}

/// Runs a prepared job in a limited process of its own, which compiles on at most `cores` threads. `room` is held until
/// that has ended, which it does at once where nobody waits for it any more.
pub(crate) async fn execute(
    prepared: Prepared,
    limit: u64,
    wall: Duration,
    cores: usize,
    room: Room,
) -> Result<Outcome> {
    let failed = |error: String| Error::Runtime(error);
    let (tell, told) = tokio::sync::oneshot::channel();
    let run = move |wanted: &dyn Fn() -> bool| -> Result<Outcome> {
        let bytes = |kept: &Kept| kept.read(prepared.private.as_ref());
        let module = bytes(&prepared.module)?;
        let stdin = prepared.stdin.as_ref().map(bytes).transpose()?;
        let inputs = prepared
            .inputs
            .iter()
            .map(bytes)
            .collect::<Result<Vec<_>>>()?;
        child::run_while(
            &prepared.stored,
            &module,
            &stdin.unwrap_or_default(),
            &inputs,
            limit,
            child::Limits::of(wall, WORKER_STACK_BYTES).within(cores),
            wanted,
        )
        .map_err(|error| Error::Runtime(error.to_string()))
    };
    // a thread of its own: the pool's threads would keep an agent that stops waiting for the job
    std::thread::Builder::new()
        .name("lode-job".into())
        .spawn(move || {
            let outcome = run(&|| !tell.is_closed());
            drop(room);
            // nobody listens any more where the agent stopped
            let _ = tell.send(outcome);
        })
        .map_err(|error| failed(error.to_string()))?;
    told.await.map_err(|error| failed(error.to_string()))?
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
        market
    }

    fn spec(memory: u64, module: &[u8]) -> String {
        format!(
            r#"{{"v":1,"runtime":1,"module":{{"sha256":"{}","size":{}}},"memory_mib":{memory},"output_limit":0}}"#,
            BlobHash::of(module),
            module.len()
        )
    }

    #[test]
    fn a_spec_fits_inside_the_limits_of_market_node_and_job() {
        let check = |text: &str, limit, memory| checked(text.as_bytes(), limit, &market(), memory);
        let fits = spec(64, &[0; 1_000]);
        let base = check(&fits, 1_000, 64).unwrap().base_units();
        assert!(check(&fits, base, 64).is_ok());
        let refused = |text: &str, limit, memory| check(text, limit, memory).unwrap_err();
        assert!(refused(&fits, base - 1, 64).contains("below the base"));
        assert!(refused(&fits, 1_000, 63).contains("at most 63"));
        assert!(refused(&spec(65, b""), 1_000, 99).contains("at most 64"));
        assert!(refused(&spec(64, &[0; 1_001]), 1_000, 64).contains("1001 bytes"));
        let writes = spec(1, b"").replace(r#""output_limit":0"#, r#""output_limit":67108865"#);
        assert!(check(&writes, 1_000, 65).is_ok());
        assert!(refused(&writes, 1_000, 64).contains("up to 65 MiB"));
        assert!(refused("{}", 1_000, 64).contains("spec is refused"));
    }

    #[test]
    fn a_run_ends_early_enough_to_submit() {
        let left = |deadline, slot| time_left(deadline, slot, Duration::from_millis(400));
        assert_eq!(left(1_000, 884), Duration::from_secs(40));
        assert_eq!(left(1_000, 980), Duration::from_secs(6));
        assert_eq!(left(1_000, 1_000), Duration::ZERO);
        assert_eq!(left(1_000, 2_000), Duration::ZERO);
        let fast = time_left(1_000, 884, Duration::from_millis(100));
        assert_eq!(fast, Duration::from_secs(10));
        assert_eq!(left(u64::MAX, 0), LONGEST_RUN);
    }

    /// What the cache holds needs no store; nothing listens at this market's.
    async fn prepared(
        memory: u64,
        module: &[u8],
        given: &[u8],
        known: Option<&Cache>,
    ) -> Result<Prepared> {
        let folder = tempfile::tempdir().unwrap();
        let blobs = BlobCache::open(folder.path()).unwrap();
        let text = spec(memory, module);
        let (hash, _) = blobs.insert(text.into_bytes()).await.unwrap();
        blobs.insert(given.to_vec()).await.unwrap();
        let mut job = Job::zeroed();
        job.spec = hash.0;
        job.units_limit = 1_000;
        let store = GatewayClient::new("http://127.0.0.1:1").unwrap();
        prepare(&job, &market(), 64, &store, &blobs, known, &[]).await
    }

    #[tokio::test]
    async fn a_module_that_the_runtime_refuses_is_not_taken() {
        let error = prepared(1, b"no module", b"no module", None).await;
        let error = error.unwrap_err();
        assert!(matches!(error, Error::Unfit(_)), "{error}");
    }

    #[tokio::test]
    async fn a_module_that_made_the_machine_give_up_is_not_even_fetched() {
        let module =
            wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start")))"#);
        let module = module.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let taken = prepared(1, &module, &module, Some(&cache)).await.unwrap();
        assert_eq!(
            taken.memory_mib, 2,
            "a MiB for its program, another for its module"
        );
        cache
            .leave_alone(&taken.module_hash, "the stack is full")
            .unwrap();
        // it is not in the cache, and no store answers: that it is refused for what it did shows that nobody asked
        let error = prepared(1, &module, b"", Some(&cache)).await.unwrap_err();
        assert!(error.to_string().contains("the stack is full"), "{error}");
    }
}

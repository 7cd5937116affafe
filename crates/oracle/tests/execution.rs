//! The whole agent, running a module in its limited child. The child is this program again, so `main` is our own.
#![allow(clippy::unwrap_used)]

mod world;

use axum::body::Body;
use axum::http::Uri;
use bytemuck::Zeroable;
use lode_attestation::{commitment, Verdict};
use lode_client::addresses;
use lode_jobs::state::{flag, Job, JobState, Ledger, Market};
use lode_oracle::state::Committee;
use lode_oracle_agent::{Entry, Error, Journal, WatchConfig, WatchPolicy, Watcher};
use lode_runtime::{Blob, Finished, JobSpec, Outcome, RunRequest};
use lode_sealed::{DataKey, Envelope, Identity};
use lode_store::{BlobHash, Gateways, Writer};
use lode_telemetry::Telemetry;
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::io::ReaderStream;
use tokio_util::sync::CancellationToken;
use world::{ends, World, COMMITTEE, JOB, MARKET, NODE, SEAT};

/// Writes a line to its stdout.
const MODULE: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\10\00\00\00\05\00\00\00")
    (data (i32.const 16) "lode\n")
    (func (export "_start")
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;

/// Never ends by itself.
const ENDLESS: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "_start") (loop $l (br $l))))"#;
/// What it may use takes far longer than any test.
const ENDLESS_LIMIT: u64 = 8_000_000_000;

const TESTS: &[(&str, fn())] = &[
    (
        "the_same_result_is_a_match_and_what_the_node_withholds_is_put",
        || in_runtime(checked(HONEST)),
    ),
    ("another_result_is_a_mismatch", || {
        in_runtime(checked(Case {
            honest: false,
            ..HONEST
        }))
    }),
    (
        "what_is_stored_for_another_job_alone_is_put_for_this_one_too",
        || {
            in_runtime(checked(Case {
                elsewhere: true,
                ..HONEST
            }))
        },
    ),
    (
        "a_seat_that_died_after_it_decided_puts_a_receipt_that_only_another_job_has",
        || {
            in_runtime(checked(Case {
                elsewhere: true,
                decided: true,
                ..HONEST
            }))
        },
    ),
    (
        "a_mismatch_is_signed_also_where_what_the_run_came_to_cannot_be_kept",
        || {
            in_runtime(checked(Case {
                honest: false,
                full: true,
                ..HONEST
            }))
        },
    ),
    (
        "a_match_is_signed_where_the_node_has_put_what_this_machine_cannot_keep",
        || {
            in_runtime(checked(Case {
                put: true,
                full: true,
                ..HONEST
            }))
        },
    ),
    (
        "a_run_that_was_decided_without_this_seat_ends_and_its_place_is_free",
        || in_runtime(ended()),
    ),
    (
        "a_run_goes_on_while_a_list_leaves_its_job_out_or_a_committee_its_seat",
        || in_runtime(left_out()),
    ),
    (
        "a_store_that_sends_slowly_keeps_no_job_of_another_store_waiting",
        || in_runtime(slow()),
    ),
    (
        "a_market_whose_store_is_slow_has_four_jobs_fetched_at_a_time",
        || in_runtime(many()),
    ),
    (
        "a_watcher_runs_nothing_that_its_wallet_could_not_challenge",
        || in_runtime(watched()),
    ),
    (
        "a_watcher_says_nothing_of_a_private_result_that_it_cannot_open",
        || in_runtime(sealed()),
    ),
];

fn in_runtime(test: impl Future<Output = ()>) {
    tokio::runtime::Runtime::new().unwrap().block_on(test);
}

/// Another job.
const OTHER: Address = Address::new_from_array([6; 32]);
/// A market of somebody else's.
const ELSEWHERE: Address = Address::new_from_array([10; 32]);

fn main() {
    lode_runtime::child::maybe_run_child();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|a| a == name);
    if has("--list") {
        // none of them is ignored
        for (test, _) in TESTS.iter().filter(|_| !has("--ignored")) {
            println!("{test}: test");
        }
        return;
    }
    let all = arguments.iter().all(|a| a.starts_with('-'));
    for (name, test) in TESTS.iter().filter(|(name, _)| all || has(name)) {
        test();
        println!("{name} ... ok");
    }
}

fn spec(module: &[u8]) -> String {
    format!(
        r#"{{"v":1,"runtime":1,"module":{{"sha256":"{}","size":{}}},"memory_mib":1,"output_limit":100}}"#,
        BlobHash::of(module),
        module.len()
    )
}

/// What comes out of it.
fn finished(spec: &str, module: &[u8], limit: u64) -> Box<Finished> {
    let request = RunRequest {
        spec: JobSpec::parse(spec.as_bytes()).unwrap(),
        module: module.to_vec(),
        stdin: Vec::new(),
        inputs: Vec::new(),
        limit,
    };
    match lode_runtime::run(&request).unwrap() {
        Outcome::Receipt(finished) => finished,
        Outcome::Host(end) => unreachable!("{end}"),
    }
}

/// Processes that this one started and that are not over.
fn processes() -> Vec<String> {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let lists = threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("children")).ok());
    let lists: Vec<String> = lists.collect();
    let all = lists.iter().flat_map(|list| list.split_whitespace());
    all.map(str::to_string).collect()
}

fn children() -> usize {
    processes().len()
}

async fn until(what: &str, is: impl AsyncFn() -> bool) {
    let started = Instant::now();
    while !is().await {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "not yet: {what}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A world whose job runs until it is ended, with the job.
async fn endless() -> (World, Job) {
    let module = wat::parse_str(ENDLESS).unwrap();
    let endless = spec(&module);
    let world = World::new(endless.as_bytes()).await;
    let mut job = world.job().await;
    job.units_limit = ENDLESS_LIMIT;
    world.set(JOB, &job);
    world.put(&world.customer, endless.as_bytes()).await;
    world.put(&world.customer, &module).await;
    (world, job)
}

async fn ended() {
    let (world, mut job) = endless().await;
    let (running, stop) = world.start();
    until("it runs", async || children() == 1).await;

    // another job waits for the only place, and gets it when the others have decided the first
    let module = wat::parse_str(MODULE).unwrap();
    let short = spec(&module);
    let finished = finished(&short, &module, 100);
    let mut other = job;
    other.spec = BlobHash::of(short.as_bytes()).0;
    other.units_limit = 100;
    other.units = finished.receipt.units;
    other.result = commitment(&finished.result_hash, other.units, &OTHER, 0, &NODE);
    other.deadline = 400;
    world.set(OTHER, &other);
    world.put_for(OTHER, short.as_bytes()).await;
    world.put_for(OTHER, &module).await;
    job.state = JobState::Attested as u8;
    world.set(JOB, &job);
    world.wait_for_of(&OTHER, Verdict::Match).await;
    until("its process is gone", async || children() == 0).await;
    stop.cancel();
    ends(running).await.unwrap();
}

async fn left_out() {
    let (world, mut job) = endless().await;
    let (running, stop) = world.start();
    until("it runs", async || children() == 1).await;
    let begun = processes();

    let hide = |job| world.chain.lock().unwrap().hidden = job;
    hide(Some(JOB));
    tokio::time::sleep(Duration::from_secs(1)).await;
    hide(None);
    let committee: Committee = world.client.get_account(&COMMITTEE).await.unwrap();
    let mut before = committee;
    before.seats[usize::from(SEAT)].attester = NODE;
    world.set(COMMITTEE, &before);
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.set(COMMITTEE, &committee);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(processes(), begun);

    // what went on ends all the same
    job.state = JobState::Attested as u8;
    world.set(JOB, &job);
    until("its process is gone", async || children() == 0).await;
    stop.cancel();
    ends(running).await.unwrap();
}

/// Sends the spec at once, and of the module a byte now and then. Tells when it was asked for that.
async fn drips(spec: String, module: Vec<u8>) -> (String, Arc<AtomicBool>) {
    let asked = Arc::new(AtomicBool::new(false));
    let seen = asked.clone();
    let answer = move |uri: Uri| {
        let (spec, module, seen) = (spec.clone(), module.clone(), seen.clone());
        async move {
            if uri
                .path()
                .contains(&BlobHash::of(spec.as_bytes()).to_string())
            {
                return Body::from(spec);
            }
            seen.store(true, Ordering::Relaxed);
            let (to, from) = tokio::io::duplex(1);
            tokio::spawn(async move {
                let mut to = to;
                for byte in module {
                    if to.write_all(&[byte]).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            });
            Body::from_stream(ReaderStream::new(from))
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, asked)
}

async fn slow() {
    let module = wat::parse_str(MODULE).unwrap();
    let spec = spec(&module);
    let world = World::new(spec.as_bytes()).await;
    let finished = finished(&spec, &module, 100);
    let mut job = world.job().await;
    job.units_limit = 100;
    job.units = finished.receipt.units;
    job.result = commitment(&finished.result_hash, job.units, &JOB, 0, &NODE);
    world.set(JOB, &job);
    world.put(&world.customer, spec.as_bytes()).await;
    world.put(&world.customer, &module).await;
    let mut mine = job;
    mine.panel = 0;
    world.set(JOB, &mine);

    // the same module in another market, by a job with more haste
    let (url, asked) = drips(spec, module).await;
    let mut market: Market = world.client.get_account(&MARKET).await.unwrap();
    market.attest_window = 40;
    market.store_url = [0; 96];
    market.store_url[..url.len()].copy_from_slice(url.as_bytes());
    world.set(ELSEWHERE, &market);
    let mut other = job;
    (other.market, other.deadline) = (ELSEWHERE, 200);
    world.set(OTHER, &other);
    let (running, stop) = world.start();
    until("the slow store is asked", async || {
        asked.load(Ordering::Relaxed)
    })
    .await;
    world.set(JOB, &job);
    world.wait_for(Verdict::Match).await;
    stop.cancel();
    ends(running).await.unwrap();
}

async fn many() {
    let world = World::new(b"").await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let answer = move || {
        count.fetch_add(1, Ordering::Relaxed);
        std::future::pending::<()>()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let mut market: Market = world.client.get_account(&MARKET).await.unwrap();
    market.store_url = [0; 96];
    market.store_url[..url.len()].copy_from_slice(url.as_bytes());
    world.set(ELSEWHERE, &market);
    let mut job = world.job().await;
    job.market = ELSEWHERE;
    for spec in 1..=6 {
        job.spec = [spec; 32];
        world.set(Address::new_from_array([100 + spec; 32]), &job);
    }
    let (running, stop) = world.start();
    until("four are asked for", async || {
        asked.load(Ordering::Relaxed) == 4
    })
    .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(asked.load(Ordering::Relaxed), 4);
    stop.cancel();
    ends(running).await.unwrap();
}

async fn watched() {
    let module = wat::parse_str(MODULE).unwrap();
    let short = spec(&module);
    let endless_module = wat::parse_str(ENDLESS).unwrap();
    let endless = spec(&endless_module);
    let world = World::new(short.as_bytes()).await;
    let market = contestable(&world).await;
    // nobody's turn yet: the gateway takes blobs
    let mut job = world.job().await;
    job.units_limit = 1_000_000;
    let finished = finished(&short, &module, job.units_limit);
    let mut long = job;
    long.spec = BlobHash::of(endless.as_bytes()).0;
    long.units_limit = ENDLESS_LIMIT;
    world.set(OTHER, &long);
    for (at, blobs) in [
        (JOB, [short.as_bytes(), &module]),
        (OTHER, [endless.as_bytes(), &endless_module]),
    ] {
        for blob in blobs {
            world.put_for(at, blob).await;
        }
    }

    // a stranger's market, in which this wallet has no account, and a long job in it
    world.set(ELSEWHERE, &market);
    for job in [&mut job, &mut long] {
        unchecked(job);
    }
    (long.market, long.deadline) = (ELSEWHERE, 200);
    world.set(OTHER, &long);
    (job.result, job.units) = (finished.result_hash, finished.receipt.units);
    let gone = job;
    job.state = JobState::Settled as u8;
    world.set(JOB, &job);
    let wallet = Arc::new(Keypair::new());
    let (at, mut ledger) = account_of(&world, &wallet, 3_000);
    let folder = world.folder.path().join("watch");
    let (running, stop) = watch(&world, wallet, Telemetry::default());
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(children(), 0, "a stranger's job runs");

    // in a market of its own it runs what its account covers, and nothing else
    long.market = MARKET;
    world.set(OTHER, &long);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(children(), 0, "a job runs whose bond is not there");
    world.set(JOB, &gone);
    let found = folder.join(format!("journal/{JOB}.0.json"));
    until("what it could challenge was run", async || found.exists()).await;
    ledger.available = u64::MAX;
    world.set(at, &ledger);
    until("the bond is there now", async || children() == 1).await;

    // a list that leaves a job out says nothing about its run
    let begun = processes();
    let hide = |job| world.chain.lock().unwrap().hidden = job;
    hide(Some(OTHER));
    tokio::time::sleep(Duration::from_secs(1)).await;
    hide(None);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(processes(), begun);
    stop.cancel();
    ends(running).await.unwrap();
}

/// The market, where what nobody checked can be challenged.
async fn contestable(world: &World) -> Market {
    let mut market: Market = world.client.get_account(&MARKET).await.unwrap();
    (market.k, market.surcharge_bps) = (3, 10_000);
    (market.challenge_window, market.final_below) = (100, 10);
    world.set(MARKET, &market);
    market
}

/// A match that stands without a check.
fn unchecked(job: &mut Job) {
    job.state = JobState::Attested as u8;
    (job.verdict, job.flags) = (Verdict::Match as u8, flag::REVEALED);
    (job.eligible, job.drawn, job.panel) = (0b1_1111, 0b111, 0);
    (job.price, job.deadline) = (1_000, 300);
}

/// A wallet's account in the market.
fn account_of(world: &World, wallet: &Keypair, available: u64) -> (Address, Ledger) {
    let at = addresses::jobs::ledger(&MARKET, &wallet.pubkey());
    let mut ledger = Ledger::zeroed();
    (ledger.version, ledger.market) = (1, MARKET);
    (ledger.party, ledger.available) = (wallet.pubkey(), available);
    world.set(at, &ledger);
    (at, ledger)
}

/// Starts a watcher with any budget, in the folder `watch`.
fn watch(
    world: &World,
    wallet: Arc<Keypair>,
    telemetry: Telemetry,
) -> (JoinHandle<Result<(), Error>>, CancellationToken) {
    let config = WatchConfig {
        client: world.client.clone(),
        wallet,
        markets: Vec::new(),
        mint: Address::default(),
        folder: world.folder.path().join("watch"),
        policy: WatchPolicy {
            budget: u64::MAX,
            ..WatchPolicy::default()
        },
        poll: Duration::from_millis(50),
        parallel: 1,
        memory_mib: 64,
        cache_bytes: 1 << 20,
        floor: 0,
        gateways: Gateways::default(),
        telemetry,
    };
    let stop = CancellationToken::new();
    let running = tokio::spawn(Watcher::run(config, stop.clone()));
    (running, stop)
}

async fn sealed() {
    let module = wat::parse_str(MODULE).unwrap();
    let plain = spec(&module);
    let (key, node) = (DataKey::random(), Identity::random());
    let [sealed, sealed_module] = [plain.as_bytes(), &module].map(|plain| key.seal(plain));
    let named = vec![Blob::of(&sealed_module)];
    let to = [node.recipient()];
    let envelope = Envelope::new(&key, &to, Blob::of(&sealed), named, 100).unwrap();
    let envelope = envelope.to_bytes();
    let world = World::new(&envelope).await;
    contestable(&world).await;
    for blob in [&envelope, &sealed, &sealed_module] {
        world.put(&world.customer, blob).await;
    }
    // whoever could open it would see that this came of nothing
    let mut job = world.job().await;
    unchecked(&mut job);
    (job.result, job.units, job.units_limit) = ([8; 32], 5, 1_000_000);
    world.set(JOB, &job);

    let wallet = Arc::new(Keypair::new());
    account_of(&world, &wallet, u64::MAX);
    let telemetry = Telemetry::default();
    let (running, stop) = watch(&world, wallet, telemetry.clone());
    let outcomes = || -> Vec<String> {
        let told = telemetry.metrics.text();
        let lines = told.lines().map(str::to_string);
        lines
            .filter(|line| line.starts_with("lode_watch_checked_total{"))
            .collect()
    };
    until("it was looked at", async || !outcomes().is_empty()).await;
    // and not once more, though its window stays open
    tokio::time::sleep(Duration::from_millis(500)).await;
    let once = r#"lode_watch_checked_total{outcome="no_result"} 1"#;
    assert_eq!(outcomes(), [once]);
    assert_eq!(children(), 0);
    let journal = world.folder.path().join("watch/journal");
    assert!(!journal.join(format!("{JOB}.0.json")).exists());
    stop.cancel();
    ends(running).await.unwrap();
}

struct Case {
    /// The node's result is right.
    honest: bool,
    /// All of it is in the store, but for another job.
    elsewhere: bool,
    /// The seat had decided before, and died before it put anything.
    decided: bool,
    /// The node has put its result, as it should.
    put: bool,
    /// The seat's disk does not take what the run comes to.
    full: bool,
}

const HONEST: Case = Case {
    honest: true,
    elsewhere: false,
    decided: false,
    put: false,
    full: false,
};

async fn checked(case: Case) {
    let Case {
        honest,
        elsewhere,
        decided,
        put,
        full,
    } = case;
    let module = wat::parse_str(MODULE).unwrap();
    let spec = spec(&module);
    let finished = finished(&spec, &module, 100);
    assert_eq!(finished.outputs[0], b"lode\n");

    let world = World::new(spec.as_bytes()).await;
    let result = if honest {
        finished.result_hash
    } else {
        [8; 32]
    };
    let units = finished.receipt.units;
    let mut job = world.job().await;
    job.units_limit = 100;
    job.units = units;
    job.result = commitment(&result, units, &JOB, 0, &NODE);
    world.set(JOB, &job);
    world.put(&world.customer, spec.as_bytes()).await;
    world.put(&world.customer, &module).await;

    if elsewhere {
        // nobody's turn to check, so that it is left alone
        job.panel = 0;
        world.set(OTHER, &job);
        let put = async |signer, bytes: &[u8]| {
            let writer = Writer {
                signer,
                job: OTHER,
                attempt: 0,
            };
            world.store.put(&writer, bytes.to_vec()).await.unwrap();
        };
        put(&world.customer, spec.as_bytes()).await;
        put(&world.worker, &finished.line).await;
        put(&world.worker, b"lode\n").await;
    }

    if decided {
        let journal = Journal::open(&world.agent_folder().join("journal")).unwrap();
        let entry = Entry {
            job: JOB,
            attempt: 0,
            verdict: Verdict::Match,
            result: finished.result_hash,
            units,
        };
        journal.decide(&entry).unwrap();
    }

    if put {
        world.put(&world.worker, &finished.line).await;
        world.put(&world.worker, b"lode\n").await;
    }
    if full {
        // where a folder is, no file can be put
        let taken = BlobHash::of(b"lode\n").to_string();
        let taken = world.agent_folder().join("blobs").join(taken);
        std::fs::create_dir_all(taken).unwrap();
    }

    let (running, stop) = world.start();
    let verdict = if honest {
        Verdict::Match
    } else {
        Verdict::Mismatch
    };
    world.wait_for(verdict).await;
    stop.cancel();
    ends(running).await.unwrap();
    assert_eq!(world.decided(), Some(verdict));
    // where the worker put nothing, the seat did of a match, and of a mismatch there is nothing to put
    for blob in [BlobHash(finished.result_hash), BlobHash::of(b"lode\n")] {
        let stored = world.store.size(blob).await.unwrap();
        assert_eq!(stored.is_some(), honest, "{blob}");
    }
}

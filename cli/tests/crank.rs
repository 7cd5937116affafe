//! Cranks, watchers and oracles by the real binary, on a network and a gateway that were started for real. Who lies or
//! stays silent is the test itself, with the keys that it holds. Needs the programs that `cargo xtask build` makes.
#![allow(clippy::unwrap_used)]

#[path = "common/schema.rs"]
#[allow(clippy::panic)]
mod schema;

use lode_attestation::{commitment, Statement, Verdict};
use lode_client::instructions::jobs::SeatSignature;
use lode_client::instructions::{jobs, oracle, staking};
use lode_client::{addresses, nonce, Client};
use lode_emissions::state::{Epoch, Share};
use lode_gateway::{Config as GatewayConfig, Gateway, RpcChain};
use lode_jobs::constants::CRANK_SLICE;
use lode_jobs::state::{Job, JobState, Ledger, Market, NodeFilter, Work};
use lode_jobs::PostArgs;
use lode_localnet::{
    apply, free_port, fund, time_travel, Localnet, MarketPlan, Options, Plan, Report,
};
use lode_oracle::state::{Committee, Oracle};
use lode_runtime::{JobSpec, Outcome, RunRequest};
use lode_staking::state::{Node, NodeDescription};
use lode_staking::NodeArgs;
use lode_store::{BlobHash, GatewayClient, Writer};
use serde_json::Value;
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::collections::HashMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const LODE: u64 = 1_000_000_000;
const PATIENCE: Duration = Duration::from_secs(150);
/// What everybody pays into his account.
const DEPOSIT: u64 = 2_000 * LODE;
/// What a node stakes.
const STAKE: u64 = 1_000 * LODE;
/// Base units per million units, and the most units of a job: work of at most 1 000 base units.
const PRICE: u64 = 1_000_000;
const UNITS: u64 = 1_000;

/// Writes to stdout and ends.
const PROGRAM: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\08\00\00\00\04\00\00\00lode")
  (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))))"#;

/// A command that runs beside the test.
struct Agent(Child);

impl Agent {
    /// SIGTERM; it must end by itself. Returns what it printed.
    fn stop(mut self) -> String {
        let pid = i32::try_from(self.0.id()).unwrap();
        // SAFETY: a signal to a process that this test started and has not waited for yet.
        assert_eq!(unsafe { libc::kill(pid, libc::SIGTERM) }, 0);
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.0.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "it does not stop");
            std::thread::sleep(Duration::from_millis(50));
        }
        let mut said = String::new();
        let mut out = self.0.stdout.take().unwrap();
        std::io::Read::read_to_string(&mut out, &mut said).unwrap();
        said
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Operator {
    owner: Keypair,
    worker: Keypair,
    node: Address,
}

struct World {
    network: Localnet,
    client: Client,
    authority: Keypair,
    report: Report,
    store: GatewayClient,
    /// Owner and attester of each seat, in the order of the seats.
    oracles: Vec<(Keypair, Keypair)>,
    customer: Keypair,
    folder: TempDir,
    stop: CancellationToken,
}

/// Module and spec of a job, and what running it comes to.
fn program() -> (Vec<u8>, String, [u8; 32], u64) {
    let module = wat::parse_str(PROGRAM).unwrap();
    let spec = format!(
        r#"{{"v":1,"runtime":1,"module":{{"sha256":"{}","size":{}}},"memory_mib":1,"output_limit":1000}}"#,
        BlobHash::of(&module),
        module.len()
    );
    let request = RunRequest {
        spec: JobSpec::parse(spec.as_bytes()).unwrap(),
        module: module.clone(),
        stdin: Vec::new(),
        inputs: Vec::new(),
        limit: UNITS,
    };
    let Outcome::Receipt(finished) = lode_runtime::run(&request).unwrap() else {
        unreachable!("no receipt");
    };
    (module, spec, finished.result_hash, finished.receipt.units)
}

impl World {
    /// A network whose market has these terms, a committee of five, a gateway, a customer with money.
    async fn new(terms: impl FnOnce(&mut MarketPlan)) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let folder = tempfile::tempdir().unwrap();
        let authority = Keypair::new();
        let network = Localnet::start(Options {
            rpc_port: free_port().unwrap(),
            ws_port: free_port().unwrap(),
            slot_millis: 50,
            ..Options::new(root.join("target/deploy"), authority.pubkey())
        })
        .await
        .unwrap();
        let client = network.client();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let oracles: Vec<_> = (0..5).map(|_| (Keypair::new(), Keypair::new())).collect();
        let mut plan = Plan::read(&root.join("migrations/localnet.toml")).unwrap();
        plan.committee.founders = oracles.iter().map(|(owner, _)| owner.pubkey()).collect();
        plan.committee.least_base_slots = 1;
        plan.market.store_url = url.clone();
        plan.market.units_limit = UNITS;
        plan.market.least_reserved = 1;
        plan.market.base_slots = 400;
        plan.market.final_below = 0;
        terms(&mut plan.market);
        let report = apply(&plan, &client, &authority).await.unwrap();
        let stop = CancellationToken::new();
        let config = GatewayConfig::in_folder(url.clone(), folder.path()).unwrap();
        let gateway = Gateway::open(config, RpcChain(client.clone()))
            .await
            .unwrap();
        tokio::spawn(gateway.serve(listener, stop.clone()));
        let mut world = Self {
            network,
            client,
            authority,
            report,
            store: GatewayClient::new(&url).unwrap(),
            oracles,
            customer: Keypair::new(),
            folder,
            stop,
        };
        for (owner, attester) in &world.oracles {
            let (me, mint) = (owner.pubkey(), &world.report.stake_mint);
            world.fund(&me).await;
            let committee = &world.report.committee;
            let join = oracle::join(&me, committee, mint, &attester.pubkey(), 1_000 * LODE);
            world.client.send(&[join], owner, &[]).await.unwrap();
        }
        world.customer = world.party().await;
        world
    }

    async fn fund(&self, wallet: &Address) {
        let (client, mint) = (&self.client, &self.report.stake_mint);
        fund(client, &self.authority, wallet, LODE, mint, 10_000 * LODE)
            .await
            .unwrap();
    }

    /// A wallet with an account in the market, and money in it.
    async fn party(&self) -> Keypair {
        let wallet = Keypair::new();
        let (me, market) = (wallet.pubkey(), &self.report.market);
        self.fund(&me).await;
        let enter = [
            jobs::open_ledger(&me, market, &me),
            jobs::deposit(&me, market, &me, &self.report.stake_mint, DEPOSIT),
        ];
        self.client.send(&enter, &wallet, &[]).await.unwrap();
        wallet
    }

    async fn operator(&self) -> Operator {
        let (owner, worker) = (Keypair::new(), Keypair::new());
        let (me, mint) = (owner.pubkey(), &self.report.stake_mint);
        self.fund(&me).await;
        self.fund(&worker.pubkey()).await;
        let node = addresses::staking::node(&me, 0);
        let args = NodeArgs {
            index: 0,
            worker: worker.pubkey(),
            description: NodeDescription {
                class: 1,
                cores: 2,
                memory_mib: 2_048,
                ..NodeDescription::default()
            },
        };
        let enter = [
            staking::register_node(&me, mint, &mint.account_of(&me), args),
            staking::stake(&me, &node, mint, STAKE),
            jobs::open_node_ledger(&me, &self.report.market, &node, DEPOSIT),
            jobs::deposit(&me, &self.report.market, &node, mint, DEPOSIT),
        ];
        self.client.send(&enter, &owner, &[]).await.unwrap();
        Operator {
            owner,
            worker,
            node,
        }
    }

    /// The operator chooses another account for what his node earns, and closes it.
    async fn lose_payout(&self, of: &Operator) {
        let (me, mint, account) = (of.owner.pubkey(), &self.report.stake_mint, Keypair::new());
        let (at, program) = (account.pubkey(), mint.program);
        let rent = self.client.rent(165).await.unwrap();
        let open = [
            solana_system_interface::instruction::create_account(&me, &at, rent, 165, &program),
            spl_token_interface::instruction::initialize_account3(
                &program,
                &at,
                &mint.address,
                &me,
            )
            .unwrap(),
            staking::set_payout(&me, &of.node, &at),
        ];
        self.client
            .send(&open, &of.owner, &[&account])
            .await
            .unwrap();
        let close =
            spl_token_interface::instruction::close_account(&program, &at, &me, &me, &[]).unwrap();
        self.client.send(&[close], &of.owner, &[]).await.unwrap();
    }

    fn file(&self, name: &str, key: &Keypair) -> String {
        let path = self.folder.path().join(format!("{name}.json"));
        std::fs::write(&path, format!("{:?}", key.to_bytes())).unwrap();
        path.to_str().unwrap().to_string()
    }

    fn command(&self, wallet: &str, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lode"));
        command
            .args([
                "-u",
                self.network.rpc_url(),
                "-k",
                wallet,
                "--output",
                "json",
            ])
            .args(args)
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .stdout(Stdio::piped());
        command
    }

    fn start(&self, wallet: &str, args: &[&str]) -> Agent {
        Agent(self.command(wallet, args).spawn().unwrap())
    }

    /// What a hook wrote into a file.
    fn told(&self, file: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join(file)).unwrap_or_default();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.collect()
    }

    fn ask(&self, wallet: &str, args: &[&str]) -> Value {
        let output = self.command(wallet, args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {said}");
        let answer = serde_json::from_slice(&output.stdout).unwrap();
        schema::require_fit(args, &answer);
        answer
    }

    /// An honest oracle in this seat.
    fn oracle(&self, seat: u8, more: &[&str]) -> Agent {
        let (owner, attester) = &self.oracles[usize::from(seat)];
        let wallet = self.file(&format!("oracle-{seat}"), owner);
        let attester = self.file(&format!("attester-{seat}"), attester);
        let folder = format!("oracle-{seat}");
        let run = [
            "oracle",
            "run",
            "--attester",
            &attester,
            "--folder",
            &folder,
        ];
        let poll = ["--poll-seconds", "1"];
        self.start(&wallet, &[&run[..], &poll, more].concat())
    }

    /// What is told of a fine.
    fn is_fine(&self, event: &Value, seat: u8, count: u32, bond: u64) {
        let owner = self.oracles[usize::from(seat)].0.pubkey();
        let oracle = addresses::oracle::oracle(&self.report.committee, &owner);
        assert_eq!(event["from"], "oracle");
        assert_eq!(event["committee"], self.report.committee.to_string());
        assert_eq!(event["oracle"], oracle.to_string());
        assert_eq!(event["count"], count);
        self.is_amount(&event["bond"], bond);
    }

    /// What is told of so much of the network's token.
    fn is_amount(&self, told: &Value, base_units: u64) {
        let mint = &self.report.stake_mint;
        assert_eq!(told["base_units"], base_units);
        assert_eq!(told["amount"], mint.show(base_units));
        assert_eq!(told["mint"], mint.address.to_string());
    }

    /// Waits until an agent has written down what it saw first: from then on changes are news.
    async fn has_seen(&self, folder: &str) {
        let path = self.folder.path().join(folder).join("notices.json");
        self.eventually("the agent looks", || async { path.exists() })
            .await;
    }

    /// A node's agent, which tells what happens into a file.
    fn node_agent(&self, of: &Operator, folder: &str, told: &str) -> Agent {
        let worker = self.file(&format!("{folder}-worker"), &of.worker);
        let run = ["node", "run", "--worker", &worker, "--folder", folder];
        let hook = format!("cat >> {told}");
        self.start(&worker, &[&run[..], &["--on-event", &hook]].concat())
    }

    async fn market(&self) -> Market {
        self.client.get_account(&self.report.market).await.unwrap()
    }

    async fn ledger(&self, party: &Address) -> Ledger {
        let at = addresses::jobs::ledger(&self.report.market, party);
        self.client.get_account(&at).await.unwrap()
    }

    async fn slot(&self) -> u64 {
        self.client.clock().await.unwrap().slot
    }

    async fn job(&self, at: &Address) -> Option<Job> {
        self.client.try_account(at).await.unwrap()
    }

    async fn bond(&self, seat: u8) -> Oracle {
        let owner = self.oracles[usize::from(seat)].0.pubkey();
        let at = addresses::oracle::oracle(&self.report.committee, &owner);
        self.client.get_account(&at).await.unwrap()
    }

    async fn post(&self, checked: bool) -> Address {
        self.post_for(PRICE, checked).await
    }

    async fn post_for(&self, price: u64, checked: bool) -> Address {
        let (me, market) = (self.customer.pubkey(), &self.report.market);
        let ledger_at = addresses::jobs::ledger(market, &me);
        let ledger = self.ledger(&me).await;
        let (module, spec, _, _) = program();
        let args = PostArgs {
            nonce: nonce::next_nonce(&ledger_at, nonce::window(&ledger), 0).unwrap(),
            spec: BlobHash::of(spec.as_bytes()).0,
            price,
            units_limit: UNITS,
            target: Address::default(),
            checked,
            nodes: NodeFilter::default(),
        };
        let (at, _) = addresses::jobs::job(&ledger_at, args.nonce);
        let post = jobs::post_job(&me, market, args);
        self.client
            .send(&[post], &self.customer, &[])
            .await
            .unwrap();
        let writer = Writer {
            signer: &self.customer,
            job: at,
            attempt: 0,
        };
        self.store.put(&writer, spec.into_bytes()).await.unwrap();
        self.store.put(&writer, module).await.unwrap();
        at
    }

    async fn accept(&self, by: &Operator, at: &Address) {
        let job = self.job(at).await.unwrap();
        let accept = jobs::accept_job(&by.worker.pubkey(), &by.node, at, &job);
        self.client.send(&[accept], &by.worker, &[]).await.unwrap();
    }

    async fn submit(&self, by: &Operator, at: &Address, result: [u8; 32], units: u64) {
        let job = self.job(at).await.unwrap();
        let made = commitment(&result, units, at, job.attempt, &by.node);
        let submit = jobs::submit_result(&by.worker.pubkey(), at, &job, made, units);
        self.client.send(&[submit], &by.worker, &[]).await.unwrap();
    }

    /// These seats sign and send a verdict, a match on the false result `[8; 32]`.
    async fn lie(&self, at: &Address, job: &Job, seats: &[u8], verdict: Verdict) {
        let committee_at = self.report.committee;
        let committee: Committee = self.client.get_account(&committee_at).await.unwrap();
        let (result, units) = match verdict {
            Verdict::Match => ([8; 32], 7),
            _ => ([0; 32], 0),
        };
        let statement = Statement {
            program: &lode_jobs::ID,
            job: at,
            attempt: job.attempt,
            seal: &job.seal,
            verdict,
            result: &result,
            units,
            committee: &committee_at,
        };
        let sign = |seat: &u8| {
            let sitting = &committee.seats[usize::from(*seat)];
            let message = statement.message(*seat);
            SeatSignature {
                seat: *seat,
                owner: sitting.owner,
                attester: sitting.attester,
                signature: self.oracles[usize::from(*seat)]
                    .1
                    .sign_message(&message)
                    .into(),
            }
        };
        let signed: Vec<SeatSignature> = seats.iter().map(sign).collect();
        let attest = jobs::attest_job(at, job, &committee_at, verdict, result, units, &signed);
        self.client
            .send(&attest, &self.customer, &[])
            .await
            .unwrap();
    }

    /// Waits for something of a job; `None` is a job that was closed.
    async fn until(&self, at: &Address, what: &str, is: impl Fn(Option<&Job>) -> bool) -> Job {
        let started = Instant::now();
        loop {
            let job = self.job(at).await;
            if is(job.as_ref()) {
                return job.unwrap_or_else(lode_client::bytemuck::Zeroable::zeroed);
            }
            let state = job.map(|job| (job.state, job.attempt, job.panel, job.silent));
            assert!(started.elapsed() < PATIENCE, "{what}: still {state:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn reaches(&self, at: &Address, state: JobState) -> Job {
        let what = format!("{state:?}");
        self.until(at, &what, |job| {
            job.is_some_and(|job| job.state == state as u8)
        })
        .await
    }

    /// Waits until something of the world is so.
    async fn eventually(&self, what: &str, is: impl AsyncFn() -> bool) {
        let started = Instant::now();
        while !is().await {
            assert!(started.elapsed() < PATIENCE, "{what}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.network.stop().await.unwrap();
    }
}

/// How often a crank's report says that it took a step.
fn count(report: &Value, step: &str) -> u64 {
    let steps = report["steps"].as_array().unwrap();
    let found = steps.iter().find(|s| s["step"] == step);
    found.map_or(0, |s| s["count"].as_u64().unwrap())
}

/// The seats of a mask.
fn seats(mask: u32) -> Vec<u8> {
    (0..32).filter(|seat| mask >> seat & 1 == 1).collect()
}

/// A line of a Prometheus page on this machine.
async fn metric(port: &str, name: &str) -> f64 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let at = format!("127.0.0.1:{port}");
    let Ok(mut socket) = tokio::net::TcpStream::connect(at).await else {
        return 0.0;
    };
    let request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    socket.write_all(request).await.unwrap();
    let mut page = String::new();
    socket.read_to_string(&mut page).await.unwrap();
    let line = page.lines().find(|line| line.starts_with(name));
    line.map_or(0.0, |line| {
        line.rsplit(' ').next().unwrap().parse().unwrap()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_ends_the_crank_ends_and_everybody_has_his_money_back() {
    let world = World::new(|market| {
        market.base_slots = 120;
        market.accept_window = 400;
        market.attest_window = 320;
        market.challenge_window = 20;
    })
    .await;
    let operator = world.operator().await;
    let (cranks, rivals) = (Keypair::new(), Keypair::new());
    world.fund(&cranks.pubkey()).await;
    world.fund(&rivals.pubkey()).await;
    let (cranks, rivals) = (world.file("crank", &cranks), world.file("rival", &rivals));

    // nothing is due, and a crank that is asked for one turn says so
    let idle = world.ask(&cranks, &["crank", "run", "--once"]);
    assert_eq!(idle["steps"], serde_json::json!([]));
    assert_eq!(idle["transactions"], 0);

    // The agent of one seat has looked once, and sleeps when its seat is asked.
    let hook = ["--on-event", "cat >> silent.jsonl"];
    let asleep = world.oracle(0, &hook);
    world.has_seen("oracle-0").await;
    drop(asleep);

    let supply = world.report.payment_mint.address;
    let supply = || async { world.client.mint(&supply).await.unwrap().supply };
    let before = supply().await;
    // one that nobody takes, one that its node forgets, one whose whole committee is silent
    let ignored = world.post(false).await;
    let forgotten = world.post(false).await;
    let silent = world.post(false).await;
    world.accept(&operator, &silent).await;
    world.submit(&operator, &silent, [8; 32], 7).await;
    world.accept(&operator, &forgotten).await;
    let late = world.job(&forgotten).await.unwrap();
    let late = late.late(&world.market().await).unwrap();
    let run = [
        "crank",
        "run",
        "--poll-seconds",
        "1",
        "--sweep-seconds",
        "2",
    ];
    let run = [&run[..], &["--patience", "2"]].concat();
    let both = [world.start(&cranks, &run), world.start(&rivals, &run)];

    let drawn = world.reaches(&silent, JobState::Sealed).await;
    assert_eq!((drawn.panel.count_ones(), drawn.eligible), (3, 0b1_1111));
    let asks_all = |job: Option<&Job>| job.is_some_and(|job| job.panel == 0b1_1111);
    world.until(&silent, "escalated", asks_all).await;
    world.reaches(&silent, JobState::Voided).await;
    let done = |job: Option<&Job>| job.is_some_and(|job| job.penalised == 0b1_1111);
    world.until(&silent, "silence punished", done).await;
    for seat in 0..5 {
        let oracle = world.bond(seat).await;
        // 20 of 10 000, once for each window's silence together
        assert_eq!((oracle.misses, oracle.bond), (1, 998 * LODE));
    }
    // awake again, it tells its owner what that cost
    let _awake = world.oracle(0, &hook);
    let misses = || -> Vec<Value> {
        let told = world.told("silent.jsonl").into_iter();
        told.filter(|event| event["event"] == "miss").collect()
    };
    world
        .eventually("the miss is told", || async { !misses().is_empty() })
        .await;
    world.is_fine(&misses()[0], 0, 1, 998 * LODE);
    let gone = |job: Option<&Job>| job.is_none();
    world.until(&ignored, "cancelled and closed", gone).await;
    world
        .until(&forgotten, "expired, cancelled, closed", gone)
        .await;
    let node = operator.node;
    world
        .eventually("forfeits are burned", || async {
            world.ledger(&node).await.burn_owed == 0
        })
        .await;
    let customer = world.ledger(&world.customer.pubkey()).await;
    assert_eq!((customer.available, customer.locked), (DEPOSIT, 0));
    let ledger = world.ledger(&node).await;
    assert_eq!((ledger.available, ledger.locked), (DEPOSIT - late, 0));
    assert_eq!(before - supply().await, late + 5 * 2 * LODE);

    // Two of them, and each step was taken once: what the other did first is no failure.
    let reports: Vec<Value> = both
        .into_iter()
        .map(|crank| serde_json::from_str(&crank.stop()).unwrap())
        .collect();
    let steps = ["cancel", "expire", "seal", "escalate", "void", "penalise"];
    let counts = steps.map(|step| reports.iter().map(|r| count(r, step)).sum::<u64>());
    assert_eq!(counts, [2, 1, 1, 1, 1, 5], "{reports:?}");
    // two closed as they were cancelled, one expired, sealed, escalated and voided each
    let lamports = |name: &str| {
        let all = reports.iter().map(|r| r[name]["base_units"].as_u64());
        all.map(Option::unwrap).sum::<u64>()
    };
    assert_eq!(lamports("earned"), 6 * CRANK_SLICE, "{reports:?}");
    assert!(lamports("fees") > 0);

    // below its floor a crank sends nothing, and says what to do
    let poor = ["crank", "run", "--once", "--floor", "1000"];
    let open = world.post(false).await;
    let over = world.job(&open).await.unwrap().deadline;
    world
        .eventually("nobody took it", || async { world.slot().await > over })
        .await;
    let output = world.command(&cranks, &poor).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("send it SOL"), "{error}");
    assert_eq!(misses().len(), 1, "told once");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lies_are_found_by_the_watcher_and_pay_for_it_and_checks_are_paid() {
    // One result in ten thousand is checked, unless its customer wants it.
    let world = World::new(|market| {
        market.accept_window = 20_000;
        market.attest_window = 2_400;
        market.challenge_window = 1_000;
        market.check_bps = 1;
        market.surcharge_bps = 3;
    })
    .await;
    let market = world.market().await;
    let (_, _, truth, units) = program();
    let (first, second) = (world.operator().await, world.operator().await);
    let (challenger, cranks) = (world.party().await, Keypair::new());
    let ledger_at = addresses::jobs::ledger(&world.report.market, &challenger.pubkey());
    world.fund(&cranks.pubkey()).await;
    let (wallet, cranks) = (
        world.file("challenger", &challenger),
        world.file("crank", &cranks),
    );
    let authority = world.authority.pubkey();
    let open = jobs::open_ledger(&authority, &world.report.market, &authority);
    world
        .client
        .send(&[open], &world.authority, &[])
        .await
        .unwrap();
    let port = free_port().unwrap().to_string();
    let run = [
        "crank",
        "run",
        "--poll-seconds",
        "1",
        "--sweep-seconds",
        "2",
    ];
    let crank = world.start(&cranks, &[&run[..], &["--patience", "2"]].concat());
    let run = ["watch", "run", "--poll-seconds", "1", "--budget", "100"];
    let watch = || world.start(&wallet, &[&run[..], &["--metrics", &port]].concat());
    let watcher = watch();

    // The agents of all seats and of a node have looked once, and sleep when they are wronged or do wrong.
    let on_event = |seat: u8| format!("cat >> told-{seat}.jsonl");
    let awake = |seat: u8| world.oracle(seat, &["--on-event", &on_event(seat)]);
    let mut asleep: Vec<Agent> = (0..5).map(awake).collect();
    asleep.push(world.node_agent(&first, "first", "slashed.jsonl"));
    for seat in 0..5 {
        world.has_seen(&format!("oracle-{seat}")).await;
    }
    world.has_seen("first").await;
    drop(asleep);

    // Two oracles of the panel lie with the node: a majority of three, but not of the committee.
    let bought = world.post(true).await;
    world.accept(&first, &bought).await;
    world.submit(&first, &bought, [8; 32], 7).await;
    let sealed = world.reaches(&bought, JobState::Sealed).await;
    let drawn = seats(sealed.panel);
    assert_eq!(drawn.len(), 3);
    let liars = &drawn[..2];
    let owner = world.file("liar", &world.oracles[usize::from(liars[0])].0);
    let duties = world.ask(&owner, &["oracle", "duties"]);
    assert_eq!(duties[0]["job"], bought.to_string());
    assert_eq!(duties[0]["seat"], liars[0]);
    world.lie(&bought, &sealed, liars, Verdict::Match).await;
    let appealed = world.reaches(&bought, JobState::Challenged).await;
    assert_eq!((appealed.appellant, appealed.panel), (ledger_at, 0b1_1111));
    // the other three were asleep until now
    let honest: Vec<u8> = (0..5).filter(|seat| !liars.contains(seat)).collect();
    let mut agents: Vec<Agent> = honest.iter().map(|seat| awake(*seat)).collect();
    let failed = world.reaches(&bought, JobState::Failed).await;
    assert_eq!(failed.verdict, Verdict::Mismatch as u8);
    let punished = |job: Option<&Job>| job.is_some_and(|job| job.is_clean());
    world.until(&bought, "all punished", punished).await;

    // each of them told its owner that it was asked, and what it signed
    let asked: Vec<String> = honest
        .iter()
        .filter_map(|seat| {
            let told = world.told(&format!("told-{seat}.jsonl"));
            let of_job = told.iter().filter(|e| e["job"] == bought.to_string());
            let lines: Vec<String> = of_job
                .map(|event| format!("{} {} {}", event["event"], event["seat"], event["verdict"]))
                .collect();
            assert_eq!(lines[0], format!("\"seat_drawn\" {seat} null"));
            lines.get(1).cloned().inspect(|line| {
                assert_eq!(*line, format!("\"attested\" {seat} \"mismatch\""));
            })
        })
        .collect();
    assert!(asked.len() >= 2, "a majority signed: {asked:?}");

    // The node: its collateral, and one per cent of its stake. The liars: 30 per cent of their bonds, half of it to
    // the appellant, who also has half of what the checks left of the collateral.
    let node: Node = world.client.get_account(&first.node).await.unwrap();
    assert_eq!(node.stake, STAKE - STAKE / 100);
    let slashed = world.node_agent(&first, "first", "slashed.jsonl");
    world
        .eventually("the slash is told", || async {
            !world.told("slashed.jsonl").is_empty()
        })
        .await;
    drop(slashed);
    let told = world.told("slashed.jsonl");
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (&told[0]["event"], &told[0]["from"]),
        (&"slashed".into(), &"node".into())
    );
    assert_eq!(told[0]["node"], first.node.to_string());
    world.is_amount(&told[0]["burned"], STAKE / 100);
    world.is_amount(&told[0]["left"], STAKE - STAKE / 100);
    assert_eq!(told[0]["jailed_until"], node.jailed_until);
    let work = failed.challenge_bond(&market).unwrap();
    let collateral = DEPOSIT - world.ledger(&first.node).await.available;
    assert_eq!(collateral, failed.escrow(&market).unwrap());
    let gained = (collateral - work) / 2;
    let mine = world.ledger(&challenger.pubkey()).await;
    assert_eq!((mine.available, mine.locked), (DEPOSIT + gained, 0));
    for seat in liars {
        let oracle = world.bond(*seat).await;
        assert_eq!((oracle.faults, oracle.bond), (1, 700 * LODE));
    }
    let home = world.report.stake_mint.account_of(&challenger.pubkey());
    let home = world.client.token_balance(&home).await.unwrap();
    assert_eq!(home, 10_000 * LODE - DEPOSIT + 2 * 150 * LODE);
    let customer = world.ledger(&world.customer.pubkey()).await;
    assert_eq!((customer.available, customer.locked), (DEPOSIT, 0));

    // An honest result that nobody checks is looked at and left alone; its customer pays at once.
    let honest_job = world.post_for(1_000 * PRICE, false).await;
    world.accept(&second, &honest_job).await;
    world.submit(&second, &honest_job, truth, units).await;
    let job = world.reaches(&honest_job, JobState::Sealed).await;
    assert_eq!(job.panel, 0, "drawn, one time in ten thousand");
    let reveal = jobs::reveal_result(&honest_job, &job, truth);
    world
        .client
        .send(&[reveal], &world.customer, &[])
        .await
        .unwrap();
    let right = "lode_watch_checked_total{outcome=\"right\"}";
    world
        .eventually("the honest result was looked at", || async {
            metric(&port, right).await >= 1.0
        })
        .await;
    let job = world.reaches(&honest_job, JobState::Attested).await;
    let me = world.customer.pubkey();
    let settle = jobs::settle_job(&me, &honest_job, &job);
    world
        .client
        .send(&[settle], &world.customer, &[])
        .await
        .unwrap();
    let bill = job.price * units / 1_000_000;
    let market_fee = bill * u64::from(market.fee_bps) / 10_000;
    assert!(market_fee > 0);
    world
        .eventually("the market has its fee", || async {
            world.ledger(&authority).await.available == market_fee
        })
        .await;

    // A lie that nobody was drawn to check.
    agents.extend(liars.iter().map(|seat| awake(*seat)));
    for seat in liars {
        let faults = || -> Vec<Value> {
            let told = world.told(&format!("told-{seat}.jsonl")).into_iter();
            told.filter(|event| event["event"] == "fault").collect()
        };
        world
            .eventually("the fault is told", || async { !faults().is_empty() })
            .await;
        let told = faults();
        assert_eq!(told.len(), 1, "{told:?}");
        world.is_fine(&told[0], *seat, 1, 700 * LODE);
    }
    let lie = world.post(false).await;
    let before = world.ledger(&second.node).await.available;
    world.accept(&second, &lie).await;
    world.submit(&second, &lie, [9; 32], units).await;
    let job = world.reaches(&lie, JobState::Sealed).await;
    assert_eq!(job.panel, 0, "drawn, one time in ten thousand");
    let reveal = jobs::reveal_result(&lie, &job, [9; 32]);
    world
        .client
        .send(&[reveal], &world.customer, &[])
        .await
        .unwrap();
    let challenged = |job: Option<&Job>| job.is_some_and(|job| job.challenger == ledger_at);
    world.until(&lie, "challenged", challenged).await;
    let failed = world.reaches(&lie, JobState::Failed).await;
    assert_eq!(failed.panel, failed.drawn);
    world.until(&lie, "slashed", punished).await;
    let node: Node = world.client.get_account(&second.node).await.unwrap();
    assert_eq!(node.stake, STAKE - STAKE / 100);
    let collateral = before - world.ledger(&second.node).await.available;
    assert_eq!(collateral, 10_000 * failed.escrow(&market).unwrap());
    let more = (collateral - work) / 2;
    let mine = world.ledger(&challenger.pubkey()).await;
    assert_eq!((mine.available, mine.locked), (DEPOSIT + gained + more, 0));
    world
        .eventually("the watcher told of two victories", || async {
            metric(&port, "lode_watch_ended_total{outcome=\"won\"}").await >= 2.0
        })
        .await;

    // Two oracles condemn an honest node. Only who ran its job can bring the signatures that acquit it: the watcher.
    agents.clear();
    let third = world.operator().await;
    let condemned = world.post(true).await;
    world.accept(&third, &condemned).await;
    world.submit(&third, &condemned, truth, units).await;
    let sealed = world.reaches(&condemned, JobState::Sealed).await;
    let drawn = seats(sealed.panel);
    let slanderers = &drawn[..2];
    let bonds = [
        world.bond(slanderers[0]).await.bond,
        world.bond(slanderers[1]).await.bond,
    ];
    world
        .lie(&condemned, &sealed, slanderers, Verdict::Mismatch)
        .await;
    let appealed = world.reaches(&condemned, JobState::Challenged).await;
    assert_eq!(appealed.appellant, ledger_at);
    // Killed and started again, it still knows the receipt: a challenged job it does not run again.
    drop(watcher);
    let watcher = watch();
    let others = (0..5).filter(|seat| !slanderers.contains(seat));
    agents.extend(others.map(|seat| world.oracle(seat, &[])));
    let acquitted = world.reaches(&condemned, JobState::Settled).await;
    assert_eq!(
        (acquitted.verdict, acquitted.result),
        (Verdict::Match as u8, truth)
    );
    world.until(&condemned, "all punished", punished).await;
    let told = "lode_watch_ended_total{outcome=\"won\"}";
    world
        .eventually("it told of this victory", || async {
            metric(&port, told).await >= 1.0
        })
        .await;
    assert_eq!(
        metric(&port, told).await,
        1.0,
        "and not of the earlier ones again"
    );
    for (seat, bond) in slanderers.iter().zip(bonds) {
        assert_eq!(world.bond(*seat).await.bond, bond - bond * 3 / 10);
    }
    let earned = world.ledger(&third.node).await.turnover;
    let burned = (units * u64::from(market.burn_bps)).div_ceil(10_000);
    let fee = units * u64::from(market.fee_bps) / 10_000;
    assert_eq!(earned, units - burned - fee);
    let mine = world.ledger(&challenger.pubkey()).await;
    assert_eq!((mine.available, mine.locked), (DEPOSIT + gained + more, 0));

    // Checks are paid: to one by its agent, to another, who was never wrong, by a command.
    let blameless = honest.iter().find(|seat| !slanderers.contains(seat));
    let blameless = *blameless.unwrap();
    let collects = *honest.iter().find(|seat| **seat != blameless).unwrap();
    let collector = &world.oracles[usize::from(collects)].0;
    let payer = world.file("payer", collector);
    agents.clear();
    let hook = ["--on-event", "cat >> earned.jsonl"];
    agents.push(world.oracle(collects, &[&["--pay-with", &payer][..], &hook].concat()));
    let at = addresses::jobs::ledger(&world.report.market, &collector.pubkey());
    let share = work / 3;
    world
        .eventually("the agent collected and redeemed", || async {
            let ledger = world.client.try_account::<Ledger>(&at).await.unwrap();
            ledger.is_some_and(|ledger| ledger.available >= share)
        })
        .await;
    world
        .eventually("its owner is told of all of it", || async {
            let told = world.told("earned.jsonl");
            let paid = told.iter().filter(|e| e["event"] == "credits_paid");
            let sum: u64 = paid
                .filter_map(|e| e["amount"]["base_units"].as_u64())
                .sum();
            let ledger: Ledger = world.client.get_account(&at).await.unwrap();
            sum == ledger.available
        })
        .await;
    let other = &world.oracles[usize::from(blameless)].0;
    let other_wallet = world.file("other", other);
    let shown = world.ask(&other_wallet, &["oracle", "credits"]);
    assert!(
        shown[0]["checks_to_collect"].as_u64().unwrap() >= 1,
        "{shown}"
    );
    let redeemed = world.ask(&other_wallet, &["oracle", "credits", "--redeem"]);
    assert_eq!(redeemed[0]["checks_to_collect"], 0, "{redeemed}");
    let available = redeemed[0]["available"]["base_units"].as_u64().unwrap();
    assert!(available >= share, "{redeemed}");
    let node = world.ledger(&second.node).await;
    assert_eq!(
        (node.burn_owed, node.market_owed, node.checks_owed),
        (0, 0, 0)
    );

    // It leaves, and its bond stays where it is until it has answered for everything.
    let left = world.ask(&other_wallet, &["oracle", "leave", "--yes"]);
    let until = left["serves_until"].as_i64().unwrap();
    let answers = left["bond_answers_until"].as_i64().unwrap();
    assert_eq!(answers - until, 14 * 86_400);
    let early = world
        .command(&other_wallet, &["oracle", "withdraw"])
        .output();
    let error = String::from_utf8(early.unwrap().stderr).unwrap();
    assert!(error.contains("BondStillAnswers"), "{error}");
    drop(agents);
    lode_localnet::time_travel(&world.client, 15 * 86_400 + 60)
        .await
        .unwrap();
    let home = world.ask(&other_wallet, &["oracle", "withdraw"]);
    assert_eq!(home["withdrawn"]["base_units"], 1_000 * LODE);
    // retention is over: what nobody collected keeps no job open, and every rent is back
    for job in [&bought, &honest_job, &lie, &condemned] {
        world.until(job, "closed", |job| job.is_none()).await;
    }
    let said = watcher.stop();
    assert_eq!(said, "");
    crank.stop();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_emitted_and_who_leaves_needs_nobody_but_the_crank() {
    let world = World::new(|market| {
        market.attest_window = 2_400;
        market.challenge_window = 2_400;
        market.check_bps = 1;
        market.surcharge_bps = 3;
    })
    .await;
    let (operator, cranks) = (world.operator().await, Keypair::new());
    let (_, _, truth, units) = program();
    world.fund(&cranks.pubkey()).await;
    let cranks = world.file("crank", &cranks);
    let job_at = world.post_for(1_000 * PRICE, false).await;
    world.accept(&operator, &job_at).await;
    world.submit(&operator, &job_at, truth, units).await;
    let run = [
        "crank",
        "run",
        "--poll-seconds",
        "1",
        "--sweep-seconds",
        "1",
    ];
    let crank = world.start(&cranks, &[&run[..], &["--patience", "2"]].concat());
    let job = world.reaches(&job_at, JobState::Sealed).await;
    let reveal = jobs::reveal_result(&job_at, &job, truth);
    let job = world.job(&job_at).await.unwrap();
    let me = world.customer.pubkey();
    let settle = jobs::settle_job(&me, &job_at, &job);
    let pay = [reveal, settle];
    world.client.send(&pay, &world.customer, &[]).await.unwrap();
    let client = &world.client;
    let work: Work = client
        .get_account(&addresses::jobs::work(&operator.node))
        .await
        .unwrap();
    assert!(work.points > 100, "{}", work.points);

    // In the next epoch it is recorded, in the one after paid.
    let payout = world.report.stake_mint.account_of(&operator.owner.pubkey());
    let before = client.token_balance(&payout).await.unwrap();
    let share_at = addresses::emissions::share(&operator.node, work.epoch);
    let epoch_at = addresses::emissions::epoch(work.epoch);
    lode_localnet::time_travel(client, 3_600).await.unwrap();
    world
        .eventually("recorded", || async {
            client
                .try_account::<Share>(&share_at)
                .await
                .unwrap()
                .is_some()
        })
        .await;
    lode_localnet::time_travel(client, 3_600).await.unwrap();
    world
        .eventually("claimed and closed", || async {
            client
                .try_account::<Share>(&share_at)
                .await
                .unwrap()
                .is_none()
        })
        .await;
    let epoch: Epoch = client.get_account(&epoch_at).await.unwrap();
    assert_eq!(epoch.points, work.points);
    assert!(epoch.work > 0 && epoch.amount < epoch.points);
    let paid = client.token_balance(&payout).await.unwrap() - before;
    assert_eq!((paid, epoch.work_claimed), (epoch.work, epoch.work));

    // The node leaves: its stake comes home without another signature of its owner.
    let exit = staking::exit_node(&operator.owner.pubkey(), &operator.node);
    client.send(&[exit], &operator.owner, &[]).await.unwrap();
    lode_localnet::time_travel(client, 8 * 86_400 + 4 * 3_600)
        .await
        .unwrap();
    world
        .eventually("on its way out", || async {
            let node: Node = client.get_account(&operator.node).await.unwrap();
            node.active_shares == 0
        })
        .await;
    let before = client.token_balance(&payout).await.unwrap();
    lode_localnet::time_travel(client, 14 * 86_400 + 60)
        .await
        .unwrap();
    world
        .eventually("withdrawn", || async {
            client.token_balance(&payout).await.unwrap() >= before + STAKE
        })
        .await;
    world
        .eventually("the epoch's rent returned", || async {
            client
                .try_account::<Epoch>(&epoch_at)
                .await
                .unwrap()
                .is_none()
        })
        .await;
    world.until(&job_at, "closed", |job| job.is_none()).await;
    let report: Value = serde_json::from_str(&crank.stop()).unwrap();
    for step in [
        "record",
        "finalize_epoch",
        "claim_work",
        "claim_stake",
        "close_share",
        "close_epoch",
        "force_unstake",
        "withdraw",
        "sweep_fees",
        "close",
    ] {
        assert!(count(&report, step) >= 1, "{step}: {report}");
    }
    assert_eq!(report["failed"], 0, "{report}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nodes_agent_alone_brings_it_its_emission_and_works_on_while_it_cannot_pay_for_it() {
    let world = World::new(|market| {
        market.attest_window = 2_400;
        // moving the clock makes slots look short
        market.base_slots = 1_000;
        market.challenge_window = 20;
        market.check_bps = 1;
        market.surcharge_bps = 3;
    })
    .await;
    let client = &world.client;
    let operator = world.operator().await;
    let (worker, payer) = (world.file("worker", &operator.worker), Keypair::new());
    let poor = world.file("payer", &payer);
    let mint = &world.report.stake_mint;
    let give = async |lamports| {
        fund(client, &world.authority, &payer.pubkey(), lamports, mint, 0)
            .await
            .unwrap();
    };
    // enough for the fees of jobs, not for the rent of a record
    give(8_000_000).await;
    let port = free_port().unwrap().to_string();
    let run = ["node", "run", "--worker", &worker, "--folder", "alone"];
    let more = ["--fee-payer", &poor, "--metrics", &port];
    let agent = world.start(&worker, &[&run[..], &more].concat());
    let first = world.post_for(1_000 * PRICE, false).await;
    world.reaches(&first, JobState::Settled).await;
    let work_at = addresses::jobs::work(&operator.node);
    let work: Work = client.get_account(&work_at).await.unwrap();
    assert!(work.points > 100, "{}", work.points);

    // In the next epoch there is something to record, and too little to pay for it: jobs go on all the same.
    let share_of = |epoch| addresses::emissions::share(&operator.node, epoch);
    let share = async |epoch| client.try_account::<Share>(&share_of(epoch)).await.unwrap();
    lode_localnet::time_travel(client, 3_640).await.unwrap();
    world
        .eventually("it knows that it cannot pay", || async {
            metric(&port, "lode_crank_unaffordable").await >= 1.0
        })
        .await;
    let second = world.post_for(1_000 * PRICE, false).await;
    world.reaches(&second, JobState::Settled).await;
    assert!(share(work.epoch).await.is_none());
    give(LODE).await;
    lode_localnet::time_travel(client, 120).await.unwrap();
    world
        .eventually("recorded", || async { share(work.epoch).await.is_some() })
        .await;

    // In the one after it is paid, and what the second job earned is recorded. The account that its owner chose is gone:
    // his associated one gets it.
    world.lose_payout(&operator).await;
    let payout = mint.account_of(&operator.owner.pubkey());
    let before = client.token_balance(&payout).await.unwrap();
    lode_localnet::time_travel(client, 3_600).await.unwrap();
    world
        .eventually("the first is closed, the second recorded", || async {
            share(work.epoch).await.is_none() && share(work.epoch + 1).await.is_some()
        })
        .await;
    let epoch_at = addresses::emissions::epoch(work.epoch);
    let epoch: Epoch = client.get_account(&epoch_at).await.unwrap();
    assert_eq!((epoch.points, epoch.nodes), (work.points, 1));
    assert!(epoch.work > 0 && epoch.stake_amount > 0);
    assert_eq!(epoch.work_claimed, epoch.work);
    assert_eq!(epoch.stake_claimed, epoch.stake_amount);
    let paid = client.token_balance(&payout).await.unwrap() - before;
    assert_eq!(paid, epoch.work);
    // what stake earned is swept: it flows to who staked
    world
        .eventually("swept", || async {
            let node: Node = client.get_account(&operator.node).await.unwrap();
            let vault = client.token_balance(&node.vault).await.unwrap();
            vault > STAKE && node.booked().unwrap() == vault
        })
        .await;
    assert_eq!(metric(&port, "lode_crank_failed").await, 0.0);
    agent.stop();
    world.stop().await;
}

/// Some duration below `most` milliseconds, another one each time.
fn random_millis(most: u64) -> Duration {
    use std::hash::{BuildHasher, Hasher, RandomState};
    Duration::from_millis(RandomState::new().build_hasher().finish() % most)
}

#[tokio::test(flavor = "multi_thread")]
async fn oracles_that_are_killed_again_and_again_sign_one_verdict_each_and_no_job_waits_for_ever() {
    /// How often each of them is killed, and how many jobs there are.
    const KILLS: u32 = 12;
    const JOBS: usize = 6;
    let world = World::new(|market| {
        market.attest_window = 2_400;
        market.challenge_window = 20;
    })
    .await;
    let (_, _, truth, _) = program();
    let operator = world.operator().await;
    let _node = world.node_agent(&operator, "node", "node.jsonl");
    let mut jobs = Vec::new();
    for _ in 0..3 {
        jobs.push(world.post(true).await);
    }
    // All of them wait for their panels before the first oracle begins.
    for at in &jobs {
        world.reaches(at, JobState::Sealed).await;
    }

    struct Flickering {
        agent: Option<Agent>,
        until: Instant,
        kills: u32,
    }
    let mut oracles: Vec<Flickering> = (0..5)
        .map(|_| Flickering {
            agent: None,
            until: Instant::now(),
            kills: 0,
        })
        .collect();
    // What each seat left in the store, as it was first seen.
    let mut signed = HashMap::new();
    let started = Instant::now();
    loop {
        for (seat, oracle) in (0u8..).zip(&mut oracles) {
            // Whoever starts again before the processes of the killed one are gone finds its folder in use: again, as a
            // service would.
            let ended = oracle.agent.as_mut().map(|agent| agent.0.try_wait());
            if matches!(ended, Some(Ok(Some(_)))) {
                (oracle.agent, oracle.until) = (None, Instant::now() + random_millis(200));
            }
            if Instant::now() < oracle.until {
                continue;
            }
            match oracle.agent.take() {
                None => {
                    oracle.agent = Some(world.oracle(seat, &[]));
                    // A check takes some hundred milliseconds, from the start on: later kills come later, where the
                    // machine is slow.
                    let most = 200 + 50 * u64::from(oracle.kills);
                    oracle.until = Instant::now() + random_millis(most);
                }
                Some(agent) if oracle.kills < KILLS => {
                    // SIGKILL
                    drop(agent);
                    oracle.kills += 1;
                    oracle.until = Instant::now() + random_millis(200);
                }
                living => oracle.agent = living,
            }
        }
        let mut over = true;
        for at in &jobs {
            over &= world.job(at).await.unwrap().state == JobState::Settled as u8;
            for seat in 0..5 {
                let found = world.store.attestation(at, 0, seat).await.unwrap();
                let Some(found) = found else {
                    assert!(!signed.contains_key(&(*at, seat)), "it is gone");
                    continue;
                };
                let first = *signed.entry((*at, seat)).or_insert(found);
                assert_eq!(found, first, "seat {seat} signed twice");
            }
        }
        let killed: u32 = oracles.iter().map(|oracle| oracle.kills).sum();
        // others come while they are killed
        let due = 3 + usize::try_from(killed / 10).unwrap();
        if jobs.len() < due.min(JOBS) {
            jobs.push(world.post(true).await);
            over = false;
        }
        if over && jobs.len() == JOBS && killed == 5 * KILLS {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "after {killed} kills");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    for at in &jobs {
        let job = world.job(at).await.unwrap();
        assert_eq!((job.attempt, job.result), (0, truth));
        assert!((job.signed_match & job.panel).count_ones() >= 2);
        assert_eq!(job.signed_mismatch | job.signed_unrunnable, 0);
        assert_eq!((job.silent, job.to_penalise()), (0, 0));
    }
    // Each decided once for each job that it signed, and for the truth.
    for ((at, seat), attestation) in &signed {
        assert_eq!(attestation.verdict, Verdict::Match as u8);
        let folder = world.folder.path().join(format!("oracle-{seat}/journal"));
        let entry = std::fs::read(folder.join(format!("{at}.0.json"))).unwrap();
        let entry: Value = serde_json::from_slice(&entry).unwrap();
        assert_eq!(entry["verdict"], Verdict::Match as u8);
        assert_eq!(entry["result"], hex::encode(truth));
    }
    for seat in 0..5 {
        let oracle = world.bond(seat).await;
        assert_eq!((oracle.misses, oracle.faults), (0, 0));
        assert_eq!(oracle.bond, 1_000 * LODE);
    }
    drop(oracles);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_falls_silent_after_an_honest_result_makes_no_oracle_silent() {
    let world = World::new(|market| {
        market.attest_window = 1_200;
        market.challenge_window = 20;
    })
    .await;
    let (operator, cranks) = (world.operator().await, Keypair::new());
    let (_, _, truth, units) = program();
    world.fund(&cranks.pubkey()).await;
    let cranks = world.file("crank", &cranks);
    let run = [
        "crank",
        "run",
        "--poll-seconds",
        "1",
        "--sweep-seconds",
        "2",
    ];
    let crank = world.start(&cranks, &[&run[..], &["--patience", "2"]].concat());
    let agents: Vec<Agent> = (0..5)
        .map(|seat| {
            let payer = &world.oracles[usize::from(seat)].0;
            let payer = world.file(&format!("payer-{seat}"), payer);
            world.oracle(seat, &["--pay-with", &payer])
        })
        .collect();
    let at = world.post(false).await;
    world.accept(&operator, &at).await;
    world.submit(&operator, &at, truth, units).await;
    // the crank seals; nobody but the oracles knows the result, and the store tells it to nobody
    let sealed = world.reaches(&at, JobState::Sealed).await;
    // oracles bring what the panel signed in the last quarter of the window
    while world.slot().await + 300 < sealed.deadline {
        time_travel(&world.client, 1).await.unwrap();
    }
    let settled = world.reaches(&at, JobState::Settled).await;
    assert_eq!(
        (settled.verdict, settled.result),
        (Verdict::Match as u8, truth)
    );
    assert_eq!((settled.panel, settled.silent), (sealed.panel, 0));
    assert!(settled.signed_match.count_ones() >= 2);
    assert_eq!(settled.to_penalise(), 0);
    drop(agents);
    let report: Value = serde_json::from_str(&crank.stop()).unwrap();
    assert_eq!(count(&report, "attest"), 0, "{report}");
    world.stop().await;
}

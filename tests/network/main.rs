//! The agents together: nodes and a committee of five, each by its own agent, on a network and a gateway that were
//! started for real. No oracle sends a transaction here, and no crank runs: what reaches the chain the nodes bring.
//! Needs the programs that `cargo xtask build` makes.
#![allow(clippy::unwrap_used, clippy::panic)]

use lode_attestation::{Statement, Verdict};
use lode_client::accounts::DISCRIMINATOR_BYTES;
use lode_client::instructions::jobs::SeatSignature;
use lode_client::instructions::{jobs, oracle, staking};
use lode_client::{addresses, filter, nonce, token, Client};
use lode_crank::{Crank, Policy};
use lode_gateway::{Config as GatewayConfig, Gateway, RpcChain};
use lode_jobs::state::{Job, JobState, Ledger, Market, NodeFilter};
use lode_jobs::PostArgs;
use lode_localnet::{
    apply, free_port, fund, time_travel, KindPlan, Localnet, Options, Plan, Report,
};
use lode_node::{AgentConfig, When};
use lode_notify::{Delivery, Hook, Notices};
use lode_oracle::state::Committee;
use lode_oracle_agent::{Config as OracleConfig, OracleAgent};
use lode_runtime::Receipt;
use lode_staking::state::NodeDescription;
use lode_staking::NodeArgs;
use lode_store::{BlobHash, GatewayClient, Gateways, Writer};
use lode_telemetry::Telemetry;
use serde_json::{json, Value};
use solana_address::Address;
use solana_client::rpc_request::RpcRequest;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const LODE: u64 = 1_000_000_000;
const POLL: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(180);

/// Writes to stdout and ends.
const PROGRAM: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\08\00\00\00\04\00\00\00lode")
  (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))))"#;

/// Calls itself until the stack is full: what no machine may decide, so every machine gives it up.
const ENDLESS: &str = r#"(module
  (memory (export "memory") 1)
  (func $again (param i64) (result i64)
    (i64.add (local.get 0) (call $again (i64.add (local.get 0) (i64.const 1)))))
  (func (export "_start") (drop (call $again (i64.const 0)))))"#;

struct World {
    network: Localnet,
    client: Client,
    authority: Keypair,
    report: Report,
    store: GatewayClient,
    folder: tempfile::TempDir,
    customer: Keypair,
    /// Owners and attesters of the seats.
    oracles: Vec<(Keypair, Keypair)>,
    stop: CancellationToken,
}

/// A node, its hot key and its agent's folder.
struct Operator {
    node: Address,
    worker: Arc<Keypair>,
    folder: PathBuf,
    min_price: u64,
}

/// An agent, and what stops it.
type Agent = (watch::Sender<bool>, JoinHandle<lode_node::Result<()>>);

impl World {
    async fn wallet(&self) -> Keypair {
        wallet(&self.client, &self.authority, &self.report).await
    }

    fn agent(&self, of: &Operator) -> Agent {
        self.agent_with(of, |_| {})
    }

    fn agent_with(&self, of: &Operator, change: impl FnOnce(&mut AgentConfig)) -> Agent {
        let (stop, stopped) = watch::channel(false);
        let mut config = AgentConfig {
            poll: POLL,
            cores: 2,
            memory_mib: 64,
            min_price: token::show(of.min_price, 9).parse().unwrap(),
            ..AgentConfig::new(of.node, of.worker.clone(), &of.folder)
        };
        change(&mut config);
        let agent = lode_node::run(config, self.client.clone(), stopped);
        (stop, tokio::spawn(agent))
    }

    /// A hook that keeps what a node's agent tells.
    fn hook(&self) -> (Notices, Delivery) {
        let command = format!("cat >> '{}'", self.told_at().display());
        let hook = Hook::new(Some(command), None).unwrap();
        hook.start("node").unwrap()
    }

    fn told_at(&self) -> PathBuf {
        self.folder.path().join("told.jsonl")
    }

    /// What it kept of one kind about a job or another account.
    fn told(&self, kind: &str, of: &Address) -> Vec<Value> {
        let text = std::fs::read_to_string(self.told_at()).unwrap_or_default();
        // the last line may be half written
        let all = text.lines();
        all.filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|event| event["event"] == kind)
            .filter(|event| event["job"] == of.to_string() || event["address"] == of.to_string())
            .collect()
    }

    /// Waits until the hook kept one.
    async fn until_told(&self, kind: &str, of: &Address) -> Value {
        let started = Instant::now();
        loop {
            if let Some(event) = self.told(kind, of).pop() {
                return event;
            }
            assert!(started.elapsed() < PATIENCE, "no {kind} of {of} is told");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Writes bytes into an account of the jobs program, as an upgrade of the program might; says what stood there.
    async fn write(&self, at: &Address, offset: usize, bytes: &[u8]) -> Vec<u8> {
        let mut account = self.client.raw_account(at).await.unwrap().unwrap();
        let place = &mut account.data[offset..offset + bytes.len()];
        let before = place.to_vec();
        place.copy_from_slice(bytes);
        let method = RpcRequest::Custom {
            method: "surfnet_setAccount",
        };
        let account = json!({
            "lamports": account.lamports,
            "data": hex::encode(&account.data),
            "owner": lode_jobs::ID.to_string(),
        });
        let sent = self
            .client
            .rpc
            .send::<Value>(method, json!([at.to_string(), account]));
        sent.await.unwrap();
        before
    }

    /// A node with stake and 100 tokens for collateral, that takes this price at least.
    async fn operator(&self, min_price: u64) -> Operator {
        let (owner, worker) = (self.wallet().await, Arc::new(self.wallet().await));
        let (me, market, mint) = (owner.pubkey(), self.report.market, self.report.stake_mint);
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
        let joining = [
            staking::register_node(&me, &mint, &mint.account_of(&me), args),
            staking::stake(&me, &node, &mint, 1_000 * LODE),
            jobs::open_node_ledger(&me, &market, &node, 100 * LODE),
            jobs::deposit(&me, &market, &node, &mint, 100 * LODE),
        ];
        self.client.send(&joining, &owner, &[]).await.unwrap();
        Operator {
            node,
            worker,
            folder: self.folder.path().join(node.to_string()),
            min_price,
        }
    }

    async fn post(&self, memory_mib: u64) -> Address {
        self.post_program(PROGRAM, memory_mib).await
    }

    /// Posts a job of a spec, and puts what it names into the store.
    async fn post_program(&self, program: &str, memory_mib: u64) -> Address {
        let customer = &self.customer;
        let module = wat::parse_str(program).unwrap();
        let spec = format!(
            r#"{{"v":1,"runtime":1,"module":{{"sha256":"{}","size":{}}},"memory_mib":{memory_mib},"output_limit":1000}}"#,
            BlobHash::of(&module),
            module.len()
        );
        let (me, market) = (customer.pubkey(), self.report.market);
        let ledger_at = addresses::jobs::ledger(&market, &me);
        let ledger: Ledger = self.client.get_account(&ledger_at).await.unwrap();
        let args = PostArgs {
            nonce: nonce::next_nonce(&ledger_at, nonce::window(&ledger), 0).unwrap(),
            spec: BlobHash::of(spec.as_bytes()).0,
            price: 10_000 * LODE,
            units_limit: 300,
            target: Address::default(),
            checked: false,
            nodes: NodeFilter::default(),
        };
        let (at, _) = addresses::jobs::job(&ledger_at, args.nonce);
        let post = jobs::post_job(&me, &market, args);
        self.client.send(&[post], customer, &[]).await.unwrap();
        let writer = Writer {
            signer: customer,
            job: at,
            attempt: 0,
        };
        self.store.put(&writer, spec.into_bytes()).await.unwrap();
        self.store.put(&writer, module).await.unwrap();
        at
    }

    async fn job(&self, at: &Address) -> Job {
        self.client.get_account(at).await.unwrap()
    }

    /// Waits until a job stands at this state or beyond it on the straight path.
    async fn reaches(&self, at: &Address, state: JobState) -> Job {
        let started = Instant::now();
        loop {
            let job = self.job(at).await;
            if job.state >= state as u8 {
                return job;
            }
            assert!(started.elapsed() < PATIENCE, "still at {}", job.state);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn settled(&self, at: &Address, by: &Operator) -> Job {
        let job = self.reaches(at, JobState::Settled).await;
        assert_eq!(job.state, JobState::Settled as u8);
        assert_eq!((job.node, job.attempt), (by.node, 0));
        assert_eq!(job.panel.count_ones(), 3);
        // the customer finds the receipt by the result, and the output by the receipt
        let line = self.store.get(BlobHash(job.result), 1 << 20).await.unwrap();
        let receipt = Receipt::parse(&line).unwrap();
        assert_eq!(receipt.units, job.units);
        let output = BlobHash(receipt.stdout.sha256);
        assert_eq!(&self.store.get(output, 100).await.unwrap()[..], b"lode");
        job
    }

    /// Starts the agents of these seats.
    fn serve(&self, seats: impl IntoIterator<Item = u8>) {
        for seat in seats {
            let attester = self.oracles[usize::from(seat)].1.insecure_clone();
            let at = self.folder.path().join(format!("oracle-{seat}"));
            let client = self.client.clone();
            let mut config = OracleConfig::new(
                client,
                Gateways::default(),
                attester,
                self.report.committee,
                at,
            );
            config.poll = POLL;
            tokio::spawn(OracleAgent::run(config, self.stop.clone()));
        }
    }

    /// Moves the clock on until a job's window is over.
    async fn let_its_window_pass(&self, job: &Job) {
        while self.client.clock().await.unwrap().slot < job.deadline {
            time_travel(&self.client, 1_000).await.unwrap();
        }
    }

    /// Waits until something of a job is so.
    async fn until(&self, at: &Address, is: impl Fn(&Job) -> bool) -> Job {
        let started = Instant::now();
        loop {
            let job = self.job(at).await;
            if is(&job) {
                return job;
            }
            assert!(started.elapsed() < PATIENCE, "still at {}", job.state);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// These seats call a result wrong.
    async fn condemn(&self, at: &Address, job: &Job, seats: &[u8]) {
        let committee_at = self.report.committee;
        let committee: Committee = self.client.get_account(&committee_at).await.unwrap();
        let statement = Statement {
            program: &lode_jobs::ID,
            job: at,
            attempt: job.attempt,
            seal: &job.seal,
            verdict: Verdict::Mismatch,
            result: &[0; 32],
            units: 0,
            committee: &committee_at,
        };
        let sign = |seat: &u8| {
            let sitting = &committee.seats[usize::from(*seat)];
            let attester = &self.oracles[usize::from(*seat)].1;
            SeatSignature {
                seat: *seat,
                owner: sitting.owner,
                attester: sitting.attester,
                signature: attester.sign_message(&statement.message(*seat)).into(),
            }
        };
        let signed: Vec<_> = seats.iter().map(sign).collect();
        let verdict = Verdict::Mismatch;
        let attest = jobs::attest_job(at, job, &committee_at, verdict, [0; 32], 0, &signed);
        let sent = self.client.send(&attest, &self.customer, &[]);
        sent.await.unwrap();
    }

    async fn ledger(&self, party: &Address) -> Ledger {
        let at = addresses::jobs::ledger(&self.report.market, party);
        self.client.get_account(&at).await.unwrap()
    }
}

async fn wallet(client: &Client, authority: &Keypair, report: &Report) -> Keypair {
    let wallet = Keypair::new();
    let (mint, tokens) = (&report.stake_mint, 10_000 * LODE);
    fund(client, authority, &wallet.pubkey(), LODE, mint, tokens)
        .await
        .unwrap();
    wallet
}

/// The network with a gateway and five seats, whose agents do not run yet; `change` adapts the plan.
async fn world(change: impl FnOnce(&mut Plan)) -> World {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = tempfile::tempdir().unwrap();
    let authority = Keypair::new();
    let network = Localnet::start(Options {
        rpc_port: free_port().unwrap(),
        ws_port: free_port().unwrap(),
        slot_millis: 100,
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
    plan.market.store_url = url.clone();
    change(&mut plan);
    let report = apply(&plan, &client, &authority).await.unwrap();

    let stop = CancellationToken::new();
    let config = GatewayConfig::in_folder(url.clone(), folder.path()).unwrap();
    let gateway = Gateway::open(config, RpcChain(client.clone()))
        .await
        .unwrap();
    tokio::spawn(gateway.serve(listener, stop.clone()));
    let mint = &report.stake_mint;
    for (owner, attester) in &oracles {
        let (me, tokens) = (owner.pubkey(), 1_000 * LODE);
        fund(&client, &authority, &me, LODE, mint, tokens)
            .await
            .unwrap();
        let join = oracle::join(&me, &report.committee, mint, &attester.pubkey(), tokens);
        client.send(&[join], owner, &[]).await.unwrap();
    }
    let customer = wallet(&client, &authority, &report).await;
    let (me, market) = (customer.pubkey(), report.market);
    let deposit = [
        jobs::open_ledger(&me, &market, &me),
        jobs::deposit(&me, &market, &me, mint, 50 * LODE),
    ];
    client.send(&deposit, &customer, &[]).await.unwrap();
    World {
        store: GatewayClient::new(&url).unwrap(),
        network,
        client,
        authority,
        report,
        folder,
        customer,
        oracles,
        stop,
    }
}

async fn straight_path() {
    // with a lottery: the node waits for its turn, up to four seconds
    let world = world(|plan| plan.market.ramp = 40).await;
    world.serve(0..5);
    let operator = world.operator(1).await;

    // killed as soon as it has accepted: the next one goes on
    let first = world.post(1).await;
    let (_stop, killed) = world.agent(&operator);
    world.reaches(&first, JobState::Accepted).await;
    killed.abort();
    assert!(killed.await.unwrap_err().is_cancelled());
    // its tasks end after it, and hold its folder until then
    while lode_node::local::is_running(&operator.folder).unwrap() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (notices, delivery) = world.hook();
    let (stop_agent, agent) = world.agent_with(&operator, |config| config.notices = notices);
    world.settled(&first, &operator).await;

    // a job that asks for more memory than this node gives is left alone, the next one is taken
    let large = world.post(65).await;
    let second = world.post(2).await;
    world.settled(&second, &operator).await;
    let accepted = world.until_told("job_accepted", &second).await;
    let mint = world.report.payment_mint.address.to_string();
    let price = json!({"base_units": 10_000 * LODE, "amount": "10000", "mint": mint});
    assert_eq!(
        (&accepted["price"], &accepted["units_limit"]),
        (&price, &300.into())
    );
    // the same job again has the same receipt: it is stored for each of them
    let again = world.post(2).await;
    world.settled(&again, &operator).await;
    assert_eq!(world.job(&large).await.state, JobState::Open as u8);

    let ledger = world.ledger(&operator.node).await;
    assert_eq!((ledger.settled, ledger.failed), (3, 0));
    assert_eq!((ledger.locked, ledger.open_jobs), (0, 0));
    assert_eq!(ledger.available, 100 * LODE + ledger.turnover);

    // a module that makes the machine give up is left alone from then on, whatever else the spec says
    let endless = world.post_program(ENDLESS, 1).await;
    let started = Instant::now();
    while world.job(&endless).await.attempt == 0 {
        assert!(started.elapsed() < PATIENCE, "it is not given up");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let other = world.post_program(ENDLESS, 2).await;
    let last = world.post(3).await;
    world.settled(&last, &operator).await;
    for (at, attempt) in [(&endless, 1), (&other, 0)] {
        let job = world.job(at).await;
        assert_eq!((job.state, job.attempt), (JobState::Open as u8, attempt));
    }
    let lost = world.ledger(&operator.node).await;
    assert_eq!((lost.locked, lost.open_jobs), (0, 0));
    let earned = lost.turnover - ledger.turnover;
    assert!(
        lost.available < ledger.available + earned,
        "giving up is free"
    );

    stop_agent.send(true).unwrap();
    agent.await.unwrap().unwrap();
    delivery.finish().await;
    upgraded(&world, &operator).await;
    world.stop.cancel();
    world.network.stop().await.unwrap();
}

/// The chain is newer than the agent: its owner is told once of each account that it cannot read.
async fn upgraded(world: &World, operator: &Operator) {
    let (market, config) = (world.report.market, addresses::jobs::config());
    let known = filter!(Market, runtime, lode_runtime::RUNTIME);
    let newer = lode_runtime::RUNTIME + 1;
    let of_market = filter!(Market, runtime, newer);
    let was = world
        .write(&market, of_market.offset, &of_market.bytes)
        .await;
    assert_eq!(was, known.bytes);
    let (notices, delivery) = world.hook();
    let (stop_agent, agent) = world.agent_with(operator, |config| config.notices = notices);
    let event = world.until_told("new_version", &market).await;
    assert_eq!(
        (&event["what"], &event["from"]),
        (&"runtime".into(), &"node".into())
    );
    assert_eq!(
        (&event["version"], &event["known"]),
        (&newer.into(), &lode_runtime::RUNTIME.into())
    );

    let was = world.write(&config, DISCRIMINATOR_BYTES, &[2]).await;
    assert_eq!(was, [1]);
    let event = world.until_told("new_version", &config).await;
    assert_eq!(
        (&event["what"], &event["from"]),
        (&"layout".into(), &"node".into())
    );
    assert_eq!((&event["version"], &event["known"]), (&2.into(), &1.into()));
    // it looks again, and does not say it again
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!agent.is_finished());
    stop_agent.send(true).unwrap();
    agent.await.unwrap().unwrap();
    delivery.finish().await;
    for at in [&market, &config] {
        assert_eq!(world.told("new_version", at).len(), 1);
    }
}

/// Counts for some tenths of a second, so that an agent can be stopped while it runs.
const COUNT: &str = r#"(module
  (memory (export "memory") 1)
  (func (export "_start") (local i32)
    (loop
      (local.set 0 (i32.add (local.get 0) (i32.const 1)))
      (br_if 0 (i32.lt_u (local.get 0) (i32.const 15000000))))))"#;

async fn unplugged() {
    let world = world(|_| {}).await;
    world.serve(0..5);
    let operator = world.operator(1).await;
    let at = world.post_program(COUNT, 1).await;
    let (_stop, killed) = world.agent(&operator);
    world.reaches(&at, JobState::Accepted).await;
    killed.abort();
    assert!(killed.await.unwrap_err().is_cancelled());
    while lode_node::local::is_running(&operator.folder).unwrap() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(world.job(&at).await.state, JobState::Accepted as u8);

    // on battery it gives up what it had accepted, and takes nothing
    let sys = world.folder.path().join("sys");
    let battery = sys.join("class/power_supply/BAT0");
    std::fs::create_dir_all(&battery).unwrap();
    std::fs::write(battery.join("type"), "Battery").unwrap();
    std::fs::write(battery.join("status"), "Discharging").unwrap();
    let (stop_agent, agent) = world.agent_with(&operator, |config| {
        config.machine.sys = sys;
        config.conditions.when = vec![When::Charging];
        config.conditions.give_up_after = Some(Duration::ZERO);
    });
    let given_up = world.until(&at, |job| job.attempt == 1).await;
    assert_eq!(given_up.state, JobState::Open as u8);
    let ledger = world.ledger(&operator.node).await;
    assert_eq!((ledger.locked, ledger.open_jobs), (0, 0));
    assert!(ledger.available < 100 * LODE, "giving up is free");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(world.job(&at).await.state, JobState::Open as u8);
    let status = lode_node::local::status(&operator.folder).unwrap().unwrap();
    assert!(status.held[0].contains("battery"), "{:?}", status.held);

    // plugged in, it takes the same job again, runs it and is paid
    std::fs::write(battery.join("status"), "Charging").unwrap();
    let job = world.reaches(&at, JobState::Settled).await;
    assert_eq!(job.state, JobState::Settled as u8);
    assert_eq!((job.node, job.attempt), (operator.node, 1));
    stop_agent.send(true).unwrap();
    agent.await.unwrap().unwrap();
    world.stop.cancel();
    world.network.stop().await.unwrap();
}

async fn auction() {
    let world = world(|plan| {
        plan.market.kind = KindPlan::Auction;
        // two minutes for bids
        plan.market.accept_window = 1_200;
    })
    .await;
    world.serve(0..5);
    // the job is posted at 10 000 a million units: a hundredth less is too little for the first, not for the second
    let dear = world.operator(9_950 * LODE).await;
    let cheap = world.operator(9_900 * LODE).await;
    let (_stop_dear, _dear_agent) = world.agent(&dear);
    let at = world.post(1).await;
    let started = Instant::now();
    let best = loop {
        let job = world.job(&at).await;
        if job.bid != 0 {
            break job;
        }
        assert!(started.elapsed() < PATIENCE, "nobody bids");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!((best.node, best.bid), (dear.node, 10_000 * LODE));
    let (_stop_cheap, _cheap_agent) = world.agent(&cheap);
    let best = world.until(&at, |job| job.bid == 9_900 * LODE).await;
    // in steps: whoever was given the job has as long again to take it
    while world.client.clock().await.unwrap().slot < best.deadline {
        time_travel(&world.client, 5).await.unwrap();
    }
    let job = world.settled(&at, &cheap).await;
    assert_eq!(job.price, 9_900 * LODE);
    let ledger = world.ledger(&dear.node).await;
    assert_eq!((ledger.available, ledger.locked), (100 * LODE, 0));
    let ledger = world.ledger(&cheap.node).await;
    assert_eq!(ledger.available, 100 * LODE + ledger.turnover);
    world.stop.cancel();
    world.network.stop().await.unwrap();
}

async fn silence() {
    let world = world(|_| ()).await;
    let operator = world.operator(1).await;
    let (_stop, _agent) = world.agent(&operator);

    // Nobody ever says anything: the panel is widened to all, then everything returns.
    let at = world.post(1).await;
    let sealed = world.reaches(&at, JobState::Sealed).await;
    assert_eq!((sealed.panel.count_ones(), sealed.eligible), (3, 0b1_1111));
    world.let_its_window_pass(&sealed).await;
    let asks_all = |job: &Job| job.panel == job.eligible;
    let escalated = world.until(&at, asks_all).await;
    assert_eq!(escalated.silent, sealed.panel);
    world.let_its_window_pass(&escalated).await;
    let voided = world.reaches(&at, JobState::Settled).await;
    assert_eq!(voided.state, JobState::Voided as u8);
    let ledger = world.ledger(&operator.node).await;
    assert_eq!((ledger.available, ledger.locked), (100 * LODE, 0));

    // Only the panel is silent: who comes later is enough, and the node brings what they sign.
    let at = world.post(1).await;
    let sealed = world.reaches(&at, JobState::Sealed).await;
    world.let_its_window_pass(&sealed).await;
    world.until(&at, asks_all).await;
    world.serve(0..5);
    let settled = world.reaches(&at, JobState::Settled).await;
    assert_eq!(settled.state, JobState::Settled as u8);
    assert_eq!(settled.verdict, Verdict::Match as u8);
    assert!(settled.signed_match.count_ones() >= 3);
    let ledger = world.ledger(&operator.node).await;
    assert_eq!((ledger.settled, ledger.locked), (1, 0));
    assert_eq!(ledger.available, 100 * LODE + ledger.turnover);
    world.stop.cancel();
    world.network.stop().await.unwrap();
}

async fn slander() {
    let world = world(|plan| plan.market.final_below = 0).await;
    let operator = world.operator(1).await;
    let (_stop, _agent) = world.agent(&operator);
    let at = world.post(1).await;
    let sealed = world.reaches(&at, JobState::Sealed).await;
    let drawn: Vec<u8> = (0..5)
        .filter(|seat| sealed.panel >> seat & 1 == 1)
        .collect();
    let slanderers = &drawn[..2];
    world.condemn(&at, &sealed, slanderers).await;
    let condemned = world.reaches(&at, JobState::Attested).await;
    assert_eq!(condemned.verdict, Verdict::Mismatch as u8);

    // Somebody knows better, and puts a bond on it.
    let appellant = world.wallet().await;
    let (me, market, mint) = (
        appellant.pubkey(),
        world.report.market,
        world.report.stake_mint,
    );
    let bond = condemned.appeal_bond().unwrap();
    let appeal = [
        jobs::open_ledger(&me, &market, &me),
        jobs::deposit(&me, &market, &me, &mint, bond),
        jobs::challenge_job(&me, &at, &condemned),
    ];
    world.client.send(&appeal, &appellant, &[]).await.unwrap();
    world.serve((0..5).filter(|seat| !slanderers.contains(seat)));
    let acquitted = world.reaches(&at, JobState::Settled).await;
    assert_eq!(acquitted.state, JobState::Settled as u8);
    assert_eq!(acquitted.verdict, Verdict::Match as u8);
    assert_eq!(acquitted.signed_match.count_ones(), 3);
    assert!(acquitted.appellant_won());
    let ledger = world.ledger(&operator.node).await;
    assert_eq!((ledger.settled, ledger.failed, ledger.locked), (1, 0, 0));
    assert!(ledger.turnover > 0);
    assert_eq!(ledger.available, 100 * LODE + ledger.turnover);

    // He takes his bond home and leaves before the slanderers pay. What he is due of their bonds finds him all the same.
    let leave = [
        jobs::withdraw(&me, &market, &me, &mint, bond),
        jobs::close_ledger(&me, &me, &addresses::jobs::ledger(&market, &me)),
    ];
    world.client.send(&leave, &appellant, &[]).await.unwrap();
    let home = mint.account_of(&me);
    let before = world.client.token_balance(&home).await.unwrap();
    let wallet = Arc::new(world.authority.insecure_clone());
    let telemetry = Telemetry::new("crank");
    let mut crank = Crank::new(world.client.clone(), wallet, Policy::default(), telemetry);
    crank.once().await.unwrap();
    let job = world.job(&at).await;
    let guilty = slanderers.iter().fold(0, |mask, seat| mask | 1u32 << seat);
    assert_eq!(job.penalised, guilty);
    // half of three tenths of each bond of 1 000
    let after = world.client.token_balance(&home).await.unwrap();
    assert_eq!(after - before, 2 * 150 * LODE);
    world.stop.cancel();
    world.network.stop().await.unwrap();
}

const STRAIGHT: &str = "a_killed_agent_goes_on_and_what_it_accepted_is_run_checked_and_settled";
const AUCTION: &str = "nodes_bid_against_each_other_and_the_cheapest_awards_itself_and_is_paid";
const UNPLUGGED: &str =
    "a_machine_on_battery_gives_up_what_it_accepted_if_it_was_told_to_and_takes_jobs_when_it_charges";
const SILENCE: &str =
    "a_node_has_a_silent_panel_widened_and_what_nobody_decides_returned_and_late_signers_are_enough";
const SLANDER: &str =
    "a_condemned_node_is_acquitted_by_the_agents_alone_and_who_appealed_is_paid_though_he_has_left";

/// As much of a harness as `cargo test` and `cargo nextest` ask for.
fn main() {
    lode_runtime::child::maybe_run_child();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let tests = [STRAIGHT, UNPLUGGED, AUCTION, SILENCE, SLANDER];
    if has("--list") {
        for test in tests.iter().filter(|_| !has("--ignored")) {
            println!("{test}: test");
        }
        return;
    }
    let names: Vec<&String> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
    let wanted = |test: &str| names.is_empty() || names.iter().any(|name| test.contains(*name));
    for test in tests.into_iter().filter(|test| wanted(test)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        match test {
            STRAIGHT => runtime.block_on(straight_path()),
            UNPLUGGED => runtime.block_on(unplugged()),
            AUCTION => runtime.block_on(auction()),
            SILENCE => runtime.block_on(silence()),
            _ => runtime.block_on(slander()),
        }
        runtime.shutdown_background();
        println!("test {test} ... ok");
    }
}

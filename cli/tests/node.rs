//! The operator's agent as the real binary, on a network that it starts itself: killed at random moments, watched,
//! drained, examined. Needs the programs that `cargo xtask build` makes.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{units, Network};
use lode_client::accounts::DISCRIMINATOR_BYTES;
use lode_client::cli_config::read_keypair;
use lode_client::instructions::jobs;
use lode_client::{addresses, filter, Client};
use lode_jobs::state::{Job, JobState, Ledger, Market};
use lode_localnet::free_port;
use lode_math::bills;
use lode_staking::state::Node;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_status_client_types::UiTransactionEncoding;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const LODE: u64 = 1_000_000_000;
const PATIENCE: Duration = Duration::from_secs(240);
const FOLDER: &str = "agent";

/// Counts for some tenths of a second, so that a kill finds it running.
const PROGRAM: &str = r#"(module
  (memory (export "memory") 1)
  (func (export "_start") (local i32)
    (loop
      (local.set 0 (i32.add (local.get 0) (i32.const 1)))
      (br_if 0 (i32.lt_u (local.get 0) (i32.const 12000000))))))"#;

/// A network with oracles and a gateway and one node, whose agent the test starts.
struct Stage {
    network: Network,
    runtime: tokio::runtime::Runtime,
    client: Client,
    node: String,
    market: Address,
}

impl Stage {
    /// `poor` is a worker that has no SOL: `payer.json` pays for it.
    fn new(verify: bool, poor: bool) -> Self {
        let other = if poor { "payer" } else { "worker" };
        let network = Network::start(&["--nodes", "0"], &["customer", "owner", other]);
        if poor {
            let worker = network.folder.path().join("worker.json");
            std::fs::write(worker, format!("{:?}", Keypair::new().to_bytes())).unwrap();
        }
        let program = wat::parse_str(PROGRAM).unwrap();
        std::fs::write(network.folder.path().join("count.wasm"), program).unwrap();
        let offer = ["--worker", "worker.json", "--cores", "2"];
        let offer = [&offer[..], &["--memory-mib", "64"]].concat();
        let unchecked: &[&str] = if verify { &[] } else { &["--no-verify"] };
        let register = [&["node", "register"][..], &offer, unchecked].concat();
        let registered = network.ask("owner", &register);
        assert_eq!(registered["machine_verified"], verify);
        let node = registered["node"].as_str().unwrap().to_string();
        let client = network.client();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let markets = runtime.block_on(client.get_program_accounts::<Market>(&[]));
        let (market, _) = markets.unwrap()[0];
        Self {
            network,
            runtime,
            client,
            node,
            market,
        }
    }

    /// The owner's part: stake, an account, money in it; and the customer's money.
    fn enter(&self) {
        let (network, node) = (&self.network, self.node.as_str());
        network.ask("owner", &["node", "stake", "1000"]);
        network.ask(
            "owner",
            &["account", "open", "--node", node, "--locked-cap", "50000"],
        );
        network.ask("owner", &["account", "deposit", "50000", "--node", node]);
        network.ask("customer", &["account", "deposit", "50000"]);
    }

    fn agent(&self, more: &[&str]) -> Agent {
        self.agent_in("UTC0", more)
    }

    /// An agent in this time zone.
    fn agent_in(&self, zone: &str, more: &[&str]) -> Agent {
        let process = Command::new(common::binary())
            // nobody listens at the first address: every agent of these tests lives by the second
            .args([
                "-u",
                "http://127.0.0.1:1",
                "--fallback-url",
                &self.network.url,
            ])
            .args(["--log-format", "json"])
            .args(["node", "run", "--worker", "worker.json", "--folder", FOLDER])
            .args(["--poll-millis", "200"])
            .args(more)
            .current_dir(self.network.folder.path())
            .env("HOME", self.network.folder.path())
            .env("RUST_LOG", "error")
            .env("TZ", zone)
            .stdout(Stdio::null())
            .spawn();
        Agent(process.unwrap())
    }

    fn post(&self) -> Address {
        self.post_module("count.wasm", "200")
    }

    fn post_module(&self, module: &str, units_limit: &str) -> Address {
        let post = ["job", "post", module, "--price", "100"];
        let limit = ["--units-limit", units_limit];
        let job = self.network.ask("customer", &[&post[..], &limit].concat());
        job["job"].as_str().unwrap().parse().unwrap()
    }

    fn jobs(&self) -> HashMap<Address, Job> {
        let here = [filter!(Job, market, self.market)];
        let found = self.client.get_program_accounts(&here);
        self.runtime.block_on(found).unwrap().into_iter().collect()
    }

    fn ledger(&self) -> Ledger {
        let at = addresses::jobs::ledger(&self.market, &self.node.parse().unwrap());
        self.runtime.block_on(self.client.get_account(&at)).unwrap()
    }

    fn settled(&self, at: &Address) -> bool {
        self.jobs()[at].state == JobState::Settled as u8
    }

    fn until(&self, what: &str, mut is: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !is() {
            assert!(begun.elapsed() < PATIENCE, "{what} never happens");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// How often each instruction of the jobs program stands in the chain's transactions of a job.
    fn instructions(&self, job: &Address) -> HashMap<[u8; DISCRIMINATOR_BYTES], u32> {
        let mut counts = HashMap::new();
        let rpc = &self.client.rpc;
        let signatures = self
            .runtime
            .block_on(rpc.get_signatures_for_address(job))
            .unwrap();
        for entry in signatures.into_iter().filter(|entry| entry.err.is_none()) {
            let signature = entry.signature.parse().unwrap();
            let found = self
                .runtime
                .block_on(
                    self.client
                        .rpc
                        .get_transaction(&signature, UiTransactionEncoding::Base64),
                )
                .unwrap();
            let transaction: VersionedTransaction = found.transaction.transaction.decode().unwrap();
            let keys = transaction.message.static_account_keys();
            for instruction in transaction.message.instructions() {
                if keys[usize::from(instruction.program_id_index)] == lode_jobs::ID {
                    let name = instruction.data[..DISCRIMINATOR_BYTES].try_into().unwrap();
                    *counts.entry(name).or_default() += 1;
                }
            }
        }
        counts
    }
}

/// A running agent; killed with the test.
struct Agent(Child);

impl Agent {
    /// Memory that it holds, its own and the pages of its program that it has touched.
    #[cfg(target_os = "linux")]
    fn resident_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.unwrap().split_whitespace().next().unwrap();
        kib.parse::<u64>().unwrap() / 1024
    }

    fn kill(mut self) {
        // SIGKILL: no handler, no last words
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Whether a process of a job runs for it.
    #[cfg(target_os = "linux")]
    fn runs_a_job(&self) -> bool {
        let wanted = format!("\0__run-job\0{}\0", self.0.id());
        let mut processes = std::fs::read_dir("/proc").unwrap();
        processes.any(|process| {
            let line = std::fs::read_to_string(process.unwrap().path().join("cmdline"));
            line.is_ok_and(|line| line.contains(&wanted))
        })
    }

    fn has_ended(&mut self) -> Option<i32> {
        self.0
            .try_wait()
            .unwrap()
            .map(|status| status.code().unwrap())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn name(instruction: &Instruction) -> [u8; DISCRIMINATOR_BYTES] {
    instruction.data[..DISCRIMINATOR_BYTES].try_into().unwrap()
}

/// Status and body of a page.
fn page(port: u16, path: &str) -> Option<(u16, String)> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let asked = format!("GET {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n");
    socket.write_all(asked.as_bytes()).ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    let body = answer.split_once("\r\n\r\n")?.1.to_string();
    Some((status, body))
}

/// The owner signs a change of his commission and has no fee to pay; with a nonce his signature lasts until somebody else
/// pays and sends it. It is good once, and for nothing else.
fn offline(stage: &Stage) {
    let network = &stage.network;
    let (owner, customer) = (network.address("owner"), network.address("customer"));
    let nonce = Keypair::new();
    let payer = network.key("customer").insecure_clone();
    let make = solana_system_interface::instruction::create_nonce_account(
        &payer.pubkey(),
        &nonce.pubkey(),
        &owner.parse().unwrap(),
        2_000_000,
    );
    let made = async { stage.client.send(&make, &payer, &[&nonce]).await };
    stage.runtime.block_on(made).unwrap();
    let nonce = nonce.pubkey().to_string();
    let change = |percent: &'static str, more: &[&str]| -> Vec<String> {
        let command = ["node", "commission", percent, "--node", &stage.node];
        let all = [&command[..], &["--nonce", &nonce], more].concat();
        all.into_iter().map(String::from).collect()
    };
    let announced = || {
        let at = stage.node.parse().unwrap();
        let node = stage.client.get_account::<Node>(&at);
        stage.runtime.block_on(node).unwrap().pending_commission
    };

    let sign = change("0.9", &["--fee-payer", &customer, "--sign-only"]);
    let sign: Vec<&str> = sign.iter().map(String::as_str).collect();
    let signed = network.ask("owner", &sign);
    assert_eq!(signed["missing"], serde_json::json!([customer]));
    assert_eq!(announced(), 0, "nothing was sent");
    let signature = signed["signers"][0].as_str().unwrap();
    assert!(signature.starts_with(&format!("{owner}=")));
    let blockhash = signed["blockhash"].as_str().unwrap();

    let elsewhere = ["--fee-payer", "customer.json", "--blockhash", blockhash];
    let brought = [&elsewhere[..], &["--signer", signature]].concat();
    let send = |key: &str, args: Vec<String>| {
        let sent = Command::new(common::binary())
            .args(["-u", &network.url, "-k", key, "--output", "json"])
            .args(args)
            .current_dir(network.folder.path())
            .env("HOME", network.folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8(sent.stderr).unwrap();
        (sent.status.code(), said)
    };
    let (_, said) = send(&owner, change("0.9", &elsewhere));
    assert!(said.contains("--signer"), "{said}");
    let (_, said) = send(&owner, change("0.8", &brought));
    assert!(said.contains("same command"), "{said}");
    let (status, said) = send(&owner, change("0.9", &brought));
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(announced(), 90);
    let (status, said) = send(&owner, change("0.9", &brought));
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("was sent before"), "{said}");
    let late = [
        "--fee-payer",
        &customer,
        "--sign-only",
        "--blockhash",
        blockhash,
    ];
    let late = change("0.8", &late);
    let late: Vec<&str> = late.iter().map(String::as_str).collect();
    let late = network.ask("owner", &late);
    let late = ["--signer", late["signers"][0].as_str().unwrap()];
    let (status, said) = send(&owner, change("0.8", &[&elsewhere[..], &late].concat()));
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("nonce was advanced"), "{said}");

    // Whoever posts a job signs for its files too, which nobody could do once its escrow is locked.
    let locked = || {
        let at = addresses::jobs::ledger(&stage.market, &customer.parse().unwrap());
        let ledger = stage.client.get_account::<Ledger>(&at);
        stage.runtime.block_on(ledger).unwrap().locked
    };
    let before = locked();
    for command in ["post", "run"] {
        let post = ["job", command, "count.wasm", "--price", "100"];
        let terms = ["--units-limit", "200", "--blockhash", blockhash];
        for more in [&["--sign-only"][..], &["--signer", signature]] {
            let args = [&post[..], &terms, more].concat();
            let args = args.into_iter().map(String::from).collect();
            let (status, said) = send(&customer, args);
            assert_eq!(status, Some(2), "{said}");
            assert!(said.contains("signs for each of the job's files"), "{said}");
        }
    }
    assert_eq!(locked(), before);

    let said = network.refused("owner", &["node", "commission", "1", "--sign-only"]);
    assert!(said.contains("--nonce"), "{said}");
    let output = network.lode("owner", &["crank", "run", "--once", "--sign-only"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("cannot be signed elsewhere"), "{said}");
    if !cfg!(feature = "hardware-wallet") {
        let (_, said) = send("usb://ledger?key=0", change("1", &[]));
        assert!(said.contains("--features hardware-wallet"), "{said}");
    }
}

/// Runs the binary in a terminal of 200 columns; once the terminal shows `waits_for`, types q. Returns how it ended, and all
/// that was shown.
fn terminal(network: &Network, args: &[&str], waits_for: Option<&str>) -> (Option<i32>, String) {
    let size = libc::winsize {
        ws_row: 50,
        ws_col: 200,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let (mut ours, mut theirs) = (-1, -1);
    let no_name = std::ptr::null_mut();
    // SAFETY: two numbers that it writes, no name, no modes, a size that it reads.
    let opened = unsafe { libc::openpty(&mut ours, &mut theirs, no_name, std::ptr::null(), &size) };
    assert_eq!(opened, 0);
    // SAFETY: both were opened a moment ago and belong to nobody else.
    let (ours, theirs) = unsafe { (OwnedFd::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs)) };
    let mut child = Command::new(common::binary())
        .args(["-u", &network.url])
        .args(args)
        .current_dir(network.folder.path())
        .env("HOME", network.folder.path())
        .env("TERM", "xterm")
        .stdin(theirs.try_clone().unwrap())
        .stdout(theirs.try_clone().unwrap())
        .stderr(theirs)
        .spawn()
        .unwrap();
    let mut typing = std::fs::File::from(ours.try_clone().unwrap());
    let mut reading = std::fs::File::from(ours);
    let (mut shown, mut part, mut asked) = (String::new(), [0; 4096], waits_for);
    // The terminal ends, with an error, when the child that has it does.
    while let Ok(count @ 1..) = reading.read(&mut part) {
        shown.push_str(&String::from_utf8_lossy(&part[..count]));
        if asked.is_some_and(|text| shown.contains(text)) {
            asked = None;
            typing.write_all(b"q").unwrap();
        }
    }
    (child.wait().unwrap().code(), shown)
}

/// A server on this machine that keeps what is posted to it.
fn webhook() -> (String, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/lode", listener.local_addr().unwrap());
    let posted: Arc<Mutex<Vec<Value>>> = Arc::default();
    let keep = posted.clone();
    std::thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(socket);
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let line = line.to_lowercase();
                if let Some(bytes) = line.strip_prefix("content-length:") {
                    length = bytes.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            keep.lock()
                .unwrap()
                .push(serde_json::from_slice(&body).unwrap());
            let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
            reader.into_inner().write_all(answer).unwrap();
        }
    });
    (url, posted)
}

/// Its worker has no SOL all the time. `LODE_KILL_JOBS` makes it longer.
#[test]
fn an_agent_that_is_killed_at_random_moments_loses_no_job_and_is_paid_once_for_each() {
    let count: usize = std::env::var("LODE_KILL_JOBS").map_or(5, |n| n.parse().unwrap());
    let seed: u64 =
        std::env::var("LODE_KILL_SEED").map_or_else(|_| rand::random(), |n| n.parse().unwrap());
    println!("{count} jobs, seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let stage = Stage::new(false, true);
    stage.enter();
    let posted: Vec<Address> = (0..count).map(|_| stage.post()).collect();

    let begun = Instant::now();
    let mut kills = 0;
    loop {
        let agent = stage.agent(&["--fee-payer", "payer.json"]);
        // longer and longer, so that also a slow machine gets somewhere
        let most = 1_500 + 150 * kills;
        std::thread::sleep(Duration::from_millis(random.gen_range(100..most)));
        agent.kill();
        kills += 1;
        let jobs = stage.jobs();
        let done = posted
            .iter()
            .filter(|at| jobs[at].state == JobState::Settled as u8);
        if done.count() == count {
            break;
        }
        assert!(
            begun.elapsed() < PATIENCE + PATIENCE / 4 * count as u32,
            "it gets nowhere"
        );
    }
    println!("{kills} kills in {:.0} s", begun.elapsed().as_secs_f64());

    let jobs = stage.jobs();
    let market: Market = stage
        .runtime
        .block_on(stage.client.get_account(&stage.market))
        .unwrap();
    let any = Address::default();
    let mut earned = 0;
    for at in &posted {
        let job = &jobs[at];
        assert_eq!((job.attempt, job.node.to_string()), (0, stage.node.clone()));
        let fees = (u64::from(market.burn_bps), u64::from(market.fee_bps));
        let bill = bills::bill(job.price, job.units, job.surcharge(&market), fees.0, fees.1);
        earned += bill.unwrap().node;
        let counts = stage.instructions(at);
        let once = |instruction: Instruction| counts.get(&name(&instruction)).copied();
        assert_eq!(once(jobs::accept_job(&any, &any, at, job)), Some(1));
        assert_eq!(
            once(jobs::submit_result(&any, at, job, [0; 32], 0)),
            Some(1)
        );
        assert_eq!(once(jobs::settle_job(&any, at, job)), Some(1));
        assert_eq!(once(jobs::give_up_job(&any, at, job)), None);
    }
    let ledger = stage.ledger();
    assert_eq!((ledger.settled, ledger.failed), (count as u64, 0));
    assert_eq!((ledger.locked, ledger.open_jobs), (0, 0));
    assert_eq!(ledger.available, 50_000 * LODE + earned);
    // what it earned is its owner's, and it never had a lamport
    let owner = ["account", "withdraw", "50000", "--node", &stage.node];
    let paid = [&owner[..], &["--fee-payer", "payer.json"]].concat();
    stage.network.ask("owner", &paid);
    assert_eq!(stage.ledger().available, earned);
    let worker = read_keypair(&stage.network.folder.path().join("worker.json"));
    let worker = worker.unwrap().pubkey();
    let balance = stage.client.balance(&worker);
    assert_eq!(stage.runtime.block_on(balance).unwrap(), 0);
    stage.network.stop();
}

/// What the doctor says of a check: level and mend.
fn says<'a>(found: &'a Value, check: &str) -> (&'a str, &'a str) {
    let row = found
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["check"] == check);
    let row = row.unwrap_or_else(|| panic!("nothing about {check}"));
    (
        row["level"].as_str().unwrap(),
        row["mend"].as_str().unwrap_or(""),
    )
}

#[test]
fn an_agent_is_examined_watched_withdraws_by_policy_and_drains() {
    let stage = Stage::new(true, false);
    let network = &stage.network;
    let node = stage.node.as_str();
    let doctor = [
        "node",
        "doctor",
        "--quick",
        "--folder",
        FOLDER,
        "--worker",
        "worker.json",
    ];

    // without stake and money the doctor fails, and says what to do
    let output = network.lode("owner", &doctor);
    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(says(&found, "stake").0, "fail");
    assert!(says(&found, "stake").1.contains("lode node stake 1000"));
    assert_eq!(says(&found, "bond").0, "fail");
    assert!(says(&found, "bond").1.contains("lode account open"));
    for well in [
        "version", "disk", "ports", "clock", "programs", "node", "worker", "balance",
    ] {
        assert_eq!(says(&found, well), ("ok", ""), "{well}");
    }
    stage.enter();
    let found = network.ask("owner", &doctor);
    assert_eq!(says(&found, "stake").0, "ok");
    assert_eq!(says(&found, "bond").0, "ok");
    assert_eq!(says(&found, "store").0, "ok");
    assert_eq!(says(&found, "agent").0, "ok");
    let wrong = [
        "node",
        "doctor",
        "--quick",
        "--worker",
        "customer.json",
        "--node",
        node,
    ];
    let output = network.lode("owner", &wrong);
    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(says(&found, "worker").0, "fail");

    offline(&stage);

    let drain = ["node", "drain", "--folder", FOLDER];
    let said = network.refused("owner", &drain);
    assert!(said.contains("No agent uses"), "{said}");
    let run = ["node", "run", "--worker", "worker.json", "--owner"];
    let policy = ["--keep", "9", "--withdraw-above", "8"];
    let said = network.refused("owner", &[&run[..], &["customer.json"], &policy].concat());
    assert!(said.contains("owner of this node"), "{said}");
    let said = network.refused("owner", &[&run[..], &["owner.json"], &policy].concat());
    assert!(said.contains("nothing could stay"), "{said}");

    // what is more than the policy keeps goes to the owner at once, and what is earned is counted
    let port = free_port().unwrap();
    let at = format!("127.0.0.1:{port}");
    let policy = [
        "--owner",
        "owner.json",
        "--keep",
        "40000",
        "--withdraw-above",
        "45000",
    ];
    let (webhook, posted) = webhook();
    let hooks = ["--on-event", "cat >> told.jsonl", "--webhook", &webhook];
    let low = ["--low-sol", "1000000", "--low-account", "45001"];
    let mut agent = stage.agent(&[&policy[..], &["--metrics", &at], &hooks[..], &low[..]].concat());
    stage.until("the withdrawal", || {
        stage.ledger().available == 40_000 * LODE
    });
    let account = network.ask("owner", &["account", "show", "--node", node]);
    assert_eq!(
        units(&account["in_the_wallet"]),
        (100_000 - 1_000 - 40_000) * LODE
    );
    let first = stage.post();
    stage.until("the settlement", || stage.settled(&first));
    stage.until("the count", || {
        let text = page(port, "/metrics").unwrap().1;
        [
            "\nlode_node_accepted_total 1\n",
            "\nlode_node_settled_total 1\n",
            "\nlode_healthy 1\n",
        ]
        .iter()
        .all(|line| text.contains(line))
    });
    assert_eq!(page(port, "/health").unwrap().0, 200);

    // its owner is told what happened, and of the payment what it really was
    let told = |file: &str| -> Vec<Value> {
        let text = std::fs::read_to_string(network.folder.path().join(file)).unwrap_or_default();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.collect()
    };
    let of_first = |all: &[Value]| -> Vec<String> {
        let of = |event: &&Value| event["job"] == first.to_string();
        let names = all.iter().filter(of).map(|e| e["event"].as_str().unwrap());
        names.map(String::from).collect()
    };
    let life = ["job_accepted", "job_done", "paid"];
    stage.until("the notice of the payment", || {
        of_first(&told("told.jsonl")) == life
    });
    let all = told("told.jsonl");
    let of_kind =
        |kind: &str| -> Vec<&Value> { all.iter().filter(|event| event["event"] == kind).collect() };
    let paid = of_kind("paid")[0];
    let earned = stage.ledger().available - 40_000 * LODE;
    assert_eq!(
        (units(&paid["amount"]), paid["from"].as_str()),
        (earned, Some("node"))
    );
    assert_eq!(paid["units"], stage.jobs()[&first].units);
    let low = of_kind("low_balance");
    assert_eq!(low.len(), 2, "each told once: {low:?}");
    assert!(low.iter().any(|event| event["purse"] == "fees"));
    let ledger = low.iter().find(|event| event["purse"] == "ledger").unwrap();
    assert_eq!(units(&ledger["threshold"]), 45_001 * LODE);
    stage.until("the same by the webhook", || {
        *posted.lock().unwrap() == told("told.jsonl")
    });
    let watch = [
        "job",
        "watch",
        &first.to_string(),
        "--on-event",
        "cat >> watched.jsonl",
    ];
    network.ask("customer", &watch);
    let watched = told("watched.jsonl");
    assert_eq!(of_first(&watched), ["job_changed", "paid"]);
    assert_eq!(watched[0]["state"], "settled");
    assert_eq!(
        (&watched[1]["amount"], &watched[1]["signature"]),
        (&paid["amount"], &paid["signature"])
    );
    let outside = [
        "job",
        "watch",
        &first.to_string(),
        "--webhook",
        "http://192.0.2.1/",
    ];
    let said = network.refused("customer", &outside);
    assert!(said.contains("https://"), "{said}");
    #[cfg(target_os = "linux")]
    {
        let held = agent.resident_mib();
        println!("an idle agent holds {held} MiB");
        assert!(held < 60, "{held} MiB");
    }
    let found = network.ask("owner", &[&doctor[..], &["--metrics", &at]].concat());
    assert_eq!(says(&found, "ports").0, "ok");

    // all of it on one screen, for programs, for people, and in a terminal
    let top = network.ask("owner", &["top", "--once"]);
    assert_eq!(top["nodes"][0]["node"], node);
    assert_eq!(top["nodes"][0]["may_work"], true);
    let account = &top["accounts"][0];
    assert_eq!(
        (units(&account["earned"]), &account["settled"]),
        (earned, &1.into())
    );
    assert_eq!(units(&top["stakes"][0]["stake"]), 1_000 * LODE);
    let (status, shown) = terminal(network, &["-k", "owner.json", "top", "--once"], None);
    assert_eq!(status, Some(0), "{shown}");
    assert!(
        shown.contains(node) && shown.contains("No job under way."),
        "{shown}"
    );
    let (status, shown) = terminal(network, &["-k", "owner.json", "top"], Some("quits"));
    assert_eq!(status, Some(0), "{shown}");
    assert!(shown.contains("accounts"), "{shown}");
    let said = network.refused("owner", &["top"]);
    assert!(said.contains("--once"), "{said}");

    // drained: what runs is brought to its end, what comes is left alone until the order is taken back
    let second = stage.post();
    stage.until("the start", || {
        stage.jobs()[&second].state > JobState::Open as u8
    });
    let drained = network.ask("owner", &drain);
    assert_eq!(
        (&drained["drained"], &drained["agent_runs"]),
        (&true.into(), &true.into())
    );
    assert!(stage.jobs()[&second].state >= JobState::Attested as u8);
    let third = stage.post();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(stage.jobs()[&third].state, JobState::Open as u8);
    let found = network.ask("owner", &doctor);
    assert_eq!(says(&found, "agent").0, "warn");
    network.ask("owner", &["node", "drain", "--resume", "--folder", FOLDER]);
    stage.until("the third job", || stage.settled(&third));

    // and told to stop, it ends by itself, and serves again when it is started again
    assert_eq!(agent.has_ended(), None);
    let stopped = network.ask("owner", &[&drain[..], &["--stop"]].concat());
    assert_eq!(stopped["agent_runs"], false);
    // Its folder is free before its process is gone.
    let begun = Instant::now();
    while agent.has_ended().is_none() && begun.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(agent.has_ended(), Some(0));
    let fourth = stage.post();
    let local = ["node", "status", "--folder", FOLDER];
    assert_eq!(network.ask("owner", &local)["agent_runs"], false);
    // not at this time of the day: it says so, and takes nothing
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / 3_600 % 24;
    let hours = format!("{}-{}", (now + 11) % 24, (now + 13) % 24);
    let waits = stage.agent(&["--hours", &hours, "--when", "unmetered"]);
    let mut said = Value::Null;
    stage.until("a word about the hour", || {
        said = network.ask("owner", &local);
        said["takes_no_jobs_because"]
            .to_string()
            .contains("takes jobs from")
    });
    assert_eq!(said["agent_runs"], true);
    assert_eq!(stage.jobs()[&fourth].state, JobState::Open as u8);
    let found = network.ask("owner", &doctor);
    assert_eq!(says(&found, "agent").0, "warn");
    assert_eq!(says(&found, "conditions").0, "ok");
    waits.kill();
    let again = stage.agent(&[]);
    stage.until("the fourth job", || stage.settled(&fourth));
    again.kill();
    #[cfg(target_os = "linux")]
    what_runs_when_its_hours_end_is_given_up(&stage);
}

/// Seconds until the agent's hours end.
#[cfg(target_os = "linux")]
const HOURS_LEFT: u64 = 20;

/// The process of the job ends, the attempt too, and the folder keeps nothing of it: the job was good, and may come again.
#[cfg(target_os = "linux")]
fn what_runs_when_its_hours_end_is_given_up(stage: &Stage) {
    let endless = wat::parse_str(
        r#"(module (memory (export "memory") 1) (func (export "_start") (loop (br 0))))"#,
    );
    let folder = stage.network.folder.path();
    std::fs::write(folder.join("endless.wasm"), endless.unwrap()).unwrap();
    let at = stage.post_module("endless.wasm", "150000");
    // accepted before: its hours shall end while it runs, however slowly it starts
    let agent = stage.agent(&[]);
    stage.until("the first run", || agent.runs_a_job());
    let ledger = stage.ledger();
    assert!(ledger.locked > 0);
    agent.kill();

    // noon is `HOURS_LEFT` away
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let west = (now + HOURS_LEFT + 43_200) % 86_400;
    let zone = format!("HERE{}:{}:{}", west / 3_600, west / 60 % 60, west % 60);
    let hours = ["--hours", "6-12", "--give-up-after", "0"];
    let hook = ["--on-event", "cat >> given-up.jsonl"];
    let mut agent = stage.agent_in(&zone, &[&hours[..], &hook].concat());
    stage.until("the run in its hours", || agent.runs_a_job());
    assert_eq!(stage.jobs()[&at].state, JobState::Accepted as u8);
    stage.until("the attempt's end", || stage.jobs()[&at].attempt == 1);
    assert!(!agent.runs_a_job(), "what was given up runs on");
    assert_eq!(agent.has_ended(), None);
    let job = stage.jobs()[&at];
    assert_eq!(job.state, JobState::Open as u8);
    let after = stage.ledger();
    assert_eq!((after.locked, after.open_jobs), (0, 0));
    let lost = ledger.available + ledger.locked - after.available;
    assert!(lost > 0, "giving up is free");

    // its owner is told what it cost
    let told = || -> Vec<Value> {
        let text = std::fs::read_to_string(folder.join("given-up.jsonl")).unwrap_or_default();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let all: Vec<Value> = lines.collect();
        all.into_iter()
            .filter(|event| event["event"] == "not_paid")
            .collect()
    };
    stage.until("the notice", || !told().is_empty());
    let notice = &told()[0];
    assert_eq!(notice["job"], at.to_string());
    assert_eq!(notice["reason"], "no_result");
    assert_eq!(units(&notice["lost"]), lost);

    // no result of it, and neither its spec nor its module counts as bad
    for entry in std::fs::read_dir(folder.join(FOLDER)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(!name.contains(&at.to_string()), "{name}");
        let bad = name.ends_with(".unfit") || name.ends_with(".module");
        assert!(!bad && !name.ends_with(".new"), "{name}");
    }
    let local = ["node", "status", "--folder", FOLDER];
    let said = stage.network.ask("owner", &local);
    assert!(said["takes_no_jobs_because"]
        .to_string()
        .contains("from 6 to 12"));
}

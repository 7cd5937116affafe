//! Approve, challenge, receipts; raise, bids, award: with the real binary on a network whose node is this test, so that
//! it can lie.
#![allow(clippy::unwrap_used)]
mod common;

use common::{plan, units, workload, Network, UNCHECKED, WALLET};
use lode_attestation::commitment;
use lode_client::instructions::jobs;
use lode_client::Client;
use lode_jobs::state::{Job, JobState, Market};
use serde_json::Value;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_signer::Signer as _;
use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// What the nodes of an auction declare.
const GERMAN: [&str; 8] = [
    "--region",
    "DE",
    "--class",
    "server",
    "--cores",
    "2",
    "--memory-mib",
    "512",
];
const AMERICAN: [&str; 8] = [
    "--region",
    "US",
    "--class",
    "desktop",
    "--cores",
    "2",
    "--memory-mib",
    "1024",
];

/// A network, nodes of it that this test works for, and a customer with money.
struct Bench {
    network: Network,
    tokio: Runtime,
}

impl Bench {
    fn new(changes: &[(&str, &str)]) -> Self {
        let plan = plan(changes);
        let path = plan.path().to_str().unwrap();
        let network = Network::start(
            &["--nodes", "0", "--oracles", "3", "--plan", path],
            &["owner", "worker", "owner2", "worker2"],
        );
        network.ask(WALLET, &["account", "deposit", "1000"]);
        Self {
            network,
            tokio: Runtime::new().unwrap(),
        }
    }

    /// Registers a node that declares `more`, and lets it into the market.
    fn enter(&self, owner: &str, worker_name: &str, more: &[&str]) -> Address {
        let worker = self.network.address(worker_name);
        let register = ["node", "register", "--worker", &worker];
        let register = [&register[..], more].concat();
        let node = self.network.ask(owner, &register)["node"]
            .as_str()
            .unwrap()
            .to_string();
        self.network.ask(owner, &["node", "stake", "2000"]);
        // Somebody else was there first, as if the node were a wallet: that keeps nobody out.
        let markets = self.network.ask(owner, &["market", "list"]);
        let market = markets[0]["market"].as_str().unwrap().parse().unwrap();
        let (stranger, party) = (self.network.key(worker_name), node.parse().unwrap());
        self.send(
            jobs::open_ledger(&stranger.pubkey(), &market, &party),
            worker_name,
        );
        let open = ["account", "open", "--node", &node, "--locked-cap", "5000"];
        self.network.ask(owner, &open);
        self.network
            .ask(owner, &["account", "deposit", "5000", "--node", &node]);
        node.parse().unwrap()
    }

    fn client(&self) -> Client {
        self.network.client()
    }

    fn send(&self, instruction: Instruction, signer: &str) {
        let key = self.network.key(signer).insecure_clone();
        let client = self.client();
        self.tokio
            .block_on(async { client.send(&[instruction], &key, &[]).await })
            .unwrap();
    }

    fn job(&self, at: &Address) -> Job {
        let client = self.client();
        self.tokio.block_on(client.get_account(at)).unwrap()
    }

    fn slot(&self) -> u64 {
        let client = self.client();
        self.tokio.block_on(client.clock()).unwrap().slot
    }

    /// Lets slots pass until one is reached.
    fn pass_to(&self, slot: u64) {
        let client = self.client();
        while self.slot() < slot {
            let jump = lode_localnet::time_travel(&client, 600);
            self.tokio.block_on(jump).unwrap();
        }
    }

    fn until(&self, at: &Address, state: JobState) -> Job {
        let begun = Instant::now();
        loop {
            let job = self.job(at);
            if job.state == state as u8 {
                return job;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(120),
                "the job stands at {}",
                job.state
            );
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    fn post(&self, more: &[&str]) -> Address {
        self.post_module(&self.network.copy_module(), more)
    }

    /// Posts a module with a text of the project's own.
    fn post_module(&self, module: &str, more: &[&str]) -> Address {
        let input = format!("book.txt={}", workload("word-stats/keepers-book.txt"));
        let job = ["job", "post", module, "--price", "1", "--input", &input];
        let posted = self
            .network
            .ask(WALLET, &[&job[..], more, &["--", "/in/book.txt"]].concat());
        posted["job"].as_str().unwrap().parse().unwrap()
    }

    /// A node that this test works for says of a job that something else came out, and nobody is drawn to check it.
    fn lie(&self, node: &Address, at: &Address) {
        let worker = self.network.key("worker").pubkey();
        self.send(jobs::accept_job(&worker, node, at, &self.job(at)), "worker");
        // as many units as it may be
        let (lie, of_units) = ([9; 32], self.job(at).units_limit);
        let promise = commitment(&lie, of_units, at, 0, node);
        let job = self.job(at);
        self.send(
            jobs::submit_result(&worker, at, &job, promise, of_units),
            "worker",
        );
        let job = self.job(at);
        while self.slot() < job.submitted_slot + 3 {
            std::thread::sleep(Duration::from_millis(100));
        }
        let committee = self.market(&job).committee;
        self.send(jobs::seal_job(&worker, at, &job, &committee), "worker");
        let job = self.job(at);
        assert_eq!(job.panel, 0, "one seal in ten thousand draws");
        self.send(jobs::reveal_result(at, &job, lie), "worker");
    }

    fn market(&self, job: &Job) -> Market {
        let client = self.client();
        let found = self.tokio.block_on(client.get_account(&job.market));
        found.unwrap()
    }

    fn available(&self, wallet: &str, more: &[&str]) -> u64 {
        let shown = self
            .network
            .ask(wallet, &[&["account", "show"], more].concat());
        assert!(shown["open_jobs"].is_u64());
        units(&shown["available"])
    }
}

fn state(value: &Value) -> &str {
    value["state"].as_str().unwrap()
}

#[test]
fn a_lie_is_challenged_after_a_run_here_says_so_and_an_honest_result_is_paid_at_once() {
    // One result in ten thousand is checked, and every verdict may be challenged for long.
    let bench = Bench::new(&UNCHECKED[..4]);
    let network = &bench.network;
    let node = bench.enter("owner", "worker", &[]);
    // The node says that something else came out.
    let at = bench.post(&[]);
    let text = at.to_string();
    for command in ["approve", "challenge", "receipt"] {
        let said = network.refused(WALLET, &["job", command, &text]);
        assert!(said.contains("lode job watch"), "{said}");
    }
    bench.lie(&node, &at);
    let job = bench.job(&at);
    let market = bench.market(&job);
    // the same of jobs that only it, its customer and perhaps the committee can read
    let key = network.ask("owner", &["node", "key", "--folder", "liar"]);
    let key = key["encryption_key"].as_str().unwrap();
    network.ask("owner", &["node", "update", "--encryption-key", key]);
    let node_text = node.to_string();
    // compiled for long enough to look at the disk meanwhile
    let tool = workload("word-stats.wasm");
    let private = bench.post_module(&tool, &["--private", &node_text]);
    bench.lie(&node, &private);
    let blind = bench.post(&["--private", &node_text, "--no-committee"]);
    bench.lie(&node, &blind);

    // The customer is asked, and is told before that this machine agrees with him.
    let challenge = ["job", "challenge", &text];
    let said = network.refused(WALLET, &challenge);
    assert!(said.contains("--yes"), "{said}");
    let asked = Command::new(common::binary())
        .args(["-u", &network.url, "-k", &format!("{WALLET}.json")])
        .args(challenge)
        .current_dir(network.folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(asked.status.code(), Some(4));
    let terms = String::from_utf8(asked.stdout).unwrap();
    for told in ["you are right", "2 of 3 seats", "bond", "collateral"] {
        assert!(terms.contains(told), "{told}: {terms}");
    }
    assert_eq!(bench.job(&at).state, JobState::Attested as u8);
    // Who has no money in the market has none to lock.
    let said = network.refused("owner2", &challenge);
    assert!(said.contains("lode account deposit"), "{said}");

    let before = bench.available(WALLET, &[]);
    let (escrow, collateral) = (job.escrow(&market).unwrap(), job.collateral);
    let checks = job.panel_work(&market, job.units_limit).unwrap();
    let challenged = network.ask(WALLET, &[&challenge[..], &["--yes"]].concat());
    assert_eq!(state(&challenged), "sealed");
    assert_eq!(units(&challenged["bond"]), checks);
    let _crank = network.spawn(
        "owner2",
        &["crank", "run", "--poll-seconds", "1", "--patience", "0"],
    );
    let job = bench.until(&at, JobState::Attested);
    assert_eq!(job.verdict, lode_attestation::Verdict::Mismatch as u8);
    // two or all three seats signed: two are a majority of three, so it is final at once
    let job = bench.until(&at, JobState::Failed);
    assert!(job.challenger_won());
    let reward = (collateral - checks) / 2;
    assert_eq!(bench.available(WALLET, &[]), before + escrow + reward);

    private_lies_are_challenged_by_who_can_read_them(&bench, &private, &blind);

    // An honest node, and a customer who knows that it is.
    let honest = bench.enter("owner2", "worker2", &[]).to_string();
    let key = network.ask("owner2", &["node", "key", "--folder", "agent"]);
    let key = key["encryption_key"].as_str().unwrap();
    network.ask("owner2", &["node", "update", "--encryption-key", key]);
    let run = [
        "node",
        "run",
        "--worker",
        "worker2.json",
        "--folder",
        "agent",
        "--blind-checks",
    ];
    let _node = network.spawn("worker2", &run);
    let at = bench.post(&[]);
    let text = at.to_string();
    bench.until(&at, JobState::Attested);
    let said = network.refused(WALLET, &["job", "challenge", &text, "--yes"]);
    assert!(said.contains("This machine says"), "{said}");
    let said = network.refused("owner", &["job", "approve", &text]);
    assert!(said.contains("was posted by"), "{said}");
    let job = bench.job(&at);
    let paid = network.ask(WALLET, &["job", "approve", &text]);
    let work = lode_math::bills::work(job.price, job.units).unwrap();
    assert_eq!((state(&paid), units(&paid["work"])), ("settled", work));
    let said = network.refused(WALLET, &["job", "approve", &text]);
    assert!(said.contains("over already"), "{said}");

    let receipt = network.ask(
        WALLET,
        &["job", "receipt", &text, "--save-to", "receipt.json"],
    );
    assert_eq!(receipt["units"], job.units);
    assert_eq!(receipt["receipt"]["v"], 1);
    let saved = std::fs::read(network.folder.path().join("receipt.json")).unwrap();
    assert_eq!(
        hex::encode(lode_runtime::sha256(&saved)),
        receipt["result"].as_str().unwrap()
    );
    let public = network.ask(WALLET, &["job", "result", &text]);
    let fees = network.ask(WALLET, &["market", "fees"]);
    assert!(!fees.as_array().unwrap().is_empty());
    network.ask(WALLET, &["market", "fees", "--sweep"]);
    let fees = network.ask(WALLET, &["market", "fees"]);
    for row in fees.as_array().unwrap() {
        assert_eq!(
            (units(&row["to_burn"]), units(&row["to_the_checks"])),
            (0, 0)
        );
    }

    // A node that was told to take what nobody can check does, and its customer reads what came of it.
    let at = bench.post(&["--private", &honest, "--no-committee"]);
    bench.until(&at, JobState::Attested);
    let text = at.to_string();
    network.ask(WALLET, &["job", "approve", &text]);
    let result = network.ask(WALLET, &["job", "result", &text]);
    assert_eq!(result["end"], "exit(0)");
    assert_eq!(result["stdout"], public["stdout"]);
}

/// The customer opens the job and runs it here; the seats open it too, and condemn the node. Nobody else is told anything,
/// and where the seats cannot open it nobody can be proved wrong.
fn private_lies_are_challenged_by_who_can_read_them(bench: &Bench, at: &Address, blind: &Address) {
    let network = &bench.network;
    let text = at.to_string();
    let challenge = ["job", "challenge", &text];
    network.ask("worker2", &["account", "deposit", "100"]);
    let said = network.refused("worker2", &[&challenge[..], &["--yes"]].concat());
    assert!(said.contains("cannot read this job"), "{said}");
    let blind = blind.to_string();
    let said = network.refused(WALLET, &["job", "challenge", &blind, "--yes"]);
    assert!(said.contains("cannot open this job"), "{said}");
    what_lies_on_the_disk_while_it_runs_here_is_sealed(network, &challenge);

    let before = bench.available(WALLET, &[]);
    let job = bench.job(at);
    let market = bench.market(&job);
    let (escrow, collateral) = (job.escrow(&market).unwrap(), job.collateral);
    let checks = job.panel_work(&market, job.units_limit).unwrap();
    let challenged = network.ask(WALLET, &[&challenge[..], &["--yes"]].concat());
    assert_eq!(state(&challenged), "sealed");
    assert_eq!(units(&challenged["bond"]), checks);
    let job = bench.until(at, JobState::Failed);
    assert_eq!(job.verdict, lode_attestation::Verdict::Mismatch as u8);
    assert!(job.challenger_won());
    let reward = (collateral - checks) / 2;
    assert_eq!(bench.available(WALLET, &[]), before + escrow + reward);
}

/// Whoever ends the command while the job runs leaves nothing that tells of it: neither its text, nor its module, nor its spec.
fn what_lies_on_the_disk_while_it_runs_here_is_sealed(network: &Network, challenge: &[&str]) {
    let temporary = network.folder.path().join("challenged");
    std::fs::create_dir(&temporary).unwrap();
    let mut asked = Command::new(common::binary())
        .args(["-u", &network.url, "-k", &format!("{WALLET}.json")])
        .args(challenge)
        .current_dir(network.folder.path())
        .env("HOME", network.folder.path())
        .env("TMPDIR", &temporary)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let book = std::fs::read(workload("word-stats/keepers-book.txt")).unwrap();
    let plain = [&book[..40], b"\0asm", br#""runtime":1"#];
    let (mut seen, mut told) = (0, BTreeSet::new());
    while asked.try_wait().unwrap().is_none() {
        for path in common::files(&temporary) {
            // it may be gone since it was listed
            let bytes = std::fs::read(&path).unwrap_or_default();
            let holds = |plain: &&[u8]| bytes.windows(plain.len()).any(|part| part == *plain);
            seen = seen.max(bytes.len());
            told.extend(plain.iter().any(holds).then_some(path));
        }
    }
    let said = asked.wait_with_output().unwrap().stderr;
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains("--yes"), "{said}");
    assert!(
        seen > book.len(),
        "the module and the book were never there"
    );
    assert!(told.is_empty(), "{told:?}");
    assert!(common::files(&temporary).is_empty());
}

#[test]
fn an_auction_is_raised_bid_for_and_awarded_and_without_bids_taken_back() {
    let bench = Bench::new(&[("[market]\nid = 0", "[market]\nkind = \"auction\"\nid = 0")]);
    let network = &bench.network;
    let nodes = [
        (bench.enter("owner", "worker", &GERMAN), "worker"),
        (bench.enter("owner2", "worker2", &AMERICAN), "worker2"),
    ];
    assert_eq!(network.ask(WALLET, &["market", "show"])["kind"], "auction");
    let at = bench.post(&["--units-limit", "1000"]);
    let text = at.to_string();
    let escrow = bench.job(&at).price * 4 / 1_000;

    // Before there is a bid, the customer may pay for more units; never for fewer.
    let raised = network.ask(WALLET, &["job", "raise", &text, "--units-limit", "2000"]);
    assert_eq!(units(&raised["locked_more"]), escrow);
    assert_eq!(units(&raised["escrow"]), 2 * escrow);
    for limit in ["1500", "2000000"] {
        let said = network.refused(WALLET, &["job", "raise", &text, "--units-limit", limit]);
        assert!(said.contains("2000 units"), "{said}");
    }
    let price = bench.job(&at).price;
    let shown = network.ask(WALLET, &["job", "bids", &text]);
    assert_eq!(shown["auction"], "bidding");
    assert_eq!(units(&shown["next_bid_at_most"]), price);
    assert!(shown["best_bid"].is_null());

    for ((node, worker), bid) in nodes.iter().zip([price / 2, price / 4]) {
        let job = bench.job(&at);
        let key = network.address(worker).parse().unwrap();
        bench.send(jobs::place_bid(&key, node, &at, &job, bid), worker);
    }
    let shown = network.ask(WALLET, &["job", "bids", &text]);
    assert_eq!(units(&shown["best_bid"]), price / 4);
    assert_eq!(shown["node"], nodes[1].0.to_string());
    assert_eq!(units(&shown["next_bid_at_most"]), price / 4 * 99 / 100);
    let open = network.ask(WALLET, &["job", "bids"]);
    assert_eq!(open.as_array().unwrap().len(), 1);
    let said = network.refused(WALLET, &["job", "award", &text]);
    assert!(said.contains("slots more"), "{said}");
    let said = network.refused(WALLET, &["job", "cancel", &text]);
    assert!(said.contains("lode job award"), "{said}");
    let said = network.refused(WALLET, &["job", "raise", &text, "--units-limit", "3000"]);
    assert!(said.contains("nobody bid"), "{said}");

    let nobody = bench.post(&["--units-limit", "1000"]).to_string();
    bench.pass_to(bench.job(&at).deadline);
    let locked = |shown: &Value| units(&shown["locked"]);
    let before = locked(&network.ask(WALLET, &["account", "show"]));
    let awarded = network.ask("owner", &["job", "award", &text]);
    assert_eq!(state(&awarded), "accepted");
    assert_eq!(awarded["node"], nodes[1].0.to_string());
    assert_eq!(units(&awarded["price"]), price / 4);
    // what the bid saved comes back at the end
    let after = locked(&network.ask(WALLET, &["account", "show"]));
    assert_eq!(before, after);
    let said = network.refused(WALLET, &["job", "award", &text]);
    assert!(said.contains("only an open one"), "{said}");

    bench.pass_to(bench.job(&nobody.parse().unwrap()).deadline);
    let said = network.refused(WALLET, &["job", "award", &nobody]);
    assert!(said.contains("Nobody bid"), "{said}");
    let cancelled = network.ask(WALLET, &["job", "cancel", &nobody]);
    assert_eq!(units(&cancelled["returned"]), escrow);
    a_job_is_for_the_nodes_that_declare_what_it_asks_for(&bench, &nodes);
}

/// Who posts it is told how many there are, nodes are shown it or not, and the program refuses whoever bids all the same.
fn a_job_is_for_the_nodes_that_declare_what_it_asks_for(
    bench: &Bench,
    nodes: &[(Address, &str); 2],
) {
    let network = &bench.network;
    let [german, american] = nodes.map(|(node, _)| node.to_string());
    let listed = |more: &[&str]| -> String {
        let nodes = network.ask(WALLET, &[&["node", "list"], more].concat());
        let nodes = nodes.as_array().unwrap().iter();
        let at: Vec<&str> = nodes.map(|node| node["node"].as_str().unwrap()).collect();
        at.join(" ")
    };
    assert_eq!(listed(&["--region", "de,FR"]), german);
    assert_eq!(listed(&["--not-region", "DE"]), american);
    assert_eq!(listed(&["--class", "server,phone"]), german);
    assert_eq!(listed(&["--node-memory-mib", "513"]), american);
    assert_eq!(
        listed(&["--cores", "2"]).len(),
        german.len() + 1 + american.len()
    );
    assert_eq!(listed(&["--cores", "3"]), "");

    let module = workload("word-stats.wasm");
    let post = ["job", "post", &module, "--price", "1"];
    let post = [&post[..], &["--units-limit", "1000"]].concat();
    let asks = ["--class", "desktop,server", "--node-memory-mib", "512"];
    let post = [&post[..], &asks].concat();
    let outside = [&post[..], &["--not-region", "DE"]].concat();
    let told = network.told(WALLET, &outside);
    assert!(
        told.contains("1 of 2 nodes of the market declare"),
        "{told}"
    );
    let nowhere = [&post[..], &["--region", "FR", "--dry-run"]].concat();
    let told = network.told(WALLET, &nowhere);
    assert!(told.contains("No node of the market declares"), "{told}");

    let open = |node: &str| network.ask(WALLET, &["job", "list", "--for", node]);
    assert_eq!(open(&german), serde_json::json!([]));
    let found = open(&american);
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
    let text = found[0]["job"].as_str().unwrap();
    let shown = network.ask(WALLET, &["job", "show", text]);
    let wanted = &shown["nodes_wanted"];
    assert_eq!(wanted["not_regions"], serde_json::json!(["DE"]));
    assert_eq!(wanted["memory_mib"], 512);

    let at = text.parse().unwrap();
    let job = bench.job(&at);
    let bid = |(node, worker): (Address, &str)| {
        let key = network.key(worker).insecure_clone();
        let bid = jobs::place_bid(&key.pubkey(), &node, &at, &job, job.price / 2);
        let client = bench.client();
        bench
            .tokio
            .block_on(async { client.send(&[bid], &key, &[]).await })
    };
    let refused = bid(nodes[0]).unwrap_err();
    assert_eq!(refused.name_of(&lode_jobs::ID), Some("RegionNotTaken"));
    bid(nodes[1]).unwrap();
}

#[test]
fn posting_can_wait_and_fetch_what_was_written() {
    let network = Network::start(&[], &[]);
    network.ask(WALLET, &["account", "deposit", "1000"]);
    let module = network.copy_module();
    // short enough that what is printed is shown with the result
    network.file("book.txt", "The tide came in.\n");
    let input = ["--input", "book.txt"];
    let post = [&["job", "post", &module, "--price", "1"][..], &input].concat();
    let wait = ["--wait", "--output-dir", "out", "--", "/in/book.txt"];
    let result = network.ask(WALLET, &[&post[..], &wait].concat());
    let stdout = std::fs::read_to_string(network.folder.path().join("out/stdout")).unwrap();
    assert_eq!(result["stdout"], stdout.as_str());
    let at = result["job"].as_str().unwrap();

    // Three seats were drawn; of those who signed the store still has the signatures.
    let receipt = network.ask(WALLET, &["job", "receipt", at]);
    let signed = receipt["signed_by"].as_array().unwrap();
    assert!(signed.len() >= 2, "{signed:?}");
    assert!(signed.iter().all(|seat| seat["signature"] == "verified"));
    let said = network.refused(WALLET, &["job", "bids", at]);
    assert!(said.contains("first-come"), "{said}");
    network.stop();
}

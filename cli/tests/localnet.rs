//! A job from posting to money in the wallet, with the real binary on a network that it starts itself; and what the
//! binary says where a chain is there and something else is missing. Needs the programs that `cargo xtask build` makes.
#![allow(clippy::unwrap_used)]

mod common;

use common::{files, units, workload, Network, OWNER, WALLET, WITH_CRANK};
use serde_json::{json, Value};
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn a_job_is_posted_run_checked_paid_and_withdrawn_with_nothing_but_the_command() {
    let network = Network::start(&[WITH_CRANK], &[]);
    let (module, book) = (
        workload("word-stats.wasm"),
        workload("word-stats/keepers-book.txt"),
    );
    let input = format!("book.txt={book}");
    let job = ["--input", &input, "--", "--format", "json", "/in/book.txt"];
    let price = ["job", "run", &module, "--price", "1000", "--save-to", "out"];

    let said = network.refused(WALLET, &[&price[..], &job[..]].concat());
    assert!(said.contains("lode account deposit"), "{said}");
    network.ask(WALLET, &["account", "deposit", "1000"]);
    let estimate = network.ask(
        WALLET,
        &[&["job", "estimate", module.as_str()][..], &job[..]].concat(),
    );
    let seconds = |name: &str| estimate[name].as_f64().unwrap();
    let first = seconds("seconds_to_first_instruction");
    assert!(first > 0.0 && first < seconds("seconds_here"), "{first}");
    let nodes = network.ask(OWNER, &["node", "list"]);
    let node = nodes[0]["node"].as_str().unwrap();
    let earned =
        |name: &str| units(&network.ask(OWNER, &["account", "show", "--node", node])[name]);
    let before = earned("available");

    let run = [&price[..], &job[..]].concat();
    let output = network.lode(WALLET, &run);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    common::schema::require_fit(&run, &result);
    // Who had ended it before would have known its job.
    let mut lines = said
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let posted = lines.find(|line| line["event"] == "job_posted").unwrap();
    assert_eq!(posted["job"], result["job"]);
    assert!(units(&posted["escrow"]) > 0, "{posted}");
    assert_eq!(result["result"], estimate["result"]);
    assert_eq!(result["units"], estimate["units"]);
    let out = network.folder.path().join("out");
    let stdout = std::fs::read_to_string(out.join("stdout")).unwrap();
    assert_eq!(result["stdout"], stdout.as_str());
    assert_eq!(
        std::fs::read_to_string(out.join("out/report.json")).unwrap(),
        stdout
    );
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        report["bytes"].as_u64(),
        Some(std::fs::metadata(&book).unwrap().len())
    );

    // The node is paid the work less 5 % burned and 2 % of the market; the customer also paid three checks.
    let work = units(&result["work"]);
    assert_eq!(earned("available") - before, work - work / 20 - work / 50);
    let customer = network.ask(WALLET, &["account", "show"]);
    assert_eq!(units(&customer["available"]), 1_000_000_000_000 - 4 * work);
    assert_eq!(units(&customer["locked"]), 0);
    let taken = network.ask(OWNER, &["account", "withdraw", "5", "--node", node]);
    assert_eq!(units(&taken["withdrawn"]), 5_000_000_000);
    assert_eq!(earned("in_the_wallet"), 5_000_000_000);

    // What the worker's key can lose is the owner's to say.
    let cap = ["account", "cap", "1234.5", "--node", node];
    network.refused(WALLET, &cap);
    let capped = network.ask(OWNER, &cap);
    let of_node = ["account", "show", "--node", node];
    let shown = network.ask(OWNER, &of_node);
    assert_eq!(units(&shown["locked_cap"]), 1_234_500_000_000);
    assert_ne!(capped["before"], shown["locked_cap"]);
    network.ask(
        OWNER,
        &[
            "account",
            "cap",
            capped["before"]["amount"].as_str().unwrap(),
            "--node",
            node,
        ],
    );
    assert_eq!(network.ask(OWNER, &of_node)["locked_cap"], capped["before"]);
    let said = network.refused(OWNER, &["account", "close", "--node", node]);
    assert!(said.contains("withdraw all of it"), "{said}");
    let jobs = network.ask(WALLET, &["job", "list", "--state", "settled"]);
    assert_eq!(jobs.as_array().unwrap().len(), 1);

    // What nobody does for himself the network does: what the job owes is swept, and whoever checked it is paid.
    let owed = |row: &Value| {
        let parts = ["to_burn", "to_the_checks"];
        parts.iter().map(|part| units(&row[part])).sum::<u64>()
    };
    let paid = || {
        let shows = (0..5).map(|oracle| {
            let wallet = format!(".localnet/keys/oracle-{oracle}");
            let shown = network.lode(&wallet, &["account", "show"]);
            // who was not drawn has no account
            serde_json::from_slice(&shown.stdout)
                .map_or(0, |shown: Value| units(&shown["available"]))
        });
        shows.sum::<u64>()
    };
    let begun = Instant::now();
    loop {
        let fees = network.ask(WALLET, &["market", "fees"]);
        let owed: u64 = fees.as_array().unwrap().iter().map(owed).sum();
        let paid = paid();
        // three checks, less what their number of signers does not divide
        if owed == 0 && paid + 3 > 3 * work {
            assert!(paid <= 3 * work);
            break;
        }
        let waited = begun.elapsed();
        assert!(
            waited < Duration::from_secs(120),
            "{owed} owed, {paid} paid"
        );
        std::thread::sleep(Duration::from_millis(500));
    }

    // The next customer is told what was paid, how long it took, and that fees outweigh so small a job: at a million
    // tokens a SOL, 50 000 lamports are 50 tokens.
    let ask = ["--markets", "--tokens-per-sol", "1000000"];
    let told = network.ask(
        WALLET,
        &[&["job", "estimate", &module][..], &ask, &job].concat(),
    );
    let market = &told[0];
    assert_eq!(market["fits"], true);
    assert_eq!(units(&market["price"]), 1_000_000_000_000);
    assert_eq!(units(&market["work"]), work);
    assert_eq!(units(&market["checks"]), 3 * work);
    assert!(units(&market["escrow"]) >= 4 * work);
    let fees: u64 = 50_000_000_000;
    let share = market["fees_to_work"].as_f64().unwrap();
    assert!(
        (share * work as f64 / fees as f64 - 1.0).abs() < 1e-9,
        "{share}"
    );
    assert_eq!(market["tasks_a_job"], (10 * fees).div_ceil(work));
    // and so is who posts it
    let post = ["job", "post", &module, "--price", "1000", "--dry-run"];
    let told = network.told(WALLET, &[&post[..], &ask[1..], &job].concat());
    for line in [
        "Network fees: about 0.00005 SOL a job".into(),
        format!("The fees are {:.1} % of the work", share * 100.0),
        format!("give {} such tasks to one job", market["tasks_a_job"]),
    ] {
        assert!(told.contains(&line), "{line}: {told}");
    }
    // What is asked for is what would be sent, and what is offered is what would be paid.
    let would = |more: &[&str]| {
        let shown = network.ask(WALLET, &[&post[..], more, &job].concat());
        let sent = &shown["transactions"][0];
        let checked = sent["instructions"]
            .to_string()
            .contains("\"checked\":true");
        (checked, units(&sent["fee"]))
    };
    let fee = 5_000;
    assert_eq!(would(&["--with-compute-unit-price", "0"]), (false, fee));
    let (checked, dearer) = would(&["--checked", "--with-compute-unit-price", "1000000"]);
    // a lamport for each unit of compute
    assert!(checked && dearer > fee + 2_000, "{checked} {dearer}");

    let times = market["time_by_class"].as_array().unwrap();
    assert_eq!(times.len(), 1);
    assert_eq!(
        times[0]["class"],
        network.ask(OWNER, &["node", "show"])["class"]
    );
    assert!(times[0]["seconds"].as_f64().unwrap() >= 0.5);

    // A failure is a result too, and who says that he wants it pays for it.
    let fails = ["job", "run", &module, "--price", "1000"];
    let fails = [&fails[..], &["--yes", "--", "/in/nothing.txt"]].concat();
    let result = network.ask(WALLET, &fails);
    assert_eq!(result["end"], "exit(1)");
    assert!(units(&result["work"]) > 0);

    // What the store damaged or lost is said with where else it may be.
    let at = result["job"].as_str().unwrap();
    let hash = result["result"].as_str().unwrap();
    let stored = files(&network.folder.path().join(".localnet/gateway/blobs"));
    let receipt = stored.iter().find(|path| path.ends_with(hash)).unwrap();
    std::fs::remove_file(receipt).unwrap();
    let missing = format!("is not in the store {}", network.gateway());
    for why in [missing.as_str(), "came with the wrong bytes"] {
        for command in ["result", "receipt"] {
            let said = network.refused(WALLET, &["job", command, at]);
            assert!(
                said.contains(why) && said.contains("--mirror URL"),
                "{said}"
            );
        }
        std::fs::write(receipt, "{}").unwrap();
    }
    network.stop();
}

#[test]
fn where_money_gateway_or_anything_else_is_missing_the_command_says_what_to_do_and_nothing_is_lost()
{
    // Bare: the chain and its market are there, the gateway is not.
    let network = Network::start(&["--bare"], &[]);
    let module = workload("picture.wasm");
    network.ask(WALLET, &["account", "deposit", "1000"]);
    let post = [
        "job",
        "post",
        &module,
        "--price",
        "1",
        "--units-limit",
        "9000",
    ];
    let said = network.refused(WALLET, &post);
    assert!(
        said.contains("does not answer") && said.contains("Nothing was posted"),
        "{said}"
    );
    assert_eq!(network.ask(WALLET, &["job", "list"]), serde_json::json!([]));
    let account = network.ask(WALLET, &["account", "show"]);
    assert_eq!(units(&account["available"]), 1_000_000_000_000);

    let too_much = [
        "job",
        "post",
        &module,
        "--price",
        "1",
        "--memory-mib",
        "4096",
    ];
    let said = network.refused(WALLET, &too_much);
    assert!(
        said.contains("1024") && said.contains("--memory-mib"),
        "{said}"
    );
    let too_long = [
        "job",
        "post",
        &module,
        "--price",
        "1",
        "--units-limit",
        "2000000",
    ];
    let said = network.refused(WALLET, &too_long);
    assert!(said.contains("1000000"), "{said}");
    // A job for one node is posted only if that node can take it.
    let [nobody, worker] = [(); 2].map(|()| Keypair::new().pubkey().to_string());
    let said = network.refused(WALLET, &[&post[..], &["--target", &nobody]].concat());
    assert!(
        said.contains("no node") && said.contains("lode node list"),
        "{said}"
    );
    let register = ["node", "register", "--worker", &worker, "--no-verify"];
    let node = network.ask(WALLET, &register)["node"].clone();
    let node = node.as_str().unwrap();
    let said = network.refused(WALLET, &[&post[..], &["--target", node]].concat());
    assert!(said.contains("lode account open --node"), "{said}");

    // What fails here would fail there, and be paid: who posts it is asked. What no node takes is not posted at all.
    let file = |name: &str, text: &str| {
        let path = network.folder.path().join(name);
        std::fs::write(path, wat::parse_str(text).unwrap()).unwrap();
    };
    file("trap.wasm", TRAP);
    file("aborts.wasm", ABORTS);
    file("invalid.wasm", INVALID);
    let reads = workload("word-stats.wasm");
    for (module, said) in [
        (
            reads.as_str(),
            &["exit code 1, after it said", "/in/nothing.txt"][..],
        ),
        ("aborts.wasm", &["aborted (unreachable)"][..]),
        // a trap takes all that it could have had
        (
            "trap.wasm",
            &["MemoryOutOfBounds", "1 LODE for the work and 3 LODE for"][..],
        ),
    ] {
        for command in ["post", "run"] {
            let post = ["job", command, module, "--price", "1"];
            let asked = network.refused(WALLET, &[&post[..], &["--", "/in/nothing.txt"]].concat());
            assert!(asked.contains("--yes"), "{asked}");
            for said in said {
                assert!(asked.contains(said), "{said}: {asked}");
            }
        }
    }
    for more in [&["--yes"][..], &["--units-limit", "9000"]] {
        let post = ["job", "post", "invalid.wasm", "--price", "1"];
        let said = network.refused(WALLET, &[&post[..], more].concat());
        assert!(
            said.contains("nothing was posted") && said.contains("no function `_start`"),
            "{said}"
        );
    }
    for amount in ["-1", "1.0000000001", "lots", ""] {
        let amount = format!("--price={amount}");
        let said = network.refused(WALLET, &["job", "post", &module, &amount]);
        assert!(said.contains("is no amount"), "{said}");
    }
    let said = network.refused(WALLET, &["account", "deposit", "999999999"]);
    assert!(said.contains("less than"), "{said}");
    let said = network.refused(WALLET, &["account", "withdraw", "2000"]);
    assert!(said.contains("at most"), "{said}");

    // A wallet that has nothing at all.
    let key = solana_keypair::Keypair::new();
    let poor = network.folder.path().join("poor.json");
    std::fs::write(&poor, format!("{:?}", key.to_bytes())).unwrap();
    let said = network.refused("poor", &["account", "open"]);
    assert!(said.contains("not enough SOL"), "{said}");
    let said = network.refused("poor", &["account", "deposit", "1"]);
    assert!(said.contains("holds 0 LODE"), "{said}");
    let said = network.refused("poor", &["node", "show"]);
    assert!(said.contains("lode node register"), "{said}");
    // an account, but none of a job
    let program = lode_staking::ID.to_string();
    let said = network.refused(WALLET, &["job", "show", &program]);
    assert!(said.contains("no job that can be read"), "{said}");
    let worker = format!("{WALLET}.json");
    let said = network.refused(WALLET, &["node", "run", "--worker", &worker]);
    assert!(said.contains("no node's worker"), "{said}");
    let said = network.refused(WALLET, &["job", "list", "--state", "asleep"]);
    assert!(
        said.contains("asleep") && said.contains("settled"),
        "{said}"
    );
    what_is_done_is_not_told_as_a_failure(&network, &module);
    network.stop();
}

/// What an RPC server suffers from as soon as it passed on a transaction, when accounts are asked for.
#[derive(Clone, Copy)]
enum Ill {
    Silent,
    Behind,
}

/// An RPC server before a healthy one, which is ill for so many answers.
struct Relay {
    to: String,
    ill: Ill,
    left: AtomicUsize,
    sent: AtomicBool,
}

/// Starts one. Its URL.
fn relay(to: &str, ill: Ill, answers: usize) -> String {
    let relay = Arc::new(Relay {
        to: to.strip_prefix("http://").unwrap().to_string(),
        ill,
        left: AtomicUsize::new(answers),
        sent: AtomicBool::new(false),
    });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let relay = relay.clone();
            // whoever asked may be gone before he has his answer
            std::thread::spawn(move || relay.pass(stream));
        }
    });
    url
}

impl Relay {
    /// Passes on one request and its answer.
    fn pass(&self, mut from: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(from.try_clone()?);
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line == "\r\n" {
                break;
            }
            let lower = line.to_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if !lower.starts_with("connection:") {
                head.push_str(&line);
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let asked: Value = serde_json::from_slice(&body).unwrap();
        let is_ill = asked["method"] == "getMultipleAccounts" && self.sent.load(Ordering::SeqCst);
        let less = |left: usize| left.checked_sub(1);
        if is_ill
            && self
                .left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
                .is_ok()
        {
            if let Ill::Silent = self.ill {
                return Ok(());
            }
            let nothing = vec![Value::Null; asked["params"][0].as_array().unwrap().len()];
            let result = json!({ "context": { "slot": 1 }, "value": nothing });
            let answer =
                json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result }).to_string();
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
            let length = answer.len();
            return write!(from, "{head}\r\nContent-Length: {length}\r\n\r\n{answer}");
        }
        if asked["method"] == "sendTransaction" {
            self.sent.store(true, Ordering::SeqCst);
        }
        let mut upstream = TcpStream::connect(&self.to)?;
        write!(upstream, "{head}Connection: close\r\n\r\n")?;
        upstream.write_all(&body)?;
        std::io::copy(&mut upstream, &mut from)?;
        Ok(())
    }
}

/// A command of the wallet's at another server, or as people see it.
fn wallet_at(network: &Network, url: &str, args: &[&str]) -> Output {
    let folder = network.folder.path();
    Command::new(common::binary())
        .args(["-u", url, "-k", &format!("{WALLET}.json")])
        .args(args)
        .current_dir(folder)
        .env("HOME", folder)
        .env_remove("XDG_CONFIG_HOME")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Whoever has paid is not told to pay again, and whoever waits for nothing is told so.
fn what_is_done_is_not_told_as_a_failure(network: &Network, module: &str) {
    let said = |output: &Output| String::from_utf8(output.stderr.clone()).unwrap();
    let account = || network.ask(WALLET, &["account", "show"]);
    let before = units(&account()["available"]);
    // A server that is behind for a moment is asked again; one that stays behind says nothing of what was done.
    for (answers, code) in [(3, 0), (usize::MAX, 5)] {
        let url = relay(&network.url, Ill::Behind, answers);
        let output = wallet_at(network, &url, &["account", "deposit", "1"]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{said}");
        if code == 5 {
            let done = [
                "do not do it again",
                "does not have it yet",
                "`lode account show",
            ];
            assert!(done.iter().all(|part| said.contains(part)), "{said}");
            assert_eq!(said.trim_end().lines().count(), 1, "{said}");
        }
    }
    let after = units(&account()["available"]);
    assert_eq!(after, before + 2_000_000_000);

    // A job is stored also where nothing can be read once it is posted.
    let at = network.gateway();
    let at = at.strip_prefix("http://").unwrap();
    let serve = ["gateway", "run", "--store", "blobs", "--listen", at];
    let _gateway = network.spawn(WALLET, &serve);
    let begun = Instant::now();
    while TcpStream::connect(at).is_err() {
        assert!(begun.elapsed() < PATIENCE, "the gateway does not listen");
        std::thread::sleep(Duration::from_millis(100));
    }
    let post = ["job", "post", module, "--price", "1"];
    let post = [&post[..], &["--units-limit", "9000"]].concat();
    let url = relay(&network.url, Ill::Silent, usize::MAX);
    let output = wallet_at(network, &url, &post);
    let shown = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(shown.contains("No node works in the market now"), "{shown}");
    let said = said(&output);
    assert_eq!(output.status.code(), Some(5), "{said}");
    let jobs = network.ask(WALLET, &["job", "list", "--state", "open"]);
    assert_eq!(jobs.as_array().unwrap().len(), 1);
    let job = jobs[0]["job"].as_str().unwrap();
    for part in ["do not do it again", &format!("`lode job show {job}`")] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let hash = hex::encode(lode_runtime::sha256(&std::fs::read(module).unwrap()));
    let stored = files(&network.folder.path().join("blobs"));
    assert!(
        stored.iter().any(|path| path.ends_with(&hash)),
        "{stored:?}"
    );

    // Nobody is there to take it: that is said while it can be taken, and when it cannot be any more nobody waits.
    let slot = || {
        network.ask(WALLET, &["network", "show"])["slot"]
            .as_u64()
            .unwrap()
    };
    let deadline = network.ask(WALLET, &["job", "show", job])["deadline_slot"].clone();
    let deadline = deadline.as_u64().unwrap();
    let window = network.ask(WALLET, &["market", "show"])["accept_slots"].clone();
    let begun = Instant::now();
    while slot() < deadline - window.as_u64().unwrap() + 25 {
        assert!(begun.elapsed() < PATIENCE, "no slot passes");
    }
    let watch = ["job", "watch", job];
    let output = wallet_at(
        network,
        &network.url,
        &[&watch[..], &["--timeout", "0"]].concat(),
    );
    assert_eq!(output.status.code(), Some(4));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("Nobody took it yet"), "{shown}");
    let begun = Instant::now();
    while slot() < deadline + 75 {
        assert!(begun.elapsed() < PATIENCE, "the clock does not move");
        network.ask(WALLET, &["network", "forward", "30m"]);
    }
    let said = network.refused(WALLET, &watch);
    let cancel = format!("`lode job cancel {job}`");
    assert!(
        said.contains("No node got the job") && said.contains(&cancel),
        "{said}"
    );

    // Whoever asks for the result of a job that has none for ever is not told to wait for it.
    network.ask(WALLET, &["job", "cancel", job]);
    for command in ["result", "receipt"] {
        let output = network.lode(WALLET, &["job", command, job]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        for part in ["taken back before a node ran it", "all of its escrow"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
    assert_eq!(units(&account()["available"]), after);
}

/// Reads beyond its memory.
const TRAP: &str = r#"(module (memory (export "memory") 1)
  (func (export "_start") (drop (i32.load (i32.const 65536)))))"#;

/// Ends as most languages abort.
const ABORTS: &str =
    r#"(module (memory (export "memory") 1) (func (export "_start") unreachable))"#;

/// Has nothing to begin with.
const INVALID: &str = r#"(module (memory (export "memory") 1))"#;

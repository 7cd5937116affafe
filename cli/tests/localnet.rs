//! A job from posting to money in the wallet, with the real binary on a network that it starts itself; and what the
//! binary says where a chain is there and something else is missing. Needs the programs that `cargo xtask build` makes.
#![allow(clippy::unwrap_used)]

mod common;

use common::{units, workload, Network, OWNER, WALLET, WITH_CRANK};
use serde_json::Value;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::time::{Duration, Instant};

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

    let result = network.ask(WALLET, &[&price[..], &job[..]].concat());
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
    network.stop();
}

/// Reads beyond its memory.
const TRAP: &str = r#"(module (memory (export "memory") 1)
  (func (export "_start") (drop (i32.load (i32.const 65536)))))"#;

/// Ends as most languages abort.
const ABORTS: &str =
    r#"(module (memory (export "memory") 1) (func (export "_start") unreachable))"#;

/// Has nothing to begin with.
const INVALID: &str = r#"(module (memory (export "memory") 1))"#;

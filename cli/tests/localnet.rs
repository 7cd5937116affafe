//! A job from posting to money in the wallet, with the real binary on a network that it starts itself; and what the
//! binary says where a chain is there and something else is missing. Needs the programs that `cargo xtask build` makes.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A network that ends with the test.
struct Network {
    folder: TempDir,
    process: Child,
    url: String,
}

impl Network {
    fn start(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free: Vec<TcpListener> = (0..3)
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        let port = |i: usize| free[i].local_addr().unwrap().port().to_string();
        let ports = [port(0), port(1), port(2)];
        drop(free);
        let mut process = Command::new(env!("CARGO_BIN_EXE_lode"))
            .args(["localnet", "--rpc-port", &ports[0], "--ws-port", &ports[1]])
            .args(["--gateway-port", &ports[2], "--slot-millis", "100"])
            // wherever this test was compiled to, the programs are where `cargo xtask build` puts them
            .args([
                "--programs",
                concat!(env!("CARGO_MANIFEST_DIR"), "/../target/deploy"),
            ])
            .args(more)
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(process.stdout.take().unwrap()).lines();
        let ready = said
            .map_while(Result::ok)
            .any(|line| line.contains("ctrl-c stops"));
        assert!(ready, "the network did not start");
        Self {
            folder,
            process,
            url: format!("http://127.0.0.1:{}", ports[0]),
        }
    }

    fn lode(&self, wallet: &str, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_lode"))
            .args(args_before_double_dash(
                args,
                &["-u", &self.url, "-k", wallet, "--output", "json"],
            ))
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .output()
            .unwrap()
    }

    fn ask(&self, wallet: &str, args: &[&str]) -> Value {
        let output = self.lode(wallet, args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn refused(&self, wallet: &str, args: &[&str]) -> String {
        let output = self.lode(wallet, args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.starts_with("error: "), "{said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{said}");
        said
    }

    /// SIGTERM, and it must end by itself without a complaint.
    fn stop(mut self) {
        let pid = i32::try_from(self.process.id()).unwrap();
        // SAFETY: a signal to a process that this test started and has not waited for yet.
        assert_eq!(unsafe { libc::kill(pid, libc::SIGTERM) }, 0);
        let deadline = Instant::now() + Duration::from_secs(30);
        let status = loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not stop");
            std::thread::sleep(Duration::from_millis(100));
        };
        assert_eq!(status.code(), Some(0));
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What follows `--` belongs to the program: options stand before it.
fn args_before_double_dash<'a>(args: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    let at = args
        .iter()
        .position(|arg| *arg == "--")
        .unwrap_or(args.len());
    [&args[..at], more, &args[at..]].concat()
}

fn workload(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/workloads");
    path.join(name).to_str().unwrap().to_string()
}

fn units(value: &Value) -> u64 {
    value["base_units"].as_u64().unwrap()
}

const WALLET: &str = ".localnet/keys/wallet.json";
const OWNER: &str = ".localnet/keys/node-0.json";

#[test]
fn a_job_is_posted_run_checked_paid_and_withdrawn_with_nothing_but_the_command() {
    let network = Network::start(&[]);
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
    let jobs = network.ask(WALLET, &["job", "list", "--state", "settled"]);
    assert_eq!(jobs.as_array().unwrap().len(), 1);
    network.stop();
}

#[test]
fn where_money_gateway_or_anything_else_is_missing_the_command_says_what_to_do_and_nothing_is_lost()
{
    // Bare: the chain and its market are there, the gateway is not.
    let network = Network::start(&["--bare"]);
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
        said.contains("does not answer") && said.contains("nothing was posted"),
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
    let said = network.refused("poor.json", &["account", "open"]);
    assert!(said.contains("not enough SOL"), "{said}");
    let said = network.refused("poor.json", &["account", "deposit", "1"]);
    assert!(said.contains("holds 0 LODE"), "{said}");
    let said = network.refused("poor.json", &["node", "show"]);
    assert!(said.contains("lode node register"), "{said}");
    let said = network.refused(
        WALLET,
        &[
            "job",
            "show",
            "7cFVjMmfX3wbPP8JBniYGsdHNBwknZb73F7xD6hokXHX",
        ],
    );
    assert!(said.contains("no job that can be read"), "{said}");
    let said = network.refused(WALLET, &["node", "run", "--worker", WALLET]);
    assert!(said.contains("no node's worker"), "{said}");
    let said = network.refused(WALLET, &["job", "list", "--state", "asleep"]);
    assert!(
        said.contains("asleep") && said.contains("settled"),
        "{said}"
    );
    network.stop();
}

//! Bad input, given to the real binary: one sentence that says what is wrong and what to do, a non-zero exit code, and
//! nothing lost. Needs the programs that `cargo xtask build` makes.
#![allow(clippy::unwrap_used)]

mod common;

use common::workload;
use lode_index::Index;
use lode_localnet::{free_port, Localnet, Options};
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A home of its own, in which there is nothing but what a test puts there.
struct Home {
    folder: TempDir,
}

impl Home {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_string()
    }

    /// A wallet that exists.
    fn wallet(&self) -> String {
        let key = Keypair::new();
        self.file("wallet.json", format!("{:?}", key.to_bytes()).as_bytes())
    }

    fn lode(&self, args: &[&str]) -> Output {
        Command::new(common::binary())
            .args(args)
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env_remove("RUST_LOG")
            .output()
            .unwrap()
    }

    /// Runs a command that must fail, and returns its one sentence.
    fn refused(&self, args: &[&str]) -> String {
        let output = self.lode(args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{args:?} was not refused");
        common::require_code(&output.status, &said);
        assert!(output.stdout.is_empty(), "{args:?}");
        assert!(said.starts_with("error: "), "{args:?}: {said}");
        for trace in ["panicked", "backtrace", "stack", "RUST_", "\u{1b}"] {
            assert!(!said.contains(trace), "{args:?}: {said}");
        }
        assert_eq!(said.trim_end().lines().count(), 1, "{args:?}: {said}");
        said
    }
}

/// An RPC server that is none: nothing listens on its port.
fn nobody() -> String {
    format!("http://127.0.0.1:{}", free_port().unwrap())
}

/// A web server that answers everything with a page: a URL that was mistyped.
fn web_page() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let page = "<html>hello</html>";
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
                page.len()
            );
        }
    });
    url
}

const ADDRESS: &str = "7cFVjMmfX3wbPP8JBniYGsdHNBwknZb73F7xD6hokXHX";

#[test]
fn an_unknown_flag_or_command_is_named() {
    let home = Home::new();
    for args in [
        &["--nonsense"][..],
        &["job", "estimate", "--nonsense"][..],
        &["job", "fly"][..],
        &["node", "show", "not-an-address"][..],
        &["network", "show", "--output", "xml"][..],
        &["job", "run", "module.wasm"][..],
        &["stake", "delegate", "10"][..],
        &["stake", "delegate", "10", "--node", "nowhere"][..],
        &["rewards", "claim", "--all", "--node", ADDRESS][..],
        &["network", "handover", "everything", ADDRESS][..],
        &["network", "pause", "oracle"][..],
        &["rewards", "report"][..],
        &["rewards", "report", "--year", "26"][..],
        &["rewards", "report", "--year", "2026", "--format", "xml"][..],
        &["epoch", "finalize", "last"][..],
        &["node", "run", "--worker", "w.json", "--hours", "6-6"][..],
        &["node", "run", "--worker", "w.json", "--when", "idle,asleep"][..],
        &[
            "node",
            "run",
            "--worker",
            "w.json",
            "--most-temperature",
            "7",
        ][..],
        &["gateway", "mirror", "--copy-seconds", "0"][..],
        &[
            "job",
            "map",
            "m.wasm",
            "texts",
            "--price",
            "1",
            "--save-to",
            "mapped",
            "--tokens-per-sol=-5",
        ][..],
    ] {
        let output = home.lode(args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.starts_with("error: "), "{args:?}: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn every_command_has_help() {
    let home = Home::new();
    for group in [
        "network", "node", "stake", "rewards", "epoch", "stats", "market", "account", "oracle",
        "job", "gateway", "localnet",
    ] {
        let output = home.lode(&[group, "--help"]);
        assert!(output.status.success());
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(
            said.contains("--url") && said.contains("--keypair"),
            "{said}"
        );
    }
}

#[test]
fn a_missing_wallet_is_named_with_how_to_make_one() {
    let home = Home::new();
    home.file(
        "plan.toml",
        include_bytes!("../../migrations/localnet.toml"),
    );
    for args in [
        &["-k", "no.json", "account", "show", "--all"][..],
        &["-k", "no.json", "job", "list"][..],
        &["-k", "no.json", "node", "show"][..],
        &["-k", "no.json", "network", "apply", "plan.toml"][..],
        &["-k", "no.json", "node", "register", "--worker", ADDRESS][..],
    ] {
        let url = nobody();
        let args = [args, &["-u", &url]].concat();
        let said = home.refused(&args);
        assert!(
            said.contains("no.json") && said.contains("solana-keygen new"),
            "{said}"
        );
    }
}

#[test]
fn a_broken_wallet_is_not_used() {
    let home = Home::new();
    let wallet = home.file("broken.json", b"[1,2,3]");
    let said = home.refused(&["-k", &wallet, "-u", &nobody(), "account", "show", "--all"]);
    assert!(
        said.contains("broken.json") && said.contains("--keypair"),
        "{said}"
    );
}

#[test]
fn wrong_settings_are_named() {
    let home = Home::new();
    let said = home.refused(&["-u", "devnett", "network", "show"]);
    assert!(
        said.contains("devnett") && said.contains("http://"),
        "{said}"
    );
    let said = home.refused(&["--commitment", "soon", "network", "show"]);
    assert!(
        said.contains("soon") && said.contains("confirmed"),
        "{said}"
    );
    let said = home.refused(&["-C", "nowhere.yml", "network", "show"]);
    assert!(said.contains("nowhere.yml"), "{said}");
    home.file("odd.yml", b"json_rpc_url: [");
    let said = home.refused(&["-C", "odd.yml", "network", "show"]);
    assert!(said.contains("odd.yml"), "{said}");
}

#[test]
fn a_server_that_is_down_is_named_by_every_command_that_needs_it() {
    let home = Home::new();
    let (wallet, url) = (home.wallet(), nobody());
    let key = home.file("key.json", &std::fs::read(&wallet).unwrap());
    let store = home.path("store");
    for args in [
        &["network", "show"][..],
        &["node", "list"][..],
        &["node", "show"][..],
        &["node", "register", "--worker", ADDRESS][..],
        &["node", "stake", "10", "--node", ADDRESS][..],
        &["node", "commission", "5", "--node", ADDRESS][..],
        &["node", "payout", ADDRESS][..],
        &["node", "worker", ADDRESS][..],
        &["node", "unjail"][..],
        &["node", "exit", "--yes"][..],
        &["node", "close"][..],
        &["stake", "delegate", "10", "--node", ADDRESS][..],
        &["stake", "unstake", "10"][..],
        &["stake", "restake"][..],
        &["stake", "withdraw"][..],
        &["stake", "show"][..],
        &["rewards", "show"][..],
        &["rewards", "claim", "--all"][..],
        &["rewards", "report", "--year", "2026"][..],
        &["epoch", "list"][..],
        &["epoch", "show", "3"][..],
        &["epoch", "record"][..],
        &["epoch", "finalize"][..],
        &["epoch", "claim"][..],
        &["epoch", "close"][..],
        &["stats", "concentration"][..],
        &["network", "set", "--delegation-ratio", "5"][..],
        &["network", "forward", "2h"][..],
        &["network", "handover", "staking", ADDRESS][..],
        &["network", "accept", "jobs"][..],
        &["network", "pause", "staking"][..],
        &["market", "list"][..],
        &["market", "show"][..],
        &["account", "show"][..],
        &["account", "open"][..],
        &["account", "deposit", "1"][..],
        &["account", "withdraw", "1"][..],
        &["oracle", "show"][..],
        &["oracle", "join", "--attester", ADDRESS][..],
        &["oracle", "run", "--attester", &key][..],
        &[
            "gateway",
            "run",
            "--store",
            store.to_str().unwrap(),
            "--listen",
            "127.0.0.1:0",
        ][..],
        &["gateway", "mirror", "--listen", "127.0.0.1:0"][..],
        &["job", "list"][..],
        &["job", "forget", ADDRESS][..],
        &["job", "show", ADDRESS][..],
        &["job", "watch", ADDRESS][..],
        &["job", "result", ADDRESS][..],
        &["job", "cancel", ADDRESS][..],
        &["job", "approve", ADDRESS][..],
        &["job", "challenge", ADDRESS, "--yes"][..],
        &["job", "raise", ADDRESS, "--units-limit", "9"][..],
        &["job", "bids"][..],
        &["job", "award", ADDRESS][..],
        &["job", "receipt", ADDRESS][..],
        &["market", "fees"][..],
        &["market", "close-entry"][..],
        &["job", "post", &workload("picture.wasm"), "--price", "1"][..],
        &["job", "run", &workload("picture.wasm"), "--price", "1"][..],
    ] {
        let said = home.refused(&[args, &["-k", &wallet, "-u", &url]].concat());
        assert!(
            said.contains("does not answer") && said.contains(&url),
            "{args:?}: {said}"
        );
    }
}

#[test]
fn an_index_is_not_emptied_where_it_cannot_be_built_anew() {
    let home = Home::new();
    let path = home.path("history.db");
    let index = || Index::open(path.to_str().unwrap()).unwrap();
    index().set_meta("chain", "known").unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let url = nobody();
    let server = ["-u", &url, "--index", "history.db"];
    let rebuild = ["index", "run", "--once", "--rebuild", "--yes"];
    for (more, reason) in [
        (["--poll-seconds", "1"], "does not answer"),
        (["--metrics", &port], "another port"),
    ] {
        let said = home.refused(&[&rebuild[..], &server, &more].concat());
        assert!(said.contains(reason), "{said}");
        assert_eq!(index().meta("chain").unwrap().as_deref(), Some("known"));
    }
}

#[test]
fn a_server_that_is_no_cluster_is_named() {
    let home = Home::new();
    let url = web_page();
    let said = home.refused(&["network", "show", "-u", &url]);
    assert!(
        said.contains("no Solana cluster") && said.contains("--url"),
        "{said}"
    );
}

/// A cluster on which nobody has started Lode: its programs are there, and nothing that a plan makes.
#[test]
fn a_cluster_without_lode_is_said_to_be_one() {
    let home = Home::new();
    let wallet = home.wallet();
    let [rpc_port, ws_port] = [(); 2].map(|()| free_port().unwrap());
    let programs = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/deploy");
    let options = Options {
        rpc_port,
        ws_port,
        ..Options::new(programs, Keypair::new().pubkey())
    };
    let tokio = tokio::runtime::Runtime::new().unwrap();
    let network = tokio.block_on(Localnet::start(options)).unwrap();
    let url = network.rpc_url().to_string();
    let none = format!(
        "There is no Lode network on {url}: check --url, or start one with `lode localnet`"
    );
    let no_market = format!(
        "There is no market on {url}: check --url, or start a network with `lode localnet`"
    );
    let picture = workload("picture.wasm");
    for (args, sentence) in [
        (&["network", "show"][..], &none),
        (&["stats", "concentration"][..], &none),
        (&["stake", "show"][..], &none),
        (&["job", "run", &picture, "--price", "1"][..], &no_market),
        (&["job", "post", &picture, "--price", "1"][..], &no_market),
        (&["account", "deposit", "1"][..], &no_market),
    ] {
        let said = home.refused(&[args, &["-k", &wallet, "-u", &url]].concat());
        assert_eq!(said.trim_end(), format!("error: {sentence}"), "{args:?}");
    }
    tokio.block_on(network.stop()).unwrap();
}

#[test]
fn a_job_that_is_no_module_and_no_spec_is_refused_before_anything_runs() {
    let home = Home::new();
    let text = home.file("hello.txt", b"hello");
    let said = home.refused(&["job", "estimate", &text]);
    assert!(
        said.contains("neither") && said.contains("wasm32-wasip1"),
        "{said}"
    );
    let said = home.refused(&["job", "estimate", "nothing.wasm"]);
    assert!(
        said.contains("There is no") && said.contains("nothing.wasm"),
        "{said}"
    );
    let said = home.refused(&["job", "estimate", "/"]);
    assert!(said.contains("is a folder"), "{said}");
}

#[test]
fn a_malformed_spec_is_refused_with_what_is_wrong_in_it() {
    let home = Home::new();
    for (spec, reason) in [
        ("{", "EOF"),
        ("{}", "missing field"),
        (r#"{"v":1,"speed":2}"#, "speed"),
        (
            r#"{"v":2,"runtime":1,"module":{"sha256":"00","size":1},"memory_mib":1,"output_limit":1}"#,
            "`v` is 2, only 1 is known",
        ),
    ] {
        let path = home.file("spec.json", spec.as_bytes());
        let said = home.refused(&["job", "estimate", &path]);
        assert!(
            said.contains("spec.json") && said.contains(reason),
            "{said}"
        );
    }
}

#[test]
fn a_blob_that_is_missing_or_has_another_hash_is_named() {
    let home = Home::new();
    let module = std::fs::read(workload("picture.wasm")).unwrap();
    let hash = hex::encode(lode_runtime::sha256(&module));
    let spec = format!(
        r#"{{"v":1,"runtime":1,"module":{{"sha256":"{hash}","size":{}}},"memory_mib":64,"output_limit":1048576}}"#,
        module.len()
    );
    let spec = home.file("spec.json", spec.as_bytes());
    let said = home.refused(&["job", "estimate", &spec]);
    assert!(said.contains(&hash) && said.contains("--blob"), "{said}");
    let mut changed = module.clone();
    changed.push(0);
    let changed = home.file("changed.wasm", &changed);
    let said = home.refused(&["job", "estimate", &spec, "--blob", &changed]);
    assert!(said.contains(&hash) && said.contains("--blob"), "{said}");
}

#[test]
fn inputs_that_cannot_be_are_refused() {
    let home = Home::new();
    let module = workload("word-stats.wasm");
    let text = home.file("text.txt", b"one two");
    let said = home.refused(&["job", "estimate", &module, "--input", "no.txt"]);
    assert!(said.contains("no.txt"), "{said}");
    let input = format!("../escape={text}");
    let said = home.refused(&["job", "estimate", &module, "--input", &input]);
    assert!(said.contains("../escape"), "{said}");
    let said = home.refused(&["job", "estimate", &module, "--env", "=x"]);
    assert!(said.contains("env"), "{said}");
    let said = home.refused(&["job", "estimate", &module, "--memory-mib", "9999"]);
    assert!(said.contains("memory_mib"), "{said}");
    let said = home.refused(&["job", "estimate", &module, "--units-limit", "1"]);
    assert!(said.contains("below the base"), "{said}");
}

#[test]
fn a_plan_that_is_missing_or_wrong_is_named() {
    let home = Home::new();
    let wallet = home.wallet();
    let said = home.refused(&["-k", &wallet, "network", "apply", "nowhere.toml"]);
    assert!(said.contains("nowhere.toml"), "{said}");
    let plan = home.file("odd.toml", b"name = 'odd'\nspeed = 3\n");
    let output = home.lode(&["-k", &wallet, "network", "apply", &plan]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("odd.toml") && said.contains("speed"),
        "{said}"
    );
}

#[test]
fn a_local_network_without_programs_says_how_to_build_them() {
    let home = Home::new();
    let [port, ws] = [(); 2].map(|()| free_port().unwrap().to_string());
    let taken = TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    let localnet = [
        "localnet",
        "--bare",
        "--rpc-port",
        &port,
        "--ws-port",
        &ws,
        "--programs",
        "nowhere",
    ];
    let said = home.refused(&localnet);
    assert!(
        said.contains(&port) && said.contains("another port"),
        "{said}"
    );
    drop(taken);
    let said = home.refused(&localnet);
    assert!(said.contains("cargo xtask build"), "{said}");
    let said = home.refused(&["localnet", "--oracles", "17"]);
    assert!(said.contains("at most 16 founders"), "{said}");
}

#[test]
fn an_estimate_needs_neither_wallet_nor_chain_and_is_the_same_twice() {
    let home = Home::new();
    let book = workload("word-stats/keepers-book.txt");
    let input = format!("--input=book.txt={book}");
    let module = workload("word-stats.wasm");
    let args = [
        "job",
        "estimate",
        &module,
        &input,
        "--output",
        "json",
        "--",
        "/in/book.txt",
    ];
    let estimate = || -> serde_json::Value {
        let output = home.lode(&args);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let (one, two) = (estimate(), estimate());
    assert_eq!(one["end"], "exit(0)");
    assert!(one["units"].as_u64().unwrap() > one["of_these_base"].as_u64().unwrap());
    assert!(one["stdout"]["size"].as_u64().unwrap() > 1_000);
    assert_eq!(one["files"][0]["path"], "report.txt");
    for field in [
        "units",
        "units_limit",
        "fuel",
        "memory_bytes",
        "result",
        "stdout",
        "files",
    ] {
        assert!(!one[field].is_null(), "{field}");
        assert_eq!(one[field], two[field], "{field}");
    }
}

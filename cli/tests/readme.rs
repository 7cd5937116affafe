//! The README's way by hand, word for word, on a network of the test's own; and on the same network what `docs/governor.md`
//! says of a vault that holds an office.
#![allow(clippy::unwrap_used)]
mod common;

use common::Network;
use lode_client::cli_config::read_keypair;
use serde_json::{json, Value};
use solana_client::nonblocking::rpc_client::RpcClient;
use solana_signer::Signer;
use std::process::Command;

const README: &str = include_str!("../../README.md");

/// The first indented block after some words, without comments.
fn block<'a>(after: &str) -> Vec<&'a str> {
    let (_, rest) = README.split_once(after).unwrap();
    rest.lines()
        .skip_while(|line| !line.starts_with("    "))
        .take_while(|line| line.starts_with("    "))
        .map(|line| line.split(" #").next().unwrap().trim())
        .collect()
}

#[test]
fn the_readme_leads_from_nothing_to_a_settled_job_of_ones_own_in_at_most_five_commands() {
    let before = block("## By hand");
    // `cargo xtask` alone: what it is not told of, cargo refuses to a compiler that is older than Solana's crates declare
    assert_eq!(before, ["cargo xtask build", "target/debug/lode localnet"]);
    let commands = block("and in another terminal");
    let all = before.len() + commands.len();
    assert!((3..=5).contains(&all), "{before:?} {commands:?}");

    // the reader's program and input: the test's own, which nothing here is named like
    let network = Network::start(&[], &[]);
    let folder = network.folder.path();
    let module = common::workload("word-stats.wasm");
    std::fs::copy(module, folder.join("program.wasm")).unwrap();
    network.file(
        "data.txt",
        "The tide came in. The tide went out, and the boats with it.\n",
    );
    for command in &commands {
        let words: Vec<&str> = command.split_whitespace().collect();
        let (program, arguments) = words.split_first().unwrap();
        assert_eq!(*program, "target/debug/lode");
        let arguments = arguments.iter().map(|word| match *word {
            "localhost" => network.url.as_str(),
            other => other,
        });
        let output = Command::new(env!("CARGO_BIN_EXE_lode"))
            .args(arguments)
            .current_dir(folder)
            .env("HOME", folder)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {said}");
    }
    let wrote = std::fs::read_to_string(folder.join("result/stdout")).unwrap();
    for (name, value) in [
        ("words", "13"),
        ("sentences", "2"),
        ("most frequent", "the 3, tide 2, "),
    ] {
        let line = format!("{name:<24}{value}");
        assert!(wrote.lines().any(|l| l.starts_with(&line)), "{wrote}");
    }
    let report = std::fs::read_to_string(folder.join("result/out/report.txt")).unwrap();
    assert_eq!(report, wrote);
    let jobs = network.ask(common::WALLET, &["job", "list", "--state", "settled"]);
    assert_eq!(jobs.as_array().unwrap().len(), 1);
    what_a_vault_is_to_sign_is_printed(&network);
    network.stop();
}

#[test]
fn the_readme_names_the_compiler_that_the_workspace_declares() {
    let workspace = include_str!("../../Cargo.toml");
    let (_, declared) = workspace.split_once("\nrust-version = \"").unwrap();
    let (declared, _) = declared.split_once('"').unwrap();
    let said = format!("Rust {declared} or later");
    assert!(README.contains(&said), "{said}");
    for line in README.lines().filter(|line| line.starts_with("    cargo ")) {
        assert!(line.starts_with("    cargo xtask "), "{line}");
    }
}

/// A governor whose key is nowhere here, as a multisig's vault: what `--sign-only` prints is what must be signed, no more.
fn what_a_vault_is_to_sign_is_printed(network: &Network) {
    let file = format!("{}.json", common::AUTHORITY);
    let key = read_keypair(&network.folder.path().join(file)).unwrap();
    let vault = key.pubkey().to_string();
    let rpc = RpcClient::new(network.url.clone());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let blockhash = runtime.block_on(rpc.get_latest_blockhash()).unwrap();
    let blockhash = blockhash.to_string();
    let set = |days: &str, more: &[&str]| {
        let args = [&["network", "set", "--unbonding-days", days], more].concat();
        let output = Command::new(common::binary())
            .args(["-u", &network.url, "-k", &vault, "--output", "json"])
            .args(&args)
            .current_dir(network.folder.path())
            .env("HOME", network.folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {said}");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        common::schema::require_fit(&args, &answer);
        answer
    };
    let printed = set("21", &["--sign-only", "--blockhash", &blockhash]);
    assert_eq!(printed["missing"], json!([vault]));
    assert_eq!(printed["signers"], json!([]));
    let message = printed["message_base58"].as_str().unwrap();
    let message = bs58::decode(message).into_vec().unwrap();
    let signature = format!("{vault}={}", key.sign_message(&message));
    let done = set("21", &["--blockhash", &blockhash, "--signer", &signature]);
    assert_eq!(done["unbonding_seconds"], 21 * 86_400);
    // a blockhash of none, as the guide has it: a multisig takes the instructions only; and a dry run of the same
    let none = "1".repeat(32);
    let printed = set("22", &["--sign-only", "--blockhash", &none]);
    assert_eq!(printed["blockhash"], none);
    let tried = set("22", &["--sign-only", "--blockhash", &none, "--dry-run"]);
    assert_eq!(tried["transactions"].as_array().unwrap().len(), 1);
}

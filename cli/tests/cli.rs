//! What holds for every command: exit codes, dry runs that are true and send nothing, questions before what cannot be
//! undone, names in place of addresses, completions and manual, and output that stays as it is. With the real binary; what
//! needs a network needs the programs that `cargo xtask build` makes.
#![allow(clippy::unwrap_used)]

mod common;

use common::{snapshot, units, Network, AUTHORITY, WALLET};
use lode_localnet::free_port;
use serde_json::{json, Value};
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signature::Signature;
use std::fs::File;
use std::io::{PipeWriter, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::FromRawFd as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{channel, Receiver};
use std::time::Duration;

const ADDRESS: &str = "7cFVjMmfX3wbPP8JBniYGsdHNBwknZb73F7xD6hokXHX";

/// The command in a folder that is its home too, as a person types it.
fn typed(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(common::binary());
    command
        .args(args)
        .current_dir(home)
        .env("HOME", home)
        .env("COLUMNS", "100")
        .env_remove("XDG_CONFIG_HOME")
        .stdin(Stdio::null());
    command
}

fn ended(home: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = typed(home, args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn the_exit_code_says_how_it_ended() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let url = format!("http://127.0.0.1:{}", free_port().unwrap());
    for (args, code, said) in [
        (&["--version"][..], 0, ""),
        (&["help"][..], 0, ""),
        (&["-u", &url, "network", "show"][..], 3, "does not answer"),
        (&["-k", "no.json", "stake", "show"][..], 1, "no.json"),
        (&["-C", "no.yml", "network", "show"][..], 1, "no.yml"),
        (&["-k", "-", "crank", "run"][..], 1, "only from a file"),
        (&["network", "shew"][..], 2, "shew"),
        (&["node", "show", "nobody-i-know"][..], 2, "address book"),
        (&["crank", "run", "--dry-run"][..], 2, "has no dry run"),
        (
            &["job", "post", "no.wasm", "--price", "1", "--sign-only"][..],
            2,
            "signs for each of the job's files",
        ),
        // what only shows the transaction needs no other signature
        (
            &[
                "job",
                "run",
                "no.wasm",
                "--price",
                "1",
                "--sign-only",
                "--dry-run",
            ][..],
            1,
            "no.wasm",
        ),
        (
            &["node", "key", "--rotate", "--dry-run"][..],
            2,
            "has no dry run",
        ),
        (
            &["address", "remove", "nobody-i-know"][..],
            1,
            "lode address list",
        ),
    ] {
        let (found, _, stderr) = ended(home, args);
        assert_eq!(found, Some(code), "{args:?}: {stderr}");
        assert!(stderr.contains(said), "{args:?}: {stderr}");
    }
    assert!(!home.join("lode-node").exists(), "a key was made");
    let (_, help, _) = ended(home, &["help"]);
    assert!(help.contains("Exit codes:"), "{help}");
}

/// A disk without any room left.
fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

/// The end of a pipe whose reader has read enough.
fn closed() -> PipeWriter {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer
}

#[test]
fn an_answer_that_cannot_be_written_is_no_success_and_one_that_nobody_reads_to_its_end_is() {
    let home = tempfile::tempdir().unwrap();
    for args in [
        &["schema"][..],
        &["completions", "bash"],
        &["completions", "bash", "--output", "json"],
        &["address", "list"],
    ] {
        let unwritten = typed(home.path(), args).stdout(full()).output().unwrap();
        let said = String::from_utf8(unwritten.stderr).unwrap();
        assert_eq!(unwritten.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.contains("could not be written"), "{args:?}: {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{args:?}: {said}");
        let unread = typed(home.path(), args).stdout(closed()).output().unwrap();
        let said = String::from_utf8(unread.stderr).unwrap();
        assert_eq!((unread.status.code(), &*said), (Some(0), ""), "{args:?}");
    }
}

/// An RPC server that tells which chain it is of and leaves every other question open. What comes with its URL receives
/// those.
fn stalled() -> (String, Receiver<TcpStream>) {
    const CHAIN: &str = r#"{"jsonrpc":"2.0","id":0,"result":"11111111111111111111111111111111"}"#;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, asked) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request: Vec<u8> = Vec::new();
            let mut part = [0; 4096];
            while !request.ends_with(b"}") {
                match stream.read(&mut part) {
                    Ok(length) if length > 0 => request.extend_from_slice(&part[..length]),
                    _ => break,
                }
            }
            if String::from_utf8_lossy(&request).contains("getGenesisHash") {
                let length = CHAIN.len();
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
                write!(stream, "{head}\r\nContent-Length: {length}\r\n\r\n{CHAIN}").unwrap();
            } else {
                let _ = tell.send(stream);
            }
        }
    });
    (url, asked)
}

#[test]
fn a_single_pass_that_is_broken_off_is_no_success() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let wallet = format!("{:?}", Keypair::new().to_bytes());
    std::fs::write(home.join("wallet.json"), wallet).unwrap();
    for command in ["index", "crank"] {
        let (url, asked) = stalled();
        let args = ["-u", &url, "-k", "wallet.json", command, "run", "--once"];
        let running = typed(home, &args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let open = asked.recv_timeout(Duration::from_secs(60)).unwrap();
        let pid = i32::try_from(running.id()).unwrap();
        // SAFETY: a signal to a process that this test started and has not waited for yet.
        assert_eq!(unsafe { libc::kill(pid, libc::SIGTERM) }, 0);
        let ended = running.wait_with_output().unwrap();
        drop(open);
        let (answer, said) = (ended.stdout, ended.stderr);
        let [answer, said] = [answer, said].map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert!(said.contains("Broken off"), "{said}");
        assert!(answer.contains("transactions"), "{answer}");
    }
}

#[test]
fn this_machine_comes_to_every_known_receipt() {
    let home = tempfile::tempdir().unwrap();
    let (code, said, wrong) = ended(home.path(), &["runtime", "verify", "--output", "json"]);
    assert_eq!(code, Some(0), "{wrong}");
    let said: Value = serde_json::from_str(&said).unwrap();
    common::schema::require_fit(&["runtime", "verify"], &said);
    assert_eq!(
        (&said["fit"], &said["differences"]),
        (&true.into(), &0.into())
    );
    assert!(said["vectors"].as_u64().unwrap() > 10, "{said}");
    // compiled in three ways, interpreted, and in a process as jobs run
    assert_eq!(said["run_on"].as_array().unwrap().len(), 5, "{said}");
}

#[test]
fn shells_and_man_are_given_every_command() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, script, said) = ended(home, &["completions", shell]);
        assert_eq!(code, Some(0), "{said}");
        assert!(script.contains("close-entry"), "{shell}");
        if shell == "bash" {
            std::fs::write(home.join("lode.bash"), script).unwrap();
            // loaded as a shell does, and asked for what begins with `mark`
            let ask = "source ./lode.bash && COMP_WORDS=(lode mark) COMP_CWORD=1 && _lode lode mark lode && echo ${COMPREPLY[*]}";
            let asked = Command::new("bash")
                .args(["-c", ask])
                .current_dir(home)
                .output();
            let asked = String::from_utf8(asked.unwrap().stdout).unwrap();
            assert_eq!(asked.trim(), "market");
        }
    }
    let (code, said, _) = ended(home, &["man", "pages/man1", "--output", "json"]);
    assert_eq!(code, Some(0));
    let said: Value = serde_json::from_str(&said).unwrap();
    common::schema::require_fit(&["man"], &said);
    let pages = std::fs::read_dir(home.join("pages/man1")).unwrap().count();
    assert_eq!(said["pages"], pages);
    let page = std::fs::read_to_string(home.join("pages/man1/lode-job-run.1")).unwrap();
    assert!(
        page.contains("Examples:") && page.contains("\\-\\-save\\-to"),
        "{page}"
    );
}

#[test]
fn names_stand_for_addresses_until_they_are_removed() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let said = |args: &[&str], code: i32| {
        let (found, stdout, stderr) = ended(home, args);
        assert_eq!(found, Some(code), "{args:?}: {stderr}");
        stdout + &stderr
    };
    assert!(said(&["address", "list"], 0).contains("No names"));
    said(&["address", "add", "treasury", ADDRESS], 0);
    // the same again is no error, another address is
    said(&["address", "add", "treasury", ADDRESS], 0);
    let other = said(
        &["address", "add", "treasury", &ADDRESS.replace('7', "8")],
        1,
    );
    assert!(other.contains("lode address remove treasury"), "{other}");
    said(&["address", "add", "also", "treasury"], 0);
    let listed = said(&["address", "list", "--output", "json"], 0);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    common::schema::require_fit(&["address", "list"], &listed);
    let row = |name: &str| json!({ "name": name, "address": ADDRESS });
    assert_eq!(listed, json!([row("also"), row("treasury")]));
    for name in [ADDRESS, "Treasury", "nobody", "a.json", ""] {
        said(&["address", "add", name, ADDRESS], 1);
    }
    let looks = said(&["address", "add", ADDRESS, ADDRESS], 1);
    assert!(looks.contains("looks like an address"), "{looks}");
    // taken as the address: what is missing now is only the wallet
    let asked = said(
        &[
            "-k", "no.json", "stake", "delegate", "1", "--node", "treasury",
        ],
        1,
    );
    assert!(asked.contains("no.json"), "{asked}");
    said(&["address", "remove", "treasury"], 0);
    let gone = said(&["stake", "delegate", "1", "--node", "treasury"], 2);
    assert!(gone.contains("lode address add treasury"), "{gone}");
    std::fs::write(home.join(".config/lode/addresses.json"), "{").unwrap();
    let broken = said(&["stake", "delegate", "1", "--node", "treasury"], 2);
    assert!(broken.contains("addresses.json"), "{broken}");
}

#[test]
fn the_schema_of_a_command_is_one_that_stands_alone() {
    let home = tempfile::tempdir().unwrap();
    let schema = |args: &[&str]| -> Value {
        let (code, said, stderr) = ended(home.path(), args);
        assert_eq!(code, Some(0), "{stderr}");
        serde_json::from_str(&said).unwrap()
    };
    let all = schema(&["schema"]);
    let one = schema(&["schema", "market", "list"]);
    assert_eq!(one["items"], all["commands"]["market list"]["items"]);
    assert_eq!((&one["$defs"], &one["version"]), (&all["$defs"], &1.into()));
    let (code, _, said) = ended(home.path(), &["schema", "market"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("lode schema market list"), "{said}");
}

/// A network without agents, and a runtime to ask it.
struct Stage {
    network: Network,
    runtime: tokio::runtime::Runtime,
}

impl Stage {
    /// What the chain has of a wallet: its SOL, its tokens, and how many transactions name it.
    fn of(&self, wallet: &Address) -> (u64, u64, usize) {
        let client = self.network.client();
        self.runtime.block_on(async {
            let at = lode_client::addresses::staking::config();
            let config: lode_staking::state::StakingConfig = client.get_account(&at).await.unwrap();
            let mint = client.mint(&config.stake_mint).await.unwrap();
            let home = mint.account_of(wallet);
            let all = client.signatures_of(wallet, i64::MIN, i64::MAX);
            (
                client.balance(wallet).await.unwrap(),
                client.token_balance(&home).await.unwrap(),
                all.await.unwrap().len(),
            )
        })
    }

    fn address(&self, wallet: &str) -> Address {
        let path = self.network.folder.path().join(format!("{wallet}.json"));
        let key = lode_client::cli_config::read_keypair(&path).unwrap();
        solana_signer::Signer::pubkey(&key)
    }

    /// Runs a command dry, which must leave everything as it is, and then in earnest, which must do what was shown.
    fn twice(&self, wallet: &str, args: &[&str]) -> Value {
        let me = self.address(wallet);
        let before = self.of(&me);
        let shown = self.network.ask(wallet, &[args, &["--dry-run"]].concat());
        assert_eq!(self.of(&me), before, "{args:?} sent something");
        let done = self.network.ask(wallet, &[args, &["--yes"]].concat());
        let after = self.of(&me);
        assert!(after.2 > before.2, "{args:?} sent nothing");
        let transactions = shown["transactions"].as_array().unwrap();
        if let [one] = transactions.as_slice() {
            let name = me.to_string();
            let balances = one["balances"].as_array().unwrap();
            for (balance, before, after) in
                [("SOL", before.0, after.0), ("tokens", before.1, after.1)]
            {
                let row = balances
                    .iter()
                    .find(|row| row["balance"] == balance && row["of"] == name.as_str());
                let said = row.map(|row| (units(&row["before"]), units(&row["after"])));
                let is = (before != after).then_some((before, after));
                assert_eq!(said, is, "{args:?}: {balance} in {shown:#}");
            }
        }
        done
    }

    /// What people see, without what differs in each run.
    fn shown(&self, wallet: &str, args: &[&str]) -> String {
        let file = format!("{wallet}.json");
        let args = [&["-u", &self.network.url, "-k", &file], args].concat();
        let (code, stdout, stderr) = ended(self.network.folder.path(), &args);
        assert_eq!(code, Some(0), "{args:?}: {stderr}");
        format!("$ lode {}\n{}\n", args[4..].join(" "), steady(&stdout))
    }
}

/// Text with names in place of addresses, signatures, times and numbers that no two networks share; columns are not kept.
fn steady(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut words: Vec<String> = Vec::new();
        for word in line.split_whitespace() {
            let bare = word.trim_matches(|c: char| "(),".contains(c));
            let is_date = |at: &str| at.len() == 10 && at.split('-').count() == 3;
            let is_hour = |at: &str| at.len() == 9 && at.ends_with('Z');
            let name = if bare.parse::<Address>().is_ok() {
                "ADDRESS"
            } else if bare.parse::<Signature>().is_ok() {
                "SIGNATURE"
            } else if bare.starts_with("http://127") {
                "URL"
            } else if is_date(bare) || is_hour(bare) {
                "TIME"
            } else {
                bare
            };
            words.push(word.replace(bare, name));
        }
        if let [first, .., last] = words.as_mut_slice() {
            // what no two networks share, and what finding an address costs
            if ["slot", "compute"].contains(&first.as_str()) {
                *last = "NUMBER".into();
            }
        }
        lines.push(words.join(" "));
    }
    lines.join("\n")
}

#[test]
fn a_dry_run_is_true_and_sends_nothing_and_what_cannot_be_undone_is_asked() {
    let stage = Stage {
        network: Network::start(&["--bare"], &["owner", "friend"]),
        runtime: tokio::runtime::Runtime::new().unwrap(),
    };
    let network = &stage.network;
    let friend = stage.address("friend").to_string();
    network.ask("owner", &["address", "add", "friend", &friend]);

    // What people see.
    let mut seen = String::new();
    for args in [
        &["network", "show"][..],
        &["market", "list"],
        &["market", "show"],
        &["node", "list"],
        &["account", "deposit", "12.5 LODE", "--dry-run"],
        &["account", "deposit", "12.5"],
        &["account", "show"],
        &["stake", "show", "--of", "friend"],
    ] {
        seen += &stage.shown("owner", args);
    }
    snapshot::require_same("outputs.txt", &seen);

    // What is shown is what happens.
    stage.twice("owner", &["account", "withdraw", "2.5"]);
    let register = ["node", "register", "--worker", "friend", "--cores", "1"];
    let registered = stage.twice("owner", &register);
    assert_eq!(registered["worker"], friend.as_str());
    // a friend's machine is not this one
    assert_eq!(registered["machine_verified"], false);
    let node = registered["node"].as_str().unwrap();
    network.ask("owner", &["address", "add", "my-node", node]);
    stage.twice("owner", &["node", "stake", "1000"]);
    // Who looks for an account that is not open is told what opens that one, and not what pays into his own.
    let said = network.refused("owner", &["account", "show", "--node", "my-node"]);
    let opens = format!("lode account open --node {node}");
    assert!(said.contains(&opens), "{said}");
    assert!(!said.contains("deposit"), "{said}");
    let said = network.refused("owner", &["account", "show", "--party", "friend"]);
    assert!(said.contains("not open"), "{said}");
    assert!(!said.contains('`'), "{said}");
    let said = network.refused("friend", &["account", "show"]);
    assert!(said.contains("lode account deposit AMOUNT"), "{said}");
    stage.twice(
        "owner",
        &[
            "account",
            "open",
            "--node",
            "my-node",
            "--locked-cap",
            "100",
        ],
    );
    stage.twice("owner", &["account", "deposit", "100", "--node", "my-node"]);
    stage.twice("owner", &["node", "commission", "1"]);
    stage.twice("friend", &["stake", "delegate", "10", "--node", "my-node"]);
    stage.twice("friend", &["stake", "unstake", "4"]);
    stage.twice("friend", &["stake", "restake"]);
    stage.twice(AUTHORITY, &["network", "set", "--delegation-ratio", "5"]);
    stage.twice(AUTHORITY, &["network", "handover", "jobs", "friend"]);

    // A refusal is the same, and nobody is told of a success.
    let said = network.refused("owner", &["account", "withdraw", "11", "--dry-run"]);
    assert!(said.contains("at most"), "{said}");
    let early = network.lode("friend", &["stake", "unstake", "1"]);
    assert!(early.status.success());
    let early = network.lode("friend", &["stake", "withdraw", "--dry-run"]);
    assert_eq!(early.status.code(), Some(4));

    // A key on stdin is there for all of a command.
    let piped = |args: &[&str]| {
        let home = network.folder.path();
        let key = File::open(home.join("friend.json")).unwrap();
        let args = [&["-u", &network.url], args].concat();
        let output = typed(home, &args).stdin(key).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {said}");
    };
    piped(&["-k", "-", "account", "deposit", "2"]);
    piped(&["-k", "-", "--fee-payer", "-", "account", "withdraw", "all"]);
    let mine = ["-k", "owner.json", "--fee-payer", "-"];
    piped(&[&mine[..], &["account", "deposit", "1"]].concat());

    // A name is shown where people read, and nowhere else.
    let listed = stage.shown("owner", &["node", "list"]);
    assert!(listed.contains("(my-node)"), "{listed}");
    assert_eq!(network.ask("owner", &["node", "list"])[0]["node"], node);

    // What goes to somebody else, or cannot be undone, is asked.
    let gift = ["account", "deposit", "1", "--node", "my-node"];
    network.ask("friend", &["account", "deposit", "5"]);
    // What is done and could not be told is no failure to be tried again.
    let into = |wallet: &str, args: &[&str], stdout: Stdio| {
        let key = format!("{wallet}.json");
        let args = [&["-u", &network.url, "-k", &key], args].concat();
        let mut command = typed(network.folder.path(), &args);
        let ended = command.stdout(stdout).output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        (ended.status.code(), said)
    };
    let (code, said) = into("friend", &["account", "deposit", "1"], full().into());
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("do not do it again"), "{said}");
    let (code, said) = into("owner", &["top", "--once"], closed().into());
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    for (wallet, args) in [
        ("friend", &gift[..]),
        ("owner", &["node", "exit"]),
        (AUTHORITY, &["market", "close-entry"]),
        (AUTHORITY, &["network", "handover", "jobs", "owner.json"]),
    ] {
        let me = stage.address(wallet);
        let before = stage.of(&me);
        let said = network.refused(wallet, args);
        assert!(said.contains("add --yes"), "{said}");
        assert_eq!(stage.of(&me), before, "{args:?}");
    }
    let open = || network.ask(WALLET, &["market", "show"])["open"].clone();
    assert_eq!(answered(network, "n\n"), Some(4));
    assert_eq!(answered(network, "\n"), Some(4));
    assert_eq!(open(), true);
    assert_eq!(answered(network, "y\n"), Some(0));
    assert_eq!(open(), false);
    network.ask(AUTHORITY, &["market", "open-entry"]);
    assert_eq!(open(), true);

    stage.twice("owner", &["node", "exit"]);
    // Rewards, then stake, then accounts: what is shown is the first part.
    stage.twice("owner", &["node", "close"]);
}

/// Closes the market's entry from a terminal at which somebody types an answer.
fn answered(network: &Network, answer: &str) -> Option<i32> {
    let (mut ours, mut theirs) = (0, 0);
    let (name, settings, size) = (std::ptr::null_mut(), std::ptr::null(), std::ptr::null());
    // SAFETY: both places are ours, and neither name nor settings nor size are asked for.
    let opened = unsafe { libc::openpty(&mut ours, &mut theirs, name, settings, size) };
    assert_eq!(opened, 0);
    // SAFETY: the two were just opened, and nobody else has them.
    let (mut ours, theirs) = unsafe { (File::from_raw_fd(ours), File::from_raw_fd(theirs)) };
    ours.write_all(answer.as_bytes()).unwrap();
    let key = format!("{AUTHORITY}.json");
    let args = ["-u", &network.url, "-k", &key, "market", "close-entry"];
    let asked = typed(network.folder.path(), &args)
        .stdin(theirs)
        .output()
        .unwrap();
    let said = String::from_utf8(asked.stderr).unwrap();
    assert!(
        said.contains("would take no new jobs. Go on? [y/N]"),
        "{said}"
    );
    asked.status.code()
}

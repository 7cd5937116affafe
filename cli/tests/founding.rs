//! Founding: plans, committees and markets made with the real binary on a bare chain, and a chain that is kept.
#![allow(clippy::unwrap_used)]
mod common;

use common::{units, workload, Network, AUTHORITY, WALLET};
use lode_client::accounts::DISCRIMINATOR_BYTES;
use lode_client::cli_config::read_keypair;
use lode_client::{addresses, Client};
use lode_jobs::state::Ledger;
use lode_localnet::free_port;
use lode_staking::state::Node;
use serde_json::{json, Value};
use solana_client::rpc_request::RpcRequest;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::mem::offset_of;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PLAN: &str = include_str!("../../migrations/localnet.toml");

/// A section of the local network's plan without its head, with the mint's address.
fn terms(section: &str, mint: &str, id: u8) -> String {
    let (_, after) = PLAN.split_once(&format!("[{section}]\n")).unwrap();
    let end = after.find("\n[").unwrap_or(after.len());
    after[..end]
        .replace("\"LODE\"", &format!("\"{mint}\""))
        .replace("id = 0\n", &format!("id = {id}\n"))
}

fn staking_governor(network: &Network) -> String {
    let shown = network.ask(WALLET, &["network", "show"]);
    shown["staking_governor"].as_str().unwrap().to_string()
}

#[test]
fn a_network_is_founded_by_plan_and_a_committee_and_a_market_by_their_terms() {
    // programs are told where everything is, and what they read is compared with the schema
    let network = Network::start(&["--bare", "--output", "json"], &["newcomer"]);
    let shown = network.ask(WALLET, &["network", "show"]);
    assert_eq!((&shown["markets"], &shown["nodes"]), (&1.into(), &0.into()));

    // The plan is true already; for another authority it is another plan.
    network.file(
        "plan.toml",
        &PLAN.replace("http://127.0.0.1:8800", &network.gateway()),
    );
    let steps = network.ask(AUTHORITY, &["network", "apply", "plan.toml"]);
    let steps = steps.as_array().unwrap();
    assert_eq!(steps.len(), 6);
    assert!(steps.iter().all(|step| step["outcome"] == "there already"));
    let said = network.refused(WALLET, &["network", "apply", "plan.toml"]);
    assert!(said.contains("fixed for ever"), "{said}");

    // What a plan would change is shown before anything is sent, and can be written for a multisig to sign.
    let shown_plan = network.ask(AUTHORITY, &["network", "plan", "plan.toml"]);
    let standings = shown_plan.as_array().unwrap().iter();
    assert!(standings
        .clone()
        .all(|row| row["standing"] == "there already"));
    let raised = PLAN.replace("jail_seconds = 86_400", "jail_seconds = 172_800");
    network.file(
        "raised.toml",
        &raised.replace("http://127.0.0.1:8800", &network.gateway()),
    );
    let shown_plan = network.ask(AUTHORITY, &["network", "plan", "raised.toml"]);
    let staking = &shown_plan[1];
    assert_eq!(
        (&staking["field"], &staking["on_chain"], &staking["planned"]),
        (&"jail_seconds".into(), &"86400".into(), &"172800".into())
    );
    assert_eq!(staking["standing"], "to change");
    let authority = staking_governor(&network);
    let unsigned = ["network", "apply", "raised.toml", "--authority", &authority];
    let unsigned = [&unsigned[..], &["--unsigned", "to-sign"]].concat();
    let files = network.ask(WALLET, &unsigned);
    assert_eq!(files.as_array().unwrap().len(), 1);
    assert_eq!(files[0]["signer"], authority.as_str());
    // Nobody makes a plan true by mistake: where something would be sent, that is asked.
    let apply = ["network", "apply", "raised.toml"];
    let said = network.refused(AUTHORITY, &apply);
    for words in [network.url.as_str(), "staking configuration", "add --yes"] {
        assert!(said.contains(words), "{said}");
    }
    let after = network.ask(AUTHORITY, &["network", "plan", "raised.toml"]);
    assert_eq!(after, shown_plan);
    let steps = network.ask(AUTHORITY, &[&apply[..], &["--yes"]].concat());
    assert_eq!(steps[1]["outcome"], "changed");

    // What runs is what was built; a byte more is another program, and zeros at the end are none.
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/deploy");
    let programs = network.ask(
        WALLET,
        &["network", "show", "--verify", built.to_str().unwrap()],
    );
    let programs = programs.as_array().unwrap();
    assert_eq!(programs.len(), 4);
    for program in programs {
        assert_eq!(program["same"], true);
        assert_eq!(program["built"], program["deployed"]);
        assert_eq!(program["upgrade_authority"], authority.as_str());
    }
    let copies = network.folder.path().join("copies");
    std::fs::create_dir(&copies).unwrap();
    for program in programs {
        let file = format!("{}.so", program["program"].as_str().unwrap());
        let mut bytes = std::fs::read(built.join(&file)).unwrap();
        bytes.push(u8::from(file == "lode_jobs.so"));
        std::fs::write(copies.join(&file), bytes).unwrap();
    }
    let output = network.lode(WALLET, &["network", "show", "--verify", "copies"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("lode_jobs;") && !said.contains("lode_staking"),
        "{said}"
    );
    let said = network.refused(WALLET, &["network", "show", "--verify", "nowhere"]);
    assert!(said.contains("cargo xtask build"), "{said}");

    // A committee of the wallet's own.
    let mint = shown["stake_mint"].as_str().unwrap();
    network.file("committee.toml", &terms("committee", mint, 3));
    let found = ["oracle", "create-committee", "committee.toml"];
    let said = network.refused(WALLET, &found);
    assert!(said.contains("--founder"), "{said}");
    let founder = network.ask(WALLET, &["account", "open"])["party"]
        .as_str()
        .unwrap()
        .to_string();
    let found = [&found[..], &["--founder", &founder]].concat();
    // It never closes, and nor does a market: who makes one is told what stays locked in it, and asked.
    let said = network.refused(WALLET, &found);
    assert!(
        said.contains("never come back") && said.contains("--yes"),
        "{said}"
    );
    let founded = network.ask(WALLET, &[&found[..], &["--yes"]].concat());
    let locked = founded["rent_locked"]["amount"].as_str().unwrap();
    assert!(said.contains(&format!("{locked} SOL of rent")), "{said}");
    let committee = founded["committee"].as_str().unwrap();
    let seats = network.ask(WALLET, &["oracle", "show", "--committee", committee]);
    assert_eq!(
        (&seats[0]["state"], &seats[0]["owner"]),
        (&"reserved".into(), &founder.as_str().into())
    );
    seats_are_taken_and_given_up(&network, committee);
    let all = network.ask(WALLET, &["oracle", "show", "--all"]);
    assert_eq!(all.as_array().unwrap().len(), 2);

    // A market needs the consent of the committee's governor: the wallet has its own committee's only.
    network.file("market.toml", &terms("market", mint, 7));
    let create = ["market", "create", "market.toml", "--committee", committee];
    let said = network.refused(WALLET, &create);
    let shown = network.ask(WALLET, &[&create[..], &["--dry-run"]].concat());
    let created = network.ask(WALLET, &[&create[..], &["--yes"]].concat());
    assert_eq!(
        created["rent_locked"],
        shown["transactions"][0]["rent_locked"]
    );
    let locked = created["rent_locked"]["amount"].as_str().unwrap();
    assert!(said.contains(&format!("{locked} SOL of rent")), "{said}");
    let market = created["market"].as_str().unwrap().to_string();
    let of_others = all
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["committee"] != committee)
        .unwrap()["committee"]
        .as_str()
        .unwrap();
    network.file("other.toml", &terms("market", mint, 8));
    let other = ["market", "create", "other.toml", "--committee", of_others];
    let other = [&other[..], &["--yes"]].concat();
    let said = network.refused(WALLET, &other);
    assert!(said.contains("governor"), "{said}");
    let governor = format!("{AUTHORITY}.json");
    network.ask(WALLET, &[&other[..], &["--governor", &governor]].concat());

    let shown = network.ask(WALLET, &["market", "show", &market]);
    assert_eq!(
        (&shown["id"], &shown["committee"], &shown["open"]),
        (&7.into(), &committee.into(), &true.into())
    );
    let markets = network.ask(WALLET, &["market", "list", "--mint", mint]);
    assert_eq!(markets.as_array().unwrap().len(), 3);
    for command in ["show", "open-entry", "close-entry", "fees"] {
        let said = network.refused(WALLET, &["market", command]);
        for words in ["lode market list", "the address alone in commands of"] {
            assert!(said.contains(words), "{said}");
        }
    }
    for (command, open) in [("close", false), ("open", true)] {
        network.ask(WALLET, &["market", command, &market, "--yes"]);
        let shown = network.ask(WALLET, &["market", "show", &market]);
        assert_eq!(shown["open"], open);
    }

    an_account_is_closed(&network, &market);

    // What is wrong in a file is said in one sentence, with its line.
    network.file("odd.toml", "id = 1\nspeed = 3\n");
    for command in [
        ["market", "create", "odd.toml"],
        ["oracle", "create-committee", "odd.toml"],
        ["network", "apply", "odd.toml"],
    ] {
        let said = network.refused(WALLET, &command);
        assert!(
            said.contains("odd.toml") && said.contains("line "),
            "{said}"
        );
    }
    network.stop();
}

/// The committee's governor, its founder and a wallet that is admitted do what each of them may.
fn seats_are_taken_and_given_up(network: &Network, committee: &str) {
    let of = ["--committee", committee];
    let ask = |wallet: &str, args: &[&str]| network.ask(wallet, &[args, &of].concat());
    let refused = |wallet: &str, args: &[&str]| network.refused(wallet, &[args, &of].concat());
    let key = |name: &str| {
        let key = Keypair::new();
        network.file(name, &format!("{:?}", key.to_bytes()));
        key.pubkey().to_string()
    };
    let (first, second) = (key("first.json"), key("second.json"));

    // The founder takes his seat, adds to his bond and changes his key.
    let joined = ask(WALLET, &["oracle", "join", "--attester", "first.json"]);
    let least = units(&joined["bond"]);
    let bonded = ask(WALLET, &["oracle", "bond", "25"]);
    assert_eq!(units(&bonded["bond"]), least + 25_000_000_000);
    assert!(refused(WALLET, &["oracle", "bond", "0"]).contains("above 0"));
    ask(WALLET, &["oracle", "attester", "second.json"]);
    let seats = ask(WALLET, &["oracle", "show"]);
    let seat = &seats[0];
    assert_eq!(seat["attester"], second.as_str());
    assert_ne!(seat["attester"], first.as_str());
    assert_eq!(units(&seat["bond"]), least + 25_000_000_000);

    // A newcomer is admitted by the governor, by nobody else, and retired with notice.
    let newcomer = network.address("newcomer");
    let admit = ["oracle", "admit", &newcomer];
    let said = refused("newcomer", &admit);
    assert!(said.contains("governor"), "{said}");
    let join = ["oracle", "join", "--attester", "first.json"];
    refused("newcomer", &join);
    assert_eq!(ask(WALLET, &admit)["owner"], newcomer.as_str());
    let joined = ask("newcomer", &join);
    assert_eq!(
        (&joined["seat"], &joined["attester"]),
        (&1.into(), &first.as_str().into())
    );
    let retire = ["oracle", "retire", &newcomer];
    let said = refused(WALLET, &retire);
    for words in [newcomer.as_str(), "in 14 days", "add --yes"] {
        assert!(said.contains(words), "{said}");
    }
    let seats = ask(WALLET, &["oracle", "show"]);
    assert!(seats[1]["until"].is_null(), "{seats}");
    let retire = [&retire[..], &["--yes"]].concat();
    let said = refused("newcomer", &retire);
    assert!(said.contains("governor"), "{said}");
    let retired = ask(WALLET, &retire);
    assert!(!retired["serves_until"].is_null(), "{retired}");
}

/// Gives an account credits that no pool can pay: what becomes of an oracle whose market nobody uses any more.
fn put_credits(network: &Network, at: &str, credits: u64) {
    let client = network.client();
    let method = RpcRequest::Custom {
        method: "surfnet_setAccount",
    };
    let tokio = tokio::runtime::Runtime::new().unwrap();
    tokio.block_on(async {
        let found = client.raw_account(&at.parse().unwrap()).await.unwrap();
        let found = found.unwrap();
        let mut data = found.data;
        let from = DISCRIMINATOR_BYTES + offset_of!(Ledger, credits);
        data[from..][..8].copy_from_slice(&credits.to_le_bytes());
        let account = json!({
            "lamports": found.lamports,
            "data": hex::encode(data),
            "owner": found.owner.to_string(),
        });
        let set = client.rpc.send::<Value>(method, json!([at, account]));
        set.await.unwrap();
    });
}

/// An account that holds nothing is closed, and its rent is back; credits are only given up by who says so.
fn an_account_is_closed(network: &Network, market: &str) {
    let of = ["--market", market];
    let refused = |args: &[&str]| network.refused("newcomer", &[args, &of].concat());
    let ask = |args: &[&str]| network.ask("newcomer", &[args, &of].concat());
    let said = refused(&["account", "close"]);
    assert!(said.contains("lode account show --all"), "{said}");
    ask(&["account", "deposit", "3"]);
    let said = refused(&["account", "close"]);
    assert!(said.contains("withdraw all of it"), "{said}");
    ask(&["account", "withdraw", "all"]);
    let closed = ask(&["account", "close"]);
    assert_eq!(closed["rent_to"], network.address("newcomer").as_str());
    assert_eq!(units(&closed["credits_given_up"]), 0);
    let left = network.ask("newcomer", &["account", "show", "--all"]);
    assert_eq!(left, json!([]));

    let opened = ask(&["account", "open"]);
    let at = opened["account"].as_str().unwrap();
    put_credits(network, at, 7_000_000_000);
    let said = refused(&["account", "close"]);
    for words in ["7 LODE", "lode oracle credits --redeem", "add --yes"] {
        assert!(said.contains(words), "{said}");
    }
    let kept = ask(&["account", "show"]);
    assert_eq!(units(&kept["check_credits"]), 7_000_000_000);
    let closed = ask(&["account", "close", "--yes"]);
    assert_eq!(units(&closed["credits_given_up"]), 7_000_000_000);
}

#[test]
fn a_kept_chain_goes_on_where_it_stopped_and_an_open_job_can_be_stored_again_and_taken_back() {
    let kept = ["--keep", "--nodes", "0", "--oracles", "3"];
    let mut network = Network::start(&kept, &["node-0"]);
    let ports = [network.url.clone(), network.gateway()]
        .map(|url| url.rsplit(':').next().unwrap().to_string());
    let [rpc, gateway] = ports;
    let ports = [rpc, free_port().unwrap().to_string(), gateway];
    let module = workload("picture.wasm");
    network.ask(WALLET, &["account", "deposit", "1000"]);
    let post = ["job", "post", &module, "--price", "1000"];
    let posted = network.ask(WALLET, &[&post[..], &["--units-limit", "9000"]].concat());
    let job = posted["job"].as_str().unwrap();
    assert_eq!(posted["state"], "open");
    let locked = units(&posted["escrow"]);

    // Only who has what was posted can store it again.
    let blobs = network.folder.path().join(".localnet/gateway/blobs");
    let stored = files(&blobs);
    assert!(stored >= 2, "spec and module were stored");
    let said = network.refused(
        WALLET,
        &["job", "upload", job, &workload("word-stats.wasm")],
    );
    assert!(said.contains("arguments it was posted with"), "{said}");

    // A second start by mistake takes nothing from the first.
    let others = [(); 3].map(|()| free_port().unwrap().to_string());
    let said = refused(&mut localnet(network.folder.path(), &others, &[]));
    assert!(
        said.contains("Another `lode localnet`") && said.contains(".localnet"),
        "{said}"
    );
    assert_eq!(files(&blobs), stored);

    let me = Keypair::new();
    network.restart(&kept, |home| {
        std::fs::remove_dir_all(&blobs).unwrap();
        let said = refused(&mut localnet(home, &ports, &[]));
        assert!(said.contains("--keep") && said.contains("--yes"), "{said}");
        has_a_wallet_of_the_solana_cli(home, &me, &network_url(&ports));
        is_broken_off(home, &ports);
    });
    let account = network.ask(WALLET, &["account", "show"]);
    assert_eq!(units(&account["locked"]), locked);
    assert_eq!(network.ask(WALLET, &["job", "list"])[0]["job"], job);
    assert_eq!(files(&blobs), 0);
    network.ask(WALLET, &["job", "upload", job, &module]);
    assert_eq!(files(&blobs), stored);

    let cancelled = network.ask(WALLET, &["job", "cancel", job]);
    assert_eq!(units(&cancelled["returned"]), locked);
    let account = network.ask(WALLET, &["account", "show"]);
    assert_eq!(
        (units(&account["available"]), units(&account["locked"])),
        (1_000_000_000_000, 0)
    );
    let said = network.refused(WALLET, &["job", "upload", job, &module]);
    assert!(said.contains(&network.gateway()), "{said}");

    // The Solana CLI's wallet was funded, and needs no options.
    let deposit = Command::new(common::binary())
        .args(["account", "deposit", "1000", "--output", "json"])
        .current_dir(network.folder.path())
        .env("HOME", network.folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&deposit.stderr);
    assert!(deposit.status.success(), "{said}");
    let me = me.pubkey().to_string();
    let accounts = network.ask(WALLET, &["account", "show", "--party", &me]);
    assert_eq!(units(&accounts["available"]), 1_000_000_000_000);

    // A node that is registered, and no more, as a start leaves it that is broken off there.
    let keys = ".localnet/keys";
    let owner = network.folder.path().join(keys).join("node-0.json");
    std::fs::copy(network.folder.path().join("node-0.json"), owner).unwrap();
    let worker = format!("{keys}/node-0-worker.json");
    network.file(&worker, &format!("{:?}", Keypair::new().to_bytes()));
    let register = ["node", "register", "--worker", &worker, "--no-verify"];
    network.ask("node-0", &register);
    let home = std::mem::replace(&mut network.folder, tempfile::tempdir().unwrap());
    network.stop();
    a_start_does_what_is_not_done_yet_and_tells_what_is_left(home.path(), &ports);
}

fn network_url(ports: &[String; 3]) -> String {
    format!("http://127.0.0.1:{}", ports[0])
}

/// `lode localnet` in its home, as [`Network`] starts it, with ports for RPC, websocket and gateway.
fn localnet(home: &Path, ports: &[String; 3], args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lode"));
    command
        .args(["localnet", "--rpc-port", &ports[0], "--ws-port", &ports[1]])
        .args(["--gateway-port", &ports[2]])
        .args([
            "--programs",
            concat!(env!("CARGO_MANIFEST_DIR"), "/../target/deploy"),
        ])
        .args(args)
        .current_dir(home)
        .env("HOME", home)
        .env_remove("XDG_CONFIG_HOME")
        .stdin(Stdio::null());
    command
}

/// The one sentence of a command that must fail.
fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    common::require_code(&output.status, &said);
    assert!(said.starts_with("error: "), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    said
}

/// Killed where a test fails before it ends.
struct Started(Child);

impl Started {
    fn spawn(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::piped()).spawn().unwrap())
    }

    /// A signal, after which it must end by itself without a complaint.
    fn end(&mut self, signal: i32) {
        let pid = i32::try_from(self.0.id()).unwrap();
        // SAFETY: a signal to a process that this test started and has not waited for yet.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
        let mut status = None;
        wait("the end", || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        });
        assert_eq!(status.unwrap().code(), Some(0));
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The Solana CLI's wallet and settings, where it has them.
fn has_a_wallet_of_the_solana_cli(home: &Path, wallet: &Keypair, url: &str) {
    let folder = home.join(".config/solana");
    std::fs::create_dir_all(folder.join("cli")).unwrap();
    let file = folder.join("id.json");
    std::fs::write(&file, format!("{:?}", wallet.to_bytes())).unwrap();
    let settings = format!(
        "json_rpc_url: {url}\nwebsocket_url: ''\nkeypair_path: {}\ncommitment: confirmed\n",
        file.display()
    );
    std::fs::write(folder.join("cli/config.yml"), settings).unwrap();
}

/// A start on a kept chain that ctrl-c breaks off while a transaction is waited for: there is a wallet to be funded, and
/// that is confirmed after ten seconds. Nobody but this machine reaches what listens meanwhile.
fn is_broken_off(home: &Path, ports: &[String; 3]) {
    let args = ["--keep", "--nodes", "0", "--oracles", "3", "--no-crank"];
    let slow = [&args[..], &["--slot-millis", "10000"]].concat();
    let mut network = Started::spawn(&mut localnet(home, ports, &slow));
    let tokio = tokio::runtime::Runtime::new().unwrap();
    let client = Client::new(network_url(ports));
    wait("an answer", || tokio.block_on(client.slot()).is_ok());
    let mine = ports.each_ref().map(|port| format!("127.0.0.1:{port}"));
    let mine: BTreeSet<SocketAddr> = mine.iter().map(|at| at.parse().unwrap()).collect();
    let pid = network.0.id();
    wait("all ports", || listeners(pid).is_superset(&mine));
    assert_eq!(listeners(pid), mine);

    network.end(libc::SIGINT);
    let mut said = String::new();
    let stdout = network.0.stdout.as_mut().unwrap();
    stdout.read_to_string(&mut said).unwrap();
    assert!(
        said.contains("--keep does the rest") && !said.contains("ctrl-c stops"),
        "{said}"
    );
}

/// Where a process listens.
fn listeners(pid: u32) -> BTreeSet<SocketAddr> {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let open: Vec<String> = open
        .flatten()
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .map(|file| file.to_string_lossy().into_owned())
        .collect();
    let mut found = BTreeSet::new();
    for table in ["tcp", "tcp6"] {
        let rows = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        for row in rows.lines().skip(1) {
            let words: Vec<&str> = row.split_whitespace().collect();
            // 0A is the state of what listens.
            if words[3] == "0A" && open.contains(&format!("socket:[{}]", words[9])) {
                found.insert(address(words[1]));
            }
        }
    }
    found
}

/// An address as the kernel writes it: words of four bytes in the machine's own order, in hex.
fn address(text: &str) -> SocketAddr {
    let (ip, port) = text.split_once(':').unwrap();
    let words = (0..ip.len()).step_by(8).map(|at| &ip[at..at + 8]);
    let bytes: Vec<u8> = words
        .flat_map(|word| u32::from_str_radix(word, 16).unwrap().to_ne_bytes())
        .collect();
    let ip = match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(ip) => IpAddr::from(ip),
        Err(_) => IpAddr::from(<[u8; 16]>::try_from(bytes.as_slice()).unwrap()),
    };
    SocketAddr::new(ip, u16::from_str_radix(port, 16).unwrap())
}

/// On a kept chain, with a node that is registered only and a plan of another market.
fn a_start_does_what_is_not_done_yet_and_tells_what_is_left(home: &Path, ports: &[String; 3]) {
    let other = PLAN.replace("[market]\nid = 0\n", "[market]\nid = 1\n");
    assert_ne!(other, PLAN);
    std::fs::write(home.join("other.toml"), other).unwrap();
    let args = ["--keep", "--oracles", "3", "--no-crank"];
    let other = ["--plan", "other.toml", "--slot-millis", "100"];
    let mut network = Started::spawn(&mut localnet(home, ports, &[args, other].concat()));
    let mut said = Vec::new();
    for line in BufReader::new(network.0.stdout.as_mut().unwrap()).lines() {
        said.push(line.unwrap());
        if said.iter().any(|line| line.contains("ctrl-c stops")) {
            break;
        }
    }
    let row = |name: &str| {
        let found = said.iter().find_map(|line| line.strip_prefix(name));
        found.unwrap_or_else(|| unreachable!("{said:?}")).trim()
    };
    assert!(row("wallet file").ends_with(".config/solana/id.json"));
    assert_eq!(row("wallet tokens"), "99000 LODE");
    let (sol, _) = row("wallet sol").split_once(" SOL").unwrap();
    assert!((19.0..20.0).contains(&sol.parse::<f64>().unwrap()), "{sol}");
    assert!(said.iter().any(|line| line.ends_with("account show")));
    assert!(!said.iter().any(|line| line.contains(" -k ")), "{said:?}");

    let key = |name: &str| read_keypair(&home.join(".localnet/keys").join(name)).unwrap();
    let owner = key("node-0.json").pubkey();
    let at = addresses::staking::node(&owner, 0);
    let market = addresses::jobs::market(&key("authority.json").pubkey(), 1);
    assert_eq!(row("market"), market.to_string());
    let client = Client::new(network_url(ports));
    let tokio = tokio::runtime::Runtime::new().unwrap();
    let node: Node = tokio.block_on(client.get_account(&at)).unwrap();
    let ledger = addresses::jobs::ledger(&market, &at);
    let ledger: Ledger = tokio.block_on(client.get_account(&ledger)).unwrap();
    let whole = 1_000_000_000;
    assert_eq!(node.stake, 10_000 * whole);
    assert_eq!(
        (ledger.available, ledger.locked_cap),
        (100_000 * whole, 100_000 * whole)
    );
    network.end(libc::SIGTERM);
}

#[test]
fn what_hinders_a_local_network_is_named_before_anything_is_made_or_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let ports = [(); 3].map(|()| free_port().unwrap().to_string());
    let refused = |args: &[&str]| refused(&mut localnet(home, &ports, args));
    for (port, option) in ports
        .iter()
        .zip(["--rpc-port", "--ws-port", "--gateway-port"])
    {
        let _taken = TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
        let said = refused(&[]);
        assert!(
            said.contains(port) && said.contains(&format!("another port with {option}")),
            "{said}"
        );
    }
    let said = refused(&["--plan", "nowhere.toml"]);
    assert!(said.contains("nowhere.toml"), "{said}");
    let said = refused(&["-k", "no.json"]);
    assert!(
        said.contains("no.json") && said.contains("solana-keygen new"),
        "{said}"
    );
    assert_eq!(std::fs::read_dir(home).unwrap().count(), 0);

    // Somebody else's.
    let strange = home.join("crates/nodes/mine");
    std::fs::create_dir_all(&strange).unwrap();
    for folder in [".", "crates"] {
        let said = refused(&["--folder", folder]);
        assert!(
            said.contains("did not make") && said.contains("--folder"),
            "{said}"
        );
    }
    assert_eq!(files(home), 0);
    assert!(strange.exists());

    // A kept chain of its own, which nobody said may go.
    let chain = home.join("kept/chain/chain.sqlite");
    std::fs::create_dir_all(chain.parent().unwrap()).unwrap();
    for file in [&chain, &home.join("kept/lode-localnet")] {
        std::fs::write(file, "").unwrap();
    }
    let said = refused(&["--folder", "kept"]);
    assert!(said.contains("--keep") && said.contains("--yes"), "{said}");
    assert!(chain.exists());
}

/// Files below a folder.
fn files(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .map(|entry| entry.unwrap().path())
        .map(|path| if path.is_dir() { files(&path) } else { 1 })
        .sum()
}

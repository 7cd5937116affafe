//! Founding: plans, committees and markets made with the real binary on a bare chain, and a chain that is kept.
#![allow(clippy::unwrap_used)]
mod common;

use common::{units, workload, Network, AUTHORITY, WALLET};
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::path::Path;

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
    let network = Network::start(&["--bare"], &["newcomer"]);
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
    let steps = network.ask(AUTHORITY, &["network", "apply", "raised.toml"]);
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
    let said = network.refused(WALLET, &["market", "show"]);
    assert!(said.contains("lode market list"), "{said}");
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
    let said = refused("newcomer", &retire);
    assert!(said.contains("governor"), "{said}");
    let retired = ask(WALLET, &retire);
    assert!(!retired["serves_until"].is_null(), "{retired}");
}

/// An account that holds nothing is closed, and its rent is back.
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
    let left = network.ask("newcomer", &["account", "show", "--all"]);
    assert_eq!(left, serde_json::json!([]));
}

#[test]
fn a_kept_chain_goes_on_where_it_stopped_and_an_open_job_can_be_stored_again_and_taken_back() {
    let kept = ["--keep", "--nodes", "0", "--oracles", "3"];
    let mut network = Network::start(&kept, &[]);
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

    network.restart(&kept, |_| std::fs::remove_dir_all(&blobs).unwrap());
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
    network.stop();
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

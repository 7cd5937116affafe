//! History with the real binary: jobs are posted, paid, given up and lied about while an index is written, killed and
//! taken up again. Needs the programs that `cargo xtask build` makes.
#![allow(clippy::unwrap_used)]
mod common;

use common::{workload, years, Network, Process, WALLET};
use lode_attestation::commitment;
use lode_client::instructions::jobs;
use lode_index::sql::Row;
use lode_index::Index;
use lode_jobs::state::{flag, Job, JobState};
use lode_staking::state::Node;
use serde_json::Value;
use solana_address::Address;
use solana_signer::Signer as _;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Tables that a replay fills, and all.
const BOOKS: [&str; 3] = ["entries", "job_states", "pools"];
const TABLES: [&str; 9] = [
    "track",
    "transactions",
    "instructions",
    "events",
    "entries",
    "job_states",
    "pools",
    "accruals",
    "doubts",
];

struct Bench {
    network: Network,
    tokio: Runtime,
    node: Address,
}

impl Bench {
    /// A network with an honest node of its own, and a node that this test works for.
    fn new() -> Self {
        let network = Network::start(
            &["--nodes", "1", "--oracles", "3"],
            &["owner", "worker", "crank"],
        );
        network.ask(WALLET, &["account", "deposit", "1000"]);
        let worker = network.address("worker");
        let registered = network.ask("owner", &["node", "register", "--worker", &worker]);
        let node = registered["node"].as_str().unwrap().to_string();
        network.ask("owner", &["node", "stake", "2000"]);
        let open = ["account", "open", "--node", &node, "--locked-cap", "5000"];
        network.ask("owner", &open);
        network.ask("owner", &["account", "deposit", "5000", "--node", &node]);
        // Who has no account in the market is paid for no check.
        for oracle in 0..3 {
            network.ask(
                &format!(".localnet/keys/oracle-{oracle}"),
                &["account", "open"],
            );
        }
        Self {
            network,
            tokio: Runtime::new().unwrap(),
            node: node.parse().unwrap(),
        }
    }

    fn job(&self, at: &Address) -> Job {
        let client = self.network.client();
        self.tokio.block_on(client.get_account(at)).unwrap()
    }

    fn send(&self, instruction: solana_instruction::Instruction) {
        let key = self.network.key("worker").insecure_clone();
        let client = self.network.client();
        self.tokio
            .block_on(async { client.send(&[instruction], &key, &[]).await })
            .unwrap();
    }

    fn until(&self, at: &Address, state: JobState) {
        let begun = Instant::now();
        while self.job(at).state != state as u8 {
            assert!(
                begun.elapsed() < Duration::from_secs(120),
                "the job stands at {}",
                self.job(at).state
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn post(&self, more: &[&str]) -> Address {
        let module = self.network.copy_module();
        let input = format!("book.txt={}", workload("word-stats/keepers-book.txt"));
        let job = ["job", "post", &module, "--price", "1", "--input", &input];
        let args = [&job[..], more, &["--", "/in/book.txt"]].concat();
        let posted = self.network.ask(WALLET, &args);
        posted["job"].as_str().unwrap().parse().unwrap()
    }

    /// A job for the node of this test, accepted.
    fn accepted(&self) -> Address {
        let at = self.post(&["--target", &self.node.to_string()]);
        let me = self.network.key("worker").pubkey();
        self.send(jobs::accept_job(&me, &self.node, &at, &self.job(&at)));
        at
    }

    /// The node says that something came out which did not.
    fn lie(&self) -> Address {
        let at = self.accepted();
        let me = self.network.key("worker").pubkey();
        let job = self.job(&at);
        let units = job.units_limit;
        let promise = commitment(&[9; 32], units, &at, 0, &self.node);
        self.send(jobs::submit_result(&me, &at, &job, promise, units));
        at
    }

    /// Starts the index writer, to be killed.
    fn indexer(&self, file: &str) -> Process {
        self.network.spawn(
            "owner",
            &["index", "run", "--index", file, "--poll-seconds", "1"],
        )
    }

    fn index(&self, file: &str) -> Index {
        if file.starts_with("postgres://") {
            return Index::open(file).unwrap();
        }
        Index::open(self.network.folder.path().join(file).to_str().unwrap()).unwrap()
    }

    /// What a table holds, but for what only says whether a transaction can still vanish.
    fn table(&self, file: &str, table: &str) -> Vec<Row> {
        let mut rows = self.index(file).dump(table).unwrap();
        if table == "track" {
            for row in &mut rows {
                row.0.truncate(4);
            }
        }
        rows
    }

    fn text(&self, wallet: &str, args: &[&str]) -> String {
        let output = self.network.lode(wallet, args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn number(row: &Value, name: &str) -> i128 {
    row[name]
        .as_i64()
        .map(i128::from)
        .or_else(|| row[name].as_u64().map(i128::from))
        .unwrap()
}

#[test]
fn an_index_that_is_killed_and_taken_up_again_holds_what_one_that_never_was_holds_and_the_chain_says_the_same(
) {
    let bench = Bench::new();
    let network = &bench.network;
    let turn = [
        "crank",
        "run",
        "--poll-seconds",
        "1",
        "--sweep-seconds",
        "2",
        "--patience",
        "0",
    ];
    let crank = network.spawn("crank", &turn);
    let mut kills = 0u32;
    let mut writer = Some(bench.indexer("killed.db"));
    // Each kill a little later after the start than the one before: in mid-transaction as well as between two.
    let mut kill = || {
        std::thread::sleep(Duration::from_millis(130 * u64::from(kills % 7)));
        drop(writer.take());
        writer = Some(bench.indexer("killed.db"));
        kills += 1;
    };

    let honest = bench.post(&[]);
    kill();
    let lie = bench.lie();
    kill();
    let given_up = bench.accepted();
    let me = network.key("worker").pubkey();
    bench.send(jobs::give_up_job(&me, &given_up, &bench.job(&given_up)));
    kill();
    let taken_back = bench.post(&["--target", &bench.node.to_string()]);
    network.ask(WALLET, &["job", "cancel", &taken_back.to_string()]);
    kill();
    bench.until(&honest, JobState::Settled);
    kill();
    bench.until(&lie, JobState::Failed);
    kill();
    // slashed, collected, swept
    let begun = Instant::now();
    while bench.job(&lie).has(flag::SLASH_DUE) || bench.job(&lie).collected.count_ones() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(60), "nobody collects");
        std::thread::sleep(Duration::from_millis(200));
    }
    network.ask(WALLET, &["account", "withdraw", "7"]);
    kill();
    drop(writer.take());
    assert!(kills >= 6);
    drop(crank);
    network.ask("crank", &["crank", "run", "--once", "--patience", "0"]);

    // The agents go on sweeping and collecting for a moment: what is compared must not move.
    network.ask("crank", &["index", "run", "--once", "--index", "whole.db"]);
    loop {
        std::thread::sleep(Duration::from_secs(3));
        let again = network.ask("crank", &["index", "run", "--once", "--index", "whole.db"]);
        if number(&again, "written") == 0 {
            break;
        }
    }
    network.ask("crank", &["index", "run", "--once", "--index", "killed.db"]);
    let logless = [
        "index",
        "run",
        "--once",
        "--index",
        "logless.db",
        "--without-logs",
    ];
    network.ask("crank", &logless);
    for table in TABLES {
        let whole = bench.table("whole.db", table);
        assert_eq!(bench.table("killed.db", table), whole, "{table}");
        assert_eq!(whole.is_empty(), table == "doubts", "{table}");
    }
    for table in BOOKS {
        assert_eq!(
            bench.table("logless.db", table),
            bench.table("whole.db", table),
            "{table} without logs"
        );
    }
    assert!(bench.table("logless.db", "events").is_empty());
    // Read once more it changes nothing, and built anew it is the same.
    let again = network.ask("crank", &["index", "run", "--once", "--index", "whole.db"]);
    assert_eq!(number(&again, "written"), 0);
    let rebuild = ["index", "run", "--once", "--rebuild", "--index"];
    let anew = [&rebuild[..], &["logless.db"]].concat();
    let held = || TABLES.map(|table| bench.table("logless.db", table));
    let before = held();
    let said = network.refused("crank", &anew);
    assert!(said.contains("add --yes"), "{said}");
    assert_eq!(held(), before);
    let mut foreign = bench.index("foreign.db");
    foreign.set_meta("chain", "another").unwrap();
    let said = network.refused("crank", &[&rebuild[..], &["foreign.db"]].concat());
    assert!(said.contains("check --url"), "{said}");
    assert_eq!(foreign.meta("chain").unwrap().as_deref(), Some("another"));
    network.ask("crank", &[&anew[..], &["--yes"]].concat());
    for table in TABLES {
        assert_eq!(
            bench.table("logless.db", table),
            bench.table("whole.db", table),
            "{table} built anew"
        );
    }
    let status = network.ask("crank", &["index", "status", "--index", "whole.db"]);
    assert_eq!(status["healthy"], true);
    assert!(number(&status, "jobs") >= 4);

    the_statements_are_the_chains(&bench);
    the_jobs_are_the_chains(
        &bench,
        [
            (honest, "settled"),
            (lie, "failed"),
            (given_up, "failed"),
            (taken_back, "cancelled"),
        ],
    );
    the_report_is_the_same(&bench);
    what_the_lie_cost_is_reported_to_the_unit(&bench);
    a_jailed_node_comes_back_into_service(&bench);
}

/// Every account of everybody: opening balance and changes make the closing one, which is what the chain holds; from the
/// index and from the chain the same bytes.
fn the_statements_are_the_chains(bench: &Bench) {
    let network = &bench.network;
    let ledgers: Vec<Row> = bench.table("whole.db", "entries");
    let named = |column: usize| -> BTreeSet<String> {
        let texts = ledgers.iter().map(|row| row.text(column).unwrap());
        texts.map(str::to_string).collect()
    };
    let (markets, parties, authorities) = (named(4), named(5), named(6));
    assert!(
        authorities.len() >= 4,
        "customer, owners, oracles: {authorities:?}"
    );
    let market = markets.first().unwrap();
    let mut seen = BTreeSet::new();
    for party in &parties {
        let ask = [
            "account",
            "statement",
            "--market",
            market,
            "--party",
            party,
            "--check",
        ];
        let indexed = [&ask[..], &["--index", "whole.db"]].concat();
        let rows = bench.network.ask(WALLET, &indexed);
        let rows = rows.as_array().unwrap();
        for what in ["available", "locked", "owed", "credits"] {
            let mut balance = number(&rows[0], what);
            for row in &rows[1..rows.len() - 1] {
                balance += number(row, &format!("{what}_change"));
                assert_eq!(number(row, what), balance, "{party} {what}");
            }
            assert_eq!(
                number(&rows[rows.len() - 1], what),
                balance,
                "{party} {what}"
            );
        }
        seen.extend(
            rows.iter()
                .map(|row| row["what"].as_str().unwrap().to_string()),
        );
        let csv = [&indexed[..], &["--format", "csv"]].concat();
        let text = bench.text(WALLET, &csv);
        let straight = [&ask[..], &["--format", "csv"]].concat();
        assert_eq!(text, bench.text(WALLET, &straight), "{party}");
    }
    for what in [
        "opening balance",
        "closing balance",
        "opened",
        "deposit",
        "withdrawal",
        "escrow locked",
        "escrow returned",
        "collateral locked",
        "job paid",
        "job earned",
        "late forfeit",
        "lie forfeit",
        "check",
        "burned",
        "fee for checks",
    ] {
        assert!(seen.contains(what), "{what}: {seen:?}");
    }
    let all = network.ask(
        WALLET,
        &[
            "account",
            "statement",
            "--all",
            "--index",
            "whole.db",
            "--check",
        ],
    );
    assert!(!all.as_array().unwrap().is_empty());
    let none = network.refused(
        WALLET,
        &[
            "account",
            "statement",
            "--party",
            WALLET_LESS,
            "--index",
            "whole.db",
        ],
    );
    assert!(none.contains("lode account show --all"), "{none}");
    let missing = network.refused(WALLET, &["account", "statement", "--index", "none.db"]);
    assert!(missing.contains("lode index run"), "{missing}");
}

/// Somebody who never had an account.
const WALLET_LESS: &str = "7cFVjMmfX3wbPP8JBniYGsdHNBwknZb73F7xD6hokXHX";

fn the_jobs_are_the_chains(bench: &Bench, ends: [(Address, &str); 4]) {
    let network = &bench.network;
    for (at, end) in ends {
        let at = at.to_string();
        let ask = ["job", "history", &at];
        let steps = network.ask(WALLET, &[&ask[..], &["--index", "whole.db"]].concat());
        let steps = steps.as_array().unwrap();
        assert_eq!(steps[0]["instruction"], "post_job");
        for step in steps {
            let number = |field: &str| step[field].as_u64().unwrap();
            assert!((500..200_000).contains(&number("compute_units")), "{step}");
            assert!((200..=1_232).contains(&number("bytes")), "{step}");
        }
        assert!(
            steps.iter().any(|step| step["state"] == end),
            "{end}: {steps:?}"
        );
        let csv = [&ask[..], &["--format", "csv"]].concat();
        let straight = bench.text(WALLET, &csv);
        assert_eq!(
            bench.text(WALLET, &[&csv[..], &["--index", "whole.db"]].concat()),
            straight
        );
    }
    let me = network.key("owner").pubkey().to_string();
    let node = bench.node.to_string();
    let of_node = network.ask(
        WALLET,
        &["job", "history", "--node", &node, "--index", "whole.db"],
    );
    let slashed = of_node
        .as_array()
        .unwrap()
        .iter()
        .any(|step| step["instruction"] == "slash_job");
    assert!(slashed, "{of_node:?}");
    let posted = network.ask(
        WALLET,
        &["job", "history", "--customer", &me, "--index", "whole.db"],
    );
    assert_eq!(posted, serde_json::json!([]), "an operator posted nothing");
    let said = network.refused(WALLET, &["job", "history", WALLET_LESS]);
    assert!(said.contains("Nothing is known"), "{said}");
}

/// All that is reported to a wallet.
fn report(bench: &Bench, wallet: &str, more: &[&str]) -> Vec<Value> {
    let client = bench.network.client();
    let now = bench.tokio.block_on(client.clock()).unwrap();
    let of_year = |year: &String| {
        let report = ["rewards", "report", "--year", year];
        let rows = bench.network.ask(wallet, &[&report[..], more].concat());
        rows.as_array().unwrap().clone()
    };
    years(now.unix_timestamp).iter().flat_map(of_year).collect()
}

fn the_report_is_the_same(bench: &Bench) {
    for wallet in [WALLET, "owner"] {
        let rows = |more: &[&str]| {
            let mut rows = report(bench, wallet, more);
            // fees of transactions that touch no program of Lode are only on the chain
            rows.retain(|row| row["what"] != "of the transaction");
            rows
        };
        let indexed = rows(&["--index", "whole.db"]);
        assert_eq!(indexed, rows(&[]), "{wallet}");
        assert!(
            wallet != "owner" || indexed.iter().any(|row| row["kind"] == "slash"),
            "{indexed:?}"
        );
    }
}

/// The operator's year: of the stake what the chain says was slashed, of the accounts what their statements say was burned.
fn what_the_lie_cost_is_reported_to_the_unit(bench: &Bench) {
    let network = &bench.network;
    let report = report(bench, "owner", &[]);
    let node = bench.node.to_string();
    let sum = |kind: &str, what: &str| -> i128 {
        report
            .iter()
            .filter(|row| row["kind"] == kind && row["what"] == what && row["node"] == node)
            .map(|row| number(row, "base_units"))
            .sum()
    };
    let state = bench
        .tokio
        .block_on(network.client().get_account::<Node>(&bench.node))
        .unwrap();
    assert!(state.slashed_total > 0);
    assert_eq!(sum("slash", "stake"), i128::from(state.slashed_total));
    let statement = [
        "account",
        "statement",
        "--party",
        &node,
        "--index",
        "whole.db",
    ];
    let rows = network.ask(WALLET, &statement);
    let burned: i128 = rows
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["what"] == "burned")
        .map(|row| number(row, "owed_change"))
        .sum();
    assert!(burned < 0, "{rows}");
    assert_eq!(sum("burn", "of jobs"), -burned);
}

/// The lie jailed the node: it comes back when its time is up and its owner says so, no sooner, and takes stake again.
fn a_jailed_node_comes_back_into_service(bench: &Bench) {
    let network = &bench.network;
    let may_accept = |state: &str| {
        let shown = network.ask("owner", &["node", "show"]);
        assert_eq!(shown["state"], state, "{shown}");
        shown["may_accept_jobs"].as_bool().unwrap()
    };
    assert!(!may_accept("jailed"));
    let said = network.refused("owner", &["node", "unjail"]);
    assert!(said.contains("jailed until"), "{said}");
    network.ask("owner", &["network", "forward", "1d"]);
    let stake = ["node", "stake", "100"];
    let said = network.refused("owner", &stake);
    assert!(said.contains("jailed"), "{said}");
    let free = network.ask("owner", &["node", "unjail"]);
    assert_eq!(
        (free["node"].as_str(), free["state"].as_str()),
        (Some(bench.node.to_string().as_str()), Some("active"))
    );
    assert!(may_accept("active"));
    network.ask("owner", &stake);
    let said = network.refused("owner", &["node", "unjail"]);
    assert!(said.contains("not jailed"), "{said}");
}

#[test]
#[ignore = "needs a Postgres database, which LODE_TEST_POSTGRES names (postgres://USER@HOST/DATABASE)"]
fn an_index_in_postgres_that_is_killed_holds_what_one_in_a_file_holds() {
    let target = std::env::var("LODE_TEST_POSTGRES").unwrap();
    let bench = Bench::new();
    let network = &bench.network;
    let write = |file: &str| network.ask("crank", &["index", "run", "--once", "--index", file]);
    // what another test left there is of another chain
    bench.index(&target).clear().unwrap();
    write(&target);
    let honest = bench.post(&[]);
    let given_up = bench.accepted();
    let me = network.key("worker").pubkey();
    bench.send(jobs::give_up_job(&me, &given_up, &bench.job(&given_up)));
    for kill in 1..6 {
        let writer = bench.indexer(&target);
        std::thread::sleep(Duration::from_millis(150 * kill));
        drop(writer);
    }
    bench.until(&honest, JobState::Settled);
    network.ask("crank", &["crank", "run", "--once", "--patience", "0"]);
    // The agents go on sweeping and collecting for a moment: what is compared must not move.
    loop {
        std::thread::sleep(Duration::from_secs(3));
        if number(&write("whole.db"), "written") == 0 {
            break;
        }
    }
    write(&target);
    for table in TABLES {
        let whole = bench.table("whole.db", table);
        assert_eq!(bench.table(&target, table), whole, "{table}");
        assert!(!whole.is_empty() || !BOOKS.contains(&table), "{table}");
    }
    let statement = ["account", "statement", "--check", "--format", "csv"];
    let of = |file: &str| bench.text(WALLET, &[&statement[..], &["--index", file]].concat());
    assert_eq!(of(&target), of("whole.db"));
}

//! Stake, rewards, a node's keys and the governor's offices, with the real binary on a network that it starts itself.
//! Needs the programs that `cargo xtask build` makes.
#![allow(clippy::unwrap_used)]

mod common;

use common::{units, years, Network};
use lode_client::{addresses, token};
use lode_math::rewards;
use lode_staking::state::{Node, StakingConfig};
use serde_json::{json, Value};
use solana_address::Address;
use solana_client::rpc_request::RpcRequest;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::mem::offset_of;

const LODE: u64 = 1_000_000_000;
const DAY: u64 = 86_400;

/// A network without agents, and a runtime for what no command does: moving time, giving a vault something.
struct Stage {
    network: Network,
    runtime: tokio::runtime::Runtime,
}

impl Stage {
    fn new(wallets: &[&str]) -> Self {
        Self {
            network: Network::start(&["--bare", "--folder", "net"], wallets),
            runtime: tokio::runtime::Runtime::new().unwrap(),
        }
    }

    fn sleep(&self, seconds: u64) {
        let client = self.network.client();
        self.runtime
            .block_on(lode_localnet::time_travel(&client, seconds))
            .unwrap();
    }

    fn mint(&self) -> lode_client::token::MintInfo {
        let client = self.network.client();
        self.runtime.block_on(async {
            let at = addresses::staking::config();
            let config: StakingConfig = client.get_account(&at).await.unwrap();
            client.mint(&config.stake_mint).await.unwrap()
        })
    }

    /// Tokens in a wallet.
    fn held(&self, wallet: &str) -> u64 {
        let home = self.mint().account_of(&self.network.key(wallet).pubkey());
        let client = self.network.client();
        self.runtime.block_on(client.token_balance(&home)).unwrap()
    }

    fn lamports(&self, wallet: &str) -> u64 {
        let wallet = self.network.key(wallet).pubkey();
        let client = self.network.client();
        self.runtime.block_on(client.balance(&wallet)).unwrap()
    }

    /// Opens another token account of a wallet.
    fn open_account(&self, wallet: &str) -> Address {
        let (mint, key) = (self.mint(), self.network.key(wallet));
        let account = Keypair::new();
        let client = self.network.client();
        self.runtime.block_on(async {
            let rent = client.rent(165).await.unwrap();
            let open = [
                solana_system_interface::instruction::create_account(
                    &key.pubkey(),
                    &account.pubkey(),
                    rent,
                    165,
                    &mint.program,
                ),
                spl_token_interface::instruction::initialize_account3(
                    &mint.program,
                    &account.pubkey(),
                    &mint.address,
                    &key.pubkey(),
                )
                .unwrap(),
            ];
            client.send(&open, key, &[&account]).await.unwrap();
        });
        account.pubkey()
    }

    /// A wallet's account of a mint that is not the network's.
    fn open_strange_account(&self, wallet: &str) -> Address {
        let (key, name, program) = (self.network.key(wallet), "OTHER", addresses::TOKEN);
        let (me, client) = (key.pubkey(), self.network.client());
        self.runtime.block_on(async {
            let rent = client.rent(token::MINT_BYTES).await.unwrap();
            let made = token::create_mint(&me, name, &program, 6, rent).unwrap();
            client.send(&made, key, &[]).await.unwrap();
            let at = token::mint_address(&me, name, &program).unwrap();
            let mint = client.mint(&at).await.unwrap();
            let open = token::open_associated(&me, &me, &mint);
            client.send(&[open], key, &[]).await.unwrap();
            mint.account_of(&me)
        })
    }

    /// An account's bytes.
    fn raw(&self, at: &Address) -> Vec<u8> {
        let client = self.network.client();
        let found = self.runtime.block_on(client.raw_account(at)).unwrap();
        found.unwrap().data
    }

    /// Makes an account of the staking program, or changes its bytes.
    fn put(&self, at: &Address, data: &[u8]) {
        let method = RpcRequest::Custom {
            method: "surfnet_setAccount",
        };
        let account = json!({
            "lamports": 10_000_000,
            "data": hex::encode(data),
            "owner": lode_staking::ID.to_string(),
        });
        let client = self.network.client();
        self.runtime
            .block_on(
                client
                    .rpc
                    .send::<Value>(method, json!([at.to_string(), account])),
            )
            .unwrap();
    }

    /// Somebody sends tokens to a node's vault: what emissions do by claiming.
    fn reward(&self, from: &str, node: &Address, amount: u64) {
        let (mint, key) = (self.mint(), self.network.key(from));
        let instruction = spl_token_interface::instruction::transfer_checked(
            &mint.program,
            &mint.account_of(&key.pubkey()),
            &mint.address,
            &addresses::staking::vault(node),
            &key.pubkey(),
            &[],
            amount,
            mint.decimals,
        )
        .unwrap();
        let client = self.network.client();
        self.runtime
            .block_on(client.send(&[instruction], key, &[]))
            .unwrap();
    }

    fn years(&self) -> [String; 3] {
        let client = self.network.client();
        let now = self.runtime.block_on(client.clock()).unwrap();
        years(now.unix_timestamp)
    }

    /// A wallet's rows of all years; the same bytes when asked for twice.
    fn report(&self, wallet: &str) -> Vec<Value> {
        let ask = |year: &str| {
            let args = ["rewards", "report", "--year", year];
            let output = self.network.lode(wallet, &args);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{said}");
            output.stdout
        };
        self.years()
            .iter()
            .flat_map(|year| {
                let bytes = ask(year);
                assert_eq!(bytes, ask(year));
                serde_json::from_slice::<Vec<Value>>(&bytes).unwrap()
            })
            .collect()
    }

    /// An operator's node with so much of his own stake.
    fn node(&self, owner: &str, own: &str) -> Address {
        let worker = Keypair::new().pubkey().to_string();
        let made = self
            .network
            .ask(owner, &["node", "register", "--worker", &worker]);
        self.network.ask(owner, &["node", "stake", own]);
        made["node"].as_str().unwrap().parse().unwrap()
    }
}

#[test]
fn stake_earns_is_claimed_by_anyone_for_its_owner_and_comes_home_to_the_unit() {
    let stage = Stage::new(&["owner", "delegator", "stranger", "payer"]);
    let network = &stage.network;
    let begun = (stage.held("owner"), stage.held("delegator"));
    let rich = stage.lamports("owner");
    let at = stage.node("owner", "2000");
    let node = at.to_string();

    // In, partly out, back in, and out for good.
    let staked = network.ask("delegator", &["stake", "delegate", "1000", "--node", &node]);
    assert_eq!(units(&staked["stake_of_the_wallet"]), 1_000 * LODE);
    assert_eq!(units(&staked["stake_in_all"]), 3_000 * LODE);
    assert_eq!(stage.held("delegator"), begun.1 - 1_000 * LODE);
    let ticket = network.ask("delegator", &["stake", "unstake", "400"]);
    assert_eq!(units(&ticket["unbonding"]), 400 * LODE);
    let shown = network.ask("delegator", &["stake", "show"]);
    assert_eq!(shown[0]["stake"], "active");
    assert_eq!(units(&shown[0]["worth"]), 600 * LODE);
    assert_eq!(shown[1]["ticket"], ticket["ticket"]);
    assert_eq!(units(&shown[1]["worth"]), 400 * LODE);
    let back = network.ask("delegator", &["stake", "restake"]);
    assert_eq!(units(&back["restaked"]), 400 * LODE);
    network.ask("delegator", &["stake", "unstake", "300", "--node", &node]);
    let said = network.refused("delegator", &["stake", "withdraw"]);
    assert!(said.contains("is due"), "{said}");
    // A rise of the commission is announced, and no ticket is held up by it.
    let announced = network.ask("owner", &["node", "commission", "2"]);
    assert_eq!(announced["commission"], json!({"bps": 0}));
    assert_eq!(announced["announced"], json!({"bps": 200}));
    stage.sleep(14 * DAY + 60);
    let shown = network.ask("owner", &["node", "commission"]);
    assert_eq!(shown["commission"], json!({"bps": 200}));
    // By a stranger, to the wallet it belongs to.
    let strangers = stage.held("stranger");
    let paid = network.ask(
        "stranger",
        &["stake", "withdraw", "--of", &network.address("delegator")],
    );
    assert_eq!(units(&paid["withdrawn"]), 300 * LODE);
    assert_eq!(stage.held("delegator"), begun.1 - 700 * LODE);
    assert_eq!(stage.held("stranger"), strangers);

    // A reward of 100: 2 to the operator at once, 98 over a day to 2 000 own and 700 delegated shares.
    stage.reward("payer", &at, 100 * LODE);
    let before = stage.held("owner");
    let claimed = network.ask("owner", &["rewards", "claim", "--all"]);
    assert_eq!(units(&claimed["claimed"]), 2 * LODE);
    assert_eq!(stage.held("owner"), before + 2 * LODE);
    let again = network.ask("owner", &["node", "show"]);
    assert_eq!(units(&again["commission_owed"]), 0);
    stage.sleep(DAY);
    let per_share = rewards::per_share(98 * LODE, 2_700 * LODE).unwrap();
    let share = |shares: u64| rewards::earned(shares * LODE, 0, per_share).unwrap();
    let shown = network.ask("delegator", &["rewards", "show"]);
    assert_eq!(units(&shown[0]["rewards"]), share(700));
    // A stranger claims for the delegator, and a fourth wallet pays the fee.
    let delegator = network.address("delegator");
    let lamports = (stage.lamports("stranger"), stage.lamports("payer"));
    let claimed = network.ask(
        "stranger",
        &[
            "rewards",
            "claim",
            "--all",
            "--of",
            &delegator,
            "--fee-payer",
            "payer.json",
        ],
    );
    assert_eq!(units(&claimed["claimed"]), share(700));
    assert_eq!(stage.held("delegator"), begun.1 - 700 * LODE + share(700));
    assert_eq!(stage.held("stranger"), strangers);
    assert_eq!(stage.lamports("stranger"), lamports.0);
    assert!(stage.lamports("payer") < lamports.1);
    let claimed = network.ask("owner", &["rewards", "claim", "--all"]);
    assert_eq!(units(&claimed["claimed"]), share(2_000));
    let nothing = network.ask("owner", &["rewards", "claim", "--all"]);
    assert_eq!(nothing["claims"], 0);
    // A dry run answers as dry runs do, also where nothing would be sent.
    let dry = ["rewards", "claim", "--all", "--dry-run"];
    let shown = network.ask("owner", &dry);
    assert_eq!(shown, json!({"dry_run": true, "transactions": []}));
    let told = network.told("owner", &dry);
    assert!(told.contains("no transaction would be sent"), "{told}");
    let none = "1".repeat(32);
    let sign = ["rewards", "claim", "--all", "--sign-only", "--blockhash"];
    let signed = network.lode("owner", &[&sign[..], &[none.as_str()]].concat());
    assert_eq!(signed.status.code(), Some(4));

    // Out: the operator leaves, everyone is paid, nothing remains but what rounding left to him.
    let said = network.refused("owner", &["node", "close", "--yes"]);
    assert!(said.contains("lode node exit"), "{said}");
    let said = network.refused("owner", &["node", "exit"]);
    assert!(said.contains("--yes"), "{said}");
    network.ask("owner", &["node", "exit", "--yes"]);
    let said = network.refused("delegator", &["stake", "delegate", "1", "--node", &node]);
    assert!(said.contains("NodeExiting"), "{said}");
    let first = network.ask("owner", &["node", "close", "--yes"]);
    assert_eq!(first["closed"], false);
    // his own stake at once, a delegator's not before all that it worked for has reached him
    assert_eq!(
        (&first["tickets_open"], &first["delegations_open"]),
        (&1.into(), &2.into())
    );
    stage.sleep(8 * DAY + 4 * 3_600);
    let second = network.ask("owner", &["node", "close", "--yes"]);
    assert_eq!(
        (&second["closed"], &second["tickets_open"]),
        (&false.into(), &2.into())
    );
    stage.sleep(14 * DAY + 60);
    let last = network.ask("owner", &["node", "close", "--yes"]);
    assert_eq!(last["closed"], true, "{last}");
    let said = network.refused("owner", &["node", "show"]);
    assert!(said.contains("has no node"), "{said}");
    assert_eq!(
        stage.held("owner") + stage.held("delegator"),
        begun.0 + begun.1 + 100 * LODE
    );
    assert_eq!(stage.held("delegator"), begun.1 + share(700));
    assert_eq!(network.ask("delegator", &["stake", "show"]), json!([]));

    // The year in rows, though node and delegation are closed by now.
    let owners = stage.report("owner");
    let sum = |rows: &[Value], kind: &str, what: &str| -> u64 {
        let fit = rows
            .iter()
            .filter(|row| row["kind"] == kind && row["what"] == what);
        fit.map(|row| row["base_units"].as_u64().unwrap()).sum()
    };
    assert_eq!(sum(&owners, "accrual", "commission"), 2 * LODE);
    assert_eq!(sum(&owners, "accrual", "stake rewards"), 98 * LODE);
    assert_eq!(sum(&owners, "claim", "commission"), 2 * LODE);
    assert_eq!(sum(&owners, "claim", "stake rewards"), share(2_000));
    let dust = 98 * LODE - share(2_000) - share(700);
    assert_eq!(sum(&owners, "claim", "rest of the vault"), dust);
    // Every rent came back, so what the wallet is short of is fees.
    assert_eq!(
        sum(&owners, "fee", "of the transaction"),
        rich - stage.lamports("owner")
    );
    let delegators = stage.report("delegator");
    assert_eq!(sum(&delegators, "claim", "stake rewards"), share(700));
    assert_eq!(sum(&delegators, "accrual", "stake rewards"), 98 * LODE);
    assert_eq!(sum(&delegators, "accrual", "commission"), 0);
    assert!(delegators.iter().all(|row| row["kind"] != "slash"));
    let csv = |year: &str| {
        let args = ["rewards", "report", "--year", year, "--format", "csv"];
        let output = network.lode("owner", &args);
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let lines: usize = stage
        .years()
        .iter()
        .map(|year| csv(year).lines().count() - 1)
        .sum();
    assert_eq!(lines, owners.len());
    assert_eq!(csv("2020").lines().count(), 1);
}

#[test]
fn nodes_of_an_older_layout_are_brought_up_to_date_by_whoever_pays_for_it() {
    let stage = Stage::new(&["owner", "stranger"]);
    let network = &stage.network;
    let first = stage.node("owner", "1000");
    // as old programs left one that was never jailed: in layout 0, in which all from the exit on was reserved
    let mut present = stage.raw(&first);
    present[8 + offset_of!(Node, jailed_at)..][..8].fill(0);
    present[8 + offset_of!(Node, exited_at)..].fill(0);
    let mut older = present.clone();
    older[8] = 0;
    // and more of them than one transaction takes
    let others: Vec<Address> = (0..30).map(|_| Keypair::new().pubkey()).collect();
    let nodes = || others.iter().chain([&first]);
    nodes().for_each(|at| stage.put(at, &older));
    let named = first.to_string();

    // Nobody reads them, and whoever asks for one is told what to do.
    assert_eq!(network.ask("owner", &["node", "list"]), json!([]));
    for args in [&["node", "show"][..], &["node", "show", &named]] {
        let said = network.refused("owner", args);
        assert!(said.contains("lode node migrate"), "{said}");
    }
    let said = network.refused("owner", &["stake", "delegate", "1", "--node", &named]);
    assert!(said.contains("lode node migrate"), "{said}");

    let args = ["node", "migrate", &named];
    let shown = network.ask("stranger", &[&args[..], &["--dry-run"]].concat());
    assert_eq!(
        shown["transactions"][0]["instructions"][0]["name"],
        "migrate_node"
    );
    assert_eq!(stage.raw(&first), older);
    // One, by a stranger; a second time there is nothing to do.
    let done = network.ask("stranger", &args);
    assert_eq!((&done["older"], &done["migrated"]), (&1.into(), &1.into()));
    let done = network.ask("stranger", &[&args[..], &args[2..]].concat());
    assert_eq!(
        (&done["older"], &done["signatures"]),
        (&0.into(), &json!([]))
    );
    let shown = network.ask("stranger", &[&args[..], &["--dry-run"]].concat());
    assert_eq!(shown["transactions"], json!([]));
    let shown = network.ask("owner", &["node", "show"]);
    assert_eq!(units(&shown["stake"]), 1_000 * LODE);
    // All others, in few transactions.
    let shown = network.ask("owner", &["node", "migrate", "--all", "--dry-run"]);
    assert_eq!(shown["transactions"].as_array().unwrap().len(), 2);
    let done = network.ask("owner", &["node", "migrate", "--all"]);
    assert_eq!(
        (&done["older"], &done["migrated"], &done["transactions"]),
        (&30.into(), &30.into(), &2.into())
    );
    let done = network.ask("owner", &["node", "migrate", "--all"]);
    assert_eq!((&done["older"], &done["migrated"]), (&0.into(), &0.into()));
    nodes().for_each(|at| assert_eq!(stage.raw(at), present));
    network.ask("owner", &["node", "stake", "10", "--node", &named]);

    let nobody = Address::new_from_array([9; 32]).to_string();
    let said = network.refused("owner", &["node", "migrate", &named, &nobody]);
    assert!(said.contains("no node at"), "{said}");
    let vault = addresses::staking::vault(&first).to_string();
    let said = network.refused("owner", &["node", "migrate", &vault]);
    assert!(said.contains("belongs to program"), "{said}");
}

#[test]
fn keys_and_shares_that_cannot_be_are_refused_in_a_sentence_and_change_nothing() {
    let stage = Stage::new(&["owner", "delegator"]);
    let network = &stage.network;
    let node = stage.node("owner", "1000").to_string();
    let before = (stage.held("owner"), stage.held("delegator"));
    let shown = network.ask("owner", &["node", "show"]);
    let refused = |wallet: &str, args: &[&str], expected: &str| {
        let said = network.refused(wallet, args);
        assert!(said.contains(expected), "{args:?}: {said}");
    };
    let nobody = Address::new_from_array([9; 32]).to_string();

    refused(
        "delegator",
        &["stake", "delegate", "0", "--node", &node],
        "above 0",
    );
    refused(
        "delegator",
        &["stake", "delegate", "ten", "--node", &node],
        "is no amount",
    );
    refused(
        "delegator",
        &["stake", "delegate", "999999999", "--node", &node],
        "less than",
    );
    refused(
        "delegator",
        &["stake", "delegate", "1", "--node", &nobody],
        "no node at",
    );
    // ten times the own stake and no more
    refused(
        "delegator",
        &["stake", "delegate", "10001", "--node", &node],
        "RatioExceeded",
    );
    refused("delegator", &["stake", "unstake", "1"], "has no stake");
    refused(
        "delegator",
        &["stake", "unstake", "1", "--node", &node],
        "has no stake on",
    );
    refused(
        "owner",
        &["stake", "unstake", "1000.000000001"],
        "less than",
    );
    refused("owner", &["stake", "unstake", "everything"], "is no amount");
    refused("owner", &["stake", "restake"], "no such ticket");
    refused("owner", &["stake", "withdraw"], "has no ticket");
    refused(
        "owner",
        &["rewards", "claim", "--node", &nobody],
        "neither stake",
    );
    refused("owner", &["node", "commission", "2.5"], "CommissionTooHigh");
    refused("owner", &["node", "commission", "101"], "is no share");
    refused(
        "delegator",
        &["node", "commission", "1", "--node", &node],
        "belongs to",
    );
    refused("owner", &["node", "payout", &nobody], "no token account");
    let foreign = stage.mint().account_of(&network.key("delegator").pubkey());
    refused(
        "owner",
        &["node", "payout", &foreign.to_string()],
        "belongs to",
    );
    refused("owner", &["node", "worker", "owner.json"], "key of its own");
    refused(
        "owner",
        &["node", "worker", "no.json"],
        "nor a keypair file",
    );
    refused("owner", &["node", "unjail"], "not jailed");
    refused(
        "delegator",
        &["node", "exit", "--yes", "--node", &node],
        "belongs to",
    );
    assert_eq!(network.ask("owner", &["node", "show"]), shown);
    assert_eq!((stage.held("owner"), stage.held("delegator")), before);

    let worker = network.ask("owner", &["node", "worker", &nobody]);
    assert_eq!(worker["worker_before"], shown["worker"]);
    assert_eq!(network.ask("owner", &["node", "show"])["worker"], nobody);

    // Another account of the owner's: what is claimed goes there, whoever claims.
    let other = stage.open_account("owner");
    let paid = network.ask("owner", &["node", "payout", &other.to_string()]);
    assert_eq!(paid["payout"], other.to_string());
    stage.reward("delegator", &node.parse().unwrap(), 50 * LODE);
    network.ask("owner", &["rewards", "claim"]);
    stage.sleep(DAY);
    let wallet = stage.held("owner");
    let of = network.address("owner");
    network.ask("delegator", &["rewards", "claim", "--of", &of]);
    assert_eq!(stage.held("owner"), wallet);
    let client = network.client();
    let there = stage.runtime.block_on(client.token_balance(&other));
    let due = rewards::per_share(50 * LODE, 1_000 * LODE)
        .and_then(|per_share| rewards::earned(1_000 * LODE, 0, per_share));
    assert_eq!(there.ok(), due);
}

#[test]
fn claims_on_many_nodes_go_in_few_transactions_and_another_wallet_may_pay_for_them() {
    const NODES: usize = 9;
    let stage = Stage::new(&["owner", "delegator", "payer"]);
    let network = &stage.network;
    let nodes: Vec<Address> = (0..NODES)
        .map(|i| {
            let worker = Keypair::new().pubkey().to_string();
            let index = i.to_string();
            let register = ["node", "register", "--worker", &worker, "--index", &index];
            let node = network.ask("owner", &register)["node"].clone();
            let node = node.as_str().unwrap();
            network.ask("owner", &["node", "stake", "100", "--node", node]);
            network.ask("delegator", &["stake", "delegate", "100", "--node", node]);
            node.parse().unwrap()
        })
        .collect();
    let said = network.refused("delegator", &["stake", "unstake", "1"]);
    assert!(said.contains("on 9 nodes"), "{said}");
    let said = network.refused("owner", &["node", "show"]);
    assert!(
        said.contains("the address alone in `lode node show`"),
        "{said}"
    );
    let named = nodes[1].to_string();
    let shown = network.ask("owner", &["node", "show", &named]);
    assert_eq!(shown["node"], named);
    for node in &nodes {
        stage.reward("payer", node, 2 * LODE);
    }
    // First the rewards begin to stream, then they are claimed.
    let begun = network.ask("delegator", &["rewards", "claim", "--all"]);
    assert_eq!(units(&begun["claimed"]), 0);
    stage.sleep(DAY);
    let said = network.refused("delegator", &["rewards", "claim"]);
    assert!(said.contains("--all"), "{said}");
    let (held, lamports) = (stage.held("delegator"), stage.lamports("delegator"));
    let claim = ["rewards", "claim", "--all", "--fee-payer", "payer.json"];
    let claimed = network.ask("delegator", &claim);
    assert_eq!(claimed["claims"], NODES);
    assert_eq!(claimed["transactions"], 2);
    // On each node half of two tokens, rounded down.
    let per_share = rewards::per_share(2 * LODE, 200 * LODE).unwrap();
    let due = NODES as u64 * rewards::earned(100 * LODE, 0, per_share).unwrap();
    assert_eq!(units(&claimed["claimed"]), due);
    assert_eq!(stage.held("delegator"), held + due);
    assert_eq!(stage.lamports("delegator"), lamports);
}

#[test]
fn offices_are_handed_over_in_two_steps_and_a_pause_holds_nobody_in() {
    let stage = Stage::new(&["heir", "owner"]);
    let network = &stage.network;
    let authority = "net/keys/authority";
    let node = stage.node("owner", "1000").to_string();

    let set = network.ask(
        authority,
        &[
            "network",
            "set",
            "--minimum-self-stake",
            "500",
            "--delegation-ratio",
            "5",
        ],
    );
    assert_eq!(units(&set["minimum_self_stake"]), 500 * LODE);
    assert_eq!(set["delegation_ratio"], 5);
    assert_eq!(set["unbonding_seconds"], 14 * DAY);
    let said = network.refused(authority, &["network", "set"]);
    assert!(said.contains("Nothing to set"), "{said}");
    for (flag, value) in [
        ("--unbonding-days", "13"),
        ("--delegation-ratio", "11"),
        ("--commission-cap", "51"),
        ("--commission-step", "6"),
        ("--minimum-self-stake", "10001"),
        ("--jail-hours", "0"),
    ] {
        let said = network.refused(authority, &["network", "set", flag, value]);
        assert!(said.contains("OutOfBounds"), "{flag}: {said}");
    }
    let said = network.refused("heir", &["network", "set", "--delegation-ratio", "4"]);
    assert!(said.contains("governor of staking"), "{said}");

    for office in ["staking", "jobs", "committee"] {
        let said = network.refused("heir", &["network", "accept", office]);
        assert!(said.contains("not offered"), "{said}");
        let said = network.refused("heir", &["network", "handover", office, "heir.json"]);
        assert!(said.contains("--keypair"), "{said}");
        let handover = ["network", "handover", office, "heir.json", "--yes"];
        network.ask(authority, &handover);
        let taken_back = network.ask(authority, &["network", "handover", office, "nobody"]);
        assert!(taken_back["offered_to"].is_null());
        network.refused("heir", &["network", "accept", office]);
        let handover = ["network", "handover", office, "heir.json", "--yes"];
        network.ask(authority, &handover);
        let accepted = network.ask("heir", &["network", "accept", office]);
        assert_eq!(accepted["held_by"], network.address("heir"));
        assert!(accepted["offered_to"].is_null());
    }
    let said = network.refused(authority, &["network", "set", "--delegation-ratio", "4"]);
    assert!(said.contains("governor of staking"), "{said}");
    let set = network.ask(
        "heir",
        &[
            "network",
            "set",
            "--staking-guardian",
            "owner.json",
            "--jobs-guardian",
            "nobody",
            "--yes",
        ],
    );
    assert_eq!(set["staking_guardian"], network.address("owner"));
    assert!(set["jobs_guardian"].is_null());

    // The burn fees of other mints: the governor of jobs offers them, not who has them.
    let before = set["jobs_treasury"].clone();
    let handover = [
        "network",
        "handover",
        "jobs-treasury",
        "owner.json",
        "--yes",
    ];
    let said = network.refused(authority, &handover);
    assert!(said.contains("governor of jobs"), "{said}");
    let offered = network.ask("heir", &handover);
    assert_eq!(offered["held_by"], before);
    network.refused("heir", &["network", "accept", "jobs-treasury"]);
    let accepted = network.ask("owner", &["network", "accept", "jobs-treasury"]);
    assert_eq!(accepted["held_by"], network.address("owner"));

    let said = network.refused(authority, &["network", "pause", "staking"]);
    assert!(said.contains("guardian of staking"), "{said}");
    let pause = ["network", "pause", "staking", "--yes"];
    let paused = network.ask("owner", &pause);
    assert!(paused["until"].as_i64().unwrap() > 0);
    let said = network.refused("owner", &pause);
    assert!(said.contains("PauseTooSoon"), "{said}");
    let said = network.refused("owner", &["stake", "delegate", "1", "--node", &node]);
    assert!(said.contains("Paused"), "{said}");
    network.ask("owner", &["stake", "unstake", "all"]);
    stage.sleep(14 * DAY + 60);

    // Where it is to go is looked at: what goes to somebody else is his, and that is asked.
    let to = |account: &Address| {
        let account = account.to_string();
        ["stake", "withdraw", "--to", &account].map(str::to_string)
    };
    let refused = |account: &Address| {
        let args = to(account);
        network.refused("owner", &args.each_ref().map(String::as_str))
    };
    let said = refused(&Address::new_from_array([9; 32]));
    assert!(said.contains("no token account"), "{said}");
    let said = refused(&stage.open_strange_account("owner"));
    assert!(said.contains("another mint"), "{said}");
    let (heir, held) = (network.address("heir"), stage.held("heir"));
    let heirs = stage.mint().account_of(&heir.parse().unwrap());
    let said = refused(&heirs);
    assert!(said.contains(&heir) && said.contains("--yes"), "{said}");
    assert_eq!(stage.held("heir"), held);
    let mine = to(&stage.open_account("owner"));
    let paid = network.ask("owner", &mine.each_ref().map(String::as_str));
    assert_eq!(units(&paid["withdrawn"]), 1_000 * LODE);
}

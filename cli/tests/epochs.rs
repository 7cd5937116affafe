//! Emissions with the real binary: a job burns, its epoch is recorded, made final and claimed, by whoever likes; and what
//! was minted stands against what was burned, to the unit. Needs the programs that `cargo xtask build` makes.
#![allow(clippy::unwrap_used)]

mod common;

use common::{units, years, Network};
use lode_client::{addresses, Client};
use lode_emissions::state::Schedule;
use lode_jobs::state::{Market, Work};
use lode_math::{emission, rewards};
use lode_staking::state::StakingConfig;
use serde_json::json;
use solana_address::Address;
use solana_signer::Signer;

const LODE: u64 = 1_000_000_000;
const OWNER: &str = "net/keys/node-0";
const AUTHORITY: &str = "net/keys/authority";

struct Stage {
    network: Network,
    client: Client,
    runtime: tokio::runtime::Runtime,
    schedule: Schedule,
}

impl Stage {
    fn new(wallets: &[&str]) -> Self {
        let network = Network::start_unchecked(&["--folder", "net"], wallets);
        let (client, runtime) = (network.client(), tokio::runtime::Runtime::new().unwrap());
        let schedule = runtime.block_on(client.schedule()).unwrap().unwrap();
        Self {
            network,
            client,
            runtime,
            schedule,
        }
    }

    /// Moves on to the beginning of an epoch.
    fn until(&self, epoch: u64) {
        loop {
            let moved = self
                .network
                .ask("stranger", &["network", "forward", "epoch"]);
            let now = moved["epoch"].as_u64().unwrap();
            assert!(now <= epoch, "too far: {now}");
            if now == epoch {
                return;
            }
        }
    }

    fn mint(&self) -> lode_client::token::MintInfo {
        let mint = self.client.mint(&self.schedule.mint);
        self.runtime.block_on(mint).unwrap()
    }

    /// Tokens of a wallet.
    fn held(&self, wallet: &Address) -> u64 {
        let home = self.mint().account_of(wallet);
        self.runtime
            .block_on(self.client.token_balance(&home))
            .unwrap()
    }

    fn address(&self, wallet: &str) -> Address {
        let file = self.network.folder.path().join(format!("{wallet}.json"));
        lode_client::cli_config::read_keypair(&file)
            .unwrap()
            .pubkey()
    }

    /// Burns what a node's ledger owes to the burn.
    fn sweep(&self, by: &str, node: &Address) {
        let markets = self.client.get_program_accounts::<Market>(&[]);
        let (at, market) = self.runtime.block_on(markets).unwrap()[0];
        let mint = self.mint();
        let sweep =
            lode_client::instructions::jobs::sweep_fees(&at, &market, node, &mint, None, false);
        let sweep = [sweep];
        let sent = self.client.send(&sweep, self.network.key(by), &[]);
        self.runtime.block_on(sent).unwrap();
    }
}

#[test]
fn what_work_burned_is_recorded_emitted_and_claimed_by_anyone_and_adds_up_to_the_unit() {
    let stage = Stage::new(&["customer", "delegator", "stranger"]);
    let network = &stage.network;
    let nodes = network.ask("stranger", &["node", "list"]);
    let node: Address = nodes[0]["node"].as_str().unwrap().parse().unwrap();
    let owner = stage.address(OWNER);
    let delegator = network.key("delegator").pubkey();
    network.ask(
        "delegator",
        &["stake", "delegate", "1000", "--node", &node.to_string()],
    );
    // Also where agents turn things by themselves meanwhile, the sums are these.
    let supply = stage.mint().supply;
    let strangers = stage.held(&network.key("stranger").pubkey());
    let (owners, delegators) = (stage.held(&owner), stage.held(&delegator));
    let treasury = stage.address(AUTHORITY);
    let treasurys = stage.held(&treasury);
    let said = network.refused("stranger", &["network", "forward", "back"]);
    assert!(said.contains("is no time"), "{said}");
    let said = network.refused("stranger", &["epoch", "record"]);
    assert!(said.contains("No epoch has ended"), "{said}");
    let said = network.refused("stranger", &["epoch", "finalize", "0"]);
    assert!(said.contains("cannot be made final"), "{said}");

    // A job burns.
    network.ask("customer", &["account", "deposit", "1000"]);
    network.file("text.txt", "a text");
    let (module, input) = (network.copy_module(), ["--input", "text.txt"]);
    let run = [&["job", "run", &module, "--price", "2000"][..], &input].concat();
    network.ask("customer", &[&run[..], &["--", "/in/text.txt"]].concat());
    let work: Work = stage
        .runtime
        .block_on(stage.client.get_account(&addresses::jobs::work(&node)))
        .unwrap();
    let (epoch, burned) = (work.epoch, work.points);
    assert!(burned > 0);
    stage.sweep("stranger", &node);
    assert_eq!(stage.mint().supply, supply - burned);

    // Recorded while the next one runs, final in the one after.
    let index = epoch.to_string();
    stage.until(epoch + 1);
    network.ask("stranger", &["epoch", "record"]);
    let shown = network.ask("stranger", &["epoch", "show", &index]);
    assert_eq!(shown["state"], "is recorded");
    assert_eq!(shown["points"], burned);
    assert_eq!(shown["shares"][0]["node"], node.to_string());
    assert_eq!(units(&shown["shares"][0]["stake"]), 11_000 * LODE);
    let nobody = Address::new_from_array([9; 32]).to_string();
    let said = network.refused("stranger", &["epoch", "record", "--node", &nobody]);
    assert!(said.contains("has no points"), "{said}");
    stage.until(epoch + 2);
    network.ask("stranger", &["epoch", "finalize"]);
    let schedule = &stage.schedule;
    let terms = schedule.terms();
    let ceiling = emission::ceiling(
        schedule.first_ceiling,
        u64::from(schedule.decay_bps),
        schedule.era_epochs,
        epoch,
    );
    let amount = emission::amount(&terms, burned, ceiling.unwrap(), schedule.cap).unwrap();
    let buckets = emission::buckets(&terms, amount).unwrap();
    let shown = network.ask("stranger", &["epoch", "show", &index]);
    assert_eq!(shown["state"], "is claimed");
    assert_eq!(units(&shown["amount"]), amount);
    assert_eq!(units(&shown["shares"][0]["for_work"]), buckets.work);
    assert_eq!(units(&shown["shares"][0]["for_stake"]), buckets.stake);
    assert_eq!(shown["concentration"]["bps"], 10_000);
    assert!(amount < burned);

    // Claimed by a stranger for the operator: work at once, stake through the vault.
    let of = owner.to_string();
    network.ask("stranger", &["rewards", "claim", "--all", "--of", &of]);
    assert_eq!(stage.held(&owner), owners + buckets.work);
    network.ask("stranger", &["epoch", "claim"]);
    assert_eq!(stage.held(&treasury), treasurys + buckets.treasury);
    assert_eq!(stage.mint().supply, supply - burned + amount_of(&buckets));
    stage.until(epoch + 4);
    let config: StakingConfig = stage
        .runtime
        .block_on(stage.client.get_account(&addresses::staking::config()))
        .unwrap();
    assert_eq!(config.stream_seconds, schedule.epoch_seconds);
    let per_share = rewards::per_share(buckets.stake, 11_000 * LODE).unwrap();
    let due = rewards::earned(1_000 * LODE, 0, per_share).unwrap();
    let of = delegator.to_string();
    let claimed = network.ask("stranger", &["rewards", "claim", "--all", "--of", &of]);
    assert_eq!(units(&claimed["claimed"]), due);
    assert_eq!(stage.held(&delegator), delegators + due);
    assert_eq!(stage.held(&network.key("stranger").pubkey()), strangers);

    let figures = network.ask("stranger", &["stats", "concentration"]);
    assert_eq!(figures[0]["owners"], 2);
    for row in &figures.as_array().unwrap()[1..] {
        assert_eq!(row["owners"], 1, "{row}");
        assert_eq!(row["gini"]["bps"], 0);
        assert_eq!(row["herfindahl"]["bps"], 10_000);
        assert_eq!(row["nakamoto_half"], 1);
    }
    assert_eq!(units(&figures[0]["total"]), 11_000 * LODE);
    assert_eq!(units(&figures[1]["total"]), buckets.work + buckets.stake);

    // The operator's year: what the job paid and what was emitted for it.
    let now = stage.runtime.block_on(stage.client.clock()).unwrap();
    let of = owner.to_string();
    let rows = years(now.unix_timestamp).map(|year| {
        let report = ["rewards", "report", "--of", &of, "--year", &year];
        network.ask("stranger", &report)
    });
    let sum = |kind: &str, what: &str| -> u64 {
        let rows = rows.iter().flat_map(|rows| rows.as_array().unwrap());
        rows.filter(|row| row["kind"] == kind && row["what"] == what)
            .map(|row| row["base_units"].as_u64().unwrap())
            .sum()
    };
    assert_eq!(sum("claim", "emission for work"), buckets.work);
    assert_eq!(sum("burn", "of jobs"), burned);
    assert!(sum("accrual", "job") > burned);

    // An office of emissions: the treasury's owner.
    let heir = ["network", "handover", "treasury", "stranger.json", "--yes"];
    let said = network.refused("stranger", &heir);
    assert!(said.contains("owner of the treasury"), "{said}");
    network.ask(AUTHORITY, &heir);
    let accepted = network.ask("stranger", &["network", "accept", "treasury"]);
    assert_eq!(accepted["held_by"], network.address("stranger"));

    // And when all claims are over, everything is closed.
    stage.until(epoch + 27);
    network.ask("stranger", &["epoch", "close"]);
    let shown = network.ask("stranger", &["epoch", "show", &index]);
    assert_eq!(shown["state"], "over");
    assert_eq!(shown["shares"], json!([]));
    let said = network.refused("stranger", &["epoch", "finalize", &index]);
    assert!(said.contains("over"), "{said}");
    for step in ["record", "finalize", "claim", "close"] {
        let shown = network.ask("stranger", &["epoch", step, "--dry-run"]);
        assert_eq!(shown["transactions"], json!([]), "{step}");
    }
}

#[test]
fn a_whale_who_delegates_is_counted_as_one_and_so_is_an_owner_of_two_nodes() {
    let network = Network::start(&["--bare"], &["owner", "whale", "worker"]);
    let worker = network.address("worker");
    let mut nodes = Vec::new();
    for index in ["0", "1"] {
        let register = ["node", "register", "--worker", &worker, "--index", index];
        let node = network.ask("owner", &register)["node"].clone();
        let node = node.as_str().unwrap().to_string();
        network.ask("owner", &["node", "stake", "2000", "--node", &node]);
        nodes.push(node);
    }
    for (node, amount) in nodes.iter().zip(["5000", "7000"]) {
        network.ask("whale", &["stake", "delegate", amount, "--node", node]);
    }
    let stake = || {
        let figures = network.ask("owner", &["stats", "concentration"]);
        assert_eq!(figures[0]["of"], "stake");
        figures[0].clone()
    };
    // 4 000 and 12 000, though all of it lies on the nodes of one owner
    let figures = stake();
    assert_eq!(units(&figures["total"]), 16_000 * LODE);
    assert_eq!(figures["owners"], 2);
    assert_eq!(figures["gini"]["bps"], 2_500);
    assert_eq!(figures["herfindahl"]["bps"], 6_250);
    assert_eq!(figures["nakamoto_half"], 1);
    // what is on its way out holds nothing any more: 4 000 each
    let unstake = |node: &str, amount| {
        let unstake = ["stake", "unstake", amount, "--node", node];
        network.ask("whale", &unstake);
    };
    unstake(&nodes[0], "5000");
    unstake(&nodes[1], "3000");
    let figures = stake();
    assert_eq!(units(&figures["total"]), 8_000 * LODE);
    assert_eq!(
        (&figures["owners"], &figures["nakamoto_half"]),
        (&2.into(), &2.into())
    );
    assert_eq!(
        (&figures["gini"]["bps"], &figures["herfindahl"]["bps"]),
        (&0.into(), &5_000.into())
    );
}

fn amount_of(buckets: &emission::Buckets) -> u64 {
    buckets.work + buckets.stake + buckets.treasury
}

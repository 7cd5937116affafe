//! The TypeScript client posts a job and settles it, on a network that was started for real; what it reads of an account of
//! any type and writes again are the same bytes. Needs Node and the packages that `cargo xtask setup` installs.
#![allow(clippy::unwrap_used, clippy::expect_used)]
mod common;

use common::{root, Network, LODE};
use lode_attestation::{commitment, Statement, Verdict};
use lode_client::addresses;
use lode_client::instructions::{emissions, jobs, staking};
use lode_jobs::state::{Job, JobState, Ledger, Work};
use lode_oracle::state::Committee;
use lode_staking::state::Delegation;
use serde_json::{json, Value};
use solana_address::Address;
use solana_signer::Signer;
use std::collections::BTreeSet;

/// Runs one step of the client.
async fn step(arguments: Value) -> Value {
    let output = tokio::process::Command::new("node")
        .args(["--import", "tsx", "test/step.ts", &arguments.to_string()])
        .current_dir(root().join("clients/typescript"))
        .output()
        .await
        .expect("node could not be started: `cargo xtask setup` installs it");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The types of accounts that the table of what they cost names.
fn types(costs: &str) -> BTreeSet<&str> {
    let (_, table) = costs.split_once("\n## Accounts\n").unwrap();
    let rows = table.lines().take_while(|line| !line.starts_with("## "));
    let names = rows.filter_map(|row| row.strip_prefix("| ")?.split_once(" |"));
    names.map(|(name, _)| name).skip(1).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_typescript_client_posts_a_job_and_settles_it() {
    // with a challenge window, so that only the customer can settle at once
    let (running, network) = Network::start(|plan| plan.market.final_below = 0).await;
    network.oracles_join().await;
    let (owner, worker, node) = network.node_joins().await;
    let client = &network.client;
    let customer = network.wallet().await;
    let (market, mint) = (network.report.market, &network.report.payment_mint);
    let mut call = json!({
        "step": "post",
        "url": running.rpc_url(),
        "wallet": customer.to_bytes().to_vec(),
        "market": market.to_string(),
        "mint": mint.address.to_string(),
        "from": mint.account_of(&customer.pubkey()).to_string(),
        "deposit": (50 * LODE).to_string(),
        "price": (10_000 * LODE).to_string(),
        "unitsLimit": "300",
        "spec": vec![7; 32],
    });
    let posted = step(call.clone()).await;
    let ledger_at = addresses::jobs::ledger(&market, &customer.pubkey());
    assert_eq!(posted["ledger"], ledger_at.to_string());
    let ledger: Ledger = client.get_account(&ledger_at).await.unwrap();
    assert_eq!((ledger.available, ledger.locked), (38 * LODE, 12 * LODE));
    let job_at: Address = posted["job"].as_str().unwrap().parse().unwrap();
    let job = network.job(&job_at).await;
    assert_eq!(
        (job.spec, job.price, job.units_limit, job.bump),
        ([7; 32], 10_000 * LODE, 300, 255)
    );

    // the others do their part
    let accept = jobs::accept_job(&worker.pubkey(), &node, &job_at, &job);
    client.send(&[accept], &worker, &[]).await.unwrap();
    let (result, units) = ([9; 32], 200);
    let published = commitment(&result, units, &job_at, 0, &node);
    let job = network.job(&job_at).await;
    let submit = jobs::submit_result(&worker.pubkey(), &job_at, &job, published, units);
    client.send(&[submit], &worker, &[]).await.unwrap();
    network.slots_pass(3).await;
    let committee_at = network.report.committee;
    let seal = jobs::seal_job(&worker.pubkey(), &job_at, &job, &committee_at);
    client.send(&[seal], &worker, &[]).await.unwrap();
    let job = network.job(&job_at).await;
    let committee: Committee = client.get_account(&committee_at).await.unwrap();
    let statement = Statement {
        program: &lode_jobs::ID,
        job: &job_at,
        attempt: 0,
        seal: &job.seal,
        verdict: Verdict::Match,
        result: &result,
        units,
        committee: &committee_at,
    };
    let signatures = network.sign(&committee, &statement, job.panel, 2);
    let verdict = Verdict::Match;
    let attest = jobs::attest_job(
        &job_at,
        &job,
        &committee_at,
        verdict,
        result,
        units,
        &signatures,
    );
    client.send(&attest, &worker, &[]).await.unwrap();
    let bytes = client.raw_account(&job_at).await.unwrap().unwrap().data;
    let job: Job = network.job(&job_at).await;

    call["step"] = "settle".into();
    call["job"] = job_at.to_string().into();
    let settled = step(call.clone()).await;
    assert_eq!(settled["units"], "200");
    assert_eq!(settled["price"], (10_000 * LODE).to_string());
    assert_eq!(settled["submittedAt"], job.submitted_at.to_string());
    let again: Vec<u8> = serde_json::from_value(settled["bytes"].clone()).unwrap();
    assert_eq!(again, bytes);
    let job = network.job(&job_at).await;
    assert_eq!(job.state, JobState::Settled as u8);
    let ledger: Ledger = client.get_account(&ledger_at).await.unwrap();
    assert_eq!((ledger.available, ledger.locked), (42 * LODE, 0));

    // the types that nothing has made yet: a ticket, and what the settled job earned
    let (delegator, mint) = (network.wallet().await, &network.report.stake_mint);
    let me = delegator.pubkey();
    let stake = staking::stake(&me, &node, mint, 2 * LODE);
    client.send(&[stake], &delegator, &[]).await.unwrap();
    let delegation_at = addresses::staking::delegation(&node, &me);
    let delegation: Delegation = client.get_account(&delegation_at).await.unwrap();
    let unstake = staking::unstake(&me, &node, 0, delegation.active_shares / 2);
    client.send(&[unstake], &delegator, &[]).await.unwrap();
    let work_at = addresses::jobs::work(&node);
    let work: Work = client.get_account(&work_at).await.unwrap();
    let (epoch, schedule) = (work.epoch, client.schedule().await.unwrap().unwrap());
    let now = client.clock().await.unwrap().unix_timestamp;
    if schedule.epoch(now) == Some(epoch) {
        let seconds = schedule.epoch_seconds.unsigned_abs();
        lode_localnet::time_travel(client, seconds).await.unwrap();
    }
    let record = emissions::record(&me, &node, epoch);
    client.send(&[record], &delegator, &[]).await.unwrap();

    // of each what Rust knows of one field, by the name that it has there
    let of = |address: &Address| address.to_string();
    let oracle = network.oracles[0].0.pubkey();
    let config_of_jobs = addresses::jobs::config();
    let accounts = [
        (
            "staking StakingConfig",
            addresses::staking::config(),
            "stakeMint",
            of(&mint.address),
        ),
        ("staking Node", node, "owner", of(&owner.pubkey())),
        ("staking Delegation", delegation_at, "owner", of(&me)),
        (
            "staking Unbonding",
            addresses::staking::unbonding(&delegation_at, 0),
            "delegation",
            of(&delegation_at),
        ),
        (
            "oracle Committee",
            committee_at,
            "bondMint",
            of(&mint.address),
        ),
        (
            "oracle Oracle",
            addresses::oracle::oracle(&committee_at, &oracle),
            "bond",
            (1_000 * LODE).to_string(),
        ),
        (
            "jobs JobsConfig",
            config_of_jobs,
            "emissionMint",
            of(&mint.address),
        ),
        ("jobs Market", market, "committee", of(&committee_at)),
        (
            "jobs Ledger",
            ledger_at,
            "available",
            (42 * LODE).to_string(),
        ),
        ("jobs Work", work_at, "node", of(&node)),
        ("jobs Job", job_at, "customer", of(&ledger_at)),
        (
            "emissions Schedule",
            addresses::emissions::schedule(),
            "cap",
            schedule.cap.to_string(),
        ),
        (
            "emissions Epoch",
            addresses::emissions::epoch(epoch),
            "index",
            epoch.to_string(),
        ),
        (
            "emissions Share",
            addresses::emissions::share(&node, epoch),
            "node",
            of(&node),
        ),
    ];
    let names: BTreeSet<&str> = accounts.iter().map(|(kind, ..)| *kind).collect();
    let costs = std::fs::read_to_string(root().join("docs/costs.md")).unwrap();
    assert_eq!(names, types(&costs));
    let at: Vec<Address> = accounts.iter().map(|(_, at, ..)| *at).collect();
    let found = client.raw_accounts(&at).await.unwrap();
    call["step"] = "accounts".into();
    call["accounts"] = accounts
        .iter()
        .map(|(kind, at, ..)| json!({"kind": kind, "address": of(at)}))
        .collect();
    let said = step(call).await;
    for (i, (kind, _, field, value)) in accounts.iter().enumerate() {
        let again: Vec<u8> = serde_json::from_value(said[i]["bytes"].clone()).unwrap();
        assert_eq!(again, found[i].as_ref().unwrap().data, "{kind}");
        assert_eq!(said[i]["read"][field], **value, "{kind}");
    }
    running.stop().await.unwrap();
}

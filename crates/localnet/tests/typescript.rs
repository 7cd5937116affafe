//! The TypeScript client posts a job and settles it, on a network that was started for real; what it reads of an account
//! and writes again are the same bytes. Needs Node and the packages that `cargo xtask setup` installs.
#![allow(clippy::unwrap_used, clippy::expect_used)]
mod common;

use common::{root, Network, LODE};
use lode_attestation::{commitment, Statement, Verdict};
use lode_client::addresses;
use lode_client::instructions::jobs;
use lode_jobs::state::{Job, JobState, Ledger};
use lode_oracle::state::Committee;
use serde_json::{json, Value};
use solana_address::Address;
use solana_signer::Signer;

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

#[tokio::test(flavor = "multi_thread")]
async fn the_typescript_client_posts_a_job_and_settles_it() {
    // with a challenge window, so that only the customer can settle at once
    let (running, network) = Network::start(|plan| plan.market.final_below = 0).await;
    network.oracles_join().await;
    let (_, worker, node) = network.node_joins().await;
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
    let settled = step(call).await;
    assert_eq!(settled["units"], "200");
    assert_eq!(settled["price"], (10_000 * LODE).to_string());
    assert_eq!(settled["submittedAt"], job.submitted_at.to_string());
    let again: Vec<u8> = serde_json::from_value(settled["bytes"].clone()).unwrap();
    assert_eq!(again, bytes);
    let job = network.job(&job_at).await;
    assert_eq!(job.state, JobState::Settled as u8);
    let ledger: Ledger = client.get_account(&ledger_at).await.unwrap();
    assert_eq!((ledger.available, ledger.locked), (42 * LODE, 0));
    running.stop().await.unwrap();
}

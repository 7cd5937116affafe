//! A job's straight path through every builder of the client, on a network that was started for real.
#![allow(clippy::unwrap_used)]
mod common;
// what the client's README shows
#[allow(dead_code)]
#[path = "../../client/examples/post_job.rs"]
mod post_job;

use common::{Network, LODE};
use lode_attestation::{commitment, Statement, Verdict};
use lode_client::instructions::{jobs, staking};
use lode_client::{addresses, filter, nonce};
use lode_jobs::state::{Job, JobState, Ledger, Market, NodeFilter};
use lode_jobs::PostArgs;
use lode_oracle::state::Committee;
use lode_staking::state::{Delegation, Node};
use solana_address::Address;
use solana_signer::Signer;

#[tokio::test(flavor = "multi_thread")]
async fn a_job_walks_the_straight_path_and_everyone_is_paid() {
    let (running, network) = Network::start(|_| {}).await;
    let client = network.client.clone();
    network.oracles_join().await;
    let (owner, worker, node) = network.node_joins().await;
    let market_at = network.report.market;
    let market: Market = client.get_account(&market_at).await.unwrap();
    let mint = &network.report.payment_mint;

    // The customer deposits and posts: 300 units at 10 LODE a thousand.
    let customer = network.wallet().await;
    let me = customer.pubkey();
    let ledger_at = addresses::jobs::ledger(&market_at, &me);
    client
        .send(
            &[
                jobs::open_ledger(&me, &market_at, &me),
                jobs::deposit(&me, &market_at, &me, mint, 50 * LODE),
            ],
            &customer,
            &[],
        )
        .await
        .unwrap();
    let ledger: Ledger = client.get_account(&ledger_at).await.unwrap();
    let args = PostArgs {
        nonce: nonce::next_nonce(&ledger_at, nonce::window(&ledger), 0).unwrap(),
        spec: [7; 32],
        price: 10_000 * LODE,
        units_limit: 300,
        target: Address::default(),
        checked: false,
        nodes: NodeFilter::default(),
    };
    let (job_at, bump) = addresses::jobs::job(&ledger_at, args.nonce);
    assert_eq!(bump, 255);
    let post = jobs::post_job(&me, &market_at, args);
    client.send(&[post], &customer, &[]).await.unwrap();
    // work 3 LODE, checks three times that
    let ledger: Ledger = client.get_account(&ledger_at).await.unwrap();
    assert_eq!((ledger.available, ledger.locked), (38 * LODE, 12 * LODE));

    // The node finds it by the market and its state, accepts, and commits to a result.
    let open = JobState::Open as u8;
    let found = client
        .get_program_accounts::<Job>(&[filter!(Job, market, market_at), filter!(Job, state, open)])
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    let (found_at, job) = found[0];
    assert_eq!(found_at, job_at);
    let accept = jobs::accept_job(&worker.pubkey(), &node, &job_at, &job);
    client.send(&[accept], &worker, &[]).await.unwrap();
    let (result, units) = ([9; 32], 200);
    let published = commitment(&result, units, &job_at, 0, &node);
    let job = network.job(&job_at).await;
    let submit = jobs::submit_result(&worker.pubkey(), &job_at, &job, published, units);
    client.send(&[submit], &worker, &[]).await.unwrap();

    // Sealed two slots later, attested by two of three, settled at once: all in one transaction but the seal.
    network.slots_pass(3).await;
    let committee_at = network.report.committee;
    let seal = jobs::seal_job(&worker.pubkey(), &job_at, &job, &committee_at);
    client.send(&[seal], &worker, &[]).await.unwrap();
    let job = network.job(&job_at).await;
    assert_eq!(job.panel.count_ones(), 3);
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
    // One signature is no majority, and the program says so in a sentence.
    let alone = jobs::attest_job(
        &job_at,
        &job,
        &committee_at,
        Verdict::Match,
        result,
        units,
        &signatures[..1],
    );
    let error = client.send(&alone, &worker, &[]).await.unwrap_err();
    assert_eq!(
        error.name_of(&lode_jobs::ID),
        Some("MajorityIncomplete"),
        "{error}"
    );
    let [proof, attest] = jobs::attest_job(
        &job_at,
        &job,
        &committee_at,
        Verdict::Match,
        result,
        units,
        &signatures,
    );
    let settle = jobs::settle_job(&worker.pubkey(), &job_at, &job);
    let sent = client
        .send(&[proof, attest, settle], &worker, &[])
        .await
        .unwrap();
    let costs = client.costs(&sent.signature).await.unwrap();
    assert_eq!(costs.compute_units, sent.compute_units);

    // 200 units are 2 LODE: 5 % burned, 2 % to the market, the rest to the node; the customer has the rest back.
    let job = network.job(&job_at).await;
    assert_eq!(job.state, JobState::Settled as u8);
    assert_eq!(job.result, result);
    let ledger: Ledger = client.get_account(&ledger_at).await.unwrap();
    assert_eq!((ledger.available, ledger.locked), (42 * LODE, 0));
    let node_ledger_at = addresses::jobs::ledger(&market_at, &node);
    let node_ledger: Ledger = client.get_account(&node_ledger_at).await.unwrap();
    let earned = 2 * LODE * 93 / 100;
    assert_eq!(node_ledger.available, 100 * LODE + earned);
    assert_eq!(node_ledger.locked, 0);
    assert_eq!(node_ledger.burn_owed, 2 * LODE * 5 / 100);
    assert_eq!(node_ledger.checks_owed, 6 * LODE);

    // Into the owner's wallet.
    let before = client
        .token_balance(&mint.account_of(&owner.pubkey()))
        .await
        .unwrap();
    let out = jobs::withdraw(
        &owner.pubkey(),
        &market_at,
        &node,
        mint,
        100 * LODE + earned,
    );
    client.send(&[out], &owner, &[]).await.unwrap();
    let after = client
        .token_balance(&mint.account_of(&owner.pubkey()))
        .await
        .unwrap();
    assert_eq!(after - before, 100 * LODE + earned);

    // A second job: taken back, and its account closed when the market's retention is over.
    let args = PostArgs {
        nonce: nonce::next_nonce(&ledger_at, nonce::window(&ledger), 0).unwrap(),
        ..args
    };
    let (second_at, _) = addresses::jobs::job(&ledger_at, args.nonce);
    let post = jobs::post_job(&me, &market_at, args);
    client.send(&[post], &customer, &[]).await.unwrap();
    let second = network.job(&second_at).await;
    let cancel = jobs::cancel_job(&me, &second_at, &second);
    let close = jobs::close_job(&me, &second_at, &second);
    client.send(&[cancel, close], &customer, &[]).await.unwrap();
    assert!(client.raw_account(&second_at).await.unwrap().is_none());

    the_example_posts_a_job(&network).await;
    a_delegator_leaves(&network, &node).await;
    assert_eq!(market.k, 3);
    running.stop().await.unwrap();
}

async fn the_example_posts_a_job(network: &Network) {
    let wallet = network.wallet().await;
    let market = network.report.market;
    // the first time into a new account, then into the same
    for (spec, available) in [([1; 32], 38), ([2; 32], 76)] {
        let at = post_job::post(&network.client, &wallet, &market, spec).await;
        let job = network.job(&at.unwrap()).await;
        let ledger_at = addresses::jobs::ledger(&market, &wallet.pubkey());
        assert_eq!((job.spec, job.customer), (spec, ledger_at));
        let ledger: Ledger = network.client.get_account(&ledger_at).await.unwrap();
        assert_eq!(ledger.available, available * LODE);
    }
}

async fn a_delegator_leaves(network: &Network, node: &Address) {
    let client = &network.client;
    let mint = &network.report.stake_mint;
    let wallet = network.wallet().await;
    let me = wallet.pubkey();
    let stake = staking::stake(&me, node, mint, 5 * LODE);
    client.send(&[stake], &wallet, &[]).await.unwrap();
    let at = addresses::staking::delegation(node, &me);
    let delegation: Delegation = client.get_account(&at).await.unwrap();
    let unstake = staking::unstake(&me, node, delegation.next_ticket, delegation.active_shares);
    client.send(&[unstake], &wallet, &[]).await.unwrap();
    let ticket_at = addresses::staking::unbonding(&at, 0);
    let ticket = client.get_account(&ticket_at).await.unwrap();
    let withdraw = staking::withdraw(&ticket_at, &ticket, mint);
    let error = client
        .send(std::slice::from_ref(&withdraw), &wallet, &[])
        .await
        .unwrap_err();
    assert_eq!(
        error.name_of(&lode_staking::ID),
        Some("UnbondingNotOver"),
        "{error}"
    );
    let days = 14 * 86_400 + 1;
    lode_localnet::time_travel(client, days).await.unwrap();
    client.send(&[withdraw], &wallet, &[]).await.unwrap();
    assert!(client.raw_account(&ticket_at).await.unwrap().is_none());
    let node: Node = client.get_account(node).await.unwrap();
    assert_eq!(node.stake, 1_000 * LODE);
}

//! The network of `migrations/localnet.toml`, started for real. Needs the programs that `cargo xtask build` makes.
#![allow(clippy::unwrap_used)]
mod common;

use common::options;
use lode_client::{Client, Error as ClientError};
use lode_emissions::state::Schedule;
use lode_jobs::state::{JobsConfig, Market};
use lode_localnet::{apply, fund, time_travel, Error, Localnet, Outcome, Plan};
use lode_oracle::state::Committee;
use lode_staking::state::StakingConfig;
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::net::TcpListener;

fn plan() -> Plan {
    common::plan((1..=5).map(|n| Address::new_from_array([n; 32])).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_made_true_once_and_then_found_true() {
    let authority = Keypair::new();
    let network = Localnet::start(options(&authority)).await.unwrap();
    let client = network.client();
    let plan = plan();

    let first = apply(&plan, &client, &authority).await.unwrap();
    assert!(first
        .steps
        .iter()
        .all(|step| matches!(step.outcome, Outcome::Made(_))));
    let second = apply(&plan, &client, &authority).await.unwrap();
    assert!(second.all_skipped());
    assert_eq!(first.steps.len(), second.steps.len());

    // What the chain says, read back.
    let staking = lode_client::addresses::staking::config();
    let staking: StakingConfig = client.get_account(&staking).await.unwrap();
    assert_eq!(staking.governor, authority.pubkey());
    assert_eq!(staking.stake_mint, first.stake_mint.address);
    assert_eq!(staking.unbonding_seconds, plan.staking.unbonding_seconds);
    let found = client
        .get_program_accounts::<Committee>(&[lode_client::filter!(
            Committee,
            creator,
            authority.pubkey()
        )])
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, first.committee);
    assert_eq!(found[0].1.k, 3);
    assert_eq!(found[0].1.seats[4].owner, plan.committee.founders[4]);

    let market: Market = client.get_account(&first.market).await.unwrap();
    assert_eq!(market.mint, first.payment_mint.address);
    assert_eq!(market.committee, first.committee);
    assert_eq!((market.k, market.check_bps), (3, 10_000));
    assert!(market.is_open());
    let config = lode_client::addresses::jobs::config();
    let config: JobsConfig = client.get_account(&config).await.unwrap();
    assert_eq!(config.emission_mint, first.stake_mint.address);
    assert_eq!(config.epoch_seconds, staking.stream_seconds);

    // The mint was handed over to the schedule, after the authority got the first supply.
    let schedule = lode_client::addresses::emissions::schedule();
    let schedule: Schedule = client.get_account(&schedule).await.unwrap();
    let mint = &first.stake_mint;
    assert_eq!(schedule.mint, mint.address);
    assert_eq!(
        mint.authority,
        Some(lode_client::addresses::emissions::mint_authority())
    );
    assert_eq!(mint.freeze_authority, None);
    assert_eq!(
        (schedule.genesis_supply, mint.supply),
        (plan.mints[0].supply, plan.mints[0].supply)
    );
    assert_eq!(schedule.treasury_owner, authority.pubkey());
    assert_eq!(
        (schedule.genesis, schedule.epoch_seconds),
        (config.epoch_genesis, config.epoch_seconds)
    );
    let held = client
        .token_balance(&mint.account_of(&authority.pubkey()))
        .await
        .unwrap();
    assert_eq!(held, mint.supply);

    // Who founds the committee is asked for only when it is made; its terms are never changed.
    let mut other = plan.clone();
    other.committee.founders.clear();
    assert!(apply(&other, &client, &authority)
        .await
        .unwrap()
        .all_skipped());
    other.committee.minimum_bond += 1;
    let error = apply(&other, &client, &authority).await.unwrap_err();
    let Error::Contradiction { field, .. } = &error else {
        unreachable!("{error}")
    };
    assert_eq!(*field, "minimum_bond");

    let mut other = plan.clone();
    other.market.store_url.push('x');
    let error = apply(&other, &client, &authority).await.unwrap_err();
    assert!(error.to_string().contains("store_url"), "{error}");

    let mut other = plan.clone();
    if let Some(emissions) = &mut other.emissions {
        emissions.theta_bps += 1;
    }
    let error = apply(&other, &client, &authority).await.unwrap_err();
    assert!(error.to_string().contains("theta_bps"), "{error}");

    // Nobody can be second: another authority's plan is another network's, and nothing is sent for it.
    let error = apply(&plan, &client, &Keypair::new()).await.unwrap_err();
    assert!(
        matches!(error, Error::Contradiction { field: "mint", .. }),
        "{error}"
    );

    wallets_get_money(&client, &authority, &first.stake_mint).await;
    time_passes(&client).await;
    network.stop().await.unwrap();
}

async fn wallets_get_money(
    client: &Client,
    authority: &Keypair,
    mint: &lode_client::token::MintInfo,
) {
    let wallet = Keypair::new();
    fund(client, authority, &wallet.pubkey(), 2_000_000_000, mint, 77)
        .await
        .unwrap();
    assert_eq!(
        client.balance(&wallet.pubkey()).await.unwrap(),
        2_000_000_000
    );
    let account = mint.account_of(&wallet.pubkey());
    assert_eq!(client.token_balance(&account).await.unwrap(), 77);
    // More than there is: the token program's refusal, as a sentence.
    let too_much = lode_client::token::transfer(&wallet.pubkey(), mint, &account, &account, 78);
    let error = client.send(&[too_much], &wallet, &[]).await.unwrap_err();
    assert_eq!(error.code_of(&lode_client::addresses::TOKEN), Some(1));
    assert!(error.to_string().starts_with("There are not enough tokens"));
}

async fn time_passes(client: &Client) {
    let before = client.clock().await.unwrap();
    time_travel(client, 3_600).await.unwrap();
    let after = client.clock().await.unwrap();
    let seconds = after.unix_timestamp - before.unix_timestamp;
    assert!((3_600..3_660).contains(&seconds), "{seconds}");
    // 100 ms a slot; the part of a second that had passed already is not travelled.
    assert!((35_990..36_600).contains(&(after.slot - before.slot)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_chain_goes_on_where_it_was() {
    let authority = Keypair::new();
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(&authority);
    options.database = Some(folder.path().join("chain.sqlite"));
    let network = Localnet::start(options.clone()).await.unwrap();
    let report = apply(&plan(), &network.client(), &authority).await.unwrap();
    let slot = network.client().slot().await.unwrap();
    network.stop().await.unwrap();

    let network = Localnet::start(options).await.unwrap();
    let client = network.client();
    assert!(client.slot().await.unwrap() >= slot);
    assert!(apply(&plan(), &client, &authority)
        .await
        .unwrap()
        .all_skipped());
    // The programs still run.
    fund(
        &client,
        &authority,
        &Address::new_from_array([9; 32]),
        1_000_000_000,
        &report.stake_mint,
        1,
    )
    .await
    .unwrap();
    network.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hinders_a_start_is_named_with_what_to_do() {
    let authority = Keypair::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut with = options(&authority);
    with.rpc_port = taken.local_addr().unwrap().port();
    let error = Localnet::start(with).await.err().unwrap().to_string();
    assert!(error.contains("another port"), "{error}");

    let mut with = options(&authority);
    with.programs = "/no/such/folder".into();
    let error = Localnet::start(with).await.err().unwrap().to_string();
    assert!(error.contains("cargo xtask build"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_without_money_is_told_so() {
    let authority = Keypair::new();
    let network = Localnet::start(options(&authority)).await.unwrap();
    let poor = Keypair::new();
    let error = network
        .client()
        .send(
            &[lode_client::instructions::staking::pause(&poor.pubkey())],
            &poor,
            &[],
        )
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Transaction(_)), "{error:?}");
    assert!(error.to_string().contains(&poor.pubkey().to_string()));
    network.stop().await.unwrap();
}

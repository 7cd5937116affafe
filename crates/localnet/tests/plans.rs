//! The plans of public networks, made true on the embedded one. Needs the programs that `cargo xtask build` makes.
#![allow(clippy::unwrap_used)]
mod common;

use common::{options, root};
use lode_client::Client;
use lode_localnet::{apply, survey, unsigned, Localnet, Outcome, Plan, Standing};
use solana_address::Address;
use solana_client::nonblocking::rpc_client::RpcClient;
use solana_keypair::Keypair;
use solana_message::Message;
use solana_signer::Signer;
use solana_transaction::Transaction;

/// A plan of `migrations/`, with the founders and offices that whoever applies it names.
fn plan(name: &str) -> Plan {
    let mut plan = Plan::read(&root().join(format!("migrations/{name}.toml"))).unwrap();
    plan.committee.founders = (1..=7).map(|n| Address::new_from_array([n; 32])).collect();
    plan.keys.guardian = Some(Address::new_from_array([8; 32]));
    plan.keys.treasury_owner = Some(Address::new_from_array([9; 32]));
    plan
}

#[test]
fn no_order_in_which_epochs_are_made_final_keeps_one_out() {
    for name in ["mainnet", "devnet", "localnet"] {
        let path = root().join(format!("migrations/{name}.toml"));
        let emissions = Plan::read(&path).unwrap().emissions.unwrap();
        // An epoch each, and one that is late.
        let epochs = u64::from(emissions.breaker_epochs) + 1;
        assert!(
            emissions.breaker_limit >= epochs * emissions.first_ceiling,
            "{name}"
        );
    }
}

async fn standings(plan: &Plan, client: &Client, authority: &Address) -> Vec<Standing> {
    let findings = survey(plan, client, authority).await.unwrap();
    findings.into_iter().map(|found| found.standing).collect()
}

/// What a multisig does: takes a message in, gives it a blockhash, signs and sends.
async fn carry_out(client: &Client, message: &[u8], vault: &Keypair) {
    let message: Message = wincode::deserialize(message).unwrap();
    let rpc = RpcClient::new(client.url().to_string());
    let blockhash = rpc.get_latest_blockhash().await.unwrap();
    let mut transaction = Transaction::new_unsigned(message);
    transaction.sign(&[vault], blockhash);
    rpc.send_and_confirm_transaction(&transaction)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_carried_out_by_a_multisig_from_unsigned_transactions_and_goes_on_where_it_was_interrupted(
) {
    let vault = Keypair::new();
    let network = Localnet::start(options(&vault)).await.unwrap();
    let (client, me, plan) = (network.client(), vault.pubkey(), plan("mainnet"));
    let before = standings(&plan, &client, &me).await;
    assert!(before.iter().all(|s| matches!(s, Standing::Missing(_))));

    let steps = unsigned(&plan, &client, &me).await.unwrap();
    let names: Vec<_> = steps.iter().map(|step| step.what.as_str()).collect();
    assert_eq!(
        names,
        [
            "mint LODE",
            "staking configuration",
            "committee",
            "jobs configuration",
            "emission schedule",
            "market"
        ]
    );
    for step in &steps {
        assert_eq!(step.signer, me);
        assert!(step.transaction.len() <= 1_232, "{}", step.what);
        let whole: Transaction = wincode::deserialize(&step.transaction).unwrap();
        assert_eq!(whole.message.serialize(), step.message);
        assert!(!whole.is_signed());
    }
    // two of them, then an interruption: what is left is what was not carried out
    for step in &steps[..2] {
        carry_out(&client, &step.message, &vault).await;
    }
    let left = unsigned(&plan, &client, &me).await.unwrap();
    assert_eq!(left.len(), 4);
    for step in &left {
        carry_out(&client, &step.message, &vault).await;
    }
    let after = standings(&plan, &client, &me).await;
    assert!(after.iter().all(|s| *s == Standing::There), "{after:?}");
    assert!(unsigned(&plan, &client, &me).await.unwrap().is_empty());
    network.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_governor_may_change_is_changed_and_what_is_fixed_stops_all_before_anything_is_sent()
{
    let authority = Keypair::new();
    let network = Localnet::start(options(&authority)).await.unwrap();
    let (client, me, plan) = (network.client(), authority.pubkey(), plan("devnet"));
    let made = apply(&plan, &client, &authority).await.unwrap();
    assert_eq!(made.steps.len(), 6);
    assert!(apply(&plan, &client, &authority)
        .await
        .unwrap()
        .all_skipped());

    // parameters of staking move, inside the programs' bounds
    let mut other = plan.clone();
    other.staking.minimum_self_stake *= 2;
    other.staking.delegation_ratio = 5;
    let Standing::Changes(differences, _) = &standings(&other, &client, &me).await[1] else {
        unreachable!("the governor may change these")
    };
    let fields: Vec<_> = differences
        .iter()
        .map(|d| (d.field, d.found.as_str(), d.wanted.as_str()))
        .collect();
    assert_eq!(
        fields,
        [
            ("minimum_self_stake", "1000000000000", "2000000000000"),
            ("delegation_ratio", "10", "5")
        ]
    );
    // something that nobody can change stands in the same plan: nothing is sent
    let mut wrong = other.clone();
    wrong.market.burn_bps += 1;
    let refused = apply(&wrong, &client, &authority).await.unwrap_err();
    assert!(refused.to_string().contains("burn_bps"), "{refused}");
    assert!(unsigned(&wrong, &client, &me).await.is_err());
    assert!(matches!(
        standings(&other, &client, &me).await[1],
        Standing::Changes(..)
    ));
    let changed = apply(&other, &client, &authority).await.unwrap();
    assert!(matches!(changed.steps[1].outcome, Outcome::Changed(_)));
    assert!(apply(&other, &client, &authority)
        .await
        .unwrap()
        .all_skipped());

    // an office that the plan gives to somebody else than who holds it is told, never taken
    let mut wrong = other.clone();
    wrong.keys.guardian = Some(Address::new_from_array([7; 32]));
    let refused = apply(&wrong, &client, &authority).await.unwrap_err();
    assert!(refused.to_string().contains("guardian"), "{refused}");
    network.stop().await.unwrap();
}

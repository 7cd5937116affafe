use crate::help::*;
use lode_attestation::Verdict;
use lode_jobs::error::JobsError;
use lode_jobs::state::{flag, JobState};
use lode_tests::jobs::*;
use lode_tests::*;
use solana_address::Address;
use solana_signer::Signer;

#[test]
fn anyone_has_an_unchecked_result_checked_by_the_panel_its_seal_fixed() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = revealed(&mut world, &mut jobs);
    let challenger = patron(&mut world, &jobs);
    let drawn = state(&world, &at).drawn;
    let good = challenge(&world, &challenger, &at);
    let units = world
        .ok(good.clone(), &[&challenger])
        .compute_units_consumed;
    costs::figure("challenge of an unchecked result", units - 150);
    let job = state(&world, &at);
    assert_eq!(
        (job.state, job.verdict, job.first_verdict),
        (JobState::Sealed as u8, 0, 0)
    );
    assert_eq!((job.panel, job.drawn), (drawn, drawn));
    assert_eq!(
        (job.challenger, job.appellant),
        (
            ledger(&jobs.market, &challenger.pubkey()),
            Address::default()
        )
    );
    assert_eq!(job.deadline, world.slot() + 3_000);
    assert_eq!((job.result, job.flags), (RESULT, flag::REVEALED));
    // three works of the limit
    let money = money(&world, &jobs, &challenger.pubkey());
    assert_eq!((money.available, money.locked), (ALL - 6_000, 6_000));
    assert_vault_balances(&world, &jobs);
    // it is the panel's now
    assert_error(
        world.send_one(good, &[&challenger]),
        JobsError::IllegalTransition,
    );
    assert_error(
        world.send_one(jobs.reveal(&at, &RESULT), &[]),
        JobsError::MustBeAttested,
    );
    assert_error(
        world.send_one(
            settle(&world, &jobs.customer.pubkey(), &at),
            &[&jobs.customer],
        ),
        JobsError::IllegalTransition,
    );
}

#[test]
fn a_panels_verdict_is_appealed_against_to_the_whole_committee() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = judged(&mut world, &mut jobs, Verdict::Match);
    let appellant = patron(&mut world, &jobs);
    let good = challenge(&world, &appellant, &at);
    let units = world.ok(good.clone(), &[&appellant]).compute_units_consumed;
    costs::figure("challenge of a verdict", units - 150);
    let job = state(&world, &at);
    assert_eq!(
        (job.state, job.verdict, job.first_verdict),
        (JobState::Challenged as u8, 1, 1)
    );
    assert_eq!(job.panel, 0b111_1111);
    assert_eq!(
        (job.challenger, job.appellant),
        (
            Address::default(),
            ledger(&jobs.market, &appellant.pubkey())
        )
    );
    assert_eq!(job.deadline, world.slot() + 3_000);
    // seven works of the limit
    let money = money(&world, &jobs, &appellant.pubkey());
    assert_eq!((money.available, money.locked), (ALL - 14_000, 14_000));
    assert_vault_balances(&world, &jobs);
    assert_error(
        world.send_one(good, &[&appellant]),
        JobsError::IllegalTransition,
    );
}

#[test]
fn a_challenge_comes_before_the_window_is_over() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let (first, second) = (
        revealed(&mut world, &mut jobs),
        revealed(&mut world, &mut jobs),
    );
    let challenger = patron(&mut world, &jobs);
    pass_until(&mut world, &first, 1);
    world.ok(challenge(&world, &challenger, &first), &[&challenger]);
    pass_until(&mut world, &second, 0);
    assert_error(
        world.send_one(challenge(&world, &challenger, &second), &[&challenger]),
        JobsError::WindowOver,
    );
    world.ok(settle(&world, &world.payer.pubkey(), &second), &[]);
}

#[test]
fn what_the_whole_committee_said_is_final_and_nobody_appeals_twice() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let challenger = patron(&mut world, &jobs);
    // three of three and one more are four of seven
    let at = sealed(&mut world, &mut jobs, true);
    let panel = state(&world, &at).panel;
    pass_until(&mut world, &at, 0);
    world.ok(escalate(&world, &at), &[]);
    sign(&mut world, &jobs, &at, Verdict::Match, &[0, 1, 2, 3]);
    assert_error(
        world.send_one(challenge(&world, &challenger, &at), &[&challenger]),
        JobsError::NotChallengeable,
    );
    assert_ne!(panel, 0);
    // an appeal that nobody decided leaves the verdict final
    let at = judged(&mut world, &mut jobs, Verdict::Mismatch);
    world.ok(challenge(&world, &challenger, &at), &[&challenger]);
    pass_until(&mut world, &at, 0);
    world.ok(escalate(&world, &at), &[]);
    assert_error(
        world.send_one(challenge(&world, &challenger, &at), &[&challenger]),
        JobsError::NotChallengeable,
    );
}

#[test]
fn a_small_match_is_final_at_once_and_a_small_mismatch_is_not() {
    let mut world = World::new();
    let mut terms = sampled_terms();
    terms.final_below = 5_001;
    let mut jobs = Jobs::with(&mut world, terms, 3, 7);
    let challenger = patron(&mut world, &jobs);
    let at = revealed(&mut world, &mut jobs);
    assert_error(
        world.send_one(challenge(&world, &challenger, &at), &[&challenger]),
        JobsError::WindowOver,
    );
    let at = judged(&mut world, &mut jobs, Verdict::Mismatch);
    world.ok(challenge(&world, &challenger, &at), &[&challenger]);
}

#[test]
fn one_wallet_may_be_customer_challenger_and_appellant() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = revealed(&mut world, &mut jobs);
    let customer = jobs.customer.insecure_clone();
    world.ok(challenge(&world, &customer, &at), &[&customer]);
    let panel = seats_of(state(&world, &at).panel);
    sign(&mut world, &jobs, &at, Verdict::Match, &panel[..2]);
    world.ok(challenge(&world, &customer, &at), &[&customer]);
    let job = state(&world, &at);
    assert_eq!(
        (job.customer, job.challenger, job.appellant),
        (
            jobs.customer_ledger(),
            jobs.customer_ledger(),
            jobs.customer_ledger()
        )
    );
    let ledger = customers(&world, &jobs);
    assert_eq!(ledger.locked, 5_000 + 6_000 + 14_000);
    assert_eq!(ledger.available, ALL - ledger.locked);
    assert_vault_balances(&world, &jobs);
}

#[test]
fn a_bond_is_of_the_wallets_available_money_in_this_market() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = revealed(&mut world, &mut jobs);
    let challenger = patron(&mut world, &jobs);
    let wallet = challenger.pubkey();
    world.ok(
        jobs.withdraw(&world, &wallet, &wallet, ALL - 5_999),
        &[&challenger],
    );
    let good = challenge(&world, &challenger, &at);
    assert_error(
        world.send_one(good.clone(), &[&challenger]),
        JobsError::InsufficientFunds,
    );
    world.ok(jobs.deposit(&world, &wallet, &wallet, 1), &[&challenger]);
    world.ok(good, &[&challenger]);
    let money = money(&world, &jobs, &wallet);
    assert_eq!((money.available, money.locked), (0, 6_000));
}

#[test]
fn a_nodes_ledger_challenges_nothing() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = revealed(&mut world, &mut jobs);
    let owner = jobs.node.owner.insecure_clone();
    let own = with_account(challenge(&world, &owner, &at), 3, jobs.node_ledger());
    assert_error(world.send_one(own, &[&owner]), JobsError::WrongLedgerKind);
}

#[test]
fn nobody_challenges_with_anothers_money_or_in_another_market() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = revealed(&mut world, &mut jobs);
    let (challenger, stranger) = (patron(&mut world, &jobs), world.wallet());
    let good = challenge(&world, &challenger, &at);
    let theirs = with_account(good.clone(), 0, stranger.pubkey());
    assert_error(
        world.send_one(theirs, &[&stranger]),
        JobsError::NotLedgerAuthority,
    );
    // a second market's ledger of the same wallet
    let mut terms = sampled_terms();
    terms.id = 1;
    world.ok(
        create_market(&jobs.authority.pubkey(), &jobs.panel, &jobs.mint, terms),
        &[&jobs.authority, &jobs.panel.governor],
    );
    let second = market(&jobs.authority.pubkey(), 1);
    let wallet = challenger.pubkey();
    world.ok(
        build::open_ledger(&world.payer.pubkey(), &second, &wallet),
        &[],
    );
    let foreign = with_account(good.clone(), 3, ledger(&second, &wallet));
    assert_error(
        world.send_one(foreign.clone(), &[&challenger]),
        JobsError::ForeignAccount,
    );
    let both = with_account(foreign, 1, second);
    assert_error(
        world.send_one(both, &[&challenger]),
        JobsError::ForeignAccount,
    );
    forge_each(&mut world, &good, &[], &[1], &[&challenger]);
    world.ok(good, &[&challenger]);
}

#[test]
fn only_a_verdict_is_challenged() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let challenger = patron(&mut world, &jobs);
    let done = revealed(&mut world, &mut jobs);
    settled(&mut world, &done);
    for at in [
        sealed(&mut world, &mut jobs, true),
        sealed(&mut world, &mut jobs, false),
        jobs.open(&mut world),
        jobs.accepted(&mut world),
        jobs.submitted(&mut world),
        done,
    ] {
        assert_error(
            world.send_one(challenge(&world, &challenger, &at), &[&challenger]),
            JobsError::IllegalTransition,
        );
    }
}

//! Games that the rules are made against: whoever plays them loses, or gains nothing.

use crate::help::*;
use lode_attestation::Verdict;
use lode_jobs::error::JobsError;
use lode_jobs::state::JobState;
use lode_staking::state::Node;
use lode_tests::jobs::*;
use lode_tests::staking::TOKENS;
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn an_operator_who_fails_his_own_jobs_only_loses() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    // others have delegated to his node, and he is his own customer
    let delegator = jobs.staking.wallet(&mut world, 1_000 * TOKENS);
    let stake = jobs
        .staking
        .stake(&world, &jobs.node.node, &delegator.pubkey(), 1_000 * TOKENS);
    world.ok(stake, &[&delegator]);
    jobs.customer = jobs.node.owner.insecure_clone();
    let owner = jobs.customer.pubkey();
    world.ok(jobs.open_ledger(&world.payer.pubkey(), &owner), &[]);
    let deposit = jobs.deposit(&world, &owner, &owner, 100 * TOKENS);
    world.ok(deposit, &[&jobs.customer]);
    let supply = world.supply(&jobs.mint);
    let both = |world: &World, jobs: &Jobs| {
        customers(world, jobs).available + nodes(world, jobs).available
    };
    let before = both(&world, &jobs);
    let mut args = jobs.post_args();
    args.nonce = customers(&world, &jobs).nonce_top + 1;
    let lie = |world: &mut World, jobs: &mut Jobs, args| {
        world.ok(jobs.post(args), &[&jobs.customer]);
        let at = job(&jobs.customer_ledger(), args.nonce).0;
        world.ok(jobs.accept(&jobs.node, &at), &[&jobs.node.worker]);
        at
    };
    // late
    let at = lie(&mut world, &mut jobs, args);
    pass_until(&mut world, &at, 0);
    world.ok(jobs.expire(&world.payer.pubkey(), &at), &[]);
    world.ok(jobs.cancel(&owner, &at), &[&jobs.customer]);
    assert_eq!(both(&world, &jobs), before - 1_000);
    // a lie that he challenges himself
    args.nonce += 1;
    args.checked = true;
    let at = lie(&mut world, &mut jobs, args);
    let submit = jobs.submit(&jobs.node, &at, &SPEC, UNITS, 0);
    world.ok(submit, &[&jobs.node.worker]);
    jobs.pass_to_seal(&mut world, 2);
    world.ok(jobs.seal(&world.payer.pubkey(), &at), &[]);
    let panel = seats_of(state(&world, &at).panel);
    sign(&mut world, &jobs, &at, Verdict::Mismatch, &panel[..2]);
    settled(&mut world, &at);
    assert!(both(&world, &jobs) < before - 1_000);
    let slash = build::slash_job(&at, &state(&world, &at), &mint(&world, &jobs.mint));
    world.ok(slash, &[]);
    // what the node lost of everybody's stake is burned, and nobody has it
    let lost = 2_000 * TOKENS - world.read::<Node>(&jobs.node.node).stake;
    assert_eq!(lost, 60 * TOKENS);
    assert_eq!(world.supply(&jobs.mint), supply - lost);
    assert_vault_balances(&world, &jobs);
}

#[test]
fn every_lie_locks_a_collateral_of_its_own() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let owner = jobs.node.owner.pubkey();
    let rest = nodes(&world, &jobs).available - 39_999;
    let home = jobs.withdraw(&world, &owner, &jobs.node.node, rest);
    world.ok(home, &[&jobs.node.owner]);
    // three times 10 000 of 39 999
    for taken in 1..=3u64 {
        jobs.accepted(&mut world);
        assert_eq!(nodes(&world, &jobs).locked, taken * 10_000);
    }
    let fourth = jobs.open(&mut world);
    assert_error(
        world.send_one(jobs.accept(&jobs.node, &fourth), &[&jobs.node.worker]),
        JobsError::InsufficientFunds,
    );
    // and none of it goes home before its job ends
    let all = jobs.withdraw(&world, &owner, &jobs.node.node, 10_000);
    assert_error(
        world.send_one(all, &[&jobs.node.owner]),
        JobsError::InsufficientFunds,
    );
}

#[test]
fn who_is_beaten_to_a_job_loses_nothing() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let other = jobs.staking.staked_operator(&mut world, 1_000 * TOKENS);
    jobs.open_node(&mut world, &other);
    let at = jobs.open(&mut world);
    let (first, second) = (jobs.accept(&other, &at), jobs.accept(&jobs.node, &at));
    world.ok(first, &[&other.worker]);
    assert_error(
        world.send_one(second.clone(), &[&jobs.node.worker]),
        JobsError::IllegalTransition,
    );
    let ledger = nodes(&world, &jobs);
    assert_eq!((ledger.available, ledger.locked), (ALL, 0));
    // what the other gives up is there to be taken, at the terms that were read
    world.ok(jobs.give_up(&other, &at), &[&other.worker]);
    world.ok(second, &[&jobs.node.worker]);
    assert_vault_balances(&world, &jobs);
}

#[test]
fn nobody_settles_past_a_challenge_in_the_same_slot() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = revealed(&mut world, &mut jobs);
    let challenger = patron(&mut world, &jobs);
    pass_until(&mut world, &at, 1);
    let (contest, pay) = (
        challenge(&world, &challenger, &at),
        settle(&world, &world.payer.pubkey(), &at),
    );
    assert_error(world.send_one(pay.clone(), &[]), JobsError::WindowOpen);
    world.pass_slots(1);
    // now it is too late to contest: never both
    assert_error(
        world.send_one(contest, &[&challenger]),
        JobsError::WindowOver,
    );
    world.ok(pay, &[]);
    assert_eq!(state(&world, &at).state, JobState::Settled as u8);
}

#[test]
fn a_customer_does_not_pay_past_a_strangers_bond() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = revealed(&mut world, &mut jobs);
    let challenger = patron(&mut world, &jobs);
    world.ok(challenge(&world, &challenger, &at), &[&challenger]);
    let panel = seats_of(state(&world, &at).panel);
    sign(&mut world, &jobs, &at, Verdict::Match, &panel[..2]);
    // bribed jurors and the customer together would close the window on the appeal
    let customer = jobs.customer.insecure_clone();
    let hurried = settle(&world, &customer.pubkey(), &at);
    assert_error(world.send_one(hurried, &[&customer]), JobsError::WindowOpen);
    world.ok(challenge(&world, &challenger, &at), &[&challenger]);
    let outside = others(&jobs, mask_of(&panel[..2]));
    sign(&mut world, &jobs, &at, Verdict::Mismatch, &outside[..4]);
    settled(&mut world, &at);
    assert_eq!(
        money(&world, &jobs, &challenger.pubkey()).available,
        ALL + 2_000
    );
    assert_vault_balances(&world, &jobs);
}

#[test]
fn challenging_what_is_right_pays_those_who_check_and_delays_by_two_windows_at_most() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = revealed(&mut world, &mut jobs);
    let griefer = patron(&mut world, &jobs);
    let begun = world.slot();
    world.ok(challenge(&world, &griefer, &at), &[&griefer]);
    let panel = seats_of(state(&world, &at).panel);
    sign(&mut world, &jobs, &at, Verdict::Match, &panel[..2]);
    world.ok(challenge(&world, &griefer, &at), &[&griefer]);
    let outside = others(&jobs, mask_of(&panel[..2]));
    sign(&mut world, &jobs, &at, Verdict::Match, &outside[..2]);
    // final: nobody challenges a third time
    assert_error(
        world.send_one(challenge(&world, &griefer, &at), &[&griefer]),
        JobsError::NotChallengeable,
    );
    world.ok(settle(&world, &world.payer.pubkey(), &at), &[]);
    assert!(world.slot() - begun <= 2 * 3_000 + 500);
    // it cost him both bonds, and the node has its pay
    let ledger = money(&world, &jobs, &griefer.pubkey());
    assert_eq!(ledger.available, ALL - 6_000 - 14_000);
    assert_eq!(nodes(&world, &jobs).available, ALL + 1_710);
    assert_vault_balances(&world, &jobs);
}

#[test]
fn a_node_that_finds_itself_drawn_cannot_draw_again() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = sealed(&mut world, &mut jobs, true);
    let job = state(&world, &at);
    // sealed once; not revealed, not given up, not expired into another attempt
    for call in [
        jobs.seal(&world.payer.pubkey(), &at),
        jobs.reveal(&at, &RESULT),
        jobs.expire(&world.payer.pubkey(), &at),
    ] {
        assert_refused(world.send_one(call, &[]));
    }
    for call in [
        jobs.give_up(&jobs.node, &at),
        jobs.submit(&jobs.node, &at, &RESULT, UNITS, 0),
    ] {
        assert_error(
            world.send_one(call, &[&jobs.node.worker]),
            JobsError::IllegalTransition,
        );
    }
    // nor does silence help: the seal stays, and more are asked
    pass_until(&mut world, &at, 0);
    assert_refused(world.send_one(jobs.expire(&world.payer.pubkey(), &at), &[]));
    world.ok(escalate(&world, &at), &[]);
    let later = state(&world, &at);
    assert_eq!((later.seal, later.drawn), (job.seal, job.drawn));
}

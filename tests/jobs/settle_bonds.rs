//! `settle_job` where somebody challenged or appealed: who was right has his bond, who was wrong pays the checks.

use crate::help::*;
use lode_attestation::Verdict;
use lode_jobs::error::JobsError;
use lode_jobs::state::{flag, JobState};
use lode_tests::jobs::*;
use lode_tests::*;
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;

/// An unchecked result that a wallet challenged.
fn challenged(world: &mut World) -> (Jobs, Address, Keypair) {
    let mut jobs = sampled(world);
    let at = revealed(world, &mut jobs);
    let challenger = patron(world, &jobs);
    world.ok(challenge(world, &challenger, &at), &[&challenger]);
    (jobs, at, challenger)
}

/// The same with a verdict of two of its three jurors.
fn answered(world: &mut World, verdict: Verdict) -> (Jobs, Address, Keypair) {
    let (jobs, at, challenger) = challenged(world);
    let panel = seats_of(state(world, &at).panel);
    sign(world, &jobs, &at, verdict, &panel[..2]);
    (jobs, at, challenger)
}

/// The verdict is appealed against and everyone else says `final_verdict`: five of seven.
fn overruled(world: &mut World, jobs: &Jobs, at: &Address, last: Verdict) -> Keypair {
    let appellant = patron(world, jobs);
    let job = state(world, at);
    let signed = job.signed_match | job.signed_mismatch | job.signed_unrunnable;
    world.ok(challenge(world, &appellant, at), &[&appellant]);
    let outside = others(jobs, signed);
    // what a juror signed before counts
    let needed = 4 - job.signers(last).count_ones() as usize;
    sign(world, jobs, at, last, &outside[..needed]);
    assert!(state(world, at).has(flag::FINAL));
    appellant
}

fn owed(world: &World, jobs: &Jobs) -> (u64, u64) {
    let ledger = nodes(world, jobs);
    (ledger.checks_owed, ledger.burn_owed)
}

#[test]
fn a_challenger_who_was_right_has_his_bond_and_half_of_what_is_left() {
    let mut world = World::new();
    let (jobs, at, challenger) = answered(&mut world, Verdict::Mismatch);
    let job = settled(&mut world, &at);
    assert_eq!(job.state, JobState::Failed as u8);
    assert!(job.has(flag::SLASH_DUE));
    // collateral 10 000: three works to the checks, half of 4 000 to him, half burns
    let ledger = money(&world, &jobs, &challenger.pubkey());
    assert_eq!((ledger.available, ledger.locked), (ALL + 2_000, 0));
    assert_eq!(owed(&world, &jobs), (6_000, 2_000));
    assert_eq!(nodes(&world, &jobs).available, ALL - 10_000);
    assert_eq!(customers(&world, &jobs).available, ALL);
    assert_vault_balances(&world, &jobs);
}

#[test]
fn a_challenger_who_was_wrong_pays_for_the_check() {
    let mut world = World::new();
    let (jobs, at, challenger) = answered(&mut world, Verdict::Match);
    settled(&mut world, &at);
    let ledger = money(&world, &jobs, &challenger.pubkey());
    assert_eq!((ledger.available, ledger.locked), (ALL - 6_000, 0));
    // the bill's checks 2 700 and the bond
    assert_eq!(owed(&world, &jobs), (2_700 + 6_000, 54));
    assert_eq!(nodes(&world, &jobs).available, ALL + 1_710);
    assert_eq!(customers(&world, &jobs).available, ALL - 1_800 - 2_700);
    assert_vault_balances(&world, &jobs);
}

#[test]
fn a_challenger_of_what_cannot_be_run_has_his_bond_and_no_more() {
    let mut world = World::new();
    let (jobs, at, challenger) = answered(&mut world, Verdict::Unrunnable);
    settled(&mut world, &at);
    assert_eq!(money(&world, &jobs, &challenger.pubkey()).available, ALL);
    assert_eq!(nodes(&world, &jobs).available, ALL - 1_000);
    assert_eq!(customers(&world, &jobs).available, ALL - 1_000);
    assert_eq!(owed(&world, &jobs), (2_000, 0));
    assert_vault_balances(&world, &jobs);
}

#[test]
fn an_appellant_who_clears_a_node_has_his_bond_and_the_node_is_paid() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = judged(&mut world, &mut jobs, Verdict::Mismatch);
    let appellant = overruled(&mut world, &jobs, &at, Verdict::Match);
    let crank = world.payer.pubkey();
    world.ok(settle(&world, &crank, &at), &[]);
    let job = state(&world, &at);
    assert_eq!(
        (job.state, job.verdict, job.first_verdict),
        (JobState::Settled as u8, 1, 2)
    );
    assert!(!job.has(flag::SLASH_DUE));
    assert_eq!(money(&world, &jobs, &appellant.pubkey()).available, ALL);
    assert_eq!(nodes(&world, &jobs).available, ALL + 1_710);
    assert_eq!(owed(&world, &jobs), (2_700, 54));
    assert_vault_balances(&world, &jobs);
}

#[test]
fn an_appellant_who_finds_the_lie_has_half_of_what_is_left() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = judged(&mut world, &mut jobs, Verdict::Match);
    let appellant = overruled(&mut world, &jobs, &at, Verdict::Mismatch);
    let crank = world.payer.pubkey();
    world.ok(settle(&world, &crank, &at), &[]);
    assert_eq!(
        money(&world, &jobs, &appellant.pubkey()).available,
        ALL + 2_000
    );
    assert_eq!(owed(&world, &jobs), (6_000, 2_000));
    assert_eq!(nodes(&world, &jobs).available, ALL - 10_000);
    assert_vault_balances(&world, &jobs);
}

#[test]
fn an_appellant_who_hears_the_same_again_pays_for_everyone() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = judged(&mut world, &mut jobs, Verdict::Match);
    let appellant = overruled(&mut world, &jobs, &at, Verdict::Match);
    let crank = world.payer.pubkey();
    world.ok(settle(&world, &crank, &at), &[]);
    assert_eq!(
        money(&world, &jobs, &appellant.pubkey()).available,
        ALL - 14_000
    );
    assert_eq!(owed(&world, &jobs), (2_700 + 14_000, 54));
    assert_vault_balances(&world, &jobs);
}

#[test]
fn challenger_and_appellant_are_paid_as_each_was_right() {
    // first match, then a mismatch of all: both were right, the appellant has the reward
    let mut world = World::new();
    let (jobs, at, challenger) = answered(&mut world, Verdict::Match);
    let appellant = overruled(&mut world, &jobs, &at, Verdict::Mismatch);
    let crank = world.payer.pubkey();
    world.ok(settle(&world, &crank, &at), &[]);
    assert_eq!(money(&world, &jobs, &challenger.pubkey()).available, ALL);
    assert_eq!(
        money(&world, &jobs, &appellant.pubkey()).available,
        ALL + 2_000
    );
    assert_eq!(owed(&world, &jobs), (6_000, 2_000));
    assert_vault_balances(&world, &jobs);

    // first mismatch, then the same of all: the challenger was right, the appellant wrong
    let mut world = World::new();
    let (jobs, at, challenger) = answered(&mut world, Verdict::Mismatch);
    let appellant = overruled(&mut world, &jobs, &at, Verdict::Mismatch);
    let crank = world.payer.pubkey();
    world.ok(settle(&world, &crank, &at), &[]);
    assert_eq!(
        money(&world, &jobs, &challenger.pubkey()).available,
        ALL + 2_000
    );
    assert_eq!(
        money(&world, &jobs, &appellant.pubkey()).available,
        ALL - 14_000
    );
    assert_eq!(owed(&world, &jobs), (6_000 + 14_000, 2_000));
    assert_vault_balances(&world, &jobs);

    // first mismatch, then a match of all: the challenger was wrong, the appellant right
    let mut world = World::new();
    let (jobs, at, challenger) = answered(&mut world, Verdict::Mismatch);
    let appellant = overruled(&mut world, &jobs, &at, Verdict::Match);
    let crank = world.payer.pubkey();
    world.ok(settle(&world, &crank, &at), &[]);
    assert_eq!(
        money(&world, &jobs, &challenger.pubkey()).available,
        ALL - 6_000
    );
    assert_eq!(money(&world, &jobs, &appellant.pubkey()).available, ALL);
    assert_eq!(owed(&world, &jobs), (2_700 + 6_000, 54));
    assert_vault_balances(&world, &jobs);
}

#[test]
fn one_wallet_in_all_roles_is_paid_and_charged_in_each() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = revealed(&mut world, &mut jobs);
    let customer = jobs.customer.insecure_clone();
    world.ok(challenge(&world, &customer, &at), &[&customer]);
    let panel = seats_of(state(&world, &at).panel);
    sign(&mut world, &jobs, &at, Verdict::Match, &panel[..2]);
    world.ok(challenge(&world, &customer, &at), &[&customer]);
    let outside = others(&jobs, mask_of(&panel[..2]));
    sign(&mut world, &jobs, &at, Verdict::Mismatch, &outside[..4]);
    world.ok(settle(&world, &customer.pubkey(), &at), &[&customer]);
    // escrow, both bonds and the reward
    let ledger = customers(&world, &jobs);
    assert_eq!(
        (ledger.available, ledger.locked, ledger.open_jobs),
        (ALL + 2_000, 0, 0)
    );
    assert_vault_balances(&world, &jobs);

    // and where he was wrong twice, he pays twice
    let at = revealed(&mut world, &mut jobs);
    let before = customers(&world, &jobs).available;
    world.ok(challenge(&world, &customer, &at), &[&customer]);
    let panel = seats_of(state(&world, &at).panel);
    sign(&mut world, &jobs, &at, Verdict::Match, &panel[..2]);
    world.ok(challenge(&world, &customer, &at), &[&customer]);
    let outside = others(&jobs, mask_of(&panel[..2]));
    sign(&mut world, &jobs, &at, Verdict::Match, &outside[..2]);
    world.ok(settle(&world, &customer.pubkey(), &at), &[&customer]);
    let ledger = customers(&world, &jobs);
    assert_eq!(
        (ledger.available, ledger.locked),
        (before + 5_000 - 1_800 - 2_700 - 6_000 - 14_000, 0)
    );
    assert_vault_balances(&world, &jobs);
}

#[test]
fn who_challenges_himself_still_loses() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = revealed(&mut world, &mut jobs);
    // the liar's own wallet, to take the reward
    let owner = jobs.node.owner.insecure_clone();
    let wallet = owner.pubkey();
    world.ok(jobs.open_ledger(&world.payer.pubkey(), &wallet), &[]);
    world.ok(jobs.deposit(&world, &wallet, &wallet, 6_000), &[&owner]);
    world.ok(challenge(&world, &owner, &at), &[&owner]);
    let panel = seats_of(state(&world, &at).panel);
    sign(&mut world, &jobs, &at, Verdict::Mismatch, &panel);
    settled(&mut world, &at);
    let both = nodes(&world, &jobs).available + money(&world, &jobs, &wallet).available;
    // of 10 000 he has 2 000 again
    assert_eq!(both, ALL + 6_000 - 8_000);
    assert_vault_balances(&world, &jobs);
}

#[test]
fn the_named_ledgers_are_passed_and_no_others() {
    let mut world = World::new();
    let (jobs, at, challenger) = answered(&mut world, Verdict::Match);
    let appellant = overruled(&mut world, &jobs, &at, Verdict::Mismatch);
    let stranger = patron(&mut world, &jobs);
    let crank = world.payer.pubkey();
    let good = settle(&world, &crank, &at);
    let (eighth, ninth) = (good.accounts.len() - 2, good.accounts.len() - 1);
    assert_eq!(
        good.accounts[eighth].pubkey,
        ledger(&jobs.market, &challenger.pubkey())
    );
    for index in [eighth, ninth] {
        for wrong in [
            lode_jobs::ID,
            ledger(&jobs.market, &stranger.pubkey()),
            jobs.customer_ledger(),
            jobs.node_ledger(),
            good.accounts[if index == eighth { ninth } else { eighth }].pubkey,
        ] {
            let forged = with_account(good.clone(), index, wrong);
            assert_refused(world.send_one(forged, &[]));
        }
    }
    // nor are they taken where the job names nobody
    let before = [&challenger, &appellant, &stranger]
        .map(|wallet| money(&world, &jobs, &wallet.pubkey()).available);
    assert_eq!(before, [ALL - 6_000, ALL - 14_000, ALL]);
    // a lie earns no points, whatever stands there
    forge_each(&mut world, &good, &[0, 6], &[2, 4, 7, 8], &[]);
    world.ok(good.clone(), &[]);
    assert_error(world.send_one(good, &[]), JobsError::IllegalTransition);

    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = revealed(&mut world, &mut jobs);
    let stranger = patron(&mut world, &jobs);
    pass_until(&mut world, &at, 0);
    let good = settle(&world, &world.payer.pubkey(), &at);
    for index in [good.accounts.len() - 2, good.accounts.len() - 1] {
        let wallet = ledger(&jobs.market, &stranger.pubkey());
        let mut extra = with_account(good.clone(), index, wallet);
        extra.accounts[index].is_writable = true;
        assert_error(world.send_one(extra, &[]), JobsError::NamedLedger);
    }
    world.ok(good, &[]);
}

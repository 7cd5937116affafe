use crate::help::*;
use lode_attestation::Verdict;
use lode_jobs::error::JobsError;
use lode_jobs::state::JobState;
use lode_tests::jobs::*;
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn a_result_that_nobody_sealed_is_void_after_a_day() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = jobs.submitted(&mut world);
    world.pass_slots(215_999);
    assert_error(
        world.send_one(void(&world, &at), &[]),
        JobsError::WindowOpen,
    );
    world.pass_slots(1);
    let (crank, good) = (world.payer.pubkey(), void(&world, &at));
    // sealing ends where voiding begins
    let now = world.slot();
    world.set_slot_hashes(now - 512..now);
    assert_error(
        world.send_one(jobs.seal(&crank, &at), &[]),
        JobsError::WindowOver,
    );
    world.ok(good.clone(), &[]);
    let job = state(&world, &at);
    assert_eq!((job.state, job.silent), (JobState::Voided as u8, 0));
    let (customer, node) = (customers(&world, &jobs), nodes(&world, &jobs));
    assert_eq!(
        (customer.available, customer.locked, customer.open_jobs),
        (ALL, 0, 0)
    );
    assert_eq!((node.available, node.locked, node.open_jobs), (ALL, 0, 0));
    assert_vault_balances(&world, &jobs);
    assert_error(world.send_one(good, &[]), JobsError::IllegalTransition);
}

#[test]
fn what_not_even_the_whole_committee_decides_is_void_and_all_money_returns() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = revealed(&mut world, &mut jobs);
    let challenger = patron(&mut world, &jobs);
    world.ok(challenge(&world, &challenger, &at), &[&challenger]);
    let panel = state(&world, &at).panel;
    pass_until(&mut world, &at, 0);
    assert_error(
        world.send_one(void(&world, &at), &[]),
        JobsError::EscalateFirst,
    );
    world.ok(escalate(&world, &at), &[]);
    let one = others(&jobs, panel)[0];
    sign(&mut world, &jobs, &at, Verdict::Mismatch, &[one]);
    pass_until(&mut world, &at, 1);
    assert_error(
        world.send_one(void(&world, &at), &[]),
        JobsError::WindowOpen,
    );
    world.pass_slots(1);
    let crank = world.wallet();
    let good = build::void_job(&crank.pubkey(), &at, &state(&world, &at));
    // the challenger cannot be left out, nor somebody else be paid
    let last = good.accounts.len() - 1;
    let stranger = patron(&mut world, &jobs);
    for wrong in [
        lode_jobs::ID,
        ledger(&jobs.market, &stranger.pubkey()),
        jobs.customer_ledger(),
    ] {
        let forged = with_account(good.clone(), last, wrong);
        assert_error(world.send_one(forged, &[]), JobsError::NamedLedger);
    }
    forge_each(&mut world, &good, &[0], &[1, 3, 5], &[]);
    world.ok(good, &[]);
    let job = state(&world, &at);
    assert_eq!(job.state, JobState::Voided as u8);
    // everyone but the one who signed
    assert_eq!(job.silent, 0b111_1111 & !(1 << one));
    for party in [jobs.customer.pubkey(), jobs.node.node, challenger.pubkey()] {
        let ledger = money(&world, &jobs, &party);
        assert_eq!((ledger.available, ledger.locked), (ALL, 0), "{party}");
    }
    assert_eq!(world.lamports(&crank.pubkey()), 100_000_000_000 + 15_000);
    assert_vault_balances(&world, &jobs);
}

#[test]
fn who_challenged_his_own_job_has_both_back() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = revealed(&mut world, &mut jobs);
    let customer = jobs.customer.insecure_clone();
    world.ok(challenge(&world, &customer, &at), &[&customer]);
    let ledger = customers(&world, &jobs);
    assert_eq!(ledger.locked, 5_000 + 6_000);
    pass_until(&mut world, &at, 0);
    world.ok(escalate(&world, &at), &[]);
    pass_until(&mut world, &at, 0);
    world.ok(void(&world, &at), &[]);
    let ledger = customers(&world, &jobs);
    assert_eq!(
        (ledger.available, ledger.locked, ledger.open_jobs),
        (ALL, 0, 0)
    );
    assert_vault_balances(&world, &jobs);
}

#[test]
fn where_nobody_challenged_no_challenger_is_passed() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let at = jobs.sealed(&mut world);
    pass_until(&mut world, &at, 0);
    let good = void(&world, &at);
    let last = good.accounts.len() - 1;
    let mut extra = with_account(good.clone(), last, jobs.customer_ledger());
    extra.accounts[last].is_writable = true;
    assert_error(world.send_one(extra, &[]), JobsError::NamedLedger);
    world.ok(good, &[]);
    assert_eq!(state(&world, &at).silent, 0b111);
}

#[test]
fn what_can_end_otherwise_is_not_void() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let unchecked = sealed(&mut world, &mut jobs, false);
    let drawn = sealed(&mut world, &mut jobs, true);
    let told = revealed(&mut world, &mut jobs);
    let judged = judged(&mut world, &mut jobs, Verdict::Match);
    let appealed = self::appealed(&mut world, &mut jobs);
    let states = [
        (jobs.accepted(&mut world), JobsError::IllegalTransition),
        (unchecked, JobsError::NotDrawn),
        (drawn, JobsError::EscalateFirst),
        (told, JobsError::IllegalTransition),
        (judged, JobsError::IllegalTransition),
        (appealed, JobsError::IllegalTransition),
    ];
    // nobody's node has no ledger
    let open = jobs.open(&mut world);
    world.pass_slots(300_000);
    assert_refused(world.send_one(void(&world, &open), &[]));
    for (at, error) in states {
        assert_error(world.send_one(void(&world, &at), &[]), error);
    }
}

fn appealed(world: &mut World, jobs: &mut Jobs) -> solana_address::Address {
    let at = judged(world, jobs, Verdict::Match);
    let appellant = patron(world, jobs);
    world.ok(challenge(world, &appellant, &at), &[&appellant]);
    assert_eq!(state(world, &at).state, JobState::Challenged as u8);
    at
}

use lode_attestation::Verdict;
use lode_jobs::constants::CRANK_SLICE;
use lode_jobs::error::JobsError;
use lode_jobs::state::Job;
use lode_tests::jobs::*;
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn a_settled_job_closes_after_its_retention_and_its_rent_returns() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let at = jobs.decided(&mut world, Verdict::Match);
    world.ok(jobs.settle(&world.payer.pubkey(), &at), &[]);
    let crank = world.wallet();
    let close = jobs.close(&crank.pubkey(), &at);
    world.pass_slots(215_999);
    assert_error(world.send_one(close.clone(), &[]), JobsError::NotClosable);
    world.pass_slots(1);
    let (customer, held) = (world.lamports(&jobs.customer.pubkey()), world.lamports(&at));
    assert_error(
        world.send_one(with_account(close.clone(), 1, crank.pubkey()), &[]),
        JobsError::WrongPayer,
    );
    assert_refused(world.send_one(read_only(close.clone(), 3), &[]));
    let mut terms = args(3);
    terms.id = 1;
    let other = create_market(&jobs.authority.pubkey(), &jobs.panel, &jobs.mint, terms);
    world.ok(other, &[&jobs.authority, &jobs.panel.governor]);
    let other = market(&jobs.authority.pubkey(), 1);
    assert_error(
        world.send_one(with_account(close.clone(), 2, other), &[]),
        JobsError::ForeignAccount,
    );
    world.ok(close.clone(), &[]);
    assert!(!world.exists(&at));
    assert_eq!(
        world.lamports(&jobs.customer.pubkey()),
        customer + held - 15_000
    );
    assert_eq!(world.lamports(&crank.pubkey()), 100_000_000_000 + 15_000);
    assert_refused(world.send_one(close, &[]));
}

#[test]
fn a_lie_stays_two_weeks_longer_to_be_punished() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let at = jobs.decided(&mut world, Verdict::Mismatch);
    world.ok(jobs.settle(&world.payer.pubkey(), &at), &[]);
    let close = jobs.close(&world.payer.pubkey(), &at);
    world.pass_slots(15 * 216_000 - 1);
    assert_error(world.send_one(close.clone(), &[]), JobsError::NotClosable);
    world.pass_slots(1);
    world.ok(close, &[]);
}

#[test]
fn a_cancelled_job_closes_at_once_and_its_customer_may_turn_the_crank() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let at = jobs.open(&mut world);
    let customer = jobs.customer.pubkey();
    let before = world.lamports(&customer);
    assert_error(
        world.send_one(jobs.close(&customer, &at), &[]),
        JobsError::NotClosable,
    );
    world.ok(jobs.cancel(&customer, &at), &[&jobs.customer]);
    let held = world.lamports(&at);
    // crank and payer are one account: nothing is lost or made
    world.ok(jobs.close(&customer, &at), &[]);
    assert_eq!(world.lamports(&customer), before + held);
}

#[test]
fn what_runs_is_not_closed_and_missing_slices_fail_nothing() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    for at in [
        jobs.accepted(&mut world),
        jobs.submitted(&mut world),
        jobs.sealed(&mut world),
    ] {
        // Neither in its window nor when that is over and nobody has said so yet.
        let (now, slot) = (world.now(), world.slot());
        for passed in [0, 10_000_000] {
            world.pass_slots(passed);
            assert_error(
                world.send_one(jobs.close(&world.payer.pubkey(), &at), &[]),
                JobsError::NotClosable,
            );
        }
        world.set_time(now, slot);
    }
    let at = jobs.decided(&mut world, Verdict::Match);
    let rent = world
        .svm
        .minimum_balance_for_rent_exemption(8 + size_of::<Job>());
    let mut state: Job = world.read(&at);
    assert_eq!(
        world.lamports(&at),
        rent + u64::from(state.slices) * CRANK_SLICE,
        "what the job holds above its rent are the slices that it counts"
    );
    state.slices = 0;
    world.write(&at, &state);
    let mut account = world.svm.get_account(&at).unwrap();
    account.lamports = rent;
    world.svm.set_account(at, account).unwrap();
    let crank = world.wallet();
    world.ok(jobs.settle(&crank.pubkey(), &at), &[&crank]);
    assert_eq!(world.lamports(&crank.pubkey()), 100_000_000_000);
    assert!(world.read::<Job>(&at).is_final());
}

use lode_jobs::error::JobsError;
use lode_jobs::state::{flag, Job, JobState, Ledger};
use lode_tests::jobs::*;
use lode_tests::staking::TOKENS;
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn anyone_ends_a_late_attempt_from_the_deadline_on_and_the_node_forfeits_all_of_late() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let at = jobs.accepted(&mut world);
    let crank = world.wallet();
    let expire = jobs.expire(&crank.pubkey(), &at);
    world.pass_slots(100);
    assert_error(world.send_one(expire.clone(), &[]), JobsError::WindowOpen);
    world.pass_slots(1);
    // at the deadline submitting is over and expiring begins: never both
    let submit = jobs.submit(&jobs.node, &at, &RESULT, UNITS, 0);
    assert_error(
        world.send_one(submit, &[&jobs.node.worker]),
        JobsError::WindowOver,
    );
    world.ok(expire.clone(), &[]);
    let node: Ledger = world.read(&jobs.node_ledger());
    assert_eq!(
        (node.available, node.locked, node.burn_owed),
        (500 * TOKENS - 1_600, 0, 1_600)
    );
    assert_eq!(world.read::<Job>(&at).state, JobState::Open as u8);
    assert_eq!(world.lamports(&crank.pubkey()), 100_000_000_000 + 15_000);
    assert_vault_balances(&world, &jobs);
    assert_refused(world.send_one(expire, &[]));
}

#[test]
fn a_result_that_is_not_revealed_in_time_is_late_too() {
    let mut world = World::new();
    let (jobs, at) = unchecked(&mut world);
    let expire = jobs.expire(&world.payer.pubkey(), &at);
    world.pass_slots(2_999);
    assert_error(world.send_one(expire.clone(), &[]), JobsError::WindowOpen);
    world.pass_slots(1);
    assert_error(
        world.send_one(jobs.reveal(&at, &RESULT), &[]),
        JobsError::WindowOver,
    );
    world.ok(expire, &[]);
    let state: Job = world.read(&at);
    // nothing of the attempt is left to be replayed in the next
    assert_eq!(
        (state.state, state.attempt, state.result, state.seal),
        (JobState::Open as u8, 1, [0; 32], [0; 32])
    );
    assert_eq!(
        (
            state.units,
            state.drawn,
            state.eligible,
            state.submitted_slot
        ),
        (0, 0, 0, 0)
    );
    assert_eq!(state.flags & flag::REVEALED, 0);
    // It pays for checks as if it had been paid: who reveals only what is drawn would empty the pool that all pay into.
    let node: Ledger = world.read(&jobs.node_ledger());
    assert_eq!((node.locked, node.burn_owed, node.checks_owed), (0, 401, 1));
    assert_vault_balances(&world, &jobs);
    world.ok(jobs.accept(&jobs.node, &at), &[&jobs.node.worker]);
    let again = jobs.submit(&jobs.node, &at, &RESULT, UNITS, 1);
    world.ok(again, &[&jobs.node.worker]);
}

#[test]
fn what_is_checked_or_not_accepted_does_not_expire() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let (submitted, sealed) = (jobs.submitted(&mut world), jobs.sealed(&mut world));
    world.pass_slots(10_000);
    for at in [submitted, sealed] {
        assert_error(
            world.send_one(jobs.expire(&world.payer.pubkey(), &at), &[]),
            JobsError::IllegalTransition,
        );
    }
}

#[test]
fn foreign_ledgers_are_refused() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let other = jobs.staking.staked_operator(&mut world, 1_000 * TOKENS);
    jobs.open_node(&mut world, &other);
    let at = jobs.accepted(&mut world);
    world.pass_slots(101);
    let expire = jobs.expire(&world.payer.pubkey(), &at);
    let terms = with_account(expire.clone(), 1, world.look_alike(&jobs.market));
    assert_error(world.send_one(terms, &[]), JobsError::ForeignAccount);
    let others = with_account(expire.clone(), 3, ledger(&jobs.market, &other.node));
    assert_error(world.send_one(others, &[]), JobsError::ForeignAccount);
    let customers = with_account(expire.clone(), 4, world.look_alike(&jobs.customer_ledger()));
    assert_error(world.send_one(customers, &[]), JobsError::ForeignAccount);
    for index in [2, 3, 4] {
        assert_refused(world.send_one(read_only(expire.clone(), index), &[]));
    }
    world.ok(expire, &[]);
}

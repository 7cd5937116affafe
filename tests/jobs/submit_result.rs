use lode_jobs::error::JobsError;
use lode_jobs::state::{Job, JobState};
use lode_tests::jobs::*;
use lode_tests::staking::TOKENS;
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn a_commitment_is_published_and_not_the_result() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let at = jobs.submitted(&mut world);
    let state: Job = world.read(&at);
    assert_eq!(
        (state.state, state.units),
        (JobState::Submitted as u8, UNITS)
    );
    assert_ne!(state.result, RESULT);
    assert_eq!(
        state.result,
        lode_attestation::commitment(&RESULT, UNITS, &at, 0, &jobs.node.node)
    );
    assert_eq!(
        (state.submitted_at, state.submitted_slot, state.deadline),
        (world.now(), world.slot(), world.slot() + 216_000)
    );
    // once
    let again = jobs.submit(&jobs.node, &at, &[1; 32], UNITS, 0);
    assert_error(
        world.send_one(again, &[&jobs.node.worker]),
        JobsError::IllegalTransition,
    );
}

#[test]
fn units_lie_within_the_limit_and_the_time_within_the_window() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let (at, late) = (jobs.accepted(&mut world), jobs.accepted(&mut world));
    for units in [0, LIMIT + 1] {
        let submit = jobs.submit(&jobs.node, &at, &RESULT, units, 0);
        assert_error(
            world.send_one(submit, &[&jobs.node.worker]),
            JobsError::UnitsOutOfRange,
        );
    }
    world.pass_slots(100);
    world.ok(
        jobs.submit(&jobs.node, &at, &RESULT, LIMIT, 0),
        &[&jobs.node.worker],
    );
    world.pass_slots(1);
    let submit = jobs.submit(&jobs.node, &late, &RESULT, UNITS, 0);
    assert_error(
        world.send_one(submit, &[&jobs.node.worker]),
        JobsError::WindowOver,
    );
}

#[test]
fn only_the_assigned_nodes_worker_submits() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let other = jobs.staking.staked_operator(&mut world, 1_000 * TOKENS);
    let at = jobs.accepted(&mut world);
    let foreign = jobs.submit(&other, &at, &RESULT, UNITS, 0);
    assert_error(
        world.send_one(foreign, &[&other.worker]),
        JobsError::ForeignAccount,
    );
    let submit = jobs.submit(&jobs.node, &at, &RESULT, UNITS, 0);
    let owners = with_account(submit.clone(), 0, jobs.node.owner.pubkey());
    assert_error(
        world.send_one(owners, &[&jobs.node.owner]),
        JobsError::NotWorker,
    );
    let market = world.look_alike(&jobs.market);
    assert_error(
        world.send_one(
            with_account(submit.clone(), 1, market),
            &[&jobs.node.worker],
        ),
        JobsError::ForeignAccount,
    );
    let forged = world.foreign_owned(&at);
    assert_refused(world.send_one(
        with_account(submit.clone(), 2, forged),
        &[&jobs.node.worker],
    ));
    let node = world.foreign_owned(&jobs.node.node);
    assert_refused(world.send_one(with_account(submit.clone(), 3, node), &[&jobs.node.worker]));
    assert_refused(world.send_one(read_only(submit.clone(), 2), &[&jobs.node.worker]));
    assert_refused(world.send_one(unsigned(submit, 0), &[]));
    assert_eq!(world.read::<Job>(&at).state, JobState::Accepted as u8);
}

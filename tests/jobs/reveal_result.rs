use lode_jobs::error::JobsError;
use lode_jobs::state::{flag, Job, JobState};
use lode_tests::jobs::*;
use lode_tests::*;

#[test]
fn whoever_knows_an_unchecked_result_tells_it() {
    let mut world = World::new();
    let (jobs, at) = unchecked(&mut world);
    assert_error(
        world.send_one(jobs.reveal(&at, &[1; 32]), &[]),
        JobsError::WrongResult,
    );
    world.pass_slots(2_999);
    world.ok(jobs.reveal(&at, &RESULT), &[]);
    let state: Job = world.read(&at);
    assert_eq!(
        (state.state, state.result, state.verdict),
        (JobState::Attested as u8, RESULT, 1)
    );
    assert_eq!((state.flags, state.panel), (flag::REVEALED, 0));
    assert_eq!(state.deadline, world.slot() + 500);
    assert_error(
        world.send_one(jobs.reveal(&at, &RESULT), &[]),
        JobsError::IllegalTransition,
    );
}

#[test]
fn a_drawn_result_is_attested_and_not_revealed() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let at = jobs.sealed(&mut world);
    assert_error(
        world.send_one(jobs.reveal(&at, &RESULT), &[]),
        JobsError::MustBeAttested,
    );
    let submitted = jobs.submitted(&mut world);
    assert_error(
        world.send_one(jobs.reveal(&submitted, &RESULT), &[]),
        JobsError::IllegalTransition,
    );
}

#[test]
fn the_window_closes_and_foreign_accounts_are_refused() {
    let mut world = World::new();
    let (jobs, at) = unchecked(&mut world);
    let reveal = jobs.reveal(&at, &RESULT);
    let market = world.look_alike(&jobs.market);
    assert_error(
        world.send_one(with_account(reveal.clone(), 0, market), &[]),
        JobsError::ForeignAccount,
    );
    let forged = world.foreign_owned(&at);
    assert_refused(world.send_one(with_account(reveal.clone(), 1, forged), &[]));
    assert_refused(world.send_one(read_only(reveal.clone(), 1), &[]));
    world.pass_slots(3_000);
    assert_error(world.send_one(reveal, &[]), JobsError::WindowOver);
}

use crate::help::*;
use lode_attestation::Verdict;
use lode_jobs::error::JobsError;
use lode_jobs::state::Work;
use lode_tests::jobs::*;
use lode_tests::staking::{DAY, TOKENS};
use lode_tests::*;
use solana_signer::Signer;

/// A node with points of the first epoch, gone since.
fn gone(world: &mut World) -> Jobs {
    let mut jobs = sampled(world);
    let at = judged(world, &mut jobs, Verdict::Match);
    settled(world, &at);
    let points: Work = world.read(&work(&jobs.node.node));
    assert_eq!((points.epoch, points.points), (0, 54));
    remove(world, &jobs.node.node);
    jobs
}

#[test]
fn points_close_once_their_node_is_gone_and_they_are_two_epochs_old() {
    let mut world = World::new();
    let jobs = gone(&mut world);
    let (owner, at) = (jobs.node.owner.pubkey(), work(&jobs.node.node));
    let good = build::close_work(&jobs.node.node, &owner);
    // epochs are days; the points are of the first
    world.pass_seconds(START + 2 * DAY - 1 - world.now());
    assert_error(world.send_one(good.clone(), &[]), JobsError::WorkInUse);
    world.pass_seconds(1);
    let (lamports, rent) = (world.lamports(&owner), world.lamports(&at));
    let stranger = world.wallet();
    let theirs = build::close_work(&jobs.node.node, &stranger.pubkey());
    assert_error(world.send_one(theirs, &[]), JobsError::WrongPayer);
    forge_each(&mut world, &good, &[], &[], &[]);
    world.ok(good.clone(), &[]);
    assert!(!world.exists(&at));
    assert_eq!(world.lamports(&owner), lamports + rent);
    assert_refused(world.send_one(good, &[]));
}

#[test]
fn points_of_a_node_that_lives_stay() {
    let mut world = World::new();
    let jobs = sampled(&mut world);
    let good = build::close_work(&jobs.node.node, &jobs.node.owner.pubkey());
    world.pass_seconds(10 * DAY);
    assert_error(world.send_one(good.clone(), &[]), JobsError::WorkInUse);
    // a node that is passed as another is no proof that it is gone
    let nowhere = with_account(good.clone(), 1, solana_address::Address::new_unique());
    assert_error(world.send_one(nowhere, &[]), JobsError::ForeignAccount);
    let foreign = world.foreign_owned(&jobs.node.node);
    assert_refused(world.send_one(with_account(good, 1, foreign), &[]));
}

#[test]
fn points_that_were_never_earned_close_at_once() {
    let mut world = World::new();
    let jobs = sampled(&mut world);
    remove(&mut world, &jobs.node.node);
    let good = build::close_work(&jobs.node.node, &jobs.node.owner.pubkey());
    world.ok(good, &[]);
    assert!(!world.exists(&work(&jobs.node.node)));
}

#[test]
fn a_node_that_comes_again_begins_without_points() {
    let mut world = World::new();
    let mut jobs = gone(&mut world);
    let owner = jobs.node.owner.pubkey();
    world.pass_seconds(3 * DAY);
    world.ok(build::close_work(&jobs.node.node, &owner), &[]);
    // another node of the same owner has an address and points of its own
    let other = jobs.staking.staked_operator(&mut world, 1_000 * TOKENS);
    jobs.open_node(&mut world, &other);
    jobs.node = other;
    let at = judged(&mut world, &mut jobs, Verdict::Match);
    settled(&mut world, &at);
    let points: Work = world.read(&work(&jobs.node.node));
    assert_eq!((points.points, points.previous), (54, 0));
}

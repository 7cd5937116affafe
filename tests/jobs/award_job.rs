use crate::help::*;
use lode_jobs::error::JobsError;
use lode_jobs::state::{flag, Job, JobState, Market};
use lode_staking::state::{Node, NodeStatus};
use lode_tests::jobs::*;
use lode_tests::staking::TOKENS;
use lode_tests::*;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_signer::Signer;

/// An auction with a job that the node bid half the price for, in the first slot of the award.
fn bidden(world: &mut World) -> (Jobs, Address) {
    let (mut jobs, _) = auction(world);
    let at = jobs.open(world);
    world.ok(bid(world, &jobs.node, &at, PRICE / 2), &[&jobs.node.worker]);
    pass_until(world, &at, 0);
    (jobs, at)
}

fn award(world: &World, at: &Address) -> Instruction {
    build::award_job(at, &state(world, at))
}

#[test]
fn the_best_bidder_runs_the_job_for_what_he_bid() {
    let mut world = World::new();
    let (jobs, at) = bidden(&mut world);
    let good = award(&world, &at);
    world.ok(good.clone(), &[]);
    let job = state(&world, &at);
    assert_eq!(
        (job.state, job.flags, job.price, job.bid, job.node),
        (
            JobState::Accepted as u8,
            0,
            PRICE / 2,
            PRICE,
            jobs.node.node
        )
    );
    // the run window of 1 000 units, and the day of the award for a slash
    assert_eq!(
        (job.deadline, job.accepted_at),
        (world.slot() + 101, world.now())
    );
    // no money moves before the end
    assert_eq!(job.collateral, 10_000);
    let (customer, node) = (customers(&world, &jobs), nodes(&world, &jobs));
    assert_eq!((customer.available, customer.locked), (ALL - 5_000, 5_000));
    assert_eq!(
        (node.available, node.locked, node.open_jobs),
        (ALL - 10_000, 10_000, 1)
    );
    assert_vault_balances(&world, &jobs);
    assert_error(world.send_one(good, &[]), JobsError::IllegalTransition);
}

#[test]
fn an_award_has_one_accept_window_and_then_anyone_cancels() {
    let mut world = World::new();
    let (mut jobs, _) = auction(&mut world);
    let (first, second) = (jobs.open(&mut world), jobs.open(&mut world));
    for at in [&first, &second] {
        world.ok(bid(&world, &jobs.node, at, PRICE), &[&jobs.node.worker]);
    }
    pass_until(&mut world, &first, 0);
    world.pass_slots(999);
    let cancel = build::cancel_job(&world.payer.pubkey(), &second, &state(&world, &second));
    assert_error(world.send_one(cancel.clone(), &[]), JobsError::WindowOpen);
    world.ok(award(&world, &first), &[]);
    world.pass_slots(1);
    assert_error(
        world.send_one(award(&world, &second), &[]),
        JobsError::WindowOver,
    );
    world.ok(cancel, &[]);
    assert_vault_balances(&world, &jobs);
}

#[test]
fn without_a_bid_there_is_nothing_to_award() {
    let mut world = World::new();
    let (mut jobs, _) = auction(&mut world);
    let at = jobs.open(&mut world);
    pass_until(&mut world, &at, 0);
    let mut named = state(&world, &at);
    named.node = jobs.node.node;
    let nobody = build::award_job(&at, &named);
    // the job names no node, so none can be passed
    assert_refused(world.send_one(nobody, &[]));
    let mut job = state(&world, &at);
    job.node = jobs.node.node;
    world.write(&at, &job);
    assert_error(world.send_one(award(&world, &at), &[]), JobsError::NoBid);
}

#[test]
fn who_is_unfit_by_then_is_not_awarded_and_pays_for_the_wait() {
    let mut world = World::new();
    let (jobs, at) = bidden(&mut world);
    let node: Node = world.read(&jobs.node.node);
    for (bad, error) in [
        (
            Node {
                jailed_until: 1,
                ..node
            },
            JobsError::NodeNotActive,
        ),
        (
            Node {
                status: NodeStatus::Exiting as u8,
                ..node
            },
            JobsError::NodeNotActive,
        ),
    ] {
        world.write(&jobs.node.node, &bad);
        assert_error(world.send_one(award(&world, &at), &[]), error);
    }
    world.pass_slots(1_000);
    let cancel = build::cancel_job(&world.payer.pubkey(), &at, &state(&world, &at));
    world.ok(cancel, &[]);
    let node = nodes(&world, &jobs);
    assert_eq!((node.available, node.burn_owed), (ALL - 1_000, 1_000));
    assert_eq!(customers(&world, &jobs).available, ALL);
    assert_vault_balances(&world, &jobs);
}

/// Who asks for more, and who moves a ratio, are others than the bidder.
#[test]
fn nobody_makes_a_standing_bid_forfeit_by_asking_for_more_skin() {
    let mut world = World::new();
    let (jobs, at) = bidden(&mut world);
    let node: Node = world.read(&jobs.node.node);
    let lacking = Node {
        self_active_shares: 1,
        ..node
    };
    world.write(&jobs.node.node, &lacking);
    world.ok(award(&world, &at), &[]);
    assert_eq!(state(&world, &at).state, JobState::Accepted as u8);
}

#[test]
fn no_pause_stops_an_award() {
    let mut world = World::new();
    let (jobs, at) = bidden(&mut world);
    world.ok(build::pause(&jobs.guardian.pubkey()), &[&jobs.guardian]);
    world.ok(award(&world, &at), &[]);
}

#[test]
fn a_targeted_or_first_come_job_is_never_awarded() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = posted(&mut world, &mut jobs, |args| {
        args.target = Address::default()
    });
    let mut job = state(&world, &at);
    job.node = jobs.node.node;
    job.flags |= flag::TARGETED;
    world.write(&at, &job);
    pass_until(&mut world, &at, 0);
    assert_error(world.send_one(award(&world, &at), &[]), JobsError::NoBid);
}

#[test]
fn an_award_takes_no_other_account() {
    let mut world = World::new();
    let (jobs, at) = bidden(&mut world);
    let other = jobs.staking.staked_operator(&mut world, 1_000 * TOKENS);
    jobs.open_node(&mut world, &other);
    let good = award(&world, &at);
    for (index, wrong) in [(2, other.node), (2, jobs.node_ledger())] {
        let forged = with_account(good.clone(), index, wrong);
        assert_refused(world.send_one(forged, &[]));
    }
    forge_each(&mut world, &good, &[], &[0, 2], &[]);
    world.ok(good, &[]);
}

#[test]
fn an_awarded_job_is_paid_at_its_bid() {
    let mut world = World::new();
    let (jobs, at) = bidden(&mut world);
    world.ok(award(&world, &at), &[]);
    let submit = jobs.submit(&jobs.node, &at, &RESULT, UNITS, 0);
    world.ok(submit, &[&jobs.node.worker]);
    jobs.pass_to_seal(&mut world, 2);
    world.ok(jobs.seal(&world.payer.pubkey(), &at), &[]);
    let panel = seats_of(state(&world, &at).panel);
    if panel.is_empty() {
        world.ok(jobs.reveal(&at, &RESULT), &[]);
    } else {
        sign(
            &mut world,
            &jobs,
            &at,
            lode_attestation::Verdict::Match,
            &panel,
        );
    }
    settled(&mut world, &at);
    // work 900, checks 1 350; of the work 27 burn and 18 are the market's
    let (customer, node) = (customers(&world, &jobs), nodes(&world, &jobs));
    assert_eq!(customer.available, ALL - 900 - 1_350);
    assert_eq!(node.available, ALL + 855);
    assert_eq!(
        (node.burn_owed, node.market_owed, node.checks_owed),
        (27, 18, 1_350)
    );
    assert_vault_balances(&world, &jobs);
}

#[test]
fn a_bid_of_next_to_nothing_that_is_given_up_costs_all_of_late_and_leaves_the_posted_price() {
    let mut world = World::new();
    let (mut jobs, _) = auction(&mut world);
    let at = jobs.open(&mut world);
    world.ok(bid(&world, &jobs.node, &at, 1), &[&jobs.node.worker]);
    pass_until(&mut world, &at, 0);
    world.ok(award(&world, &at), &[]);
    world.ok(jobs.give_up(&jobs.node, &at), &[&jobs.node.worker]);
    // all that is late at the posted price, 20 % of the escrow of 5 000, though it was given up at once
    let node = nodes(&world, &jobs);
    assert_eq!((node.available, node.burn_owed), (ALL - 1_000, 1_000));
    let job = state(&world, &at);
    assert_eq!(
        (job.state, job.price, job.bid, job.flags, job.attempt),
        (JobState::Open as u8, PRICE, 0, 0, 1)
    );
    assert_eq!((job.node, job.collateral), (Address::default(), 0));
    assert_eq!(customers(&world, &jobs).locked, 5_000);
    let high = bid(&world, &jobs.node, &at, PRICE + 1);
    assert_error(
        world.send_one(high, &[&jobs.node.worker]),
        JobsError::BidTooHigh,
    );
    world.ok(bid(&world, &jobs.node, &at, PRICE), &[&jobs.node.worker]);
    assert_vault_balances(&world, &jobs);
}

/// A node that bids next to nothing has a committee work for no less than the posted price's bonds.
#[test]
fn whoever_challenges_an_awarded_result_locks_as_much_as_at_the_posted_price() {
    let mut world = World::new();
    let (mut jobs, _) = auction(&mut world);
    let at = jobs.open(&mut world);
    world.ok(bid(&world, &jobs.node, &at, 1), &[&jobs.node.worker]);
    pass_until(&mut world, &at, 0);
    world.ok(award(&world, &at), &[]);
    let awarded = state(&world, &at);
    assert_eq!((awarded.price, awarded.bid), (1, PRICE));
    let market: Market = world.read(&jobs.market);
    let posted = Job {
        price: PRICE,
        bid: 0,
        eligible: 0b111,
        ..awarded
    };
    let awarded = Job {
        eligible: 0b111,
        ..awarded
    };
    assert_eq!(
        awarded.challenge_bond(&market).unwrap(),
        posted.challenge_bond(&market).unwrap()
    );
    assert_eq!(
        awarded.appeal_bond().unwrap(),
        posted.appeal_bond().unwrap()
    );
    // what is paid follows the bid
    assert!(
        awarded.panel_work(&market, 1_000).unwrap() < posted.panel_work(&market, 1_000).unwrap()
    );
}

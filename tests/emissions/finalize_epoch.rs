use lode_emissions::error::EmissionsError;
use lode_emissions::state::EpochStatus;
use lode_tests::emissions::*;
use lode_tests::staking::{Operator, DAY, TOKENS};
use lode_tests::*;
use solana_signer::Signer;

/// Epochs 0 and on, each with these points of one node, all recorded: the clock stands in the epoch after the last.
fn recorded(world: &mut World, operator: &Operator, points: &[u64]) {
    for (index, points) in (0..).zip(points) {
        to_epoch(world, index);
        give_points(world, &operator.node, index, *points);
        to_epoch(world, index + 1);
        let record = record(&world.payer.pubkey(), &operator.node, index);
        world.ok(record, &[]);
    }
}

#[test]
fn an_epoch_mints_theta_of_its_points_divided_by_need() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let one = emissions.operator(&mut world, 100 * TOKENS);
    let two = emissions.operator(&mut world, 100 * TOKENS);
    give_points(&mut world, &one.node, 0, 700);
    give_points(&mut world, &two.node, 0, 400);
    to_epoch(&mut world, 1);
    let payer = world.payer.pubkey();
    world.ok(record(&payer, &one.node, 0), &[]);
    world.ok(record(&payer, &two.node, 0), &[]);
    to_epoch(&mut world, 2);
    world.ok(finalize_epoch(0), &[]);
    let state = read_epoch(&world, 0);
    // need = 0.8 + 2 x 0.1 + 0.1 = 1.1
    assert_eq!(state.status, EpochStatus::Final as u8);
    assert_eq!(state.amount, 900);
    assert_eq!(
        (state.work, state.stake_amount, state.treasury),
        (720, 90, 90)
    );
    assert_eq!(state.finalised_at, world.now());
    assert_eq!(
        state.herfindahl,
        (700 * 700 + 400 * 400) * 10_000 / (1_100 * 1_100)
    );
    let schedule = read_schedule(&world);
    assert_eq!((schedule.finalised, schedule.claimed), (900, 0));
}

#[test]
fn an_epoch_is_final_once_from_the_second_after_it_until_its_claims_are_over() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let operator = emissions.operator(&mut world, TOKENS);
    recorded(&mut world, &operator, &[5, 6]);
    // two epochs are recorded; the first may be final, the second is still open
    world.pass_seconds(DAY - 1);
    assert_error(
        world.send_one(finalize_epoch(1), &[]),
        EmissionsError::StillRecording,
    );
    world.pass_seconds(1);
    world.ok(finalize_epoch(1), &[]);
    let before = read_epoch(&world, 1);
    assert_error(
        world.send_one(finalize_epoch(1), &[]),
        EmissionsError::AlreadyFinal,
    );
    assert_eq!(
        bytemuck::bytes_of(&read_epoch(&world, 1)),
        bytemuck::bytes_of(&before)
    );
    // the last second of epoch 26 still does, the first of 27 does not
    to_epoch(&mut world, 27);
    assert_error(
        world.send_one(finalize_epoch(0), &[]),
        EmissionsError::EpochLapsed,
    );
    world.set_time(world.now() - 1, world.slot());
    world.ok(finalize_epoch(0), &[]);
    // an epoch in which nobody was recorded does not exist
    assert_refused(world.send_one(finalize_epoch(7), &[]));
}

#[test]
fn an_epoch_that_is_not_over_cannot_be_final() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let operator = emissions.operator(&mut world, TOKENS);
    recorded(&mut world, &operator, &[5]);
    assert_error(
        world.send_one(finalize_epoch(0), &[]),
        EmissionsError::StillRecording,
    );
    // not even with a clock before the epoch, or before genesis
    for at in [START + 1, START - 1] {
        world.set_time(at, world.slot());
        assert_error(
            world.send_one(finalize_epoch(0), &[]),
            EmissionsError::StillRecording,
        );
    }
}

#[test]
fn the_ceiling_binds_and_falls_with_the_eras() {
    let mut world = World::new();
    let emissions = Emissions::with(&mut world, |args| {
        (args.era_epochs, args.breaker_limit) = (1, 20_000 * TOKENS);
    });
    let operator = emissions.operator(&mut world, TOKENS);
    recorded(&mut world, &operator, &[5_000 * TOKENS; 4]);
    to_epoch(&mut world, 5);
    let amounts: Vec<u64> = (0..4)
        .map(|index| {
            world.ok(finalize_epoch(index), &[]);
            read_epoch(&world, index).amount
        })
        .collect();
    assert_eq!(
        amounts,
        [
            1_000_000_000_000,
            850_000_000_000,
            722_500_000_000,
            614_125_000_000
        ]
    );
}

#[test]
fn the_cap_is_never_exceeded() {
    let mut world = World::new();
    let emissions = Emissions::with(&mut world, |args| {
        (args.cap, args.decay_bps) = (2_500 * TOKENS, 0);
        args.breaker_limit = 10_000 * TOKENS;
    });
    let operator = emissions.operator(&mut world, TOKENS);
    recorded(&mut world, &operator, &[5_000 * TOKENS; 4]);
    to_epoch(&mut world, 5);
    for (index, amount) in [(0, 1_000), (1, 1_000), (2, 500), (3, 0)] {
        world.ok(finalize_epoch(index), &[]);
        assert_eq!(read_epoch(&world, index).amount, amount * TOKENS);
    }
    let schedule = read_schedule(&world);
    assert_eq!(schedule.finalised, schedule.cap);
}

#[test]
fn the_breaker_holds_an_epoch_back_and_takes_nothing_from_it() {
    let mut world = World::new();
    // at most 2 500 tokens in any 4 epochs
    let emissions = Emissions::with(&mut world, |args| {
        (args.decay_bps, args.breaker_limit) = (0, 2_500 * TOKENS);
    });
    let operator = emissions.operator(&mut world, TOKENS);
    recorded(&mut world, &operator, &[5_000 * TOKENS; 4]);
    to_epoch(&mut world, 5);
    world.ok(finalize_epoch(0), &[]);
    to_epoch(&mut world, 7);
    world.ok(finalize_epoch(1), &[]);
    // 500 are left, 1 000 are due: it waits, it is not cut
    for index in [2, 3] {
        assert_error(
            world.send_one(finalize_epoch(index), &[]),
            EmissionsError::BreakerTripped,
        );
    }
    // epoch 5 is in the window until the last second of epoch 8
    to_epoch(&mut world, 9);
    world.set_time(world.now() - 1, world.slot());
    assert_error(
        world.send_one(finalize_epoch(2), &[]),
        EmissionsError::BreakerTripped,
    );
    world.pass_seconds(1);
    world.ok(finalize_epoch(2), &[]);
    assert_eq!(read_epoch(&world, 2).amount, 1_000 * TOKENS);
    assert_error(
        world.send_one(finalize_epoch(3), &[]),
        EmissionsError::BreakerTripped,
    );
    to_epoch(&mut world, 11);
    world.ok(finalize_epoch(3), &[]);
    assert_eq!(read_schedule(&world).finalised, 4_000 * TOKENS);
}

#[test]
fn forged_accounts_make_nothing_final() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let operator = emissions.operator(&mut world, TOKENS);
    recorded(&mut world, &operator, &[5]);
    to_epoch(&mut world, 2);
    let good = finalize_epoch(0);
    for (index, account) in [
        (0, world.foreign_owned(&schedule())),
        (0, epoch(0)),
        (1, world.foreign_owned(&epoch(0))),
        (1, schedule()),
        (1, share(&operator.node, 0)),
        (1, epoch(1)),
    ] {
        let forged = with_account(good.clone(), index, account);
        assert_refused(world.send_one(forged, &[]));
    }
    for index in [0, 1] {
        assert_refused(world.send_one(read_only(good.clone(), index), &[]));
    }
    assert_eq!(read_epoch(&world, 0).status, EpochStatus::Recording as u8);
    world.ok(good, &[]);
}

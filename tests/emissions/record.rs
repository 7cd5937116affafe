use lode_emissions::error::EmissionsError;
use lode_emissions::state::EpochStatus;
use lode_jobs::state::{JobsConfig, Work};
use lode_staking::state::Node;
use lode_tests::emissions::*;
use lode_tests::jobs::work;
use lode_tests::staking::{DAY, TOKENS};
use lode_tests::*;
use solana_address::Address;
use solana_signer::Signer;

#[test]
fn a_record_adds_points_and_active_stake_to_its_epoch() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let one = emissions.operator(&mut world, 500 * TOKENS);
    let two = emissions.operator(&mut world, 300 * TOKENS);
    give_points(&mut world, &one.node, 0, 70);
    give_points(&mut world, &two.node, 0, 30);
    // what unbonds is not active
    let owner = two.owner.pubkey();
    let unstake = emissions
        .staking
        .unstake(&two.node, &owner, 0, 100 * TOKENS);
    world.ok(unstake, &[&two.owner]);
    to_epoch(&mut world, 1);
    let payer = world.wallet();
    let first = world.ok(record(&payer.pubkey(), &one.node, 0), &[&payer]);
    costs::figure(
        "record, the first of an epoch",
        first.compute_units_consumed - 150,
    );
    world.ok(record(&world.payer.pubkey(), &two.node, 0), &[]);

    let state = read_epoch(&world, 0);
    assert_eq!(
        (state.version, state.index, state.status),
        (1, 0, EpochStatus::Recording as u8)
    );
    assert_eq!(
        (state.points, state.stake, state.nodes, state.open_shares),
        (100, 700 * TOKENS, 2, 2)
    );
    assert_eq!(state.squares(), 70 * 70 + 30 * 30);
    assert_eq!(
        (state.payer, state.amount, state.finalised_at),
        (payer.pubkey(), 0, 0)
    );
    let share = read_share(&world, &two.node, 0);
    assert_eq!(
        (share.node, share.epoch, share.points, share.stake),
        (two.node, 0, 30, 200 * TOKENS)
    );
    assert_eq!((share.payer, share.flags), (world.payer.pubkey(), 0));
}

#[test]
fn an_epoch_is_recorded_while_the_next_one_runs_and_only_then() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let node = emissions.operator(&mut world, TOKENS).node;
    let payer = world.payer.pubkey();
    let try_at = |world: &mut World, index, error| {
        assert_error(world.send_one(record(&payer, &node, index), &[]), error);
    };
    give_points(&mut world, &node, 3, 7);
    for index in [0, 3, u64::MAX] {
        try_at(&mut world, index, EmissionsError::NotRecordTime);
    }
    to_epoch(&mut world, 4);
    world.set_time(world.now() - 1, world.slot());
    try_at(&mut world, 3, EmissionsError::NotRecordTime);
    world.pass_seconds(1);
    // also the last second of it
    world.pass_seconds(DAY - 1);
    try_at(&mut world, 4, EmissionsError::NotRecordTime);
    let kept = world.svm.get_account(&work(&node)).unwrap();
    world.ok(record(&payer, &node, 3), &[]);
    assert_eq!(read_share(&world, &node, 3).points, 7);

    let late = emissions.operator(&mut world, TOKENS).node;
    give_points(&mut world, &late, 3, 7);
    world.pass_seconds(1);
    assert_error(
        world.send_one(record(&payer, &late, 3), &[]),
        EmissionsError::NotRecordTime,
    );
    assert_eq!(world.svm.get_account(&work(&node)).unwrap(), kept);
}

#[test]
fn points_are_found_in_either_slot_and_gaps_have_none() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let payer = world.payer.pubkey();
    let nodes: Vec<Address> = (0..4)
        .map(|_| emissions.operator(&mut world, TOKENS).node)
        .collect();
    // earned in 5 and not since; in 5 and again in 6; in 6 only; in 4 only
    give_points(&mut world, &nodes[0], 5, 11);
    give_points(&mut world, &nodes[1], 5, 22);
    give_points(&mut world, &nodes[3], 4, 44);
    to_epoch(&mut world, 6);
    give_points(&mut world, &nodes[1], 6, 23);
    give_points(&mut world, &nodes[2], 6, 33);
    for (node, points) in [(0, Some(11)), (1, Some(22)), (2, None), (3, None)] {
        let sent = world.send_one(record(&payer, &nodes[node], 5), &[]);
        match points {
            Some(points) => {
                sent.unwrap();
                assert_eq!(read_share(&world, &nodes[node], 5).points, points);
            }
            None => assert_error(sent, EmissionsError::NothingToRecord),
        }
    }
    assert_eq!(read_epoch(&world, 5).points, 33);
    // a node that never worked has a Work of epoch 0 without points
    let idle = emissions.operator(&mut world, TOKENS).node;
    assert_error(
        world.send_one(record(&payer, &idle, 5), &[]),
        EmissionsError::NothingToRecord,
    );
    to_epoch(&mut world, 7);
    for (node, points) in [(1, 23), (2, 33)] {
        world.ok(record(&payer, &nodes[node], 6), &[]);
        assert_eq!(read_share(&world, &nodes[node], 6).points, points);
    }
}

#[test]
fn before_genesis_nothing_is_recorded() {
    let mut world = World::new();
    let staking = sisters(&mut world, &TOKEN);
    let config = lode_tests::jobs::config();
    let mut changed: JobsConfig = world.read(&config);
    changed.epoch_genesis = START + 10 * DAY;
    world.write(&config, &changed);
    let emissions = Emissions::start(&mut world, staking, |_| {});
    let node = emissions.operator(&mut world, TOKENS).node;
    give_points(&mut world, &node, 0, 5);
    let payer = world.payer.pubkey();
    for day in [0, 1, 9, 10] {
        to_epoch(&mut world, day);
        for index in [0, u64::MAX] {
            assert_error(
                world.send_one(record(&payer, &node, index), &[]),
                EmissionsError::NotRecordTime,
            );
        }
    }
    to_epoch(&mut world, 11);
    world.ok(record(&payer, &node, 0), &[]);
}

#[test]
fn a_node_is_recorded_once() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let node = emissions.operator(&mut world, TOKENS).node;
    give_points(&mut world, &node, 0, 5);
    to_epoch(&mut world, 1);
    world.ok(record(&world.payer.pubkey(), &node, 0), &[]);
    let other = world.wallet();
    assert_refused(world.send_one(record(&world.payer.pubkey(), &node, 0), &[]));
    assert_refused(world.send_one(record(&other.pubkey(), &node, 0), &[&other]));
    // also not twice in one transaction
    let twice = emissions.operator(&mut world, TOKENS).node;
    give_points(&mut world, &twice, 0, 5);
    let one = record(&world.payer.pubkey(), &twice, 0);
    assert_refused(world.send(&[one.clone(), one.clone()], &[]));
    world.ok(one, &[]);
    let state = read_epoch(&world, 0);
    assert_eq!((state.points, state.nodes), (10, 2));
}

#[test]
fn forged_accounts_are_no_record() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let node = emissions.operator(&mut world, TOKENS).node;
    let other = emissions.operator(&mut world, TOKENS).node;
    give_points(&mut world, &node, 0, 5);
    give_points(&mut world, &other, 0, 500);
    give_points(&mut world, &other, 1, 500);
    to_epoch(&mut world, 1);
    let good = record(&world.payer.pubkey(), &node, 0);
    // another node's points, another's stake
    for (index, account) in [(4, work(&other)), (5, other)] {
        let forged = with_account(good.clone(), index, account);
        assert_refused(world.send_one(forged, &[]));
    }
    let mut borrowed = with_account(good.clone(), 5, other);
    borrowed.accounts[3].pubkey = share(&other, 0);
    assert_error(
        world.send_one(borrowed, &[]),
        EmissionsError::ForeignAccount,
    );
    // accounts that only look like them, or of other epochs and types
    for (index, account) in [
        (1, world.foreign_owned(&schedule())),
        (1, node),
        (2, epoch(1)),
        (2, world.payer.pubkey()),
        (3, share(&node, 1)),
        (3, share(&other, 0)),
        (4, world.foreign_owned(&work(&node))),
        (4, node),
        (5, world.foreign_owned(&node)),
        (5, work(&node)),
    ] {
        let forged = with_account(good.clone(), index, account);
        assert_refused(world.send_one(forged, &[]));
    }
    for index in [2, 3] {
        assert_refused(world.send_one(read_only(good.clone(), index), &[]));
    }
    let stranger = world.wallet();
    let unpaid = unsigned(record(&stranger.pubkey(), &node, 0), 0);
    assert_refused(world.send_one(unpaid, &[]));
    // layouts that this program does not know
    let mut state: Work = world.read(&work(&node));
    state.version = 2;
    world.write(&work(&node), &state);
    assert_error(
        world.send_one(good.clone(), &[]),
        EmissionsError::UnknownVersion,
    );
    state.version = 1;
    world.write(&work(&node), &state);
    let mut state: Node = world.read(&node);
    state.version = 2;
    world.write(&node, &state);
    assert_error(
        world.send_one(good.clone(), &[]),
        EmissionsError::UnknownVersion,
    );
    state.version = 1;
    world.write(&node, &state);
    assert!(!world.exists(&epoch(0)));
    // lamports sent ahead keep nobody out
    let minimum = world.svm.minimum_balance_for_rent_exemption(0);
    for at in [epoch(0), share(&node, 0)] {
        world.svm.airdrop(&at, minimum).unwrap();
    }
    world.ok(good, &[]);
    assert_eq!(read_epoch(&world, 0).points, 5);
}

#[test]
fn points_and_stake_of_any_size_are_counted() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let one = emissions.operator(&mut world, TOKENS).node;
    let two = emissions.operator(&mut world, TOKENS).node;
    give_points(&mut world, &one, 0, u64::MAX);
    give_points(&mut world, &two, 0, 1);
    to_epoch(&mut world, 1);
    let payer = world.payer.pubkey();
    world.ok(record(&payer, &one, 0), &[]);
    let most = u128::from(u64::MAX);
    assert_eq!(read_epoch(&world, 0).squares(), most * most);
    // more burned than there are base units of a token: refused, never wrapped
    assert_error(
        world.send_one(record(&payer, &two, 0), &[]),
        EmissionsError::Overflow,
    );
    to_epoch(&mut world, 2);
    world.ok(finalize_epoch(0), &[]);
    let state = read_epoch(&world, 0);
    assert_eq!((state.amount, state.herfindahl), (1_000 * TOKENS, 10_000));
}

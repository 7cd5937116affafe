use lode_emissions::error::EmissionsError;
use lode_emissions::state::claimed;
use lode_staking::state::Node;
use lode_tests::emissions::*;
use lode_tests::staking::{assert_vault_holds_what_is_booked, vault, DAY, TOKENS};
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn stake_earns_its_share_but_never_more_than_c_times_its_work() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    // 60 % of stake and half of the work; 30 % and a tenth; 10 % and four tenths
    let nodes = [600, 300, 100].map(|stake| emissions.operator(&mut world, stake * TOKENS));
    emissions.finalised(
        &mut world,
        0,
        &[(&nodes[0], 5_500), (&nodes[1], 1_100), (&nodes[2], 4_400)],
    );
    // amount 9 000, stake 900
    for (node, expected) in nodes.iter().zip([450, 90, 90]) {
        let before = world.amount(&vault(&node.node));
        let claim = emissions.claim_stake(&world, &node.node, 0);
        world.ok(claim.clone(), &[]);
        assert_eq!(world.amount(&vault(&node.node)), before + expected);
        world.ok(claim, &[]);
        assert_eq!(world.amount(&vault(&node.node)), before + expected);
        let share = read_share(&world, &node.node, 0);
        assert_eq!(
            (share.flags, share.stake_claimed),
            (claimed::STAKE, expected)
        );
    }
    let state = read_epoch(&world, 0);
    assert_eq!((state.stake_claimed, state.work_claimed), (630, 0));
    assert_eq!(read_schedule(&world).claimed, 630);
}

#[test]
fn what_stake_earned_streams_to_delegators_after_a_sweep() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let operator = emissions.operator(&mut world, 100 * TOKENS);
    let delegator = emissions.staking.wallet(&mut world, 300 * TOKENS);
    let wallet = delegator.pubkey();
    let stake = emissions
        .staking
        .stake(&world, &operator.node, &wallet, 300 * TOKENS);
    world.ok(stake, &[&delegator]);
    emissions.finalised(&mut world, 0, &[(&operator, 5_000 * TOKENS)]);
    world.ok(emissions.claim_stake(&world, &operator.node, 0), &[]);
    world.ok(emissions.staking.sweep_rewards(&operator.node), &[]);
    assert_vault_holds_what_is_booked(&world, &operator.node);
    let state: Node = world.read(&operator.node);
    assert_eq!(state.stream_left, 100 * TOKENS);
    world.pass_seconds(DAY);
    let claim = emissions
        .staking
        .claim_rewards(&world, &operator.node, &wallet);
    world.ok(claim, &[]);
    assert_eq!(
        world.amount(&world.associated(&wallet, &emissions.mint)),
        75 * TOKENS
    );
    // stake that comes after the record has no part of it in the claim
    assert_eq!(read_share(&world, &operator.node, 0).stake, 400 * TOKENS);
}

#[test]
fn stake_is_claimed_in_the_same_window_and_nowhere_else() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let operator = emissions.operator(&mut world, 100 * TOKENS);
    let other = emissions.operator(&mut world, 100 * TOKENS);
    give_points(&mut world, &operator.node, 0, 1_100);
    to_epoch(&mut world, 1);
    let payer = world.payer.pubkey();
    world.ok(record(&payer, &operator.node, 0), &[]);
    to_epoch(&mut world, 2);
    let claim = emissions.claim_stake(&world, &operator.node, 0);
    assert_error(world.send_one(claim.clone(), &[]), EmissionsError::NotFinal);
    world.ok(finalize_epoch(0), &[]);
    for to in [vault(&other.node), operator.wallet] {
        assert_error(
            world.send_one(with_account(claim.clone(), 4, to), &[]),
            EmissionsError::WrongDestination,
        );
    }
    to_epoch(&mut world, 27);
    assert_error(
        world.send_one(claim.clone(), &[]),
        EmissionsError::EpochLapsed,
    );
    world.set_time(world.now() - 1, world.slot());
    world.ok(claim, &[]);
    assert_eq!(world.amount(&vault(&operator.node)), 100 * TOKENS + 90);
}

#[test]
fn work_without_stake_takes_nothing_of_the_stake_bucket() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let bare = emissions.operator(&mut world, 0);
    emissions.finalised(&mut world, 0, &[(&bare, 1_100)]);
    // nobody has stake: the bucket is not minted
    let claim = emissions.claim_stake(&world, &bare.node, 0);
    world.ok(claim, &[]);
    assert_eq!(world.amount(&vault(&bare.node)), 0);
    assert_eq!(read_share(&world, &bare.node, 0).flags, claimed::STAKE);
    assert_eq!(read_schedule(&world).claimed, 0);
}

use lode_staking::state::Node;
use lode_tests::staking::*;
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn what_is_above_the_books_streams_over_an_epoch() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 500 * TOKENS);
    let node = operator.node;
    // nothing to sweep is no error and changes nothing
    let before: Node = world.read(&node);
    world.ok(staking.sweep_rewards(&node), &[]);
    assert_eq!(
        bytemuck::bytes_of(&world.read::<Node>(&node)),
        bytemuck::bytes_of(&before)
    );
    staking.drop_into_vault(&mut world, &node, 86_400);
    let swept = world.ok(staking.sweep_rewards(&node), &[]);
    lode_tests::costs::figure("sweep rewards", swept.compute_units_consumed - 150);
    let state: Node = world.read(&node);
    assert_eq!(
        (state.stream_left, state.stream_at, state.stream_end),
        (86_400, START, START + DAY)
    );
    assert_eq!((state.stake, state.rewards_owed), (500 * TOKENS, 0));
    assert_vault_holds_what_is_booked(&world, &node);
    // half a day later half has flowed; new money ends later by its weight
    world.pass_seconds(DAY / 2);
    staking.reward(&mut world, &node, 43_200);
    let state: Node = world.read(&node);
    assert_eq!((state.stream_left, state.rewards_owed), (86_400, 43_200));
    // half of it had half a day left, half of it has a day
    assert_eq!(state.stream_end, START + DAY / 2 + DAY * 3 / 4);
    assert_vault_holds_what_is_booked(&world, &node);
}

#[test]
fn without_active_shares_rewards_are_the_operators() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 500 * TOKENS);
    let (node, owner) = (operator.node, operator.owner.pubkey());
    staking.reward(&mut world, &node, 1_000);
    world.pass_seconds(DAY / 2);
    world.ok(
        staking.unstake(&node, &owner, 0, 500 * TOKENS),
        &[&operator.owner],
    );
    // what had flowed before is the delegations', what flows afterwards the operator's
    staking.reward(&mut world, &node, 77);
    world.pass_seconds(DAY / 2);
    world.ok(staking.claim_commission(&node, &operator.wallet), &[]);
    let state: Node = world.read(&node);
    assert_eq!(
        (state.stream_left, state.rewards_owed, state.commission_owed),
        (0, 500, 0)
    );
    assert_eq!(world.amount(&operator.wallet), 9_500 * TOKENS + 577);
    assert_vault_holds_what_is_booked(&world, &node);
}

#[test]
fn stake_claim_and_unstake_at_once_gains_nothing() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 500 * TOKENS);
    let node = operator.node;
    let thief = staking.wallet(&mut world, 1_000 * TOKENS);
    let wallet = thief.pubkey();
    staking.drop_into_vault(&mut world, &node, 100 * TOKENS);
    let all = [
        staking.stake(&world, &node, &wallet, 1_000 * TOKENS),
        staking.sweep_rewards(&node),
        staking.claim_rewards(&world, &node, &wallet),
        staking.unstake(&node, &wallet, 0, 1_000 * TOKENS),
        staking.claim_rewards(&world, &node, &wallet),
    ];
    world.send(&all, &[&thief]).unwrap();
    world.pass_seconds(14 * DAY);
    world.ok(staking.claim_rewards(&world, &node, &wallet), &[]);
    world.ok(staking.withdraw(&world, &node, &wallet, 0), &[]);
    assert_eq!(
        world.amount(&world.associated(&wallet, &staking.mint)),
        1_000 * TOKENS
    );
    assert_vault_holds_what_is_booked(&world, &node);
}

#[test]
fn a_vault_of_another_node_is_no_reward() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 100 * TOKENS);
    let other = staking.staked_operator(&mut world, 500 * TOKENS);
    staking.drop_into_vault(&mut world, &operator.node, 5);
    let sweep = staking.sweep_rewards(&operator.node);
    for (index, account) in [
        (0, world.foreign_owned(&config())),
        (1, world.foreign_owned(&operator.node)),
        (2, vault(&other.node)),
        (2, other.wallet),
    ] {
        assert_refused(world.send_one(with_account(sweep.clone(), index, account), &[]));
    }
    assert_refused(world.send_one(read_only(sweep.clone(), 1), &[]));
    world.ok(sweep, &[]);
    assert_eq!(world.read::<Node>(&operator.node).stream_left, 5);
}

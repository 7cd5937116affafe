use lode_staking::error::StakingError;
use lode_staking::state::{Delegation, Node, NodeStatus};
use lode_tests::staking::*;
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn an_owner_stakes_on_his_node() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 500 * TOKENS);
    let owner = operator.owner.pubkey();
    let node: Node = world.read(&operator.node);
    assert_eq!(
        (node.stake, node.active_shares, node.self_active_shares),
        (500 * TOKENS, 500 * TOKENS, 500 * TOKENS)
    );
    assert_eq!((node.unbonding_shares, node.open_children), (0, 1));
    let own: Delegation = world.read(&delegation(&operator.node, &owner));
    assert_eq!(
        (own.node, own.owner, own.payer, own.active_shares),
        (operator.node, owner, owner, 500 * TOKENS)
    );
    assert_eq!(world.amount(&operator.wallet), 9_500 * TOKENS);
    assert_vault_holds_stake(&world, &operator.node);

    // into the delegation that is there
    let more = world.ok(
        staking.stake(&world, &operator.node, &owner, 7),
        &[&operator.owner],
    );
    // the compute budget instruction of the bench is 150 of it
    lode_tests::costs::figure(
        "stake into an existing delegation",
        more.compute_units_consumed - 150,
    );
    let node: Node = world.read(&operator.node);
    assert_eq!((node.stake, node.open_children), (500 * TOKENS + 7, 1));
    assert_vault_holds_stake(&world, &operator.node);
}

#[test]
fn delegated_stake_is_not_self_stake() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 500 * TOKENS);
    let delegator = staking.wallet(&mut world, 1_000 * TOKENS);
    world.ok(
        staking.stake(&world, &operator.node, &delegator.pubkey(), 900 * TOKENS),
        &[&delegator],
    );
    let node: Node = world.read(&operator.node);
    assert_eq!(
        (node.stake, node.self_active_shares, node.open_children),
        (1_400 * TOKENS, 500 * TOKENS, 2)
    );
    assert!(node.skin_is_in(&read_config(&world)).unwrap());
    assert_vault_holds_stake(&world, &operator.node);
}

#[test]
fn delegated_stake_is_bounded_by_self_stake_to_the_unit() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 100 * TOKENS);
    let delegator = staking.wallet(&mut world, 1_000 * TOKENS);
    let wallet = delegator.pubkey();
    let too_much = staking.stake(&world, &operator.node, &wallet, 500 * TOKENS + 1);
    assert_error(
        world.send_one(too_much, &[&delegator]),
        StakingError::RatioExceeded,
    );
    world.ok(
        staking.stake(&world, &operator.node, &wallet, 500 * TOKENS),
        &[&delegator],
    );
    let one_more = staking.stake(&world, &operator.node, &wallet, 1);
    assert_error(
        world.send_one(one_more, &[&delegator]),
        StakingError::RatioExceeded,
    );
    // the owner may always add, and leave: what he leaves behind shows at accept
    world.ok(
        staking.unstake(&operator.node, &operator.owner.pubkey(), 0, 50 * TOKENS),
        &[&operator.owner],
    );
    let node: Node = world.read(&operator.node);
    assert!(!node.skin_is_in(&read_config(&world)).unwrap());
    world.ok(
        staking.stake(
            &world,
            &operator.node,
            &operator.owner.pubkey(),
            50 * TOKENS,
        ),
        &[&operator.owner],
    );
    assert!(world
        .read::<Node>(&operator.node)
        .skin_is_in(&read_config(&world))
        .unwrap());
}

#[test]
fn amounts_that_buy_nothing_are_refused() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 100 * TOKENS);
    let owner = operator.owner.pubkey();
    let nothing = staking.stake(&world, &operator.node, &owner, 0);
    assert_error(
        world.send_one(nothing, &[&operator.owner]),
        StakingError::AmountTooSmall,
    );
    // more than the wallet holds: the token program's own error
    let too_much = staking.stake(&world, &operator.node, &owner, 10_000 * TOKENS);
    assert_eq!(
        assert_refused(world.send_one(too_much, &[&operator.owner])).code(),
        Some(1)
    );
    let beyond = staking.stake(&world, &operator.node, &owner, u64::MAX);
    assert_error(
        world.send_one(beyond, &[&operator.owner]),
        StakingError::Overflow,
    );

    // a pool that slashes ruined
    let mut node: Node = world.read(&operator.node);
    node.stake = node.active_shares / 1_025;
    world.write(&operator.node, &node);
    let stake = staking.stake(&world, &operator.node, &owner, TOKENS);
    assert_error(
        world.send_one(stake.clone(), &[&operator.owner]),
        StakingError::PoolRuined,
    );
    node.stake = 0;
    world.write(&operator.node, &node);
    assert_error(
        world.send_one(stake, &[&operator.owner]),
        StakingError::PoolRuined,
    );
}

#[test]
fn jailed_and_leaving_nodes_take_no_stake() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 100 * TOKENS);
    let stake = staking.stake(&world, &operator.node, &operator.owner.pubkey(), TOKENS);
    let node: Node = world.read(&operator.node);
    // jailed until the owner unjails, also when the time is up
    world.write(
        &operator.node,
        &Node {
            jailed_until: START - 1,
            ..node
        },
    );
    assert_error(
        world.send_one(stake.clone(), &[&operator.owner]),
        StakingError::NodeJailed,
    );
    world.write(
        &operator.node,
        &Node {
            status: NodeStatus::Exiting as u8,
            ..node
        },
    );
    assert_error(
        world.send_one(stake, &[&operator.owner]),
        StakingError::NodeExiting,
    );
}

#[test]
fn foreign_and_forged_accounts_are_refused() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 100 * TOKENS);
    let other = staking.staked_operator(&mut world, 100 * TOKENS);
    let owner = operator.owner.pubkey();
    let stake = staking.stake(&world, &operator.node, &owner, TOKENS);
    let mut tries = vec![
        (
            "a configuration of another program",
            1,
            world.foreign_owned(&config()),
        ),
        (
            "a node of another program",
            2,
            world.foreign_owned(&operator.node),
        ),
        ("a look-alike node", 2, world.look_alike(&operator.node)),
        ("another node's vault", 4, vault(&other.node)),
        (
            "another wallet's delegation",
            3,
            delegation(&operator.node, &other.owner.pubkey()),
        ),
        (
            "a delegation on another node",
            3,
            delegation(&other.node, &owner),
        ),
        ("money of another wallet", 5, other.wallet),
        ("another token program", 7, TOKEN_2022),
    ];
    let other_mint = world.mint(&TOKEN);
    tries.push(("another mint", 6, other_mint));
    for (what, index, account) in tries {
        let sent = world.send_one(
            with_account(stake.clone(), index, account),
            &[&operator.owner],
        );
        assert!(sent.is_err(), "{what} went through");
    }
    for index in [2, 3, 4, 5] {
        assert_refused(world.send_one(read_only(stake.clone(), index), &[&operator.owner]));
    }
    assert_refused(world.send_one(unsigned(stake, 0), &[]));
    assert_eq!(world.read::<Node>(&operator.node).stake, 100 * TOKENS);
    assert_eq!(world.read::<Node>(&other.node).stake, 100 * TOKENS);
}

#[test]
fn the_vault_is_no_source_of_stake() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 100 * TOKENS);
    let stake = staking.stake(&world, &operator.node, &operator.owner.pubkey(), TOKENS);
    // the same account twice, once as source and once as destination
    let twice = with_account(stake, 5, vault(&operator.node));
    assert_refused(world.send_one(twice, &[&operator.owner]));
    assert_vault_holds_stake(&world, &operator.node);
}

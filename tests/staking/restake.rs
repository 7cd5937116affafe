use lode_staking::error::StakingError;
use lode_staking::state::{Delegation, Node};
use lode_tests::staking::*;
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn the_same_shares_come_back_and_the_tickets_rent_with_them() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 500 * TOKENS);
    let owner = operator.owner.pubkey();
    let before: Node = world.read(&operator.node);
    world.ok(
        staking.unstake(&operator.node, &owner, 0, 200 * TOKENS),
        &[&operator.owner],
    );
    let at = ticket(&delegation(&operator.node, &owner), 0);
    let (rent, lamports) = (world.lamports(&at), world.lamports(&owner));
    // a pause stops new stake; this is stake that is there
    let mut paused = read_config(&world);
    paused.paused_until = world.now() + DAY;
    world.write(&config(), &paused);
    world.ok(
        staking.restake(&operator.node, &owner, 0),
        &[&operator.owner],
    );
    assert_eq!(
        bytemuck::bytes_of(&world.read::<Node>(&operator.node)),
        bytemuck::bytes_of(&before)
    );
    let own: Delegation = world.read(&delegation(&operator.node, &owner));
    assert_eq!(
        (own.active_shares, own.open_tickets, own.next_ticket),
        (500 * TOKENS, 0, 1)
    );
    assert!(!world.exists(&at));
    assert_eq!(world.lamports(&owner), lamports + rent);
    assert_vault_holds_stake(&world, &operator.node);
}

#[test]
fn it_is_refused_wherever_stake_would_be() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 100 * TOKENS);
    let delegator = staking.delegator(&mut world, &operator.node, 500 * TOKENS);
    let wallet = delegator.pubkey();
    world.ok(
        staking.unstake(&operator.node, &wallet, 0, TOKENS),
        &[&delegator],
    );
    let restake = staking.restake(&operator.node, &wallet, 0);
    let node: Node = world.read(&operator.node);
    for (changed, error) in [
        (
            Node {
                jailed_until: 1,
                ..node
            },
            StakingError::NodeJailed,
        ),
        (Node { status: 1, ..node }, StakingError::NodeExiting),
        (Node { stake: 0, ..node }, StakingError::PoolRuined),
        (
            Node {
                stake: 600 * TOKENS / 1_025,
                ..node
            },
            StakingError::PoolRuined,
        ),
    ] {
        world.write(&operator.node, &changed);
        assert_error(world.send_one(restake.clone(), &[&delegator]), error);
    }
    world.write(&operator.node, &node);
    // the owner left with two tokens: the ratio holds no more
    for number in 0..2 {
        world.ok(
            staking.unstake(&operator.node, &operator.owner.pubkey(), number, TOKENS),
            &[&operator.owner],
        );
    }
    assert_error(
        world.send_one(restake.clone(), &[&delegator]),
        StakingError::RatioExceeded,
    );
    // the owner may always come back, also by less than it takes to make the ratio hold
    world.ok(
        staking.restake(&operator.node, &operator.owner.pubkey(), 0),
        &[&operator.owner],
    );
    let more = staking.stake(&world, &operator.node, &operator.owner.pubkey(), 1);
    world.ok(more, &[&operator.owner]);
    assert_error(
        world.send_one(restake.clone(), &[&delegator]),
        StakingError::RatioExceeded,
    );
    world.ok(
        staking.restake(&operator.node, &operator.owner.pubkey(), 1),
        &[&operator.owner],
    );
    world.ok(restake, &[&delegator]);
    assert_eq!(
        world.read::<Node>(&operator.node).active_shares,
        600 * TOKENS + 1
    );
}

#[test]
fn tickets_come_back_to_their_own_delegation_only() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 100 * TOKENS);
    let other = staking.staked_operator(&mut world, 100 * TOKENS);
    let delegator = staking.delegator(&mut world, &operator.node, 50 * TOKENS);
    let (owner, wallet) = (operator.owner.pubkey(), delegator.pubkey());
    world.ok(
        staking.unstake(&operator.node, &owner, 0, TOKENS),
        &[&operator.owner],
    );
    let restake = staking.restake(&operator.node, &owner, 0);
    assert_error(
        world.send_one(with_account(restake.clone(), 0, wallet), &[&delegator]),
        StakingError::NotDelegator,
    );
    for (index, account, error) in [
        (3, wallet, StakingError::WrongPayer),
        (4, other.node, StakingError::ForeignAccount),
        (
            5,
            delegation(&operator.node, &wallet),
            StakingError::ForeignAccount,
        ),
    ] {
        assert_error(
            world.send_one(
                with_account(restake.clone(), index, account),
                &[&operator.owner],
            ),
            error,
        );
    }
    for (index, account) in [
        (1, world.foreign_owned(&config())),
        (
            2,
            world.foreign_owned(&ticket(&delegation(&operator.node, &owner), 0)),
        ),
    ] {
        assert_refused(world.send_one(
            with_account(restake.clone(), index, account),
            &[&operator.owner],
        ));
    }
    assert_refused(world.send_one(unsigned(restake.clone(), 0), &[]));
    for index in [2, 3, 4, 5] {
        assert_refused(world.send_one(read_only(restake.clone(), index), &[&operator.owner]));
    }
    world.ok(restake.clone(), &[&operator.owner]);
    // once
    assert_refused(world.send_one(restake, &[&operator.owner]));
}

use lode_staking::error::StakingError;
use lode_staking::state::Node;
use lode_tests::staking::*;
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn the_owner_alone_takes_the_node_back_into_service_when_the_time_is_up() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 200 * TOKENS);
    let (node, owner) = (operator.node, operator.owner.pubkey());
    let free = unjail(&owner, &node);
    assert_error(
        world.send_one(free.clone(), &[&operator.owner]),
        StakingError::NotJailed,
    );
    world
        .send_as_program(staking.slash(&node, 100, START))
        .unwrap();
    world.pass_seconds(7 * DAY - 1);
    assert_error(
        world.send_one(free.clone(), &[&operator.owner]),
        StakingError::JailNotOver,
    );
    world.pass_seconds(1);
    // time alone frees nobody
    assert_error(
        world.send_one(
            staking.stake(&world, &node, &owner, TOKENS),
            &[&operator.owner],
        ),
        StakingError::NodeJailed,
    );
    assert_error(
        world.send_one(
            unjail(&operator.worker.pubkey(), &node),
            &[&operator.worker],
        ),
        StakingError::NotOwner,
    );
    assert_refused(world.send_one(unsigned(free.clone(), 0), &[]));
    assert_refused(world.send_one(read_only(free.clone(), 1), &[&operator.owner]));
    let foreign = world.foreign_owned(&node);
    assert_refused(world.send_one(with_account(free.clone(), 1, foreign), &[&operator.owner]));
    world.ok(free, &[&operator.owner]);
    world.ok(
        staking.stake(&world, &node, &owner, TOKENS),
        &[&operator.owner],
    );
    // what was before the jail stays punished
    let state: Node = world.read(&node);
    world
        .send_as_program(staking.slash(&node, 100, START))
        .unwrap();
    assert_eq!(world.read::<Node>(&node).stake, state.stake);
}

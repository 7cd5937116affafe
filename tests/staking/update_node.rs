use lode_staking::error::StakingError;
use lode_staking::state::Node;
use lode_staking::NodeDescription;
use lode_tests::staking::*;
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn only_the_owner_describes_his_node_and_nothing_else_changes() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 100 * TOKENS);
    let other = staking.operator(&mut world);
    let args = NodeDescription {
        class: 9,
        cores: 128,
        memory_mib: 1,
        metadata: [8; 32],
        encryption_key: [7; 32],
    };
    let before: Node = world.read(&operator.node);
    let update = update_node(&operator.owner.pubkey(), &operator.node, args);
    for stranger in [&operator.worker, &other.owner] {
        assert_error(
            world.send_one(
                update_node(&stranger.pubkey(), &operator.node, args),
                &[stranger],
            ),
            StakingError::NotOwner,
        );
    }
    assert_refused(world.send_one(unsigned(update.clone(), 0), &[]));
    assert_refused(world.send_one(read_only(update.clone(), 1), &[&operator.owner]));
    let foreign = world.foreign_owned(&operator.node);
    assert_refused(world.send_one(with_account(update.clone(), 1, foreign), &[&operator.owner]));
    world.ok(update, &[&operator.owner]);
    assert_eq!(
        bytemuck::bytes_of(&world.read::<Node>(&operator.node)),
        bytemuck::bytes_of(&Node {
            class: 9,
            cores: 128,
            memory_mib: 1,
            metadata: [8; 32],
            encryption_key: [7; 32],
            ..before
        })
    );
}

use lode_staking::error::StakingError;
use lode_staking::state::{Node, NodeDescription};
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
        region: *b"US",
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
            region: *b"US",
            metadata: [8; 32],
            encryption_key: [7; 32],
            ..before
        })
    );
}

#[test]
fn a_region_is_two_capital_letters_or_nothing() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.operator(&mut world);
    let owner = operator.owner.pubkey();
    let says = |region: [u8; 2]| NodeDescription {
        region,
        ..NodeDescription::default()
    };
    for bad in [*b"de", *b"D1", *b"D\0", *b"\0D", [0xC3, 0x84]] {
        let update = update_node(&owner, &operator.node, says(bad));
        assert_error(
            world.send_one(update, &[&operator.owner]),
            StakingError::BadRegion,
        );
        let mut args = node_args(&operator.worker.pubkey());
        (args.index, args.description) = (1, says(bad));
        assert_error(
            world.send_one(
                staking.register_node(&world, &owner, args),
                &[&operator.owner],
            ),
            StakingError::BadRegion,
        );
    }
    for good in [*b"AA", *b"ZZ", [0; 2]] {
        let update = update_node(&owner, &operator.node, says(good));
        world.ok(update, &[&operator.owner]);
        assert_eq!(world.read::<Node>(&operator.node).region, good);
    }
}

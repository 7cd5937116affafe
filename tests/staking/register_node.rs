use lode_staking::error::StakingError;
use lode_staking::state::{Node, NodeStatus};
use lode_tests::staking::*;
use lode_tests::*;
use solana_address::Address;
use solana_signer::Signer;

#[test]
fn an_owner_registers_a_node_with_a_vault_of_its_own() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.operator(&mut world);
    let node: Node = world.read(&operator.node);
    assert_eq!(node.version, 1);
    assert_eq!(node.status, NodeStatus::Active as u8);
    assert_eq!(node.owner, operator.owner.pubkey());
    assert_eq!(node.worker, operator.worker.pubkey());
    assert_eq!(node.payout, operator.wallet);
    assert_eq!(node.payer, operator.owner.pubkey());
    assert_eq!((node.class, node.cores, node.memory_mib), (2, 4, 8_192));
    assert_eq!(node.region, *b"DE");
    assert_eq!((node.metadata, node.encryption_key), ([3; 32], [4; 32]));
    assert_eq!((node.stake, node.active_shares), (0, 0));
    let vault = world.svm.get_account(&vault(&operator.node)).unwrap();
    assert_eq!(&vault.data[..32], staking.mint.as_ref());
    assert_eq!(&vault.data[32..64], operator.node.as_ref());
}

#[test]
fn a_node_is_registered_once() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.operator(&mut world);
    let owner = operator.owner.pubkey();
    let again = staking.register_node(&world, &owner, node_args(&Address::new_from_array([8; 32])));
    assert_refused(world.send_one(again, &[&operator.owner]));
    let mut second = node_args(&Address::new_from_array([8; 32]));
    second.index = 1;
    world.ok(
        staking.register_node(&world, &owner, second),
        &[&operator.owner],
    );
    assert_eq!(world.read::<Node>(&node(&owner, 1)).index, 1);
}

#[test]
fn the_worker_is_neither_the_owner_nor_nobody() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let owner = staking.wallet(&mut world, 0);
    for worker in [owner.pubkey(), Address::default()] {
        let register = staking.register_node(&world, &owner.pubkey(), node_args(&worker));
        assert_error(
            world.send_one(register, &[&owner]),
            StakingError::WrongWorker,
        );
    }
}

#[test]
fn the_payout_account_is_of_the_stake_mint_and_the_owners() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let owner = staking.wallet(&mut world, 0);
    let register = staking.register_node(
        &world,
        &owner.pubkey(),
        node_args(&Address::new_from_array([8; 32])),
    );
    let other_mint = world.mint(&TOKEN);
    let foreign = world.token_account(&staking.mint, &Address::new_unique(), 0);
    let wrong_mint = world.token_account(&other_mint, &owner.pubkey(), 0);
    for payout in [foreign, wrong_mint] {
        assert_error(
            world.send_one(with_account(register.clone(), 5, payout), &[&owner]),
            StakingError::WrongPayout,
        );
    }
    assert_error(
        world.send_one(with_account(register.clone(), 4, other_mint), &[&owner]),
        StakingError::WrongMint,
    );
    // a token account that no token program wrote
    let real = world.associated(&owner.pubkey(), &staking.mint);
    let forged = world.foreign_owned(&real);
    assert_refused(world.send_one(with_account(register, 5, forged), &[&owner]));
}

#[test]
fn look_alikes_and_missing_signatures_are_refused() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let owner = staking.wallet(&mut world, 0);
    let register = staking.register_node(
        &world,
        &owner.pubkey(),
        node_args(&Address::new_from_array([8; 32])),
    );
    let config = world.foreign_owned(&config());
    assert_refused(world.send_one(with_account(register.clone(), 1, config), &[&owner]));
    assert_refused(world.send_one(unsigned(register.clone(), 0), &[]));
    assert_refused(world.send_one(read_only(register.clone(), 2), &[&owner]));
    let elsewhere = Address::new_unique();
    assert_refused(world.send_one(with_account(register.clone(), 2, elsewhere), &[&owner]));
    assert_refused(world.send_one(with_account(register.clone(), 3, elsewhere), &[&owner]));
    assert_refused(world.send_one(with_account(register, 6, TOKEN_2022), &[&owner]));
}

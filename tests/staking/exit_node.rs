use lode_staking::error::StakingError;
use lode_staking::state::Node;
use lode_tests::staking::*;
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn only_the_owner_takes_his_node_out_and_only_once() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 100 * TOKENS);
    let (node, owner) = (operator.node, operator.owner.pubkey());
    let exit = exit_node(&owner, &node);
    assert_error(
        world.send_one(
            exit_node(&operator.worker.pubkey(), &node),
            &[&operator.worker],
        ),
        StakingError::NotOwner,
    );
    assert_refused(world.send_one(unsigned(exit.clone(), 0), &[]));
    assert_refused(world.send_one(read_only(exit.clone(), 1), &[&operator.owner]));
    let foreign = world.foreign_owned(&node);
    assert_refused(world.send_one(with_account(exit.clone(), 1, foreign), &[&operator.owner]));
    world.ok(exit.clone(), &[&operator.owner]);
    assert!(world.read::<Node>(&node).is_exiting());
    assert_error(
        world.send_one(exit, &[&operator.owner]),
        StakingError::NodeExiting,
    );
    assert_error(
        world.send_one(
            staking.stake(&world, &node, &owner, TOKENS),
            &[&operator.owner],
        ),
        StakingError::NodeExiting,
    );
}

#[test]
fn after_everyone_has_left_the_vault_is_empty_and_every_rent_is_back() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let (owner, worker) = (
        staking.wallet(&mut world, 10_000 * TOKENS),
        solana_keypair::Keypair::new(),
    );
    let at = owner.pubkey();
    let lamports = world.lamports(&at);
    world.ok(
        staking.register_node(&world, &at, node_args(&worker.pubkey())),
        &[&owner],
    );
    let node = node(&at, 0);
    world.ok(staking.stake(&world, &node, &at, 1_000 * TOKENS), &[&owner]);
    // two delegators; one loses his key, the other goes by himself
    let lost = staking.delegator(&mut world, &node, 333 * TOKENS);
    let leaver = staking.delegator(&mut world, &node, 777 * TOKENS);
    let (lost, left) = (lost.pubkey(), leaver.pubkey());
    world.ok(set_commission(&at, &node, 500), &[&owner]);
    world.pass_seconds(14 * DAY);
    let supply = world.supply(&staking.mint);
    staking.reward(&mut world, &node, 1_000_003);
    world.pass_seconds(DAY / 3);
    world
        .send_as_program(staking.slash(&node, 333, world.now()))
        .unwrap();
    world.ok(staking.unstake(&node, &left, 0, 777 * TOKENS), &[&leaver]);
    // no pause keeps anybody in
    let mut paused = read_config(&world);
    paused.paused_until = i64::MAX;
    world.write(&config(), &paused);
    world.ok(exit_node(&at, &node), &[&owner]);
    world.pass_seconds(12 * DAY);
    let helper = world.wallet();
    let helped = world.lamports(&helper.pubkey());
    world.ok(
        staking.force_unstake(&node, &lost, 0, &helper.pubkey()),
        &[&helper],
    );
    world.ok(
        staking.force_unstake(&node, &at, 0, &helper.pubkey()),
        &[&helper],
    );
    assert_error(
        world.send_one(staking.close_node(&world, &node, &at), &[&owner]),
        StakingError::ChildrenOpen,
    );
    world.pass_seconds(14 * DAY);
    for (wallet, payer) in [(lost, helper.pubkey()), (at, helper.pubkey()), (left, left)] {
        let mut withdraw = staking.withdraw(&world, &node, &wallet, 0);
        withdraw.accounts[2].pubkey = payer;
        world.ok(withdraw, &[]);
        world.ok(staking.claim_rewards(&world, &node, &wallet), &[]);
        world.ok(close_delegation(&node, &wallet, &wallet), &[]);
    }
    world.ok(staking.close_node(&world, &node, &at), &[&owner]);
    assert!(!world.exists(&node) && !world.exists(&vault(&node)));
    for wallet in [lost, at, left] {
        assert!(!world.exists(&delegation(&node, &wallet)));
        assert!(!world.exists(&ticket(&delegation(&node, &wallet), 0)));
    }
    assert_eq!(world.lamports(&at), lamports);
    assert_eq!(world.lamports(&helper.pubkey()), helped);
    // nothing was lost or made: what is not burned is in the three wallets
    let burned = 2_110 * TOKENS * 333 / 10_000;
    let held: u64 = [at, lost, left]
        .iter()
        .map(|wallet| world.amount(&world.associated(wallet, &staking.mint)))
        .sum();
    assert_eq!(held, world.supply(&staking.mint));
    assert_eq!(held, supply + 1_000_003 - burned);
    // and the same node may begin again
    let mut open = read_config(&world);
    open.paused_until = 0;
    world.write(&config(), &open);
    world.ok(
        staking.register_node(&world, &at, node_args(&worker.pubkey())),
        &[&owner],
    );
}

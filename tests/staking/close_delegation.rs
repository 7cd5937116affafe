use lode_staking::error::StakingError;
use lode_staking::state::Node;
use lode_tests::staking::*;
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn only_an_empty_delegation_closes_and_its_rent_returns() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 100 * TOKENS);
    let other = staking.staked_operator(&mut world, 100 * TOKENS);
    let node = operator.node;
    let delegator = staking.wallet(&mut world, 100 * TOKENS);
    let wallet = delegator.pubkey();
    let lamports = world.lamports(&wallet);
    world.ok(
        staking.stake(&world, &node, &wallet, 100 * TOKENS),
        &[&delegator],
    );
    staking.reward(&mut world, &node, 86_400);
    world.pass_seconds(DAY);
    let close = close_delegation(&node, &wallet, &wallet);
    assert_error(
        world.send_one(close.clone(), &[]),
        StakingError::StillStaked,
    );
    world.ok(
        staking.unstake(&node, &wallet, 0, 100 * TOKENS),
        &[&delegator],
    );
    assert_error(
        world.send_one(close.clone(), &[]),
        StakingError::StillStaked,
    );
    world.pass_seconds(14 * DAY);
    world.ok(staking.withdraw(&world, &node, &wallet, 0), &[]);
    assert_error(
        world.send_one(close.clone(), &[]),
        StakingError::RewardsUnclaimed,
    );
    world.ok(staking.claim_rewards(&world, &node, &wallet), &[]);
    assert_error(
        world.send_one(with_account(close.clone(), 1, other.owner.pubkey()), &[]),
        StakingError::WrongPayer,
    );
    assert_error(
        world.send_one(with_account(close.clone(), 2, other.node), &[]),
        StakingError::ForeignAccount,
    );
    let foreign = world.foreign_owned(&delegation(&node, &wallet));
    assert_refused(world.send_one(with_account(close.clone(), 0, foreign), &[]));
    for index in [0, 1, 2] {
        assert_refused(world.send_one(read_only(close.clone(), index), &[]));
    }
    world.ok(close, &[]);
    assert_eq!(world.lamports(&wallet), lamports);
    assert_eq!(world.read::<Node>(&node).open_children, 1);
    // who comes back begins anew
    world.ok(
        staking.stake(&world, &node, &wallet, 50 * TOKENS),
        &[&delegator],
    );
    assert_eq!(world.read::<Node>(&node).open_children, 2);
}

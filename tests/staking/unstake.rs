use lode_staking::error::StakingError;
use lode_staking::state::{Delegation, Node, Unbonding};
use lode_tests::staking::*;
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn shares_move_to_a_ticket_with_a_time_of_its_own() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 500 * TOKENS);
    let owner = operator.owner.pubkey();
    world.ok(
        staking.unstake(&operator.node, &owner, 0, 200 * TOKENS),
        &[&operator.owner],
    );
    let node: Node = world.read(&operator.node);
    assert_eq!(
        (
            node.active_shares,
            node.unbonding_shares,
            node.self_active_shares
        ),
        (300 * TOKENS, 200 * TOKENS, 300 * TOKENS)
    );
    assert_eq!((node.stake, node.open_children), (500 * TOKENS, 2));
    let at = delegation(&operator.node, &owner);
    let ticket: Unbonding = world.read(&ticket(&at, 0));
    assert_eq!(
        (ticket.node, ticket.delegation, ticket.owner, ticket.payer),
        (operator.node, at, owner, owner)
    );
    assert_eq!(
        (ticket.shares, ticket.release_at),
        (200 * TOKENS, START + 14 * DAY)
    );
    let own: Delegation = world.read(&at);
    assert_eq!(
        (own.active_shares, own.next_ticket, own.open_tickets),
        (300 * TOKENS, 1, 1)
    );
    // a second ticket has the next index
    world.ok(
        staking.unstake(&operator.node, &owner, 1, 300 * TOKENS),
        &[&operator.owner],
    );
    assert_eq!(world.read::<Node>(&operator.node).active_shares, 0);
}

#[test]
fn nobody_unstakes_more_than_he_has_nor_what_is_anothers() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 500 * TOKENS);
    let delegator = staking.wallet(&mut world, 100 * TOKENS);
    let wallet = delegator.pubkey();
    world.ok(
        staking.stake(&world, &operator.node, &wallet, 100 * TOKENS),
        &[&delegator],
    );
    let owner = operator.owner.pubkey();

    let nothing = staking.unstake(&operator.node, &wallet, 0, 0);
    assert_error(
        world.send_one(nothing, &[&delegator]),
        StakingError::AmountTooSmall,
    );
    // the node has as many shares, the delegation has not
    let too_much = staking.unstake(&operator.node, &wallet, 0, 100 * TOKENS + 1);
    assert_error(
        world.send_one(too_much, &[&delegator]),
        StakingError::NotEnoughShares,
    );
    let beyond = staking.unstake(&operator.node, &owner, 0, u64::MAX);
    assert_error(
        world.send_one(beyond, &[&operator.owner]),
        StakingError::NotEnoughShares,
    );

    let mut anothers = staking.unstake(&operator.node, &owner, 0, TOKENS);
    anothers.accounts[0].pubkey = wallet;
    assert_error(
        world.send_one(anothers, &[&delegator]),
        StakingError::NotDelegator,
    );
    let other = staking.staked_operator(&mut world, 100 * TOKENS);
    let elsewhere = with_account(
        staking.unstake(&operator.node, &wallet, 0, TOKENS),
        2,
        other.node,
    );
    assert_error(
        world.send_one(elsewhere, &[&delegator]),
        StakingError::ForeignAccount,
    );
    let unstake = staking.unstake(&operator.node, &wallet, 0, TOKENS);
    assert_refused(world.send_one(unsigned(unstake.clone(), 0), &[]));
    let config = world.foreign_owned(&config());
    assert_refused(world.send_one(with_account(unstake.clone(), 1, config), &[&delegator]));
    for index in [2, 3, 4] {
        assert_refused(world.send_one(read_only(unstake.clone(), index), &[&delegator]));
    }
    world.ok(unstake, &[&delegator]);
}

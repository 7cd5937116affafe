use lode_staking::error::StakingError;
use lode_staking::state::{Delegation, Node, Unbonding};
use lode_tests::staking::*;
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn anyone_begins_the_way_out_of_a_leaving_node_and_gets_the_rent_back() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 100 * TOKENS);
    let node = operator.node;
    let delegator = staking.delegator(&mut world, &node, 50 * TOKENS);
    let wallet = delegator.pubkey();
    let stranger = world.wallet();
    let force = staking.force_unstake(&node, &wallet, 0, &stranger.pubkey());
    assert_error(
        world.send_one(force.clone(), &[&stranger]),
        StakingError::NodeNotExiting,
    );
    world.ok(
        exit_node(&operator.owner.pubkey(), &node),
        &[&operator.owner],
    );
    staking.reward(&mut world, &node, 300 * TOKENS);
    // Not before what it worked for last has reached its delegators: else the operator would push them out and keep it.
    // Eight days for its last jobs, four epochs of a day for their rewards.
    world.pass_seconds(12 * DAY - 1);
    for (payer, index) in [(&stranger, 0), (&operator.owner, 0)] {
        let early = staking.force_unstake(&node, &wallet, index, &payer.pubkey());
        assert_error(world.send_one(early, &[payer]), StakingError::ExitTooFresh);
    }
    world.pass_seconds(1);
    world.ok(force.clone(), &[&stranger]);
    let at = delegation(&node, &wallet);
    let forced: Unbonding = world.read(&ticket(&at, 0));
    assert_eq!(
        (forced.owner, forced.payer, forced.shares, forced.release_at),
        (
            wallet,
            stranger.pubkey(),
            50 * TOKENS,
            START + 12 * DAY + 14 * DAY
        )
    );
    let left: Delegation = world.read(&at);
    assert_eq!((left.active_shares, left.open_tickets), (0, 1));
    // what was earned until then is kept
    assert_eq!(left.rewards_pending, 100 * TOKENS);
    let state: Node = world.read(&node);
    assert_eq!(
        (
            state.active_shares,
            state.self_active_shares,
            state.unbonding_shares
        ),
        (100 * TOKENS, 100 * TOKENS, 50 * TOKENS)
    );
    // nothing is left to force
    assert_error(
        world.send_one(
            staking.force_unstake(&node, &wallet, 1, &stranger.pubkey()),
            &[&stranger],
        ),
        StakingError::AmountTooSmall,
    );
    world.pass_seconds(14 * DAY);
    let before = world.lamports(&stranger.pubkey());
    let mut withdraw = staking.withdraw(&world, &node, &wallet, 0);
    assert_error(
        world.send_one(withdraw.clone(), &[]),
        StakingError::WrongPayer,
    );
    withdraw.accounts[2].pubkey = stranger.pubkey();
    world.ok(withdraw, &[]);
    assert!(world.lamports(&stranger.pubkey()) > before);
    assert_eq!(
        world.amount(&world.associated(&wallet, &staking.mint)),
        50 * TOKENS
    );
}

#[test]
fn a_leaving_node_is_no_way_into_another() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 100 * TOKENS);
    let other = staking.staked_operator(&mut world, 100 * TOKENS);
    let node = operator.node;
    world.ok(
        exit_node(&operator.owner.pubkey(), &node),
        &[&operator.owner],
    );
    world.pass_seconds(12 * DAY);
    let stranger = world.wallet();
    let staying = staking.force_unstake(&other.node, &other.owner.pubkey(), 0, &stranger.pubkey());
    assert_error(
        world.send_one(with_account(staying, 2, node), &[&stranger]),
        StakingError::ForeignAccount,
    );
    let force = staking.force_unstake(&node, &operator.owner.pubkey(), 0, &stranger.pubkey());
    for (index, account) in [
        (1, world.foreign_owned(&config())),
        (2, world.look_alike(&node)),
        (
            3,
            world.foreign_owned(&delegation(&node, &operator.owner.pubkey())),
        ),
    ] {
        assert_refused(world.send_one(with_account(force.clone(), index, account), &[&stranger]));
    }
    assert_refused(world.send_one(unsigned(force.clone(), 0), &[]));
    for index in [0, 2, 3, 4] {
        assert_refused(world.send_one(read_only(force.clone(), index), &[&stranger]));
    }
    world.ok(force, &[&stranger]);
}

use lode_staking::error::StakingError;
use lode_staking::state::{Delegation, Node};
use lode_tests::staking::*;
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn anyone_has_a_wallet_paid_what_its_shares_earned() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 300 * TOKENS);
    let (node, owner) = (operator.node, operator.owner.pubkey());
    let delegator = staking.delegator(&mut world, &node, 100 * TOKENS);
    let wallet = delegator.pubkey();
    let paid_to = world.associated(&wallet, &staking.mint);
    staking.reward(&mut world, &node, 86_400 * TOKENS);
    world.pass_seconds(DAY / 2);
    // who joins later earns nothing of what was before
    let late = staking.delegator(&mut world, &node, 400 * TOKENS);
    let claimed = world.ok(staking.claim_rewards(&world, &node, &wallet), &[]);
    lode_tests::costs::figure("claim rewards", claimed.compute_units_consumed - 150);
    assert_eq!(world.amount(&paid_to), 43_200 / 4 * TOKENS);
    world.pass_seconds(DAY);
    world.ok(staking.claim_rewards(&world, &node, &wallet), &[]);
    world.ok(staking.claim_rewards(&world, &node, &owner), &[]);
    world.ok(staking.claim_rewards(&world, &node, &late.pubkey()), &[]);
    assert_eq!(world.amount(&paid_to), (43_200 / 4 + 43_200 / 8) * TOKENS);
    assert_eq!(
        world.amount(&operator.wallet),
        (9_700 + 43_200 * 3 / 4 + 43_200 * 3 / 8) * TOKENS
    );
    assert_eq!(
        world.amount(&world.associated(&late.pubkey(), &staking.mint)),
        43_200 / 2 * TOKENS
    );
    let state: Node = world.read(&node);
    assert_eq!((state.stream_left, state.rewards_owed), (0, 0));
    assert_vault_holds_what_is_booked(&world, &node);
}

#[test]
fn what_was_earned_survives_staking_more_and_leaving() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 300 * TOKENS);
    let (node, owner) = (operator.node, operator.owner.pubkey());
    staking.reward(&mut world, &node, 86_400);
    world.pass_seconds(100);
    world.ok(
        staking.stake(&world, &node, &owner, TOKENS),
        &[&operator.owner],
    );
    world.pass_seconds(100);
    world.ok(
        staking.unstake(&node, &owner, 0, 301 * TOKENS),
        &[&operator.owner],
    );
    let own: Delegation = world.read(&delegation(&node, &owner));
    // each booking rounds down, by less than a unit
    assert!((198..=200).contains(&own.rewards_pending));
    world.ok(staking.claim_rewards(&world, &node, &owner), &[]);
    assert_eq!(
        world.amount(&operator.wallet),
        9_699 * TOKENS + own.rewards_pending
    );
}

#[test]
fn a_claim_worth_nothing_moves_no_checkpoint() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 300 * TOKENS);
    let node = operator.node;
    let small = staking.delegator(&mut world, &node, TOKENS);
    let wallet = small.pubkey();
    let to = world.associated(&wallet, &staking.mint);
    // one unit in 301 seconds for the small delegation; a stranger claims every 60
    staking.reward(&mut world, &node, 86_400);
    for _ in 0..12 {
        world.pass_seconds(60);
        world.ok(staking.claim_rewards(&world, &node, &wallet), &[]);
    }
    assert_eq!(world.amount(&to), 2);
}

#[test]
fn rewards_go_to_the_wallet_or_to_the_owners_payout_and_nowhere_else() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 300 * TOKENS);
    let other = staking.staked_operator(&mut world, 300 * TOKENS);
    let (node, owner) = (operator.node, operator.owner.pubkey());
    let delegator = staking.delegator(&mut world, &node, 100 * TOKENS);
    let wallet = delegator.pubkey();
    staking.reward(&mut world, &node, 4_000 * TOKENS);
    world.pass_seconds(DAY);
    let claim = staking.claim_rewards(&world, &node, &wallet);
    let second = world.token_account(&staking.mint, &wallet, 0);
    for to in [second, operator.wallet, other.wallet, vault(&other.node)] {
        assert_error(
            world.send_one(with_account(claim.clone(), 3, to), &[]),
            StakingError::WrongDestination,
        );
    }
    // the owner's own may go to his payout account, a delegator's may not
    let payout = world.token_account(&staking.mint, &owner, 0);
    let state: Node = world.read(&node);
    world.write(&node, &Node { payout, ..state });
    assert_error(
        world.send_one(with_account(claim.clone(), 3, payout), &[]),
        StakingError::WrongDestination,
    );
    let own = staking.claim_rewards(&world, &node, &owner);
    let mut given = world.svm.get_account(&payout).unwrap();
    let kept = given.clone();
    given.data[32..64].copy_from_slice(wallet.as_ref());
    world.svm.set_account(payout, given).unwrap();
    assert_error(
        world.send_one(with_account(own.clone(), 3, payout), &[]),
        StakingError::WrongDestination,
    );
    world.svm.set_account(payout, kept).unwrap();
    world.ok(with_account(own, 3, payout), &[]);
    assert_eq!(world.amount(&payout), 3_000 * TOKENS);

    assert_error(
        world.send_one(with_account(claim.clone(), 0, other.node), &[]),
        StakingError::ForeignAccount,
    );
    // another mint, to the wallet's account of the one or of the other
    let other_mint = world.mint(&TOKEN);
    let wrong = with_account(claim.clone(), 4, other_mint);
    assert_error(
        world.send_one(wrong.clone(), &[]),
        StakingError::WrongDestination,
    );
    let theirs = world.associated_account(&other_mint, &wallet, 0);
    assert_refused(world.send_one(with_account(wrong, 3, theirs), &[]));
    // the payout account is bound by its address alone: the mint is the token program's to refuse
    let mine = staking.claim_rewards(&world, &node, &owner);
    staking.reward(&mut world, &node, 4_000 * TOKENS);
    world.pass_seconds(DAY);
    let mine = with_account(mine, 3, payout);
    assert_refused(world.send_one(with_account(mine.clone(), 4, other_mint), &[]));
    world.ok(mine, &[]);
    for (index, account) in [
        (1, world.foreign_owned(&delegation(&node, &wallet))),
        (2, vault(&other.node)),
        (5, TOKEN_2022),
    ] {
        assert_refused(world.send_one(with_account(claim.clone(), index, account), &[]));
    }
    for index in [0, 1, 2, 3] {
        assert_refused(world.send_one(read_only(claim.clone(), index), &[]));
    }
    world.ok(claim, &[]);
    assert_vault_holds_what_is_booked(&world, &node);
}

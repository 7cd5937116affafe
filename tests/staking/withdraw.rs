use lode_staking::error::StakingError;
use lode_staking::state::Node;
use lode_tests::staking::*;
use lode_tests::*;
use solana_instruction::AccountMeta;
use solana_signer::Signer;

#[test]
fn anyone_pays_a_ticket_out_to_its_wallet_from_its_release_on() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 500 * TOKENS);
    let owner = operator.owner.pubkey();
    world.ok(
        staking.unstake(&operator.node, &owner, 0, 200 * TOKENS),
        &[&operator.owner],
    );
    let withdraw = staking.withdraw(&world, &operator.node, &owner, 0);
    world.pass_seconds(14 * DAY - 1);
    assert_error(
        world.send_one(withdraw.clone(), &[]),
        StakingError::UnbondingNotOver,
    );
    world.pass_seconds(1);
    let (rent, before) = (
        world.lamports(&ticket(&delegation(&operator.node, &owner), 0)),
        world.lamports(&owner),
    );
    assert!(rent > 0);
    // nobody but the fee payer signs
    world.ok(withdraw.clone(), &[]);
    assert_eq!(world.amount(&operator.wallet), 9_700 * TOKENS);
    assert_eq!(world.lamports(&owner), before + rent);
    let node: Node = world.read(&operator.node);
    assert_eq!(
        (node.stake, node.unbonding_shares, node.open_children),
        (300 * TOKENS, 0, 1)
    );
    assert_vault_holds_stake(&world, &operator.node);
    // a ticket is paid once
    assert_refused(world.send_one(withdraw, &[]));
}

#[test]
fn unbonding_stake_is_slashed_too() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 500 * TOKENS);
    let owner = operator.owner.pubkey();
    world.ok(
        staking.unstake(&operator.node, &owner, 0, 200 * TOKENS),
        &[&operator.owner],
    );
    // what a slash of a tenth does: one subtraction from the pool's stake, burned from the vault
    let mut node: Node = world.read(&operator.node);
    node.stake -= 50 * TOKENS;
    world.write(&operator.node, &node);
    world.pass_seconds(14 * DAY);
    world.ok(staking.withdraw(&world, &operator.node, &owner, 0), &[]);
    assert_eq!(
        world.amount(&operator.wallet),
        9_500 * TOKENS + 180 * TOKENS
    );
    assert_eq!(world.read::<Node>(&operator.node).stake, 270 * TOKENS);
}

#[test]
fn the_money_has_one_way_to_go() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 500 * TOKENS);
    let other = staking.staked_operator(&mut world, 500 * TOKENS);
    let owner = operator.owner.pubkey();
    world.ok(
        staking.unstake(&operator.node, &owner, 0, 200 * TOKENS),
        &[&operator.owner],
    );
    world.ok(
        staking.unstake(&other.node, &other.owner.pubkey(), 0, 200 * TOKENS),
        &[&other.owner],
    );
    world.pass_seconds(14 * DAY);
    let withdraw = staking.withdraw(&world, &operator.node, &owner, 0);

    // another account of the wallet's own, an account of a stranger
    let second = world.token_account(&staking.mint, &owner, 0);
    for to in [second, other.wallet] {
        assert_error(
            world.send_one(with_account(withdraw.clone(), 6, to), &[]),
            StakingError::WrongDestination,
        );
    }
    // the associated account, given away
    let mut given = world.svm.get_account(&operator.wallet).unwrap();
    let kept = given.clone();
    given.data[32..64].copy_from_slice(other.owner.pubkey().as_ref());
    world.svm.set_account(operator.wallet, given).unwrap();
    assert_error(
        world.send_one(withdraw.clone(), &[]),
        StakingError::WrongDestination,
    );
    world.svm.set_account(operator.wallet, kept).unwrap();

    let other_delegation = delegation(&other.node, &other.owner.pubkey());
    assert_error(
        world.send_one(with_account(withdraw.clone(), 3, other.node), &[]),
        StakingError::ForeignAccount,
    );
    // another node with the vault of its own: a ticket takes no other node's stake
    let theirs = world.read::<Node>(&other.node).vault;
    let both = with_account(with_account(withdraw.clone(), 3, other.node), 5, theirs);
    assert_error(world.send_one(both, &[]), StakingError::ForeignAccount);
    assert_error(
        world.send_one(with_account(withdraw.clone(), 4, other_delegation), &[]),
        StakingError::ForeignAccount,
    );
    assert_error(
        world.send_one(with_account(withdraw.clone(), 2, other.owner.pubkey()), &[]),
        StakingError::WrongPayer,
    );
    let other_mint = world.mint(&TOKEN);
    assert_error(
        world.send_one(with_account(withdraw.clone(), 7, other_mint), &[]),
        StakingError::WrongMint,
    );
    for (index, account) in [
        (0, world.foreign_owned(&config())),
        (
            1,
            world.foreign_owned(&ticket(&delegation(&operator.node, &owner), 0)),
        ),
        (5, vault(&other.node)),
        (8, TOKEN_2022),
    ] {
        assert_refused(world.send_one(with_account(withdraw.clone(), index, account), &[]));
    }
    for index in [1, 2, 3, 4, 5, 6] {
        assert_refused(world.send_one(read_only(withdraw.clone(), index), &[]));
    }
    world.ok(withdraw, &[]);
    assert_vault_holds_stake(&world, &operator.node);
    assert_vault_holds_stake(&world, &other.node);
}

#[test]
fn a_wallet_whose_associated_account_was_taken_away_is_paid_where_it_says() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 500 * TOKENS);
    let other = staking.staked_operator(&mut world, 500 * TOKENS);
    let owner = operator.owner.pubkey();
    world.ok(
        staking.unstake(&operator.node, &owner, 0, 200 * TOKENS),
        &[&operator.owner],
    );
    let mut taken = world.svm.get_account(&operator.wallet).unwrap();
    taken.data[32..64].copy_from_slice(other.owner.pubkey().as_ref());
    world.svm.set_account(operator.wallet, taken).unwrap();
    let second = world.token_account(&staking.mint, &owner, 0);
    let anyones = staking.withdraw(&world, &operator.node, &owner, 0);
    let by = |wallet, is_signer, to| {
        let mut withdraw = with_account(anyones.clone(), 6, to);
        withdraw.accounts[9] = AccountMeta::new_readonly(wallet, is_signer);
        withdraw
    };
    // not sooner by its signature
    assert_error(
        world.send_one(by(owner, true, second), &[&operator.owner]),
        StakingError::UnbondingNotOver,
    );
    world.pass_seconds(14 * DAY);
    assert_error(
        world.send_one(anyones.clone(), &[]),
        StakingError::WrongDestination,
    );
    // nobody else's word, nor the wallet's name without its signature
    assert_error(
        world.send_one(
            by(other.owner.pubkey(), true, other.wallet),
            &[&other.owner],
        ),
        StakingError::NotDelegator,
    );
    assert_refused(world.send_one(by(owner, false, second), &[]));
    world.ok(by(owner, true, second), &[&operator.owner]);
    assert_eq!(world.amount(&second), 200 * TOKENS);
    assert_vault_holds_stake(&world, &operator.node);
}

use lode_staking::error::StakingError;
use lode_tests::staking::*;
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn a_node_closes_for_its_owner_once_it_is_leaving_and_empty() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.operator(&mut world);
    let other = staking.staked_operator(&mut world, 100 * TOKENS);
    let (node, owner) = (operator.node, operator.owner.pubkey());
    let close = staking.close_node(&world, &node, &owner);
    assert_error(
        world.send_one(close.clone(), &[&operator.owner]),
        StakingError::NodeNotExiting,
    );
    world.ok(exit_node(&owner, &node), &[&operator.owner]);
    // rewards that nobody swept are the operator's
    staking.drop_into_vault(&mut world, &node, 55);
    let second = world.token_account(&staking.mint, &owner, 0);
    let other_mint = world.mint(&TOKEN);
    for (index, account, error) in [
        (3, other.owner.pubkey(), StakingError::WrongPayer),
        (5, second, StakingError::WrongDestination),
        (5, other.wallet, StakingError::WrongDestination),
        (6, other_mint, StakingError::WrongMint),
    ] {
        assert_error(
            world.send_one(
                with_account(close.clone(), index, account),
                &[&operator.owner],
            ),
            error,
        );
    }
    assert_error(
        world.send_one(
            with_account(close.clone(), 0, other.owner.pubkey()),
            &[&other.owner],
        ),
        StakingError::NotOwner,
    );
    for (index, account) in [
        (1, world.foreign_owned(&config())),
        (2, world.foreign_owned(&node)),
        (4, vault(&other.node)),
        (7, TOKEN_2022),
    ] {
        assert_refused(world.send_one(
            with_account(close.clone(), index, account),
            &[&operator.owner],
        ));
    }
    assert_refused(world.send_one(unsigned(close.clone(), 0), &[]));
    for index in [2, 3, 4, 5] {
        assert_refused(world.send_one(read_only(close.clone(), index), &[&operator.owner]));
    }
    let rents = world.lamports(&node) + world.lamports(&vault(&node));
    let before = world.lamports(&owner);
    world.ok(close, &[&operator.owner]);
    assert_eq!(world.lamports(&owner), before + rents);
    assert_eq!(world.amount(&operator.wallet), 10_000 * TOKENS + 55);
}

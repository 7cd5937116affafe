use lode_staking::error::StakingError;
use lode_staking::state::Node;
use lode_tests::staking::*;
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn anyone_has_the_operator_paid_at_his_payout_account_and_nowhere_else() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 300 * TOKENS);
    let other = staking.staked_operator(&mut world, 300 * TOKENS);
    let node = operator.node;
    let payout = world.token_account(&staking.mint, &operator.owner.pubkey(), 0);
    let state: Node = world.read(&node);
    world.write(
        &node,
        &Node {
            commission: 1_000,
            payout,
            ..state
        },
    );
    staking.reward(&mut world, &node, 1_009);
    let claim = staking.claim_commission(&node, &payout);
    let second = world.token_account(&staking.mint, &operator.owner.pubkey(), 0);
    let workers = world.token_account(&staking.mint, &operator.worker.pubkey(), 0);
    for to in [second, workers, other.wallet] {
        assert_error(
            world.send_one(with_account(claim.clone(), 2, to), &[]),
            StakingError::WrongDestination,
        );
    }
    let other_mint = world.mint(&TOKEN);
    // the token program takes no mint but the vault's
    assert_refused(world.send_one(with_account(claim.clone(), 3, other_mint), &[]));
    for (index, account) in [
        (0, world.foreign_owned(&node)),
        (0, world.look_alike(&node)),
        (1, vault(&other.node)),
        (4, TOKEN_2022),
    ] {
        assert_refused(world.send_one(with_account(claim.clone(), index, account), &[]));
    }
    for index in [0, 1, 2] {
        assert_refused(world.send_one(read_only(claim.clone(), index), &[]));
    }
    world.ok(claim.clone(), &[]);
    // a tenth, rounded down: what remains streams to those who staked
    assert_eq!(world.amount(&payout), 100);
    let state: Node = world.read(&node);
    assert_eq!((state.commission_owed, state.stream_left), (0, 909));
    assert_vault_holds_what_is_booked(&world, &node);
    // nothing more to pay is no error; the associated account would do as well
    world.ok(claim, &[]);
    assert_eq!(world.amount(&payout), 100);
    staking.reward(&mut world, &node, 1_000);
    world.ok(staking.claim_commission(&node, &operator.wallet), &[]);
    assert_eq!(world.amount(&operator.wallet), 9_700 * TOKENS + 100);
}

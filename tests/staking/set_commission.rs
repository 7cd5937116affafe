use lode_staking::error::StakingError;
use lode_staking::state::Node;
use lode_tests::staking::*;
use lode_tests::*;
use solana_signer::Signer;

fn commission(world: &World, node: &solana_address::Address) -> (u16, u16, i64) {
    let node: Node = world.read(node);
    (
        node.commission,
        node.pending_commission,
        node.commission_effective_at,
    )
}

#[test]
fn a_rise_is_announced_and_takes_effect_an_unbonding_period_later() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 100 * TOKENS);
    let (node, owner) = (operator.node, operator.owner.pubkey());
    staking.delegator(&mut world, &node, 100 * TOKENS);
    world.ok(set_commission(&owner, &node, 500), &[&operator.owner]);
    let at = START + 14 * DAY;
    assert_eq!(commission(&world, &node), (0, 500, at));
    // one request at a time
    assert_error(
        world.send_one(set_commission(&owner, &node, 400), &[&operator.owner]),
        StakingError::CommissionPending,
    );
    world.pass_seconds(14 * DAY - 1);
    staking.reward(&mut world, &node, 1_000 * TOKENS);
    assert_eq!(world.read::<Node>(&node).commission_owed, 0);
    world.pass_seconds(1);
    staking.reward(&mut world, &node, 1_000 * TOKENS);
    assert_eq!(world.read::<Node>(&node).commission_owed, 50 * TOKENS);
    assert_eq!(commission(&world, &node), (500, 500, 0));
    // and the next step may be announced
    world.ok(set_commission(&owner, &node, 1_000), &[&operator.owner]);
    assert_vault_holds_what_is_booked(&world, &node);
}

#[test]
fn a_fall_is_immediate_and_cancels_a_rise() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.operator(&mut world);
    let (node, owner) = (operator.node, operator.owner.pubkey());
    let state: Node = world.read(&node);
    world.write(
        &node,
        &Node {
            commission: 1_000,
            pending_commission: 1_000,
            ..state
        },
    );
    world.ok(set_commission(&owner, &node, 1_500), &[&operator.owner]);
    world.ok(set_commission(&owner, &node, 999), &[&operator.owner]);
    assert_eq!(commission(&world, &node), (999, 999, 0));
    world.pass_seconds(15 * DAY);
    world.ok(set_commission(&owner, &node, 0), &[&operator.owner]);
    assert_eq!(commission(&world, &node), (0, 0, 0));
}

#[test]
fn no_rise_passes_the_step_or_the_cap() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.operator(&mut world);
    let (node, owner) = (operator.node, operator.owner.pubkey());
    for bps in [501, 3_001, u16::MAX] {
        assert_error(
            world.send_one(set_commission(&owner, &node, bps), &[&operator.owner]),
            StakingError::CommissionTooHigh,
        );
    }
    let state: Node = world.read(&node);
    world.write(
        &node,
        &Node {
            commission: 2_900,
            ..state
        },
    );
    assert_error(
        world.send_one(set_commission(&owner, &node, 3_001), &[&operator.owner]),
        StakingError::CommissionTooHigh,
    );
    world.ok(set_commission(&owner, &node, 3_000), &[&operator.owner]);
}

#[test]
fn only_the_owner_sets_it() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.operator(&mut world);
    let set = set_commission(&operator.owner.pubkey(), &operator.node, 100);
    assert_error(
        world.send_one(
            set_commission(&operator.worker.pubkey(), &operator.node, 100),
            &[&operator.worker],
        ),
        StakingError::NotOwner,
    );
    assert_refused(world.send_one(unsigned(set.clone(), 0), &[]));
    assert_refused(world.send_one(read_only(set.clone(), 2), &[&operator.owner]));
    for (index, account) in [
        (1, world.foreign_owned(&config())),
        (2, world.foreign_owned(&operator.node)),
    ] {
        assert_refused(world.send_one(
            with_account(set.clone(), index, account),
            &[&operator.owner],
        ));
    }
    world.ok(set, &[&operator.owner]);
}

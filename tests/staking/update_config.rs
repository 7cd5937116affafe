use lode_staking::error::StakingError;
use lode_staking::state::{ParameterArgs, StakingConfig, Unbonding};
use lode_tests::staking::*;
use lode_tests::*;
use solana_signer::Signer;

const NEW: ParameterArgs = ParameterArgs {
    unbonding_seconds: 28 * DAY,
    minimum_self_stake: 7,
    jail_seconds: DAY,
    delegation_ratio: 10,
    commission_cap: 5_000,
    commission_step: 400,
};

#[test]
fn the_governor_moves_parameters_for_the_future_and_what_is_fixed_stays() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 100 * TOKENS);
    let owner = operator.owner.pubkey();
    world.ok(
        staking.unstake(&operator.node, &owner, 0, TOKENS),
        &[&operator.owner],
    );
    let before = read_config(&world);
    world.ok(
        update_config(&staking.governor.pubkey(), NEW),
        &[&staking.governor],
    );
    let after = read_config(&world);
    assert_eq!(
        bytemuck::bytes_of(&after),
        bytemuck::bytes_of(&StakingConfig {
            unbonding_seconds: 28 * DAY,
            minimum_self_stake: 7,
            jail_seconds: DAY,
            delegation_ratio: 10,
            commission_cap: 5_000,
            commission_step: 400,
            ..before
        })
    );
    // a ticket keeps its time, the next one has the new
    world.ok(
        staking.unstake(&operator.node, &owner, 1, TOKENS),
        &[&operator.owner],
    );
    let at = delegation(&operator.node, &owner);
    assert_eq!(
        world.read::<Unbonding>(&ticket(&at, 0)).release_at,
        START + 14 * DAY
    );
    assert_eq!(
        world.read::<Unbonding>(&ticket(&at, 1)).release_at,
        START + 28 * DAY
    );
}

#[test]
fn no_parameter_leaves_its_bounds_and_nobody_else_moves_one() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let governor = staking.governor.pubkey();
    for args in [
        ParameterArgs {
            unbonding_seconds: 14 * DAY - 1,
            ..NEW
        },
        ParameterArgs {
            unbonding_seconds: 28 * DAY + 1,
            ..NEW
        },
        ParameterArgs {
            minimum_self_stake: 10_000 * TOKENS + 1,
            ..NEW
        },
        ParameterArgs {
            jail_seconds: 3_599,
            ..NEW
        },
        ParameterArgs {
            jail_seconds: 28 * DAY + 1,
            ..NEW
        },
        ParameterArgs {
            delegation_ratio: 11,
            ..NEW
        },
        ParameterArgs {
            commission_cap: 5_001,
            ..NEW
        },
        ParameterArgs {
            commission_step: 501,
            ..NEW
        },
    ] {
        assert_error(
            world.send_one(update_config(&governor, args), &[&staking.governor]),
            StakingError::OutOfBounds,
        );
    }
    assert_error(
        world.send_one(
            update_config(&staking.guardian.pubkey(), NEW),
            &[&staking.guardian],
        ),
        StakingError::NotGovernor,
    );
    let update = update_config(&governor, NEW);
    assert_refused(world.send_one(unsigned(update.clone(), 0), &[]));
    assert_refused(world.send_one(read_only(update.clone(), 1), &[&staking.governor]));
    let look_alike = world.look_alike(&config());
    assert_refused(world.send_one(
        with_account(update.clone(), 1, look_alike),
        &[&staking.governor],
    ));
    world.ok(update, &[&staking.governor]);
}

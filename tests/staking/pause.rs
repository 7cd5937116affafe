use anchor_lang::{InstructionData, ToAccountMetas};
use lode_staking::error::StakingError;
use lode_staking::{accounts, instruction, ID};
use lode_tests::staking::*;
use lode_tests::*;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_signer::Signer;

pub fn pause(guardian: &Address) -> Instruction {
    let accounts = accounts::Pause {
        guardian: *guardian,
        config: config(),
    };
    lode_tests::instruction(
        ID,
        accounts.to_account_metas(None),
        instruction::Pause {}.data(),
    )
}

#[test]
fn a_pause_lasts_seven_days_in_any_fourteen() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let guardian = staking.guardian.pubkey();
    let stop = pause(&guardian);
    world.ok(stop.clone(), &[&staking.guardian]);
    assert_eq!(read_config(&world).paused_until, START + 7 * DAY);
    assert_error(
        world.send_one(stop.clone(), &[&staking.guardian]),
        StakingError::PauseTooSoon,
    );
    world.pass_seconds(14 * DAY - 1);
    assert_error(
        world.send_one(stop.clone(), &[&staking.guardian]),
        StakingError::PauseTooSoon,
    );
    world.pass_seconds(1);
    world.ok(stop, &[&staking.guardian]);
    assert_eq!(read_config(&world).paused_until, START + 21 * DAY);
}

#[test]
fn only_the_guardian_pauses() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    assert_error(
        world.send_one(pause(&staking.governor.pubkey()), &[&staking.governor]),
        StakingError::NotGuardian,
    );
    assert_refused(world.send_one(unsigned(pause(&staking.guardian.pubkey()), 0), &[]));
    assert_eq!(read_config(&world).paused_until, 0);
}

#[test]
fn a_pause_stops_new_nodes_and_stake_to_the_second_and_no_exit() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 500 * TOKENS);
    let owner = operator.owner.pubkey();
    world.ok(pause(&staking.guardian.pubkey()), &[&staking.guardian]);

    let newcomer = staking.wallet(&mut world, TOKENS);
    let register = staking.register_node(
        &world,
        &newcomer.pubkey(),
        node_args(&Address::new_from_array([9; 32])),
    );
    let stake = staking.stake(&world, &operator.node, &owner, TOKENS);
    assert_error(
        world.send_one(register.clone(), &[&newcomer]),
        StakingError::Paused,
    );
    assert_error(
        world.send_one(stake.clone(), &[&operator.owner]),
        StakingError::Paused,
    );
    // leaving goes on
    world.ok(
        staking.unstake(&operator.node, &owner, 0, 10 * TOKENS),
        &[&operator.owner],
    );

    world.pass_seconds(7 * DAY - 1);
    assert_error(
        world.send_one(stake.clone(), &[&operator.owner]),
        StakingError::Paused,
    );
    world.pass_seconds(1);
    world.ok(stake, &[&operator.owner]);
    world.ok(register, &[&newcomer]);
}

use anchor_lang::{InstructionData, ToAccountMetas};
use lode_staking::error::StakingError;
use lode_staking::{accounts, instruction, ID};
use lode_tests::staking::*;
use lode_tests::*;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_signer::Signer;

fn govern(signer: &Address, data: Vec<u8>) -> Instruction {
    let accounts = accounts::Govern {
        signer: *signer,
        config: config(),
    };
    lode_tests::instruction(ID, accounts.to_account_metas(None), data)
}

#[test]
fn the_governor_changes_in_two_steps() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let (next, governor) = (world.wallet(), staking.governor.pubkey());
    let propose = |signer: &Address, pending: Address| {
        govern(signer, instruction::ProposeGovernor { pending }.data())
    };
    let accept = |signer: &Address| govern(signer, instruction::AcceptGovernor {}.data());

    assert_error(
        world.send_one(propose(&next.pubkey(), next.pubkey()), &[&next]),
        StakingError::NotGovernor,
    );
    assert_error(
        world.send_one(accept(&next.pubkey()), &[&next]),
        StakingError::NotPendingGovernor,
    );
    world.ok(propose(&governor, next.pubkey()), &[&staking.governor]);
    // a proposal can be taken back
    world.ok(propose(&governor, Address::default()), &[&staking.governor]);
    assert_error(
        world.send_one(accept(&next.pubkey()), &[&next]),
        StakingError::NotPendingGovernor,
    );
    world.ok(propose(&governor, next.pubkey()), &[&staking.governor]);
    assert_refused(world.send_one(unsigned(accept(&next.pubkey()), 0), &[]));
    world.ok(accept(&next.pubkey()), &[&next]);
    let config = read_config(&world);
    assert_eq!(config.governor, next.pubkey());
    assert_eq!(config.pending_governor, Address::default());
    // the old one has nothing left to say, and one acceptance serves once
    assert_error(
        world.send_one(propose(&governor, governor), &[&staking.governor]),
        StakingError::NotGovernor,
    );
    assert_error(
        world.send_one(accept(&next.pubkey()), &[&next]),
        StakingError::NotPendingGovernor,
    );
}

#[test]
fn only_the_governor_names_the_guardian() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let stranger = world.wallet();
    let guard = |signer: &Address| {
        govern(
            signer,
            instruction::SetGuardian {
                guardian: Address::new_from_array([5; 32]),
            }
            .data(),
        )
    };
    assert_error(
        world.send_one(guard(&stranger.pubkey()), &[&stranger]),
        StakingError::NotGovernor,
    );
    assert_error(
        world.send_one(guard(&staking.guardian.pubkey()), &[&staking.guardian]),
        StakingError::NotGovernor,
    );
    let look_alike = world.look_alike(&config());
    assert_refused(world.send_one(
        with_account(guard(&staking.governor.pubkey()), 1, look_alike),
        &[&staking.governor],
    ));
    assert_refused(world.send_one(
        read_only(guard(&staking.governor.pubkey()), 1),
        &[&staking.governor],
    ));
    world.ok(guard(&staking.governor.pubkey()), &[&staking.governor]);
    assert_eq!(
        read_config(&world).guardian,
        Address::new_from_array([5; 32])
    );
}

use lode_staking::error::StakingError;
use lode_staking::state::{ConfigArgs, StakingConfig};
use lode_tests::staking::*;
use lode_tests::*;
use solana_address::Address;
use solana_signer::Signer;

#[test]
fn the_upgrade_authority_starts_the_program_once() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let config = read_config(&world);
    assert_eq!(config.version, 1);
    assert_eq!(config.governor, staking.governor.pubkey());
    assert_eq!(config.guardian, staking.guardian.pubkey());
    assert_eq!(config.stake_mint, staking.mint);
    assert_eq!(config.payer, world.upgrade_authority.pubkey());
    assert_eq!(config.unbonding_seconds, 14 * DAY);

    let authority = world.upgrade_authority.insecure_clone();
    let again = initialize_config(
        &authority.pubkey(),
        &staking.mint,
        args(&authority.pubkey(), &authority.pubkey()),
    );
    assert_refused(world.send_one(again, &[&authority]));
    assert_eq!(read_config(&world).governor, staking.governor.pubkey());
}

#[test]
fn nobody_but_the_upgrade_authority_can_be_first() {
    let mut world = World::new();
    let (mint, stranger) = (world.mint(&TOKEN), world.wallet());
    let start = initialize_config(
        &stranger.pubkey(),
        &mint,
        args(&stranger.pubkey(), &stranger.pubkey()),
    );
    assert_error(
        world.send_one(start.clone(), &[&stranger]),
        StakingError::NotUpgradeAuthority,
    );

    // a ProgramData account that says what he likes, at an address of his own, and that of a program of his own
    let look_alike = world.look_alike(&World::program_data(&lode_staking::ID));
    let mut account = world.svm.get_account(&look_alike).unwrap();
    account.data[13..45].copy_from_slice(stranger.pubkey().as_ref());
    world.svm.set_account(look_alike, account).unwrap();
    assert_error(
        world.send_one(with_account(start.clone(), 2, look_alike), &[&stranger]),
        StakingError::NotUpgradeAuthority,
    );
    world.set_upgrade_authority(&lode_oracle::ID, Some(&stranger.pubkey()));
    let other = World::program_data(&lode_oracle::ID);
    assert_error(
        world.send_one(with_account(start.clone(), 2, other), &[&stranger]),
        StakingError::NotUpgradeAuthority,
    );

    // and once the authority is gone, nobody
    world.set_upgrade_authority(&lode_staking::ID, None);
    assert_error(
        world.send_one(start, &[&stranger]),
        StakingError::NotUpgradeAuthority,
    );
}

#[test]
fn every_parameter_has_a_compiled_bound() {
    let mut world = World::new();
    let mint = world.mint(&TOKEN);
    let authority = world.upgrade_authority.insecure_clone();
    let good = args(&authority.pubkey(), &authority.pubkey());
    let changes: [fn(&mut ConfigArgs); 10] = [
        |a| a.unbonding_seconds = 14 * DAY - 1,
        |a| a.unbonding_seconds = 28 * DAY + 1,
        |a| a.stream_seconds = 3_599,
        |a| a.stream_seconds = 7 * DAY + 1,
        |a| a.jail_seconds = 3_599,
        |a| a.jail_seconds = 28 * DAY + 1,
        |a| a.minimum_self_stake = 10_000 * TOKENS + 1,
        |a| a.delegation_ratio = 11,
        |a| a.commission_cap = 5_001,
        |a| a.commission_step = 501,
    ];
    for change in changes {
        let mut args = good;
        change(&mut args);
        let start = initialize_config(&authority.pubkey(), &mint, args);
        assert_error(
            world.send_one(start, &[&authority]),
            StakingError::OutOfBounds,
        );
    }
    // the bounds themselves are legal
    let edge = ConfigArgs {
        unbonding_seconds: 28 * DAY,
        stream_seconds: 7 * DAY,
        jail_seconds: 28 * DAY,
        minimum_self_stake: 10_000 * TOKENS,
        delegation_ratio: 10,
        commission_cap: 5_000,
        commission_step: 500,
        ..good
    };
    world.ok(
        initialize_config(&authority.pubkey(), &mint, edge),
        &[&authority],
    );
    let config: StakingConfig = read_config(&world);
    assert_eq!(config.delegation_ratio, 10);
}

#[test]
fn a_mint_has_no_extension_but_metadata() {
    let mut world = World::new();
    let authority = world.upgrade_authority.insecure_clone();
    let key = authority.pubkey();
    let mint = world.mint(&TOKEN_2022);
    let plain = world.svm.get_account(&mint).unwrap();
    let start = initialize_config(&key, &mint, args(&key, &key));
    // a transfer fee, a hook, what makes it a part of a group (which `emissions` takes no more), what nobody knows
    for (kind, length) in [(1, 108), (14, 64), (20, 64), (23, 72), (999, 4)] {
        world.extend_mint(&mint, &[(18, 64), (kind, length)]);
        assert_error(
            world.send_one(start.clone(), &[&authority]),
            StakingError::MintNotPlain,
        );
        world.svm.set_account(mint, plain.clone()).unwrap();
    }
    world.extend_mint(&mint, &[(18, 64), (19, 80)]);
    // what is no mint at all is refused too
    let wallet = world.token_account(&mint, &Address::new_unique(), 1);
    assert_refused(world.send_one(with_account(start.clone(), 3, wallet), &[&authority]));
    world.ok(start, &[&authority]);
}

#[test]
fn the_native_mint_is_no_stake() {
    let mut world = World::new();
    let authority = world.upgrade_authority.insecure_clone();
    let key = authority.pubkey();
    for (native, program) in lode_token::NATIVE_MINTS
        .into_iter()
        .zip([TOKEN, TOKEN_2022])
    {
        let like = world.mint(&program);
        let mint = world.svm.get_account(&like).unwrap();
        world.svm.set_account(native, mint).unwrap();
        let start = initialize_config(&key, &native, args(&key, &key));
        assert_error(
            world.send_one(start, &[&authority]),
            StakingError::NativeMint,
        );
    }
}

#[test]
fn a_token_2022_mint_serves_too() {
    let mut world = World::new();
    let staking = Staking::with_token(&mut world, &TOKEN_2022);
    let operator = staking.staked_operator(&mut world, 500 * TOKENS);
    assert_vault_holds_stake(&world, &operator.node);
    assert_eq!(world.amount(&vault(&operator.node)), 500 * TOKENS);
}

#[test]
fn the_slasher_is_the_jobs_programs_own_address() {
    let (slasher, bump) = Address::find_program_address(&[b"slasher"], &lode_jobs::ID);
    assert_eq!(lode_staking::constants::SLASHER, slasher);
    assert_eq!(bump, 255);
}

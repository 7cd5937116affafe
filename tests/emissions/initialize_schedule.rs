use lode_emissions::error::EmissionsError;
use lode_emissions::state::{Schedule, ScheduleArgs};
use lode_emissions::ID;
use lode_jobs::state::JobsConfig;
use lode_staking::state::StakingConfig;
use lode_tests::emissions::*;
use lode_tests::staking::{Staking, DAY, TOKENS};
use lode_tests::*;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_signer::Signer;

/// Staking and jobs run, the mint is handed over: the start as it should be.
fn ready(world: &mut World, token: &Address) -> (Staking, Instruction) {
    let staking = sisters(world, token);
    hand_over(world, &staking.mint);
    let start = start(world, &staking);
    (staking, start)
}

fn start(world: &World, staking: &Staking) -> Instruction {
    let authority = world.upgrade_authority.pubkey();
    initialize_schedule(&authority, &staking.mint, args(&authority))
}

#[track_caller]
fn refused(world: &mut World, start: &Instruction, error: EmissionsError) {
    let authority = world.upgrade_authority.insecure_clone();
    assert_error(world.send_one(start.clone(), &[&authority]), error);
}

#[test]
fn the_schedule_copies_mint_and_clock_and_starts_once() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let state = read_schedule(&world);
    assert_eq!((state.version, state.mint), (1, emissions.mint));
    assert_eq!((state.genesis, state.epoch_seconds), (START, DAY));
    assert_eq!(state.treasury_owner, emissions.treasury.pubkey());
    assert_eq!(state.payer, world.upgrade_authority.pubkey());
    assert_eq!(
        (state.cap, state.first_ceiling, state.era_epochs),
        (20_000 * TOKENS, 1_000 * TOKENS, 10)
    );
    assert_eq!(
        (state.work_bps, state.stake_bps, state.treasury_bps),
        (8_000, 1_000, 1_000)
    );
    assert_eq!(
        (state.theta_bps, state.c_bps, state.decay_bps),
        (9_000, 10_000, 1_500)
    );
    assert_eq!(
        (state.breaker_limit, state.breaker_epochs),
        (2_000 * TOKENS, 4)
    );
    assert_eq!(
        (state.genesis_supply, state.finalised, state.claimed),
        (world.supply(&emissions.mint), 0, 0)
    );
    let authority = world.upgrade_authority.insecure_clone();
    let again = initialize_schedule(
        &authority.pubkey(),
        &emissions.mint,
        args(&authority.pubkey()),
    );
    assert_refused(world.send_one(again, &[&authority]));
    assert_eq!(
        read_schedule(&world).treasury_owner,
        emissions.treasury.pubkey()
    );
}

#[test]
fn nobody_but_the_upgrade_authority_can_be_first() {
    let mut world = World::new();
    let (staking, good) = ready(&mut world, &TOKEN);
    let stranger = world.wallet();
    let me = stranger.pubkey();
    let mine = initialize_schedule(&me, &staking.mint, args(&me));
    assert_error(
        world.send_one(mine.clone(), &[&stranger]),
        EmissionsError::NotUpgradeAuthority,
    );
    // a ProgramData account of his own making, and that of another program
    let look_alike = world.look_alike(&World::program_data(&ID));
    let mut account = world.svm.get_account(&look_alike).unwrap();
    account.data[13..45].copy_from_slice(me.as_ref());
    world.svm.set_account(look_alike, account).unwrap();
    world.set_upgrade_authority(&lode_oracle::ID, Some(&me));
    for data in [look_alike, World::program_data(&lode_oracle::ID)] {
        assert_error(
            world.send_one(with_account(mine.clone(), 3, data), &[&stranger]),
            EmissionsError::NotUpgradeAuthority,
        );
    }
    assert_refused(world.send_one(unsigned(good.clone(), 0), &[]));
    // and once the authority is gone, nobody
    world.set_upgrade_authority(&ID, None);
    refused(&mut world, &good, EmissionsError::NotUpgradeAuthority);
}

#[test]
fn every_parameter_has_a_compiled_bound() {
    let mut world = World::new();
    let staking = sisters(&mut world, &TOKEN);
    hand_over(&mut world, &staking.mint);
    let authority = world.upgrade_authority.insecure_clone();
    let key = authority.pubkey();
    let good = args(&key);
    let changes: [fn(&mut ScheduleArgs); 16] = [
        |a| (a.work_bps, a.stake_bps, a.treasury_bps) = (6_999, 2_000, 1_001),
        |a| (a.work_bps, a.stake_bps, a.treasury_bps) = (7_000, 2_001, 999),
        |a| (a.work_bps, a.stake_bps, a.treasury_bps) = (7_999, 1_000, 1_001),
        |a| a.work_bps = 8_001,
        |a| a.work_bps = 7_999,
        |a| a.theta_bps = 9_501,
        |a| a.theta_bps = 0,
        |a| a.c_bps = 20_001,
        |a| a.decay_bps = 5_001,
        |a| a.breaker_epochs = 0,
        |a| a.breaker_epochs = 33,
        |a| a.era_epochs = 0,
        |a| a.first_ceiling = 0,
        |a| (a.first_ceiling, a.breaker_limit) = (a.cap + 1, u64::MAX),
        |a| a.breaker_limit = a.first_ceiling - 1,
        |a| a.treasury_owner = Address::default(),
    ];
    for change in changes {
        let mut args = good;
        change(&mut args);
        let start = initialize_schedule(&key, &staking.mint, args);
        refused(&mut world, &start, EmissionsError::OutOfBounds);
    }
    // the bounds themselves are legal
    let edge = ScheduleArgs {
        work_bps: 7_000,
        stake_bps: 2_000,
        treasury_bps: 1_000,
        theta_bps: 9_500,
        c_bps: 20_000,
        decay_bps: 5_000,
        breaker_epochs: 32,
        era_epochs: 1,
        first_ceiling: good.cap,
        breaker_limit: good.cap,
        ..good
    };
    world.ok(
        initialize_schedule(&key, &staking.mint, edge),
        &[&authority],
    );
}

#[test]
fn staking_and_jobs_must_agree_with_the_schedule() {
    let mut world = World::new();
    let (staking, good) = ready(&mut world, &TOKEN);
    let (of_staking, of_jobs) = (lode_tests::staking::config(), lode_tests::jobs::config());
    let staking_config: StakingConfig = world.read(&of_staking);
    let jobs_config: JobsConfig = world.read(&of_jobs);
    let other = world.mint(&TOKEN);

    // three mints must be one
    let mut changed = jobs_config;
    changed.emission_mint = other;
    world.write(&of_jobs, &changed);
    refused(&mut world, &good, EmissionsError::MintsDiffer);
    world.write(&of_jobs, &jobs_config);
    let mut changed = staking_config;
    changed.stake_mint = other;
    world.write(&of_staking, &changed);
    refused(&mut world, &good, EmissionsError::MintsDiffer);
    world.write(&of_staking, &staking_config);
    hand_over(&mut world, &other);
    let third = with_account(good.clone(), 6, other);
    refused(&mut world, &third, EmissionsError::MintsDiffer);

    // rewards stream for one epoch
    let mut changed = staking_config;
    changed.stream_seconds = DAY + 1;
    world.write(&of_staking, &changed);
    refused(&mut world, &good, EmissionsError::ClocksDiffer);

    // two epochs fit 14 days: no configuration can be otherwise, and it is checked all the same
    for (seconds, fits) in [(7 * DAY + 1, false), (7 * DAY, true)] {
        let (mut s, mut j) = (staking_config, jobs_config);
        (s.stream_seconds, j.epoch_seconds) = (seconds, seconds);
        world.write(&of_staking, &s);
        world.write(&of_jobs, &j);
        if !fits {
            refused(&mut world, &good, EmissionsError::EpochTooLong);
        }
    }

    // configurations of layouts that this program does not know
    let mut changed = staking_config;
    changed.version = 2;
    world.write(&of_staking, &changed);
    refused(&mut world, &good, EmissionsError::UnknownVersion);
    world.write(&of_staking, &staking_config);
    let mut changed = jobs_config;
    changed.version = 2;
    world.write(&of_jobs, &changed);
    refused(&mut world, &good, EmissionsError::UnknownVersion);
    world.write(&of_jobs, &jobs_config);

    // and no account that only looks like one
    let authority = world.upgrade_authority.insecure_clone();
    for (index, account) in [
        (1, world.look_alike(&of_jobs)),
        (2, authority.pubkey()),
        (4, world.foreign_owned(&of_staking)),
        (4, of_jobs),
        (5, world.foreign_owned(&of_jobs)),
        (5, of_staking),
        (6, world.foreign_owned(&staking.mint)),
    ] {
        let forged = with_account(good.clone(), index, account);
        assert_refused(world.send_one(forged, &[&authority]));
    }
    assert_refused(world.send_one(read_only(good.clone(), 1), &[&authority]));
    world.ok(good, &[&authority]);
}

#[test]
fn only_the_program_can_mint_and_nobody_can_freeze() {
    let mut world = World::new();
    let staking = sisters(&mut world, &TOKEN);
    let mint = staking.mint;
    let good = start(&world, &staking);
    refused(&mut world, &good, EmissionsError::WrongMintAuthority);

    // a freeze authority, even the program's own
    let original = world.svm.get_account(&mint).unwrap();
    hand_over(&mut world, &mint);
    let handed = world.svm.get_account(&mint).unwrap();
    let mut frozen = handed.clone();
    frozen.data[46] = 1;
    frozen.data[50..82].copy_from_slice(mint_authority().as_ref());
    world.svm.set_account(mint, frozen).unwrap();
    refused(&mut world, &good, EmissionsError::MintCanBeFrozen);

    // a mint that nobody can make more of
    world.svm.set_account(mint, original).unwrap();
    let holder = world.mint_authority.insecure_clone();
    let renounce = set_authority(&world, &mint, 0, &holder.pubkey(), None);
    world.ok(renounce, &[&holder]);
    refused(&mut world, &good, EmissionsError::WrongMintAuthority);

    // a supply that the cap would carry over 64 bits
    world.svm.set_account(mint, handed.clone()).unwrap();
    let cap = args(&mint).cap;
    let mut large = handed;
    large.data[36..44].copy_from_slice(&(u64::MAX - cap + 1).to_le_bytes());
    world.svm.set_account(mint, large.clone()).unwrap();
    refused(&mut world, &good, EmissionsError::CapTooHigh);
    large.data[36..44].copy_from_slice(&(u64::MAX - cap).to_le_bytes());
    world.svm.set_account(mint, large).unwrap();
    let authority = world.upgrade_authority.insecure_clone();
    world.ok(good, &[&authority]);
    assert_eq!(read_schedule(&world).genesis_supply, u64::MAX - cap);
    // the old authority has nothing left to say
    let back = set_authority(&world, &mint, 0, &holder.pubkey(), Some(&holder.pubkey()));
    assert_refused(world.send_one(back, &[&holder]));
}

/// Appends extensions to a Token-2022 mint: type and length each.
#[test]
fn a_mint_has_no_extension_but_what_describes_it() {
    let mut world = World::new();
    let (staking, good) = ready(&mut world, &TOKEN_2022);
    let plain = world.svm.get_account(&staking.mint).unwrap();
    // transfer fee, close authority, default state, non-transferable, interest, permanent delegate, hook, pausable, what
    // makes it a part of a group, and one that nobody has heard of yet
    for (kind, length) in [
        (1, 108),
        (3, 32),
        (6, 1),
        (9, 0),
        (10, 52),
        (12, 32),
        (14, 64),
        (26, 33),
        (20, 64),
        (21, 80),
        (22, 64),
        (23, 72),
        (999, 4),
    ] {
        world.extend_mint(&staking.mint, &[(18, 64), (kind, length)]);
        refused(&mut world, &good, EmissionsError::MintNotPlain);
        world.svm.set_account(staking.mint, plain.clone()).unwrap();
    }
    world.extend_mint(&staking.mint, &[(18, 64), (19, 80)]);
    let authority = world.upgrade_authority.insecure_clone();
    world.ok(good, &[&authority]);
    assert_eq!(world.read::<Schedule>(&schedule()).mint, staking.mint);
}

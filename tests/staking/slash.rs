use lode_staking::constants::SLASHER;
use lode_staking::error::StakingError;
use lode_staking::state::Node;
use lode_tests::staking::*;
use lode_tests::*;
use solana_address::Address;
use solana_signer::Signer;

#[test]
fn the_slasher_is_an_address_of_the_jobs_program() {
    assert_eq!(
        Address::find_program_address(&[b"slasher"], &lode_jobs::ID).0,
        SLASHER
    );
}

#[test]
fn own_delegated_and_unbonding_stake_lose_the_same_fraction_and_it_burns() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 200 * TOKENS);
    let (node, owner) = (operator.node, operator.owner.pubkey());
    let delegator = staking.delegator(&mut world, &node, 300 * TOKENS);
    let wallet = delegator.pubkey();
    world.ok(
        staking.unstake(&node, &wallet, 0, 100 * TOKENS),
        &[&delegator],
    );
    staking.reward(&mut world, &node, 1_000);
    let supply = world.supply(&staking.mint);
    let sent = world
        .send_as_program(staking.slash(&node, 500, world.now()))
        .unwrap();
    lode_tests::costs::figure("slash", sent.compute_units_consumed);
    let state: Node = world.read(&node);
    assert_eq!(
        (state.stake, state.slashed_total),
        (475 * TOKENS, 25 * TOKENS)
    );
    assert_eq!(
        (state.jailed_at, state.jailed_until),
        (START, START + 7 * DAY)
    );
    assert_eq!(world.supply(&staking.mint), supply - 25 * TOKENS);
    assert_eq!(state.self_stake().unwrap(), 190 * TOKENS);
    assert_eq!(state.active_stake().unwrap(), 380 * TOKENS);
    assert_eq!(state.worth(state.unbonding_shares).unwrap(), 95 * TOKENS);
    // rewards are not stake
    assert_eq!(state.stream_left, 1_000);
    assert_vault_holds_what_is_booked(&world, &node);
    // all leave with what is left
    world.ok(
        staking.unstake(&node, &owner, 0, 200 * TOKENS),
        &[&operator.owner],
    );
    world.pass_seconds(14 * DAY);
    world.ok(staking.withdraw(&world, &node, &owner, 0), &[]);
    world.ok(staking.withdraw(&world, &node, &wallet, 0), &[]);
    assert_eq!(
        world.amount(&operator.wallet),
        9_800 * TOKENS + 190 * TOKENS
    );
    assert_eq!(
        world.amount(&world.associated(&wallet, &staking.mint)),
        95 * TOKENS
    );
}

#[test]
fn one_incident_is_one_slash() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 200 * TOKENS);
    let node = operator.node;
    world.pass_seconds(100);
    let now = world.now();
    world
        .send_as_program(staking.slash(&node, 100, now - 50))
        .unwrap();
    let once: Node = world.read(&node);
    assert_eq!(once.stake, 198 * TOKENS);
    // other jobs, accepted until the node was jailed, the last in that very second: nothing at all changes
    world.pass_seconds(10);
    for (accepted_at, bps) in [(i64::MIN, 100), (0, 1), (now - 60, 0), (now, 100)] {
        world
            .send_as_program(staking.slash(&node, bps, accepted_at))
            .unwrap();
        assert_eq!(
            bytemuck::bytes_of(&world.read::<Node>(&node)),
            bytemuck::bytes_of(&once)
        );
    }
    world
        .send_as_program(staking.slash(&node, 100, now + 1))
        .unwrap();
    assert_eq!(
        world.read::<Node>(&node).stake,
        198 * TOKENS - 198 * TOKENS / 100
    );
    assert_vault_holds_stake(&world, &node);
}

#[test]
fn nobody_buys_himself_off_from_a_dear_slash_by_a_cheap_one() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 200 * TOKENS);
    let node = operator.node;
    world.pass_seconds(100);
    let accepted_at = world.now() - 50;
    // A market of one's own may slash by nothing at all: it jails, and that is all the incident came to so far.
    let slash = |world: &mut World, bps| {
        world
            .send_as_program(staking.slash(&node, bps, accepted_at))
            .unwrap();
        world.read::<Node>(&node)
    };
    let jailed = slash(&mut world, 0);
    assert_eq!(
        (jailed.stake, jailed.jailed_at),
        (200 * TOKENS, world.now())
    );
    world.pass_seconds(DAY);
    // The largest of the incident's slashes is what it costs, in whatever order they come; its jail is one.
    let second = slash(&mut world, 100);
    assert_eq!(second.stake, 198 * TOKENS);
    assert_eq!(
        (second.jailed_at, second.jailed_until),
        (jailed.jailed_at, jailed.jailed_until)
    );
    let third = slash(&mut world, 500);
    assert_eq!(third.stake, 198 * TOKENS - 198 * TOKENS / 25);
    assert_eq!(slash(&mut world, 500).stake, third.stake);
    assert_vault_holds_stake(&world, &node);
}

#[test]
fn all_slashes_of_the_longest_unbonding_period_take_a_tenth_at_most() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 200 * TOKENS);
    let node = operator.node;
    let slash = |world: &mut World, bps: u16| {
        let slash = staking.slash(&node, bps, world.now());
        world.send_as_program(slash).unwrap();
        let state: Node = world.read(&node);
        assert_vault_holds_stake(world, &node);
        world.pass_seconds(1);
        (state.stake, state.slash_window_used)
    };
    assert_eq!(slash(&mut world, 600), (188 * TOKENS, 600));
    // 400 are left of 1 000
    let left = 188 * TOKENS - 188 * TOKENS / 25;
    assert_eq!(slash(&mut world, 600), (left, 1_000));
    assert_eq!(slash(&mut world, 500), (left, 1_000));
    // it still jails
    assert_eq!(world.read::<Node>(&node).jailed_at, world.now() - 1);
    // No period of 28 days takes more, whenever it begins: a period counts in halves, the last three together. It is
    // 14 now, but tickets keep the time that they were opened with.
    assert_eq!(read_config(&world).unbonding_seconds, 14 * DAY);
    world.set_time(START + 28 * DAY, START_SLOT);
    assert_eq!(slash(&mut world, 500), (left, 1_000 << 32));
    world.set_time(START + 42 * DAY - 1, START_SLOT);
    assert_eq!(slash(&mut world, 500), (left, 1_000 << 32));
    world.set_time(START + 42 * DAY, START_SLOT);
    assert_eq!(slash(&mut world, u16::MAX), (left - left / 10, 1_000));
}

/// A job may fail, and be slashed for, long after its node was closed; somebody may have taken the address again.
#[test]
fn a_node_answers_for_no_earlier_node_of_its_address() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    world.pass_seconds(100);
    let before = world.now();
    let operator = {
        world.pass_seconds(1);
        staking.staked_operator(&mut world, 200 * TOKENS)
    };
    let node = operator.node;
    let slash = |world: &mut World, accepted_at| {
        let slash = staking.slash(&node, 500, accepted_at);
        world.send_as_program(slash).unwrap();
        world.read::<Node>(&node)
    };
    let state = slash(&mut world, before);
    assert_eq!((state.stake, state.jailed_until), (200 * TOKENS, 0));
    // its own first second counts
    let own = world.now();
    let state = slash(&mut world, own);
    assert_eq!(state.stake, 190 * TOKENS);
    assert!(state.is_jailed());
}

#[test]
fn a_stranger_slashes_nothing() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 200 * TOKENS);
    let other = staking.staked_operator(&mut world, 200 * TOKENS);
    let node = operator.node;
    let upgrade_authority = world.upgrade_authority.insecure_clone();
    for stranger in [&staking.governor, &operator.owner, &upgrade_authority] {
        let slash = staking.slash_by(&stranger.pubkey(), Some(node), 500, START);
        assert_error(world.send_one(slash, &[stranger]), StakingError::NotSlasher);
    }
    let slash = staking.slash(&node, 500, START);
    // the slasher's address, but not its signature
    assert_refused(world.send_one(unsigned(slash.clone(), 0), &[]));
    let other_mint = world.mint(&TOKEN);
    for (index, account, error) in [
        (3, vault(&other.node), StakingError::ForeignAccount),
        (3, operator.wallet, StakingError::ForeignAccount),
        // the vault left out, the node not
        (3, lode_staking::ID, StakingError::ForeignAccount),
        (4, other_mint, StakingError::WrongMint),
    ] {
        assert_error(
            world.send_as_program(with_account(slash.clone(), index, account)),
            error,
        );
    }
    for (index, account) in [
        (1, world.foreign_owned(&config())),
        (2, world.foreign_owned(&node)),
        (2, world.look_alike(&node)),
        (5, TOKEN_2022),
    ] {
        assert_refused(world.send_as_program(with_account(slash.clone(), index, account)));
    }
    for index in [2, 3, 4] {
        assert_refused(world.send_as_program(read_only(slash.clone(), index)));
    }
    assert_eq!(world.read::<Node>(&node).stake, 200 * TOKENS);
    world.send_as_program(slash).unwrap();
    assert_eq!(world.read::<Node>(&node).stake, 190 * TOKENS);
}

#[test]
fn it_never_fails_for_whatever_became_of_the_node() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    // gone
    world
        .send_as_program(staking.slash_by(&SLASHER, None, 500, START))
        .unwrap();
    // without stake
    let operator = staking.operator(&mut world);
    world
        .send_as_program(staking.slash(&operator.node, 500, START))
        .unwrap();
    let state: Node = world.read(&operator.node);
    assert_eq!((state.stake, state.is_jailed()), (0, true));
    // leaving
    let operator = staking.staked_operator(&mut world, 200 * TOKENS);
    world.ok(
        exit_node(&operator.owner.pubkey(), &operator.node),
        &[&operator.owner],
    );
    world
        .send_as_program(staking.slash(&operator.node, 500, START))
        .unwrap();
    assert_eq!(world.read::<Node>(&operator.node).stake, 190 * TOKENS);
    // its vault frozen by the mint's authority: jailed, and the books stay true
    let operator = staking.staked_operator(&mut world, 200 * TOKENS);
    let mut frozen = world.svm.get_account(&vault(&operator.node)).unwrap();
    frozen.data[108] = 2;
    world
        .svm
        .set_account(vault(&operator.node), frozen)
        .unwrap();
    world
        .send_as_program(staking.slash(&operator.node, 500, START))
        .unwrap();
    assert!(world.read::<Node>(&operator.node).is_jailed());
    assert_vault_holds_stake(&world, &operator.node);
}

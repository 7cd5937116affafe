use lode_oracle::error::OracleError;
use lode_oracle::state::{Committee, Oracle};
use lode_tests::oracle::*;
use lode_tests::*;
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;

const DAY: i64 = 86_400;

fn fault(world: &World) -> Slash {
    Slash {
        seat: 0,
        submitted_at: world.now(),
        fault: true,
        bps: 3_000,
        reward_bps: 5_000,
    }
}

fn silence(world: &World) -> Slash {
    Slash {
        fault: false,
        bps: 20,
        reward_bps: 0,
        ..fault(world)
    }
}

/// Everything that a slash could change.
fn all(world: &World, panel: &Panel, member: &Member) -> (u64, u64, u64, u32, u32, i64) {
    let oracle: Oracle = world.read(&panel.oracle(member));
    (
        oracle.bond,
        world.amount(&bond_vault(&panel.oracle(member))),
        world.supply(&panel.mint),
        oracle.faults,
        oracle.misses,
        world.read::<Committee>(&panel.committee).seats[0].left_at,
    )
}

#[test]
fn a_fault_costs_a_part_of_the_bond_half_of_it_to_who_was_right() {
    let mut world = World::new();
    let panel = Panel::serving(&mut world, 3, 3);
    let member = &panel.members[0];
    world.ok(
        panel.add_bond(&world, member, MINIMUM_BOND + 1),
        &[&member.owner],
    );
    let supply = world.supply(&panel.mint);
    let winner = world.wallet().pubkey();
    let reward = world.associated_account(&panel.mint, &winner, 0);
    let slash = panel.slash(member, fault(&world), Some(reward));
    world.send_as_program(slash).unwrap();
    // 30 % of 2 000 000 001, rounded up
    let slashed = 600_000_001;
    let bond = 2 * MINIMUM_BOND + 1 - slashed;
    assert_eq!(
        all(&world, &panel, member),
        (bond, bond, supply - 300_000_001, 1, 0, i64::MAX)
    );
    assert_eq!(world.amount(&reward), 300_000_000);
}

#[test]
fn a_silence_costs_little_and_is_burned() {
    let mut world = World::new();
    let panel = Panel::serving(&mut world, 3, 3);
    let member = &panel.members[0];
    world.ok(
        panel.add_bond(&world, member, MINIMUM_BOND),
        &[&member.owner],
    );
    let supply = world.supply(&panel.mint);
    let slash = panel.slash(member, silence(&world), None);
    world.send_as_program(slash).unwrap();
    let bond = 1_996_000_000;
    assert_eq!(
        all(&world, &panel, member),
        (bond, bond, supply - 4_000_000, 0, 1, i64::MAX)
    );
}

#[test]
fn a_bond_below_the_minimum_ends_the_service_in_a_day_and_never_later() {
    let mut world = World::new();
    let panel = Panel::serving(&mut world, 3, 3);
    let member = &panel.members[0];
    let now = world.now();
    world
        .send_as_program(panel.slash(member, silence(&world), None))
        .unwrap();
    let committee: Committee = world.read(&panel.committee);
    assert_eq!(committee.eligible(now + DAY - 1), 0b111);
    assert_eq!(committee.eligible(now + DAY), 0b110);
    assert_eq!(committee.eligible(now), 0b111);
    assert_eq!(
        world.read::<Oracle>(&panel.oracle(member)).left_at,
        now + DAY
    );
    // a further slash does not prolong the service
    world.pass_seconds(1_000);
    world
        .send_as_program(panel.slash(member, silence(&world), None))
        .unwrap();
    assert_eq!(
        world.read::<Oracle>(&panel.oracle(member)).left_at,
        now + DAY
    );
    // and what is left goes home
    world.pass_seconds(15 * DAY);
    let bond = world.read::<Oracle>(&panel.oracle(member)).bond;
    assert_eq!(bond, 996_004_000);
    world.ok(panel.withdraw_bond(&world, member), &[&member.owner]);
    assert_eq!(
        world.amount(&world.associated(&member.owner.pubkey(), &panel.mint)),
        9 * MINIMUM_BOND + bond
    );
}

#[test]
fn a_bond_can_be_lost_wholly_and_then_leaves_all_the_same() {
    let mut world = World::new();
    let panel = Panel::serving(&mut world, 3, 3);
    let member = &panel.members[0];
    let whole = Slash {
        bps: u16::MAX,
        ..silence(&world)
    };
    for _ in 0..2 {
        world
            .send_as_program(panel.slash(member, whole, None))
            .unwrap();
        assert_eq!(world.read::<Oracle>(&panel.oracle(member)).bond, 0);
    }
    world.pass_seconds(15 * DAY);
    world.ok(panel.withdraw_bond(&world, member), &[&member.owner]);
    assert!(world.read::<Committee>(&panel.committee).seats[0].is_free());
}

#[test]
fn a_seat_answers_only_for_what_it_served() {
    let mut world = World::new();
    let panel = Panel::serving(&mut world, 3, 3);
    let member = &panel.members[0];
    let served = fault(&world);
    let before = all(&world, &panel, member);
    for slash in [
        Slash {
            submitted_at: START,
            ..served
        },
        Slash {
            submitted_at: i64::MAX,
            ..served
        },
        Slash { seat: 3, ..served },
        Slash { seat: 32, ..served },
        Slash {
            seat: 255,
            ..served
        },
    ] {
        world
            .send_as_program(panel.slash(member, slash, None))
            .unwrap();
        assert_eq!(all(&world, &panel, member), before);
    }
}

#[test]
fn who_is_gone_answers_for_nothing_and_neither_does_who_came_after() {
    let mut world = World::new();
    let panel = Panel::serving(&mut world, 3, 3);
    let member = &panel.members[0];
    let owner = member.owner.pubkey();
    let served = fault(&world);
    world.ok(panel.leave(member), &[&member.owner]);
    // the bond answers for 14 days after the service
    world.pass_seconds(15 * DAY - 1);
    world
        .send_as_program(panel.slash(member, served, None))
        .unwrap();
    world.pass_seconds(1);
    world.ok(panel.withdraw_bond(&world, member), &[&member.owner]);
    world.ok(panel.close(&owner, &owner), &[]);
    let mut gone = panel.slash(member, served, None);
    for index in [2, 3] {
        gone = with_account(gone, index, lode_oracle::ID);
        gone.accounts[index].is_writable = false;
    }
    world.send_as_program(gone.clone()).unwrap();

    let heir = Panel::wallet(&mut world, &panel.mint);
    world.ok(panel.admit(&heir.owner.pubkey()), &[&panel.governor]);
    world.ok(panel.join(&world, &heir, MINIMUM_BOND), &[&heir.owner]);
    assert_eq!(
        world.read::<Committee>(&panel.committee).seats[0].owner,
        heir.owner.pubkey()
    );
    let before = all(&world, &panel, &heir);
    world
        .send_as_program(panel.slash(&heir, served, None))
        .unwrap();
    world.send_as_program(gone).unwrap();
    assert_eq!(all(&world, &panel, &heir), before);
}

#[test]
fn what_cannot_be_paid_out_is_burned() {
    let mut world = World::new();
    let panel = Panel::serving(&mut world, 3, 3);
    let member = &panel.members[0];
    let someone = world.wallet().pubkey();
    let other_mint = world.mint(&TOKEN);
    let frozen = world.token_account(&panel.mint, &someone, 0);
    let mut account = world.svm.get_account(&frozen).unwrap();
    account.data[108] = 2;
    world.svm.set_account(frozen, account).unwrap();
    let foreign = world.foreign_owned(&frozen);
    let of_other_mint = world.token_account(&other_mint, &someone, 0);
    for reward in [
        frozen,
        foreign,
        of_other_mint,
        someone,
        Address::new_unique(),
    ] {
        let (bond, vault, supply, ..) = all(&world, &panel, member);
        world
            .send_as_program(panel.slash(member, fault(&world), Some(reward)))
            .unwrap();
        let slashed = (bond * 3).div_ceil(10);
        let after = all(&world, &panel, member);
        assert_eq!(
            (after.0, after.1, after.2),
            (bond - slashed, vault - slashed, supply - slashed),
            "{reward}"
        );
    }
}

#[test]
fn a_frozen_vault_does_not_save_a_bond() {
    let mut world = World::new();
    let panel = Panel::serving(&mut world, 3, 3);
    let member = &panel.members[0];
    let vault = bond_vault(&panel.oracle(member));
    let set_state = |world: &mut World, state: u8| {
        let mut account = world.svm.get_account(&vault).unwrap();
        account.data[108] = state;
        world.svm.set_account(vault, account).unwrap();
    };
    let supply = world.supply(&panel.mint);
    set_state(&mut world, 2);
    let reward = world.token_account(&panel.mint, &member.owner.pubkey(), 0);
    world
        .send_as_program(panel.slash(member, fault(&world), Some(reward)))
        .unwrap();
    set_state(&mut world, 1);
    assert_eq!(world.amount(&vault), MINIMUM_BOND);
    assert_eq!(world.amount(&reward), 0);
    world.pass_seconds(15 * DAY);
    world.ok(panel.withdraw_bond(&world, member), &[&member.owner]);
    assert_eq!(
        world.amount(&world.associated(&member.owner.pubkey(), &panel.mint)),
        10 * MINIMUM_BOND - 300_000_000
    );
    assert_eq!(world.supply(&panel.mint), supply - 300_000_000);
}

#[test]
fn bonds_of_token_2022_are_slashed_rewarded_and_returned_too() {
    let mut world = World::new();
    let panel = Panel::founded_in(&mut world, &TOKEN_2022, 3, 1);
    let member = &panel.members[0];
    world.ok(panel.join(&world, member, MINIMUM_BOND), &[&member.owner]);
    world.pass_seconds(1);
    world.ok(
        panel.add_bond(&world, member, MINIMUM_BOND),
        &[&member.owner],
    );
    let winner = world.wallet().pubkey();
    // an associated account of Token-2022 has the extension that fixes its owner
    let reward = world.associated_account(&panel.mint, &winner, 0);
    let mut account = world.svm.get_account(&reward).unwrap();
    account.data.extend([2, 7, 0, 0, 0]);
    account.lamports *= 2;
    world.svm.set_account(reward, account).unwrap();
    world
        .send_as_program(panel.slash(member, fault(&world), Some(reward)))
        .unwrap();
    assert_eq!(world.amount(&reward), 300_000_000);
    world.ok(panel.leave(member), &[&member.owner]);
    world.pass_seconds(15 * DAY);
    world.ok(panel.withdraw_bond(&world, member), &[&member.owner]);
    assert_eq!(
        world.amount(&world.associated(&member.owner.pubkey(), &panel.mint)),
        10 * MINIMUM_BOND - 600_000_000
    );
}

#[test]
fn nobody_else_slashes_and_nothing_else_is_slashed() {
    let mut world = World::new();
    let panel = Panel::serving(&mut world, 3, 3);
    let other = Panel::serving(&mut world, 3, 3);
    let (member, neighbour) = (&panel.members[0], &panel.members[1]);
    let slash = panel.slash(member, fault(&world), None);
    let decoy = world.token_account(&panel.mint, &panel.oracle(member), MINIMUM_BOND);
    let before = all(&world, &panel, member);
    let stranger = Keypair::new();
    assert_error(
        world.send_one(
            with_account(slash.clone(), 0, stranger.pubkey()),
            &[&stranger],
        ),
        OracleError::NotSlasher,
    );
    assert_refused(world.send_one(unsigned(slash.clone(), 0), &[]));
    for (index, account) in [
        (1, other.committee),
        (2, panel.oracle(neighbour)),
        (2, other.oracle(&other.members[0])),
        (2, lode_oracle::ID),
        (3, bond_vault(&panel.oracle(neighbour))),
        (3, decoy),
        (3, lode_oracle::ID),
    ] {
        let mut tried = with_account(slash.clone(), index, account);
        tried.accounts[index].is_writable = account != lode_oracle::ID;
        if index == 1 {
            tried.accounts[5].pubkey = other.mint;
        }
        assert_error(world.send_as_program(tried), OracleError::ForeignAccount);
    }
    // A membership with the vault of its own: of another seat of the committee; of the same owner in another committee.
    let with_vault = |oracle: Address| {
        let vault = bond_vault(&oracle);
        with_account(with_account(slash.clone(), 2, oracle), 3, vault)
    };
    let theirs = with_vault(panel.oracle(neighbour));
    assert_error(world.send_as_program(theirs), OracleError::ForeignAccount);
    let elsewhere = other.oracle(&other.members[0]);
    let there: Oracle = world.read(&elsewhere);
    let his = Oracle {
        owner: member.owner.pubkey(),
        ..there
    };
    world.write(&elsewhere, &his);
    assert_error(
        world.send_as_program(with_vault(elsewhere)),
        OracleError::ForeignAccount,
    );
    world.write(&elsewhere, &there);
    assert_error(
        world.send_as_program(with_account(slash.clone(), 5, other.mint)),
        OracleError::WrongMint,
    );
    let look_alike = world.look_alike(&panel.oracle(member));
    assert_error(
        world.send_as_program(with_account(slash.clone(), 2, look_alike)),
        OracleError::ForeignAccount,
    );
    let forged = world.foreign_owned(&panel.committee);
    assert_refused(world.send_as_program(with_account(slash.clone(), 1, forged)));
    assert_refused(world.send_as_program(with_account(slash.clone(), 6, TOKEN_2022)));
    for index in [1, 2, 3, 5] {
        assert_refused(world.send_as_program(read_only(slash.clone(), index)));
    }
    assert_eq!(all(&world, &panel, member), before);
}

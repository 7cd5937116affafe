use lode_oracle::error::OracleError;
use lode_oracle::state::{Committee, Oracle};
use lode_tests::oracle::*;
use lode_tests::*;
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;

const DAY: i64 = 86_400;

#[test]
fn a_founder_bonds_and_serves_a_second_later() {
    let mut world = World::new();
    let panel = Panel::founded(&mut world, 3, 3);
    let member = &panel.members[1];
    world.ok(
        panel.join(&world, member, 2 * MINIMUM_BOND),
        &[&member.owner],
    );
    let committee: Committee = world.read(&panel.committee);
    let seat = committee.seats[1];
    assert_eq!(
        (seat.owner, seat.attester),
        (member.owner.pubkey(), member.attester.pubkey())
    );
    assert_eq!((seat.active_from, seat.left_at), (START + 1, i64::MAX));
    assert_eq!(committee.eligible(START), 0);
    assert_eq!(committee.eligible(START + 1), 0b010);
    let oracle: Oracle = world.read(&panel.oracle(member));
    assert_eq!(
        (oracle.state, oracle.seat, oracle.bond, oracle.left_at),
        (1, 1, 2 * MINIMUM_BOND, i64::MAX)
    );
    assert_eq!(
        (oracle.committee, oracle.owner, oracle.payer),
        (
            panel.committee,
            member.owner.pubkey(),
            member.owner.pubkey()
        )
    );
    assert_eq!(
        world.amount(&bond_vault(&panel.oracle(member))),
        2 * MINIMUM_BOND
    );
    // once
    assert_error(
        world.send_one(panel.join(&world, member, MINIMUM_BOND), &[&member.owner]),
        OracleError::AlreadySeated,
    );
}

#[test]
fn founders_come_within_a_day_or_not_at_all() {
    let mut world = World::new();
    let panel = Panel::founded(&mut world, 3, 3);
    world.pass_seconds(DAY - 1);
    world.ok(
        panel.join(&world, &panel.members[0], MINIMUM_BOND),
        &[&panel.members[0].owner],
    );
    world.pass_seconds(1);
    let late = &panel.members[1];
    assert_error(
        world.send_one(panel.join(&world, late, MINIMUM_BOND), &[&late.owner]),
        OracleError::NotAFounder,
    );
    // his reserved seat is open for whoever is admitted
    let newcomer = Panel::wallet(&mut world, &panel.mint);
    world.ok(panel.admit(&newcomer.owner.pubkey()), &[&panel.governor]);
    world.ok(
        panel.join(&world, &newcomer, MINIMUM_BOND),
        &[&newcomer.owner],
    );
    assert_eq!(
        world.read::<Committee>(&panel.committee).seats[1].owner,
        newcomer.owner.pubkey()
    );
}

#[test]
fn a_reserved_seat_is_nobody_elses_in_the_founding_day() {
    let mut world = World::new();
    let panel = Panel::founded(&mut world, 3, 3);
    let stranger = Panel::wallet(&mut world, &panel.mint);
    assert_error(
        world.send_one(
            panel.join(&world, &stranger, MINIMUM_BOND),
            &[&stranger.owner],
        ),
        OracleError::NotAFounder,
    );
    world.ok(panel.admit(&stranger.owner.pubkey()), &[&panel.governor]);
    world.ok(
        panel.join(&world, &stranger, MINIMUM_BOND),
        &[&stranger.owner],
    );
    let committee: Committee = world.read(&panel.committee);
    assert_eq!(committee.seats[3].owner, stranger.owner.pubkey());
    // and serves 14 days later
    assert_eq!(committee.eligible(START + 14 * DAY - 1), 0);
    assert_eq!(committee.eligible(START + 14 * DAY), 0b1000);
}

#[test]
fn an_admission_lapses_after_thirty_days() {
    let mut world = World::new();
    let panel = Panel::founded(&mut world, 3, 3);
    let (in_time, too_late) = (
        Panel::wallet(&mut world, &panel.mint),
        Panel::wallet(&mut world, &panel.mint),
    );
    for member in [&in_time, &too_late] {
        world.ok(panel.admit(&member.owner.pubkey()), &[&panel.governor]);
    }
    world.pass_seconds(30 * DAY - 1);
    world.ok(
        panel.join(&world, &in_time, MINIMUM_BOND),
        &[&in_time.owner],
    );
    world.pass_seconds(1);
    assert_error(
        world.send_one(
            panel.join(&world, &too_late, MINIMUM_BOND),
            &[&too_late.owner],
        ),
        OracleError::AdmissionLapsed,
    );
}

#[test]
fn eight_may_wait_to_serve_and_no_more() {
    let mut world = World::new();
    let panel = Panel::founded(&mut world, 3, 3);
    let members: Vec<_> = (0..9)
        .map(|_| Panel::wallet(&mut world, &panel.mint))
        .collect();
    for member in &members {
        world.ok(panel.admit(&member.owner.pubkey()), &[&panel.governor]);
    }
    for member in &members[..8] {
        world.ok(panel.join(&world, member, MINIMUM_BOND), &[&member.owner]);
    }
    let ninth = panel.join(&world, &members[8], MINIMUM_BOND);
    assert_error(
        world.send_one(ninth.clone(), &[&members[8].owner]),
        OracleError::TooManyWaiting,
    );
    world.pass_seconds(14 * DAY);
    world.ok(ninth, &[&members[8].owner]);
}

#[test]
fn a_full_committee_takes_nobody() {
    let mut world = World::new();
    let panel = Panel::serving(&mut world, 3, 3);
    let mut committee: Committee = world.read(&panel.committee);
    for seat in committee.seats[3..].iter_mut() {
        seat.owner = Address::new_unique();
        seat.active_from = START;
        seat.left_at = i64::MAX;
    }
    world.write(&panel.committee, &committee);
    let member = Panel::wallet(&mut world, &panel.mint);
    world.ok(panel.admit(&member.owner.pubkey()), &[&panel.governor]);
    assert_error(
        world.send_one(panel.join(&world, &member, MINIMUM_BOND), &[&member.owner]),
        OracleError::CommitteeFull,
    );
}

#[test]
fn a_bond_below_the_minimum_and_a_bad_key_are_refused() {
    let mut world = World::new();
    let panel = Panel::founded(&mut world, 3, 3);
    let member = &panel.members[0];
    let small = panel.join(&world, member, MINIMUM_BOND - 1);
    assert_error(
        world.send_one(small, &[&member.owner]),
        OracleError::BondTooSmall,
    );
    // more than the wallet holds: the token program's own error
    let large = panel.join(&world, member, 11 * MINIMUM_BOND);
    assert_eq!(
        assert_refused(world.send_one(large, &[&member.owner])).code(),
        Some(1)
    );
    let own = Member {
        owner: member.owner.insecure_clone(),
        attester: member.owner.insecure_clone(),
    };
    assert_error(
        world.send_one(panel.join(&world, &own, MINIMUM_BOND), &[&own.owner]),
        OracleError::WrongAttester,
    );
}

#[test]
fn foreign_and_forged_accounts_are_refused() {
    let mut world = World::new();
    let panel = Panel::founded(&mut world, 3, 3);
    let other = Panel::founded(&mut world, 3, 3);
    let member = &panel.members[0];
    let join = panel.join(&world, member, MINIMUM_BOND);
    let other_mint = world.mint(&TOKEN);
    assert_error(
        world.send_one(with_account(join.clone(), 5, other_mint), &[&member.owner]),
        OracleError::WrongMint,
    );
    let tries = [
        (1, other.committee),
        (1, world.foreign_owned(&panel.committee)),
        (2, panel.oracle(&panel.members[1])),
        (3, bond_vault(&panel.oracle(&panel.members[1]))),
        (
            4,
            world.associated(&panel.members[1].owner.pubkey(), &panel.mint),
        ),
        (6, TOKEN_2022),
    ];
    for (index, account) in tries {
        assert_refused(
            world.send_one(with_account(join.clone(), index, account), &[&member.owner]),
        );
    }
    for index in [1, 2, 3, 4] {
        assert_refused(world.send_one(read_only(join.clone(), index), &[&member.owner]));
    }
    assert_refused(world.send_one(unsigned(join.clone(), 0), &[]));
    // somebody else cannot sit down for him
    let thief = Member {
        owner: panel.members[2].owner.insecure_clone(),
        attester: Keypair::new(),
    };
    let mut stolen = join;
    stolen.accounts[0].pubkey = thief.owner.pubkey();
    assert_refused(world.send_one(stolen, &[&thief.owner]));
}

#[test]
fn lamports_sent_ahead_to_an_address_keep_nobody_out() {
    let mut world = World::new();
    let mint = world.mint(&TOKEN);
    let creator = world.wallet();
    let member = Panel::wallet(&mut world, &mint);
    let (me, owner) = (creator.pubkey(), member.owner.pubkey());
    let at = committee(&me, 0);
    let oracle = oracle(&at, &owner);
    for address in [at, oracle, bond_vault(&oracle)] {
        world.fund(&address);
    }
    let create = create_committee(&me, &mint, args(&me, 3), vec![owner]);
    world.ok(create, &[&creator]);
    let panel = Panel {
        committee: at,
        governor: creator,
        mint,
        token_program: TOKEN,
        members: vec![],
    };
    world.ok(panel.join(&world, &member, MINIMUM_BOND), &[&member.owner]);
    assert_eq!(world.read::<Committee>(&at).eligible(START + 1), 1);
}

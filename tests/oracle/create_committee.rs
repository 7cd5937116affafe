use lode_oracle::error::OracleError;
use lode_oracle::state::{Committee, CommitteeArgs};
use lode_tests::oracle::*;
use lode_tests::*;
use solana_address::Address;
use solana_signer::Signer;

#[test]
fn a_committee_begins_with_its_founders_seats_reserved_and_nobody_eligible() {
    let mut world = World::new();
    let panel = Panel::founded(&mut world, 3, 5);
    let committee: Committee = world.read(&panel.committee);
    assert_eq!((committee.version, committee.k), (1, 3));
    assert_eq!(
        (committee.governor, committee.creator),
        (panel.governor.pubkey(), panel.governor.pubkey())
    );
    assert_eq!(
        (committee.bond_mint, committee.minimum_bond),
        (panel.mint, MINIMUM_BOND)
    );
    assert_eq!(committee.founding_until, START + 86_400);
    for (seat, member) in committee.seats.iter().zip(&panel.members) {
        assert!(seat.is_reserved());
        assert_eq!(seat.owner, member.owner.pubkey());
    }
    assert!(committee.seats[5..].iter().all(|seat| seat.is_free()));
    assert_eq!(committee.eligible(START), 0);
    assert_eq!(committee.eligible(i64::MAX - 1), 0);
}

#[test]
fn a_name_is_taken_once() {
    let mut world = World::new();
    let panel = Panel::founded(&mut world, 3, 3);
    let creator = panel.governor.pubkey();
    let again = create_committee(&creator, &panel.mint, args(&creator, 5), vec![creator]);
    assert_refused(world.send_one(again, &[&panel.governor]));
    assert_eq!(world.read::<Committee>(&panel.committee).k, 3);
}

#[test]
fn terms_outside_of_their_bounds_are_refused() {
    let mut world = World::new();
    let (mint, creator) = (world.mint(&TOKEN), world.wallet());
    let me = creator.pubkey();
    for k in [0, 1, 2, 4, 6, 8, 10, 11] {
        let create = create_committee(&me, &mint, args(&me, k), vec![me]);
        assert_error(world.send_one(create, &[&creator]), OracleError::PanelSize);
    }
    let changes: [fn(&mut CommitteeArgs); 7] = [
        |a| a.most_units = 0,
        |a| a.most_units = 9_000_000_001,
        |a| a.most_memory_mib = 0,
        |a| a.most_memory_mib = 4_097,
        |a| a.most_blob = 0,
        |a| a.least_base_slots = 0,
        |a| a.minimum_bond = 0,
    ];
    for change in changes {
        let mut args = args(&me, 3);
        change(&mut args);
        let create = create_committee(&me, &mint, args, vec![me]);
        assert_error(
            world.send_one(create, &[&creator]),
            OracleError::OutOfBounds,
        );
    }
}

#[test]
fn founders_are_one_to_sixteen_different_wallets() {
    let mut world = World::new();
    let (mint, creator) = (world.mint(&TOKEN), world.wallet());
    let me = creator.pubkey();
    let many = |n: u8| {
        (1..=n)
            .map(|i| Address::new_from_array([i; 32]))
            .collect::<Vec<_>>()
    };
    for founders in [vec![], many(17), vec![me, me], vec![me, Address::default()]] {
        let create = create_committee(&me, &mint, args(&me, 3), founders);
        assert_error(world.send_one(create, &[&creator]), OracleError::Founders);
    }
    world.ok(
        create_committee(&me, &mint, args(&me, 3), many(16)),
        &[&creator],
    );
}

#[test]
fn a_mint_with_extensions_is_no_bond() {
    let mut world = World::new();
    let creator = world.wallet();
    let me = creator.pubkey();
    let mint = world.mint(&TOKEN_2022);
    let mut account = world.svm.get_account(&mint).unwrap();
    account.data.resize(165, 0);
    account.data.push(1);
    // PermanentDelegate: type 12, 32 bytes
    account.data.extend([12, 0, 32, 0]);
    account.data.extend([1; 32]);
    account.lamports *= 3;
    world.svm.set_account(mint, account).unwrap();
    let create = create_committee(&me, &mint, args(&me, 3), vec![me]);
    assert_error(
        world.send_one(create, &[&creator]),
        OracleError::MintNotPlain,
    );
}

#[test]
fn the_slasher_is_the_jobs_programs_own_address() {
    let (slasher, _) = Address::find_program_address(&[b"slasher"], &lode_jobs::ID);
    assert_eq!(lode_oracle::constants::SLASHER, slasher);
}

#[test]
fn the_native_mint_is_no_bond() {
    let mut world = World::new();
    let creator = world.wallet();
    let me = creator.pubkey();
    let plain = world.mint(&TOKEN);
    for native in lode_token::NATIVE_MINTS {
        let mint = world.svm.get_account(&plain).unwrap();
        world.svm.set_account(native, mint).unwrap();
        let create = create_committee(&me, &native, args(&me, 3), vec![me]);
        assert_error(world.send_one(create, &[&creator]), OracleError::NativeMint);
    }
}

#[test]
fn a_committee_is_only_made_at_its_own_address_by_who_signs() {
    let mut world = World::new();
    let (mint, creator) = (world.mint(&TOKEN), world.wallet());
    let me = creator.pubkey();
    let create = create_committee(&me, &mint, args(&me, 3), vec![me]);
    let other = committee(&me, 1);
    let no_mint = world.foreign_owned(&mint);
    assert_refused(world.send_one(with_account(create.clone(), 1, other), &[&creator]));
    assert_refused(world.send_one(with_account(create.clone(), 2, no_mint), &[&creator]));
    for index in [0, 1] {
        assert_refused(world.send_one(read_only(create.clone(), index), &[&creator]));
    }
    assert_refused(world.send_one(unsigned(create, 0), &[]));
    assert!(!world.exists(&committee(&me, 0)));
}

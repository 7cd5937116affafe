use lode_client::events::told;
use lode_oracle::error::OracleError;
use lode_oracle::event::SeatChanged;
use lode_oracle::state::{Committee, Oracle};
use lode_tests::oracle::*;
use lode_tests::*;
use solana_address::Address;
use solana_signer::Signer;

const DAY: i64 = 86_400;

#[test]
fn the_bond_goes_home_and_the_seat_is_freed_fourteen_days_after_the_service() {
    let mut world = World::new();
    let panel = Panel::serving(&mut world, 3, 3);
    let member = &panel.members[0];
    let withdraw = panel.withdraw_bond(&world, member);
    // who has not left is held for ever
    world.pass_seconds(100 * DAY);
    assert_error(
        world.send_one(withdraw.clone(), &[&member.owner]),
        OracleError::BondStillAnswers,
    );
    world.ok(panel.leave(member), &[&member.owner]);
    world.pass_seconds(15 * DAY - 1);
    assert_error(
        world.send_one(withdraw.clone(), &[&member.owner]),
        OracleError::BondStillAnswers,
    );
    assert!(!world.read::<Committee>(&panel.committee).seats[0].is_free());
    world.pass_seconds(1);
    let meta = world.ok(withdraw.clone(), &[&member.owner]);
    // whoever follows seats is told that this one is nobody's
    let freed = told(&meta.logs)
        .iter()
        .find_map(|it| it.read::<SeatChanged>());
    let freed = freed.expect("the seat is told");
    assert_eq!(
        (freed.committee, freed.owner, freed.seat),
        (panel.committee, Address::default(), 0)
    );
    assert_eq!(
        world.amount(&world.associated(&member.owner.pubkey(), &panel.mint)),
        10 * MINIMUM_BOND
    );
    assert!(!world.exists(&bond_vault(&panel.oracle(member))));
    let committee: Committee = world.read(&panel.committee);
    assert!(committee.seats[0].is_free());
    // a freed seat is never eligible, not even for the past
    assert_eq!(committee.eligible(START + 1), 0b110);
    assert_error(
        world.send_one(withdraw, &[&member.owner]),
        OracleError::NotSeated,
    );

    // who is admitted again joins again
    world.ok(panel.admit(&member.owner.pubkey()), &[&panel.governor]);
    world.ok(panel.join(&world, member, MINIMUM_BOND), &[&member.owner]);
    assert_eq!(
        world.read::<Oracle>(&panel.oracle(member)).bond,
        MINIMUM_BOND
    );
}

#[test]
fn nobody_takes_anothers_bond() {
    let mut world = World::new();
    let panel = Panel::serving(&mut world, 3, 3);
    let other = Panel::serving(&mut world, 3, 3);
    let (member, thief) = (&panel.members[0], &panel.members[1]);
    for leaver in [member, thief] {
        world.ok(panel.leave(leaver), &[&leaver.owner]);
    }
    world.pass_seconds(15 * DAY);
    let withdraw = panel.withdraw_bond(&world, member);
    let thiefs = world.associated(&thief.owner.pubkey(), &panel.mint);
    let mut stolen = with_account(withdraw.clone(), 4, thiefs);
    assert_error(
        world.send_one(stolen.clone(), &[&member.owner]),
        OracleError::WrongDestination,
    );
    stolen.accounts[0].pubkey = thief.owner.pubkey();
    assert_error(
        world.send_one(stolen, &[&thief.owner]),
        OracleError::ForeignAccount,
    );
    assert_error(
        world.send_one(
            with_account(withdraw.clone(), 1, other.committee),
            &[&member.owner],
        ),
        OracleError::ForeignAccount,
    );
    assert_error(
        world.send_one(
            with_account(withdraw.clone(), 5, other.mint),
            &[&member.owner],
        ),
        OracleError::WrongMint,
    );
    assert_refused(world.send_one(
        with_account(withdraw.clone(), 3, bond_vault(&panel.oracle(thief))),
        &[&member.owner],
    ));
    for index in [0, 1, 2, 3, 4, 5] {
        assert_refused(world.send_one(read_only(withdraw.clone(), index), &[&member.owner]));
    }
    world.ok(withdraw, &[&member.owner]);
    assert_eq!(
        world.amount(&bond_vault(&panel.oracle(thief))),
        MINIMUM_BOND
    );
}

#[test]
fn no_lost_key_keeps_a_seat() {
    let mut world = World::new();
    let panel = Panel::serving(&mut world, 3, 3);
    let member = &panel.members[0];
    world.ok(panel.leave(member), &[&member.owner]);
    world.pass_seconds(15 * DAY);
    // Another account of the owner's takes the owner's signature; to the associated one anyone sends it home.
    let mut withdraw = panel.withdraw_bond(&world, member);
    let associated = withdraw.accounts[4].pubkey;
    let other = Address::new_unique();
    let account = world.svm.get_account(&associated).unwrap();
    world.svm.set_account(other, account).unwrap();
    withdraw.accounts[0].is_signer = false;
    assert_error(
        world.send_one(with_account(withdraw.clone(), 4, other), &[]),
        OracleError::WrongDestination,
    );
    let before = world.amount(&associated);
    world.ok(withdraw, &[]);
    assert_eq!(world.amount(&associated) - before, MINIMUM_BOND);
    assert!(world.read::<Committee>(&panel.committee).seats[0].is_free());
    assert!(!world.read::<Oracle>(&panel.oracle(member)).is_seated());
}

#[test]
fn gifts_to_a_vault_are_burned_and_its_rent_goes_home() {
    let mut world = World::new();
    let panel = Panel::serving(&mut world, 3, 3);
    let member = &panel.members[0];
    let vault = bond_vault(&panel.oracle(member));
    let mut account = world.svm.get_account(&vault).unwrap();
    account.data[64..72].copy_from_slice(&(MINIMUM_BOND + 7).to_le_bytes());
    world.svm.set_account(vault, account).unwrap();
    let supply = world.supply(&panel.mint);
    let (rent, lamports) = (
        world.lamports(&vault),
        world.lamports(&member.owner.pubkey()),
    );
    assert!(rent > 0);
    world.ok(panel.leave(member), &[&member.owner]);
    world.pass_seconds(15 * DAY);
    world.ok(panel.withdraw_bond(&world, member), &[&member.owner]);
    assert_eq!(world.supply(&panel.mint), supply - 7);
    assert_eq!(
        world.amount(&world.associated(&member.owner.pubkey(), &panel.mint)),
        10 * MINIMUM_BOND
    );
    assert_eq!(world.lamports(&member.owner.pubkey()), lamports + rent);
}

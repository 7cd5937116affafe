use lode_oracle::error::OracleError;
use lode_tests::oracle::*;
use lode_tests::*;
use solana_signer::Signer;

const DAY: i64 = 86_400;

#[test]
fn an_admission_is_closed_when_it_has_lapsed_and_its_rent_returns() {
    let mut world = World::new();
    let panel = Panel::founded(&mut world, 3, 3);
    let member = Panel::wallet(&mut world, &panel.mint);
    let governor = panel.governor.pubkey();
    world.ok(panel.admit(&member.owner.pubkey()), &[&panel.governor]);
    let at = panel.oracle(&member);
    let close = panel.close(&member.owner.pubkey(), &governor);
    world.pass_seconds(30 * DAY - 1);
    assert_error(
        world.send_one(close.clone(), &[]),
        OracleError::AdmissionRuns,
    );
    world.pass_seconds(1);
    assert_error(
        world.send_one(with_account(close.clone(), 1, member.owner.pubkey()), &[]),
        OracleError::WrongPayer,
    );
    for index in [0, 1] {
        assert_refused(world.send_one(read_only(close.clone(), index), &[]));
    }
    let forged = world.foreign_owned(&at);
    assert_refused(world.send_one(with_account(close.clone(), 0, forged), &[]));
    assert_refused(world.send_one(with_account(close.clone(), 0, panel.committee), &[]));
    let (rent, lamports) = (world.lamports(&at), world.lamports(&governor));
    world.ok(close, &[]);
    assert!(!world.exists(&at));
    assert_eq!(world.lamports(&governor), lamports + rent);
    // who was not admitted is no founder either
    assert_error(
        world.send_one(panel.join(&world, &member, MINIMUM_BOND), &[&member.owner]),
        OracleError::NotAFounder,
    );
}

#[test]
fn a_membership_is_closed_after_its_bond_went_home() {
    let mut world = World::new();
    let panel = Panel::serving(&mut world, 3, 3);
    let member = &panel.members[0];
    let owner = member.owner.pubkey();
    let close = panel.close(&owner, &owner);
    assert_error(world.send_one(close.clone(), &[]), OracleError::StillSeated);
    world.ok(panel.leave(member), &[&member.owner]);
    world.pass_seconds(15 * DAY);
    assert_error(world.send_one(close.clone(), &[]), OracleError::StillSeated);
    world.ok(panel.withdraw_bond(&world, member), &[&member.owner]);
    let (rent, lamports) = (
        world.lamports(&panel.oracle(member)),
        world.lamports(&owner),
    );
    world.ok(close, &[]);
    assert_eq!(world.lamports(&owner), lamports + rent);

    // and the wallet can be admitted anew
    world.ok(panel.admit(&owner), &[&panel.governor]);
    world.ok(panel.join(&world, member, MINIMUM_BOND), &[&member.owner]);
    assert_eq!(
        world.amount(&bond_vault(&panel.oracle(member))),
        MINIMUM_BOND
    );
}

use lode_oracle::error::OracleError;
use lode_oracle::state::{Committee, Oracle};
use lode_tests::oracle::*;
use lode_tests::*;
use solana_signer::Signer;

const DAY: i64 = 86_400;

/// A member who left, with a token account that takes no bond.
fn left(world: &mut World) -> Panel {
    let panel = Panel::serving(world, 3, 3);
    let member = &panel.members[0];
    world.ok(panel.leave(member), &[&member.owner]);
    // given away: the account at the associated address is another's
    let associated = world.associated(&member.owner.pubkey(), &panel.mint);
    let other = world.wallet().pubkey();
    world.token_account_at(associated, &panel.mint, &other, 0);
    world.pass_seconds(15 * DAY - 1);
    panel
}

#[test]
fn anyone_frees_a_seat_whose_bond_can_go_nowhere() {
    let mut world = World::new();
    let panel = left(&mut world);
    let member = &panel.members[0];
    let free = panel.free_seat(member);
    assert_error(
        world.send_one(free.clone(), &[]),
        OracleError::BondStillAnswers,
    );
    world.pass_seconds(1);
    let mut withdraw = panel.withdraw_bond(&world, member);
    withdraw.accounts[0].is_signer = false;
    assert_refused(world.send_one(withdraw.clone(), &[]));
    world.ok(free.clone(), &[]);
    assert!(world.read::<Committee>(&panel.committee).seats[0].is_free());
    let oracle: Oracle = world.read(&panel.oracle(member));
    assert!(!oracle.is_seated() && oracle.has_bond());
    assert_eq!(oracle.bond, MINIMUM_BOND);
    assert_eq!(
        world.amount(&bond_vault(&panel.oracle(member))),
        MINIMUM_BOND
    );
    assert_error(world.send_one(free, &[]), OracleError::NotSeated);
}

#[test]
fn whose_seat_was_freed_has_his_bond_when_he_can_take_it_and_nothing_else() {
    let mut world = World::new();
    let panel = left(&mut world);
    let member = &panel.members[0];
    let owner = member.owner.pubkey();
    world.pass_seconds(1);
    world.ok(panel.free_seat(member), &[]);
    // a bond that waits keeps him out, and its account open
    for refused in [
        world.send_one(panel.admit(&owner), &[&panel.governor]),
        world.send_one(panel.join(&world, member, MINIMUM_BOND), &[&member.owner]),
    ] {
        assert_error(refused, OracleError::AlreadySeated);
    }
    assert_error(
        world.send_one(panel.close(&owner, &owner), &[]),
        OracleError::StillSeated,
    );
    for (refused, error) in [
        (panel.leave(member), OracleError::NotSeated),
        (panel.add_bond(&world, member, 1), OracleError::NotSeated),
    ] {
        assert_error(world.send_one(refused, &[&member.owner]), error);
    }

    // Another sits there by the time that he takes it home: that one's seat stays.
    let next = Panel::wallet(&mut world, &panel.mint);
    world.ok(panel.admit(&next.owner.pubkey()), &[&panel.governor]);
    world.ok(panel.join(&world, &next, MINIMUM_BOND), &[&next.owner]);
    let seats = world.read::<Committee>(&panel.committee).seats;
    assert_eq!(seats[0].owner, next.owner.pubkey());
    let to = world.token_account(&panel.mint, &owner, 0);
    let withdraw = with_account(panel.withdraw_bond(&world, member), 4, to);
    world.ok(withdraw, &[&member.owner]);
    assert_eq!(world.amount(&to), MINIMUM_BOND);
    let after = world.read::<Committee>(&panel.committee).seats;
    assert_eq!(bytemuck::bytes_of(&after[0]), bytemuck::bytes_of(&seats[0]));
    let payer = world.read::<Oracle>(&panel.oracle(member)).payer;
    world.ok(panel.close(&owner, &payer), &[]);
}

#[test]
fn nobody_frees_a_seat_that_is_served_or_of_another_committee() {
    let mut world = World::new();
    let panel = left(&mut world);
    let other = Panel::serving(&mut world, 3, 3);
    world.pass_seconds(1);
    assert_error(
        world.send_one(panel.free_seat(&panel.members[1]), &[]),
        OracleError::BondStillAnswers,
    );
    let free = panel.free_seat(&panel.members[0]);
    assert_error(
        world.send_one(with_account(free.clone(), 0, other.committee), &[]),
        OracleError::ForeignAccount,
    );
    for index in [0, 1] {
        let account = free.accounts[index].pubkey;
        let forged = world.foreign_owned(&account);
        assert_refused(world.send_one(with_account(free.clone(), index, forged), &[]));
        assert_refused(world.send_one(read_only(free.clone(), index), &[]));
    }
    world.ok(free, &[]);
}
